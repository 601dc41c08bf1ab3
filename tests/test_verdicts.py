"""How runs end: the verdict, the step it names, and what it keeps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import jdescent as jd
from jdescent import Status

PARABOLA = jd.losses.parabola()


@jax.jit
def on_the_parabola(rate, start, tolerance, divergence):
    return jd.descend(
        PARABOLA,
        jnp.asarray(start, float),
        jd.sgd(rate),
        steps=300,
        tolerance=tolerance,
        divergence=divergence,
        record="params",
    )


@given(st.floats(0.05, 0.95), st.floats(-8, 0))
def test_a_run_converges_at_the_first_step_whose_gradient_is_small_enough(rate, exponent):
    """|2(x − 3)| = 6|1 − 2η|ⁿ ≤ tolerance."""
    tolerance, factor = 10.0**exponent, abs(1 - 2 * rate)
    assume(factor > 1e-3)
    exact = np.log(tolerance / 6) / np.log(factor)
    assume(abs(exact - round(exact)) > 1e-6)
    n = int(np.ceil(exact))
    with jax.enable_x64(True):
        path = on_the_parabola(rate, 0.0, tolerance, jnp.inf)
        verdict, record = jax.tree.map(np.asarray, (path.verdict, path.record["params"]))
    if n > 300:
        assert verdict.status == Status.STEP_LIMIT
        assert verdict.step == 300
        return
    assert verdict.status == Status.CONVERGED
    assert verdict.step == n
    distance = 3 * (1 - 2 * rate) ** n
    np.testing.assert_allclose(path.params, 3 - distance, rtol=1e-12)
    np.testing.assert_allclose(verdict.gradient_norm, 2 * abs(distance), atol=1e-14)
    np.testing.assert_allclose(verdict.loss, distance**2, rtol=1e-6, atol=1e-28)
    np.testing.assert_array_equal(record[n:], record[n])
    assert np.all(np.diff(record[: n + 1]) != 0)


@given(st.floats(1.05, 3.0), st.floats(-5, 5), st.floats(0, 8))
def test_a_run_diverges_at_the_first_step_whose_loss_is_too_many_times_the_first(
    rate, start, exponent
):
    """(x − 3)² = (x₀ − 3)²(1 − 2η)²ⁿ > divergence·max(1, (x₀ − 3)²)."""
    divergence, first = 10.0**exponent, (start - 3) ** 2
    assume(first > 1e-6)
    exact = np.log(divergence * max(1, first) / first) / (2 * np.log(2 * rate - 1))
    assume(abs(exact - round(exact)) > 1e-6)
    n = int(np.floor(exact)) + 1
    with jax.enable_x64(True):
        path = on_the_parabola(rate, start, 0.0, divergence)
        verdict = jax.tree.map(np.asarray, path.verdict)
    assert verdict.status == (Status.DIVERGED if n <= 300 else Status.STEP_LIMIT)
    assert verdict.step == min(n, 300)
    np.testing.assert_allclose(
        path.params, 3 + (start - 3) * (1 - 2 * rate) ** min(n, 300), rtol=1e-9
    )


def test_the_default_bound_on_the_loss_is_ten_to_the_eight():
    path = jd.descend(PARABOLA, jnp.array(4.0), jd.sgd(5.5), steps=20)  # (x − 3) ← −10(x − 3)
    assert str(path.verdict).startswith("diverged at step 5: loss 1e+10, gradient norm 2e+05")
    assert path.params == 3 - 10.0**5
    np.testing.assert_allclose(path.loss, np.minimum(100.0 ** np.arange(21), 1e10), rtol=1e-5)


FIRST_FINITE = {
    "the loss is infinite at the start": (lambda x: 1 / x, 0.0, 0.1, 0, 0.0),
    "the loss is NaN at the start": (lambda x: jnp.log(x), -1.0, 0.1, 0, -1.0),
    "a step leaves the domain of the loss": (lambda x: jnp.log(x), 1.0, 0.6, 2, 0.4 - 0.6 / 0.4),
    "the gradient is NaN where the loss is 0": (lambda x: jnp.sqrt(x**2), 0.0, 0.1, 1, 0.0),
    "the gradient is infinite where the loss is 0": (lambda x: jnp.sqrt(x), 0.0, 0.1, 1, 0.0),
    "the parameter overflows while the loss is finite": (lambda x: -x, 0.0, 1e38, 4, 3e38),
    "the loss overflows before the parameter": (lambda x: x**2, 1.0, 1e10 / 2, 2, 1e20),
}


@pytest.mark.parametrize("name", FIRST_FINITE)
def test_a_run_is_non_finite_where(name):
    loss, start, rate, step, kept = FIRST_FINITE[name]
    path = jd.descend(loss, start, jd.sgd(rate), steps=8, divergence=jnp.inf, record="params")
    assert path.verdict.status == Status.NON_FINITE
    assert path.verdict.step == step
    assert path.verdict.diverged
    np.testing.assert_allclose(path.params, kept, rtol=1e-5)
    assert jnp.isfinite(path.record["params"]).all()
    assert path.step == 8


def test_the_memories_kept_are_those_of_the_last_finite_point():
    """−x with lr 10³⁸ in momentum form: the velocity at the last finite point, not the next."""
    path = jd.descend(lambda x: -x, 0.0, jd.heavy_ball(1e38, 0.5), 9, divergence=jnp.inf)
    # x: 1, 2.5, overflow (4.25 > 3.4) in units of 10³⁸; v: 1, 1.5
    assert path.verdict.step == 3
    np.testing.assert_allclose(path.params, 2.5e38, rtol=1e-5)
    np.testing.assert_allclose(path.state.velocity, 1.5e38, rtol=1e-5)


def test_one_bad_element_of_one_leaf_makes_the_run_non_finite():
    def loss(params):
        return jnp.sum(jnp.sqrt(params["a"])) + params["b"] ** 2

    start = {"a": jnp.array([1.0, 0.0, 4.0]), "b": jnp.array(1.0)}
    path = jd.descend(loss, start, jd.sgd(0.1), steps=3)
    assert path.verdict.status == Status.NON_FINITE
    np.testing.assert_array_equal(path.params["a"], start["a"])
    assert path.params["b"] == 1


def test_the_heavy_balls_stable_transient_is_not_taken_for_divergence():
    """β = 0.9, ηλ = 3.79 of 3.8: |x| grows 10.5-fold, the loss 110-fold, and then all decays."""
    path = jd.descend(lambda x: 0.5 * x**2, 1.0, jd.heavy_ball(3.79, 0.9), 3000, tolerance=1e-6)
    assert path.verdict.converged
    assert 100 < path.loss.max() / path.loss[0] < 120


@pytest.mark.parametrize("beta", [0.9, 0.99, 0.999])
def test_the_default_bound_leaves_room_for_the_transient_of_any_usual_momentum(beta):
    """At the limit xₙ = A(−1)ⁿ + (1 − A)(−β)ⁿ with A = (1 + β)/(1 − β): the loss grows up to A²."""
    limit = 2 * (1 + beta)
    rates = limit * (1 - np.array([1e-3, 1e-6, 1e-10]))
    with jax.enable_x64(True):
        paths = jax.vmap(
            lambda rate: jd.descend(
                lambda x: 0.5 * x**2, 1.0, jd.heavy_ball(rate, beta), steps=10_000
            )
        )(jnp.asarray(rates, float))
        assert not np.any(paths.verdict.diverged)
        growth = float(jnp.max(paths.loss)) / 0.5
    assert 0.98 < growth / ((1 + beta) / (1 - beta)) ** 2 < 1


def test_a_stop_ends_the_run_where_it_is_first_true():
    path = jd.descend(
        PARABOLA, 0.0, jd.sgd(0.1), 50, stop=lambda p: p.params > 2.0, record="params"
    )
    n = int(np.ceil(np.log(1 / 3) / np.log(0.8)))
    assert path.verdict.status == Status.STOPPED
    assert path.verdict.stopped
    assert path.verdict.step == n
    np.testing.assert_allclose(path.params, 3 - 3 * 0.8**n, rtol=1e-5)


def test_a_stop_sees_step_loss_gradient_and_state():
    for stop in (
        lambda p: p.step >= 7,
        lambda p: p.loss < 9 * 0.64**6.5,
        lambda p: jnp.abs(p.gradient) < 6 * 0.8**6.5,
        lambda p: p.state.t >= 7,
    ):
        assert jd.descend(PARABOLA, 0.0, jd.sgd(0.1), 20, stop=stop).verdict.step == 7


@pytest.mark.parametrize(
    ("loss", "options", "status"),
    [
        (lambda x: x**2, {}, Status.DIVERGED),
        (lambda x: x**2, {"stop": lambda p: True}, Status.STOPPED),
        (lambda x: x**2, {"stop": lambda p: True, "tolerance": 1e9}, Status.CONVERGED),
        (lambda x: x / 0, {"stop": lambda p: True, "tolerance": 1e9}, Status.NON_FINITE),
    ],
)
def test_non_finite_precedes_converged_precedes_stopped_precedes_diverged(loss, options, status):
    path = jd.descend(loss, 2.0, jd.sgd(0.1), 5, divergence=0.5, **options)
    assert path.verdict.status == status
    assert path.verdict.step == 0


def test_convergence_at_the_last_step_and_at_the_start_are_seen():
    at_last = jd.descend(PARABOLA, 0.0, jd.sgd(0.5), steps=1, tolerance=1e-3)
    assert (at_last.verdict.status, at_last.verdict.step) == (Status.CONVERGED, 1)
    at_start = jd.descend(PARABOLA, 3.0, jd.adam(0.5), steps=4, tolerance=0.0)
    assert (at_start.verdict.status, at_start.verdict.step) == (Status.CONVERGED, 0)
    assert at_start.params == 3
    limit = jd.descend(PARABOLA, 3.0, jd.sgd(0.5), steps=4)
    assert (limit.verdict.status, limit.verdict.step) == (Status.STEP_LIMIT, 4)


def test_momentum_may_pass_a_flat_point_at_speed_and_is_then_called_converged():
    """By its gradient alone: x² from 1 with lr 1/2 lands on the minimum with velocity −1."""
    ball = jd.heavy_ball(0.5, 0.9)
    path = jd.descend(lambda x: x**2, 1.0, ball, steps=3, tolerance=1e-6)
    assert (path.verdict.status, path.verdict.step, path.params) == (Status.CONVERGED, 1, 0)
    assert path.state.velocity == -1
    assert jd.descend(lambda x: x**2, 1.0, ball, steps=2).params == pytest.approx(-0.9)


def mixed_run(rate, start):
    """A well that converges, diverges, leaves its domain, or is stopped, by rate and start."""
    return jd.descend(
        lambda x: jnp.where(x > -50, (x - 3) ** 2, jnp.nan),
        start,
        jd.heavy_ball(rate, 0.5),
        steps=200,
        tolerance=1e-3,
        divergence=50,
        stop=lambda p: (p.params > 40) & (p.params < 41),
        record=("params", "state"),
    )


LANES = [
    (0.1, 0.0),
    (1.6, 0.0),
    (1.6, 8.0),
    (0.3, 2.5),
    (0.0, 1.0),
    (0.1, 40.5),
    (2.0, -45.0),
    (0.5, -60.0),
    (1e38, 1.0),
    (0.1, 3.0),
]


def test_lanes_of_every_verdict_are_the_runs_alone():
    rates, starts = (jnp.array(values) for values in zip(*LANES, strict=True))
    together = jax.jit(jax.vmap(mixed_run))(rates, starts)
    single = jax.jit(mixed_run)
    for lane, (rate, start) in enumerate(LANES):
        alone = single(rate, start)
        mine = jax.tree.map(lambda leaf, lane=lane: leaf[lane], together)
        assert mine.verdict.status == alone.verdict.status, lane
        assert mine.verdict.step == alone.verdict.step, lane
        for got, want in zip(jax.tree.leaves(mine), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    assert {int(s) for s in together.verdict.status} == {int(s) for s in Status}


def test_a_lane_that_ends_changes_nothing_in_the_other_lanes():
    """Bit for bit: the same lanes beside neighbors that run on and beside ones that blow up."""
    rates = jnp.array([0.1, 0.3, 0.6])
    calm, wild = (
        jax.vmap(mixed_run)(jnp.array([0.2, *rates, 0.2]), jnp.full(5, 1.0)),
        jax.vmap(mixed_run)(jnp.array([1e38, *rates, jnp.nan]), jnp.full(5, 1.0)),
    )
    for one, other in zip(jax.tree.leaves(calm), jax.tree.leaves(wild), strict=True):
        np.testing.assert_array_equal(one[1:4], other[1:4])


def test_a_verdict_tells_its_story_as_a_sentence():
    path = jd.descend(PARABOLA, 0.0, jd.sgd(0.5), steps=5, tolerance=1e-3)
    assert str(path.verdict) == "converged at step 1: loss 0, gradient norm 0"
    assert path.verdict.converged
    assert not path.verdict.diverged
    assert not path.verdict.stopped
    assert [str(status) for status in Status] == [
        "step limit",
        "converged",
        "diverged",
        "non-finite",
        "stopped",
    ]
    many = jax.vmap(lambda r: jd.descend(PARABOLA, 0.0, jd.sgd(r), 5))(jnp.array([0.1, 0.2]))
    assert str(many.verdict) == repr(many.verdict)


LOOKS = {
    "sgd": ({"every": 7}, {"every": 150}, {"every": 400}, {"record": None}),
    "heavy_ball": ({"every": 7}, {"record": None}),
    "adam": ({"every": 7}, {"record": None}),
}


@pytest.mark.parametrize("optimizer", LOOKS)
@pytest.mark.parametrize("loss", ["bowl", "quartic", "logarithm"])
def test_the_verdict_names_the_same_step_however_seldom_one_looks(optimizer, loss, x64):
    """Also where the run overflows, where its loss is undefined, and where it goes on for ever."""
    losses = {
        "bowl": lambda x: x[0] ** 2 + 2 * x[1] ** 2,
        "quartic": lambda x: jnp.sum(x**4),
        "logarithm": lambda x: -jnp.log(x[0]) + x[1] ** 2,
    }
    make = {"sgd": jd.sgd, "heavy_ball": lambda lr: jd.heavy_ball(lr, 0.9), "adam": jd.adam}
    start = jnp.array([2.0, 1.0])
    rates = jnp.array([0.01, 0.3, 0.52, 0.9, 2.5, 30.0])

    def paths(**options):
        @jax.jit
        @functools.partial(jax.vmap, in_axes=(0, None))
        def run(rate, divergence):
            return jd.descend(
                losses[loss], start, make[optimizer](rate), 150, divergence=divergence, **options
            )

        return [run(rates, divergence) for divergence in (1e8, jnp.inf)]

    all_exact = paths()
    for options in LOOKS[optimizer]:
        for exact, seldom in zip(all_exact, paths(**options), strict=True):
            np.testing.assert_array_equal(seldom.verdict.status, exact.verdict.status)
            np.testing.assert_array_equal(seldom.verdict.step, exact.verdict.step)
            np.testing.assert_allclose(seldom.params, exact.params, rtol=1e-12)
            if options.get("every") == 7:
                rows = [*range(0, 150, 7), 150]
                np.testing.assert_allclose(seldom.loss, exact.loss[:, rows], rtol=1e-12)


def test_a_run_that_leaves_the_bound_and_returns_between_two_looks_is_not_diverged():
    """The heavy ball of a stiff bowl first grows its loss a hundredfold, and then converges."""
    loss = lambda x: 0.5 * x**2  # noqa: E731
    run = lambda every: jd.descend(  # noqa: E731
        loss, 1.0, jd.heavy_ball(3.79, 0.9), 2000, every=every, divergence=30.0
    )
    assert run(1).verdict.diverged
    assert not run(1000).verdict.diverged


def test_more_steps_than_an_end_can_name_are_refused():
    with pytest.raises(ValueError, match="steps must be at most 134217727, got 134217728"):
        jd.descend(lambda x: x**2, 1.0, jd.sgd(0.1), 2**27)


def test_a_run_beyond_the_bound_at_one_look_alone_is_diverged():
    """A schedule throws the run out at step 4, where one looks, and brings it back at step 5."""
    rate = lambda step: jnp.where(step == 3, 1e6, jnp.where(step == 4, 0.5, 0.1))  # noqa: E731
    path = jd.descend(lambda x: x**2, 1.0, jd.sgd(rate), 12, every=4, divergence=1e3)
    assert path.verdict.diverged
    assert path.verdict.step == 4
    assert path.loss[1] > 1e3


def steep_beyond(threshold, slope):
    """−x, but with another slope beyond the threshold."""
    return lambda x: -jnp.where(x > threshold, slope * (x - threshold) + threshold, x)


@pytest.mark.parametrize("every", [1, 7, 40])
def test_a_memory_that_overflows_ends_the_run_at_that_step(every):
    """Adam walks right by 0.1 a step; past 0.95 a gradient of 10²⁰ squares to infinity in v.

    Every update is 0 from there on, and the parameters stay finite for ever.
    """
    path = jax.jit(
        lambda: jd.descend(
            steep_beyond(0.95, 1e20), 0.0, jd.adam(0.1), 40, every=every, divergence=jnp.inf
        )
    )()
    assert (path.verdict.status, path.verdict.step) == (Status.NON_FINITE, 11)
    np.testing.assert_allclose(path.params, 1.0, rtol=1e-5)
    assert np.isfinite(path.state.v)


def test_a_memory_that_overflows_in_one_run_ends_no_other():
    thresholds = jnp.array([0.95, 100.0, 0.25])
    paths = jax.vmap(
        lambda threshold: jd.descend(
            steep_beyond(threshold, 1e20), 0.0, jd.adam(0.1), 20, record=None, divergence=jnp.inf
        )
    )(thresholds)
    np.testing.assert_array_equal(paths.verdict.status, [3, 0, 3])
    np.testing.assert_array_equal(paths.verdict.step, [11, 20, 4])


def remembering(first, later):
    """Descent that remembers something of no use: what it begins with, and what follows."""

    def update(gradient, state, params=None):
        return -0.1 * gradient, {**state, "useless": later(state["useless"])}

    return jd.Optimizer(lambda params: {"useless": first, "best": jnp.array(jnp.inf)}, update)


@pytest.mark.parametrize(
    ("first", "later", "status"),
    [
        (jnp.array([1.0, jnp.inf]), lambda memory: memory, Status.STEP_LIMIT),
        (jnp.array([1.0, jnp.nan]), lambda memory: -memory, Status.STEP_LIMIT),
        (jnp.array([1.0, 2.0]), lambda memory: memory.at[1].set(jnp.inf), Status.NON_FINITE),
        (jnp.array([1.0, 2.0]), lambda memory: memory.at[0].set(jnp.nan), Status.NON_FINITE),
        (jnp.array([1 + 1j]), lambda memory: memory * jnp.inf, Status.NON_FINITE),
        (jnp.array([3]), lambda memory: memory, Status.STEP_LIMIT),
    ],
)
def test_memories_that_begin_non_finite_are_exempt_and_the_others_are_not(first, later, status):
    path = jax.jit(lambda: jd.descend(PARABOLA, 0.0, remembering(first, later), 3))()
    assert path.verdict.status == status
    assert path.verdict.step == (1 if status == Status.NON_FINITE else 3)


OPTAX = {
    "reduce_on_plateau": lambda: optax.chain(
        optax.adam(0.1), optax.contrib.reduce_on_plateau(patience=3)
    ),
    "lbfgs": optax.lbfgs,
    "apply_if_finite": lambda: optax.apply_if_finite(optax.adam(0.1), 5),
    "backtracking": lambda: optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(10)),
}


@pytest.mark.parametrize("name", OPTAX)
def test_memories_of_optax_that_begin_infinite_are_no_divergence(name):
    """A best value of infinity, a line search's first value: they are there from the start."""
    loss = jd.losses.bowl((2.0, 4.0))

    def run(start):
        return jd.descend(loss, start, OPTAX[name](), 60, record=None).verdict

    with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        verdicts = jax.jit(jax.vmap(run))(jnp.array([[2.0, 1.0], [0.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_array_equal(verdicts.status, Status.STEP_LIMIT)


def infinite_near_one_half():
    """A bowl whose gradient is infinite in one element where the run passes ½."""

    @jax.custom_jvp
    def bowl(x):
        return jnp.sum(x**2)

    @bowl.defjvp
    def _(primals, tangents):
        (x,), (dx,) = primals, tangents
        infinite = jnp.where(jnp.abs(x[0] - 0.5) < 0.1, jnp.inf, 0.0)
        return bowl(x), jnp.sum(2 * x * dx) + infinite * dx[1]

    return bowl


@pytest.mark.parametrize(
    "optimizer",
    [
        jd.chain(jd.clip(1.0), jd.sgd(0.1)),
        jd.sign_sgd(0.1),
        optax.chain(optax.zero_nans(), optax.clip(1.0), optax.sgd(0.1)),
    ],
)
def test_an_infinite_gradient_that_an_optimizer_bounds_is_seen_however_seldom_one_looks(optimizer):
    """x₀ = 1 falls by a tenth a step: step 4 is the first whose gradient is infinite."""
    looks = ({}, {"every": 2}, {"every": 5}, {"every": 7}, {"every": 40}, {"record": None})
    for options in looks:
        path = jd.descend(infinite_near_one_half(), jnp.ones(2), optimizer, 40, **options)
        assert path.verdict.status == Status.NON_FINITE, options
        assert path.verdict.step == 5, options
        assert int(path.params[0] * 10 + 0.5) == 6, options


@pytest.mark.parametrize("options", [{}, {"every": 10}, {"record": None}])
def test_the_state_of_a_run_that_ended_is_that_of_its_last_point(options):
    """Its counter too, under vmap too, where other runs have counted on."""
    run = jax.vmap(lambda rate: jd.descend(PARABOLA, 1.0, jd.adam(rate), 60, **options))
    path = run(jnp.array([0.1, 1e30]))
    assert [str(Status(int(code))) for code in path.verdict.status] == ["step limit", "non-finite"]
    assert path.state.t.tolist() == [60, int(path.verdict.step[1])] == [60, 1]
