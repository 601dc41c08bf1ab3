"""What is evaluated on the way, beside what is recorded, and early stopping on it."""

import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import AS_USERS_COMPILE
from hypothesis import given, settings
from hypothesis import strategies as st
from walks import assert_same

import jdescent as jd

PARABOLA = jd.losses.parabola()
LONGEST = 24
DISTANCE = 3 * 0.8 ** np.arange(LONGEST + 1)  # of the parabola's minimum, at rate 0.1 from 0


def distance(point):
    return {"distance": 3 - point.params, "step": point.step}


def descended(steps=LONGEST, start=0.0, **options):
    """One compilation instead of one for each operation outside the loop."""
    run = jax.jit(lambda start: jd.descend(PARABOLA, start, jd.sgd(0.1), steps, **options))
    return run(start)


@settings(max_examples=10)
@given(
    steps=st.integers(1, LONGEST),
    every=st.integers(1, LONGEST),
    interval=st.integers(1, LONGEST + 2),
    options=st.sampled_from(
        [{"record": "params"}, {"record": "params", "tolerance": 0.0}, {"record": None}]
    ),
)
def test_rows_of_both_intervals_are_of_their_steps(steps, every, interval, options):
    path = descended(steps, every=every, evaluate=(distance, interval), **options)
    evaluated = [*range(0, steps, interval), steps]
    np.testing.assert_array_equal(path.evaluated_steps, evaluated)
    np.testing.assert_array_equal(path.evaluated["step"], evaluated)
    np.testing.assert_allclose(path.evaluated["distance"], DISTANCE[evaluated], rtol=1e-5)
    np.testing.assert_allclose(path.params, 3 - DISTANCE[steps], rtol=1e-6)
    if options["record"] is not None:
        recorded = [*range(0, steps, every), steps]
        np.testing.assert_array_equal(path.steps, recorded)
        np.testing.assert_allclose(path.record["params"], 3 - DISTANCE[recorded], rtol=1e-6)


@pytest.mark.parametrize("options", [{}, {"every": 4}, {"every": 5}, {"record": None}])
def test_a_run_that_ends_repeats_what_was_evaluated_at_its_end_and_the_others_go_on(options):
    """The loss grows by (1 − 2η)² a step, past 10⁸ times the first at a step between two rows."""

    def run(rate):
        return jd.descend(PARABOLA, 4.0, jd.sgd(rate), 20, evaluate=(distance, 4), **options)

    paths = jax.jit(jax.vmap(run))(jnp.array([0.1, 5.5, 1e30]))
    np.testing.assert_array_equal(paths.verdict.step, [20, 5, 1])
    np.testing.assert_array_equal(paths.evaluated_steps, [0, 4, 8, 12, 16, 20])
    np.testing.assert_array_equal(
        paths.evaluated["step"], [[0, 4, 8, 12, 16, 20], [0, 4, 5, 5, 5, 5], [0, 1, 1, 1, 1, 1]]
    )
    got = paths.evaluated["distance"]
    np.testing.assert_allclose(got[0], -(0.8 ** np.arange(0, 21, 4)), rtol=1e-4)
    np.testing.assert_allclose(got[1], -((-10.0) ** np.array([0, 4, 5, 5, 5, 5])), rtol=1e-5)


def test_evaluations_are_not_computed_in_the_steps_between():
    """Of the program's loops, the one of single steps does not hold the evaluation's sine."""

    def run(rate):
        return jd.descend(
            PARABOLA, 0.0, jd.sgd(rate), 100, evaluate=(lambda p: jnp.sin(p.params), 10)
        )

    def scans(jaxpr):
        inner = [e.params["jaxpr"].jaxpr for e in jaxpr.eqns if e.primitive.name == "scan"]
        return inner + [deeper for each in inner for deeper in scans(each)]

    program = jax.make_jaxpr(run)(0.1).jaxpr
    holding = [any(e.primitive.name == "sin" for e in scan.eqns) for scan in scans(program)]
    assert holding.count(True) == 1
    assert holding.count(False) >= 2


def valley(point):
    """(x − 2)²: of a walk from 0 to 3 at rate 0.01, lowest at step 54."""
    return (point.params - 2.0) ** 2


VALUES = (1 - 3 * 0.98 ** np.arange(401)) ** 2


def waits(values, steps, patience, min_delta):
    """Where early stopping ends and which is the best, value by value."""
    reference, waited, best = math.inf, 0, 0
    for n, step in enumerate(steps):
        best = n if values[n] < values[best] else best
        better = values[n] < reference - min_delta
        reference, waited = (values[n], 0) if better else (reference, waited + 1)
        if waited == patience:
            return step, steps[best]
    return steps[-1], steps[best]


