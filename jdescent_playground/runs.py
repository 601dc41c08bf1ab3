"""A run: what is descended, with what, from where, and every point it passes.

A run is computed whole, by one call of `jdescent.descend` under `jax.jit` (half a millisecond for a
thousand steps of a scalar), and then only shown step by step: back, forth, and at other rates the
numbers are the same every time. It is compiled once for each task, method and switches; numbers
(rates, momenta, starts) are traced, so moving a slider compiles nothing.
"""

import functools
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from jdescent.core.contract import accept_extra
from jdescent_playground.catalog import METHODS, split

Position = float | tuple[float, ...]

LIMIT = 1000


@dataclass(frozen=True)
class Task:
    """A loss to descend, and the Python that makes it.

    Attributes:
        loss: ``loss(x)``; or ``loss(x, parameters)``, where the parameters are a dictionary of
            numbers that may change without compiling anew (a condition number, an angle). It must
            hash, and be equal wherever it is the same: make it once, at module level or cached.
        code: Python that evaluates to the loss, for scripts, where `jd`, `jnp` and `jax` are known.
            With parameters, ``{name}`` stands for the number.
        examples: a function that gives ``(loss(x, batch), data)``, the same loss as the mean over a
            data set, so that it can be descended by mini-batches; None where there is none.
        examples_code: Python that evaluates to that function.
    """

    loss: Callable
    code: str
    examples: Callable | None = None
    examples_code: str = ""

    def height(self, x: Any, parameters: Mapping[str, Any]) -> jax.Array:
        """The whole loss at x."""
        return self.loss(x, parameters) if parameters else self.loss(x)


@dataclass(frozen=True)
class Setup:
    """Everything a run depends on: equal setups give equal runs.

    Attributes:
        task: what is descended.
        method: a key of `catalog.METHODS`.
        settings: the method's hyperparameters, learning_rate among them; those left out are at
            their defaults.
        start: a float, or one float a coordinate.
        parameters: the numbers of a task that has some.
        schedule: a key of `SCHEDULES`, how the rate changes over the first `horizon` steps.
        clip: the largest norm a gradient may have; None for any.
        batch_size: examples a step, drawn with replacement; None for all of them. Needs a task with
            examples.
        seed: of the mini-batches.
        steps: how far the run is computed.
        rest: the run ends at rest, where the norms of the gradient and of the update are both this
            small: a ball with momentum may cross a flat place at speed. With batches it goes on.
    """

    task: Task
    method: str
    settings: Mapping[str, Any]
    start: Position
    parameters: Mapping[str, float] = field(default_factory=dict)
    schedule: str = "constant"
    horizon: int = 100
    clip: float | None = None
    batch_size: int | None = None
    seed: int = 0
    steps: int = LIMIT
    rest: float = 1e-5

    @property
    def learning_rate(self) -> float:
        return float(self.settings["learning_rate"])

    def but(self, **changes: Any) -> "Setup":
        """The same with some of it changed; hyperparameters may be named directly.

        Example:
            >>> from jdescent_playground.curves import CURVES
            >>> setup = Setup(CURVES["bowl"].task, "sgd", {"learning_rate": 0.4}, -2.5)
            >>> setup.but(learning_rate=0.1, start=3.0).settings
            {'learning_rate': 0.1}
        """
        own = {name: changes.pop(name) for name in list(changes) if name in _FIELDS}
        settings = {**own.pop("settings", self.settings), **changes}
        return replace(self, settings=settings, **own)


_FIELDS = {one.name for one in fields(Setup)}


@dataclass(frozen=True)
class Row:
    """One point of a run.

    Attributes:
        step: steps taken before it.
        x: where it is.
        loss: the whole loss there.
        gradient: what the optimizer was given: of the batch where there are batches, before
            clipping.
        update: what the optimizer answered: the next x is x + update.
        memory: the optimizer's memories before the step, by name (v, m, …).
        rate: the learning rate of this step.
    """

    step: int
    x: np.ndarray
    loss: float
    gradient: np.ndarray
    update: np.ndarray
    memory: dict[str, np.ndarray]
    rate: float

    @property
    def slope(self) -> float:
        """The norm of the gradient; in one dimension the gradient with its sign."""
        return float(self.gradient) if np.ndim(self.gradient) == 0 else _norm(self.gradient)


