"""Where constant-rate SGD settles: stationary variance on f(x) = ½λx² with white gradient noise.

Each step uses the gradient λx + ξ, with ξ independent of the past, mean 0 and variance σ² (for a
mini-batch of B draws with replacement: one example's variance / B). The mean excess loss is
½λ·Var x. At or above the stability limit no stationary state exists and the variance is inf.
Functions accept floats, NumPy arrays (float64 stays float64) and JAX arrays, and broadcast
elementwise.
"""

from jdescent.analysis.inputs import Reals, namespace, require_positive
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
