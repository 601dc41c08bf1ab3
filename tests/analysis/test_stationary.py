import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from jdescent import analysis

CURVATURES = st.floats(1e-2, 1e2)
MOMENTA = st.floats(0.0, 0.95)
FRACTIONS = st.floats(0.01, 0.98)  # of the largest stable learning rate
VARIANCES = st.floats(1e-3, 1e3)


def stationary_variance(update, noise_gain, noise_variance):
    """[0, 0] of the P that solves P = A P Aᵀ + σ² b bᵀ."""
    forcing = noise_variance * np.outer(noise_gain, noise_gain)
    return scipy.linalg.solve_discrete_lyapunov(np.array(update), forcing)[0, 0]


@given(CURVATURES, FRACTIONS, VARIANCES)
def test_sgd_variance_solves_the_lyapunov_equation(curvature, fraction, noise):
    rate = fraction * analysis.gd_limit(curvature)
    np.testing.assert_allclose(
        analysis.sgd_variance(rate, curvature, noise),
        stationary_variance([[1 - rate * curvature]], [rate], noise),
        rtol=1e-9,
    )


@given(CURVATURES, MOMENTA, FRACTIONS, VARIANCES)
def test_heavy_ball_variance_solves_the_lyapunov_equation(curvature, momentum, fraction, noise):
    rate = fraction * analysis.heavy_ball_limit(curvature, momentum)
    update = [[1 - rate * curvature, momentum], [-rate * curvature, momentum]]
    np.testing.assert_allclose(
        analysis.heavy_ball_variance(rate, curvature, momentum, noise),
        stationary_variance(update, [-rate, -rate], noise),
        rtol=1e-9,
    )


@given(CURVATURES, MOMENTA, FRACTIONS, VARIANCES)
def test_nesterov_variance_solves_the_lyapunov_equation(curvature, momentum, fraction, noise):
    rate = fraction * analysis.nesterov_limit(curvature, momentum)
    # on (x, t): g = λx + ξ, t ← g + βt, x ← x − η(g + βt) with the new t
    update = [
        [1 - rate * curvature * (1 + momentum), -rate * momentum**2],
        [curvature, momentum],
    ]
    np.testing.assert_allclose(
        analysis.nesterov_variance(rate, curvature, momentum, noise),
        stationary_variance(update, [-rate * (1 + momentum), 1.0], noise),
        rtol=1e-8,
    )


def test_variances_have_their_known_values():
    assert analysis.sgd_variance(0.5, 2.0, 1.0) == 0.25
    assert round(analysis.heavy_ball_variance(0.1, 3.0, 0.9, 0.7**2), 7) == 0.0886667
    assert round(analysis.nesterov_variance(0.1, 3.0, 0.9, 0.7**2), 7) == 0.0396104


@given(CURVATURES, FRACTIONS, VARIANCES)
def test_without_momentum_all_three_variances_agree(curvature, fraction, noise):
    rate = fraction * analysis.gd_limit(curvature)
    expected = pytest.approx(analysis.sgd_variance(rate, curvature, noise), rel=1e-12)
    assert analysis.heavy_ball_variance(rate, curvature, 0.0, noise) == expected
    assert analysis.nesterov_variance(rate, curvature, 0.0, noise) == expected


def test_small_steps_give_the_diffusion_temperature_over_the_curvature():
    rate, curvature, noise = 1e-6, 3.0, 2.0
    np.testing.assert_allclose(
        analysis.heavy_ball_variance(rate, curvature, 0.9, noise),
        analysis.temperature(rate, noise, momentum=0.9) / curvature,
        rtol=1e-6,
    )


def test_there_is_no_stationary_variance_at_or_beyond_the_stability_limit():
    rates = np.array([0.999, 1.0, 1.5]) * analysis.nesterov_limit(2.0, 0.9)
    variance = analysis.nesterov_variance(rates, 2.0, 0.9, 1.0)
    assert np.isfinite(variance[0])
    assert np.all(np.isinf(variance[1:]))
    assert np.isinf(analysis.sgd_variance(1.0, 2.0, 1.0))


def test_variances_map_and_differentiate_under_jax():
    rates = jnp.array([0.1, 0.5, 1.5])
    variance = jax.jit(jax.vmap(analysis.sgd_variance, (0, None, None)))(rates, 2.0, 1.0)
    assert variance.dtype == jnp.float32
    np.testing.assert_allclose(variance[:2], [0.1 / 3.6, 0.25], rtol=1e-6)
    assert jnp.isinf(variance[2])
    # d/dη of ησ²/(λ(2−ηλ)) is 2σ²/(λ(2−ηλ)²)
    np.testing.assert_allclose(jax.grad(analysis.sgd_variance)(0.5, 2.0, 1.0), 1.0, rtol=1e-6)


def test_a_learning_rate_that_is_not_positive_is_named():
    with pytest.raises(ValueError, match=r"learning_rate must be positive, got 0.0"):
        analysis.sgd_variance(0.0, 1.0, 1.0)
