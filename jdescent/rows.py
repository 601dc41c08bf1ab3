"""All steps of a run, and rows of what is recorded and evaluated on the way.

Loops within loops: evaluations, rows between two of them, steps or strides between two rows. One
that is not asked for is not there.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import PyTree

from jdescent.loop import Loop, joined
from jdescent.runs import RUNNING, Run, Seen, Striding, at_its_own_step, chosen, steps_of, where
from jdescent.trajectory import Point

Keep = Callable[[Point], PyTree]


class Taken(NamedTuple):
    """What all steps leave: the run at its end, its last point, and the rows."""

    run: Run
    point: Point
    recorded: PyTree
    evaluated: PyTree


def take_all(loop: Loop, run: Run, first: Point, interval: int, keep: Keep | None) -> Taken:
    """Every step, with rows of the points after 0, interval, 2·interval, … and all steps, if any
    are to be kept. After the end of a run its rows are those of its last point.

    A run is checked after every interval at least.
    """
    evaluated = None
    if loop.evaluation is not None:
        (run, seen), rows, evaluated = _with_evaluations(loop, run, first, interval, keep)
    elif keep is None:
        (run, seen), rows = _without_rows(loop, run, interval), None
    else:
        (run, seen), rows = _with_rows(loop, run, first, interval, keep)
    point = _last_point(loop, run, seen)
    if loop.evaluation is not None:
        run = loop.evaluate(run, point, loop.steps)
        evaluated = _until_the_end(loop, run, evaluated, run.evaluated, loop.evaluation.every)
    if keep is not None:
        rows = _until_the_end(loop, run, rows, keep(point), interval)
    if loop.report is not None:
        loop.report.close(point.loss)
    return Taken(run, point, rows, evaluated)


def _last_point(loop: Loop, run: Run, seen: Seen) -> Point:
    place, step = at_its_own_step(run), loop.step_of_end(run.end)
    if loop.ended_before is not None and loop.draws_batches:
        point, _ = loop.look_at(place, step)
        seen = where(loop.ended_before, Seen(point.loss, point.gradient, point.aux), seen)
    return Point(step, place.params, seen.loss, seen.gradient, *place[1:], seen.aux)


def _until_the_end(loop: Loop, run: Run, rows: PyTree, last: PyTree, every: int) -> PyTree:
    """The rows, with the last point's from the run's end on."""
    steps = np.append(np.arange(0, loop.steps, every), loop.steps).astype(np.int32)
    end = chosen(run.end == RUNNING, jnp.int32(loop.steps), steps_of(run.end))

    def until_the_end(last, rows):
        missing = [last[None]] * (len(steps) - len(rows))
        rows = jnp.concatenate([rows, *missing])
        reached = (steps >= end).reshape(-1, *[1] * last.ndim)
        return jnp.where(reached, last, rows)

    return jax.tree.map(until_the_end, last, rows)


def best_stride(steps: int) -> int:
    """How many steps to take between two checks: a check costs about half a step, and the steps of
    one stride are taken twice."""
    return max(1, round(math.sqrt(steps / 2)))


def _without_rows(loop: Loop, run: Run, interval: int) -> tuple[Run, Seen]:
    """The run, checked after every interval at least, and what it saw last."""
    if interval == 1 or loop.is_checked_at_every_step:
        return loop.visits((run, loop.nothing_seen(run)), 0, loop.steps + 1)
    stride = min(interval, best_stride(loop.steps))
    begin = loop.steps // stride * stride
    return loop.last_visits(loop.strides(_set_out(run), 0, begin, stride), begin, stride)


def _with_rows(loop: Loop, run: Run, first: Point, interval: int, keep: Keep):
    """The same, and rows of the points after 0, interval, 2·interval, … steps."""
    if interval == 1 or loop.is_checked_at_every_step:
        carry = (run, loop.nothing_seen(run)), None
        (reached, _), rows = _rows_of_visits(
            loop, carry, 0, loop.steps + 1, interval, _stacking(keep)
        )
        return reached, rows
    reached, later = _rows_of_strides(loop, run, interval, keep)
    return reached, _after(keep(first), later)


def _rows_of_visits(loop: Loop, carry, begin, visits: int, interval: int, note: Callable):
    """So many visits, and rows of the first one and of every interval's."""

    def one_row(carry, begin, visits=interval):
        reached, rows = carry
        reached, point = loop.visit_and_remember(reached, begin)
        if visits > 1:
            reached = loop.visits(reached, begin + 1, visits - 1)
        rows, row = note(rows, begin, lambda: point)
        return (reached, rows), row

    intervals, rest = divmod(visits, interval)
    parts = []
    if intervals:
        carry, part = loop.repeat(one_row, carry, begin, intervals, interval)
        parts.append(part)
    if rest:
        carry, row = one_row(carry, jnp.int32(begin + interval * intervals), rest)
        parts.append(jax.tree.map(lambda row: row[None], row))
    return carry, joined(*parts)