@dataclass(frozen=True)
class Run:
    """All points of a run, and how it ended.

    Attributes:
        setup: what it was computed from.
        x: (steps + 1,) or (steps + 1, dimension).
        loss, gradient, update, rate, memory: as in `Row`, one entry a step.
        verdict: jdescent's, of all the steps: the step limit, or not finite.
        rest: the step at which it came to rest, the step limit if it did not.
    """

    setup: Setup
    x: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray
    update: np.ndarray
    rate: np.ndarray
    memory: dict[str, np.ndarray]
    verdict: jd.Verdict
    rest: int

    @property
    def last(self) -> int:
        """The step of the last point: where it rests or leaves the numbers, or the step limit."""
        if not self.diverged:
            return self.rest
        step = int(self.verdict.step)
        return step - 1 if np.isfinite(self.loss[step]) else step  # the update into it, or it

    @property
    def converged(self) -> bool:
        """Whether it came to rest at a flat place."""
        return self.rest < int(self.verdict.step) or self.rest == 0

    @property
    def diverged(self) -> bool:
        """Whether the numbers were left: the loss, or the next x, is infinite or NaN."""
        return not self.converged and int(self.verdict.status) == jd.Status.NON_FINITE

    def row(self, step: int) -> Row:
        """The point after so many steps, at most `last`."""
        step = min(max(step, 0), self.last)
        return Row(
            step=step,
            x=self.x[step],
            loss=float(self.loss[step]),
            gradient=self.gradient[step],
            update=self.update[step],
            memory={name: values[step] for name, values in self.memory.items()},
            rate=float(self.rate[step]),
        )


class End(NamedTuple):
    """How a run ended, and after how many steps."""

    step: int
    converged: bool
    diverged: bool


def compute(setup: Setup) -> Run:
    """Descend. The points are `jdescent.descend`'s, bit for bit, hyperparameters being traced.

    Raises:
        ValueError, TypeError: what the optimizer says of its hyperparameters.

    Example:
        >>> from jdescent_playground.curves import CURVES
        >>> run = compute(Setup(CURVES["bowl"].task, "sgd", {"learning_rate": 0.4}, -2.5))
        >>> row = run.row(0)
        >>> print(f"{row.x:.2f} − 0.40·({row.gradient:.2f}) = {run.row(1).x:.2f}")
        -2.50 − 0.40·(-3.50) = -1.10
        >>> run.converged, run.last
        (True, 25)
    """
    path, rows = jax.device_get(_descended(setup))
    return Run(
        setup,
        x=path.record["params"],
        gradient=path.record["gradient"],
        memory=_memories(path.record["state"]),
        verdict=path.verdict,
        loss=rows["height"],
        update=rows["update"],
        rate=rows["rate"],
        rest=int(rows["rest"]),
    )


def ends(setup: Setup, rates: Sequence[float]) -> list[End]:
    """How the same run ends at other learning rates.

    Example:
        >>> from jdescent_playground.curves import CURVES
        >>> setup = Setup(CURVES["bowl"].task, "sgd", {}, -2.5)
        >>> [(end.converged, end.diverged) for end in ends(setup, [0.001, 0.4, 2.5])]
        [(False, False), (True, False), (False, True)]
    """
    found = []
    for rate in rates:
        path, rows = _descended(setup.but(learning_rate=rate))
        found.append((path.verdict.status, path.verdict.step, rows["rest"]))
    return [
        End(int(rest), True, False)
        if rest < step or rest == 0
        else End(int(step), False, int(status) == jd.Status.NON_FINITE)
        for status, step, rest in jax.device_get(found)
    ]


