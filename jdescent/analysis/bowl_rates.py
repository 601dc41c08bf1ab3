"""Convergence rates on quadratic bowls: the exact factor per step, the tuning that minimizes it.

On one curvature a momentum method obeys x ← T·x − D·x₋₁ in its last two positions; the factor per
step is the larger root modulus of r² − T·r + D. On a bowl the slowest curvature decides: take the
maximum over its curvatures. Functions accept floats, NumPy arrays (float64 stays float64) and JAX
arrays, and broadcast elementwise.
"""

from types import ModuleType
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp

from jdescent.analysis.inputs import (
    NON_NEGATIVE,
    Momentum,
    Positive,
    Real,
    Reals,
    count,
    elementwise,
    namespace,
    require,
)


class Tuning(NamedTuple):
    """Hyperparameters for a bowl with curvatures in [μ, L], and the factor per step they give."""

    learning_rate: Reals
    momentum: Reals
    rate: Reals


@elementwise
def gd_rate(learning_rate: Real, curvature: Real) -> Reals:
    """Factor per step of gradient descent, |1 − ηλ|.

    Args:
        learning_rate: η; any shape.
        curvature: λ, of either sign; broadcasts with η.

    Returns:
        ρ ≥ 0, elementwise; stable iff ρ < 1.

    Example:
        >>> gd_rate(0.5, 3.0)
        0.5

    Reference:
        Polyak, *Introduction to Optimization*, 1987, section 1.4.
    """
    return abs(1 - learning_rate * curvature)


@elementwise
def heavy_ball_rate(learning_rate: Real, curvature: Real, momentum: Momentum) -> Reals:
    """Asymptotic factor per step of the heavy ball, v ← βv − ηg, x ← x + v.

    ρ = max |r|, r² − (1+β−ηλ)r + β = 0;  ρ = √β while (1−√β)² ≤ ηλ ≤ (1+√β)²

    Args:
        learning_rate: η; any shape.
        curvature: λ, of either sign; broadcasts with η.
        momentum: β in [0, 1); broadcasts with η.

    Returns:
        ρ ≥ 0, elementwise; stable iff ρ < 1. A stable run may first grow: the map is non-normal.

    Raises:
        ValueError: a momentum is outside [0, 1).

    Example:
        >>> print(f"{heavy_ball_rate(1.0, 2.0, 0.81):.1f}")
        0.9

    Reference:
        Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964.
    """
    step = learning_rate * curvature
    xp = namespace(step, momentum)
    end = (1 + xp.sqrt(momentum)) ** 2
    discriminant = (step - (1 - momentum) ** 2 / end) * (step - end)
    return _larger_root_modulus(xp, 1 + momentum - step, momentum, discriminant)


@elementwise
def nesterov_rate(learning_rate: Real, curvature: Real, momentum: Momentum) -> Reals:
    """Asymptotic factor per step of Nesterov's momentum, t ← g + βt, x ← x − η(g + βt).

    ρ = max |r|, r² − (1+β)(1−ηλ)r + β(1−ηλ) = 0;
    ρ = √(β(1−ηλ)) while ((1−β)/(1+β))² ≤ ηλ ≤ 1, so that ρ = 0 at ηλ = 1

    Args:
        learning_rate: η; any shape.
        curvature: λ, of either sign; broadcasts with η.
        momentum: β in [0, 1); broadcasts with η.

    Returns:
        ρ ≥ 0, elementwise; stable iff ρ < 1.

    Raises:
        ValueError: a momentum is outside [0, 1).

    Example:
        >>> print(f"{nesterov_rate(0.25, 2.0, 0.5):.1f}")
        0.5

    Reference:
        Nesterov, *Introductory Lectures on Convex Optimization*, 2004, section 2.2.
    """
    step = learning_rate * curvature
    left = 1 - step
    discriminant = left * ((1 - momentum) ** 2 - (1 + momentum) ** 2 * step)
    xp = namespace(step, momentum)
    return _larger_root_modulus(xp, (1 + momentum) * left, momentum * left, discriminant)


def _larger_root_modulus(
    xp: ModuleType, trace: Reals, determinant: Reals, discriminant: Reals
) -> Reals:
    """Larger |r| of r² − trace·r + determinant.

    The discriminant comes in factored: trace² − 4·determinant cancels near the double root. The
    square root of the branch not taken is that of 1, so that derivatives stay finite.
    """
    is_real = discriminant > 0
    real_modulus = (abs(trace) + xp.sqrt(xp.where(is_real, discriminant, 1.0))) / 2
    complex_modulus = xp.sqrt(xp.where(is_real, 1.0, determinant))
    return xp.where(is_real, real_modulus, complex_modulus)[()]


@elementwise
def tuned_gd(smallest: Positive, largest: Positive) -> Tuning:
    """Fastest constant learning rate of gradient descent on a bowl.

    η = 2/(μ+L),  ρ = (κ−1)/(κ+1),  κ = L/μ

    Args:
        smallest: μ > 0, the smallest curvature; any shape.
        largest: L ≥ μ, the largest curvature.

    Returns:
        The learning rate, momentum 0, and the factor per step.

    Raises:
        ValueError: curvatures that are not positive, or smallest above largest.

    Example:
        >>> tuning = tuned_gd(2.0, 4.0)
        >>> f"{tuning.learning_rate:.5f} {tuning.rate:.5f}"
        '0.33333 0.33333'

    Reference:
        Polyak, *Introduction to Optimization*, 1987, section 1.4.
    """
    total = smallest + largest
    return Tuning(2 / total, 0.0, curvature_span(smallest, largest) / total)


