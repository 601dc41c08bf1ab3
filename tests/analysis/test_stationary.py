import itertools

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


@given(CURVATURES, st.floats(0.01, 0.95), VARIANCES, st.integers(2, 20))
def test_epoch_shuffled_variance_is_that_of_the_epochs_weighted_noise(
    curvature, fraction, noise, batches
):
    """Batches of one epoch that sum to zero have the covariance σ²m/(m−1)·(I − 11ᵀ/m)."""
    rate = fraction * analysis.gd_limit(curvature)
    weights = (1 - rate * curvature) ** np.arange(batches)
    centered = weights - weights.mean()
    shock = rate**2 * noise * batches / (batches - 1) * centered @ centered
    np.testing.assert_allclose(
        analysis.epoch_shuffled_variance(rate, curvature, noise, batches),
        shock / (1 - (1 - rate * curvature) ** (2 * batches)),
        rtol=1e-8,
    )


def test_long_epochs_have_the_variance_of_independent_steps():
    independent = analysis.sgd_variance(0.5, 2.0, 1.0)
    assert analysis.epoch_shuffled_variance(0.5, 2.0, 1.0, 10**6) == pytest.approx(independent)
    assert np.isinf(analysis.epoch_shuffled_variance(1.0, 2.0, 1.0, 4))


FEATURES = np.array([[1.0, 0.2], [-0.4, 1.1], [0.3, -0.8], [1.5, 0.9]])
TARGETS = np.array([0.7, -1.2, 0.4, 2.0])


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_regression_descent_is_the_mean_over_every_sequence_of_batches(size, replace):
    rate, start, rows = 0.1, np.array([2.0, -1.0]), range(len(TARGETS))
    draws = itertools.product(rows, repeat=size) if replace else itertools.combinations(rows, size)
    batches = [np.array(draw) for draw in draws]

    def excess(w):
        best = np.linalg.lstsq(FEATURES, TARGETS)[0]
        return np.mean((FEATURES @ w - TARGETS) ** 2) - np.mean((FEATURES @ best - TARGETS) ** 2)

    def step(w, batch):
        x, y = FEATURES[batch], TARGETS[batch]
        return w - rate * 2 / size * x.T @ (x @ w - y)

    once = [step(start, batch) for batch in batches]
    twice = [step(w, batch) for w in once for batch in batches]
    expected = [excess(start), np.mean([*map(excess, once)]), np.mean([*map(excess, twice)])]
    found = analysis.regression_descent(FEATURES, TARGETS, start, rate, size, 2, replace)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("replace", [True, False])
def test_regression_descent_settles_at_the_regression_excess(replace):
    path = analysis.regression_descent(FEATURES, TARGETS, np.zeros(2), 0.1, 2, 500, replace)
    settled = analysis.regression_excess(FEATURES, TARGETS, 0.1, 2, replace)
    np.testing.assert_allclose(path[-1], settled, rtol=1e-9)


def test_on_inputs_of_one_size_the_noise_is_white():
    """x = ±1: every example curves alike, λ = 2, and the noise is that of the residuals alone."""
    x, y = np.array([[1.0], [-1.0], [1.0], [-1.0]]), np.array([0.3, -1.2, 0.9, 0.8])
    residuals = y - x[:, 0] * np.mean(x[:, 0] * y)
    variance = np.mean((2 * residuals) ** 2)
    for size in (1, 3):
        np.testing.assert_allclose(
            analysis.regression_excess(x, y, 0.3, size),
            analysis.sgd_variance(0.3, 2.0, variance / size),  # ½λ = 1
            rtol=1e-12,
        )


def test_without_noise_descent_settles_at_least_squares_up_to_its_limit():
    curvatures = np.linalg.eigvalsh(2 * FEATURES.T @ FEATURES / 4)
    limit = analysis.gd_limit(curvatures.max())
    below, above = (
        analysis.regression_excess(FEATURES, TARGETS, factor * limit, 4, replace=False)
        for factor in (0.999, 1.001)
    )
    assert below == pytest.approx(0, abs=1e-12)
    assert np.isinf(above)


def test_smaller_batches_are_stable_up_to_smaller_rates():
    def is_stable(rate, size):
        return np.isfinite(analysis.regression_excess(FEATURES, TARGETS, rate, size))

    rates = np.linspace(0.05, 2, 200)
    limits = [rates[np.argmin([is_stable(rate, size) for rate in rates])] for size in (1, 2, 4)]
    assert np.all(np.diff(limits) > 0)


