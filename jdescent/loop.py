"""The loop of a descent: steps that are checked one by one, and strides that are checked at once.

A step moves to the next point and looks at it: loss and gradient there. Between two steps a run
has therefore seen where it is, and nothing is computed again to check or to record it.

- `checked_step` checks every point. A run that has ended is frozen while others go on.
- `stride` checks after many steps. A run that is not fine then is frozen at the last point that
  was, by one `where` a stride and no branch, as `jax.vmap` computes both ways of a branch.
- `last_steps` names the step of its end: it takes the steps of that one stride again, checked, once
  for all runs together.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, PyTree

from jdescent.core import Params, Scalar, apply_updates, global_norm, is_array
from jdescent.trajectory import Point, Status

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
    """Where a run is, and what it sees there."""

    params: Params
    state: Any
    loss: Array
    gradient: Params


class Run(NamedTuple):
    """A run in the midst of its steps; the floating-point numbers of one that has ended stay."""

    place: Place  # whose counters go on with the loop
    counters: list[Array]  # those of the place itself
    end: Array  # int32: RUNNING, or why and after how many steps it `ended`


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What all steps of a run have in common. Steps are counted from its begin: 0, 1, …"""

    loss_at: Callable[[Any], Callable[[Params], Array]]
    update: Callable
    since_the_start: Callable[[Any], Any]
    limit: Array
    memories_are_sound: Callable[[PyTree], Array]
    stop: Callable[[Point], Array] | None
    tolerance: Scalar | None
    draws_batches: bool
    steps: int

    @property
    def is_checked_at_every_step(self) -> bool:
        return self.stop is not None or self.tolerance is not None

    def look(self, params: Params, step) -> tuple[Array, Params]:
        return jax.value_and_grad(self.loss_at(step))(params)

    def move(self, place: Place, here) -> tuple[Params, Any]:
        value_fn = self.loss_at(self.since_the_start(here))
        updates, state = self.update(
            place.gradient, place.state, place.params,
            value=place.loss, grad=place.gradient, value_fn=value_fn,
        )  # fmt: skip
        return apply_updates(place.params, updates), state

    def point(self, place: Place, here) -> Point:
        params, state, loss, gradient = place
        return Point(self.since_the_start(here), params, loss, gradient, state)

    def check_termination(self, place: Place, here, end: Array) -> Array:
        """The run's end, which is here if it goes on no further than this place."""
        fine = jnp.abs(place.loss).astype(self.limit.dtype) <= self.limit  # not so of ∞ and NaN
        status = jnp.asarray(Status.DIVERGED, jnp.int32)
        if self.stop is not None:
            stops = _boolean(self.stop(self.point(place, here)))
            fine, status = fine & ~stops, jnp.where(stops, Status.STOPPED, status)
        if self.tolerance is not None:
            flat = global_norm(place.gradient) <= self.tolerance
            fine, status = fine & ~flat, jnp.where(flat, Status.CONVERGED, status)
        status = jnp.where(jnp.isfinite(place.loss), status, Status.NON_FINITE)
        return jnp.where(fine | (end != RUNNING), end, ended(here, status))

    # -- strides that are checked at their end ---------------------------------------------------

    def unchecked_steps(self, place: Place, sound: Array, begin, length: int):
        """So many steps, and whether all gradients on the way were finite: what comes of one that
        was not may be finite again, as the sign of an infinity is."""

        def step(carry, here):
            place, sound = carry
            params, state = self.move(place, here)
            place = Place(params, state, *self.look(params, self.since_the_start(here + 1)))
            return (place, sound & all_finite(place.gradient)), None

        return _repeat(step, (place, sound), begin, length)[0]

    def stride(self, carry, begin, length: int, keep: Callable | None = None, interval: int = 0):
        """So many steps, taken back where one of them was not fine; rows of every interval of them.

        The carry holds the run, the step to which it was taken back and is frozen at, and the end
        that was found then; both are RUNNING before.
        """
        interval = interval or length
        run, frozen, found = carry
        sound = all_finite(run.place.gradient)

        def steps_and_a_check(carry, begin):
            place, end, sound = carry
            place, sound = self.unchecked_steps(place, sound, begin, interval)
            sound &= self.memories_are_sound(place.state)
            there = begin + interval
            row = None if keep is None else keep(self.point(place, there))
            return (place, self.check_termination(place, there, end), sound), row

        seen = (run.place, jnp.asarray(RUNNING), sound)
        (there, end, sound), rows = _repeat(
            steps_and_a_check, seen, begin, length // interval, interval
        )
        # parameters that are not finite stay so
        ends_unsound = ~(sound & all_finite(there.params)) & (end == RUNNING)
        end = jnp.where(ends_unsound, ended(begin + length + 1, Status.NON_FINITE), end)
        runs = (run.end == RUNNING) & (frozen == RUNNING)
        goes = runs & (end == RUNNING)
        place = where_floating(goes, there, run.place)
        counters = where(goes, counters_of(there.state), run.counters)
        found = jnp.where(runs, end, found)
        frozen = jnp.where(runs & ~goes, begin, frozen)
        return (Run(place, counters, run.end), frozen, found), rows

    def is_sound(self, gradient: Params, state: Any) -> Array:
        return all_finite(gradient) & self.memories_are_sound(state)

    # -- steps that are checked one by one -------------------------------------------------------

    def checked_step(self, run: Run, here, there, goes: Array, same: Callable = lambda t: t) -> Run:
        """From the point after `here` steps to the one after `there`, if the run goes on."""
        params, state = same(self.move(run.place, here))
        sound = self.is_sound(run.place.gradient, state) & all_finite(params)
        moves = goes & sound
        params = where_floating(moves, params, run.place.params)
        counters = where(moves, counters_of(state), run.counters)
        state = where_floating(moves, state, run.place.state)
        seen = same(self.look(same(params), self.since_the_start(there)))
        if self.draws_batches:
            seen = where(goes, seen, (run.place.loss, run.place.gradient))
        place = Place(params, state, *seen)
        end = jnp.where(goes & ~sound, ended(there, Status.NON_FINITE), run.end)
        return Run(place, counters, self.check_termination(place, there, end))

    def checked_steps(self, run: Run, begin, length: int) -> Run:
        def step(run: Run, here) -> tuple[Run, None]:
            return self.checked_step(run, here, here + 1, run.end == RUNNING), None

        return _repeat(step, run, begin, length)[0]

    def last_steps(self, carry, begin: int, stride: int, keep: Callable | None = None):
        """The last steps, one by one: of a frozen run those of its stride, of others the rest.

        They are to round as those of a stride, whatever is checked here: hence the barriers.

        Where rounding lets a run end in a stride and not in the same steps taken one by one, it
        ends where the stride had found.
        """
        run, frozen, found = carry
        here = jnp.where(frozen == RUNNING, begin, frozen)
        run = run._replace(place=at_its_own_step(run))

        def step(carry, _):
            run, here = carry
            goes = (run.end == RUNNING) & (here < self.steps)
            there = jnp.where(goes, here + 1, here)
            run = self.checked_step(run, here, there, goes, lax.optimization_barrier)
            overdue = (run.end == RUNNING) & (there == steps_of(found))
            run = run._replace(end=jnp.where(overdue, found, run.end))
            return (run, there), None if keep is None else keep(self.point(run.place, there))

        longest = max(stride + 1, self.steps - begin)
        (run, _), rows = lax.scan(step, (run, here), length=longest)
        return run, rows


