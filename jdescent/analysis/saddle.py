"""How long descent stays at a saddle: one step away from it multiplies the distance by r > 1.

Along an axis of negative curvature −γ the heavy ball (β = 0: gradient descent) obeys

    x_{t+1} = (1 + β + ηγ)x_t − βx_{t−1} − ηξ_t,   r² − (1 + β + ηγ)r + β = 0

with roots r > 1 and r₋ < 1; without momentum r = 1 + ηγ and r₋ = 0. Without noise a run at rest at
a distance ε leaves after about ln(δ/ε)/ln r steps, and never from ε = 0. White gradient noise ξ of
variance σ² moves it off: x_t/r^t tends to a Gaussian variable Y, and the run is at the distance
δ when r^t = δ/|Y|. What is left out are terms of relative size (sd Y/δ)² and (ε/δ)², and the part
of the start that r₋ damps.

Functions accept floats, NumPy arrays (float64 stays float64) and JAX arrays, and broadcast
elementwise.

Reference:
    Du et al., *Gradient Descent Can Take Exponential Time to Escape Saddle Points*, 2017; Jin et
    al., *How to Escape Saddle Points Efficiently*, 2017 (the logarithm in both; constants here).
"""

from typing import NamedTuple

import numpy as np
import scipy
from jax.scipy import special as jax_special

from jdescent.analysis.inputs import (
    Reals,
    namespace,
    require,
    require_momentum,
    require_positive,
)

# of ln|Z|, Z standard normal
MEAN_LOG_NORMAL = -(np.euler_gamma + np.log(2)) / 2
DEVIATION_LOG_NORMAL = np.pi / np.sqrt(8)


class SaddleSteps(NamedTuple):
    """Mean and standard deviation of the number of steps a run with noise stays at a saddle."""

    mean: Reals
    deviation: Reals


def saddle_growth(learning_rate: Reals, curvature: Reals, momentum: Reals = 0.0) -> Reals:
    """Factor per step by which the distance from a saddle grows in the long run.

    r = (s + √(s² − 4β))/2,  s = 1 + β + ηγ;  without momentum r = 1 + ηγ

    Args:
        learning_rate: η > 0; any shape.
        curvature: −γ < 0, the negative curvature at the saddle.
        momentum: β in [0, 1) of the heavy ball.

    Returns:
        r > 1, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> print(saddle_growth(0.05, -1.0))
        1.05
        >>> print(f"{saddle_growth(0.05, -1.0, momentum=0.9):.4f}")
        1.2000
    """
    return _roots(learning_rate, curvature, momentum)[0]


def saddle_spread(
    learning_rate: Reals, curvature: Reals, noise_variance: Reals, momentum: Reals = 0.0
) -> Reals:
    """Standard deviation of the limit of x_t/r^t for a run with noise that starts on a saddle.

    s_b = ησ·r / ((r − r₋)√(r² − 1));  without momentum s_b = ησ/√(r² − 1)

    Noise acts as if the run had started at a random distance of this size, without noise.

    Args:
        learning_rate: η > 0; any shape.
        curvature: −γ < 0, the negative curvature at the saddle.
        noise_variance: σ² ≥ 0, of the gradient of one step along this axis.
        momentum: β in [0, 1) of the heavy ball.

    Returns:
        s_b, elementwise, in the unit of x.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> print(f"{saddle_spread(0.05, -1.0, noise_variance=1e-4):.6f}")
        0.001562
    """
    require("noise_variance", noise_variance, lambda entries: entries >= 0, "zero or positive")
    growing, damped = _roots(learning_rate, curvature, momentum)
    xp = namespace(growing, noise_variance)
    one_kick = learning_rate * xp.sqrt(noise_variance)
    return one_kick * growing / ((growing - damped) * xp.sqrt(growing**2 - 1))


def saddle_steps(
    distance: Reals,
    threshold: Reals,
    learning_rate: Reals,
    curvature: Reals,
    momentum: Reals = 0.0,
) -> Reals:
    """Steps without noise from rest at one distance from a saddle to another.

    t = ⌈ln(δ/ε)/ln r⌉, with ε·r(1 − r₋)/(r − r₋) in place of ε under momentum (then a step may be
    missing or too many where ε is not small against δ)

    Args:
        distance: ε ≥ 0 from the saddle, along the axis of negative curvature; any shape.
        threshold: δ > 0, the distance at which the run has left.
        learning_rate: η > 0.
        curvature: −γ < 0, the negative curvature at the saddle.
        momentum: β in [0, 1) of the heavy ball.

    Returns:
        t, a whole number, elementwise; 0 where ε ≥ δ and inf where ε = 0.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> print(saddle_steps(1e-6, 1.0, 0.05, -1.0), saddle_steps(0.0, 1.0, 0.05, -1.0))
        284.0 inf
    """
    require("distance", distance, lambda entries: entries >= 0, "zero or positive")
    require_positive(threshold=threshold)
    growing, _ = _roots(learning_rate, curvature, momentum)
    xp = namespace(distance, threshold, growing)
    projected = distance * _share_that_grows(learning_rate, curvature, momentum)
    leaves = projected > 0
    folds = xp.log(threshold / xp.where(leaves, projected, 1.0)) / xp.log(growing)
    steps = xp.where(distance >= threshold, 0.0, xp.maximum(xp.ceil(folds), 0.0))
    return xp.where(leaves, steps, xp.inf)[()]


