import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdescent import analysis

CURVATURES = st.floats(1e-3, 1e3)
MOMENTA = st.floats(0.0, 0.99)
DECAYS = st.floats(0.0, 10.0)


def heavy_ball_map(rate, curvature, momentum, dampening=0.0, decay=0.0):
    """t ← (1−d)g + βt, x ← (1−ηw)x − ηt as a matrix on (x, t)."""
    gain = (1 - dampening) * curvature
    return [[1 - rate * decay - rate * gain, -rate * momentum], [gain, momentum]]


def nesterov_map(rate, curvature, momentum, dampening=0.0):
    """t ← (1−d)g + βt, x ← x − η((1−d)g + βt) as a matrix on (x, t)."""
    gain = (1 - dampening) * curvature
    return [
        [1 - rate * gain * (1 + momentum), -rate * momentum**2],
        [gain, momentum],
    ]


def radius(matrix):
    return np.abs(np.linalg.eigvals(np.array(matrix))).max()


def assert_flips_at(limit, matrix_at):
    assert radius(matrix_at(limit * (1 - 1e-3))) < 1 < radius(matrix_at(limit * (1 + 1e-3)))
    np.testing.assert_allclose(radius(matrix_at(limit)), 1, rtol=1e-9)


def limit_from_critical(critical_sharpness, sharpness):
    """critical_sharpness is c/η: the η at which it equals the sharpness."""
    return critical_sharpness(1.0) / sharpness


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        (analysis.gd_limit(3.0), 0.666667),
        (analysis.heavy_ball_limit(3.0, 0.9), 1.26667),
        (analysis.ema_momentum_limit(3.0, 0.9), 12.6667),
        (analysis.heavy_ball_limit(3.0, 0.9, dampening=0.3), 1.80952),
        (analysis.nesterov_limit(3.0, 0.9), 0.452381),
        (limit_from_critical(analysis.rmsprop_critical_sharpness, 3 / 7), 4.66667),
        (limit_from_critical(analysis.adam_critical_sharpness, 3 / 7), 88.6667),
        (limit_from_critical(analysis.nadam_critical_sharpness, 3 / 7), 31.6667),
        (analysis.adamw_limit(3 / 7, 0.9, 0.4), 4.73310),
        (analysis.sgdw_limit(3.0, 0.9, 0.4), 1.01064),
        (analysis.heavy_ball_limit(3.0 + 0.4, 0.9), 1.11765),
    ],
)
def test_every_limit_has_its_known_value_at_curvature_3_and_momentum_0_9(limit, value):
    # the values carry six significant digits
    assert float(f"{limit:.6g}") == value


@given(CURVATURES)
def test_gradient_descent_flips_at_2_over_curvature(curvature):
    limit = analysis.gd_limit(curvature)
    assert_flips_at(limit, lambda rate: [[1 - rate * curvature]])


@given(CURVATURES, MOMENTA, MOMENTA)
def test_heavy_ball_with_dampening_flips_at_its_limit(curvature, momentum, dampening):
    limit = analysis.heavy_ball_limit(curvature, momentum, dampening)
    assert_flips_at(limit, lambda rate: heavy_ball_map(rate, curvature, momentum, dampening))


@given(CURVATURES, MOMENTA)
def test_averaged_momentum_flips_at_its_limit(curvature, momentum):
    limit = analysis.ema_momentum_limit(curvature, momentum)
    assert_flips_at(limit, lambda rate: heavy_ball_map(rate, curvature, momentum, momentum))


@given(CURVATURES, MOMENTA)
def test_nesterov_flips_at_its_limit(curvature, momentum):
    limit = analysis.nesterov_limit(curvature, momentum)
    assert_flips_at(limit, lambda rate: nesterov_map(rate, curvature, momentum))


@given(CURVATURES, MOMENTA, DECAYS)
def test_decoupled_decay_flips_at_its_limit(curvature, momentum, decay):
    limit = analysis.sgdw_limit(curvature, momentum, decay)
    assert_flips_at(limit, lambda rate: heavy_ball_map(rate, curvature, momentum, decay=decay))


