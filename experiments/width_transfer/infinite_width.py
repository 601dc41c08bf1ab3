"""The tangent kernel of the perceptron at its start, in infinite width, by Gauss and Hermite.

With Q₀ = xᵀx′/64 and, for (u, v) Gaussian with the covariances of Qₗ₋₁,

    Qₗ = E[tanh u tanh v]        Dₗ = E[tanh′ u tanh′ v]

the outputs' gradients have, for one output and not between two, the products

    W₃: n Q₂        W₂: n Q₁ D₂ / r        W₁: 64 Q₀ D₁ D₂ / r        (r = 1 in the standard one)

which with the rates' scales add up to the kernel K; the Gauss–Newton matrix of half the squared
error, a mean over N examples, has the eigenvalues of K/N, each as often as there are outputs.

Reference: Jacot, Gabriel & Hongler 2018, "Neural Tangent Kernel", theorem 1.
"""

import numpy as np
from jaxtyping import Float

from experiments.common.digits import PIXELS
from experiments.width_transfer.parametrization import Scales

NODES = 32

Kernel = Float[np.ndarray, "n n"]


def expectation(covariance: Kernel, function) -> Kernel:
    """E[f(u) f(v)] for every two of the Gaussians."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    deviations = np.sqrt(np.diag(covariance))
    correlations = np.clip(covariance / np.outer(deviations, deviations), -1, 1)
    rest = np.sqrt(1 - correlations**2)
    found = np.zeros_like(covariance)
    for a, weight in zip(nodes, weights, strict=True):
        u = function(deviations * a)[:, None]
        for b, other in zip(nodes, weights, strict=True):
            v = function(deviations[None] * (correlations * a + rest * b))
            found += weight * other * u * v
    return found


def slope(z: np.ndarray) -> np.ndarray:
    return 1 / np.cosh(z) ** 2


def layer_kernels(x: Float[np.ndarray, "n 64"]) -> tuple[Kernel, Kernel, Kernel]:
    """Q₂, Q₁D₂ and Q₀D₁D₂ of these inputs."""
    inputs = x @ x.T / PIXELS
    first, first_slopes = expectation(inputs, np.tanh), expectation(inputs, slope)
    second, second_slopes = expectation(first, np.tanh), expectation(first, slope)
    return second, first * second_slopes, inputs * first_slopes * second_slopes


def largest_eigenvalue(kernels: tuple[Kernel, Kernel, Kernel], width: int, scale: Scales) -> float:
    """Of K/N, which is that of the Gauss–Newton matrix with the rates' scales; for η = 1."""
    of_last, of_hidden, of_first = kernels
    K = scale.rates.last * width * of_last
    K = K + scale.last**2 * scale.rates.hidden * width * of_hidden
    K = K + scale.last**2 * scale.rates.first * PIXELS * of_first
    return float(np.linalg.eigvalsh(K / len(K))[-1])
