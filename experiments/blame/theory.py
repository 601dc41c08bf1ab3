"""What one layer does to the size of a signal, for weights from N(0, σ_w²/n).

Reference: Poole et al. 2016, "Exponential expressivity in deep neural networks through transient
chaos", equation 3; Schoenholz et al. 2017, "Deep information propagation" (χ₁ is χ here);
He et al. 2015, "Delving deep into rectifiers", equation 14.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy import optimize, special, stats

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(200)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def relu_drift(width: int) -> float:
    """E log F of one relu layer of finite width at σ_w² = 2, where E F = 1; about −5/(2 width).

    F = (2/width) Σ gate·g² has on average half of its gates open, each a Gaussian g squared, so
    that width·F/2 is χ² with a binomial number of degrees of freedom (at least one open gate).

    Reference: Hanin & Nica 2020, "Products of many large random matrices and gradients in deep
    neural networks", the main theorem.
    """
    open_gates = np.arange(1, width + 1)
    chance = stats.binom.pmf(open_gates, width, 0.5)
    mean_log_chi2 = special.digamma(open_gates / 2) + np.log(2)
    return float(chance @ mean_log_chi2 / chance.sum() + np.log(2 / width))


def gaussian_mean(function: Callable, variance: float) -> float:
    """E f(z), z from N(0, variance), by Gauss–Hermite quadrature with 200 nodes."""
    return float(WEIGHTS @ function(np.sqrt(variance) * NODES))


def variances(
    is_tanh: bool, weight_variance: float, bias_variance: float, layers: int
) -> Float[np.ndarray, " layers"]:
    """Mean squares q_l of the pre-activations, for pictures of mean square 1.

    q_1 = σ_w² + σ_b² and q_{l+1} = σ_w² E σ(z)² + σ_b², z from N(0, q_l); for relu E σ(z)² = q_l/2.
    """
    q = [weight_variance + bias_variance]
    while len(q) < layers:
        passed = gaussian_mean(lambda z: np.tanh(z) ** 2, q[-1]) if is_tanh else q[-1] / 2
        q.append(weight_variance * passed + bias_variance)
    return np.array(q)


def backward_factor(is_tanh: bool, weight_variance: float, q: float) -> float:
    """χ = σ_w² E σ′(z)², z from N(0, q): by what a layer multiplies ‖δ‖²; for relu σ_w²/2."""
    slope = gaussian_mean(lambda z: np.cosh(z) ** -4, q) if is_tanh else 0.5
    return weight_variance * slope


def signal_sizes(
    is_tanh: bool, weight_variance: float, bias_variance: float, depth: int
) -> Float[np.ndarray, " depth"]:
    """‖δ_l‖/‖δ_L‖: the root of the product of the factors χ of the hidden layers from l on."""
    q = variances(is_tanh, weight_variance, bias_variance, depth - 1)
    factors = [backward_factor(is_tanh, weight_variance, variance) for variance in q]
    return np.sqrt(np.append(np.cumprod(factors[::-1])[::-1], 1.0))


def gradient_shares(
    is_tanh: bool, weight_variance: float, bias_variance: float, depth: int
) -> Float[np.ndarray, " depth"]:
    """Shares of an example's squared ‖∂L/∂W_l‖ = ‖x_l‖ ‖δ_l‖, ‖x_l‖² ∝ (q_l − σ_b²)/σ_w²."""
    q = variances(is_tanh, weight_variance, bias_variance, depth)
    sizes = signal_sizes(is_tanh, weight_variance, bias_variance, depth)
    squares = (q - bias_variance) * sizes**2
    return squares / squares.sum()


def tanh_critical(bias_variance: float) -> float:
    """The σ_w² of a tanh network at whose fixed point q* = σ_w² E tanh²(z) + σ_b² χ is 1."""

    def excess(weight_variance):
        def change(q):
            passed = gaussian_mean(lambda z: np.tanh(z) ** 2, q)
            return weight_variance * passed + bias_variance - q

        q = optimize.brentq(change, 1e-12, weight_variance + bias_variance)
        return backward_factor(True, weight_variance, q) - 1

    return float(optimize.brentq(excess, 1.0, 10.0))
