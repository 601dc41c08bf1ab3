"""Where constant-rate SGD settles: on f(x) = ½λx² with gradient noise, and on linear regression.

On the parabola each step uses the gradient λx + ξ, with ξ independent of the past, mean 0 and
variance σ² (for a mini-batch of B draws with replacement: one example's variance / B). The mean
excess loss is ½λ·Var x. At or above the stability limit no stationary state exists and the variance
is inf.
Functions accept floats, NumPy arrays (float64 stays float64) and JAX arrays, and broadcast
elementwise.

On least squares over n examples the noise is not white: it depends on the parameters. Its second
moments are nevertheless exact, as one linear map a step: `regression_excess`, `regression_descent`.
"""

import math
from types import ModuleType
from typing import Annotated

import numpy as np
from jaxtyping import Array, Float

from jdescent.analysis.inputs import (
    POSITIVE,
    Momentum,
    NonNegative,
    Positive,
    Range,
    Reals,
    binary_scale,
    checked,
    count,
    elementwise,
    floats,
    namespace,
    require,
)
from jdescent.analysis.principal import principal
from jdescent.analysis.stability_limits import gd_limit, heavy_ball_limit, nesterov_limit

LAMBERT_DEPTH = 9  # levels of his continued fraction of tanh that are exact in float64 up to 1


@elementwise
def sgd_variance(
    learning_rate: Positive, curvature: Positive, noise_variance: NonNegative
) -> Reals:
    """Stationary variance of x under SGD.

    Var x = ησ² / (λ(2−ηλ))

    Args:
        learning_rate: η > 0; any shape.
        curvature: λ > 0.
        noise_variance: σ² ≥ 0, of the gradient of one step.

    Returns:
        The variance, elementwise; inf where η ≥ 2/λ.

    Raises:
        ValueError: a learning rate or curvature is not positive.

    Example:
        >>> print(sgd_variance(0.5, 2.0, 1.0))
        0.25

    Reference:
        Liu, Ziyin & Ueda, *Noise and Fluctuation of Finite Learning Rate Stochastic Gradient
        Descent*, 2021.
    """
    return heavy_ball_variance(learning_rate, curvature, 0.0, noise_variance)


@elementwise
def heavy_ball_variance(
    learning_rate: Positive, curvature: Positive, momentum: Momentum, noise_variance: NonNegative
) -> Reals:
    """Stationary variance of x under the heavy ball, v ← βv − ηg, x ← x + v.

    Var x = ησ²(1+β) / (λ(1−β)(2(1+β)−ηλ))

    Args:
        learning_rate: η > 0; any shape.
        curvature: λ > 0.
        momentum: β in [0, 1).
        noise_variance: σ² ≥ 0, of the gradient of one step.

    Returns:
        The variance, elementwise; inf where η ≥ 2(1+β)/λ.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> print(f"{heavy_ball_variance(0.1, 3.0, 0.9, 0.7**2):.7f}")
        0.0886667

    Reference:
        Liu, Ziyin & Ueda, *Noise and Fluctuation of Finite Learning Rate Stochastic Gradient
        Descent*, 2021.
    """
    limit = heavy_ball_limit(curvature, momentum)
    xp = namespace(learning_rate, curvature, momentum, noise_variance)
    is_stable = learning_rate < limit
    # 2(1+β) − ηλ, which is positive below the limit and not only up to rounding
    margin = curvature * xp.where(is_stable, limit - learning_rate, limit)
    variance = learning_rate / curvature * noise_variance * (1 + momentum) / (1 - momentum) / margin
    return xp.where(is_stable, variance, xp.inf)[()]


