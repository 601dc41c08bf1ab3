"""Where the heavy ball cycles: the paper's polynomial, the interpolation conditions, the class."""

import numpy as np
import pytest

from jdescent import analysis

LENGTHS = np.array([2, 3, 4, 5, 8, 13, 40])


def tunings(count=4_000):
    """Random (η, β, μ, K) within the stable region of curvature 1, evenly and near its ends."""
    generator = np.random.default_rng(0)
    momentum = 1 - 10 ** generator.uniform(-4, 0, count)
    rate = 2 * (1 + momentum) * 10 ** generator.uniform(-4, 0, count)
    return (
        rate,
        momentum,
        10 ** generator.uniform(-4, -0.1, count),
        generator.choice(LENGTHS, count),
    )


def polynomial(rate, momentum, kappa, length):
    """Goujaud, Taylor and Dieuleveut's; their κ is μ/L, and L = 1."""
    c, x = np.cos(2 * np.pi / length), kappa * rate
    return (
        x**2
        - 2 * (momentum - c + kappa * (1 - momentum * c)) * x
        + 2 * kappa * (1 - c) * (1 + momentum**2 - 2 * momentum * c)
    )


def slack(rate, momentum, smallest, length):
    """Least of the interpolation conditions of the cycle's points, all of one value, L = 1."""
    x = np.exp(2j * np.pi * np.arange(length) / length)
    g = ((1 + momentum) * x - np.roll(x, -1) - momentum * np.roll(x, 1)) / rate
    apart, bent = x[0] - x[1:], g[0] - g[1:]
    inner = lambda u, v: (np.conj(u) * v).real  # noqa: E731
    form = abs(bent) ** 2 + smallest * abs(apart) ** 2 - 2 * smallest * inner(bent, apart)
    return np.min(-inner(g[1:], apart) - form / (2 * (1 - smallest)))


def test_margin_and_the_papers_polynomial_have_opposite_signs():
    rate, momentum, kappa, length = tunings()
    form = polynomial(rate, momentum, kappa, length)
    margin = analysis.heavy_ball_cycle_margin(rate, momentum, kappa, 1.0, length)
    decided = abs(margin) > 1e-9
    assert decided.mean() > 0.99
    assert 0.1 < np.mean(margin > 0) < 0.9
    np.testing.assert_array_equal(margin[decided] > 0, form[decided] < 0)


def test_margin_is_positive_where_a_function_of_the_class_interpolates_the_cycle():
    rate, momentum, smallest, length = (values[:400] for values in tunings())
    margin = analysis.heavy_ball_cycle_margin(rate, momentum, smallest, 1.0, length)
    slacks = np.array([slack(*at) for at in zip(rate, momentum, smallest, length, strict=True)])
    decided = abs(margin) > 1e-6
    np.testing.assert_array_equal(margin[decided] > 0, slacks[decided] > 0)


def test_margin_knows_no_unit_of_curvature():
    rate, momentum, smallest, length = tunings(50)
    margin = analysis.heavy_ball_cycle_margin(rate, momentum, smallest, 1.0, length)
    scaled = analysis.heavy_ball_cycle_margin(rate / 8, momentum, 8 * smallest, 8.0, length)
    np.testing.assert_allclose(margin, scaled, rtol=0, atol=1e-12)


def test_two_points_are_a_cycle_between_the_stability_limits_of_both_curvatures():
    """K = 2: ημ ≤ 2(1 + β) ≤ ηL."""
    for rate, cycles in ((1.9, False), (2.1, True), (19.0, True), (21.0, False)):
        margin = analysis.heavy_ball_cycle_margin(rate, 0.0, 0.1, 1.0, 2)
        assert (margin > 0) == cycles


def test_what_is_no_cycle_is_refused():
    with pytest.raises(ValueError, match=r"length must be at least 2, got 1"):
        analysis.heavy_ball_cycle_margin(1.0, 0.5, 0.1, 1.0, 1)
