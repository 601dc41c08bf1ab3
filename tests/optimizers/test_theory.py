"""Closed forms that jdescent's own loop reproduces: stability limits, decay, cycles, variances."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import jdescent as jd

curvatures = st.floats(0.1, 100.0)
momenta = st.floats(0.0, 0.9)


@functools.partial(jax.jit, static_argnums=(0, 4, 5))
def final_distance(make, rate, momentum, curvature, steps, start=1.0):
    """|x| after the steps from a start on ½λx², with no stop."""
    optimizer = make(rate) if momentum is None else make(rate, momentum)
    path = jd.descend(
        lambda x: 0.5 * curvature * x**2,
        jnp.asarray(start, float),
        optimizer,
        steps,
        record=None,
        divergence=jnp.inf,
    )
    return jnp.abs(path.params)


def assert_flips(make, limit, momentum, curvature):
    """Shrinks a thousandth below the limit, grows a thousandth above it.

    There the slowest factor a step is at most 1 − 0.001 and at least 1 + 0.001: e^±4 in 4000 steps.
    """
    with jax.enable_x64(True):
        below, above = (
            float(final_distance(make, limit * by, momentum, curvature, 4000))
            for by in (1 - 1e-3, 1 + 1e-3)
        )
    assert below < 0.1
    assert above > 10


@given(curvatures)
def test_gradient_descent_flips_at_two_over_the_curvature(curvature):
    assert_flips(jd.sgd, 2 / curvature, None, curvature)


@given(curvatures, momenta)
def test_the_heavy_ball_flips_at_two_times_one_plus_momentum_over_the_curvature(curvature, beta):
    assert_flips(jd.heavy_ball, 2 * (1 + beta) / curvature, beta, curvature)


@given(curvatures, momenta)
def test_sgd_with_momentum_flips_where_the_heavy_ball_does(curvature, beta):
    assert_flips(jd.sgd, 2 * (1 + beta) / curvature, beta, curvature)


@given(curvatures, momenta)
def test_nesterov_flips_at_its_limit(curvature, beta):
    limit = (2 + 2 * beta) / ((1 + 2 * beta) * curvature)
    assert_flips(jd.nesterov, limit, beta, curvature)


@pytest.mark.parametrize("dampening", [0.3, 0.9])
def test_dampening_widens_the_stable_range_by_one_minus_its_share(dampening):
    make = functools.partial(jd.sgd, dampening=dampening)
    assert_flips(make, 2 * (1 + 0.9) / ((1 - dampening) * 3.0), 0.9, 3.0)


def test_x_minus_three_squared_follows_three_minus_three_times_0_8_to_the_n(x64):
    """f(x) = (x − 3)², start 0, rate 0.1, 50 steps, step by step."""
    path = jd.descend(
        jd.losses.parabola(), jnp.array(0.0), jd.sgd(0.1), steps=50, record=("params", "gradient")
    )
    exact = 3 - 3 * 0.8 ** np.arange(51)
    np.testing.assert_allclose(path.record["params"], exact, rtol=1e-14)
    np.testing.assert_allclose(path.record["gradient"], -6 * 0.8 ** np.arange(51), atol=1e-14)
    np.testing.assert_allclose(path.loss, 9 * 0.64 ** np.arange(51), rtol=1e-10)
    np.testing.assert_allclose(path.params, 3 - 3 * 0.8**50, rtol=1e-15)


def test_x_minus_three_squared_after_50_steps_in_float32():
    path = jd.descend(jd.losses.parabola(), 0.0, jd.sgd(0.1), steps=50)
    assert abs(float(path.params) - (3 - 3 * 0.8**50)) <= 3 * 2**-23


def test_each_axis_of_a_bowl_decays_by_its_own_factor(x64):
    """x² + 2y²: xₜ = (1 − 2η)ᵗ·x₀ and yₜ = (1 − 4η)ᵗ·y₀."""
    rates = jnp.array([0.05, 0.25, 1 / 3, 0.45, 0.5, 0.6])
    start = jnp.array([2.0, 1.0])
    paths = jax.vmap(
        lambda rate: jd.descend(
            jd.losses.bowl(), start, jd.sgd(rate), 40, record="params", divergence=jnp.inf
        ).record["params"]
    )(rates)
    n = np.arange(41)
    for rate, path in zip(np.asarray(rates), np.asarray(paths), strict=True):
        np.testing.assert_allclose(path[:, 0], 2 * (1 - 2 * rate) ** n, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(path[:, 1], (1 - 4 * rate) ** n, rtol=1e-12, atol=1e-15)


def test_climbing_leaves_a_bowl_by_one_plus_the_rate_times_the_curvature(x64):
    """Descending −f steps along +∇f: from 1 on ½λx², (1 + ηλ)ⁿ."""
    path = jd.descend(
        lambda x: -(x**2), 1.0, jd.sgd(0.1), steps=60, record="params", divergence=jnp.inf
    )
    np.testing.assert_allclose(path.record["params"], 1.2 ** np.arange(61), rtol=1e-12)


@settings(max_examples=10)
@given(st.floats(0.05, 1.9), st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_noisy_descent_settles_at_its_stationary_variance(step, curvature, sigma):
    """Var x = ησ²/(λ(2 − ηλ)): 4096 lanes estimate it to √(2/4096), judged at 5 standard errors."""
    variance = float(noisy_variance(step / curvature, curvature, sigma))
    rate = step / curvature
    exact = rate * sigma**2 / (curvature * (2 - rate * curvature))
    assert abs(variance / exact - 1) < 5 * np.sqrt(2 / 4096)


@jax.jit
def noisy_variance(rate, curvature, sigma):
    def end(key):
        noisy = jd.chain(jd.add_noise(key, sigma), jd.sgd(rate))
        return jd.descend(
            lambda x: 0.5 * curvature * x**2, jnp.zeros(()), noisy, 400, record=None
        ).params

    ends = jax.vmap(end)(jax.random.split(jax.random.key(20), 4096))
    return jnp.mean(ends**2)


@given(st.floats(-3.0, 3.0), st.floats(0.01, 1.0))
def test_sign_descent_ends_in_a_cycle_of_two_points_one_rate_apart(start, rate):
    """Around the minimum at 0: {r, r − η} for ever, so never further than η from it."""
    with jax.enable_x64(True):
        steps = int(np.ceil(abs(start) / rate)) + 1
        last = np.asarray(sign_path(start, rate))[steps : steps + 20]
    assume(np.all(last != 0))  # a run that hits the minimum exactly stays there
    assert np.abs(last).max() <= rate * (1 + 1e-9)
    np.testing.assert_allclose(np.abs(np.diff(last)), rate, rtol=1e-9)
    np.testing.assert_allclose(last[2:], last[:-2], atol=1e-9)


@jax.jit
def sign_path(start, rate):
    path = jd.descend(
        lambda x: x**2, jnp.asarray(start, float), jd.sign_sgd(rate), 330, record="params"
    )
    return path.record["params"]


def test_lion_hovers_at_half_a_rate_from_the_minimum_whatever_the_curvature(x64):
    """Lion (0.9, 0.99) without decay: mean |x| = 0.535·η and largest 1.45·η over many starts."""
    rate, starts = 0.01, jax.random.uniform(jax.random.key(0), (64,), minval=0.2, maxval=0.4)

    def hover(curvature):
        path = jd.descend(
            lambda x: 0.5 * curvature * jnp.sum(x**2),
            starts,
            jd.lion(rate, weight_decay=0.0),
            10_000,
            record="params",
        )
        return np.abs(np.asarray(path.record["params"])[5000:]) / rate

    flat, steep = hover(1.0), hover(128.0)
    np.testing.assert_array_equal(flat, steep)
    assert abs(flat.mean() - 0.535) < 0.01
    assert abs(flat.max() - 1.45) < 0.01


@pytest.mark.parametrize("rate", [0.1, 1.0, 10.0, 1e4])
def test_adagrad_converges_at_any_rate_once_its_root_exceeds_half_of_it(rate, x64):
    """On ½x² from 1: |x| never leaves max(1, η), and √s ends above ηλ/2 (but never twice it)."""
    optimizer = jd.adagrad(rate, initial_accumulator_value=0.0, eps=0.0)
    path = jd.descend(lambda x: 0.5 * x**2, jnp.array(1.0), optimizer, 3000, record="params")
    assert np.abs(path.record["params"]).max() <= max(1.0, rate)
    assert abs(path.params) < 1e-6 * rate
    root = float(jnp.sqrt(path.state.s)) / (rate / 2)
    assert root > 1
    if rate > 1:
        assert root < 2


@given(st.floats(1e-2, 1e4), curvatures)
def test_adagrad_never_diverges_on_a_quadratic(rate, curvature):
    with jax.enable_x64(True):
        assert float(final_distance(jd.adagrad, rate, None, curvature, 2000)) <= max(1.0, rate)


@pytest.mark.parametrize("curvature", [1.0, 100.0])
def test_rmsprop_settles_in_a_cycle_of_amplitude_half_a_rate(curvature, x64):
    """√v = |g| = λη/2 makes the preconditioned sharpness 2/η exactly, whatever λ."""
    rate = 0.01
    optimizer = jd.rmsprop(rate, 0.99, eps=0.0, bias_correction=True)
    path = jd.descend(
        lambda x: 0.5 * curvature * x**2, jnp.array(1.0), optimizer, 5000, record="params"
    )
    tail = np.asarray(path.record["params"])[-100:]
    np.testing.assert_allclose(np.abs(tail), rate / 2, rtol=1e-6)
    np.testing.assert_allclose(tail[1:], -tail[:-1], rtol=1e-6)


def test_the_heavy_ball_contracts_by_the_root_of_its_momentum_on_the_plateau(x64):
    """(1 − √β)² ≤ ηλ ≤ (1 + √β)²: the energy falls as βⁿ at any rate there."""
    beta = 0.81
    for step in (0.02, 0.5, 2.0, 3.5):
        x = final_distance(jd.heavy_ball, step, beta, 1.0, 400)
        y = final_distance(jd.heavy_ball, step, beta, 1.0, 401)
        norm = float(jnp.hypot(x, y))
        assert abs(np.log(norm) / 400 - np.log(0.9)) < 0.02


def test_a_stable_heavy_ball_near_its_limit_first_grows_tenfold(x64):
    """β = 0.9 and ηλ = 3.79 of 3.8: |x| reaches 10.52 before it decays."""
    path = jd.descend(
        lambda x: 0.5 * x**2, jnp.array(1.0), jd.heavy_ball(3.79, 0.9), 2000, record="params"
    )
    assert abs(np.abs(path.record["params"]).max() - 10.52) < 0.01
    assert abs(path.params) < 1e-10
    assert not path.verdict.diverged
