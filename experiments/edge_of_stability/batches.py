"""SGD on digits: the sharpness of all examples, and of the batches along their own gradients."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.edge_of_stability.config import Config
from experiments.edge_of_stability.problems import Network, Problem, Vector, digits
from jdescent import analysis

RATE = 0.3
ROWS = 12  # measurements along a run; the last third of them counts
DRAWS = 200  # batches that an expectation is over
ITERATIONS = 20


Series = Float[np.ndarray, "seeds rows"]


class Sharpness(NamedTuple):
    """η/2 times what is to be 1 at an edge; one row a seed, one column a measurement.

    Attributes:
        whole: the largest eigenvalue of the whole loss's Hessian.
        batch: E[gᵀHg/gᵀg] over batches, g and H of the same batch.
        weighted: E[gᵀHg]/E[gᵀg].
    """

    whole: Series
    batch: Series
    weighted: Series


def sharpness_with(size: int, config: Config) -> Sharpness:
    """Along SGD with batches of this size, drawn with replacement; of all examples, as they are."""
    data, network = digits(config.examples), Network((config.batch_width,))
    is_whole = size == config.examples
    draw = jd.batches.full(data) if is_whole else jd.batches.mini_batch(data, size)
    every, draws = config.batch_steps // ROWS, 1 if is_whole else DRAWS

    @jax.jit
    def run(seed: Array) -> tuple[Array, ...]:
        path = jd.descend(
            network.loss, network.start(seed), jd.sgd(RATE), steps=every * ROWS,
            batches=draw, key=None if is_whole else jax.random.key(seed),
            record="params", every=every,
        )  # fmt: skip
        later = path.record["params"][1:]
        return jax.lax.map(lambda w: _measured(w, network, data, draw, draws), later)

    rows = [run(seed) for seed in range(config.seeds)]
    return Sharpness(*(np.stack(column) for column in zip(*rows, strict=True)))


def _measured(w: Vector, network: Network, data: Problem, draw, draws: int) -> tuple[Array, ...]:
    """What `Sharpness` holds, at one point of the run."""

    def along_gradient(key: Array) -> tuple[Array, Array]:
        batch = draw(key, 0)
        g = jax.grad(network.loss)(w, batch)
        return g @ analysis.hessian_product(network.loss, w, g, batch), g @ g

    keys = jax.random.split(jax.random.key(DRAWS), draws)
    bends, squares = jax.lax.map(along_gradient, keys)
    whole = analysis.sharpness(network.loss, w, data, iterations=ITERATIONS)
    found = whole, jnp.mean(bends / squares), jnp.mean(bends) / jnp.mean(squares)
    return tuple(RATE / 2 * value for value in found)