@elementwise
def nesterov_variance(
    learning_rate: Positive, curvature: Positive, momentum: Momentum, noise_variance: NonNegative
) -> Reals:
    """Stationary variance of x under Nesterov's momentum, t ← g + βt, x ← x − η(g + βt).

    The iterate is the process x = φ₁x₋₁ + φ₂x₋₂ + e + θe₋₁ with φ₁ = (1+β)(1−ηλ),
    φ₂ = −β(1−ηλ), θ = −β/(1+β) and Var e = (ησ(1+β))², hence

    Var x = Var e · [(1−φ₂)(1+θ²) + 2θφ₁] / [(1+φ₂)((1−φ₂)² − φ₁²)]
          = ησ²[1+β+β(1+2β)ηλ] / [λ(1−β+βηλ)(2+2β−(1+2β)ηλ)]

    Args:
        learning_rate: η > 0; any shape.
        curvature: λ > 0.
        momentum: β in [0, 1).
        noise_variance: σ² ≥ 0, of the gradient of one step.

    Returns:
        The variance, elementwise; inf where η ≥ (2+2β)/((1+2β)λ).

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> print(f"{nesterov_variance(0.1, 3.0, 0.9, 0.7**2):.7f}")
        0.0396104

    Reference:
        Box & Jenkins, *Time Series Analysis*, 1970, chapter 3 (variance of an ARMA process).
    """
    limit = nesterov_limit(curvature, momentum)
    xp = namespace(learning_rate, curvature, momentum, noise_variance)
    is_stable = learning_rate < limit
    step = learning_rate * curvature
    margin = (1 + 2 * momentum) * curvature * xp.where(is_stable, limit - learning_rate, limit)
    gain = 1 + momentum + momentum * (1 + 2 * momentum) * step
    forgotten = 1 - momentum + momentum * step
    variance = learning_rate / curvature * noise_variance * gain / forgotten / margin
    return xp.where(is_stable, variance, xp.inf)[()]


@elementwise
def epoch_shuffled_variance(
    learning_rate: Positive,
    curvature: Positive,
    noise_variance: NonNegative,
    batches: Annotated[Reals, count(2)],
) -> Reals:
    """Stationary variance of x at the end of an epoch of batches that leave no example out.

    The noise of the m steps of an epoch sums to zero, so that a step undoes part of the ones
    before it. With Var_SGD of independent steps and r = 1 − ηλ,

        Var x = m/(m−1) · [Var_SGD − σ²(1−rᵐ)/(mλ²(1+rᵐ))]

    Args:
        learning_rate: η > 0; any shape.
        curvature: λ > 0.
        noise_variance: σ² ≥ 0, of the gradient of one step.
        batches: m ≥ 2, steps of an epoch.

    Returns:
        The variance, elementwise; inf where η ≥ 2/λ.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> share = epoch_shuffled_variance(0.1, 1.0, 1.0, batches=16) / sgd_variance(0.1, 1.0, 1.0)
        >>> print(f"{share:.3f}")
        0.196

    Reference:
        The covariance −σ²/(m−1) of two batches of an epoch: Cochran, *Sampling Techniques*, 1977,
        section 2.6.
    """
    limit = gd_limit(curvature)
    xp = namespace(learning_rate, curvature, noise_variance, batches)
    is_stable = learning_rate < limit
    step = xp.where(is_stable, learning_rate * curvature, 1.0)
    margin = xp.where(is_stable, curvature * (limit - learning_rate), 1.0)  # 2 − ηλ
    share = batches / (batches - 1) * _epochs_share(xp, step, margin, batches)
    variance = learning_rate * noise_variance * learning_rate * share
    return xp.where(is_stable, variance, xp.inf)[()]


def _epochs_share(xp: ModuleType, step: Reals, margin: Reals, batches: Reals) -> Reals:
    """1/(1−r²) − (1−rᵐ)/(ma²(1+rᵐ)) for r = 1−a, as sums of positive terms.

    With |r| = e^{−2u} it is [a/(2−a) − tanh(mu)/m]/a², or with coth where rᵐ < 0. For r > 0 the
    first term is tanh u, and the difference cancels where mu is small: there tanh x is written as
    x − x³/D(x).
    """
    below_1 = step < 1
    u = -xp.log1p(-xp.where(below_1, step, margin)) / 2
    is_short = below_1 & (batches * u <= 1)

    over_epoch = xp.tanh(batches * u)
    over_epoch = xp.where(~below_1 & (batches % 2 == 1), 1 / over_epoch, over_epoch)
    direct = (step / margin - over_epoch / batches) / xp.where(is_short, 1.0, step**2)

    u = xp.where(is_short, u, 1 / batches)
    cubes = batches**2 / _tanh_remainder(batches * u) - 1 / _tanh_remainder(u)
    return xp.where(is_short, step * (u / step) ** 3 * cubes, direct)


def _tanh_remainder(x: Reals) -> Reals:
    """D(x) = x³/(x − tanh x) = x² + 3 + x²/(5 + x²/(7 + …)), for |x| ≤ 1."""
    fraction: Reals = LAMBERT_DEPTH * 2.0 + 1
    for odd in range(2 * LAMBERT_DEPTH - 1, 1, -2):
        fraction = odd + x**2 / fraction
    return x**2 + fraction


