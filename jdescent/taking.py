"""All steps of a run, and rows of what is recorded and evaluated on the way.

Loops within loops: evaluations, rows between two of them, steps or strides between two rows. One
that is not asked for is not there.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jdescent.evaluating import with_evaluations
from jdescent.loop import Loop
from jdescent.rows import Keep, with_rows, without_rows
from jdescent.runs import RUNNING, Run, Seen, at_its_own_step, chosen, steps_of, where
from jdescent.trajectory import Point


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
        (run, seen), rows, evaluated = with_evaluations(loop, run, first, interval, keep)
    elif keep is None:
        (run, seen), rows = without_rows(loop, run, interval), None
    else:
        (run, seen), rows = with_rows(loop, run, first, interval, keep)
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
