"""Traces and densities of spectra from products with random probes."""

from collections.abc import Callable
from typing import Any, NamedTuple, SupportsIndex

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jdescent.analysis.curvature.eigenpairs import of_size_one, on_vectors, size, wide
from jdescent.analysis.curvature.lanczos import lanczos, power_of_two
from jdescent.analysis.curvature.products import Operator, hessian_operator
from jdescent.core import Params, Vector, dot, normals
from jdescent.core.checks import (
    integer,
    positive_integer,
    require_floating,
    require_function,
    require_key,
)
from jdescent.core.trees import as_arrays


class Estimate(NamedTuple):
    """A mean over random probes and its standard error, deviation/√probes."""

    mean: Float[Array, ""]
    error: Float[Array, ""]


def hessian_trace(
    loss: Callable[..., Any],
    params: Params,
    *rest: Any,
    key: Any,
    probes: SupportsIndex = 32,
) -> Estimate:
    """The trace of the Hessian, the sum of its eigenvalues, with its standard error.

        tr H = E[z·H·z],    z of independent ±1

    The deviation of one probe is √2 times the size of H off its diagonal, √(2·Σ_{i≠j} Hᵢⱼ²); of a
    diagonal H each probe is exact.

    Args:
        loss: a function that returns a scalar, twice differentiable by JAX.
        params: θ, a tree of floating-point arrays.
        rest: what else the loss is given, such as a batch.
        key: the random key of the probes.
        probes: how many, ≥ 2.

    Returns:
        `Estimate`: the mean and its standard error.

    Raises:
        TypeError, ValueError: as `hessian_operator`; fewer than 2 probes; a key that is none.

    Cost: one Hessian product a probe, one at a time.

    Example:
        >>> loss = lambda x: x[0] ** 2 + 3 * x[1] ** 2 + 0.1 * x[0] * x[1]
        >>> trace = hessian_trace(loss, jnp.ones(2), key=jax.random.key(0), probes=100)
        >>> print(bool(abs(trace.mean - 8) < 4 * trace.error), bool(trace.error < 0.03))
        True True

    Reference: M. F. Hutchinson, 1990, A Stochastic Estimator of the Trace of the Influence Matrix
    for Laplacian Smoothing Splines.
    """
    H = on_vectors("loss", hessian_operator(loss, params, *rest), params)
    count = integer("probes", probes, 2)
    require_key("key", key)
    x = wide(as_arrays(params))

    def probed(i):
        z = signs_of(normals(jax.random.fold_in(key, i), x))
        return dot(z, H(z))

    return _estimate(lax.map(probed, jnp.arange(count)))


class SpectralDensity(NamedTuple):
    """A density of eigenvalues as points with weights, a row for each probe.

    Attributes:
        nodes: where, (probes, iterations).
        weights: how much of the spectrum is there; each row sums to 1.
    """

    nodes: Float[Array, "probes m"]
    weights: Float[Array, "probes m"]

    def moment(self, power: int) -> Estimate:
        """The mean of λᵖ over the spectrum, tr(Aᵖ)/n, with its standard error.

        For p ≤ 2·iterations − 1 nothing but the probes is random: each gives z·Aᵖ·z/n exactly.
        """
        return _estimate(jnp.sum(self.weights * self.nodes**power, axis=-1))

    def smoothed(self, at: Array, width: Any) -> Array:
        """The density at these places, each eigenvalue widened to a Gaussian of this deviation."""
        apart = (at[..., None] - self.nodes.reshape(1, -1)) / width
        heights = jnp.exp(-(apart**2) / 2) / (jnp.sqrt(2 * jnp.pi).astype(apart.dtype) * width)
        return heights @ self.weights.reshape(-1) / len(self.nodes)


def spectral_density(
    operator: Operator,
    like: Params,
    *,
    key: Any,
    probes: SupportsIndex = 8,
    iterations: SupportsIndex = 30,
) -> SpectralDensity:
    """The density of the eigenvalues of a symmetric operator, by stochastic Lanczos quadrature.

        φ(λ) = (1/n)·Σᵢ δ(λ − λᵢ) ≈ mean over z of Σⱼ wⱼ·δ(λ − θⱼ)

    with the eigenvalues θ of Lanczos' T from the probe z of independent ±1, and w the squares of
    the first elements of its eigenvectors: Gauss's quadrature for the measure of z. Eigenvalues
    apart from the others come out as points, a bulk as some points within it.

    Args:
        operator: A, symmetric, from a tree like the parameters to another.
        like: the parameters, or a tree like them.
        key: the random key of the probes.
        probes: how many, ≥ 2.
        iterations: points for each probe; no more than n are taken.

    Returns:
        `SpectralDensity`, which gives moments and a smooth curve.

    Raises:
        TypeError, ValueError: parameters that are not floating-point, counts or keys that are none.

    Cost: 1 + probes · iterations products, one at a time; memory for iterations trees.

    Example:
        >>> levels = jnp.repeat(jnp.array([0.0, 1.0, 10.0]), jnp.array([70, 29, 1]))
        >>> density = spectral_density(lambda v: levels * v, levels, key=jax.random.key(0))
        >>> print(density.moment(1).mean.round(3), density.moment(2).mean.round(2))   # .39, 1.29
        0.39 1.29
        >>> bumps = density.smoothed(jnp.array([0.0, 0.5, 1.0]), width=0.05)
        >>> print((bumps * 0.05 * (2 * jnp.pi) ** 0.5).round(3))
        [0.7  0.   0.29]

    Reference: G. H. Golub and G. Meurant, 2010, Matrices, Moments and Quadrature; S. Ubaru, J. Chen
    and Y. Saad, 2017, Fast Estimation of tr(f(A)) via Stochastic Lanczos Quadrature, Algorithm 1.
    """
    require_floating(like)
    require_function("operator", operator)
    x = wide(as_arrays(like))
    count, steps = integer("probes", probes, 2), positive_integer("iterations", iterations)
    require_key("key", key)
    A = on_vectors("operator", operator, like)
    A, scale = of_size_one(A, normals(key, x))

    def probed(i):
        z = normals(jax.random.fold_in(key, i), x)
        spanned = lanczos(A, signs_of(z), min(steps, size(x)), z)
        nodes, turned = jnp.linalg.eigh(spanned.T)
        return scale * nodes, turned[0] ** 2

    return SpectralDensity(*lax.map(probed, jnp.arange(count)))


def signs_of(v: Vector) -> Vector:
    """±1 for each element; of standard normals they are independent."""
    return v.map(lambda a: jnp.where(a < 0, -1, 1).astype(a.dtype))


def _estimate(samples: Float[Array, " probes"]) -> Estimate:
    scale = power_of_two(samples)
    scaled = samples / scale
    error = jnp.std(scaled, ddof=1) / len(samples) ** 0.5
    return Estimate(scale * jnp.mean(scaled), scale * error)
