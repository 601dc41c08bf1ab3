"""Preconditioned sharpness along runs of every optimizer."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

import jdescent as jd
from experiments.edge_of_stability.config import Config
from experiments.edge_of_stability.methods import METHODS, Method
from experiments.edge_of_stability.problems import PROBLEMS, Network, Problem, Vector
from jdescent import analysis

RANDOM = 1  # the key of the direction that the first measurement begins with


class Followed(NamedTuple):
    """Runs of one optimizer, one row a seed, one column a measurement.

    Attributes:
        ratio: λmax(P·H) over its threshold.
        residual: ‖P·H·x − λ·x‖ of that eigenvector, over the threshold as well.
        loss: of all examples, there.
    """

    ratio: Float[np.ndarray, "seeds measurements"]
    residual: Float[np.ndarray, "seeds measurements"]
    loss: Float[np.ndarray, "seeds measurements"]


def follow(method: Method, config: Config):
    """A function from (rate, start, problem) to the ratio, its residual and the loss.

    Between two measurements `descend` goes on by `config.every` steps, and Lanczos' method begins
    with the eigenvector that it last found.
    """
    network = Network(config.widths)

    def run(rate: Array, start: Vector, problem: Problem):
        def loss(params: Vector) -> Array:
            return network.loss(params, problem)

        optimizer, threshold = method.make(rate), method.threshold(rate)

        def stretch(carry, _):
            path, vectors = carry
            path = jd.descend(loss, path, optimizer, steps=config.every, record=None)
            x = path.params
            P = analysis.preconditioner(optimizer, path.state, x, jax.grad(loss)(x))
            H = analysis.hessian_operator(loss, x)
            top = analysis.top_eigenpairs(
                H, x, metric=P, start=vectors, iterations=config.iterations
            )
            found = top.values[0] / threshold, top.residuals[0] / threshold, path.verdict.loss
            return (path, top.vectors), found

        first = jd.descend(loss, start, optimizer, steps=1, record=None)
        direction = jax.random.normal(jax.random.key(RANDOM), (1, *start.shape))
        length = config.steps // config.every
        return lax.scan(stretch, (first, direction), length=length)[1]

    return run


def follow_seeds(name: str, config: Config) -> dict[str, Followed]:
    """One optimizer's runs on each problem."""
    method, found = METHODS[name], {}
    run = jax.jit(follow(method, config))
    starts = [Network(config.widths).start(seed) for seed in range(config.seeds)]
    for problem, make in PROBLEMS.items():
        rate, data = jnp.float32(method.rates[problem]), make(config.examples)
        rows = [run(rate, start, data) for start in starts]
        found[problem] = Followed(*(np.stack(column) for column in zip(*rows, strict=True)))
    return found
