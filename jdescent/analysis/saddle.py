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

import math
from types import ModuleType
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.scipy import special as jax_special

from jdescent.analysis.inputs import (
    Momentum,
    Negative,
    NonNegative,
    Positive,
    Range,
    Reals,
    count,
    elementwise,
    namespace,
    require,
)

# of ln|Z|, Z standard normal
MEAN_LOG_NORMAL = -(np.euler_gamma + math.log(2)) / 2
DEVIATION_LOG_NORMAL = np.pi / math.sqrt(8)

FEWEST_SPREADS = 3.0
LITTLE_NOISE = Range(
    "at least 3",
    lambda ratio: ratio >= FEWEST_SPREADS,
    finite=False,
    hint="with more noise a run leaves within its first steps, where these formulas do not hold; "
    "lower noise_variance or learning_rate, or raise threshold",
)
ROUNDINGS = 4
NODES = tuple(map(np.ndarray.tolist, np.polynomial.legendre.leggauss(12)))


class SaddleSteps(NamedTuple):
    """Mean and standard deviation of the number of steps a run with noise stays at a saddle."""

    mean: Reals
    deviation: Reals


@elementwise
def saddle_growth(learning_rate: Positive, curvature: Negative, momentum: Momentum = 0.0) -> Reals:
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
    return 1 + _modes(learning_rate, curvature, momentum).growth


