"""What a descent leaves: its points, why and where it ended, and the trajectory of both."""

import enum
from dataclasses import dataclass, field
from typing import Any, NamedTuple, no_type_check

import jax
import jax.numpy as jnp
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
    """What is known at step n, before the optimizer moves on: given to `record` and `stop`."""

    step: Int[Array, ""]
    params: Params
    loss: Float[Array, ""]
    gradient: Params
    state: Any


class Verdict(NamedTuple):
    """How a run ended, at which step, and the loss and gradient norm at its last parameters.

    `status` is a `Status` code (int8); under vmap every field has one value per lane. ``str()`` of
    one run's verdict is a sentence.
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
        if jnp.ndim(self.status) or isinstance(self.status, jax.core.Tracer):
            return repr(self)
        return (
            f"{Status(int(self.status))} at step {int(self.step)}: "
            f"loss {float(self.loss):.6g}, gradient norm {float(self.gradient_norm):.3g}"
        )


@no_type_check  # as a pytree it is also rebuilt from shapes, and from whatever a map returns
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Trajectory:
    """Where a run went and how it ended.

    Attributes:
        params: parameters at the end; for a run that was stopped, the ones it was stopped at, and
            for a non-finite one the last finite ones.
        state: the optimizer's memories there; its integer counters go on with the loop in a run
            that has ended. `descend` goes on from a trajectory as from a start.
        step: int32, steps taken since the very first start.
        verdict: why and where it ended.
        start_loss: the loss at the very first start.
        loss: (rows,) the loss at steps 0, every, 2·every, … of this call; None with record=None.
        record: what `record=` asked for, stacked along a first axis of the same rows.
        every: recording stride in steps.
    """

    params: Params
    state: Any
    step: Int[Array, "*lanes"]
    verdict: Verdict
    start_loss: Float[Array, "*lanes"]
    loss: Float[Array, "*lanes rows"] | None
    record: PyTree
    every: int = field(default=1, metadata={"static": True})

    @property
    def steps(self) -> Int[Array, " rows"]:
        """The step of each recorded row, counted from the start of this call."""
        if self.loss is None:
            raise ValueError("nothing was recorded: call descend with record='loss' or more")
        return self.every * jnp.arange(self.loss.shape[-1], dtype=jnp.int32)
