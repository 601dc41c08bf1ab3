import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jdescent import analysis

STEPS = st.floats(-1.0, 6.0)  # ηλ, from a saddle's unstable side to far beyond every limit
CURVATURES = st.floats(1e-2, 1e2)
MOMENTA = st.floats(0.0, 0.99)


def heavy_ball_map(rate, curvature, momentum):
    """v ← βv − ηg, x ← x + v as a matrix on (x, v)."""
    return np.array([[1 - rate * curvature, momentum], [-rate * curvature, momentum]])


def nesterov_map(rate, curvature, momentum):
    """y = x + β(x − x₋₁), x ← y − ηλy as a matrix on (x, x₋₁)."""
    left = 1 - rate * curvature
    return np.array([[(1 + momentum) * left, -momentum * left], [1.0, 0.0]])


def radius(matrix):
    return np.abs(np.linalg.eigvals(matrix)).max()


def assert_is_radius(rate, matrix):
    # eigenvalues move by sqrt(eps·‖M‖) when the matrix is rounded at a double root
    np.testing.assert_allclose(rate, radius(matrix), atol=4 * np.sqrt(2e-16 * np.abs(matrix).max()))


@given(STEPS, CURVATURES)
def test_gradient_descent_contracts_by_one_minus_step(step, curvature):
    np.testing.assert_allclose(
        analysis.gd_rate(step / curvature, curvature), abs(1 - step), atol=1e-14
    )


@given(STEPS, CURVATURES, MOMENTA)
def test_heavy_ball_rate_is_the_spectral_radius_of_its_update(step, curvature, momentum):
    rate = step / curvature
    assert_is_radius(
        analysis.heavy_ball_rate(rate, curvature, momentum),
        heavy_ball_map(rate, curvature, momentum),
    )


@given(STEPS, CURVATURES, MOMENTA)
def test_nesterov_rate_is_the_spectral_radius_of_its_update(step, curvature, momentum):
    rate = step / curvature
    assert_is_radius(
        analysis.nesterov_rate(rate, curvature, momentum), nesterov_map(rate, curvature, momentum)
    )


@given(CURVATURES, MOMENTA)
def test_rates_cross_one_at_the_stability_limits(curvature, momentum):
    pairs = (
        (analysis.heavy_ball_rate, analysis.heavy_ball_limit),
        (analysis.nesterov_rate, analysis.nesterov_limit),
    )
    for rate, limit in pairs:
        edge = limit(curvature, momentum)
        assert rate(edge * (1 - 1e-3), curvature, momentum) < 1
        assert rate(edge * (1 + 1e-3), curvature, momentum) > 1
        np.testing.assert_allclose(rate(edge, curvature, momentum), 1, atol=1e-12)


@given(st.floats(0.01, 0.99), st.floats(0.0, 1.0))
def test_heavy_ball_rate_is_sqrt_momentum_on_its_whole_plateau(momentum, where):
    ends = (1 - momentum**0.5) ** 2, (1 + momentum**0.5) ** 2
    step = ends[0] + where * (ends[1] - ends[0])
    # just outside the plateau the rate leaves as sqrt(distance): one ulp of step is sqrt(eps)
    np.testing.assert_allclose(
        analysis.heavy_ball_rate(step, 1.0, momentum), momentum**0.5, atol=6e-8
    )


def test_heavy_balls_plateau_ends_at_3_7974_and_its_cliff_is_at_3_8():
    steps = np.array([3.7973, 3.8 * 0.999, 3.8, 3.81])
    rates = analysis.heavy_ball_rate(steps, np.ones(4), 0.9)
    np.testing.assert_allclose(rates[:2], 0.9**0.5, rtol=1e-12)
    assert rates[2] == pytest.approx(1)
    assert rates[3] > 1
    assert round((1 + 0.9**0.5) ** 2, 4) == 3.7974


@given(st.floats(0.01, 0.99), st.floats(0.0, 1.0))
def test_nesterov_rate_is_sqrt_of_momentum_times_what_is_left_up_to_step_1(momentum, where):
    first = ((1 - momentum) / (1 + momentum)) ** 2
    step = first + where * (1 - first)
    np.testing.assert_allclose(
        analysis.nesterov_rate(step, 1.0, momentum), np.sqrt(momentum * (1 - step)), atol=6e-8
    )