@given(CURVATURES, MOMENTA, DECAYS)
def test_adamw_with_a_frozen_preconditioner_flips_at_its_limit(sharpness, b1, decay):
    limit = analysis.adamw_limit(sharpness, b1, decay)
    assert_flips_at(limit, lambda rate: heavy_ball_map(rate, sharpness, b1, b1, decay))


@given(st.floats(1e-4, 10.0), MOMENTA)
def test_frozen_adaptive_methods_flip_at_their_critical_sharpness(rate, b1):
    assert_flips_at(
        analysis.rmsprop_critical_sharpness(rate), lambda sharpness: [[1 - rate * sharpness]]
    )
    assert_flips_at(
        analysis.adam_critical_sharpness(rate, b1),
        lambda sharpness: heavy_ball_map(rate, sharpness, b1, b1),
    )
    assert_flips_at(
        analysis.nadam_critical_sharpness(rate, b1),
        lambda sharpness: nesterov_map(rate, sharpness, b1, b1),
    )


def test_adam_and_nadam_thresholds_are_38_and_13_57_over_the_learning_rate():
    np.testing.assert_allclose(analysis.adam_critical_sharpness(1.0), 38)
    np.testing.assert_allclose(analysis.nadam_critical_sharpness(1.0), 38 / 2.8)


@given(CURVATURES)
def test_without_momentum_every_limit_is_gradient_descents(curvature):
    expected = pytest.approx(analysis.gd_limit(curvature), rel=1e-15)
    assert analysis.heavy_ball_limit(curvature, 0.0) == expected
    assert analysis.ema_momentum_limit(curvature, 0.0) == expected
    assert analysis.nesterov_limit(curvature, 0.0) == expected
    assert analysis.sgdw_limit(curvature, 0.0, 0.0) == expected
    assert analysis.adamw_limit(curvature, 0.0, 0.0) == expected


def second_moment_radius(rate, curvatures, batch_size):
    """Spectral radius of the map of E(wᵢ−w*ᵢ)² under SGD on Gaussian least squares."""
    diagonal = 1 - 2 * rate * curvatures + rate**2 * (1 + 1 / batch_size) * curvatures**2
    coupling = rate**2 / batch_size * np.outer(curvatures, curvatures)
    return radius(np.diag(diagonal) + coupling)


@given(st.lists(st.floats(0.01, 10.0), min_size=1, max_size=6), st.integers(1, 64))
def test_minibatch_limit_is_where_the_second_moments_stop_contracting(curvatures, batch_size):
    limit = analysis.minibatch_limit(curvatures, batch_size)
    spectrum = np.array(curvatures)
    assert second_moment_radius(limit * (1 - 1e-6), spectrum, batch_size) < 1
    assert second_moment_radius(limit * (1 + 1e-6), spectrum, batch_size) > 1


@given(CURVATURES, st.integers(1, 20), st.integers(1, 64))
def test_minibatch_limit_of_equal_curvatures_is_2b_over_b_plus_d_plus_1(curvature, d, batch_size):
    np.testing.assert_allclose(
        analysis.minibatch_limit([curvature] * d, batch_size),
        2 * batch_size / ((batch_size + d + 1) * curvature),
        rtol=1e-12,
    )


@pytest.mark.parametrize(("batch_size", "limit"), [(1, 0.1432), (8, 0.3938), (10**9, 0.5)])
def test_minibatch_limit_of_a_spread_spectrum_grows_to_2_over_the_largest(batch_size, limit):
    spectrum = (4.0, 2.0, 1.0, 0.5, 0.1)
    assert round(analysis.minibatch_limit(spectrum, batch_size), 4) == limit


