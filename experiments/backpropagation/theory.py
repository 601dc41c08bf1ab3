"""What one layer does to the size of a signal, for weights from N(0, σ_w²/n).

Reference: Poole et al. 2016, "Exponential expressivity in deep neural networks through transient
chaos", equation 3; Schoenholz et al. 2017, "Deep information propagation" (χ₁ is χ here);
He et al. 2015, "Delving deep into rectifiers", equation 14.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import optimize, special

from experiments.common.digits import CLASSES

WALKS = 2_000
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(200)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


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


class Rise(NamedTuple):
    """By how much ln ‖·‖ of one example rises a layer on its way back, on average, and its error.

    `signal` is of the error signal δ, `gradient` of ∂L/∂W, whose norm is ‖x‖ ‖δ‖.
    """

    signal: float
    gradient: float
    error: float


@functools.cache
def finite_width_rise(
    is_tanh: bool, weight_variance: float, bias_variance: float, depth: int, width: int,
    mean_squares: tuple[float, ...],
) -> Rise:  # fmt: skip
    """The exact mean over networks of finite width, by `WALKS` draws without any matrix.

    Given a layer's input x, h = Wᵀx has independent entries from N(0, σ_w² ‖x‖²/width), and what h
    does not tell of W stays as drawn: W δ is x (h·δ)/‖x‖² plus a part at a right angle to x, from
    N(0, σ_w² ‖δ‖²/width). Errors of no size at all, of examples that the network is sure of, are
    left aside.

    `depth` counts the readout, `width` is that of the inputs and of every hidden layer, and the
    mean goes over the pictures of these `mean_squares` as well.
    """
    random, scale = np.random.default_rng(0), np.sqrt(weight_variance / width)
    squares = width * np.resize(np.array(mean_squares), WALKS)
    sizes, hidden = [np.sqrt(squares)], []
    for _ in range(depth - 1):
        h = scale * sizes[-1][:, None] * random.standard_normal((WALKS, width))
        z = h + np.sqrt(bias_variance) * random.standard_normal((WALKS, width))
        x = np.tanh(z) if is_tanh else np.maximum(z, 0)
        hidden.append((h, x, 1 - x**2 if is_tanh else (z > 0)))
        sizes.append(np.linalg.norm(x, axis=1))
    h = scale * sizes[-1][:, None] * random.standard_normal((WALKS, CLASSES))
    signal = special.softmax(h, axis=1) - np.eye(CLASSES)[random.integers(CLASSES, size=WALKS)]
    last = np.linalg.norm(signal, axis=1)
    for before, x, slope in reversed(hidden):
        size, unit = np.linalg.norm(signal, axis=1), x / np.linalg.norm(x, axis=1, keepdims=True)
        drawn = scale * size[:, None] * random.standard_normal((WALKS, width))
        along = np.sum(h * signal, axis=1) / np.linalg.norm(x, axis=1) - np.sum(
            unit * drawn, axis=1
        )
        signal, h = slope * (drawn + unit * along[:, None]), before
    felt = last > 0
    back = np.log(np.linalg.norm(signal, axis=1)[felt] / last[felt]) / (depth - 1)
    inputs = np.log(sizes[0][felt] / sizes[-1][felt]) / (depth - 1)
    error = float(np.std(back + inputs) / np.sqrt(np.sum(felt)))
    return Rise(float(back.mean()), float((back + inputs).mean()), error)


def tanh_critical(bias_variance: float) -> float:
    """The σ_w² of a tanh network at whose fixed point q* = σ_w² E tanh²(z) + σ_b² χ is 1."""

    def excess(weight_variance):
        def change(q):
            passed = gaussian_mean(lambda z: np.tanh(z) ** 2, q)
            return weight_variance * passed + bias_variance - q

        q = optimize.brentq(change, 1e-12, weight_variance + bias_variance)
        return backward_factor(True, weight_variance, q) - 1

    return float(optimize.brentq(excess, 1.0, 10.0))