def _descended(setup: Setup) -> tuple[jd.Trajectory, dict[str, jax.Array]]:
    numbers, switches = split(METHODS[setup.method], setup.settings)
    with _WALKERS:
        walk = _walker(
            setup.task, setup.method, switches, setup.schedule, setup.horizon,
            setup.clip is not None, setup.batch_size, setup.steps,
        )  # fmt: skip
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        start = jnp.asarray(setup.start, float)
        key = jax.random.key(setup.seed)
        parameters = {name: float(value) for name, value in setup.parameters.items()}
        return walk(start, numbers, parameters, setup.clip or 0.0, setup.rest, key)


_WALKERS = threading.Lock()


def _compiled_once(function: Callable) -> Callable:
    """The function under `jax.jit`; threads that call it at the same time compile it once."""
    compiled, first = jax.jit(function), threading.Lock()
    done = threading.Event()

    def call(*numbers):
        if done.is_set():
            return compiled(*numbers)
        with first:
            result = compiled(*numbers)
            done.set()
            return result

    return call


@functools.lru_cache(maxsize=128)
def _walker(task, method, switches, schedule, horizon, clips, batch_size, steps) -> Callable:
    """The compiled descent of one task by one method, a function of numbers alone."""
    factory = METHODS[method].factory
    if batch_size is not None:
        batch_loss, data = task.examples()
        batches = jd.batches.mini_batch(data, batch_size)

    def make(numbers, clip):
        rate = SCHEDULES[schedule](numbers["learning_rate"], horizon)
        optimizer = factory(**{**numbers, **dict(switches), "learning_rate": rate})
        optimizer = jd.chain(jd.clip_by_global_norm(clip), optimizer) if clips else optimizer
        return optimizer, rate

    def walk(start, numbers, parameters, clip, rest, key):
        optimizer, rate = make(numbers, clip)
        update = accept_extra(optimizer.update)

        def height(x):
            return task.height(x, parameters)

        options: dict[str, Any] = {"record": RECORDED, "divergence": jnp.inf}
        if batch_size is not None:
            loss = batch_loss
            options |= {"batches": batches, "key": key}
        else:
            loss = height
        path = jd.descend(loss, start, optimizer, steps, **options)

        def next_update(x, gradient, state, value):
            return update(gradient, state, x, value=value, grad=gradient, value_fn=height)[0]

        record = path.record
        x, gradient = record["params"], record["gradient"]
        updates = jax.vmap(next_update)(x, gradient, record["state"], path.loss)
        rests = (jax.vmap(jd.global_norm)(gradient) <= rest) & (
            jax.vmap(jd.global_norm)(updates) <= rest
        )
        return path, {
            "height": path.loss if batch_size is None else jax.vmap(height)(x),
            "update": updates,
            "rate": jnp.broadcast_to(rate(path.steps) if callable(rate) else rate, steps + 1),
            "rest": jnp.where((batch_size is None) & rests.any(), jnp.argmax(rests), steps),
        }

    if not method.startswith("optax."):
        return _compiled_once(walk)

    def walk_promoting(*numbers):
        with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
            return walk(*numbers)

    return _compiled_once(walk_promoting)


RECORDED = ("params", "gradient", "state")

SCHEDULES: dict[str, Callable] = {
    "constant": lambda rate, steps: rate,
    "warm-up": lambda rate, steps: jd.schedules.warm_up(rate, max(steps // 5, 1)),
    "linear": lambda rate, steps: jd.schedules.linear(rate, 0.0, steps),
    "cosine": lambda rate, steps: jd.schedules.cosine(rate, steps),
    "exponential": lambda rate, steps: jd.schedules.exponential(rate, 0.1, every=steps),
    "one cycle": lambda rate, steps: jd.schedules.one_cycle(rate, max(steps, 4)),
}


def _memories(state: Any) -> dict[str, np.ndarray]:
    """The floating-point parts of an optimizer's state by the names of their fields or keys."""
    memory: dict[str, np.ndarray] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        names = [str(getattr(part, "name", getattr(part, "key", ""))) for part in path]
        names = [name for name in names if name.isidentifier()]
        if names and jnp.issubdtype(leaf.dtype, jnp.floating):
            name = names[-1]
            memory[name if name not in memory else f"{name} {len(memory)}"] = leaf
    return memory


def _norm(gradient: np.ndarray) -> float:
    return math.hypot(*(float(entry) for entry in gradient))
