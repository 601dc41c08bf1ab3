"""The curvature that gradient descent meets at the start, through each layer's rate."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from experiments.common.digits import CLASSES, Examples
from experiments.width_transfer.config import Config
from experiments.width_transfer.infinite_width import largest_eigenvalue, layer_kernels
from experiments.width_transfer.parametrization import (
    PARAMETRIZATIONS,
    Scales,
    Weights,
    model,
    scaled_start,
    scales,
    standard_start,
)
from experiments.width_transfer.training import training_digits
from jdescent import analysis

ITERATIONS = 30


class Curvature(NamedTuple):
    """Eigenvalues of P^½GP^½ for η = 1, and of infinite width.

    G is the Gauss–Newton matrix of half the squared error, P what an update of SGD moves for each
    unit of the gradient: 2 over the largest eigenvalue is the largest stable rate.

    Attributes:
        top: the ten largest of each seed, from the largest; in infinite width all alike.
        predicted: what they are there.
    """

    top: Float[np.ndarray, "seeds 10"]
    predicted: float


def first_examples(config: Config) -> Examples:
    x, y = training_digits()
    return x[: config.examples], y[: config.examples]


def curvatures(width: int, config: Config) -> dict[tuple[str, int], Curvature]:
    """In each parametrization."""
    data = first_examples(config)
    kernels = layer_kernels(np.asarray(data[0], float))
    keys = jax.random.split(jax.random.key(1), config.start_seeds)

    @jax.jit
    def top(scale: Scales) -> Array:
        def of_key(key: Array) -> Array:
            params = scaled_start(standard_start(key, width), scale)
            return top_eigenvalues(params, scale, data)

        return jax.lax.map(of_key, keys)

    found = {}
    for name in PARAMETRIZATIONS:
        scale = scales(name, "sgd", width, config.start_widths[0])
        values = np.asarray(top(jax.tree.map(jnp.float32, scale)), float)
        found[name, width] = Curvature(values, largest_eigenvalue(kernels, width, scale))
    return found


def top_eigenvalues(params: Weights, scale: Scales, data: Examples) -> Array:
    """As many as there are outputs.

    JPJᵀ/N, between outputs, has those of P^½GP^½, G = JᵀJ/N, and far shorter vectors.
    """
    x, _ = data
    outputs, J = jax.linearize(lambda params: model(params, x), params)
    transposed = jax.linear_transpose(J, params)

    def kernel(v: Float[Array, "n 10"]) -> Float[Array, "n 10"]:
        (gradient,) = transposed(v)
        return J(jax.tree.map(jnp.multiply, scale.rates, gradient)) / len(x)

    return analysis.top_eigenpairs(kernel, outputs, CLASSES, iterations=ITERATIONS).values
