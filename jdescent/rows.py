"""Rows of what is recorded on the way, between steps or strides."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import PyTree

from jdescent.loop import Loop, joined
from jdescent.runs import RUNNING, Run, Seen, Striding
from jdescent.trajectory import Point

Keep = Callable[[Point], PyTree]


def best_stride(steps: int) -> int:
    """How many steps to take between two checks: a check costs about half a step, and the steps of
    one stride are taken twice."""
    return max(1, round(math.sqrt(steps / 2)))


def without_rows(loop: Loop, run: Run, interval: int) -> tuple[Run, Seen]:
    """The run, checked after every interval at least, and what it saw last."""
    if interval == 1 or loop.is_checked_at_every_step:
        return loop.visits((run, loop.nothing_seen(run)), 0, loop.steps + 1)
    stride = min(interval, best_stride(loop.steps))
    begin = loop.steps // stride * stride
    return loop.last_visits(loop.strides(set_out(run), 0, begin, stride), begin, stride)


def with_rows(loop: Loop, run: Run, first: Point, interval: int, keep: Keep):
    """The same, and rows of the points after 0, interval, 2·interval, … steps."""
    if interval == 1 or loop.is_checked_at_every_step:
        carry = (run, loop.nothing_seen(run)), None
        (reached, _), rows = rows_of_visits(
            loop, carry, 0, loop.steps + 1, interval, stacking(keep)
        )
        return reached, rows
    reached, later = _rows_of_strides(loop, run, interval, keep)
    return reached, after(keep(first), later)


def rows_of_visits(loop: Loop, carry, begin, visits: int, interval: int, note: Callable):
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

    carry, kept = loop.repeat(one_row, set_out(run), 0, rows + bool(strides_left), interval)
    return loop.last_visits(carry, interval * rows + stride * strides_left, stride), kept


def _stride_within(interval: int, steps: int) -> int:
    """The interval, or a divisor of it near the best stride."""
    best = best_stride(steps)
    if interval <= 2 * best:
        return interval
    divisors = [n for n in range(1, interval + 1) if interval % n == 0]
    return min(divisors, key=lambda n: abs(math.log(n / best)))


def set_out(run: Run) -> Striding:
    return Striding(run, frozen=jnp.asarray(RUNNING), found=jnp.asarray(RUNNING))


def stacking(keep: Keep | None) -> Callable:
    """How to note a row where the loop stacks them."""
    return lambda rows, here, look: (rows, None if keep is None else keep(look()))


def after(first: PyTree, rows: PyTree) -> PyTree:
    return jax.tree.map(lambda row, rows: jnp.concatenate([row[None], rows]), first, rows)
