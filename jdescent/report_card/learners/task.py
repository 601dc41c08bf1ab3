"""A task: what is learned, how its progress is measured, and when it counts as solved."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from jdescent.core import OptimizerLike
from jdescent.descend import descend
from jdescent.trajectory import Point, Verdict

EVALUATIONS = 20


class Run(NamedTuple):
    """What one run gave: the metric at each twentieth of its steps, infinite once it diverged."""

    steps: Int[Array, " rows"]
    metric: Float[Array, " rows"]
    verdict: Verdict


class Program(NamedTuple):
    """What tasks of one architecture share, so that they are compiled once: functions of the data.

    Attributes:
        name: of the architecture.
        steps: of a run, a multiple of `EVALUATIONS`.
        start: ``start(key, data)``, the parameters at first.
        batch: ``batch(key, step, data)``, what a step's loss is of.
        loss: ``loss(params, data, batch)``, what is descended.
        metric: ``metric(params, data, step)``, by which a run is measured.
    """

    name: str
    steps: int
    start: Callable[[PRNGKeyArray, PyTree], PyTree]
    batch: Callable[[PRNGKeyArray, Any, PyTree], PyTree]
    loss: Callable[[PyTree, PyTree, PyTree], Array]
    metric: Callable[[PyTree, PyTree, Any], Array]

    def run(
        self,
        optimizer: OptimizerLike,
        data: PyTree,
        key: PRNGKeyArray,
        at: Callable[[Point], PyTree] = lambda point: point.params,
    ) -> Run:
        """One run of an optimizer, measured at its parameters or at others, such as an average."""
        of_start, of_batches = jax.random.split(key)
        interval = self.steps // EVALUATIONS

        def now_and_then(point: Point) -> Array:  # compiles in half the time of `evaluate=`
            return lax.cond(
                point.step % interval == 0,
                lambda params: self.metric(params, data, point.step),
                lambda params: jnp.zeros((), jnp.float32),
                at(point),
            )

        path = descend(
            lambda params, batch: self.loss(params, data, batch),
            self.start(of_start, data),
            optimizer,
            self.steps,
            batches=lambda key, step: self.batch(key, step, data),
            key=of_batches,
            record=now_and_then,
            every=1,
        )
        steps = interval * jnp.arange(EVALUATIONS + 1)
        ended = path.verdict.diverged & (steps >= path.verdict.step) & (steps > 0)
        return Run(steps, jnp.where(ended, jnp.inf, path.record[::interval]), path.verdict)


@dataclass(frozen=True, eq=False)
class Task:
    """Something to learn in a few hundred steps, with a measure that knows its bound.

    Attributes:
        name: what it is called.
        kind: of learner, such as "table" or "text".
        program: what it shares with the tasks of its architecture.
        data: its own arrays.
        floor: the metric of the best there is, or of the method it is compared with.
        null: the metric of what has learned nothing.
        threshold: the metric at which it counts as solved.
        floor_is: what `floor` is and where it comes from.
        metric_is: what the metric is, and of which data.
    """

    name: str
    kind: str
    program: Program
    data: PyTree
    floor: float
    null: float
    threshold: float
    floor_is: str
    metric_is: str

    @property
    def why(self) -> str:
        """What reaching the threshold means."""
        share = (self.threshold - self.floor) / (self.null - self.floor)
        return f"{share:.3g} of the way from {self.floor_is}, to having learned nothing"

    def start(self, key: PRNGKeyArray) -> PyTree:
        """The parameters at first."""
        return self.program.start(key, self.data)

    def loss(self, params: PyTree, batch: PyTree) -> Array:
        """What is descended, of one batch."""
        return self.program.loss(params, self.data, batch)

    def batches(self, key: PRNGKeyArray, step: Any) -> PyTree:
        """A sampler, as `jdescent.descend` takes it."""
        return self.program.batch(key, step, self.data)

    def metric(self, params: PyTree, step: Any = 0) -> Array:
        """By which a run is measured; the step counts where the target moves."""
        return self.program.metric(params, self.data, step)

    def run(self, optimizer: OptimizerLike, seed: int = 0) -> Run:
        """One run of an optimizer from one seed.

        Example:
            >>> import jdescent as jd
            >>> from jdescent.report_card.learners import task
            >>> run = task("linear regression").run(jd.adam(0.01))
            >>> print(run.metric[-1] < task("linear regression").threshold)
            True
        """
        return self.program.run(optimizer, self.data, jax.random.key(seed))

    def excess(self, metric: Any) -> Any:
        """The share of what can be learned that is not: 0 at the floor, 1 at the null."""
        return (metric - self.floor) / (self.null - self.floor)


def between(floor: float, null: float, share: float) -> float:
    """The metric that leaves a share of what can be learned."""
    return floor + share * (null - floor)


def rows_at_random(key: PRNGKeyArray, rows: PyTree, size: int) -> PyTree:
    """A batch of so many rows of all, drawn with replacement."""
    n = jax.tree.leaves(rows)[0].shape[0]
    chosen = jax.random.randint(key, (size,), 0, n)
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[chosen], rows)


def key_of(key: PRNGKeyArray, step: Any) -> PRNGKeyArray:
    """The key of one step."""
    return jax.random.fold_in(key, jnp.asarray(step, jnp.uint32))