def test_nesterov_arrives_in_two_steps_where_step_is_1():
    assert analysis.nesterov_rate(0.5, 2.0, 0.9) == 0


def test_rates_are_exact_through_the_double_root():
    # around a root of the discriminant the moduli are √D(1 ± √δ): evaluate on both sides of it
    momentum = 0.81
    double_root = (1 - 0.9) ** 2
    offsets = np.array([-1e-6, -1e-9, 0.0, 1e-9, 1e-6])
    rates = analysis.heavy_ball_rate(double_root + offsets, 1.0, momentum)
    gap = np.sqrt(np.maximum(-offsets, 0) * ((1 + 0.9) ** 2 - double_root - offsets))
    expected = np.where(offsets < 0, (1 + momentum - double_root - offsets + gap) / 2, 0.9)
    np.testing.assert_allclose(rates, expected, rtol=2e-8)


@pytest.mark.parametrize(
    ("tune", "rates"),
    [
        (analysis.tuned_gd, (0.33333, 0.98020)),
        (analysis.tuned_heavy_ball, (0.17157, 0.81818)),
        (analysis.standard_nesterov, (0.29289, 0.90000)),
        (analysis.tuned_nesterov, (0.24407, 0.88472)),
    ],
)
def test_tuned_rates_have_their_known_values_at_condition_2_and_100(tune, rates):
    found = tune(np.array([2.0, 1.0]), np.array([4.0, 100.0])).rate
    np.testing.assert_array_equal(np.round(found, 5), rates)


def test_chebyshevs_bound_has_its_known_values():
    assert f"{analysis.chebyshev_bound(10, 2.0, 4.0):.2e}" == "4.42e-08"
    assert round(analysis.chebyshev_bound(10, 1.0, 100.0), 5) == 0.26409


RATE_OF = {
    analysis.tuned_gd: lambda rate, curvature, momentum: analysis.gd_rate(rate, curvature),
    analysis.tuned_heavy_ball: analysis.heavy_ball_rate,
    analysis.standard_nesterov: analysis.nesterov_rate,
    analysis.tuned_nesterov: analysis.nesterov_rate,
}


@pytest.mark.parametrize("tune", RATE_OF, ids=lambda tune: tune.__name__)
@given(smallest=CURVATURES, condition=st.floats(1.0, 1e4))
def test_a_tuning_delivers_its_rate_on_the_slowest_curvature(tune, smallest, condition):
    tuning = tune(smallest, smallest * condition)
    curvatures = smallest * np.append(np.geomspace(1.0, condition, 40), condition)
    rates = RATE_OF[tune](tuning.learning_rate, curvatures, tuning.momentum)
    # at a double root a rounded learning rate moves the rate by sqrt(eps·κ)
    np.testing.assert_allclose(rates.max(), tuning.rate, atol=4 * np.sqrt(2.3e-16 * condition))


@pytest.mark.parametrize(
    ("tune", "rate_of"),
    [
        (analysis.tuned_gd, analysis.gd_rate),
        (analysis.tuned_heavy_ball, analysis.heavy_ball_rate),
        (analysis.tuned_nesterov, analysis.nesterov_rate),
    ],
    ids=["gd", "heavy_ball", "nesterov"],
)
@pytest.mark.parametrize("condition", [2.0, 100.0, 1e4])
def test_no_learning_rate_and_momentum_on_a_grid_beat_the_tuning(tune, rate_of, condition):
    tuning = tune(1.0, condition)
    # a fine grid around the tuning and a coarse one over everything stable
    rates = tuning.learning_rate * np.concatenate(
        (np.linspace(0.05, 3, 200), np.linspace(0.98, 1.02, 201))
    )
    momenta = np.concatenate(
        (
            np.linspace(0, 0.999, 200),
            np.clip(tuning.momentum + 0.02 * np.linspace(-1, 1, 201), 0, 0.999),
        )
    )
    if tune is analysis.tuned_gd:
        worst = np.maximum(rate_of(rates, 1.0), rate_of(rates, condition))
    else:
        worst = np.maximum(
            rate_of(rates[:, None], np.ones((1, 1)), momenta[None, :]),
            rate_of(rates[:, None], np.full((1, 1), condition), momenta[None, :]),
        )
    slack = 4 * np.sqrt(2.3e-16 * condition)
    assert worst.min() >= tuning.rate - slack
    assert worst.min() <= 1 - (1 - tuning.rate) * 0.9  # the grid comes near: it is no straw man


