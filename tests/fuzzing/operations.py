"""Random operations on the state of a run, from which random programs are made.

A state has floats ``x`` (n,), a matrix ``m`` (3, 3), integers ``i`` (4,), a random key ``k`` and an
array without numbers ``e`` (0, 2). An operation is drawn once (``make(rng)``) and then is a
function of the state alone.

Floats stay small and smooth functions of floats: each new value is ``blend``ed, so that no
operation magnifies a rounding error much, and nothing discontinuous is ever asked of a float that
is not a whole number. Integers, booleans and keys come only from each other, so they are compared
exactly.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

State = dict[str, jax.Array]
Operation = Callable[[State], State]
Make = Callable[[np.random.Generator], Operation]

OPERATIONS: dict[str, Make] = {}
HALF_PRECISION = {"half precision", "a dot in half precision", "attention in half precision"}


def operation(make: Make) -> Make:
    OPERATIONS[make.__name__.replace("_", " ")] = make
    return make


def blend(old: jax.Array, new: jax.Array) -> jax.Array:
    """Bounded by 1, with a derivative below 1 by the old, and below ½ by the new value."""
    return jnp.tanh(old * jnp.asarray(0.5, old.dtype) + new.astype(old.dtype) * 0.5)


def on_x(function: Callable[[jax.Array], jax.Array]) -> Operation:
    return lambda s: s | {"x": blend(s["x"], function(s["x"]))}


def on_m(function: Callable[[jax.Array], jax.Array]) -> Operation:
    return lambda s: s | {"m": blend(s["m"], function(s["m"]))}


def on_i(function: Callable[[jax.Array], jax.Array]) -> Operation:
    return lambda s: s | {"i": function(s["i"]).astype(s["i"].dtype)}


def one_of(rng: np.random.Generator, choices):
    return choices[rng.integers(len(choices))]


def numbers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.uniform(-1, 1, shape).astype(np.float32)


# -- floats, one by one --------------------------------------------------------------------------

SMOOTH = {
    "sin": jnp.sin, "cos": jnp.cos, "tanh": jnp.tanh, "exp": jnp.exp, "expm1": jnp.expm1,
    "log1p": lambda x: jnp.log1p(jnp.square(x)), "sqrt": lambda x: jnp.sqrt(1 + x * x),
    "rsqrt": lambda x: lax.rsqrt(1 + x * x), "cbrt": lambda x: jnp.cbrt(2 + x),
    "erf": lax.erf, "erfc": lax.erfc, "erf_inv": lambda x: lax.erf_inv(x / 2),
    "lgamma": lambda x: lax.lgamma(x + 3), "digamma": lambda x: lax.digamma(x + 3),
    "logistic": jax.nn.sigmoid, "softplus": jax.nn.softplus, "gelu": jax.nn.gelu,
    "atan": jnp.arctan, "asinh": jnp.arcsinh, "atanh": lambda x: jnp.arctanh(x / 2),
    "asin": lambda x: jnp.arcsin(x / 2), "acosh": lambda x: jnp.arccosh(2 + x),
    "abs": jnp.abs, "relu": jax.nn.relu, "clip": lambda x: jnp.clip(x, -0.5, 0.25),
    "cube": lambda x: x**3, "inverse": lambda x: 1 / (2 + x), "power": lambda x: (2 + x) ** 0.7,
    "to_a_power": lambda x: (2 + x) ** x, "exp2": jnp.exp2, "square": jnp.square,
    "sinc": jnp.sinc, "logsumexp": jax.nn.logsumexp, "softmax": jax.nn.softmax,
    "normalized": lambda x: x / (1 + jnp.linalg.norm(x)), "tan": lambda x: jnp.tan(x / 2),
    "bessel": lambda x: lax.bessel_i0e(x), "gammainc": lambda x: lax.igamma(x + 2, x + 3),
    "zeta": lambda x: lax.zeta(*lax.stop_gradient((x + 4, x + 3))),
    "logaddexp": lambda x: jnp.logaddexp(x, -x),
    "nan_to_num": jnp.nan_to_num, "hypot": lambda x: jnp.hypot(x, 1 - x),
    "atan2": lambda x: jnp.arctan2(x, 2 + x * x), "rounded": lambda x: lax.reduce_precision(x, 11, 30),  # noqa: E501
    "sinh": jnp.sinh, "cosh": jnp.cosh, "sign": lambda x: jnp.sign(2 + x),
}  # fmt: skip


@operation
def smooth(rng):
    function, other = one_of(rng, list(SMOOTH.values())), one_of(rng, list(SMOOTH.values()))
    return on_x(lambda x: function(x) * jnp.asarray(0.5, x.dtype) + other(x) * 0.25)


@operation
def arithmetic(rng):
    a, b, c = map(float, numbers(rng, 3))
    return on_x(lambda x: a * x - b * x[::-1] + c / (2 + x * x) - (x - c) * (x + b))


@operation
def reductions(rng):
    reduce = one_of(
        rng, [jnp.sum, jnp.mean, jnp.max, jnp.min, jnp.prod, jnp.var, lambda x: jnp.median(x)]
    )
    axis = one_of(rng, [0, 1, None])
    return lambda s: s | {
        "x": blend(s["x"], reduce(s["x"])[None].repeat(s["x"].size)),
        "m": blend(s["m"], jnp.broadcast_to(reduce(s["m"], axis) if reduce in (
            jnp.sum, jnp.mean, jnp.max, jnp.min, jnp.prod, jnp.var) else s["m"], (3, 3))),
    }  # fmt: skip


@operation
def continuous_choices(rng):
    slope = float(rng.uniform(0.1, 1))
    return on_x(lambda x: jnp.where(x > 0, x, slope * x) + jnp.maximum(x, -x) * jnp.minimum(x, 0.3))


@operation
def choices_by_integers(rng):
    at = int(rng.integers(-3, 4))
    return lambda s: (
        s
        | {
            "x": jnp.where(s["i"][0] > at, s["x"], -0.5 * s["x"]),
            "m": lax.select(
                s["i"][:3, None] * jnp.ones((1, 3), s["i"].dtype) >= at, s["m"], s["m"].T
            ),
        }
    )


@operation
def constants_with_the_run(rng):
    data = numbers(rng, int(rng.integers(1, 6)))
    return on_x(lambda x: jnp.mean(jnp.sin(x[:, None] + data[None, :]), 1))


@operation
def stacked_and_cut(rng):
    shift, stride = int(rng.integers(3)), int(rng.integers(1, 3))

    def function(x):
        y = jnp.concatenate([x[shift:], x[:shift]])
        z = jnp.pad(y[::stride], (1, 2), constant_values=0.5)
        return y + lax.pad(z, jnp.asarray(0.25, x.dtype), [(-1, 1, 1)]).sum() / 4

    return on_x(function)


@operation
def reshaped(rng):
    order = tuple(map(int, rng.permutation(3)))
    return on_m(lambda m: (m[None] * m[:, None]).transpose(order).reshape(9, 3)[::2][:3] - m.T)


@operation
def indexed(rng):
    places, value = rng.integers(-3, 3, 2), float(rng.uniform())
    way = one_of(rng, ["add", "set", "mul", "min", "max", "gather", "take", "clip"])

    def function(s):
        x, index = s["x"], jnp.abs(s["i"][0]) % s["x"].size
        if way == "gather":
            new = x[jnp.stack([index, *([index * 0] * (x.size - 1))])]
        elif way == "take":
            new = jnp.take(x, jnp.full(x.shape, s["i"][1]), mode="wrap")
        elif way == "clip":
            new = x.at[s["i"][1]].get(mode="fill", fill_value=0.5)[None].repeat(x.size)
        else:
            new = getattr(x.at[index], way)(value)
            new = getattr(new.at[int(places[0]) % x.size], way)(x[0] / 2)
        return s | {"x": blend(x, new)}

    return function


@operation
def dynamic_slices(rng):
    def function(s):
        start = s["i"][0]
        rows = lax.dynamic_slice(s["m"], (start, start * 0), (2, 3))
        m = lax.dynamic_update_slice(s["m"], rows * 0.5, (start * 0, start))
        return s | {"m": blend(s["m"], m)}

    return function


@operation
def sorted_values(rng):
    way = one_of(rng, [jnp.sort, lambda x: lax.top_k(x, x.size)[0], lambda x: -jnp.sort(-x)])
    return on_x(way)


@operation
def cumulated(rng):
    way = one_of(
        rng, [jnp.cumsum, lambda x: jnp.cumprod(x), lax.cummax, lax.cummin, lax.cumlogsumexp]
    )
    reverse = bool(rng.integers(2))
    return on_x(lambda x: way(x[::-1] if reverse else x) / x.size)


# -- products ------------------------------------------------------------------------------------

WAYS = ["m @ m", "m @ c", "einsum", "outer", "batched", "transposed", "tensordot", "vdot"]


@operation
def dots(rng):
    c, way = numbers(rng, 3, 3), one_of(rng, WAYS)
    precision = one_of(rng, [None, "highest", lax.Precision.HIGH])

    def function(m):
        d = jnp.asarray(c, m.dtype)
        with jax.default_matmul_precision("float32"):
            return {
                "m @ m": lambda: m @ m,
                "m @ c": lambda: jnp.dot(m, d, precision=precision),
                "einsum": lambda: jnp.einsum("ij,kj,l->il", m, d, m[0]),
                "outer": lambda: jnp.outer(m[0], d[1]) + jnp.kron(m[:1], m[:1].T)[:3, :3],
                "batched": lambda: jnp.einsum("bi,bij->bj", m, m[:, :, None] * d[None]),
                "transposed": lambda: lax.dot_general(m, d, (((0,), (1,)), ((), ()))),
                "tensordot": lambda: jnp.tensordot(m, d, 1),
                "vdot": lambda: jnp.vdot(m, d) * d / 3,
            }[way]() / 3

    return on_m(function)


DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32"]


@operation
def integer_dots(rng):
    dtype, wider = one_of(rng, DTYPES), one_of(rng, ["int32", "float32", None])
    other = rng.integers(-100, 100, 4)

    def function(s):
        a, b = s["i"].astype(dtype), jnp.asarray(other).astype(dtype)
        dot = lax.dot(a, b, preferred_element_type=wider)
        square = jnp.outer(a, b) @ jnp.stack([b, a], 1)
        x = s["x"] if wider != "float32" else blend(s["x"], jnp.sin(dot.astype("int32")))
        return s | {"i": s["i"] + dot.astype("int32").astype(s["i"].dtype) + square[:, 0].astype(s["i"].dtype), "x": x}  # fmt: skip  # noqa: E501

    return function


@operation
def mixed_dots(rng):
    kind = one_of(rng, ["bool", "int32", "complex64", "uint8"])

    def function(s):
        m = s["m"]
        left = {"bool": s["i"][:3] > 0, "int32": s["i"][:3] % 3, "uint8": s["i"][:3] % 5}.get(kind)
        if kind == "complex64":
            product = (m[:, 0] @ (m * (0.5 + 0.25j)).astype("complex64")).real
        else:
            product = left.astype(kind) @ m
        return s | {"m": blend(m, product[None, :].repeat(3, 0).astype(m.dtype) / 3)}

    return function


@operation
def a_dot_in_half_precision(rng):
    dtype = one_of(rng, ["float16", "bfloat16"])
    wide = one_of(rng, [None, "float32"])
    mixed = bool(rng.integers(2))

    def function(m):
        a = m.astype(dtype)
        b = m.astype("float32") if mixed else a
        return jnp.dot(a, b, preferred_element_type=wide).astype(m.dtype) / 16

    return on_m(function)


@operation
def half_precision(rng):
    dtype = one_of(rng, ["float16", "bfloat16"])
    reduce = one_of(rng, [jnp.sum, jnp.mean, jnp.cumsum, jnp.max])
    direct = bool(rng.integers(2))

    def function(x):
        y = jnp.sin(x.astype(dtype)) * jnp.asarray(0.5, dtype)
        total = lax.reduce(y, jnp.asarray(0, dtype), lax.add, (0,)) if direct else reduce(y)
        return jnp.broadcast_to(total, x.shape).astype(x.dtype) / 16

    return on_x(function)


@operation
def attention_in_half_precision(rng):
    del rng

    def function(m):
        q = m.reshape(1, 3, 1, 3).astype(jnp.bfloat16)
        return jax.nn.dot_product_attention(q, q, q).reshape(3, 3).astype(m.dtype) / 16

    return on_m(function)


# -- integers, booleans, complex numbers ---------------------------------------------------------

INTEGER = {
    "overflow": lambda i: i * i + jnp.asarray(77, i.dtype), "and": lambda i: i & (i >> 1),
    "or": lambda i: i | (i << 2), "xor": lambda i: i ^ i[::-1], "not": lambda i: ~i,
    "clz": lax.clz, "popcount": lax.population_count, "rem": lambda i: lax.rem(i, i[::-1] | 1),
    "div": lambda i: lax.div(i, i[::-1] | 1), "mod": lambda i: i % 7, "floordiv": lambda i: i // 3,
    "max": lambda i: jnp.maximum(i, i[::-1]), "sum": lambda i: jnp.cumsum(i, dtype=i.dtype),
    "power": lambda i: lax.integer_pow(i, 3), "shift": lambda i: lax.shift_right_logical(i, (i & 3)),  # noqa: E501
    "arithmetic shift": lambda i: lax.shift_right_arithmetic(i, (i & 3)), "sort": jnp.sort,
    "argsort": lambda i: jnp.argsort(i).astype(i.dtype), "reduce": lambda i: i + lax.reduce(i, jnp.asarray(0, i.dtype), lax.add, (0,)),  # noqa: E501
    "prod": lambda i: i + jnp.prod(i, dtype=i.dtype), "clip": lambda i: jnp.clip(i, 1, 9),
    "argmax": lambda i: i + jnp.argmax(i).astype(i.dtype), "roll": lambda i: jnp.roll(i, 1),
    "xors": lambda i: i + lax.reduce_xor(i, (0,)), "ors": lambda i: i + lax.reduce_or(i, (0,)),
    "unique": lambda i: jnp.unique(i, size=4, fill_value=3), "sign": jnp.sign,
    "search": lambda i: jnp.searchsorted(jnp.sort(i), i).astype(i.dtype),
    "bincount": lambda i: jnp.bincount((i % 4).astype("int32"), length=4).astype(i.dtype),
    "double cast": lambda i: i.astype("int8").astype(i.dtype) + i.astype("uint16").astype(i.dtype),
    "bitcast": lambda i: lax.bitcast_convert_type(i, i.dtype), "nonzero": lambda i: jnp.nonzero(i, size=4)[0].astype(i.dtype),  # noqa: E501
}  # fmt: skip


@operation
def integers(rng):
    names = [one_of(rng, list(INTEGER)) for _ in range(2)]
    dtype = one_of(rng, [*DTYPES, "int32", "int32"])

    def function(i):
        narrow = i.astype(dtype)
        for name in names:
            narrow = INTEGER[name](narrow)
        return narrow

    return on_i(function)


@operation
def truths(rng):
    a, b = rng.integers(-2, 3, 2)
    way = one_of(rng, [jnp.any, jnp.all, lambda t: t[0] ^ t[1], lambda t: jnp.sum(t) > 1])

    def function(s):
        i = s["i"]
        t = way((i > a) & ~(i == b) | (i != i[::-1]) & (i <= 3))
        return s | {"i": jnp.where(t, i, i + 1), "x": jnp.where(t, s["x"], s["x"] / 2)}

    return function


@operation
def whole_floats(rng):
    way = one_of(rng, [jnp.floor, jnp.ceil, jnp.round, jnp.trunc, lambda f: jnp.abs(f)])

    def function(s):
        f = (s["i"] % 11).astype(s["x"].dtype) * 0.25
        order = jnp.argmax(f) + jnp.argmin(-f)
        return s | {"i": s["i"] + way(f).astype(s["i"].dtype) + order.astype(s["i"].dtype)}

    return function


@operation
def complex_numbers(rng):
    angle = float(rng.uniform(0, 3))
    way = one_of(
        rng, [jnp.exp, jnp.sin, jnp.sqrt, lambda z: z * z, lambda z: 1 / (2 + z), jnp.conj]
    )

    def function(x):
        z = way(lax.complex(x, 0.5 * x + 1) * jnp.exp(1j * angle).astype(lax.complex(x, x).dtype))
        total = jnp.sum(z) + jnp.vdot(z, z)
        return z.real + z.imag / 2 + jnp.abs(z + 3) / 4 + jnp.angle(z + 9) + total.real / x.size / 8

    return on_x(function)


@operation
def transforms_of_fourier(rng):
    way = one_of(rng, [lambda x: jnp.fft.fft(x).real, lambda x: jnp.fft.irfft(jnp.fft.rfft(x) * 0.5, x.size), lambda x: jnp.abs(jnp.fft.fft(x) + 5)])  # fmt: skip  # noqa: E501
    return on_x(lambda x: way(x) / x.size)


# -- linear algebra ------------------------------------------------------------------------------


@operation
def linear_algebra(rng):
    b = numbers(rng, 3)

    def positive(m):
        return m @ m.T * 0.25 + jnp.eye(3, dtype=m.dtype)

    def of_eigenvalues(m):
        values, vectors = jnp.linalg.eigh(positive(m))
        return (vectors * jnp.log(values)) @ vectors.T

    ways = {
        "cholesky": lambda m: jnp.linalg.cholesky(positive(m)),
        "solve": lambda m: jnp.linalg.solve(positive(m), jnp.asarray(b, m.dtype))[None].repeat(3, 0),  # noqa: E501
        "inv": lambda m: jnp.linalg.inv(positive(m)), "det": lambda m: m * jnp.linalg.det(positive(m)),  # noqa: E501
        "eigh": of_eigenvalues, "eigvalsh": lambda m: jnp.diag(jnp.linalg.eigvalsh(positive(m))),
        "qr": lambda m: jnp.abs(jnp.linalg.qr(positive(m))[1]),
        "svd": lambda m: jnp.diag(jnp.linalg.svd(positive(m), compute_uv=False)),
        "slogdet": lambda m: m * jnp.linalg.slogdet(positive(m))[1],
        "triangular": lambda m: jax.scipy.linalg.solve_triangular(jnp.tril(positive(m)), m, lower=True),  # noqa: E501
        "expm": lambda m: jax.scipy.linalg.expm(m / 4), "norm": lambda m: m / (1 + jnp.linalg.norm(m)),  # noqa: E501
        "trace": lambda m: m * jnp.trace(m), "cg": lambda m: jax.scipy.sparse.linalg.cg(positive(m), m[0], maxiter=3)[0][None].repeat(3, 0),  # noqa: E501
    }  # fmt: skip
    way = ways[one_of(rng, list(ways))]
    return on_m(lambda m: way(m) / 3)


# -- randomness ----------------------------------------------------------------------------------


@operation
def random_numbers(rng):
    way = one_of(rng, ["normal", "uniform", "bits", "randint", "choice", "permutation", "bernoulli",
                       "fold_in", "categorical", "gamma", "truncated", "exponential"])  # fmt: skip

    def function(s):
        key, here = jax.random.split(s["k"])
        x, i, n = s["x"], s["i"], s["x"].size
        match way:
            case "normal":
                x = blend(x, jax.random.normal(here, (n,), x.dtype) / 2)
            case "uniform":
                x = blend(x, jax.random.uniform(here, (n,), x.dtype))
            case "truncated":
                x = blend(x, jax.random.truncated_normal(here, -1, 1, (n,), x.dtype))
            case "exponential":
                x = blend(x, jax.random.exponential(here, (n,), x.dtype) / 4)
            case "gamma":  # exact for whole numbers of tries only: it rejects by comparing floats
                x = blend(x, jax.random.laplace(here, (n,), x.dtype) / 4)
            case "bits":
                i = i ^ jax.random.bits(here, (4,), "uint32").astype(i.dtype)
            case "randint":
                i = i + jax.random.randint(here, (4,), 0, 5, i.dtype)
            case "choice":
                i = jax.random.choice(here, i, (4,))
            case "permutation":
                i = jax.random.permutation(here, i)
            case "bernoulli":
                i = i + jax.random.bernoulli(here, 0.5, (4,))
            case "categorical":
                i = i + jax.random.randint(jax.random.split(here, 3)[1], (), 0, 9).astype(i.dtype)
            case "fold_in":
                key = jax.random.fold_in(key, i[0] & 7)
        return s | {"k": key, "x": x, "i": i}

    return function


@operation
def keys_in_a_row(rng):
    at = int(rng.integers(3))

    def function(s):
        keys = jax.random.split(s["k"], 3)
        draws = jax.vmap(lambda key: jax.random.randint(key, (), 0, 50))(keys)
        return s | {"k": keys[at], "i": s["i"].at[:3].add(draws.astype(s["i"].dtype))}

    return function


@operation
def raw_keys(rng):
    del rng

    def function(s):
        data = jax.random.key_data(s["k"])
        return s | {"i": s["i"] + data.sum().astype(s["i"].dtype)}

    return function


# -- arrays without numbers ----------------------------------------------------------------------


@operation
def empty_arrays(rng):
    way = one_of(rng, ["sum", "concatenate", "max", "dot", "scale", "prod", "any"])

    def function(s):
        e, x = s["e"], s["x"]
        match way:
            case "sum":
                x = x + jnp.sum(e)
            case "prod":
                x = x * jnp.prod(e)
            case "max":
                x = jnp.maximum(x, jnp.max(e, initial=-9.0))
            case "concatenate":
                x = jnp.concatenate([x, (e * x[0]).reshape(-1)])
            case "dot":
                x = x + (e.T @ e)[0, 0] + (x[:0] @ e)[0]
            case "any":
                x = jnp.where(jnp.any(e > x[0]), -x, x)
        return s | {"e": e * 0.5 + x[0], "x": x}

    return function
