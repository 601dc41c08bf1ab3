"""A run in the midst of its steps, and how one that has ended is left as it is."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, PyTree

from jdescent.core import Params
from jdescent.core.tracing import inlined
from jdescent.trajectory import Status

RUNNING = np.int32(np.iinfo(np.int32).max)
_STATUS_BITS = 3  # of an end, the low bits that hold the status
MAX_STEPS = int(RUNNING) >> (_STATUS_BITS + 1)  # of one call


def ended(steps: Any, status: Any) -> Array:
    """One integer for steps of this call and a status: a loop that carries less is faster."""
    return (steps << _STATUS_BITS) | jnp.asarray(status, jnp.int32)


def steps_of(end: Array) -> Array:
    return end >> _STATUS_BITS


def status_of(end: Array) -> Array:
    return end & (2**_STATUS_BITS - 1)


class Place(NamedTuple):
    """Where a run is."""

    params: Params
    state: Any
    model_state: Any


class Seen(NamedTuple):
    """What a run saw at the last point, where it ended."""

    loss: Array
    gradient: Params
    aux: Any


class Run(NamedTuple):
    """A run in the midst of its steps; the floating-point numbers of one that has ended stay."""

    place: Place  # whose counters go on with the loop
    counters: list[Array]  # those of the place itself
    end: Array  # int32: RUNNING, or why and after how many steps it `ended`
    memory: Any = None  # of the stopping rule
    evaluated: Any = None  # what was evaluated last


@inlined
def all_finite(tree: PyTree) -> Array:
    finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]
    return functools.reduce(jnp.logical_and, finite, jnp.array(True))


def soundness(first_state: PyTree) -> Callable[[PyTree], Array]:
    """Whether all numbers of a state are finite, those arrays aside that were not so at first.

    Some optimizers begin with infinity as the best value so far, and keep it for a while.
    """
    exempt = [~all_finite(leaf) for leaf in _floating_leaves(first_state)]
    return lambda state: _finite_or_exempt(_floating_leaves(state), exempt)


@inlined
def _finite_or_exempt(leaves: list[Array], exempt: list[Array]) -> Array:
    sound = [all_finite(leaf) | free for leaf, free in zip(leaves, exempt, strict=True)]
    return functools.reduce(jnp.logical_and, sound, jnp.array(True))


def chosen(condition: Array, new: Any, old: Any) -> Array:
    """`jnp.where` by one boolean, for which no array of the same booleans is made."""
    if jnp.shape(new) == jnp.shape(old) and jnp.result_type(new) == jnp.result_type(old):
        return lax.select_n(condition, old, new)
    return jnp.where(condition, new, old)


@inlined
def where(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    return jax.tree.map(lambda n, o: chosen(condition, n, o), new, old)


@inlined
def where_floating(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    """The new leaves, but the old floating-point ones where the condition does not hold.

    Counters and keys thus stay equal in all runs of a batch, and what depends on them alone (a
    schedule, a bias correction) is computed once for all of them and not once for each.
    """
    return jax.tree.map(lambda n, o: chosen(condition, n, o) if _is_floating(n) else n, new, old)


def counters_of(state: PyTree) -> list[Array]:
    return [leaf for leaf in jax.tree.leaves(state) if not _is_floating(leaf)]


def moved_on(condition: Array, there: Place, here: Place) -> Place:
    """The place there, where the condition holds. A loss may read all that a model's state holds,
    so that its counters and keys stay as well."""
    params, state = where_floating(condition, there[:2], here[:2])
    return Place(params, state, where(condition, there.model_state, here.model_state))


def at_its_own_step(run: Run) -> Place:
    """The place with its own counters, where the run has ended too."""
    counters = iter(run.counters)
    state = jax.tree.map(
        lambda leaf: leaf if _is_floating(leaf) else next(counters), run.place.state
    )
    return run.place._replace(state=state)


@inlined
def end_at(
    loss: Array, limit: Array, here: Any, end: Any, stops: Array | None, flat: Array | None
) -> Array:
    """A run's end: here if its loss is not fine, it is to stop, or its gradient is flat."""
    fine = jnp.abs(loss).astype(limit.dtype) <= limit  # not so of ∞ and NaN
    status = jnp.asarray(Status.DIVERGED, jnp.int32)
    for there, why in ((stops, Status.STOPPED), (flat, Status.CONVERGED)):
        if there is not None:
            fine, status = fine & ~there, chosen(there, jnp.int32(why), status)
    status = chosen(jnp.isfinite(loss), status, jnp.int32(Status.NON_FINITE))
    return chosen(fine | (end != RUNNING), jnp.asarray(end, jnp.int32), ended(here, status))


@inlined
def after_visit(
    run: Run, there: Place, end: Array, sound: Array, here: Any, steps: Any
) -> tuple[Run, Array]:
    """The run moved on, if it goes and what it moves to is sound; and whether it goes."""
    goes = (end == RUNNING) & (here < steps)
    end = chosen(goes & ~sound, ended(here + 1, Status.NON_FINITE), end)
    moves = goes & sound
    counters = where(moves, counters_of(there.state), run.counters)
    place = moved_on(moves, there, run.place)
    return run._replace(place=place, counters=counters, end=end), goes


class Striding(NamedTuple):
    """A run that strides; both of the others are RUNNING until a stride is taken back."""

    run: Run
    frozen: Array  # the step to which it was taken back, and where it stays
    found: Array  # the end that was found then


@inlined
def after_stride(
    before: Striding, there: Place, end: Array, sound: Array, begin: Any, then: Any
) -> Striding:
    """The run moved on from one step to another, if all was fine on the way."""
    run, frozen, found = before
    # parameters that are not finite stay so
    ends_unsound = ~(sound & all_finite(there.params)) & (end == RUNNING)
    end = chosen(ends_unsound, ended(then, Status.NON_FINITE), end)
    runs = (run.end == RUNNING) & (frozen == RUNNING)
    goes = runs & (end == RUNNING)
    place = moved_on(goes, there, run.place)
    counters = where(goes, counters_of(there.state), run.counters)
    found = chosen(runs, end, found)
    frozen = chosen(runs & ~goes, jnp.asarray(begin, jnp.int32), frozen)
    return Striding(run._replace(place=place, counters=counters), frozen, found)


def _floating_leaves(tree: PyTree) -> list[Array]:
    return [leaf for leaf in jax.tree.leaves(tree) if _is_floating(leaf)]


def _is_floating(leaf: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)