# -- all steps -----------------------------------------------------------------------------------


def best_stride(steps: int) -> int:
    """How many steps to take between two checks: a check costs about half a step, and the steps of
    one stride are taken twice."""
    return max(1, round(math.sqrt(steps / 2)))


def take_steps(loop: Loop, run: Run, interval: int) -> Run:
    """All steps, with a check after every interval at least."""
    if interval == 1 or loop.is_checked_at_every_step:
        return loop.checked_steps(run, 0, loop.steps)
    stride = min(interval, best_stride(loop.steps))
    strides = loop.steps // stride

    def one(carry, begin):
        return loop.stride(carry, begin, stride)

    carry, _ = _repeat(one, _set_out(run), 0, strides, stride)
    return loop.last_steps(carry, strides * stride, stride)[0]


def take_steps_and_record(loop: Loop, run: Run, interval: int, keep: Callable):
    """The same, and rows of the points after 0, interval, 2·interval, … and all steps.

    After the end of a run its rows are those of its last point.
    """
    first = keep(loop.point(run.place, 0))
    run, found = _way_to_record(loop, interval)(loop, run, interval, keep)
    end = jnp.where(run.end == RUNNING, loop.steps, steps_of(run.end))
    last = keep(loop.point(at_its_own_step(run), end))
    rows = -(-loop.steps // interval) + 1
    steps = np.minimum(interval * np.arange(rows), loop.steps).astype(np.int32)

    def after_the_first(first, last, *rows):
        kept = 1 + sum(len(some) for some in rows)
        missing = [last[None]] * (len(steps) - kept)
        rows = jnp.concatenate([first[None], *rows, *missing])[: len(steps)]
        reached = (steps >= end).reshape(-1, *[1] * last.ndim)
        return jnp.where(reached, last, rows)

    return run, jax.tree.map(after_the_first, first, last, *found)


def _way_to_record(loop: Loop, interval: int) -> Callable:
    if interval == 1 or loop.is_checked_at_every_step:
        return _rows_of_checked_steps
    return _rows_within_strides if interval <= best_stride(loop.steps) else _strides_within_rows


def _rows_of_checked_steps(loop: Loop, run: Run, interval: int, keep: Callable):
    def one(run, begin):
        run = loop.checked_steps(run, begin, interval)
        return run, keep(loop.point(run.place, begin + interval))

    intervals, rest = divmod(loop.steps, interval)
    run, rows = _repeat(one, run, 0, intervals, interval)
    if rest:
        run = loop.checked_steps(run, loop.steps - rest, rest)
    return run, [rows]


def _rows_within_strides(loop: Loop, run: Run, interval: int, keep: Callable):
    rows_of_a_stride = max(1, round(best_stride(loop.steps) / interval))
    stride = interval * rows_of_a_stride
    strides, rest = divmod(loop.steps, stride)

    def one(carry, begin):
        return loop.stride(carry, begin, stride, keep, interval)

    carry, rows = _repeat(one, _set_out(run), 0, strides, stride)
    run, late = loop.last_steps(carry, strides * stride, stride, keep if rest else None)
    rows = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), rows)
    late = jax.tree.map(lambda leaf: leaf[interval - 1 : rest : interval], late)
    return run, [rows, late] if rest else [rows]


