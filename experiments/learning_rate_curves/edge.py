"""Full-batch gradient descent, at rates around 2/λmax of its first weights."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.common.digits import Examples
from experiments.learning_rate_curves.config import Config
from experiments.learning_rate_curves.training import Seed, loss
from jdescent import analysis

SLOWEST, FASTEST = 0.25, 8.0


def edge_of_descent(config: Config, train: Examples, seeds: list[Seed]) -> dict[str, np.ndarray]:
    """2/λmax of every seed, and the losses at rates in units of it: (rate, seed, step)."""
    examples = jax.tree.map(lambda rows: rows[: config.edge_examples], train)
    sharpness = jax.jit(functools.partial(analysis.sharpness, loss))
    limits = [float(analysis.gd_limit(sharpness(seed.start, examples))) for seed in seeds]
    relative = np.geomspace(SLOWEST, FASTEST, config.edge_rates)

    def run(relative: Float[Array, ""], start: dict) -> Array | None:
        return jd.descend(
            lambda params: loss(params, examples),
            start["params"],
            jd.sgd(relative * start["limit"]),
            config.edge_steps,
        ).loss

    starts = [
        {"params": seed.start, "limit": jnp.asarray(limit)}
        for seed, limit in zip(seeds, limits, strict=True)
    ]
    losses = jd.sweep(run, relative=relative, start=starts).result.values
    return {"relative": relative, "limits": np.array(limits), "losses": losses}


def first_rise(edge: dict[str, np.ndarray]) -> np.ndarray:
    """The smallest relative rate at which the loss ever rises, one a seed."""
    rises = np.any(np.diff(edge["losses"], axis=-1) > 0, axis=-1)
    return edge["relative"][np.argmax(rises, axis=0)]


def last_learning(edge: dict[str, np.ndarray]) -> np.ndarray:
    """The largest relative rate at which the loss ends below half its first value, one a seed."""
    learns = edge["losses"][..., -1] < edge["losses"][..., 0] / 2
    return np.array([edge["relative"][column].max() for column in learns.T])