def _rows_of_strides(loop: Loop, run: Run, interval: int, keep: Keep):
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
        carry, _ = loop.repeat(one, carry, begin, interval // stride, stride)
        run, *_ = carry
        point, _ = loop.look(run.place, begin + interval)
        return carry, keep(point)

    carry, kept = loop.repeat(one_row, _set_out(run), 0, rows + bool(strides_left), interval)
    return loop.last_visits(carry, interval * rows + stride * strides_left, stride), kept


def _stride_within(interval: int, steps: int) -> int:
    """The interval, or a divisor of it near the best stride."""
    best = best_stride(steps)
    if interval <= 2 * best:
        return interval
    divisors = [n for n in range(1, interval + 1) if interval % n == 0]
    return min(divisors, key=lambda n: abs(math.log(n / best)))


def _set_out(run: Run) -> Striding:
    return Striding(run, frozen=jnp.asarray(RUNNING), found=jnp.asarray(RUNNING))


def _stacking(keep: Keep | None) -> Callable:
    """How to note a row where the loop stacks them."""
    return lambda rows, here, look: (rows, None if keep is None else keep(look()))


def _after(first: PyTree, rows: PyTree) -> PyTree:
    return jax.tree.map(lambda row, rows: jnp.concatenate([row[None], rows]), first, rows)


# -- with evaluations ----------------------------------------------------------------------------


def _with_evaluations(loop: Loop, run: Run, first: Point, interval: int, keep: Keep | None):
    """The same, and rows of what is evaluated, the last step's aside.

    Where as many rows are recorded between two evaluations each time, the loop stacks them.
    Otherwise it looks at all steps that both intervals are multiples of, and writes the rows among
    them into their places.
    """
    assert loop.evaluation is not None
    length = loop.evaluation.every
    is_stacked, note, rows, between = True, _stacking(keep), None, length
    if keep is not None:
        between = math.gcd(length, interval)
        is_stacked = between == interval
    if keep is not None and not is_stacked:
        note = _writing(keep, interval)
        rows = _with_first_row(keep(first), -(-loop.steps // interval) + 1)
    visited = interval == 1 or loop.is_checked_at_every_step
    way = _Visits(loop, between, note) if visited else _Strides(loop, between, note, interval)

    def one_evaluation(carry, begin):
        carry, part = way.take(carry, begin, length)
        carry, evaluated = way.evaluate(carry, begin + length)
        return carry, (part, evaluated)

    evaluated, parts = jax.tree.map(lambda row: row[None], run.evaluated), []
    times = (loop.steps - 1) // length
    carry = way.set_out(run), rows
    if times:
        carry, (part, later) = loop.repeat(one_evaluation, carry, 0, times, length)
        evaluated = joined(evaluated, later)
        parts.append(jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), part))
    (reached, rows), part = way.finish(carry, times * length)
    if is_stacked:
        rows = joined(*parts, *([] if part is None else [part]))
        rows = rows if visited or keep is None else _after(keep(first), rows)
    return reached, rows, evaluated


class _Visits(NamedTuple):
    """Steps that are checked one by one, with the rows between two evaluations."""

    loop: Loop
    between: int  # steps from one row to the next
    note: Callable

    def set_out(self, run: Run):
        return run, self.loop.nothing_seen(run)

    def take(self, carry, begin, visits: int):
        return _rows_of_visits(self.loop, carry, begin, visits, self.between, self.note)

    def evaluate(self, carry, here):
        (run, seen), rows = carry
        point, _ = self.loop.look(run.place, here)
        run = self.loop.evaluate(run, point, here)
        return ((run, seen), rows), run.evaluated

    def finish(self, carry, begin: int):
        return self.take(carry, begin, self.loop.steps + 1 - begin)


class _Strides(NamedTuple):
    """The same of steps that are checked by strides."""

    loop: Loop
    between: int
    note: Callable
    interval: int  # how often at least a run is checked

    @property
    def stride(self) -> int:
        """A divisor of the steps between two rows near the best stride, or that itself."""
        most = min(self.between, self.interval)
        best = min(best_stride(self.loop.steps), most)
        near = [n for n in range(-(-best // 2), min(2 * best, most) + 1) if self.between % n == 0]
        return min(near, key=lambda n: abs(math.log(n / best)), default=best)

    def set_out(self, run: Run):
        return _set_out(run)

    def take(self, carry, begin, steps: int):
        def one_row(carry, begin):
            striding, rows = carry
            run, *_ = striding = self.loop.strides(striding, begin, self.between, self.stride)
            here = begin + self.between
            rows, row = self.note(rows, here, lambda: self.loop.look(run.place, here)[0])
            return (striding, rows), row

        return self.loop.repeat(one_row, carry, begin, steps // self.between, self.between)

    def evaluate(self, carry, here):
        striding, rows = carry
        run, frozen, _ = striding
        point, _ = self.loop.look(run.place, here)
        run = self.loop.evaluate(run, point, here, frozen == RUNNING)
        return (striding._replace(run=run), rows), run.evaluated

    def finish(self, carry, begin: int):
        whole, part = (self.loop.steps - begin) // self.between * self.between, None
        if whole:
            carry, part = self.take(carry, begin, whole)
        striding, rows = carry
        begin += whole
        strides = (self.loop.steps - begin) // self.stride * self.stride
        if strides:
            striding = self.loop.strides(striding, begin, strides, self.stride)
        return (self.loop.last_visits(striding, begin + strides, self.stride), rows), part


def _writing(keep: Keep, every: int) -> Callable:
    """How to note a row where it is one of few among many steps."""

    def note(rows, here, look):
        place = here // every
        row = lax.cond(
            here % every == 0,
            lambda: jax.tree.map(jnp.asarray, keep(look())),
            lambda: jax.tree.map(lambda rows: rows[place], rows),
        )
        written = jax.tree.map(
            lambda rows, row: lax.dynamic_update_index_in_dim(rows, row, place, 0), rows, row
        )
        return written, None

    return note


def _with_first_row(first: PyTree, count: int) -> PyTree:
    def empty(leaf):
        leaf = jnp.asarray(leaf)
        return jnp.zeros((count, *leaf.shape), leaf.dtype).at[0].set(leaf)

    return jax.tree.map(empty, first)