@pytest.mark.parametrize("options", [{}, {"every": 7}, {"record": None}])
@pytest.mark.parametrize(("interval", "patience", "min_delta"), [(10, 3, 0.0), (6, 4, 0.05)])
def test_patience_stops_at_the_very_step_and_keeps_the_best(interval, patience, min_delta, options):
    def run(start):
        return jd.descend(
            PARABOLA,
            start,
            jd.sgd(0.01),
            400,
            evaluate=(valley, interval),
            stop=jd.patience(patience, min_delta=min_delta),
            **options,
        )

    steps = [*range(0, 400, interval), 400]
    step, best = waits(VALUES[steps], steps, patience, min_delta)
    path = jax.jit(run)(0.0)
    assert (path.verdict.status, path.verdict.step) == (jd.Status.STOPPED, step)
    assert path.best.step == best
    np.testing.assert_allclose(path.params, 3 - 3 * 0.98**step, rtol=1e-5)
    np.testing.assert_allclose(path.best.params, 3 - 3 * 0.98**best, rtol=1e-5)
    np.testing.assert_allclose(path.best.value, VALUES[best], rtol=1e-3)


def test_patience_of_the_loss_counts_steps():
    """At rate 1.05 the loss grows from the first step on."""
    path = jd.descend(PARABOLA, 0.0, jd.sgd(1.05), 50, stop=jd.patience(4))
    assert (path.verdict.status, path.verdict.step) == (jd.Status.STOPPED, 4)
    assert (path.best.step, path.best.params, path.best.value) == (0, 0, 9)


def test_the_highest_of_a_named_value_is_kept_without_ever_stopping():
    evaluated = lambda point: {"score": -valley(point), "other": point.loss}  # noqa: E731
    path = descended(evaluate=(evaluated, 2), stop=jd.patience(math.inf, of="score", maximize=True))
    assert path.verdict.status == jd.Status.STEP_LIMIT
    n = 2 * int(np.argmin((1 - DISTANCE[::2]) ** 2))
    assert path.best.step == n
    np.testing.assert_allclose(path.best.value, -((1 - DISTANCE[n]) ** 2), rtol=1e-4)


def test_a_value_of_nan_is_never_better():
    nan_until = lambda point: jnp.where(point.step < 4, jnp.nan, 1.0)  # noqa: E731
    path = descended(evaluate=(nan_until, 2), stop=jd.patience(3))
    assert path.best.step == 4
    assert path.verdict.step == 10
    assert descended(evaluate=(nan_until, 2), stop=jd.patience(2)).verdict.step == 2


@pytest.mark.parametrize("options", [{}, {"every": 5}, {"every": 4, "record": "params"}])
def test_sixty_steps_and_then_forty_are_a_hundred_with_evaluations_and_patience(options):
    """Of runs that stop before step 60, after it, and never, and of one that diverges."""

    def one(rate, start, steps):
        return jd.descend(
            PARABOLA,
            start,
            jd.sgd(rate),
            steps,
            evaluate=(valley, 20),
            stop=jd.patience(1),
            **options,
        )

    rates = jnp.array([0.02, 0.009, 0.001, 2.0])
    run = jax.jit(
        jax.vmap(one, in_axes=(0, 0, None)), static_argnums=2, compiler_options=AS_USERS_COMPILE
    )
    whole, first = run(rates, jnp.zeros(4), 100), run(rates, jnp.zeros(4), 60)
    second = run(rates, first, 40)
    for field in ("params", "state", "step", "verdict", "start_loss", "stopping"):
        assert_same(getattr(second, field), getattr(whole, field))
    np.testing.assert_array_equal(whole.verdict.step[:3], [40, 80, 100])
    np.testing.assert_array_equal(whole.verdict.status, [4, 4, 0, 2])
    np.testing.assert_array_equal(first.evaluated[:, :3], whole.evaluated[:, :3])
    np.testing.assert_array_equal(second.evaluated, whole.evaluated[:, 3:])
    np.testing.assert_array_equal(second.evaluated_steps, [60, 80, 100])


def counting(limit):
    """A rule of one's own: so many points of a gradient below one, in all."""

    def step(count, point):
        count = count + jnp.where(jnp.abs(point.gradient) < 1, 1, 0)
        return count, count == limit

    return (lambda point: jnp.int32(0)), step


@pytest.mark.parametrize(
    "stop", [jd.patience(4, of="distance"), lambda point: point.evaluated["step"] > 9]
)
def test_a_rule_does_not_go_on_from_within_an_interval(stop, as_users_run):
    """There it would be asked at other steps than in one run."""
    options = {"evaluate": (distance, 5), "stop": stop}
    first = descended(7, **options)
    with pytest.raises(ValueError, match="2 steps after the last evaluation of its interval, 5"):
        jd.descend(PARABOLA, first, jd.sgd(0.1), 8, **options)
    further = jd.descend(PARABOLA, first, jd.sgd(0.1), 8, evaluate=(distance, 5))
    np.testing.assert_allclose(further.params, 3 - DISTANCE[15], rtol=1e-6)


