"""Where a descent begins: at parameters, at what was restored of a run, or at a trajectory."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from jdescent.core import OptimizerLike, Params
from jdescent.core.checks import difference, is_integer, require_arrays, require_floating
from jdescent.core.trees import as_arrays
from jdescent.numerics import LAST_STEP
from jdescent.runs import RUNNING, Place, ended, steps_of
from jdescent.trajectory import Status, Trajectory


class Start(NamedTuple):
    """What a run begins with."""

    place: Place
    fresh_state: Any  # that of an optimizer which begins here
    first: Any  # int32, the steps that were taken before
    last: Any  # and those after this call
    path: Trajectory | None  # that the run goes on from

    @property
    def ended_before(self) -> Any:
        """Whether the run had ended before; None where it cannot have."""
        return None if self.path is None else self.path.verdict.status != Status.STEP_LIMIT

    @property
    def end(self) -> Array:
        if self.path is None:
            return jnp.asarray(RUNNING)
        return jnp.where(self.ended_before, ended(0, self.path.verdict.status), RUNNING)

    @property
    def begin(self) -> Any:
        """The step of the first point."""
        if self.path is None:
            return self.first
        return jnp.where(self.ended_before, self.path.verdict.step, self.first)

    def step_after(self, steps: Any) -> Any:
        return _step_after(self.first, steps)

    def step_of_end(self, end: Array) -> Array:
        step = jnp.where(end == RUNNING, self.last, self.step_after(steps_of(end)))
        if self.path is None:
            return step
        return jnp.where(self.ended_before, self.path.verdict.step, step)


def started(
    start: Params | Trajectory,
    optimizer: OptimizerLike,
    steps: int,
    state: Any,
    model_state: Any,
    first: Any,
) -> Start:
    """The start that the arguments of `descend` name, whichever of them are given."""
    if isinstance(start, Trajectory):
        return _resumed(start, optimizer, steps, state, model_state, first)
    require_floating(start)
    params = as_arrays(start)
    first_state = optimizer.init(params)
    require_arrays(first_state, "the optimizer's state")
    first_state = as_arrays(first_state)
    if state is None:
        state = first_state
    else:
        require_arrays(state, "state")
        state = as_arrays(state)
        anew = "descend(loss, params, …) without state="
        _require_fit(state, "state", "the given state", first_state, anew)
    place, first = Place(params, state, _as_model_state(model_state)), _first_step(first)
    return Start(place, first_state, first, _last_step(first, steps), None)


def _resumed(path: Trajectory, optimizer, steps: int, state, model_state, first) -> Start:
    given = {"state": state, "model_state": model_state, "first_step": first}
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise ValueError(
            f"{named[0]} is given, but the trajectory has its own: begin at its parameters, "
            "descend(loss, path.params, …), or leave it out"
        )
    lanes = jnp.shape(path.step)
    if lanes:
        raise ValueError(
            f"this trajectory holds a batch of runs, of shape {lanes}: go on from each with "
            "jax.vmap(lambda path: descend(loss, path, …))(paths)"
        )
    place = Place(*as_arrays((path.params, path.state, path.model_state)))
    first_state = optimizer.init(place.params)
    what, anew = "the trajectory's optimizer state", "descend(loss, path.params, …)"
    _require_fit(place.state, what, "the trajectory's", first_state, anew)
    first = _known(path.step)
    return Start(place, first_state, first, _last_step(first, steps), path)


def _require_fit(state: PyTree, what: str, where: str, fresh: PyTree, anew: str) -> None:
    """Refuse to go on with an optimizer whose states are made otherwise, naming the difference."""
    told = difference("state", state, where, fresh, "the optimizer's")
    if told is not None:
        raise ValueError(
            f"{what} is not one of this optimizer's: {told}; go on with the optimizer that began "
            f"it, or begin anew: {anew}"
        )


def _as_model_state(model_state: Any) -> Any:
    if model_state is None:
        return None
    require_arrays(model_state, "model_state")
    if not jax.tree.leaves(model_state):
        raise ValueError(
            f"model_state must hold arrays, got {model_state!r}: leave it out where the model has "
            "none"
        )
    return as_arrays(model_state)


def _first_step(first: Any) -> Any:
    if first is None:
        return _known(0)
    if not is_integer(first):
        raise TypeError(f"first_step must be one integer, got {first!r}")
    if not isinstance(first, jax.core.Tracer) and not 0 <= int(first) <= LAST_STEP:
        raise ValueError(f"first_step must be from 0 to {LAST_STEP}, got {first}")
    return _known(first)


def _known(step: Any) -> Any:
    """A step as a NumPy integer, unless it is traced."""
    return jnp.asarray(step, jnp.int32) if isinstance(step, jax.core.Tracer) else np.int32(step)


def _last_step(first: Any, steps: int) -> Any:
    if isinstance(first, jax.core.Tracer):
        return _step_after(first, steps)
    if int(first) + steps > LAST_STEP:
        raise ValueError(
            f"steps={steps} after the {first} of this trajectory are more than the {LAST_STEP} "
            "that int32 counts: begin anew from its params, descend(loss, path.params, …)"
        )
    return np.int32(int(first) + steps)


def _step_after(first: Any, steps: Any) -> Any:
    """The step that comes so many after the first; the last that int32 holds, if it is traced."""
    if isinstance(first, jax.core.Tracer):
        return first + jnp.minimum(steps, LAST_STEP - first)
    return first + steps
