"""A task: a loss, where it starts, and when it counts as solved."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from jdescent._jax import enable_x64
from jdescent.core import OptimizerLike
from jdescent.descend import descend
from jdescent.trajectory import Point, Status

LEVELS = ("trivial", "easy", "medium", "hard", "extreme", "nightmare")
WIDTH = 64
GROUP = 256  # steps after which LightBench looks at the parameters
STEPS = 2000

Data = Mapping[str, Any]


class Trial(NamedTuple):
    """What one run came to: whether the aim was reached, at which step, and whether it blew up."""

    solved: Bool[Array, "*lanes"]
    step: Int[Array, "*lanes"]
    finite: Bool[Array, "*lanes"]


class Family(NamedTuple):
    """What a family's levels share: functions of the level's data.

    Attributes:
        name: LightBench's.
        says: the loss and the aim, in a line.
        start: ``start(key, data)``, the parameters at first.
        loss: ``loss(params, data, batch)``.
        reached: ``reached(params, loss, data)``, the aim.
        levels: the data of each level.
        batch: ``batch(key, step, data)``, what is random or changes with the step; None if nothing.
        interval: steps from one look at the aim to the next.
        double: whether it is computed in float64.
    """

    name: str
    says: str
    start: Callable[[PRNGKeyArray, Data], PyTree]
    loss: Callable[[PyTree, Data, PyTree], Array]
    reached: Callable[[PyTree, Array, Data], Array]
    levels: Mapping[str, Data]
    batch: Callable[[PRNGKeyArray, Array, Data], PyTree] | None = None
    interval: int = 1
    double: bool = True

    def trial(self, optimizer: OptimizerLike, data: Data, key: PRNGKeyArray, steps: int) -> Trial:
        """One run, which ends when the aim is reached."""
        of_start, of_batches = jax.random.split(key)

        def reached(point: Point) -> Array:
            looked_at = point.step % self.interval == 0
            return looked_at & self.reached(point.params, point.loss, data)

        sampled: dict[str, Any] = {}
        if self.batch is not None:
            sampled = {"batches": lambda key, step: self.at(key, step, data), "key": of_batches}
        path = descend(
            lambda params, *batch: self.loss(params, data, *(batch or (None,))),
            self.start(of_start, data),
            optimizer,
            steps,
            **sampled,
            record=None,
            every=1,
            divergence=jnp.inf,
            stop=reached,
        )
        status = path.verdict.status
        return Trial(status == Status.STOPPED, path.verdict.step, status != Status.NON_FINITE)

    def at(self, key: PRNGKeyArray, step: Any, data: Data) -> PyTree:
        """The batch of a step."""
        if self.batch is None:
            return None
        key = jax.random.fold_in(key, jnp.asarray(step, jnp.uint32))
        return self.batch(key, jnp.asarray(step, float), data)


class Task(NamedTuple):
    """One level of a family."""

    family: Family
    level: str

    @property
    def name(self) -> str:
        """As LightBench has it."""
        return f"{self.family.name}-{self.level}"

    @property
    def data(self) -> Data:
        """The level's own numbers."""
        return self.family.levels[self.level]

    def start(self, seed: int = 0) -> PyTree:
        """The parameters at first."""
        return self.family.start(jax.random.key(seed), self.data)

    def loss(self, params: PyTree, step: Any = 0, seed: int = 0) -> Array:
        """What is descended at a step."""
        batch = self.family.at(jax.random.key(seed), step, self.data)
        return self.family.loss(params, self.data, batch)

    def run(self, optimizer: OptimizerLike, seed: int = 0, steps: int = STEPS) -> Trial:
        """One run of an optimizer, in float64 where the task has it.

        Example:
            >>> import jdescent as jd
            >>> from jdescent.report_card.lightbench import task
            >>> trial = task("rosenbrock").run(jd.adam(0.3))
            >>> print(bool(trial.solved), bool(task("rosenbrock").run(jd.adam(1e-6)).solved))
            True False
        """
        with enable_x64(self.family.double):
            return self.family.trial(optimizer, self.data, jax.random.key(seed), steps)


# -- what families are made of ---------------------------------------------------------------------


def normal(key: PRNGKeyArray, data: Data, dtype: Any = np.float64) -> Float[Array, " n"]:
    """Of variance one where the level has coordinates, 0 beyond."""
    real = jnp.asarray(data["real"])
    return jnp.where(real, jax.random.normal(key, real.shape, dtype), 0)


def mean(values: Array, data: Data) -> Array:
    """The share that these coordinates have of a mean over all of the task's."""
    return jnp.sum(jnp.where(data["real"], values, 0)) / data["size"]


def mean_reached(most: float) -> Callable[[PyTree, Array, Data], Array]:
    """Whether the loss, a mean over all coordinates, is at most this."""
    return lambda params, loss, data: loss * (data["size"] / data["count"]) <= most


def rms_reached(most: float, target: str | None = None) -> Callable[[PyTree, Array, Data], Array]:
    """Whether the root mean square distance of the coordinates is below this."""

    def reached(params: Array, loss: Array, data: Data) -> Array:
        off = params if target is None else params - data[target]
        off = jnp.where(data["real"], off, 0)
        return jnp.sqrt(jnp.sum(off**2) / data["count"]) < most

    return reached


def width(size: int) -> dict[str, Any]:
    """Data of a level with so many coordinates, of which at most `WIDTH` are computed."""
    real = np.arange(WIDTH) < size
    return {"real": real, "count": np.float64(real.sum()), "size": np.float64(size)}


def by_level(make: Callable[..., Data], values: Any) -> dict[str, Data]:
    """The data of the six levels from a number each."""
    return {level: make(value) for level, value in zip(LEVELS, values, strict=True)}
