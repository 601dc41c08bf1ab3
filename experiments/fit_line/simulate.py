"""The descents from all starts, and what algebra says of them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from experiments.common.report import stage
from experiments.common.squared_error import bowl_of, vector
from experiments.fit_line.config import LOSS, STARTS, Config, X, Y


def simulate(config: Config) -> dict:
    """The descents from all starts, in float64; the first of them in full."""
    with jax.enable_x64(True), stage(f"{len(STARTS)} descents of {config.steps} steps"):
        data = jnp.asarray(X), jnp.asarray(Y)
        descents = jax.jit(jax.vmap(lambda start: descent(start, data, config)))
        paths = descents(jnp.asarray(STARTS))
        theta = vector(paths.record["params"])
        bowl = bowl_of(X, Y)
    rates, steps = config.learning_rate, np.arange(config.steps + 1)
    return {
        "theta": theta,
        "loss": np.asarray(paths.loss[0]),
        "gradient": vector(paths.record["gradient"])[0],
        "bowl": bowl,
        "exact": np.stack(
            [bowl.after(bowl.along_axes(np.array(start)), rates, steps) for start in STARTS]
        ),
    }


def descent(start: jax.Array, data: tuple, config: Config) -> jd.Trajectory:
    return jd.descend(
        partial(LOSS, batch=data),
        {"w": start[0], "b": start[1]},
        jd.sgd(config.learning_rate),
        config.steps,
        record=["params", "gradient"],
    )


def textbook_gradient(theta: np.ndarray) -> np.ndarray:
    """(2/n)Σe·x and (2/n)Σe at every (w, b)."""
    errors = theta[:, :1] * X + theta[:, 1:] - Y
    return 2 / len(X) * np.stack([np.sum(errors * X, axis=1), np.sum(errors, axis=1)], axis=1)