@checked
def regression_excess(
    x: Float[Array, "n d"] | Float[np.ndarray, "n d"],
    y: Float[Array, " n"] | Float[np.ndarray, " n"],
    learning_rate: Annotated[float, POSITIVE],
    batch_size: Annotated[int, count(1)],
    replace: bool = True,
) -> float:
    """Mean excess loss at which mini-batch SGD settles on least squares over n examples, exactly.

    E J(w) − J(w*) for J(w) = (1/n) Σ (xᵢ·w − yᵢ)², at the fixed point of the second moments of
    δ = w − w*. With residuals eᵢ at w*, Aᵢ = 2xᵢxᵢᵀ, H their mean, M = E δδᵀ and c = 1/B with
    replacement, (n−B)/(B(n−1)) without,

        M ← (I−ηH)M(I−ηH) + η²c[(1/n)Σ(AᵢMAᵢ + 4eᵢ²xᵢxᵢᵀ) − HMH],   E J(w) − J(w*) = ½ tr(HM)

    Args:
        x: features, one row an example, of full column rank; a column of ones for an intercept.
        y: targets.
        learning_rate: η > 0.
        batch_size: B, from 1 to n.
        replace: whether an example may come twice in a batch.

    Returns:
        The excess loss, in float64, whatever the units of the features; inf where second moments
        grow.

    Raises:
        ValueError: columns of x that depend on one another, lengths that differ, or an argument
            outside its range.

    Example:
        >>> x, y = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 1.0, 4.0])
        >>> for size in (1, 2, 3):
        ...     print(f"{regression_excess(x, y, 0.01, size, replace=False):.5f}")
        0.03866
        0.00949
        0.00000

    Reference:
        Mulayoff & Michaeli, *Exact Mean Square Linear Stability Analysis for SGD*, 2024 (the map
        without its constant term); Feuer & Weinstein, *Convergence Analysis of LMS Filters with
        Uncorrelated Gaussian Data*, 1985 (Gaussian inputs).
    """
    x, y = _examples(x, y)
    directions, sizes = principal(x)
    residuals = _residuals(directions, y)
    unit = binary_scale(residuals)
    spread = _spread(directions, residuals / unit, batch_size, replace)
    d = sizes.size
    with np.errstate(over="ignore"):
        kick = np.maximum(np.sqrt(learning_rate) * sizes, np.finfo(float).tiny)  # √(ηλ/2)
    if kick.max() >= 1:
        return np.inf  # not even the mean converges
    # (I − map)/η in units of λᵢ + λⱼ, a symmetric matrix: subtracting the map from I would cancel
    # where η is small, and without the units the rounding of large curvatures would hide small ones
    pair = (np.outer(kick, kick) / np.hypot.outer(kick, kick)).ravel() * np.sqrt(2)
    linear = np.eye(d * d) + spread[:d, :d, :d, :d].reshape(d * d, d * d)
    rates, modes = np.linalg.eigh(np.eye(d * d) - np.outer(pair, pair) * linear)
    if rates.min() <= 0:
        return np.inf
    second = modes @ (modes.T @ (pair * spread[:d, :d, d, d].ravel()) / rates)
    return unit * float(kick @ second[:: d + 1]) * unit


