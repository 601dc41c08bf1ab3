"""The noise of mini-batches: the slopes that batches show at one place, and fifty seeds at once."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from jdescent_playground.curves import Curve
from jdescent_playground.runs import Run, Setup, Task, compute

BATCHES = 200
SEEDS = 50


@dataclass(frozen=True)
class Cloud:
    """What batches say of the slope at one place.

    Attributes:
        slopes: (BATCHES,) of one batch each, from the sampler of the runs.
        spread: their standard deviation as it must be, σ/√B, where σ is that of the examples.
    """

    slopes: np.ndarray
    spread: float


def cloud(setup: Setup, x: float) -> Cloud:
    """The slopes of batches at x.

    Raises:
        ValueError: the setup has no batches.

    Example:
        >>> from jdescent_playground.curves import CURVES
        >>> task = CURVES["double-well"].task
        >>> found = cloud(Setup(task, "sgd", {"learning_rate": 0.1}, -1.0, batch_size=4), -1.0)
        >>> len(found.slopes), round(found.spread, 3)
        (200, 1.826)
    """
    if setup.batch_size is None:
        raise ValueError("a cloud is of mini-batches: this setup takes all examples")
    slopes, of_examples = jax.device_get(
        _slopes(setup.task, setup.batch_size)(jnp.asarray(x, float), jax.random.key(setup.seed))
    )
    spread = float(np.std(of_examples.astype(float))) / np.sqrt(setup.batch_size)
    return Cloud(slopes, float(spread))


@functools.lru_cache(maxsize=64)
def _slopes(task: Task, batch_size: int) -> Callable[..., Any]:
    assert task.examples is not None
    loss, data = task.examples()
    draw = jd.batches.mini_batch(data, batch_size)
    slope = jax.grad(loss)

    def slopes(x: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        drawn = jax.vmap(lambda step: slope(x, draw(key, step)))(jnp.arange(BATCHES))
        return drawn, jax.vmap(lambda example: slope(x, example[None]))(data)

    return jax.jit(slopes)


@dataclass(frozen=True)
class Seeds:
    """Runs that differ in their seed alone.

    Attributes:
        first: the seed of the first; the others follow.
        x: (SEEDS, steps + 1).
        valleys: (SEEDS, steps + 1) of whole numbers: in which valley each is, from left to right.
    """

    first: int
    x: np.ndarray
    valleys: np.ndarray

    def left(self, step: int) -> np.ndarray:
        """(SEEDS,) whether each run is in another valley than it began in after so many steps."""
        return self.valleys[:, min(step, self.valleys.shape[1] - 1)] != self.valleys[:, 0]


def seeds(curve: Curve, setup: Setup) -> Seeds:
    """The runs of `SEEDS` seeds, each the very run that its seed gives.

    Example:
        >>> from jdescent_playground.curves import CURVES
        >>> well = CURVES["double-well"]
        >>> found = seeds(well, Setup(well.task, "sgd", {"learning_rate": 0.1}, -1.0, batch_size=2))
        >>> found.x.shape, bool(0 < found.left(200).mean() < 1)
        ((50, 1001), True)
    """
    first = setup.seed // SEEDS * SEEDS
    runs: list[Run] = [compute(setup.but(seed=first + i)) for i in range(SEEDS)]
    x = np.stack([run.x for run in runs])
    finite = np.nan_to_num(x.astype(float), nan=np.inf)
    return Seeds(first, x, np.searchsorted(curve.tops, finite))