@elementwise
def tuned_heavy_ball(smallest: Positive, largest: Positive) -> Tuning:
    """Fastest constant learning rate and momentum of the heavy ball on a bowl.

    η = 4/(√L+√μ)²,  β = ρ²,  ρ = (√κ−1)/(√κ+1),  κ = L/μ

    Both ends of the spectrum sit at a double root, where the error first behaves as t·ρᵗ.

    Args:
        smallest: μ > 0, the smallest curvature; any shape.
        largest: L ≥ μ, the largest curvature.

    Returns:
        The learning rate, the momentum, and the factor per step.

    Raises:
        ValueError: curvatures that are not positive, or smallest above largest.

    Example:
        >>> tuning = tuned_heavy_ball(2.0, 4.0)
        >>> f"{tuning.learning_rate:.5f} {tuning.momentum:.5f} {tuning.rate:.5f}"
        '0.34315 0.02944 0.17157'

    Reference:
        Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964.
    """
    total = largest * (1 + (smallest / largest) ** 0.5) ** 2
    rate = curvature_span(smallest, largest) / total  # the difference of the roots would cancel
    return Tuning(4 / total, rate**2, rate)


@elementwise
def standard_nesterov(smallest: Positive, largest: Positive) -> Tuning:
    """Nesterov's own constants for a strongly convex function.

    η = 1/L,  β = (√κ−1)/(√κ+1),  ρ = 1 − 1/√κ,  κ = L/μ

    They hold for every smooth strongly convex function; on a bowl `tuned_nesterov` is faster.

    Args:
        smallest: μ > 0, the smallest curvature; any shape.
        largest: L ≥ μ, the largest curvature.

    Returns:
        The learning rate, the momentum, and the factor per step on a bowl.

    Raises:
        ValueError: curvatures that are not positive, or smallest above largest.

    Example:
        >>> f"{standard_nesterov(1.0, 100.0).rate:.5f}"
        '0.90000'

    Reference:
        Nesterov, *Introductory Lectures on Convex Optimization*, 2004, section 2.2. The rate on
        bowls: Lessard, Recht & Packard, *Analysis and Design of Optimization Algorithms via
        Integral Quadratic Constraints*, 2016, proposition 1.
    """
    total = 1 + (smallest / largest) ** 0.5
    rate = curvature_span(smallest, largest) / largest / total
    return Tuning(1 / largest, rate / total, rate)


@elementwise
def tuned_nesterov(smallest: Positive, largest: Positive) -> Tuning:
    """Fastest constant learning rate and momentum of Nesterov's method on a bowl.

    η = 4/(3L+μ),  β = (√(3κ+1)−2)/(√(3κ+1)+2),  ρ = 1 − 2/√(3κ+1),  κ = L/μ

    Args:
        smallest: μ > 0, the smallest curvature; any shape.
        largest: L ≥ μ, the largest curvature.

    Returns:
        The learning rate, the momentum, and the factor per step.

    Raises:
        ValueError: curvatures that are not positive, or smallest above largest.

    Example:
        >>> f"{tuned_nesterov(1.0, 100.0).rate:.5f}"
        '0.88472'

    Reference:
        Lessard, Recht & Packard, *Analysis and Design of Optimization Algorithms via Integral
        Quadratic Constraints*, 2016, proposition 1.
    """
    total = 3 * largest + smallest
    share = 1 + 2 * (smallest / total) ** 0.5  # 1 + 2/√(3κ+1)
    rate = 3 * curvature_span(smallest, largest) / total / share
    return Tuning(4 / total, rate / share, rate)


@elementwise
def chebyshev_bound(
    steps: Annotated[Reals, count(0)], smallest: Positive, largest: Positive
) -> Reals:
    """Smallest worst-case error factor that t gradient steps can reach on a bowl, by any method.

    2zᵗ/(1+z²ᵗ),  z = (√κ−1)/(√κ+1),  κ = L/μ

    No method whose iterates stay in the span of the gradients does better on every start;
    Chebyshev's recurrence attains it. The tuned heavy ball has the same exponent, z per step.

    Args:
        steps: t ≥ 0, whole numbers; any shape.
        smallest: μ > 0, the smallest curvature.
        largest: L ≥ μ, the largest curvature.

    Returns:
        The factor on the distance after t steps, elementwise.

    Raises:
        ValueError: steps that are negative or no whole number, curvatures that are not positive,
            or smallest above largest.

    Example:
        >>> f"{chebyshev_bound(10, 1.0, 100.0):.5f}"
        '0.26409'

    Reference:
        Saad, *Iterative Methods for Sparse Linear Systems*, 2003, sections 6.11 and 12.3;
        Nesterov, *Introductory Lectures on Convex Optimization*, 2004, section 2.1.
    """
    xp = namespace(steps, smallest, largest)
    ratio = (smallest / largest) ** 0.5
    apart = curvature_span(smallest, largest) / largest
    # −ln z, by log1p: z is close to 1 on a bowl of large κ, and 0 on a round one
    folds = xp.log1p(2 * ratio * (1 + ratio) / apart)
    power = xp.where(steps > 0, xp.exp(-xp.where(steps > 0, steps, 1.0) * folds), 1.0)
    return 2 * power / (1 + power**2)


def curvature_span(smallest: Reals, largest: Reals) -> Reals:
    """L − μ, refused where it is negative (NaN where that is traced)."""
    difference = largest - smallest
    if isinstance(difference, jax.core.Tracer):
        return jnp.where(difference >= 0, difference, jnp.nan)
    require("largest - smallest", difference, NON_NEGATIVE, hint="swap the two")
    return difference
