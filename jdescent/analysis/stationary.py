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

import numpy as np
from jaxtyping import Array, Float

from jdescent.analysis.inputs import Reals, namespace, require, require_positive
from jdescent.analysis.stability_limits import heavy_ball_limit, nesterov_limit


def sgd_variance(learning_rate: Reals, curvature: Reals, noise_variance: Reals) -> Reals:
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


def heavy_ball_variance(
    learning_rate: Reals, curvature: Reals, momentum: Reals, noise_variance: Reals
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
    require_positive(learning_rate=learning_rate)
    is_stable = learning_rate < heavy_ball_limit(curvature, momentum)
    xp = namespace(learning_rate, curvature, momentum, noise_variance)
    margin = xp.where(is_stable, 2 * (1 + momentum) - learning_rate * curvature, 1.0)
    variance = (
        learning_rate * noise_variance * (1 + momentum) / (curvature * (1 - momentum) * margin)
    )
    return xp.where(is_stable, variance, xp.inf)[()]


def nesterov_variance(
    learning_rate: Reals, curvature: Reals, momentum: Reals, noise_variance: Reals
) -> Reals:
    """Stationary variance of x under Nesterov's momentum, t ← g + βt, x ← x − η(g + βt).

    The iterate is the process x = φ₁x₋₁ + φ₂x₋₂ + e + θe₋₁ with φ₁ = (1+β)(1−ηλ),
    φ₂ = −β(1−ηλ), θ = −β/(1+β) and Var e = (ησ(1+β))², hence

    Var x = Var e · [(1−φ₂)(1+θ²) + 2θφ₁] / [(1+φ₂)((1−φ₂)² − φ₁²)]

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
    require_positive(learning_rate=learning_rate)
    is_stable = learning_rate < nesterov_limit(curvature, momentum)
    xp = namespace(learning_rate, curvature, momentum, noise_variance)
    left = 1 - learning_rate * curvature
    ar1, ar2 = (1 + momentum) * left, -momentum * left
    ma1 = -momentum / (1 + momentum)
    shock = learning_rate**2 * noise_variance * (1 + momentum) ** 2
    margin = xp.where(is_stable, (1 + ar2) * (1 - ar2 - ar1) * (1 - ar2 + ar1), 1.0)
    variance = shock * ((1 - ar2) * (1 + ma1**2) + 2 * ma1 * ar1) / margin
    return xp.where(is_stable, variance, xp.inf)[()]


def epoch_shuffled_variance(
    learning_rate: Reals, curvature: Reals, noise_variance: Reals, batches: Reals
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
    require("batches", batches, lambda entries: entries >= 2, "at least 2")
    independent = sgd_variance(learning_rate, curvature, noise_variance)
    xp = namespace(learning_rate, curvature, noise_variance, batches)
    is_stable = xp.isfinite(independent)
    over_epoch = xp.where(is_stable, 1 - learning_rate * curvature, 0.0) ** batches
    undone = noise_variance * (1 - over_epoch) / (batches * curvature**2 * (1 + over_epoch))
    return batches / (batches - 1) * (independent - undone)


def regression_excess(
    x: Float[Array, "n d"] | Float[np.ndarray, "n d"],
    y: Float[Array, " n"] | Float[np.ndarray, " n"],
    learning_rate: float,
    batch_size: int,
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
        The excess loss, in float64; inf where second moments grow.

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
    x, y, best = _least_squares(x, y)
    step = _moment_step(x, y, best, learning_rate, batch_size, replace)
    d = best.size
    moments = step.reshape((d + 1,) * 4)
    linear = moments[:d, :d, :d, :d].reshape(d * d, d * d)
    if np.abs(np.linalg.eigvals(linear)).max() >= 1:
        return np.inf
    constant = moments[:d, :d, d, d].ravel()
    second = np.linalg.solve(np.eye(d * d) - linear, constant).reshape(d, d)
    return float(np.sum(second * (x.T @ x)) / len(x))


def regression_descent(
    x: Float[Array, "n d"] | Float[np.ndarray, "n d"],
    y: Float[Array, " n"] | Float[np.ndarray, " n"],
    start: Float[Array, " d"] | Float[np.ndarray, " d"],
    learning_rate: float,
    batch_size: int,
    steps: int,
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
        The excess loss at steps 0, 1, …; float64, shape (steps + 1,).

    Raises:
        ValueError: as `regression_excess`; a start of another length.

    Example:
        >>> x, y = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 1.0, 4.0])
        >>> print(regression_descent(x, y, np.zeros(1), 0.01, batch_size=2, steps=3).round(3))
        [5.357 4.427 3.659 3.026]

    Reference:
        Mulayoff & Michaeli, *Exact Mean Square Linear Stability Analysis for SGD*, 2024.
    """
    require("steps", steps, lambda entries: entries >= 1, "at least 1")
    x, y, best = _least_squares(x, y)
    if np.shape(start) != best.shape:
        raise ValueError(
            f"start must have shape {best.shape}, one entry a column of x, got {np.shape(start)}"
        )
    step = _moment_step(x, y, best, learning_rate, batch_size, replace)
    first = np.append(np.asarray(start, float) - best, 1.0)
    moments = np.outer(first, first).ravel()
    weight = np.zeros((first.size, first.size))
    weight[:-1, :-1] = x.T @ x / len(x)
    excess = [weight.ravel() @ moments]
    for _ in range(steps):
        moments = step @ moments
        excess.append(weight.ravel() @ moments)
    return np.array(excess)


def _least_squares(x, y) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features and targets in float64, and the one w* of least squares."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if y.shape != x.shape[:1]:
        raise ValueError(f"x has {len(x)} rows and y {y.size} targets: there must be as many")
    best, _, rank, _ = np.linalg.lstsq(x, y)
    if rank < x.shape[1]:
        raise ValueError(
            f"x has {x.shape[1]} columns of rank {rank}: remove those that depend on the others, "
            "as along them the noise is never undone"
        )
    return x, y, best


def _moment_step(
    x: np.ndarray,
    y: np.ndarray,
    best: np.ndarray,
    learning_rate: float,
    batch_size: int,
    replace: bool,
) -> np.ndarray:
    """One step's linear map on E zzᵀ, z = (w − w*, 1), as a matrix of side (d + 1)²."""
    n, d = x.shape
    require_positive(learning_rate=learning_rate)
    require("batch_size", batch_size, lambda b: (b >= 1) & (b <= n), f"from 1 to {n} examples")
    noise = 1 / batch_size if replace else (n - batch_size) / (batch_size * max(n - 1, 1))
    slopes = np.zeros((n, d + 1, d + 1))
    slopes[:, :d] = 2 * x[:, :, None] * np.column_stack([x, x @ best - y])[:, None, :]
    mean = slopes.mean(axis=0)
    contraction = np.eye(d + 1) - learning_rate * mean
    square = np.einsum("nij,nkl->ikjl", slopes, slopes, optimize=True) / n
    square = square.reshape((d + 1) ** 2, -1)
    return np.kron(contraction, contraction) + learning_rate**2 * noise * (
        square - np.kron(mean, mean)
    )
