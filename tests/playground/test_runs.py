"""What the page shows is what `jdescent.descend` computes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jdescent as jd
from jdescent.core.contract import accept_extra
from jdescent_playground import runs
from jdescent_playground.catalog import METHODS, split
from jdescent_playground.curves import CURVES
from jdescent_playground.runs import RECORDED, SCHEDULES, Setup, Task, compute, ends

BOWL = CURVES["bowl"].task
WELL = CURVES["double-well"].task


def setup(method="sgd", start=-2.5, task=BOWL, learning_rate=0.4, **settings):
    return Setup(task, method, {"learning_rate": learning_rate, **settings}, start)


@pytest.mark.parametrize("method", ["sgd", "heavy_ball", "adam", "optax.adamw"])
def test_a_run_is_descends_own_bit_for_bit(method):
    """Hyperparameters enter as traced numbers on both sides, so that 1 − β₁ rounds alike."""
    chosen = setup(method, task=WELL, start=0.3, learning_rate=0.05)
    run = compute(chosen)
    numbers, switches = split(METHODS[method], chosen.settings)

    @jax.jit
    def descended(numbers):
        with jax.numpy_dtype_promotion("standard"):
            optimizer = METHODS[method].factory(**numbers, **dict(switches))
            start = jnp.array(0.3)
            options = {"record": RECORDED, "divergence": jnp.inf}
            return jd.descend(WELL.loss, start, optimizer, 1000, **options)

    path = descended(numbers)
    assert run.last > 20
    np.testing.assert_array_equal(run.x, path.record["params"])
    np.testing.assert_array_equal(run.gradient, path.record["gradient"])
    np.testing.assert_array_equal(run.loss, path.loss)


def test_a_run_is_what_anyone_gets_who_calls_descend():
    """Without tracing the hyperparameters and with less recorded: equal to rounding."""
    run = compute(setup("adam", task=WELL, start=0.3, learning_rate=0.05))
    path = jd.descend(WELL.loss, jnp.array(0.3), jd.adam(0.05), 1000, record="params")
    np.testing.assert_allclose(run.x, path.record["params"], rtol=2e-5)


def test_gradient_descent_on_a_parabola_is_the_geometric_series():
    run = compute(setup())
    n = np.arange(12)
    np.testing.assert_allclose(run.x[:12], 1 - 3.5 * 0.6**n, rtol=1e-5)
    np.testing.assert_allclose(run.gradient[:12], -3.5 * 0.6**n, rtol=1e-5)
    np.testing.assert_allclose(run.loss[:12], 0.5 + 0.5 * 3.5**2 * 0.36**n, rtol=1e-5)


@pytest.mark.parametrize("method", ["nesterov", "lion", "optax.sgd", "optax.adafactor"])
def test_updates_lead_from_point_to_point(method):
    run = compute(setup(method, learning_rate=0.05))
    steps = np.arange(100)
    moved = run.x[steps] + run.update[steps]
    np.testing.assert_allclose(run.x[steps + 1], moved, rtol=1e-6, atol=1e-6)
    assert run.loss[100] < run.loss[0]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_all_its_numbers_traced_and_goes_downhill(method):
    numbers, switches = split(METHODS[method], {"learning_rate": 0.05})

    @jax.jit
    def first_update(numbers, x):
        with jax.numpy_dtype_promotion("standard"):
            optimizer = METHODS[method].factory(**numbers, **dict(switches))
            update_by = accept_extra(optimizer.update)
            loss, gradient = jax.value_and_grad(BOWL.loss)(x)
            seen = {"value": loss, "grad": gradient, "value_fn": BOWL.loss}
            state = optimizer.init(x)
            for _ in range(12):  # some methods need slopes to compare with, adashift ten of them
                update, state = update_by(gradient, state, x, **seen)
        return update

    assert first_update(numbers, -2.5) > 0 > first_update(numbers, 4.5)


def test_the_heavy_balls_memory_is_its_velocity():
    run = compute(setup("heavy_ball", momentum=0.5))
    v = run.memory["velocity"]
    np.testing.assert_allclose(v[1:9], 0.5 * v[:8] - 0.4 * run.gradient[:8], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(run.update[:8], v[1:9])


def test_a_ball_that_crosses_a_flat_place_at_speed_rolls_on():
    """At η = 0.4 and β = 0.9 the second step lands on the minimum itself, moving by 2.1."""
    run = compute(setup("heavy_ball"))
    assert abs(run.gradient[2]) < 1e-6
    assert run.last > 100
    assert abs(run.update[run.last]) <= run.setup.rest


def test_a_run_ends_where_it_rests():
    run = compute(setup())
    assert run.converged
    assert not run.diverged
    assert abs(run.gradient[run.last]) <= 1e-5 < abs(run.gradient[run.last - 1])
    assert compute(setup(start=1.0)).last == 0


def test_beyond_two_over_lambda_the_numbers_leave_for_infinity():
    run = compute(setup(learning_rate=2.2))
    assert run.diverged
    assert not run.converged
    assert np.isinf(run.row(run.last).loss)
    assert np.isfinite(run.loss[: run.last]).all()
    # x − 1 = 3.5·(−1.2)ⁿ; its square overflows float32
    overflow = np.log(np.sqrt(float(np.finfo(np.float32).max)) / 3.5) / np.log(1.2)
    assert run.last == int(np.ceil(overflow))


def test_on_a_quartic_a_few_steps_lead_to_infinity():
    run = compute(setup(task=WELL, start=-2.0, learning_rate=2.0))
    assert run.diverged
    last = run.row(run.last)
    assert last.loss == np.inf
    assert (run.loss[: run.last] < np.inf).all()


def test_rows_past_the_end_are_the_last():
    run = compute(setup())
    assert run.row(10**6).step == run.last
    assert run.row(-5).step == 0


def test_many_rates_at_once_are_the_same_runs():
    rates = [0.001, 0.4, 1.99, 2.5]
    for rate, end in zip(rates, ends(setup(), rates), strict=True):
        alone = compute(setup(learning_rate=rate))
        assert (end.converged, end.diverged) == (alone.converged, alone.diverged)
        assert end.step == alone.last


def test_moving_a_slider_compiles_nothing():
    compute(setup("adam"))
    before = runs._walker.cache_info().misses
    for rate in (0.1, 0.2, 0.3):
        compute(setup("adam", learning_rate=rate, b1=0.5 + rate, start=rate))
    assert runs._walker.cache_info().misses == before


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_are_jdescents(schedule):
    run = compute(setup(learning_rate=0.3).but(schedule=schedule, horizon=50))
    rate = {
        "constant": jd.schedules.constant(0.3),
        "warm-up": jd.schedules.warm_up(0.3, 10),
        "linear": jd.schedules.linear(0.3, 0.0, 50),
        "cosine": jd.schedules.cosine(0.3, 50),
        "exponential": jd.schedules.exponential(0.3, 0.1, every=50),
        "one cycle": jd.schedules.one_cycle(0.3, 50),
    }[schedule]
    steps = np.arange(min(run.last, 60))
    np.testing.assert_allclose(run.rate[steps], rate(steps), rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(
        run.update[steps], -run.rate[steps] * run.gradient[steps], rtol=1e-5, atol=1e-8
    )


def test_a_clipped_slope_moves_by_at_most_the_rate_times_the_clip():
    run = compute(setup(learning_rate=0.1).but(clip=0.5))
    np.testing.assert_allclose(run.update[:20], 0.05, rtol=1e-5)
    assert run.gradient[0] == -3.5


def test_mini_batches_pull_by_what_they_drew():
    """Each batch of 4 adds the mean of four pushes of ±2√10 or 0 to the slope of the well."""
    noisy = setup(task=WELL, start=-1.0, learning_rate=0.1).but(batch_size=4, seed=3)
    run = compute(noisy)
    x = run.x[:200].astype(float)
    pushes = (run.gradient[:200] - (x + 1) * x * (x - 1.5)) / (2 * np.sqrt(10) / 4)
    np.testing.assert_allclose(pushes, np.round(pushes), atol=2e-3)
    assert set(np.round(pushes)) >= {-1, 0, 1}
    np.testing.assert_allclose(run.loss[:200], x**4 / 4 - x**3 / 6 - 3 * x**2 / 4, atol=1e-4)
    again, other = compute(noisy), compute(noisy.but(seed=4))
    np.testing.assert_array_equal(again.x, run.x)
    assert (other.x != run.x).any()


def _tilted(x, numbers):
    return 0.5 * numbers["curvature"] * jnp.sum(x**2) + numbers["tilt"] * x[0]


def test_a_task_with_parameters_in_two_dimensions():
    task = Task(_tilted, "lambda x: {curvature} * x.sum()")
    ours = Setup(task, "sgd", {"learning_rate": 0.1}, (2.0, -1.0))
    run = compute(ours.but(parameters={"curvature": 3.0, "tilt": 1.5}))
    assert run.x.shape == (1001, 2)
    np.testing.assert_allclose(run.x[1], [2 - 0.1 * (6 + 1.5), -1 + 0.1 * 3], rtol=1e-6)
    np.testing.assert_allclose(run.x[run.last], [-0.5, 0.0], atol=1e-5)
    assert run.row(0).slope == pytest.approx(np.hypot(7.5, 3.0))


def test_contradictions_are_refused_in_the_librarys_words():
    with pytest.raises(ValueError, match="give momentum as well"):
        compute(setup(nesterov=True))
    with pytest.raises(ValueError, match="has no speed"):
        compute(setup(speed=1.0))


def test_optax_and_jdescent_agree_on_the_page_too():
    ours = compute(setup("adam", learning_rate=0.1))
    theirs = compute(setup("optax.adam", learning_rate=0.1))
    np.testing.assert_allclose(ours.x[:100], theirs.x[:100], atol=1e-5)
    assert METHODS["optax.adam"].factory is optax.adam
