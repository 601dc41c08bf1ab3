"""What scalarizing cannot do exactly as the function does it is left to vmap, or run by run."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from test_lanes import assert_same, both_ways, columns, in_a_loop

import jdescent as jd
from jdescent.sweeps import chunks
from jdescent.sweeps.lanes import costs, entries, map_lanes


@pytest.fixture(autouse=True, scope="module")
def whatever_it_costs():
    usual, costs.SLOWER_AT_MOST = costs.SLOWER_AT_MOST, np.inf
    yield
    costs.SLOWER_AT_MOST = usual


def kept_by_a_loop(function, *arguments):
    """What the function gives in a scan that carries its arguments, with lanes last."""
    return both_ways(
        lambda *a: lax.scan(lambda c, _: (c, function(*c)), a, length=2)[1], *arguments
    )


# -- sums that are wider than what they sum ------------------------------------------------------


@pytest.mark.parametrize("narrow", ["int8", "uint8", "int16"])
def test_a_dot_of_narrow_integers_keeps_a_wide_sum(narrow):
    def square(a):
        v = jnp.full(4, 100, narrow) + a.astype(narrow)
        return lax.dot(v, v, preferred_element_type=jnp.int32)

    got, _ = kept_by_a_loop(square, jnp.arange(3))
    assert got[0].dtype == jnp.int32
    np.testing.assert_array_equal(got[0], [[4 * (100 + a) ** 2 for a in range(3)]] * 2)


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_sums_in_half_precision_are_not_rounded_as_they_go(half):
    """One after another, large + 1 + 1 + … stays large: 1 is below its rounding."""
    large = {"float16": 2048.0, "bfloat16": 256.0}[half]
    terms = jnp.array([large, 1.0, 1.0, 1.0, 1.0], half)

    def sums(a):
        v = terms * a.astype(half)
        dot = lax.dot(v, jnp.ones_like(v), preferred_element_type=jnp.float32)
        return dot, lax.reduce(v, jnp.zeros((), half), lax.add, (0,))

    got, expected = kept_by_a_loop(sums, jnp.ones(2))
    np.testing.assert_array_equal(got[0], np.full((2, 2), large + 4))
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


MIXED = {
    "bool @ float": lambda x: (jnp.arange(4) > 1) @ x,
    "int @ float": lambda x: jnp.array([[1, 2, 3, 4]]) @ x,
    "bfloat16 @ float": lambda x: x.astype(jnp.bfloat16) @ (x * jnp.float32(0.5)),
    "real @ complex": lambda x: x @ (x * (1 + 2j)),
    "bool @ bool": lambda x: (x > 0) @ (x < 1),
}


@pytest.mark.parametrize("name", MIXED)
def test_dots_of_two_dtypes(name):
    with jax.numpy_dtype_promotion("standard"):
        got, expected = kept_by_a_loop(MIXED[name], columns(4))
    assert got[0].dtype == expected[0].dtype
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-6)


def test_least_squares_with_whole_numbers_as_features():
    """One step of size r from 0 along −∇ = (2/3) Xᵀy = (2/3) (10, 17)."""
    features, y = jnp.array([[1, 2], [3, 4], [0, 1]]), jnp.array([1.0, 2.0, 3.0])
    with jax.numpy_dtype_promotion("standard"):
        result = jd.sweep(
            lambda rate: (
                jd.descend(
                    lambda w: jnp.mean((features @ w - y) ** 2), jnp.zeros(2), jd.sgd(rate), 1
                ).params
            ),
            rate=[0.03, 0.3],
        ).result
    np.testing.assert_allclose(result, np.outer([0.03, 0.3], [14 / 3, 26 / 3]), rtol=1e-5)


def test_attention_in_half_precision():
    def step(x):
        q = x.reshape(1, 2, 1, 2).astype(jnp.bfloat16)
        return jax.nn.dot_product_attention(q, q, q).astype(x.dtype).reshape(4)

    with jax.numpy_dtype_promotion("standard"):
        assert_same(in_a_loop(step), columns(4), rtol=0, atol=2**-6)


# -- arrays without numbers ----------------------------------------------------------------------


def test_reductions_of_nothing_are_what_they_are_in_mathematics():
    def run(x):
        def turn(c, _):
            x, nothing = c
            nothing = nothing * x + jnp.sum(nothing)
            empty = jnp.sum(nothing), jnp.prod(nothing), jnp.max(nothing, initial=-7.0)
            truths = jnp.any(nothing > x), jnp.all(nothing > x)
            rows = nothing.T @ nothing, jnp.concatenate([nothing.reshape(-1), x[None]])
            return (x, nothing), (empty, truths, rows, nothing)

        return lax.scan(turn, (x, jnp.zeros((0, 2)) + x), length=3)

    got, _ = both_ways(run, columns())
    carried, kept = got[:2], got[2:]
    assert carried[1].shape == (0, 2, 5)
    assert kept[-1].shape == (3, 0, 2, 5)
    for found, expected in zip(kept[:6], (0, 1, -7, False, True, 0), strict=True):
        np.testing.assert_array_equal(found, np.full(found.shape, expected))
    np.testing.assert_array_equal(kept[6], np.broadcast_to(columns(), (3, 1, 5)))
    assert_same(run, columns())


def test_a_parameter_without_numbers_descends_with_the_others():
    def run(rate):
        start = {"a": jnp.float32(1.0), "none": jnp.zeros((0,))}
        loss = lambda p: p["a"] ** 2 / 2 + jnp.sum(p["none"])  # noqa: E731
        return jd.descend(loss, start, jd.sgd(rate), 10, record=None).params

    result = jd.sweep(run, rate=[0.1, 0.5])
    np.testing.assert_allclose(result.a, [0.9**10, 0.5**10], rtol=1e-5)
    assert result.none.shape == (2, 0)


# -- whatever a rule gives is checked ------------------------------------------------------------


@pytest.mark.parametrize("rule", ["another dtype", "another shape", "an error"])
def test_a_rule_that_gives_another_shape_or_dtype_is_not_believed(monkeypatch, rule):
    def wrong(equation, operand):
        match rule:
            case "another dtype":
                return entries.elementwise(equation, operand).astype(object) > 0
            case "another shape":
                return operand.reshape(1, *operand.shape)
            case _:
                raise TypeError("no such operands")

    table = entries.RULES["sin"]
    monkeypatch.setitem(entries.RULES, "sin", table._replace(rule=wrong))
    assert_same(in_a_loop(jnp.sin), columns(2))


def test_somebody_elses_operation_of_a_known_name_is_left_to_its_own_batching_rule():
    sin = jax.extend.core.Primitive("sin")  # in truth, it turns its operand round
    sin.def_abstract_eval(lambda x: x)
    sin.def_impl(jnp.flip)
    from jax.interpreters import batching, mlir

    mlir.register_lowering(sin, mlir.lower_fun(lambda x: jnp.flip(x, -1), multiple_results=False))
    batching.primitive_batchers[sin] = lambda args, axes: (
        sin.bind(jnp.moveaxis(args[0], axes[0], 0)),
        0,
    )
    got, _ = both_ways(in_a_loop(lambda x: sin.bind(x), turns=1), columns(3))
    np.testing.assert_array_equal(got[0], columns(3)[::-1])


def test_what_a_batching_rule_makes_the_same_for_all_runs_stays_so():
    """As equinox's loops do, which ask whether any run goes on."""
    any_run = jax.extend.core.Primitive("any_run")
    any_run.def_abstract_eval(lambda x: jax.core.ShapedArray((), jnp.dtype(bool)))
    from jax.interpreters import batching, mlir

    mlir.register_lowering(any_run, mlir.lower_fun(jnp.any, multiple_results=False))
    batching.primitive_batchers[any_run] = lambda args, axes: (
        any_run.bind(args[0]),
        None,
    )

    def run(x):
        return lax.while_loop(
            lambda c: any_run.bind(c[0] < 8), lambda c: (2 * c[0], c[1] + 1), (x, 0)
        )

    x = jnp.array([1.0, 4.0, 9.0])
    (doubled, turns), _ = both_ways(run, x)
    np.testing.assert_array_equal(doubled, 8 * x)  # each, until the last has reached 8
    np.testing.assert_array_equal(turns, [3, 3, 3])