def _strides_within_rows(loop: Loop, run: Run, interval: int, keep: Callable):
    stride = _divisor_near(best_stride(loop.steps), interval)
    rows, rest = divmod(loop.steps, interval)
    strides_left = rest // stride

    def one(carry, begin):
        if not strides_left:
            return loop.stride(carry, begin, stride)
        is_left = begin + stride <= loop.steps
        stay = lambda carry: carry  # noqa: E731
        take = lambda carry: loop.stride(carry, begin, stride)[0]  # noqa: E731
        return lax.cond(is_left, take, stay, carry), None

    def one_row(carry, begin):
        carry, _ = _repeat(one, carry, begin, interval // stride, stride)
        run, *_ = carry
        return carry, keep(loop.point(run.place, begin + interval))

    carry, kept = _repeat(one_row, _set_out(run), 0, rows + bool(strides_left), interval)
    taken = interval * rows + stride * strides_left
    return loop.last_steps(carry, taken, stride)[0], [kept]


def _divisor_near(best: int, interval: int) -> int:
    divisors = [n for n in range(1, interval + 1) if interval % n == 0]
    return min(divisors, key=lambda n: abs(math.log(n / best)))


def _set_out(run: Run):
    return run, jnp.asarray(RUNNING), jnp.asarray(RUNNING)


def _repeat(body: Callable, carry, begin, times: int, length: int = 1):
    """A scan over the steps at which each of so many bodies of one length begins."""
    if times == 1:
        carry, row = body(carry, jnp.int32(begin))
        return carry, jax.tree.map(lambda leaf: leaf[None], row)
    return lax.scan(body, carry, begin + length * jnp.arange(times, dtype=jnp.int32))


def at_its_own_step(run: Run) -> Place:
    """The place with its own counters, where the run has ended too."""
    return run.place._replace(state=with_counters(run.place.state, run.counters))


# -- trees ---------------------------------------------------------------------------------------


def all_finite(tree: PyTree) -> Array:
    finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]
    return functools.reduce(jnp.logical_and, finite, jnp.array(True))


def soundness(first_state: PyTree) -> Callable[[PyTree], Array]:
    """Whether all numbers of a state are finite, those arrays aside that were not so at first.

    Some optimizers begin with infinity as the best value so far, and keep it for a while.
    """
    exempt = [~all_finite(leaf) for leaf in _floating_leaves(first_state)]

    def sound(state: PyTree) -> Array:
        leaves = zip(_floating_leaves(state), exempt, strict=True)
        return functools.reduce(
            jnp.logical_and, (all_finite(leaf) | free for leaf, free in leaves), jnp.array(True)
        )

    return sound


def where(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    return jax.tree.map(lambda n, o: jnp.where(condition, n, o), new, old)


def where_floating(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    """The new leaves, but the old floating-point ones where the condition does not hold.

    Counters and keys thus stay equal in all runs of a batch, and what depends on them alone (a
    schedule, a bias correction) is computed once for all of them and not once for each.
    """
    return jax.tree.map(lambda n, o: jnp.where(condition, n, o) if _is_floating(n) else n, new, old)


def counters_of(state: PyTree) -> list[Array]:
    return [leaf for leaf in jax.tree.leaves(state) if not _is_floating(leaf)]


def with_counters(state: PyTree, counters: list[Array]) -> PyTree:
    others = iter(counters)
    return jax.tree.map(lambda leaf: leaf if _is_floating(leaf) else next(others), state)


def _floating_leaves(tree: PyTree) -> list[Array]:
    return [leaf for leaf in jax.tree.leaves(tree) if _is_floating(leaf)]


def _is_floating(leaf: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)


def _boolean(stops) -> Array:
    if not is_array(stops):
        raise TypeError(f"stop must return one boolean, got {stops!r}")
    stops = jnp.asarray(stops)
    if stops.shape != () or stops.dtype != bool:
        raise TypeError(f"stop must return one boolean, got {stops.dtype} of shape {stops.shape}")
    return stops