@elementwise
def saddle_spread(
    learning_rate: Positive,
    curvature: Negative,
    noise_variance: NonNegative,
    momentum: Momentum = 0.0,
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
    modes = _modes(learning_rate, curvature, momentum)
    xp = namespace(modes.growth, noise_variance)
    one_kick = learning_rate * xp.sqrt(noise_variance)
    gain = (1 + modes.growth) / (modes.gap * xp.sqrt(modes.growth * (2 + modes.growth)))
    return one_kick * gain


@elementwise
def saddle_steps(
    distance: NonNegative,
    threshold: Positive,
    learning_rate: Positive,
    curvature: Negative,
    momentum: Momentum = 0.0,
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
    modes = _modes(learning_rate, curvature, momentum)
    xp = namespace(distance, threshold, modes.growth)
    projected = distance * modes.share
    leaves = projected > 0
    start = xp.where(leaves, projected, 1.0)
    is_near = threshold < 2 * start
    ratio = xp.where(is_near, (threshold - start) / start, 1.0)
    folds = xp.where(is_near, xp.log1p(ratio), xp.log(threshold) - xp.log(start))
    steps = folds / xp.log1p(modes.growth)
    # a run that is at the threshold after a whole number of steps has left, rounding or not
    whole = xp.ceil(steps * (1 - ROUNDINGS * xp.finfo(steps.dtype).eps))
    steps = xp.where(distance >= threshold, 0.0, xp.maximum(whole, 1.0))
    return xp.where(leaves, steps, xp.inf)[()]


@elementwise
def noisy_saddle_steps(
    threshold: Positive,
    learning_rate: Positive,
    curvature: Negative,
    noise_variance: Positive,
    momentum: Momentum = 0.0,
) -> SaddleSteps:
    """Mean and standard deviation of the steps from a saddle itself, at rest, with gradient noise.

    E t = [ln(δ/s_b) + (γ_E + ln 2)/2]/ln r + ½,   sd t = √(π²/(8 ln² r) + 1/12)

    with Euler's γ_E = 0.5772…: the moments of ln|Z| for a standard normal Z; the ½ and 1/12 are
    those of rounding up to a whole step, and never less than one step. They hold for s_b ≪ δ: the
    error of the mean is below (s_b/δ)²/ln r steps, and s_b > δ/3 is refused.

    Args:
        threshold: δ > 0, the distance on either side at which the run has left; any shape.
        learning_rate: η > 0.
        curvature: −γ < 0, the negative curvature at the saddle.
        noise_variance: σ² > 0, of the gradient of one step along this axis.
        momentum: β in [0, 1) of the heavy ball.

    Returns:
        Mean and standard deviation, in steps, elementwise.

    Raises:
        ValueError: an argument is outside its range, or the noise is too large.

    Example:
        >>> steps = noisy_saddle_steps(1.0, 0.05, -1.0, noise_variance=1e-4)
        >>> print(f"{steps.mean:.1f} ± {steps.deviation:.1f}")
        145.9 ± 22.8
    """
    spread = saddle_spread(learning_rate, curvature, noise_variance, momentum)
    apart = _noise_distance(threshold, spread)
    xp = namespace(apart, learning_rate, curvature, momentum)
    folds = xp.log1p(_modes(learning_rate, curvature, momentum).growth)
    mean = (xp.log(apart) - MEAN_LOG_NORMAL) / folds + 0.5
    folds = xp.where(apart > 0, folds, xp.nan)
    deviation = xp.sqrt((DEVIATION_LOG_NORMAL / folds) ** 2 + 1 / 12)
    return SaddleSteps(xp.maximum(mean, 1.0), deviation)


@elementwise
def saddle_survival(
    steps: Annotated[Reals, count(1)],
    threshold: Positive,
    learning_rate: Positive,
    curvature: Negative,
    noise_variance: Positive,
    momentum: Momentum = 0.0,
    distance: NonNegative = 0.0,
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
        S, elementwise; 0 where the run starts at the threshold or beyond.

    Raises:
        ValueError: an argument is outside its range, or the noise is too large (s_b > δ/3).

    Example:
        >>> shares = saddle_survival(np.array([100, 150, 200]), 1.0, 0.05, -1.0, 1e-4)
        >>> print(shares.round(3))
        [1.    0.329 0.03 ]
    """
    spread = saddle_spread(learning_rate, curvature, noise_variance, momentum)
    spread = threshold / _noise_distance(threshold, spread)
    modes = _modes(learning_rate, curvature, momentum)
    xp = namespace(steps, threshold, spread, distance)
    edge = threshold * xp.exp(-steps * xp.log1p(modes.growth))
    share = _share_within(xp, edge, distance * modes.share, spread * 2**0.5)
    return xp.where(distance >= threshold, 0.0, share)[()]


class _Modes(NamedTuple):
    """r − 1, r − r₋, and the share of a start at rest that grows: x_t → share · x₀ rᵗ."""

    growth: Reals
    gap: Reals
    share: Reals


def _modes(learning_rate: Reals, curvature: Reals, momentum: Reals) -> _Modes:
    """From g² + (1−β−ηγ)g − ηγ = 0 for g = r − 1, as sums of positive terms."""
    xp = namespace(learning_rate, curvature, momentum)
    step = -learning_rate * curvature
    linear = 1 - momentum - step
    gap = xp.hypot(linear, 2 * xp.sqrt(step))
    growth = xp.where(linear > 0, 2 * step / (gap + abs(linear)), (gap - linear) / 2)
    return _Modes(growth, gap, (1 - momentum + growth) / gap)


def _noise_distance(threshold: Reals, spread: Reals) -> Reals:
    """δ/s_b, refused where the noise is too large for the formulas (NaN where that is traced)."""
    apart = threshold / spread
    if isinstance(apart, jax.core.Tracer):
        return jnp.where(apart >= FEWEST_SPREADS, apart, jnp.nan)
    require("threshold / saddle_spread", apart, LITTLE_NOISE)
    return apart


def _share_within(xp: ModuleType, edge: Reals, center: Reals, scale: Reals) -> Reals:
    """P(|Y| < edge) for Y ~ N(center, scale²/2), without differences of nearly equal numbers."""
    special = scipy.special if xp is np else jax_special
    near, far = (edge - center) / scale, (edge + center) / scale
    apart = special.erfc(-near) - special.erfc(far)
    around = special.erf(near) + special.erf(far)
    wide = xp.where(near < 0, apart, around) / 2

    is_narrow = (edge <= scale) & (4 * edge * center <= scale**2)
    half = xp.where(is_narrow, edge / scale, 0.0)
    middle = xp.where(is_narrow, center / scale, 0.0)
    densities = sum(w * xp.exp(-((half * u - middle) ** 2)) for u, w in zip(*NODES, strict=True))
    return xp.where(is_narrow, half * densities / math.sqrt(np.pi), wide)
