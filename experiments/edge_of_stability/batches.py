"""SGD on digits: the sharpness of all examples, and of the batches along their own gradients."""

import functools
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
    def run(seed: Array) -> Array:
        path = jd.descend(
            network.loss, network.start(seed), jd.sgd(RATE), steps=every * ROWS,
            batches=draw, key=None if is_whole else jax.random.key(seed),
            record="params", every=every,
        )  # fmt: skip
        return path.record["params"][1:]

    @jax.jit
    def of_batches(w: Vector) -> tuple[Array, Array]:
        return along_gradients(w, network, draw, draws)

    rows = []
    for seed in range(config.seeds):
        later = list(run(seed))
        bends = [of_batches(w) for w in later]
        wholes = [whole_sharpness(network, w, data) for w in later]
        of_seed = ([whole, *bend] for whole, bend in zip(wholes, bends, strict=True))
        rows.append(RATE / 2 * np.array(list(of_seed), float).T)
    return Sharpness(*np.stack(rows, axis=1))


def along_gradients(w: Vector, network: Network, draw, draws: int) -> tuple[Array, Array]:
    """Of so many batches: the mean curvature along the gradient, and the same weighted by gᵀg."""

    def along_gradient(key: Array) -> tuple[Array, Array]:
        batch = draw(key, 0)
        g = jax.grad(network.loss)(w, batch)
        return g @ analysis.hessian_product(network.loss, w, g, batch), g @ g

    bends, squares = jax.lax.map(along_gradient, jax.random.split(jax.random.key(DRAWS), draws))
    return jnp.mean(bends / squares), jnp.mean(bends) / jnp.mean(squares)


@functools.partial(jax.jit, static_argnums=0)
def whole_sharpness(network: Network, w: Vector, data: Problem) -> Array:
    """One program for all batch sizes."""
    return analysis.sharpness(network.loss, w, data, iterations=ITERATIONS)