def test_a_primitive_that_jax_has_dropped_is_not_missed():
    code = """
import jax.extend.core.primitives as primitives
for name in ("abs_p", "sin_p", "scan_p", "closed_call_p", "custom_vjp_call_p", "jit_p"):
    if hasattr(primitives, name):
        delattr(primitives, name)
import jax.numpy as jnp, jdescent as jd
def loss(rate):
    return jd.descend(lambda x: jnp.sin(x) ** 2, jnp.float32(0.1), jd.sgd(rate), 3).loss
print(jd.sweep(loss, rate=[0.1]).result.shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(1, 4)", done.stderr


def test_what_a_program_was_traced_with_is_what_it_runs_with():
    def draw(seed, partitionable):  # two ways to draw, of different numbers
        with jax.threefry_partitionable(partitionable):
            return jax.random.normal(jax.random.key(seed), (3,))

    for partitionable in (False, True):
        alone = [draw(seed, partitionable) for seed in range(4)]
        program = jax.make_jaxpr(lambda seed, p=partitionable: draw(seed, p))(0)
        (together,) = map_lanes(program, jnp.arange(4))
        np.testing.assert_array_equal(together.T, alone)


def test_callbacks_are_called_once_a_run_as_under_vmap():
    heard: list[float] = []

    def run(x):
        def step(i, x):
            lax.cond(x > 0, lambda: jax.debug.callback(heard.append, x), lambda: None)
            return x - 1.0

        return lax.fori_loop(0, 2, step, x)

    program = jax.make_jaxpr(run)(1.0)
    (result,) = jax.jit(lambda x: map_lanes(program, x))(jnp.array([0.5, 3.0]))
    jax.effects_barrier()
    np.testing.assert_array_equal(result, [-1.5, 1.0])
    mapped, heard[:] = sorted(map(float, heard)), []
    jax.vmap(run)(jnp.array([0.5, 3.0])).block_until_ready()
    jax.effects_barrier()
    assert mapped == sorted(map(float, heard))


# -- random keys ---------------------------------------------------------------------------------


def draws(key):
    key, here = jax.random.split(key)
    return jax.random.uniform(here, (2,)), jax.random.bits(jax.random.fold_in(key, 3))


@pytest.mark.parametrize("generator", ["rbg", "unsafe_rbg", "threefry2x32"])
@pytest.mark.parametrize("together", [1, 2, 3, 100])
def test_random_numbers_are_those_of_the_run_alone_however_many_run_together(
    monkeypatch, generator, together
):
    monkeypatch.setitem(chunks.CHUNK_LANES, "cpu", together)

    def run(seed):
        uniform, bits = draws(jax.random.key(seed, impl=generator))
        walk = lax.fori_loop(0, 3, lambda i, x: x + draws(jax.random.key(i + seed, impl=generator))[0], uniform)  # fmt: skip  # noqa: E501
        return {"uniform": uniform, "bits": bits, "walk": walk}

    result = jd.sweep(run, seed=np.arange(7))
    alone = [jax.jit(run)(seed) for seed in range(7)]
    for name in ("uniform", "bits", "walk"):
        np.testing.assert_array_equal(result[name], [one[name] for one in alone])


def test_keys_of_xlas_generator_as_an_axis_and_without_scalarizing():
    keys = jax.random.split(jax.random.key(5, impl="rbg"), 6)
    alone = np.array([draws(key)[0] for key in keys])
    for scalarize in (True, False):
        swept = jd.sweep(lambda key: draws(key)[0], key=keys, scalarize=scalarize).result
        np.testing.assert_array_equal(swept, alone)


def test_xlas_generator_called_by_hand():
    def run(seed):
        state = jnp.full(4, seed, jnp.uint32)
        return lax.rng_bit_generator(state, (3,), algorithm=lax.RandomAlgorithm.RNG_DEFAULT)[1]

    alone = [run(np.uint32(seed)) for seed in range(5)]
    swept = jd.sweep(run, seed=np.arange(5, dtype=np.uint32)).result
    np.testing.assert_array_equal(swept, alone)


def test_kernels_refuse_keys_of_xlas_generator():
    def run(seed):
        start = jax.random.normal(jax.random.key(seed, impl="rbg"))
        return lax.fori_loop(0, 3, lambda i, x: x / 2, start)

    with pytest.raises(TypeError, match="random keys are not threefry's"):
        jd.sweep(run, seed=np.arange(4), kernel=True)


# -- programs that spread over devices themselves ------------------------------------------------


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("together", [2, 100])
def test_a_program_that_spreads_over_devices_itself(monkeypatch, count, together):
    monkeypatch.setitem(chunks.CHUNK_LANES, "cpu", together)
    mesh = jax.make_mesh(
        (count,), ("x",), axis_types=(AxisType.Auto,), devices=jax.devices()[-count:]
    )
    spec = PartitionSpec("x")

    def run(a):
        total = jax.shard_map(
            lambda x: x + lax.psum(jnp.sum(x), "x"), mesh=mesh, in_specs=spec, out_specs=spec
        )
        x = lax.fori_loop(0, 2, lambda i, x: total(x), a * jnp.arange(4.0))
        return lax.with_sharding_constraint(x, NamedSharding(mesh, spec))

    swept = jd.sweep(run, a=[1.0, 2.0, -3.0]).result
    np.testing.assert_array_equal(swept, np.outer([1, 2, -3], [36, 37, 38, 39]))


# -- the switch ----------------------------------------------------------------------------------


def test_without_scalarizing_vmap_does_all(monkeypatch):
    monkeypatch.setattr("jdescent.sweeps.lanes.walk.Walk.run", None)
    swept = jd.sweep(
        lambda x: lax.fori_loop(0, 3, lambda i, x: x / 2, x), x=[8.0, 16.0], scalarize=False
    )
    np.testing.assert_array_equal(swept.result, [1.0, 2.0])


@pytest.mark.parametrize("wrong", [0, 1, None, "no", [True]])
def test_scalarize_is_a_switch(as_users_run, wrong):
    with pytest.raises(TypeError, match="scalarize must be True or False"):
        jd.sweep(lambda x: x, x=[1.0], scalarize=wrong)


def test_kernels_are_scalarized():
    with pytest.raises(ValueError, match="leave scalarize=False out"):
        jd.sweep(lambda x: x, x=[1.0], scalarize=False, kernel=True)
