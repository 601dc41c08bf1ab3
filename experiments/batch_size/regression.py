"""Where SGD settles on linear regression, beside its exact second moments."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from sklearn.datasets import load_diabetes

import jdescent as jd
from experiments.batch_size.config import PATIENTS, Config
from jdescent import analysis

PATHS = 48  # runs from zero whose loss is averaged step by step
SHUFFLED = "epoch-shuffled"
SAMPLERS: dict[str, Callable[..., jd.batches.Sampler]] = {
    "with replacement": jd.batches.mini_batch,
    "without": lambda data, size: jd.batches.mini_batch(data, size, replace=False),
    SHUFFLED: jd.batches.epoch_shuffled,
}


class Patients(NamedTuple):
    """Ten standardized measurements, how much a disease progressed, and least squares."""

    x: Float[np.ndarray, "n 10"]
    y: Float[np.ndarray, " n"]
    best: Float[np.ndarray, "10"]


Settled = dict[tuple[str, int], Float[np.ndarray, " runs"]]


def patients() -> Patients:
    x, y = load_diabetes(return_X_y=True)
    x, y = x[:PATIENTS], y[:PATIENTS]
    x, y = ((values - values.mean(axis=0)) / values.std(axis=0) for values in (x, y))
    return Patients(x, y, np.linalg.lstsq(x, y)[0])


def regressions(config: Config) -> dict:
    """Excess losses J(w) − J(w*): averages where runs have settled, and paths from zero."""
    best = patients().best
    settled, paths = {}, {}
    for place, (name, size) in enumerate(regression_settings(config)):
        from_zero = PATHS if name == "with replacement" else 0
        starts = np.zeros((config.regression_runs + from_zero, best.size))
        starts[: config.regression_runs] = best
        losses = excess_losses(starts, SAMPLERS[name], size, jax.random.key(place), config)
        settled[name, size] = average(losses[: config.regression_runs], name, size)
        if from_zero:
            paths[size] = losses[config.regression_runs :]
    return {"settled": settled, "paths": paths}


def excess_losses(
    starts: np.ndarray, sampler: Callable, size: int, key: PRNGKeyArray, config: Config
) -> np.ndarray:
    """The excess loss after every step of a run from each start, shape (runs, steps + 1)."""
    x, y, best = (jnp.asarray(values, float) for values in patients())
    loss = jd.losses.mean_squared_error(lambda w, x: x @ w)
    batches = sampler((x, y), size)
    square = x.T @ x / PATIENTS

    def excess(point: jd.Point) -> Array:
        return (point.params - best) @ square @ (point.params - best)

    def run(lane: tuple[Array, PRNGKeyArray]) -> Array:
        start, draws = lane
        return jd.descend(
            loss,
            start,
            jd.sgd(config.regression_rate),
            config.regression_steps,
            batches=batches,
            key=draws,
            record=excess,
        ).record

    keys = jax.random.split(key, len(starts))
    # One run after the other: side by side they take longer, in sorting and in compilation.
    many = jax.jit(lambda lanes: jax.lax.map(run, lanes))
    return np.asarray(many((jnp.asarray(starts, float), keys)), float)


def regression_settings(config: Config) -> list[tuple[str, int]]:
    """Ways to draw and batch sizes: those of few examples with replacement alone, or nearly so."""
    return [
        (name, size)
        for name in SAMPLERS
        for size in config.regression_sizes
        if name == "with replacement" or size > (1 if name == SHUFFLED else 4)
    ]


def average(losses: np.ndarray, name: str, size: int) -> np.ndarray:
    """The mean loss of each run but for its first quarter; at the ends of epochs, if shuffled."""
    every = PATIENTS // size if name == SHUFFLED else 1
    return losses[:, losses.shape[1] // 4 // every * every :: every].mean(axis=1)


def settled_regression(name: str, size: int, config: Config) -> float:
    """The mean excess loss: exact, but for shuffled epochs, where each curvature is the mean's."""
    x, y, best = patients()
    rate = config.regression_rate
    if name != SHUFFLED:
        return analysis.regression_excess(x, y, rate, size, replace=name == "with replacement")
    curvatures, axes = np.linalg.eigh(2 * x.T @ x / PATIENTS)
    gradients = 2 * (x @ best - y)[:, None] * x @ axes
    left = (PATIENTS - size) / (PATIENTS - 1)
    noise = np.mean(gradients**2, axis=0) / size * left
    variances = analysis.epoch_shuffled_variance(rate, curvatures, noise, PATIENTS // size)
    return float(curvatures @ variances / 2)