@pytest.mark.parametrize("stop", [counting(5), jd.StoppingRule(*counting(5))])
def test_a_rule_of_two_functions_is_asked_once_of_each_point_also_where_it_is_resumed(stop):
    """6·0.8ⁿ < 1 from n = 9 on; the fifth such point is at step 13."""
    assert descended(stop=stop).verdict.step == 13
    first = descended(11, stop=stop)
    assert (first.stopping, first.verdict.status) == (3, jd.Status.STEP_LIMIT)
    second = descended(11, start=first, stop=stop)
    assert (second.verdict.status, second.verdict.step) == (jd.Status.STOPPED, 13)


def test_a_plain_function_reads_what_was_evaluated_last():
    path = descended(evaluate=(valley, 3), stop=lambda point: point.evaluated < 0.5)
    first = next(n for n in range(0, 99, 3) if (1 - DISTANCE[n]) ** 2 < 0.5)
    assert (path.verdict.status, path.verdict.step) == (jd.Status.STOPPED, first)


def test_the_gradient_through_a_run_is_the_same_beside_evaluations(x64):
    def end(rate, **options):
        return jd.descend(PARABOLA, jnp.array(0.0), jd.sgd(rate), 20, **options).params

    for every in (1, 4, 3):
        got = jax.jit(jax.grad(lambda rate: end(rate, evaluate=(distance, 8), every=every)))(0.1)  # noqa: B023
        np.testing.assert_allclose(got, 3 * 20 * 2 * 0.8**19, rtol=1e-12)


def test_a_sweep_labels_evaluations_and_the_best():
    grid = jd.sweep(
        lambda rate: jd.descend(
            PARABOLA, 0.0, jd.sgd(rate), 20, every=5, evaluate=(distance, 10),
            stop=jd.patience(2, of="distance"),
        ),
        rate=jnp.array([0.1, 0.2]),
    )  # fmt: skip
    assert grid.evaluated_distance.dims == ("rate", "evaluation_step")
    np.testing.assert_array_equal(grid.evaluation_step, [0, 10, 20])
    np.testing.assert_array_equal(grid.step, [0, 5, 10, 15, 20])
    want = 3 * np.array([[0.8], [0.6]]) ** np.array([0, 10, 20])
    np.testing.assert_allclose(grid.evaluated_distance, want, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(grid.best_step, [20, 20])
    np.testing.assert_allclose(grid.best_params, grid.params)


def test_what_was_not_kept_is_an_error():
    path = jax.eval_shape(lambda: jd.descend(PARABOLA, 0.0, jd.sgd(0.1), 1))
    with pytest.raises(ValueError, match=r"nothing was evaluated: .*evaluate=\(function, every\)"):
        _ = path.evaluated_steps
    with pytest.raises(ValueError, match=r"no best point was kept: .*stop=patience"):
        _ = path.best


WRONG = {
    "a function alone": ({"evaluate": valley}, TypeError, "a function of a Point and its"),
    "no interval": ({"evaluate": (valley, 0)}, ValueError, "interval must be at least 1"),
    "text": ({"evaluate": (lambda p: "a", 2)}, TypeError, "must be numbers or arrays"),
    "nothing": ({"evaluate": (lambda p: None, 2)}, TypeError, "numbers or arrays, got None"),
    "not one number": (
        {"evaluate": (distance, 2), "stop": jd.patience(2)},
        TypeError,
        "one floating-point number to compare, got a dictionary of ['distance', 'step']",
    ),
    "no such name": (
        {"evaluate": (distance, 2), "stop": jd.patience(2, of="speed")},
        ValueError,
        "patience is of 'speed', but what is evaluated is a dictionary of ['distance', 'step']",
    ),
    "a memory that grows": (
        {"stop": (lambda p: jnp.zeros(2), lambda m, p: (jnp.zeros(3), p.loss < 0))},
        ValueError,
        "memory is float32[2] in what it was asked with and float32[3] in what step returns",
    ),
    "an answer alone": (
        {"stop": (lambda p: jnp.zeros(2), lambda m, p: p.loss < 0)},
        TypeError,
        "step must return (memory, stops)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_an_evaluation_or_a_rule(name, as_users_run):
    options, error, told = WRONG[name]
    with pytest.raises(error, match=re.escape(told)):
        jd.descend(PARABOLA, 0.0, jd.sgd(0.1), 4, **options)


def test_patience_refuses_what_is_no_number(as_users_run):
    for number, error in ((0, ValueError), (1.5, TypeError), (None, TypeError)):
        with pytest.raises(error, match="evaluations must be"):
            jd.patience(number)
    with pytest.raises(ValueError, match="min_delta must be ≥ 0, got -1"):
        jd.patience(3, min_delta=-1)


def test_a_memory_of_another_rule_is_refused(as_users_run):
    path = jd.descend(PARABOLA, 0.0, jd.sgd(0.1), 2, stop=counting(9))
    with pytest.raises(ValueError, match="stopping rule remembered otherwise: stopping"):
        jd.descend(PARABOLA, path, jd.sgd(0.1), 2, stop=jd.patience(3))
    assert jd.descend(PARABOLA, path, jd.sgd(0.1), 2).stopping is None