def test_limits_keep_float64_under_numpy_and_map_and_differentiate_under_jax():
    curvatures = np.array([1.0, 3.0, 7.0])
    limits = analysis.heavy_ball_limit(curvatures, 0.9)
    assert limits.dtype == np.float64
    np.testing.assert_array_equal(limits, 3.8 / curvatures)
    mapped = jax.jit(jax.vmap(analysis.heavy_ball_limit, (0, None)))(
        jnp.asarray(curvatures, jnp.float32), 0.9
    )
    assert mapped.dtype == jnp.float32
    np.testing.assert_allclose(mapped, limits, rtol=3e-7)
    slope = jax.grad(lambda curvature: analysis.gd_limit(curvature))(2.0)
    assert slope == -0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analysis.gd_limit(0.0), "curvature must be positive, got 0.0"),
        (lambda: analysis.gd_limit(np.array([1.0, -2.0])), "curvature must be positive"),
        (lambda: analysis.gd_limit(float("nan")), "curvature must be positive, got nan"),
        (lambda: analysis.heavy_ball_limit(1.0, 1.0), r"momentum must be in \[0, 1\), got 1.0"),
        (lambda: analysis.heavy_ball_limit(1.0, 0.5, -0.1), r"dampening must be in \[0, 1\)"),
        (lambda: analysis.sgdw_limit(1.0, 0.5, -0.1), "weight_decay must be zero or positive"),
        (lambda: analysis.adam_critical_sharpness(-1.0), "learning_rate must be positive"),
        (lambda: analysis.minibatch_limit([], 1), r"curvatures must have shape \(d,\)"),
        (lambda: analysis.minibatch_limit([1.0], 0), "batch_size must be at least 1, got 0"),
        (
            lambda: analysis.minibatch_limit([1.0], 1.5),
            "batch_size must be a whole number, got 1.5",
        ),
    ],
)
def test_an_argument_outside_its_range_is_named_with_its_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("curvatures", ["abc", [1 + 1j], [None], [True]])
def test_curvatures_that_are_no_real_numbers_are_named(as_users_run, curvatures):
    with pytest.raises(
        TypeError, match="curvatures must be a real number or an array of them, got"
    ):
        analysis.minibatch_limit(curvatures, 1)


@pytest.mark.parametrize("kind", [float, np.int32, jnp.int32, jnp.float32])
def test_a_batch_size_counts_the_same_in_every_type(as_users_run, kind):
    assert analysis.minibatch_limit([1.0, 2.0], kind(3)) == analysis.minibatch_limit([1.0, 2.0], 3)


def test_rows_of_different_lengths_are_named(as_users_run):
    with pytest.raises(ValueError, match="curvatures must have rows of one length, got"):
        analysis.minibatch_limit([[1.0], [1.0, 2.0]], 1)
    with pytest.raises(ValueError, match="curvature must have rows of one length, got"):
        analysis.gd_limit([[1.0], [1.0, 2.0]])


@given(CURVATURES)
def test_the_limit_of_optimism_is_that_of_its_map(curvature):
    def matrix_at(rate):
        return [[1 - 2 * rate * curvature, rate * curvature], [1, 0]]

    assert_flips_at(analysis.optimistic_limit(curvature), matrix_at)


@given(CURVATURES, st.integers(1, 12), st.floats(0.05, 1.0))
def test_the_limit_of_lookahead_is_that_of_its_period(curvature, k, share):
    def matrix_at(rate):
        return [[1 - share + share * (1 - rate * curvature) ** k]]

    assert_flips_at(analysis.lookahead_limit(curvature, k, share), matrix_at)


@given(CURVATURES, MOMENTA)
def test_the_limit_of_schedule_free_is_that_of_its_steps(curvature, b1):
    """z ← z − ηλ((1−β₁)z + β₁x) with an average x that stands still."""

    def matrix_at(rate):
        return [[1 - rate * curvature * (1 - b1)]]

    assert_flips_at(analysis.schedule_free_limit(curvature, b1), matrix_at)


def test_the_limits_of_lookahead_and_schedule_free_refuse_what_they_cannot_be():
    with pytest.raises(ValueError, match="whole number"):
        analysis.lookahead_limit(1.0, 2.5, 0.5)
    with pytest.raises(ValueError, match=r"in \(0, 1\]"):
        analysis.lookahead_limit(1.0, 2, 1.5)
    with pytest.raises(ValueError, match=r"in \[0, 1\)"):
        analysis.schedule_free_limit(1.0, 1.0)
