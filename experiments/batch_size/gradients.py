"""The variance of a batch's gradient at one point of the network, measured and exact."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

import jdescent as jd
from experiments.batch_size.config import PICTURES, Config, digits
from experiments.batch_size.network import LOSS
from experiments.common.perceptron import Perceptron


class Noise(NamedTuple):
    """Squared distances |g_B − g|² of batch gradients from the mean, (batches,) at each setting.

    `variance` is σ², the trace of the covariance of one example's gradient; `signal` is |g|².
    """

    distances: dict[tuple[int, bool], Float[np.ndarray, " batches"]]
    variance: float
    signal: float
    loss: float


def gradient_settings(config: Config) -> list[tuple[int, bool]]:
    """Batch sizes, with replacement (True) and, where it makes a difference, without."""
    return [
        *((size, True) for size in config.gradient_sizes),
        *((size, False) for size in config.gradient_sizes if size > PICTURES / 10),
    ]


def gradient_noise(params: Perceptron, config: Config) -> Noise:
    """Of batches drawn anew, at one point."""

    def gradient(batch: tuple[Array, Array]) -> Array:
        return ravel_pytree(jax.grad(LOSS)(params, batch))[0]

    each = jax.jit(jax.vmap(lambda x, y: gradient((x[None], y[None]))))(*digits().train)
    mean = jnp.mean(each, axis=0)
    distances = {}
    for place, (size, replace) in enumerate(gradient_settings(config)):
        batches = jd.batches.mini_batch(digits().train, size, replace)
        key = jax.random.key(place)

        def distance(step: Array, batches=batches, key=key) -> Array:
            return jnp.sum((gradient(batches(key, step)) - mean) ** 2)

        many = jax.jit(lambda steps, distance=distance: jax.lax.map(distance, steps))
        distances[size, replace] = np.asarray(many(jnp.arange(config.gradients)), float)
    return Noise(
        distances,
        float(np.mean(np.sum((np.asarray(each, float) - np.asarray(mean)) ** 2, axis=1))),
        float(jnp.sum(mean**2)),
        float(LOSS(params, digits().train)),
    )


def exact_variance(size: np.ndarray | float, replace: bool, variance: float) -> np.ndarray | float:
    """σ²/B, times (n − B)/(n − 1) without replacement."""
    left = 1.0 if replace else (PICTURES - size) / (PICTURES - 1)
    return variance / size * left
