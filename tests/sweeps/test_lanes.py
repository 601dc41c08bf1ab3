"""Lanes side by side: whatever the program, what jax.vmap gives."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import CASES, by_name
from hypothesis import given
from hypothesis import strategies as st
from jax import lax
from jax.extend import core

import jdescent as jd
from jdescent._jax import jaxprs_in_params
from jdescent.sweeps.lanes import costs, map_batched, map_lanes
from jdescent.sweeps.lanes.walk import Walk

LANES = 5


@pytest.fixture(autouse=True, scope="module")
def whatever_it_costs():
    """Loops are scalarized wherever they can be: `test_costs` has when it pays."""
    usual, costs.SLOWER_AT_MOST = costs.SLOWER_AT_MOST, np.inf
    yield
    costs.SLOWER_AT_MOST = usual


def in_a_loop(step, turns=3):
    """The function applied again and again, so that its operations run on split values."""
    return lambda x: lax.fori_loop(0, turns, lambda i, x: step(x), x)


def both_ways(function, *arguments):
    """The program's outputs, lanes last: from map_lanes and from vmap."""
    one = [jnp.asarray(argument)[..., 0] for argument in arguments]
    program = jax.make_jaxpr(function)(*one)
    got = jax.jit(lambda *a: map_lanes(program, *a))(*arguments)
    mapped = jax.vmap(core.jaxpr_as_fun(program), in_axes=-1, out_axes=-1)
    return got, jax.jit(mapped)(*arguments)


def assert_same(function, *arguments, rtol=1e-5, atol=1e-6):
    for got, expected in zip(*both_ways(function, *arguments), strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


def columns(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(*shape, LANES)), jnp.float32)


ON_A_VECTOR = {
    "arithmetic": lambda x: 0.5 * x + x[::-1] - x * x / (1 + jnp.abs(x)),
    "functions": lambda x: jnp.tanh(x) + jnp.exp(-jnp.square(x)) * jnp.sin(x) - jnp.sqrt(x**2 + 1),
    "powers": lambda x: jnp.sign(x) * jnp.abs(x) ** 0.7 - 0.1 * x**3,
    "comparisons": lambda x: jnp.where((x > 0) & ~(x > 1) | (x < -1), x, -x),
    "clipping": lambda x: jnp.clip(x, -0.5, jnp.float32(0.5)),
    "reductions": lambda x: x - jnp.mean(x) + jnp.max(x) * jnp.min(x) - 0.1 * jnp.prod(x),
    "any and all": lambda x: jnp.where(jnp.any(x > 1), x / 2, jnp.where(jnp.all(x < 0), -x, x)),
    "slices": lambda x: jnp.concatenate([x[2:], x[:2]]) + x[::2].sum(),
    "padding": lambda x: jnp.pad(x[1:3], (1, 1)) - 0.5 * x,
    "negative padding": lambda x: lax.pad(lax.pad(x, 0.0, [(-1, -1, 0)]), 1.0, [(1, 1, 0)]) / 2,
    "interior padding": lambda x: lax.pad(x[:2], 0.5, [(0, 1, 1)]) * x,
    "shapes": lambda x: (x.reshape(2, 2).T @ jnp.array([[0.5, 1.0], [0.0, -0.5]])).reshape(-1),
    "matrix times vector": lambda x: jnp.outer(x, x) @ jnp.tanh(x) / 4,
    "einsum": lambda x: (
        jnp.einsum("ij,jk,k->i", x.reshape(2, 2), x.reshape(2, 2), x[:2])[jnp.array([0, 1, 0, 1])]
        / 4
    ),
    "gradient": jax.grad(lambda x: jnp.sum(jnp.tanh(x[1:] - x[:-1] ** 2)) + x[0] * x[3]),
    "sorting, which vmap does": lambda x: jnp.sort(x) / 2,
    "indexing by a value": lambda x: x.at[jnp.argmax(x)].add(-1.0),
    "cumulative sums": lambda x: jnp.cumsum(x) / 4,
    "integers": lambda x: x - (jnp.floor(4 * x).astype(jnp.int32) % 3).astype(x.dtype),
    "a call": jax.jit(lambda x: jnp.sin(x)),
    "a custom derivative": jax.nn.relu,
    "remembered again": jax.checkpoint(lambda x: jnp.cos(x) * x),
}


@pytest.mark.parametrize("name", ON_A_VECTOR)
def test_operations_in_a_loop(name):
    assert_same(in_a_loop(ON_A_VECTOR[name]), columns(4))


LEFT_TO_VMAP = {"sorting, which vmap does", "indexing by a value", "cumulative sums", "einsum"}


@pytest.mark.parametrize("name", sorted(set(ON_A_VECTOR) - LEFT_TO_VMAP))
def test_arithmetic_in_a_loop_is_scalarized(monkeypatch, name):
    """Or what no rule can do any more would be right, but slow."""
    program = jax.make_jaxpr(in_a_loop(ON_A_VECTOR[name]))(columns(4)[..., 0])
    monkeypatch.setattr(Walk, "mapped", None)
    jax.make_jaxpr(lambda x: map_lanes(program, x))(columns(4))


