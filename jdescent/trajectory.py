"""What a descent leaves: its points, why and where it ended, and the trajectory of both."""

import enum
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from jdescent.core import Params


class Status(enum.IntEnum):
    """Why a run ended, as the small integer a `Verdict` carries."""

    STEP_LIMIT = 0
    CONVERGED = 1
    DIVERGED = 2
    NON_FINITE = 3
    STOPPED = 4

    def __str__(self) -> str:
        return _DESCRIPTIONS[self]


_DESCRIPTIONS = {
    Status.STEP_LIMIT: "step limit",
    Status.CONVERGED: "converged",
    Status.DIVERGED: "diverged",
    Status.NON_FINITE: "non-finite",
    Status.STOPPED: "stopped",
}


class Point(NamedTuple):
    """What is known at step n, before the optimizer moves on.

    Given to `record`, `evaluate` and `stop`. `model_state` is the one that the loss was given here,
    `aux` what it returned beside its value; `evaluated` is for `stop`: what was evaluated last.
    """

    step: Int[Array, ""]
    params: Params
    loss: Float[Array, ""]
    gradient: Params
    state: Any
    model_state: Any = None
    aux: PyTree = None
    evaluated: PyTree = None


class Verdict(NamedTuple):
    """How a run ended, at which step, and the loss and gradient norm at its last parameters.

    `status` is a `Status` code (int8); under vmap every field has one value per lane. ``str()`` of
    one run's verdict is a sentence, of many it counts them.
    """

    status: Int[Array, "*lanes"]
    step: Int[Array, "*lanes"]
    loss: Float[Array, "*lanes"]
    gradient_norm: Float[Array, "*lanes"]

    @property
    def converged(self) -> Bool[Array, "*lanes"]:
        return self.status == Status.CONVERGED

    @property
    def diverged(self) -> Bool[Array, "*lanes"]:
        """True for runs that diverged, whether caught growing or non-finite."""
        return (self.status == Status.DIVERGED) | (self.status == Status.NON_FINITE)

    @property
    def stopped(self) -> Bool[Array, "*lanes"]:
        return self.status == Status.STOPPED

    def __str__(self) -> str:
        sentence = np.ndim(self.status) == 0 and _is_concrete(self)
        return _story(self) if sentence else repr(self)

    def __repr__(self) -> str:
        return f"Verdict({_story(self)})"


class Trajectory(NamedTuple):
    """Where a run went and how it ended. `descend` goes on from a trajectory as from a start.

    A tree for every function of JAX, and a named tuple for whatever else stores or copies it:
    ``pickle``, ``copy``, ``flax.serialization``. Its ``repr`` is a summary.

    Attributes:
        params: parameters at the end; for a run that was stopped, the ones it was stopped at, and
            for a non-finite one the last finite ones.
        state: the optimizer's state there.
        step: int32, steps taken since the very first start. At 2³¹ − 1 it stays, where how many
            there were before is traced; otherwise going on past it is an error.
        verdict: why and where it ended.
        start_loss: the loss at the very first start.
        first: int32, the step at which this call of `descend` began: 0, or the `step` of the
            trajectory that it went on from.
        loss: (rows,) the loss at the recorded `steps`; None with record=None.
        kept: what is recorded beside the loss; `record` holds the loss as well if it was named.
        every: record interval in steps; 1 where nothing is recorded.
        names_loss: whether ``record=`` named the loss.
        model_state: the model's state at the end, as `params` are; None where it has none.
        evaluated: what ``evaluate=`` returned, stacked along a first axis of one row for each of
            `evaluated_steps`.
        stopping: what the stopping rule remembers.
        evaluated_every: interval of evaluations in steps.
        evaluated_rest: steps of this call after the last full interval.
    """

    params: Params
    state: Any
    step: Int[Array, "*lanes"]
    verdict: Verdict
    start_loss: Float[Array, "*lanes"]
    first: Int[Array, "*lanes"]
    loss: Float[Array, "*lanes rows"] | None
    kept: PyTree
    every: int = 1
    names_loss: bool = False
    model_state: Any = None
    evaluated: PyTree = None
    stopping: PyTree = None
    evaluated_every: int = 1
    evaluated_rest: int = 0

    @property
    def record(self) -> PyTree:
        """What ``record=`` asked for, stacked along a first axis of one row for each of `steps`.

        A dictionary from each name to its rows; for a function, the tree that it returns; None with
        record=None. ``record["loss"]`` and `loss` are one array.
        """
        return {"loss": self.loss, **self.kept} if self.names_loss else self.kept

    @property
    def steps(self) -> Int[Array, " rows"]:
        """The step of each recorded row, counted from the very first start as `verdict.step` is.

        They are first, first + every, first + 2·every, … and the last step. The runs of a batch
        share one row of steps.

        Raises:
            ValueError: nothing was recorded; the runs of a batch began at different steps (where
                that cannot be known, as the trajectory is traced, the steps are −1).
        """
        return jnp.asarray(recorded_steps(self), jnp.int32)

    @property
    def evaluated_steps(self) -> Int[Array, " evaluations"]:
        """The step of each row of `evaluated`, as `steps` are those of `record`.

        Raises:
            ValueError: nothing was evaluated; runs of a batch that began at different steps.
        """
        return jnp.asarray(evaluated_steps(self), jnp.int32)

    @property
    def best(self) -> Any:
        """The best point that the stopping rule has kept, as ``stop=patience(…)`` does.

        Raises:
            ValueError: it keeps none.
        """
        if not hasattr(self.stopping, "best"):
            raise ValueError("no best point was kept: call descend with stop=patience(…)")
        return self.stopping.best

    def __repr__(self) -> str:
        told = [_story(self.verdict), f"params {_shapes(self.params)}"]
        names = [*self.record] if isinstance(self.record, dict) else []
        if self.loss is not None:
            what = ", ".join(map(str, names)) or "loss"
            told.append(
                f"record of {what} in {_number(getattr(self.loss, 'shape', ())[-1:], 'row')}"
            )
        return f"Trajectory({'; '.join(told)})"


