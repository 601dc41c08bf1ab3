"""Rows of what is evaluated every so many steps, with the rows that are recorded between."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import PyTree

from jdescent.loop import Loop, joined
from jdescent.rows import Keep, after, best_stride, rows_of_visits, set_out, stacking
from jdescent.runs import RUNNING, Run
from jdescent.trajectory import Point


def with_evaluations(loop: Loop, run: Run, first: Point, interval: int, keep: Keep | None):
    """The same, and rows of what is evaluated, the last step's aside.

    Where as many rows are recorded between two evaluations each time, the loop stacks them.
    Otherwise it looks at all steps that both intervals are multiples of, and writes the rows among
    them into their places.
    """
    assert loop.evaluation is not None
    length = loop.evaluation.every
    is_stacked, note, rows, between = True, stacking(keep), None, length
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
        rows = rows if visited or keep is None else after(keep(first), rows)
    return reached, rows, evaluated


class _Visits(NamedTuple):
    """Steps that are checked one by one, with the rows between two evaluations."""

    loop: Loop
    between: int  # steps from one row to the next
    note: Callable

    def set_out(self, run: Run):
        return run, self.loop.nothing_seen(run)

    def take(self, carry, begin, visits: int):
        return rows_of_visits(self.loop, carry, begin, visits, self.between, self.note)

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
        return set_out(run)

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