@pytest.mark.parametrize("name", ON_A_VECTOR)
def test_operations_outside_of_loops(name):
    assert_same(ON_A_VECTOR[name], columns(4))


def test_a_scan_over_rows_that_are_shared_or_not_keeps_rows():
    shared = jnp.linspace(-1.0, 1.0, 6)

    def run(x, forcing):
        def step(carry, row):
            x, count = carry
            x = 0.9 * x + row["shared"] * row["own"]
            return (x, count + 1), {"x": x, "count": count, "constant": jnp.float32(2.0)}

        rows = {"shared": shared, "own": forcing}
        return lax.scan(step, (x, jnp.int32(0)), rows, reverse=True)

    assert_same(run, columns(2), columns(6, 2, seed=1))


def test_a_scan_in_a_scan_keeps_rows():
    def run(x):
        def outer(x, _):
            x, inner = lax.scan(lambda x, _: (0.5 * x + 1, x), x, length=3)
            return x, inner.sum(0)

        return lax.scan(outer, x, length=4)

    assert_same(run, columns(2))


def test_a_scan_of_no_turns():
    assert_same(lambda x: lax.scan(lambda x, _: (x + 1, x), x, length=0), columns(2))


def test_a_while_loop_ends_for_each_lane_when_its_own_test_does():
    def halvings(x):
        return lax.while_loop(lambda c: c[0] > 0.1, lambda c: (c[0] / 2, c[1] + 1), (x, 0))

    ends, counts = both_ways(halvings, jnp.array([0.05, 1.0, 7.0, 100.0]))[0]
    np.testing.assert_array_equal(counts, [0, 4, 7, 10])
    assert_same(halvings, jnp.array([0.05, 1.0, 7.0, 100.0]))
    np.testing.assert_allclose(ends, [0.05, 1 / 16, 7 / 128, 100 / 1024])


def test_a_loop_whose_test_is_shared_and_a_value_that_becomes_a_lane_of_its_own():
    def run(x):
        def turn(carry):
            n, mixed = carry
            return n + 1, jnp.array([mixed[1], mixed[0] + x, 3.0])

        return lax.while_loop(lambda c: c[0] < 4, turn, (0, jnp.zeros(3)))

    assert_same(run, columns())


@pytest.mark.parametrize("case", ["shared", "by lane", "three ways"])
def test_branches(case):
    branches = [lambda x: x + 1, lambda x: -x, lambda x: x * x]

    def step(i, x):
        if case == "shared":
            return lax.cond(i % 2 == 0, *branches[:2], x)
        if case == "by lane":
            return lax.cond(x[0] > 0, *branches[:2], x)
        return lax.switch(jnp.int32(jnp.floor(x[0])) % 3, branches, x)

    assert_same(lambda x: lax.fori_loop(0, 5, step, x), columns(2))


def test_a_branch_that_no_lane_takes_is_not_taken():
    """Taken, it would cost 10⁹ turns; under vmap it is, as a selection from both branches."""

    def run(x):
        def step(i, x):
            costly = lambda: lax.fori_loop(0, 1_000_000, lambda i, x: jnp.sin(x), x)  # noqa: E731
            return lax.cond(x > 1e6, costly, lambda: x / 2)

        return lax.fori_loop(0, 1000, step, x)

    program, lanes = jax.make_jaxpr(run)(1.0), jnp.linspace(0.0, 1.0, LANES)
    assert "sin" in outside_branches(jax.make_jaxpr(jax.vmap(run))(lanes).jaxpr)
    mapped = jax.make_jaxpr(lambda x: map_lanes(program, x))(lanes)
    assert "sin" not in outside_branches(mapped.jaxpr)
    got = jax.jit(core.jaxpr_as_fun(mapped))(lanes)
    np.testing.assert_allclose(got[0], 0.0, atol=1e-30)


def outside_branches(jaxpr):
    """The names of all primitives of a program but those in branches that may not be taken."""
    inner = [
        sub for e in jaxpr.eqns if e.primitive.name != "cond" for sub in jaxprs_in_params(e.params)
    ]
    return {e.primitive.name for e in jaxpr.eqns}.union(*map(outside_branches, inner))


def test_random_keys_may_be_carried_and_split():
    def run(seed):
        def step(key, _):
            key, here = jax.random.split(key)
            return key, jax.random.normal(here, (2,))

        return lax.scan(step, jax.random.key(seed), length=4)[1]

    assert_same(run, jnp.arange(LANES))


