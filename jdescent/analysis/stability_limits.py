"""Largest stable learning rates: where one update of a method stops contracting on a quadratic.

On f(x) = ½λx² a method with linear memory is a linear map; it is stable while the spectral radius
of that map is below 1. Every limit below is the η at which it reaches 1. The functions are plain
arithmetic: they take floats, NumPy arrays (float64 stays float64) and JAX arrays (`jit`, `vmap`
and `grad` apply), and broadcast elementwise.

Coupled L2 decay of strength w adds w to the curvature: `heavy_ball_limit(curvature + w, momentum)`.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import scipy
from jaxtyping import Array

from jdescent.analysis.inputs import (
    BATCH,
    POSITIVE,
    Count,
    Momentum,
    NonNegative,
    Positive,
    Reals,
    Share,
    checked,
    elementwise,
    vector,
)


@elementwise
def gd_limit(curvature: Positive) -> Reals:
    """Largest stable learning rate of gradient descent.

    η < 2/λ

    Args:
        curvature: λ > 0, the largest Hessian eigenvalue; any shape.

    Returns:
        The limit, elementwise.

    Raises:
        ValueError: a curvature is not positive.

    Example:
        >>> gd_limit(2.0)
        1.0

    Reference:
        Polyak, *Introduction to Optimization*, 1987, section 1.4.
    """
    return 2 / curvature


@elementwise
def heavy_ball_limit(curvature: Positive, momentum: Momentum, dampening: Momentum = 0.0) -> Reals:
    """Largest stable learning rate of the heavy ball, v ← βv − ηg, x ← x + v.

    η < 2(1+β) / ((1−d)λ)

    The other convention, t ← g + βt, x ← x − ηt (optax, PyTorch), is the same map at a constant
    learning rate. Dampening d scales each gradient by 1−d.

    Args:
        curvature: λ > 0; any shape.
        momentum: β in [0, 1).
        dampening: d in [0, 1).

    Returns:
        The limit, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> round(heavy_ball_limit(3.0, 0.9), 6)
        1.266667

    Reference:
        Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964; the
        range in this form: Polyak, *Introduction to Optimization*, 1987, section 3.2.
    """
    return 2 * (1 + momentum) / (1 - dampening) / curvature


@elementwise
def ema_momentum_limit(curvature: Positive, momentum: Momentum) -> Reals:
    """Largest stable learning rate of momentum kept as an average, m ← βm + (1−β)g, x ← x − ηm.

    η < 2(1+β) / ((1−β)λ)

    The heavy ball whose dampening equals its momentum.

    Args:
        curvature: λ > 0; any shape.
        momentum: β in [0, 1).

    Returns:
        The limit, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> round(ema_momentum_limit(3.0, 0.9), 4)
        12.6667

    Reference:
        Polyak 1964 (see `heavy_ball_limit`), with η replaced by (1−β)η.
    """
    return heavy_ball_limit(curvature, momentum, dampening=momentum)


@elementwise
def nesterov_limit(curvature: Positive, momentum: Momentum) -> Reals:
    """Largest stable learning rate of Nesterov's momentum, t ← g + βt, x ← x − η(g + βt).

    η < (2+2β) / ((1+2β)λ)

    Args:
        curvature: λ > 0; any shape.
        momentum: β in [0, 1).

    Returns:
        The limit, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> round(nesterov_limit(3.0, 0.9), 6)
        0.452381

    Reference:
        Cohen, Kaur, Li, Kolter & Talwalkar, *Gradient Descent on Neural Networks Typically Occurs
        at the Edge of Stability*, 2021.
    """
    return (2 + 2 * momentum) / (1 + 2 * momentum) / curvature


@elementwise
def sgdw_limit(curvature: Positive, momentum: Momentum, weight_decay: NonNegative) -> Reals:
    """Largest stable learning rate of the heavy ball with decoupled decay.

    t ← g + βt,  x ← (1 − ηw)x − ηt:    η < 2(1+β) / (λ + (1+β)w)

    Args:
        curvature: λ > 0; any shape.
        momentum: β in [0, 1).
        weight_decay: w ≥ 0.

    Returns:
        The limit, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> round(sgdw_limit(3.0, 0.9, 0.4), 5)
        1.01064

    Reference:
        The method: Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, 2019,
        algorithm 1. The limit: Jury's conditions on r² − (1+β−ηλ−ηw)r + β(1−ηw).
    """
    return 2 * (1 + momentum) / (curvature + (1 + momentum) * weight_decay)


@elementwise
def adamw_limit(
    preconditioned_curvature: Positive, b1: Momentum, weight_decay: NonNegative
) -> Reals:
    """Largest stable learning rate of AdamW while its preconditioner P = 1/(√v̂ + ε) stands still.

    η < 2(1+β₁) / ((1−β₁)Pλ + (1+β₁)w)

    Args:
        preconditioned_curvature: Pλ > 0, the largest eigenvalue of P·Hessian; any shape.
        b1: β₁ in [0, 1).
        weight_decay: w ≥ 0, multiplied by η in the step.

    Returns:
        The limit, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> round(adamw_limit(3 / 7, 0.9, 0.4), 4)
        4.7331

    Reference:
        The method: Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, 2019,
        algorithm 2. The limit: `sgdw_limit` with λ replaced by (1−β₁)Pλ.
    """
    return sgdw_limit((1 - b1) * preconditioned_curvature, b1, weight_decay)


@elementwise
def optimistic_limit(curvature: Positive) -> Reals:
    """Largest stable learning rate of optimistic gradient descent, x ← x − η(2g − g₋₁).

    η < 2 / (3λ)

    Args:
        curvature: λ > 0; any shape.

    Returns:
        The limit, elementwise.

    Raises:
        ValueError: a curvature is not positive.

    Example:
        >>> round(optimistic_limit(3.0), 6)
        0.222222

    Reference:
        The method: Daskalakis, Ilyas, Syrgkanis & Zeng, *Training GANs with Optimism*, 2018,
        equation 4. The limit: Jury's conditions on r² − (1−2ηλ)r − ηλ.
    """
    return 2 / 3 / curvature


@elementwise
def schedule_free_limit(curvature: Positive, b1: Momentum = 0.9) -> Reals:
    """Largest stable learning rate of schedule-free SGD, in the limit of many steps.

    y = (1−β₁)z + β₁x,  z ← z − ηg(y),  x the average of z:    η < 2 / ((1−β₁)λ)

    The average moves by 1/t of the way, so that in the end z alone can grow, by 1 − η(1−β₁)λ a
    step. After T steps the limit is smaller by the share β₁ ln T / (2(1−β₁)T), and O(1/T).

    Args:
        curvature: λ > 0; any shape.
        b1: β₁ in [0, 1).

    Returns:
        The limit, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> round(schedule_free_limit(1.0, 0.9), 6)
        20.0

    Reference:
        The method: Defazio et al., *The Road Less Scheduled*, 2024, equations 1 to 3. The limit:
        derived here, to first order in 1/t.
    """
    return 2 / (1 - b1) / curvature


@elementwise
def lookahead_limit(curvature: Positive, sync_period: Count, slow_step_size: Share) -> Reals:
    """Largest stable learning rate of gradient descent in lookahead.

    Every k steps the slow weights go the share α of the way, x ← (1 − α + α(1−ηλ)ᵏ)x:

        η < 2/λ for even k,    η < (1 + ((2−α)/α)^{1/k}) / λ for odd k

    Args:
        curvature: λ > 0; any shape.
        sync_period: k, a whole number of steps.
        slow_step_size: α in (0, 1].

    Returns:
        The limit, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> round(lookahead_limit(1.0, 5, 0.5), 5)
        2.24573

    Reference:
        The method: Zhang, Lucas, Hinton & Ba, *Lookahead Optimizer: k steps forward, 1 step back*,
        2019, algorithm 1. The limit: derived here.
    """
    alternating = ((2 - slow_step_size) / slow_step_size) ** (1 / sync_period)
    odd = sync_period % 2
    return (2 * (1 - odd) + (1 + alternating) * odd) / curvature


@elementwise
def rmsprop_critical_sharpness(learning_rate: Positive) -> Reals:
    """Preconditioned sharpness Pλ above which RMSProp with a frozen preconditioner diverges.

    Pλ < 2/η,  P = 1/(√v + ε)

    Args:
        learning_rate: η > 0; any shape.

    Returns:
        The critical value of Pλ, elementwise.

    Raises:
        ValueError: a learning rate is not positive.

    Example:
        >>> rmsprop_critical_sharpness(0.5)
        4.0

    Reference:
        Cohen et al., *Adaptive Gradient Methods at the Edge of Stability*, 2022.
    """
    return 2 / learning_rate


@elementwise
def adam_critical_sharpness(learning_rate: Positive, b1: Momentum = 0.9) -> Reals:
    """Preconditioned sharpness Pλ above which Adam with a frozen preconditioner diverges.

    Pλ < (2+2β₁) / ((1−β₁)η),  P = 1/(√v̂ + ε): 38/η at β₁ = 0.9

    Args:
        learning_rate: η > 0; any shape.
        b1: β₁ in [0, 1).

    Returns:
        The critical value of Pλ, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> round(adam_critical_sharpness(0.1), 6)
        380.0

    Reference:
        Cohen et al., *Adaptive Gradient Methods at the Edge of Stability*, 2022.
    """
    return (2 + 2 * b1) / (1 - b1) / learning_rate


@elementwise
def nadam_critical_sharpness(learning_rate: Positive, b1: Momentum = 0.9) -> Reals:
    """Preconditioned sharpness Pλ above which Nadam with a frozen preconditioner diverges.

    Pλ < (2+2β₁) / ((1+2β₁)(1−β₁)η),  P = 1/(√v̂ + ε): 13.57/η at β₁ = 0.9

    Args:
        learning_rate: η > 0; any shape.
        b1: β₁ in [0, 1).

    Returns:
        The critical value of Pλ, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> round(nadam_critical_sharpness(0.1), 3)
        135.714

    Reference:
        The method: Dozat, *Incorporating Nesterov Momentum into Adam*, 2016. The limit:
        `nesterov_limit` with η replaced by (1−β₁)η.
    """
    return adam_critical_sharpness(learning_rate, b1) / (1 + 2 * b1)


@checked
def minibatch_limit(
    curvatures: Sequence[float] | np.ndarray | Array,
    batch_size: Annotated[int | float, BATCH],
) -> float:
    """Largest mean-square stable learning rate of SGD on least squares with Gaussian inputs.

    The root η of Σᵢ (ηλᵢ/B) / (2 − ηλᵢ(1 + 1/B)) = 1. With d equal curvatures λ it is
    2B / ((B+d+1)λ); with B → ∞ it is gradient descent's 2/λ_max. Above it E‖w−w*‖² grows,
    although single runs may still converge.

    Args:
        curvatures: λᵢ > 0, all eigenvalues of the input covariance; shape (d,).
        batch_size: B ≥ 1, a whole number of examples drawn afresh for each step; infinity for all
            there are.

    Returns:
        The limit, a float found to rounding by bracketing (SciPy's brentq).

    Raises:
        ValueError: no curvatures, one that is not positive, or a batch size that is below 1 or no
            whole number.

    Example:
        >>> round(minibatch_limit((4.0, 2.0, 1.0, 0.5, 0.1), batch_size=8), 4)
        0.3938

    Reference:
        Feuer & Weinstein, *Convergence Analysis of LMS Filters with Uncorrelated Gaussian Data*,
        1985 (batch size 1).
    """
    spectrum = vector("curvatures", curvatures, "d", POSITIVE)
    largest = float(spectrum.max())
    if np.isinf(batch_size):
        return 2 / largest
    relative, gap = spectrum / largest, (largest - spectrum) / largest

    def excess(u: float) -> float:
        return np.sum(relative / (gap * (batch_size + 1) + u)) - 1

    # η = 2B/(λmax(B+1+u)); u = 1 where only the largest curvature counts, u = d where all are equal
    u = scipy.optimize.brentq(excess, 0.5, 2 * spectrum.size, xtol=1e-15)
    return 2 / (largest * (1 + (1 + u) / batch_size))