@given(st.integers(1, 30), st.floats(1.1, 1e3))
def test_chebyshevs_bound_is_the_smallest_polynomial_on_the_spectrum(steps, condition):
    # |T_t(map of λ)/T_t(map of 0)| ≤ the bound everywhere, with equality at both ends
    center, half = (condition + 1) / 2, (condition - 1) / 2
    curvatures = np.append(np.linspace(1, condition, 200), condition)
    residual = np.cos(steps * np.arccos(np.clip((curvatures - center) / half, -1, 1)))
    at_zero = np.cosh(steps * np.arccosh(center / half))
    bound = analysis.chebyshev_bound(steps, 1.0, condition)
    np.testing.assert_allclose(np.abs(residual / at_zero).max(), bound, rtol=1e-9)


@given(st.integers(1, 50), st.floats(1.0, 1e4))
@example(13, 3.0)
def test_no_tuning_beats_chebyshevs_bound(steps, condition):
    """Where z²ᵗ < 1e-15 both are 2zᵗ; a rounding of z, or of its logarithm, counts t times."""
    tuned = min(tune(1.0, condition).rate for tune in RATE_OF)
    rounding = 1 + 2 * steps * np.finfo(float).eps
    assert analysis.chebyshev_bound(steps, 1.0, condition) <= 2 * tuned**steps * rounding + 1e-300


def test_rates_broadcast_map_and_differentiate_under_jax():
    rates = jnp.linspace(0.1, 3.7, 9)
    momenta = jnp.array([0.0, 0.5, 0.9])
    plane = jax.jit(jax.vmap(jax.vmap(analysis.heavy_ball_rate, (0, None, None)), (None, None, 0)))(
        rates, 1.0, momenta
    )
    assert plane.shape == (3, 9)
    assert plane.dtype == jnp.float32
    exact = analysis.heavy_ball_rate(
        np.asarray(rates, np.float64)[None, :], np.ones((1, 1)), np.array([[0.0], [0.5], [0.9]])
    )
    np.testing.assert_allclose(plane, exact, atol=3e-6)
    # on the plateau ρ = √β whatever the learning rate; off it the derivative is finite too
    slopes = jax.vmap(jax.grad(analysis.heavy_ball_rate), (0, None, None))(
        jnp.array([1.0, 3.9]), 1.0, 0.9
    )
    assert slopes[0] == 0
    step = 1e-6
    difference = analysis.heavy_ball_rate(3.9 + step, 1.0, 0.9) - analysis.heavy_ball_rate(
        3.9 - step, 1.0, 0.9
    )
    np.testing.assert_allclose(slopes[1], difference / (2 * step), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analysis.heavy_ball_rate(0.1, 1.0, 1.0), r"momentum must be in \[0, 1\), got 1.0"),
        (lambda: analysis.nesterov_rate(0.1, 1.0, -0.1), r"momentum must be in \[0, 1\), got -0.1"),
        (lambda: analysis.tuned_gd(0.0, 1.0), "smallest must be positive, got 0.0"),
        (
            lambda: analysis.tuned_heavy_ball(2.0, 1.0),
            "largest - smallest must be zero or",
        ),
    ],
)
def test_an_argument_outside_its_range_is_named_with_its_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_round_bowl_is_solved_in_one_step_whatever_array_the_steps_come_in():
    for steps in (np.arange(3), jnp.arange(3), [0, 1, 2]):
        np.testing.assert_array_equal(analysis.chebyshev_bound(steps, 2.0, 2.0), [1, 0, 0])
    for tune in (analysis.tuned_gd, analysis.tuned_heavy_ball, analysis.tuned_nesterov):
        assert tune(2.0, 2.0) == (0.5, 0.0, 0.0)
