"""A family of programs: one number, hidden in every place, under every wrapper.

Run as a script, it prints the identity of each, as JSON, for another process to compare.
"""

import functools
import itertools
import json
import types

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec

from jdescent.core.identity import identify

NUMBERS = (3, 5)


# -- places: a function of x that depends on a number hidden there -------------------------------


def in_a_constant(number):
    constant = jnp.array([number, 2.0])
    return lambda x: x * jnp.sum(constant)


def in_a_numpy_array(number):
    constant = np.array([number, 2.0], np.float32)
    return lambda x: x * jnp.sum(constant)


def in_a_large_constant(number):
    constant = np.zeros(10_000, np.float32)
    constant[7_777] = number
    return lambda x: x + jnp.sum(jnp.asarray(constant))


def in_a_key(number):
    key = jax.random.key(number)
    return lambda x: x + jax.random.normal(key)


def in_a_raw_key(number):
    key = jax.random.PRNGKey(number)
    return lambda x: x + jax.random.uniform(key)


def in_the_implementation_of_a_key(number):
    implementation = {3: "rbg", 5: "threefry2x32"}[number]
    return lambda x: x + jax.random.uniform(jax.random.key(1, impl=implementation))


def in_a_literal(number):
    return lambda x: x * float(number)


def in_a_dtype(number):
    dtype = {3: jnp.float16, 5: jnp.bfloat16}[number]
    return lambda x: (x * 1.01).astype(dtype).astype(x.dtype)


def in_a_shape(number):
    return lambda x: x + jnp.sum(jnp.ones(number))


def in_a_static_argument(number):
    power = jax.jit(lambda x, n: x**n, static_argnums=1)
    return lambda x: power(x, number)


def in_a_default(number):
    def scaled(x, factor=float(number)):
        return factor * x

    return scaled


def in_a_cell(number):
    cell = {"factor": float(number)}
    return lambda x: cell["factor"] * x


def in_a_partial(number):
    return functools.partial(lambda factor, x: factor * x, np.float32(number))


def in_an_attribute(number):
    class Model:
        def __init__(self):
            self.factor = jnp.float32(number)

        def __call__(self, x):
            return self.factor * x

    return Model().__call__


def in_a_global(number):
    module = types.ModuleType("of_a_number")
    exec("def scaled(x):\n    return FACTOR * x", vars(module))
    module.FACTOR = float(number)
    return module.scaled


def in_the_order_of_operands(number):
    return (lambda x: x - 2.0) if number == 3 else (lambda x: 2.0 - x)


def in_an_index(number):
    return lambda x: x * jnp.arange(8.0)[number]


def in_a_precision(number):
    precision = {3: "default", 5: "highest"}[number]
    matrix = jnp.ones((2, 2))
    return lambda x: jnp.sum(jnp.matmul(x * matrix, matrix, precision=precision))


PLACES = {name: it for name, it in globals().items() if name.startswith("in_")}


# -- wrappers: what may stand around it ----------------------------------------------------------


def plain(f):
    return f


def jitted(f):
    return jax.jit(f)


def twice_jitted(f):
    return jax.jit(lambda x: jax.jit(f)(x) + 1.0)


def mapped(f):
    return lambda x: jnp.sum(jax.jit(jax.vmap(f))(jnp.stack([x, 2 * x])))


def differentiated(f):
    return jax.grad(jax.jit(lambda x: jnp.sin(f(x))))


def scanned(f):
    return lambda x: lax.scan(lambda x, _: (jax.jit(f)(x) / 9, None), x, length=3)[0]


def looped(f):
    def turn(carry):
        return carry[0] + 1, f(carry[1]) / 9

    return lambda x: lax.while_loop(lambda carry: carry[0] < 3, turn, (0, x))[1]


def branched(f):
    return lambda x: lax.cond(x > 0, f, lambda x: -x, x)


def switched(f):
    return lambda x: lax.switch(jnp.int32(x), [lambda x: -x, jax.jit(f), lambda x: x], x)


def checkpointed(f):
    return jax.checkpoint(f)


def with_its_jvp(f):
    @jax.custom_jvp
    def g(x):
        return f(x)

    g.defjvp(lambda x, t: (g(*x), t[0]))
    return g


def by_its_jvp(f):
    """The number is in the rule alone."""

    @jax.custom_jvp
    def g(x):
        return x

    g.defjvp(lambda x, t: (x[0], f(t[0])))
    return lambda x: jax.jvp(g, (x,), (x,))[1]


def with_its_vjp(f):
    @jax.custom_vjp
    def g(x):
        return f(x)

    g.defvjp(lambda x: (g(x), None), lambda _, g: (g,))
    return jax.jit(g)


def by_its_vjp(f):
    @jax.custom_vjp
    def g(x):
        return x

    g.defvjp(lambda x: (x, x), lambda x, g: (f(x) * g,))
    return jax.grad(g)


def sharded(f):
    mesh = jax.make_mesh((1,), ("one",), devices=jax.devices()[:1])
    return jax.shard_map(
        f, mesh=mesh, in_specs=PartitionSpec(), out_specs=PartitionSpec(), check_vma=False
    )


def with_a_flax_network(f):
    from flax import linen

    class Network(linen.Module):
        @linen.compact
        def __call__(self, x):
            return jnp.sum(linen.Dense(2)(f(x)[None]))

    network = Network()
    return lambda x: jax.jit(network.apply)(network.init(jax.random.key(0), jnp.float32(0.0)), x)


def with_its_batching_rule(f):
    @jax.custom_batching.custom_vmap
    def g(x):
        return f(x)

    g.def_vmap(lambda size, batched, x: (jax.vmap(f)(x), True))
    return g


def by_its_batching_rule(f):
    """The number is in the rule alone."""

    @jax.custom_batching.custom_vmap
    def g(x):
        return x

    g.def_vmap(lambda size, batched, x: (jax.vmap(f)(x), True))
    return g


def called_back(f):
    return lambda x: jax.pure_callback(
        lambda x: np.float32(f(np.float32(x))), jax.ShapeDtypeStruct((), np.float32), x,
        vmap_method="sequential",
    )  # fmt: skip


def called_back_in_order(f):
    from jax.experimental import io_callback

    return lambda x: io_callback(
        lambda x: np.float32(f(np.float32(x))), jax.ShapeDtypeStruct((), np.float32), x
    )


WRAPPERS = [
    plain, jitted, twice_jitted, mapped, differentiated, scanned, looped, branched, switched,
    checkpointed, with_its_jvp, by_its_jvp, with_its_vjp, by_its_vjp, sharded, with_a_flax_network,
]  # fmt: skip
OPAQUE = [with_its_batching_rule, by_its_batching_rule, called_back, called_back_in_order]

X = jnp.float32(1.25)


def program(place, wrapper, number):
    return jax.make_jaxpr(wrapper(PLACES[place](number)))(X)


def identities():
    """Of every place and of every wrapper: by place, wrapper and number."""
    pairs = [(place, jitted) for place in PLACES]
    pairs += [("in_a_numpy_array", wrapper) for wrapper in WRAPPERS]
    found = {}
    for (place, wrapper), number in itertools.product(pairs, NUMBERS):
        identity = identify(program(place, wrapper, number))
        found[f"{place} {wrapper.__name__} {number}"] = [identity.text, identity.constants]
    return found


if __name__ == "__main__":
    print(json.dumps(identities()))
