"""A network on digits, trained with batches of every size at the best of some rates."""

import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, PRNGKeyArray

import jdescent as jd
from experiments.batch_size.config import PICTURES, Config, digits
from experiments.common.digits import CLASSES, PIXELS
from experiments.common.perceptron import Perceptron, logits, perceptron
from experiments.common.report import stage

LOSS = jd.losses.cross_entropy(logits)
ACCURACY = jd.losses.accuracy(logits)
ROWS = 1_000  # of parameters that a run keeps, evenly spaced; those of few steps keep all
LOOKS = 64  # at the training loss: those rows that are evenly spaced in the logarithm of the step
WAYPOINT = 48  # the look at which a network is taken from its way
TUNING_SEED = 1_000  # of the runs that choose a rate; those shown have seeds 0, 1, …


class Training(NamedTuple):
    """What came of one batch size: training losses at some steps, and held-out accuracies.

    `waypoint` is one of the networks on the way, that of the first seed.
    """

    rate: float
    steps: Int[np.ndarray, " looks"]
    losses: Float[np.ndarray, "seeds looks"]
    accuracy: Float[np.ndarray, " seeds"]
    waypoint: Perceptron
    microseconds: Float[np.ndarray, " repeats"]


def sampler(size: int) -> jd.batches.Sampler:
    if size == PICTURES:
        return jd.batches.full(digits().train)
    return jd.batches.mini_batch(digits().train, size)


def stride(size: int, config: Config) -> int:
    """Steps between two rows."""
    return max(1, most_steps(size, config) // ROWS)


def number_of_steps(size: int, config: Config) -> int:
    """A whole number of strides."""
    return most_steps(size, config) // stride(size, config) * stride(size, config)


def most_steps(size: int, config: Config) -> int:
    return max(1, min(config.most_steps, config.examples // size))


def first_network(key: PRNGKeyArray, config: Config) -> Perceptron:
    return perceptron(key, (PIXELS, config.hidden, CLASSES))


def trainer(size: int, config: Config) -> Callable[..., Perceptron]:
    """A compiled run: rate and seed -> parameters, one row a stride."""
    batches = sampler(size)

    @jax.jit
    def run(rate: Array, seed: Array) -> Perceptron:
        start, draws = jax.random.split(jax.random.key(seed))
        return jd.descend(
            LOSS,
            first_network(start, config),
            jd.sgd(rate),
            number_of_steps(size, config),
            batches=batches,
            key=draws,
            record="params",
            every=stride(size, config),
        ).record["params"]

    return run


@jax.jit
def evaluate(rows: Perceptron) -> tuple[Array, Array]:
    """Training losses, and held-out accuracies."""
    return lax.map(lambda row: (LOSS(row, digits().train), ACCURACY(row, digits().test)), rows)


def trainings(config: Config) -> dict[int, Training]:
    runs = {size: trainer(size, config) for size in config.sizes}
    found = {}
    for size, run in runs.items():
        with stage(f"digits, batches of {size}: {number_of_steps(size, config)} steps a run"):
            found[size] = train(size, run, config)
    with stage("the time of a step"):
        return timed(found, runs, config)


def train(size: int, run: Callable, config: Config) -> Training:
    rows = number_of_steps(size, config) // stride(size, config)
    looks = np.geomspace(1, rows, LOOKS).round().astype(int)

    def networks(rate: float, seed: int) -> Perceptron:
        return jax.tree.map(lambda leaf: leaf[looks], run(rate, seed))

    last = [float(evaluate(networks(rate, TUNING_SEED))[0][-1]) for rate in config.rates]
    rate = config.rates[int(np.nanargmin(last))]
    many = [networks(rate, seed) for seed in range(config.seeds)]
    losses, accuracies = (np.array(rows, float) for rows in zip(*map(evaluate, many), strict=True))
    return Training(
        rate,
        looks * stride(size, config),
        losses,
        accuracies[:, -1],
        jax.tree.map(lambda leaf: leaf[WAYPOINT], many[0]),
        np.array([]),
    )


def timed(
    found: dict[int, Training], runs: dict[int, Callable], config: Config
) -> dict[int, Training]:
    """With the time of a step of the compiled loop; sizes take turns, so that all meet the same."""
    times: dict[int, list[float]] = {size: [] for size in found}
    for _ in range(config.repeats):
        for size, run in runs.items():
            begin = time.perf_counter()
            jax.block_until_ready(run(found[size].rate, 0))
            seconds = time.perf_counter() - begin
            times[size].append(1e6 * seconds / number_of_steps(size, config))
    return {
        size: training._replace(microseconds=np.array(times[size]))
        for size, training in found.items()
    }


def step_time(training: Training) -> float:
    """Median microseconds of one step."""
    return float(np.median(training.microseconds))


def steps_to(target: float, training: Training) -> np.ndarray:
    """The step of each run at which its training loss is first at the target, interpolated."""
    found = []
    for losses in training.losses:
        after = int(np.argmax(losses <= target))
        if losses[after] > target:
            found.append(np.nan)
            continue
        near = slice(max(after - 1, 0), after + 1)
        found.append(np.interp(-target, -losses[near], training.steps[near]))
    return np.array(found)