@pytest.mark.parametrize("runs", [3, 4, 8])
@pytest.mark.parametrize("scalarize", [True, False])
def test_narrow_numbers_are_taken_together_within_a_run(runs, scalarize):
    """Four bytes bᵢ are the integer Σ 256ⁱ·bᵢ, however many runs there are beside it."""

    def bytes_of(a):
        return (a * jnp.arange(1, 5)).astype(jnp.uint8)

    def together(a):
        return lax.bitcast_convert_type(bytes_of(a), jnp.int32)

    def run(a):
        number = lax.cond(a > 2, together, lambda a: 2 * together(a), a)
        rows = jnp.arange(3, dtype=jnp.uint8)[:, None] + bytes_of(a)[None]
        in_rows = lax.map(lambda row: lax.bitcast_convert_type(row, jnp.int32), rows)
        parts = lax.map(lambda n: lax.bitcast_convert_type(n, jnp.uint8), in_rows)
        in_a_loop = lax.fori_loop(0, 3, lambda i, n: n + together(a + i), 0)
        return number, in_rows, parts, in_a_loop

    a, powers = np.arange(1, runs + 1), 256 ** np.arange(4)
    alone = a * np.sum(powers * np.arange(1, 5))
    program = jax.make_jaxpr(run)(1)
    mapped = map_lanes if scalarize else map_batched
    number, in_rows, parts, in_a_loop = mapped(program, jnp.asarray(a))
    np.testing.assert_array_equal(number, np.where(a > 2, alone, 2 * alone))
    np.testing.assert_array_equal(in_rows, alone + np.arange(3)[:, None] * powers.sum())
    np.testing.assert_array_equal(np.tensordot(parts, powers, (1, 0)), in_rows)
    np.testing.assert_array_equal(in_a_loop, 3 * alone + 3 * alone[0])


def test_rows_times_a_matrix_of_their_group():
    """`lax.ragged_dot`, whose rule for batches wants lanes in every operand, and first."""
    matrices = jnp.arange(24.0).reshape(2, 3, 4)

    def run(x):
        return lax.fori_loop(
            0, 2, lambda i, x: lax.ragged_dot(x, matrices, jnp.array([2, 3]))[:, 1:] / 40, x
        )

    x = columns(5, 3)
    expected = x
    for _ in range(2):
        of_groups = [jnp.einsum("nkl,km->nml", x, m) for x, m in zip(
            (expected[:2], expected[2:]), matrices, strict=True
        )]  # fmt: skip
        expected = jnp.concatenate(of_groups)[:, 1:] / 40
    for mapped in (map_lanes, map_batched):
        (got,) = mapped(jax.make_jaxpr(run)(x[..., 0]), x)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_what_is_shared_is_computed_once():
    """The bias correction of Adam depends on the step alone, so no lane has one of its own."""

    def run(rate):
        return jd.descend(lambda x: x**2, jnp.float32(1.0), jd.adam(rate), 20).params

    program = jax.make_jaxpr(run)(0.1)
    text = str(jax.make_jaxpr(lambda x: map_lanes(program, x))(jnp.ones(LANES)))
    corrections = [line for line in text.splitlines() if " = expm1 " in line]
    assert corrections
    assert not any(f"[{LANES}]" in line for line in corrections)


def assert_descends_as_under_vmap(make, steps, **options):
    def run(rate):
        loss, start = jd.losses.rosenbrock(3), jnp.array([-0.5, 0.8, 0.3])
        path = jd.descend(loss, start, make(rate), steps, divergence=10.0, **options)
        return path.loss, path.params, path.verdict

    assert_same(run, jnp.array([1e-4, 1e-3, 1e-2, 0.1, 3.0]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_every_optimizer_descends_as_under_vmap(case):
    assert_descends_as_under_vmap(case.build, steps=12)


@pytest.mark.parametrize("make", [jd.sgd, jd.heavy_ball, jd.adam])
def test_what_is_seldom_looked_at_descends_as_under_vmap(make):
    assert_descends_as_under_vmap(make, steps=12, every=5)


def test_an_optax_optimizer_descends_as_under_vmap():
    def run(rate):
        optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate))
        return jd.descend(jd.losses.rosenbrock(2), jnp.array([-1.0, 1.0]), optimizer, 30).loss

    with jax.numpy_dtype_promotion("standard"):  # which optax needs
        assert_same(run, jnp.geomspace(1e-3, 1e-1, LANES), rtol=1e-4)


def test_gradients_pass_through_lanes():
    def end(rate):
        return jd.descend(lambda x: x**2, jnp.float32(1.0), jd.sgd(rate), 10, every=4).params

    program = jax.make_jaxpr(end)(0.1)
    rates = jnp.linspace(0.1, 0.4, LANES)
    got = jax.grad(lambda r: map_lanes(program, r)[0].sum())(rates)
    np.testing.assert_allclose(got, 10 * -2 * (1 - 2 * rates) ** 9, rtol=1e-4)


@given(
    weights=st.lists(st.floats(-2, 2, width=32), min_size=4, max_size=4),
    turns=st.integers(1, 4),
    order=st.permutations(sorted(set(ON_A_VECTOR) - {"powers", "sorting, which vmap does"})),
)
def test_generated_programs(weights, turns, order):
    def step(x):
        for name in order[:3]:
            x = jnp.tanh(ON_A_VECTOR[name](x) + jnp.array(weights, jnp.float32))
        return x

    assert_same(in_a_loop(step, turns), columns(4), rtol=1e-3, atol=1e-4)