@pytest.mark.parametrize(
    ("x", "y", "size", "message"),
    [
        (FEATURES[:, [0, 0]], TARGETS, 1, "x has 2 columns of rank 1"),
        (FEATURES, TARGETS[:3], 1, "x has 4 rows and y 3 targets"),
        (FEATURES, TARGETS, 5, "batch_size must be from 1 to 4 examples, got 5"),
    ],
)
def test_regressions_without_an_answer_are_refused(as_users_run, x, y, size, message):
    with pytest.raises(ValueError, match=message):
        analysis.regression_excess(x, y, 0.1, size)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_short_epochs_of_small_steps_have_a_small_positive_variance(dtype):
    """For mηλ → 0 it is σ²η³λ m(m+1)/24: the noise of an epoch is undone but for its order."""
    products = np.array([1e-9, 1e-6, 1e-4], dtype)
    share = analysis.epoch_shuffled_variance(products, dtype(1), dtype(1), dtype(16))
    leading = products.astype(float) ** 3 * 16 * 17 / 24
    # the next order is mηλ/2 or less of it
    np.testing.assert_allclose(share, leading, rtol=1e-6 + 16 * products.max())


@pytest.mark.parametrize(
    "variance",
    [
        lambda noise: analysis.sgd_variance(0.1, 1.0, noise),
        lambda noise: analysis.heavy_ball_variance(0.1, 1.0, 0.9, noise),
        lambda noise: analysis.nesterov_variance(0.1, 1.0, 0.9, noise),
        lambda noise: analysis.epoch_shuffled_variance(0.1, 1.0, noise, 4),
    ],
)
def test_a_noise_variance_below_zero_is_refused(variance):
    assert variance(0.0) == 0
    with pytest.raises(ValueError, match=r"noise_variance must be zero or positive, got -1\.0"):
        variance(-1.0)
    with pytest.raises(ValueError, match=r"got -2\.0 at index \(1,\)"):
        variance(np.array([1.0, -2.0]))


@pytest.mark.parametrize("unit", 10.0 ** np.linspace(-300, -2, 40))
def test_a_feature_in_small_units_adds_nothing_to_the_excess(unit):
    """To first order in unit² it is as if only the residuals knew of the feature."""
    x, y = FEATURES * [1.0, unit], TARGETS
    residuals = y - FEATURES @ np.linalg.lstsq(FEATURES, y)[0]
    large = x[:, :1]
    for replace in (True, False):
        found = analysis.regression_excess(x, y, 0.1, 2, replace)
        alone = analysis.regression_excess(large, large[:, 0] + residuals, 0.1, 2, replace)
        np.testing.assert_allclose(found, alone, rtol=1e-12 + 30 * unit**2)


@given(st.integers(-450, 450), st.integers(-400, 400))
def test_regressions_do_not_depend_on_the_units_of_features_and_targets(x_power, y_power):
    """J is in units of y², the learning rate in those of 1/x²: powers of two change no digit."""
    s, t = 2.0**x_power, 2.0**y_power
    moved = s * FEATURES, t * TARGETS
    found = analysis.regression_excess(*moved, 0.1 / s / s, 2)
    assert found == t * t * analysis.regression_excess(FEATURES, TARGETS, 0.1, 2)
    start = np.array([2.0, -1.0])
    path = analysis.regression_descent(*moved, start * t / s, 0.1 / s / s, 2, 5)
    expected = t * t * analysis.regression_descent(FEATURES, TARGETS, start, 0.1, 2, 5)
    np.testing.assert_allclose(path, expected, rtol=1e-13)


def test_what_passes_the_largest_number_is_infinite():
    path = analysis.regression_descent(FEATURES, TARGETS, np.zeros(2), 50.0, 2, 3000)
    finite = path[np.isfinite(path)]
    assert 10 < finite.size < 300
    assert np.all(np.diff(finite) > 0)
    assert np.all(path[finite.size :] == np.inf)
    for factor in (1e100, 1e200, 1e307):
        assert analysis.regression_excess(factor * FEATURES, TARGETS, 0.1, 2) == np.inf
        path = analysis.regression_descent(factor * FEATURES, TARGETS, np.zeros(2), 0.1, 2, 2)
        np.testing.assert_allclose(path[0], 1.6, atol=1.6)
        assert path[2] == np.inf
    assert analysis.regression_excess(FEATURES, 1e200 * TARGETS, 0.1, 2) == np.inf
    assert analysis.regression_excess(1e-200 * FEATURES, TARGETS, 0.1, 2) == 0


def test_features_that_are_no_real_numbers_are_named(as_users_run):
    for x, y, name in ((1j * FEATURES, TARGETS, "x"), (FEATURES, TARGETS.astype(str), "y")):
        with pytest.raises(TypeError, match=f"{name} must be a real number or an array of them"):
            analysis.regression_excess(x, y, 0.1, 2)
    with pytest.raises(TypeError, match="start must be a real number or an array of them"):
        analysis.regression_descent(FEATURES, TARGETS, np.zeros(2, complex), 0.1, 2, 3)
