"""A small network on digits: every recipe at every rate from every seed."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

import jdescent as jd
from experiments.common.digits import CLASSES, PIXELS, Digits
from experiments.common.perceptron import Perceptron, logits, perceptron
from experiments.learning_rate_curves.config import RECIPES, Config, rate_grid, shapes
from jdescent import batches

loss = jd.losses.cross_entropy(logits)
accuracy = jd.losses.accuracy(logits)

CHANCE = float(np.log(10))
BIN = 20  # batches whose losses are averaged
Run = dict[str, np.ndarray]


class Seed(NamedTuple):
    """What chance decides: the first weights, and the key that draws the batches."""

    start: Perceptron
    key: PRNGKeyArray


class Job(NamedTuple):
    """What a run is told: its peak rate, its schedule over the peak rate, and its method."""

    rate: Float[Array, ""]
    shape: Float[Array, " steps"]
    momentum: Float[Array, ""]
    adaptive: Bool[Array, ""]


def draw_seeds(config: Config) -> list[Seed]:
    widths = (PIXELS, config.hidden, CLASSES)
    keys = [jax.random.split(jax.random.fold_in(jax.random.key(0), i)) for i in range(config.seeds)]
    return [Seed(perceptron(start, widths), batch) for start, batch in keys]


def train(config: Config, data: Digits, seeds: list[Seed]) -> dict[str, dict[str, np.ndarray]]:
    """What became of each recipe, as arrays whose axes are (rate, seed)."""
    sample = batches.mini_batch(data.train, config.batch)
    grids = {
        name: rate_grid(recipe.lowest, recipe.highest, config.per_decade)
        for name, recipe in RECIPES.items()
    }

    def run(job: Job, seed: Seed) -> dict[str, Any]:
        path = jd.descend(
            loss, seed.start, optimizer_of(job), config.steps, batches=sample, key=seed.key
        )
        return {
            "losses": path.loss,
            "diverged": path.verdict.diverged,
            "end": loss(path.params, data.train),
            "accuracy": accuracy(path.params, data.test),
        }

    found: Any = jd.sweep(run, job=jobs(config, grids), seed=seeds)
    ends = np.cumsum([len(rates) for rates in grids.values()])
    return {
        name: {"rates": rates}
        | {str(key): found[key].values[end - len(rates) : end] for key in found}
        for (name, rates), end in zip(grids.items(), ends, strict=True)
    }


def jobs(config: Config, grids: dict[str, np.ndarray]) -> list[Job]:
    """Every recipe at every rate of its grid."""
    steps = jnp.arange(config.steps)
    shape = {name: schedule(steps) for name, schedule in shapes(config.steps).items()}
    return [
        Job(
            jnp.asarray(rate, float),
            shape[RECIPES[name].schedule],
            jnp.asarray(RECIPES[name].momentum),
            jnp.asarray(RECIPES[name].adaptive),
        )
        for name, rates in grids.items()
        for rate in rates
    ]


def optimizer_of(job: Job) -> jd.Optimizer:
    """SGD with momentum, or Adam: both are stepped, so that one program serves every job."""

    def rate(step: Array) -> Array:
        return job.rate * job.shape[step]

    sgd, adam = jd.sgd(rate, job.momentum), jd.adam(rate)

    def init(params: Perceptron) -> tuple:
        return sgd.init(params), adam.init(params)

    def update(grads: Perceptron, state: tuple, params: Perceptron) -> tuple:
        plain, sgd_state = sgd.update(grads, state[0], params)
        adaptive, adam_state = adam.update(grads, state[1], params)
        chosen = jax.tree.map(lambda a, b: jnp.where(job.adaptive, b, a), plain, adaptive)
        return chosen, (sgd_state, adam_state)

    return jd.Optimizer(init, update)


def at_rate(run: Run, rate: float) -> int:
    """The row of the rate on the grid."""
    row = int(np.argmin(np.abs(np.log(run["rates"] / rate))))
    if abs(np.log(run["rates"][row] / rate)) > 1e-6:
        raise ValueError(f"rate {rate} is not on the grid {run['rates']}")
    return row


def best(run: Run) -> int:
    """The row whose training loss ends lowest: chosen without the held-out digits."""
    ends = np.where(np.isfinite(run["end"]), run["end"], np.inf)
    return int(np.argmin(np.log(ends).mean(axis=1)))


def fails(run: Run) -> Float[np.ndarray, "rates seeds"]:
    """1 where a run diverged, or ended no better than chance, a loss of log 10; 0 elsewhere."""
    return np.where(run["diverged"] | ~(run["end"] < CHANCE), 1.0, 0.0)


def in_bins(losses: Float[np.ndarray, "seeds steps"], width: int = BIN) -> np.ndarray:
    """Means of so many successive losses, (seeds, bins); the last step starts no bin."""
    bins = (losses.shape[1] - 1) // width
    return losses[:, : bins * width].reshape(len(losses), bins, width).mean(axis=2)
