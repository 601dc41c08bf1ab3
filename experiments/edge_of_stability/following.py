"""Preconditioned sharpness along runs of every optimizer."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
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


Run = Callable[[Array, Vector, Problem], Followed]


def follow(method: Method, config: Config) -> Run:
    """A function from the rate, a start and the problem to the rows of one run.

    Between two measurements `descend` goes on by `config.every` steps. Each number has a P of its
    own, so that a vector of them is all that the measurement is given: it is one program for all
    methods.
    """
    network = Network(config.widths)

    @jax.jit
    def go_on(params: Vector, state: Any, rate: Array, problem: Problem):
        def loss(params: Vector) -> Array:
            return network.loss(params, problem)

        optimizer = method.make(rate)
        path = jd.descend(loss, params, optimizer, config.every, state=state, record=None)
        x = path.params
        P = analysis.preconditioner(optimizer, path.state, x, jax.grad(loss)(x))
        return x, path.state, P(jnp.ones_like(x)), path.verdict.loss

    def run(rate: Array, start: Vector, problem: Problem) -> Followed:
        params, state = start, method.make(rate).init(start)
        vectors = jax.random.normal(jax.random.key(RANDOM), (1, *start.shape))
        rows = []
        for _ in range(config.steps // config.every):
            params, state, diagonal, loss = go_on(params, state, rate, problem)
            value, residual, vectors = top_eigenpair(
                network, config.iterations, params, diagonal, vectors, problem
            )
            threshold = method.threshold(rate)
            rows.append((value / threshold, residual / threshold, loss))
        return Followed(*(np.array(column, float) for column in zip(*rows, strict=True)))

    return run


@functools.partial(jax.jit, static_argnums=(0, 1))
def top_eigenpair(
    network: Network, iterations: int, params: Vector, diagonal: Vector, start: Array,
    problem: Problem,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """The largest eigenvalue of P·H, its residual, and its vector, from the one before."""
    H = analysis.hessian_operator(lambda params: network.loss(params, problem), params)
    top = analysis.top_eigenpairs(
        H, params, metric=lambda v: diagonal * v, start=start, iterations=iterations
    )
    return top.values[0], top.residuals[0], top.vectors


def follow_seeds(name: str, config: Config) -> dict[str, Followed]:
    """One optimizer's runs on each problem."""
    method, found = METHODS[name], {}
    run = follow(method, config)
    starts = [Network(config.widths).start(seed) for seed in range(config.seeds)]
    for problem, make in PROBLEMS.items():
        rate, data = jnp.float32(method.rates[problem]), make(config.examples)
        rows = [run(rate, start, data) for start in starts]
        found[problem] = Followed(*(np.stack(column) for column in zip(*rows, strict=True)))
    return found