@checked
def regression_descent(
    x: Float[Array, "n d"] | Float[np.ndarray, "n d"],
    y: Float[Array, " n"] | Float[np.ndarray, " n"],
    start: Float[Array, " d"] | Float[np.ndarray, " d"],
    learning_rate: Annotated[float, POSITIVE],
    batch_size: Annotated[int, count(1)],
    steps: Annotated[int, count(1)],
    replace: bool = True,
) -> Float[np.ndarray, " rows"]:
    """Mean excess loss after every step of mini-batch SGD on least squares, exactly.

    E J(w_t) − J(w*) from the map of `regression_excess`, together with that of the mean, on the
    moments of z = (w − w*, 1): E zzᵀ ← E (I−ηÃ)zzᵀ(I−ηÃ)ᵀ with Ãᵢ = [[Aᵢ, −2eᵢxᵢ], [0, 0]].

    Args:
        x: features, shape (n, d), of full column rank; a column of ones for an intercept.
        y: targets, shape (n,).
        start: the first parameters, shape (d,).
        learning_rate: η > 0.
        batch_size: B, from 1 to n.
        steps: how many, ≥ 1.
        replace: whether an example may come twice in a batch.

    Returns:
        The excess loss at steps 0, 1, …; float64, shape (steps + 1,); inf once it has diverged.

    Raises:
        ValueError: as `regression_excess`; a start of another length.

    Example:
        >>> x, y = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 1.0, 4.0])
        >>> print(regression_descent(x, y, np.zeros(1), 0.01, batch_size=2, steps=3).round(3))
        [5.357 4.427 3.659 3.026]

    Reference:
        Mulayoff & Michaeli, *Exact Mean Square Linear Stability Analysis for SGD*, 2024.
    """
    x, y = _examples(x, y)
    directions, sizes = principal(x)
    start = floats("start", start)
    if start.shape != sizes.shape:
        raise ValueError(
            f"start must have shape {sizes.shape}, one entry a column of x, got {start.shape}"
        )
    residuals = _residuals(directions, y)
    with np.errstate(over="ignore", invalid="ignore"):
        first = directions.T @ (x @ start - y) / len(x)
        unit = binary_scale(np.append(residuals, first))
        spread = _spread(directions, residuals / unit, batch_size, replace)
        rates = 2 * learning_rate * sizes**2  # ηλ
        noise = _square(rates, 0.0)[:, None] * spread.reshape((sizes.size + 1) ** 2, -1)
        excess = _followed(_square(first / unit, 1.0), _square(1 - rates, 1.0), noise, steps)
        return unit * excess * unit


def _followed(
    moments: np.ndarray, contraction: np.ndarray, noise: np.ndarray, steps: int
) -> np.ndarray:
    """The excess on the way; inf from where a moment passes the largest number."""
    excess = np.full(steps + 1, np.inf)
    stride = math.isqrt(moments.size) + 1
    for step in range(steps + 1):
        if not np.isfinite(moments).all():
            break
        excess[step] = moments[:-1:stride].sum()
        moments = contraction * moments + noise @ moments
    return excess


def _square(entries: np.ndarray, last: float) -> np.ndarray:
    extended = np.append(entries, last)
    return np.outer(extended, extended).ravel()


def _examples(x: np.ndarray | Array, y: np.ndarray | Array) -> tuple[np.ndarray, np.ndarray]:
    x, y = floats("x", x), floats("y", y)
    if x.ndim != 2 or y.ndim != 1 or 0 in x.shape:
        raise ValueError(
            f"x must have shape (n, d) and y (n,) with n, d ≥ 1, got {x.shape} and {y.shape}"
        )
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y {y.size} targets: there must be as many")
    return x, y


def _residuals(directions: np.ndarray, y: np.ndarray) -> np.ndarray:
    """e = y − x·w*, without w*."""
    return y - directions @ (directions.T @ y / len(y))


def _spread(
    directions: np.ndarray, residuals: np.ndarray, batch_size: int, replace: bool
) -> np.ndarray:
    """c·E (G̃ᵢ − Ĩ)⊗(G̃ᵢ − Ĩ), how far a batch's slopes scatter, of shape (d + 1,)⁴.

    Along the principal axes V of x, in the unit √(λ/2) of the loss, a = √(λ/2)·V(w − w*), the
    excess is Σ aⱼ² and the step of example i is a ← a − ηλ·gᵢ(gᵢ·a − eᵢ), where g is x in units
    of its size on each axis. On (a, 1) that is G̃ᵢ = [[gᵢgᵢᵀ, −eᵢgᵢ], [0, 0]], of mean
    Ĩ = [[I, 0], [0, 0]].
    """
    n, d = directions.shape
    from_1_to_n = Range(f"from 1 to {n} examples", lambda b: (b >= 1) & (b <= n), whole=True)
    require("batch_size", batch_size, from_1_to_n)
    share = 1 / batch_size if replace else (n - batch_size) / (batch_size * max(n - 1, 1))
    slopes = np.zeros((n, d + 1, d + 1))
    augmented = np.column_stack([directions, -residuals])
    slopes[:, :d] = directions[:, :, None] * augmented[:, None, :]
    slopes[:, range(d), range(d)] -= 1
    return share / n * np.einsum("nij,nkl->ikjl", slopes, slopes, optimize=True)