def noisy_saddle_steps(
    threshold: Reals,
    learning_rate: Reals,
    curvature: Reals,
    noise_variance: Reals,
    momentum: Reals = 0.0,
) -> SaddleSteps:
    """Mean and standard deviation of the steps from a saddle itself, at rest, with gradient noise.

    E t = [ln(δ/s_b) + (γ_E + ln 2)/2]/ln r + ½,   sd t = √(π²/(8 ln² r) + 1/12)

    with Euler's γ_E = 0.5772…: the moments of ln|Z| for a standard normal Z; the ½ and 1/12 are
    those of rounding up to a whole step. Under s_b ≪ δ only.

    Args:
        threshold: δ > 0, the distance on either side at which the run has left; any shape.
        learning_rate: η > 0.
        curvature: −γ < 0, the negative curvature at the saddle.
        noise_variance: σ² > 0, of the gradient of one step along this axis.
        momentum: β in [0, 1) of the heavy ball.

    Returns:
        Mean and standard deviation, in steps, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> steps = noisy_saddle_steps(1.0, 0.05, -1.0, noise_variance=1e-4)
        >>> print(f"{steps.mean:.1f} ± {steps.deviation:.1f}")
        145.9 ± 22.8
    """
    require_positive(threshold=threshold, noise_variance=noise_variance)
    spread = saddle_spread(learning_rate, curvature, noise_variance, momentum)
    growth = saddle_growth(learning_rate, curvature, momentum)
    xp = namespace(threshold, spread, growth)
    folds = xp.log(growth)
    mean = (xp.log(threshold / spread) - MEAN_LOG_NORMAL) / folds + 0.5
    return SaddleSteps(mean, xp.sqrt((DEVIATION_LOG_NORMAL / folds) ** 2 + 1 / 12))


def saddle_survival(
    steps: Reals,
    threshold: Reals,
    learning_rate: Reals,
    curvature: Reals,
    noise_variance: Reals,
    momentum: Reals = 0.0,
    distance: Reals = 0.0,
) -> Reals:
    """Probability that a run with noise is still nearer than δ to a saddle after t ≥ 1 steps.

    S(t) = P(|Y| < δ/r^t),  Y ~ N(ε r(1 − r₋)/(r − r₋), s_b²)

    The mean number of steps is Σ S(t) over t = 0, 1, …, with S(0) = 1.

    Args:
        steps: t ≥ 1; any shape.
        threshold: δ > 0, the distance on either side at which the run has left.
        learning_rate: η > 0.
        curvature: −γ < 0, the negative curvature at the saddle.
        noise_variance: σ² > 0, of the gradient of one step along this axis.
        momentum: β in [0, 1) of the heavy ball.
        distance: ε ≥ 0, where the run starts, at rest.

    Returns:
        S, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> shares = saddle_survival(np.array([100, 150, 200]), 1.0, 0.05, -1.0, 1e-4)
        >>> print(shares.round(3))
        [1.    0.329 0.03 ]
    """
    require("steps", steps, lambda entries: entries >= 1, "at least 1")
    require("distance", distance, lambda entries: entries >= 0, "zero or positive")
    require_positive(threshold=threshold, noise_variance=noise_variance)
    spread = saddle_spread(learning_rate, curvature, noise_variance, momentum)
    growth = saddle_growth(learning_rate, curvature, momentum)
    center = distance * _share_that_grows(learning_rate, curvature, momentum)
    xp = namespace(steps, threshold, spread, growth, center)
    erf = scipy.special.erf if xp is np else jax_special.erf
    edge, scale = threshold * growth ** (-1.0 * steps), spread * 2**0.5
    return (erf((edge - center) / scale) + erf((edge + center) / scale)) / 2


def _roots(learning_rate: Reals, curvature: Reals, momentum: Reals) -> tuple[Reals, Reals]:
    """The growing and the damped root of r² − (1 + β + ηγ)r + β."""
    require_positive(learning_rate=learning_rate)
    require("curvature", curvature, lambda entries: entries < 0, "negative")
    require_momentum(momentum=momentum)
    xp = namespace(learning_rate, curvature, momentum)
    total = 1 + momentum - learning_rate * curvature
    growing = (total + xp.sqrt(total**2 - 4 * momentum)) / 2
    return growing, momentum / growing


def _share_that_grows(learning_rate: Reals, curvature: Reals, momentum: Reals) -> Reals:
    """The part of a start at rest along the growing root: x_t → share · x₀ r^t."""
    growing, damped = _roots(learning_rate, curvature, momentum)
    return growing * (1 - damped) / (growing - damped)
