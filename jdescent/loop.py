"""The loop of a descent: steps that are checked one by one, and strides that are checked at once.

- A `visit` looks at a point, loss and gradient, checks whether the run ends there, and moves on if
  it does not. A run that has ended is frozen while others go on.
- A `stride` takes many steps and checks after them. A run that is not fine then is frozen at the
  last point that was, by one `where` a stride and no branch, as `jax.vmap` computes both ways of a
  branch.
- `last_visits` name the step of its end: they take the steps of that one stride again, for all runs
  together.
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

from jdescent.core import Params, Scalar, global_norm
from jdescent.core.checks import is_array
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
    """Where a run is."""

    params: Params
    state: Any


class Seen(NamedTuple):
    """What a run saw at the last point, where it ended."""

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
    moved: Callable[[Params, Any, Params, Array, Any], Place]
    gradient_shows: bool  # in what is kept, where it was not finite: see `absorption`
    since_the_start: Callable[[Any], Any]
    limit: Array
    memories_are_sound: Callable[[PyTree], Array]
    stop: Callable[[Point], Array] | None
    tolerance: Scalar | None
    loss_dtype: Any
    draws_batches: bool
    steps: int

    @property
    def is_checked_at_every_step(self) -> bool:
        return self.stop is not None or self.tolerance is not None

    def look(self, place: Place, here) -> Point:
        step = self.since_the_start(here)
        loss, gradient = jax.value_and_grad(self.loss_at(step))(place.params)
        return Point(step, place.params, loss, gradient, place.state)

    def move(self, point: Point) -> Place:
        return self.moved(point.params, point.state, point.gradient, point.loss, point.step)

    def check_termination(self, point: Point, here, end: Any) -> Array:
        """The run's end, which is here if it goes on no further than this point."""
        fine = jnp.abs(point.loss).astype(self.limit.dtype) <= self.limit  # not so of ∞ and NaN
        status = jnp.asarray(Status.DIVERGED, jnp.int32)
        if self.stop is not None:
            stops = _boolean(self.stop(point))
            fine, status = fine & ~stops, jnp.where(stops, Status.STOPPED, status)
        if self.tolerance is not None:
            flat = global_norm(point.gradient) <= self.tolerance
            fine, status = fine & ~flat, jnp.where(flat, Status.CONVERGED, status)
        status = jnp.where(jnp.isfinite(point.loss), status, Status.NON_FINITE)
        return jnp.where(fine | (end != RUNNING), end, ended(here, status))

    # -- strides that are checked at their end ---------------------------------------------------

    def unchecked_steps(self, place: Place, begin, length: int) -> tuple[Place, Array]:
        """So many steps, and whether all gradients on the way were finite, as far as that would
        not show at their end: what comes of one that was not may be finite again, as the sign of
        an infinity is."""

        def step(carry, here):
            place, sound = carry
            point = self.look(place, here)
            if not self.gradient_shows:
                sound &= all_finite(point.gradient)
            return (self.move(point), sound), None

        return _repeat(step, (place, jnp.array(True)), begin, length)[0]

    def stride(self, carry, begin, length: int):
        """So many steps, taken back where one of them was not fine.

        The carry holds the run, the step to which it was taken back and is frozen at, and the end
        that was found then; both are RUNNING before.
        """
        run, frozen, found = carry
        there, sound = self.unchecked_steps(run.place, begin, length)
        end = self.check_termination(self.look(there, begin + length), begin + length, RUNNING)
        sound &= self.memories_are_sound(there.state)
        # parameters that are not finite stay so
        ends_unsound = ~(sound & all_finite(there.params)) & (end == RUNNING)
        end = jnp.where(ends_unsound, ended(begin + length, Status.NON_FINITE), end)
        runs = (run.end == RUNNING) & (frozen == RUNNING)
        goes = runs & (end == RUNNING)
        place = where_floating(goes, there, run.place)
        counters = where(goes, counters_of(there.state), run.counters)
        found = jnp.where(runs, end, found)
        frozen = jnp.where(runs & ~goes, begin, frozen)
        return Run(place, counters, run.end), frozen, found

    # -- steps that are checked one by one -------------------------------------------------------

    def visit(self, run: Run, here, same: Callable = lambda tree: tree) -> tuple[Run, Point, Array]:
        """The run after it has moved on from here, if it does; what it saw here; whether it did.

        A run that is to end with the coming step, as its update is not finite, stays too.
        """
        place = run.place
        point = same(self.look(place, here))
        params, state = same(self.move(point))
        end = self.check_termination(point, here, run.end)
        goes = (end == RUNNING) & (here < self.steps)
        sound = all_finite((point.gradient, params)) & self.memories_are_sound(state)
        end = jnp.where(goes & ~sound, ended(here + 1, Status.NON_FINITE), end)
        moves = goes & sound
        counters = where(moves, counters_of(state), run.counters)
        there = where_floating(moves, Place(params, state), place)
        return Run(there, counters, end), point, goes

    def visit_and_remember(self, carry: tuple[Run, Seen], here) -> tuple[tuple[Run, Seen], Point]:
        run, before = carry
        run, point, _ = self.visit(run, here)
        seen = Seen(point.loss, point.gradient)
        if self.draws_batches:
            seen = where(here <= steps_of(run.end), seen, before)
        return (run, seen), point

    def visits(self, carry: tuple[Run, Seen], begin, length: int) -> tuple[Run, Seen]:
        def one(carry, here):
            return self.visit_and_remember(carry, here)[0], None

        return _repeat(one, carry, begin, length)[0]

    def nothing_seen(self, run: Run) -> Seen:
        gradient = jax.tree.map(jnp.zeros_like, run.place.params)
        return Seen(jnp.zeros((), self.loss_dtype), gradient)

    def last_visits(self, carry, begin: int, stride: int) -> tuple[Run, Seen]:
        """The run at its end, and what it saw there.

        A frozen run takes the steps of its stride one by one, others the rest of all steps. They
        are to round as those of a stride, whatever is checked here: hence the barriers. Where
        rounding lets a run end in a stride and not in the same steps taken one by one, it ends
        where the stride had found.
        """
        run, frozen, found = carry
        here = jnp.where(frozen == RUNNING, begin, frozen)
        run = run._replace(place=at_its_own_step(run))

        def one(carry, _):
            run, here, _ = carry
            run, point, goes = self.visit(run, here, lax.optimization_barrier)
            there = jnp.where(goes, here + 1, here)
            overdue = (run.end == RUNNING) & (there == steps_of(found))
            run = run._replace(end=jnp.where(overdue, found, run.end))
            return (run, there, Seen(point.loss, point.gradient)), None

        visits = 1 + max(stride, self.steps - begin)
        (run, _, seen), _ = lax.scan(one, (run, here, self.nothing_seen(run)), length=visits)
        return run, seen