# As leaves, loops and batches would make arrays of them.
_STATIC = ("every", "names_loss", "evaluated_every", "evaluated_rest")
_CHILDREN = tuple(name for name in Trajectory._fields if name not in _STATIC)


def _flatten(path: Trajectory) -> tuple[tuple, tuple]:
    children, static = ([getattr(path, n) for n in names] for names in (_CHILDREN, _STATIC))
    return tuple(children), tuple(static)


def _flatten_with_keys(path: Trajectory) -> tuple[tuple, tuple]:
    children, static = _flatten(path)
    keys = map(jax.tree_util.GetAttrKey, _CHILDREN)
    return tuple(zip(keys, children, strict=True)), static


def _unflatten(static: tuple, children: Iterable) -> Trajectory:
    fields = dict(zip(_CHILDREN + _STATIC, (*children, *static), strict=True))
    return Trajectory(**fields)


jax.tree_util.register_pytree_with_keys(
    Trajectory,
    _flatten_with_keys,
    _unflatten,
    _flatten,
)


def recorded_steps(path: Trajectory) -> np.ndarray | Array:
    """`Trajectory.steps`, a NumPy array where they are known before the program is run."""
    if path.loss is None:
        raise ValueError("nothing was recorded: call descend with record='loss' or more")
    return _steps_of_rows(path, path.loss.shape[-1], path.every)


def evaluated_steps(path: Trajectory) -> np.ndarray | Array:
    """`Trajectory.evaluated_steps`, likewise."""
    if path.evaluated is None:
        raise ValueError("nothing was evaluated: call descend with evaluate=(function, every)")
    rows = jax.tree.leaves(path.evaluated)[0].shape[np.ndim(path.step)]
    return _steps_of_rows(path, rows, path.evaluated_every)


def _steps_of_rows(path: Trajectory, count: int, every: int) -> np.ndarray | Array:
    known = _is_concrete((path.first, path.step))
    xp: Any = np if known else jnp
    first, last = xp.max(path.first, initial=0), xp.max(path.step, initial=0)
    together = xp.all((path.first == first) & (path.step == last))
    if known and not together:
        raise ValueError(
            "the runs of this batch have taken different numbers of steps: ask one of them, "
            "jax.tree.map(lambda leaf: leaf[0], path).steps"
        )
    steps = first + xp.minimum(every * xp.arange(count, dtype=np.int32), last - first)
    return xp.where(together, steps, -1)


# -- summaries -----------------------------------------------------------------------------------

_SHOWN_LEAVES = 4


def _is_concrete(tree: PyTree) -> bool:
    """Whether all leaves are numbers that can be looked at."""
    leaves = jax.tree.leaves(tree, is_leaf=lambda leaf: leaf is None)
    numbers = (jax.Array, np.ndarray, np.generic, int, float)
    return all(isinstance(x, numbers) and not isinstance(x, jax.core.Tracer) for x in leaves)


def _story(verdict: Verdict) -> str:
    """One run's verdict as a sentence, many counted, traced ones by their shape."""
    if not _is_concrete(verdict):
        return f"verdict {_shapes(verdict.status)}"
    if np.ndim(verdict.status) == 0:
        return (
            f"{Status(int(verdict.status))} at step {int(verdict.step)}: "
            f"loss {float(verdict.loss):.6g}, gradient norm {float(verdict.gradient_norm):.3g}"
        )
    codes = np.ravel(verdict.status).tolist()
    counts = Counter(str(Status(code)) for code in codes)
    told = ", ".join(f"{count:,} {status}" for status, count in counts.most_common())
    return f"{_number(np.shape(verdict.status), 'run')}: {told}" if told else "no runs"


def _number(shape: tuple[int, ...], thing: str) -> str:
    count = math.prod(shape)
    return f"{count:,} {thing}" + ("s" if count != 1 else "")


def _shapes(tree: PyTree) -> str:
    """The dtype and shape of each leaf, of the first few where there are many."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    told = [f"{jax.tree_util.keystr(path)} {_shape(leaf)}".strip() for path, leaf in leaves]
    left = len(told) - _SHOWN_LEAVES
    more = [f"and {left:,} more"] if left > 0 else []
    return ", ".join(told[:_SHOWN_LEAVES] + more) or "none"


def _shape(leaf: Any) -> str:
    dtype, shape = getattr(leaf, "dtype", type(leaf).__name__), getattr(leaf, "shape", ())
    return f"{dtype}[{','.join(map(str, shape))}]" if isinstance(shape, tuple) else f"{dtype}"