# -- all steps -----------------------------------------------------------------------------------


def best_stride(steps: int) -> int:
    """How many steps to take between two checks: a check costs about half a step, and the steps of
    one stride are taken twice."""
    return max(1, round(math.sqrt(steps / 2)))


def take_steps(loop: Loop, run: Run, interval: int) -> tuple[Run, Seen]:
    """The run after all steps, checked after every interval at least, and what it saw last."""
    if interval == 1 or loop.is_checked_at_every_step:
        return loop.visits((run, loop.nothing_seen(run)), 0, loop.steps + 1)
    stride = min(interval, best_stride(loop.steps))
    strides = loop.steps // stride

    def one(carry, begin):
        return loop.stride(carry, begin, stride), None

    carry, _ = _repeat(one, _set_out(run), 0, strides, stride)
    return loop.last_visits(carry, strides * stride, stride)


def take_steps_and_record(loop: Loop, run: Run, first: Point, interval: int, keep: Callable):
    """The same, and rows of the points after 0, interval, 2·interval, … and all steps.

    After the end of a run its rows are those of its last point.
    """
    if interval == 1 or loop.is_checked_at_every_step:
        (run, seen), rows = _rows_of_visits(loop, run, interval, keep)
    else:
        (run, seen), later = _rows_of_strides(loop, run, interval, keep)
        rows = jax.tree.map(
            lambda row, rows: jnp.concatenate([row[None], rows]), keep(first), later
        )
    end = jnp.where(run.end == RUNNING, loop.steps, steps_of(run.end))
    params, state = at_its_own_step(run)
    last = keep(Point(loop.since_the_start(end), params, seen.loss, seen.gradient, state))
    steps = np.append(np.arange(0, loop.steps, interval), loop.steps).astype(np.int32)

    def until_the_end(last, rows):
        missing = [last[None]] * (len(steps) - len(rows))
        rows = jnp.concatenate([rows, *missing])
        reached = (steps >= end).reshape(-1, *[1] * last.ndim)
        return jnp.where(reached, last, rows)

    return (run, seen), jax.tree.map(until_the_end, last, rows)


def _rows_of_visits(loop: Loop, run: Run, interval: int, keep: Callable):
    def one_row(carry, begin, visits=interval):
        carry, point = loop.visit_and_remember(carry, begin)
        if visits > 1:
            carry = loop.visits(carry, begin + 1, visits - 1)
        return carry, keep(point)

    intervals, rest = divmod(loop.steps + 1, interval)
    carry, rows = _repeat(one_row, (run, loop.nothing_seen(run)), 0, intervals, interval)
    if rest:
        carry, row = one_row(carry, jnp.int32(interval * intervals), rest)
        rows = jax.tree.map(lambda rows, row: jnp.concatenate([rows, row[None]]), rows, row)
    return carry, rows


def _rows_of_strides(loop: Loop, run: Run, interval: int, keep: Callable):
    """One or more strides for each row, as many as fit into the steps."""
    stride = _stride_within(interval, loop.steps)
    rows, rest = divmod(loop.steps, interval)
    strides_left = rest // stride

    def one(carry, begin):
        if not strides_left:
            return loop.stride(carry, begin, stride), None
        fits = begin + stride <= loop.steps
        return lax.cond(fits, lambda c: loop.stride(c, begin, stride), lambda c: c, carry), None

    def one_row(carry, begin):
        carry, _ = _repeat(one, carry, begin, interval // stride, stride)
        run, *_ = carry
        return carry, keep(loop.look(run.place, begin + interval))

    carry, kept = _repeat(one_row, _set_out(run), 0, rows + bool(strides_left), interval)
    return loop.last_visits(carry, interval * rows + stride * strides_left, stride), kept


def _stride_within(interval: int, steps: int) -> int:
    """The interval, or a divisor of it near the best stride."""
    best = best_stride(steps)
    if interval <= 2 * best:
        return interval
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
