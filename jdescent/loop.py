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
from jax import lax
from jaxtyping import Array, PyTree

from jdescent.core import Params, Scalar, global_norm
from jdescent.progress import Report
from jdescent.runs import (
    RUNNING,
    Place,
    Run,
    Seen,
    Striding,
    after_stride,
    after_visit,
    all_finite,
    at_its_own_step,
    chosen,
    end_at,
    ended,
    steps_of,
    where,
)
from jdescent.stopping import StoppingRule, ask
from jdescent.trajectory import Point, Status


class Evaluation(NamedTuple):
    """What is evaluated every so many steps, and the rule that is asked then."""

    function: Callable[[Point], PyTree]
    every: int
    rule: StoppingRule | None


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What all steps of a run have in common. Steps are counted from its begin: 0, 1, …"""

    loss_at: Callable[[Any, Any], Callable[[Params], tuple[Array, tuple[Any, Any]]]]
    looked: Callable[..., Any]  # the same with its gradient, of (step, model_state, params)
    moved: Callable[..., tuple[Params, Any]]
    gradient_shows: bool  # in what is kept, where it was not finite: see `absorption`
    since_the_start: Callable[[Any], Any]
    step_of_end: Callable[[Array], Any]
    ended_before: Array | None  # whether it did so before this call, where it may have
    limit: Array
    memories_are_sound: Callable[[PyTree], Array]
    rule: StoppingRule | None  # asked at every step
    was_asked: bool  # whether the rule knows the first point, from the call that is resumed
    evaluation: Evaluation | None
    tolerance: Scalar | None
    seen_types: Seen  # without the gradient
    draws_batches: bool
    steps: int
    checkpoint: bool
    report: Report | None

    @property
    def is_checked_at_every_step(self) -> bool:
        return self.rule is not None or self.tolerance is not None

    def look(self, place: Place, here) -> tuple[Point, Any]:
        """The point, and the state that the model leaves it with."""
        return self.look_at(place, self.since_the_start(here))

    def look_at(self, place: Place, step) -> tuple[Point, Any]:
        looked = self.looked(step, place.model_state, place.params)
        (loss, (model_state, aux)), gradient = looked
        return Point(step, place.params, loss, gradient, *place[1:], aux), model_state

    def move(self, point: Point) -> tuple[Params, Any]:
        return self.moved(
            point.params, point.state, point.gradient, point.loss, point.step, point.model_state
        )

    def check_termination(self, point: Point, here, end: Any, stops: Array | None = None) -> Array:
        """The run's end, which is here if it goes on no further than this point."""
        flat = None
        if self.tolerance is not None:
            flat = global_norm(point.gradient) <= self.tolerance
        return end_at(point.loss, self.limit, here, end, stops, flat)

    # -- stopping rules and evaluations ----------------------------------------------------------

    def ask(self, run: Run, point: Point, here) -> tuple[Array | None, Any]:
        """Whether the rule that is asked at every step stops here, and its memory then."""
        if self.rule is None:
            return None, run.memory
        memory, stops = ask(self.rule, run.memory, point._replace(evaluated=run.evaluated))
        asked = run.end == RUNNING
        if self.was_asked:
            stops, asked = stops & (here > 0), asked & (here > 0)
        return stops, where(asked, memory, run.memory)

    def evaluate(self, run: Run, point: Point, here, goes: Any = True) -> Run:
        """The run with what is evaluated here, and its end if that stops it.

        The rule is asked where the run goes, of points that are fine.
        """
        assert self.evaluation is not None
        function, _, rule = self.evaluation
        point = point._replace(evaluated=function(point))
        run = run._replace(evaluated=point.evaluated)
        if rule is None:
            return run
        memory, stops = ask(rule, run.memory, point)
        asked = goes & (self.check_termination(point, here, run.end) == RUNNING)
        end = chosen(asked & stops, ended(here, Status.STOPPED), run.end)
        return run._replace(end=end, memory=where(asked, memory, run.memory))

    # -- strides that are checked at their end ---------------------------------------------------

    def unchecked_steps(self, place: Place, begin, length: int) -> tuple[Place, Array]:
        """So many steps, and whether all gradients on the way were finite, as far as that would
        not show at their end: what comes of one that was not may be finite again, as the sign of
        an infinity is."""

        def step(carry, here):
            place, sound = carry
            point, model_state = self.look(place, here)
            if not self.gradient_shows:
                sound &= all_finite(point.gradient)
            return (Place(*self.move(point), model_state), sound), None

        return self.repeat(step, (place, jnp.array(True)), begin, length)[0]

    def stride(self, before: Striding, begin, length: int) -> Striding:
        """So many steps, taken back where one of them was not fine."""
        there, sound = self.unchecked_steps(before.run.place, begin, length)
        then = begin + length
        point, _ = self.look(there, then)
        end = self.check_termination(point, then, RUNNING)
        sound &= self.memories_are_sound(there[1:])
        return after_stride(before, there, end, sound, begin, then)

    def strides(self, carry: Striding, begin, steps: int, stride: int) -> Striding:
        """Strides of one length, and a shorter one at the end if they do not fill the steps."""

        def one(carry, begin, length=stride):
            return self.stride(carry, begin, length), None

        whole, rest = divmod(steps, stride)
        if whole:
            carry, _ = self.repeat(one, carry, begin, whole, stride)
        return self.stride(carry, begin + stride * whole, rest) if rest else carry

    # -- steps that are checked one by one -------------------------------------------------------

    def visit(self, run: Run, here, same: Callable = lambda tree: tree) -> tuple[Run, Point, Array]:
        """The run after it has moved on from here, if it does; what it saw here; whether it did.

        A run that is to end with the coming step, as its update is not finite, stays too.
        """
        place = run.place
        point, model_state = same(self.look(place, here))
        params, state = same(self.move(point))
        there = Place(params, state, model_state)
        stops, memory = self.ask(run, point, here)
        end = self.check_termination(point, here, run.end, stops)
        sound = all_finite((point.gradient, params)) & self.memories_are_sound(there[1:])
        run, goes = after_visit(run._replace(memory=memory), there, end, sound, here, self.steps)
        return run, point, goes

    def visit_and_remember(self, carry: tuple[Run, Seen], here) -> tuple[tuple[Run, Seen], Point]:
        run, before = carry
        run, point, _ = self.visit(run, here)
        seen = Seen(point.loss, point.gradient, point.aux)
        if self.draws_batches:
            seen = where(here <= steps_of(run.end), seen, before)
        return (run, seen), point

    def visits(self, carry: tuple[Run, Seen], begin, length: int) -> tuple[Run, Seen]:
        def one(carry, here):
            return self.visit_and_remember(carry, here)[0], None

        return self.repeat(one, carry, begin, length)[0]

    def nothing_seen(self, run: Run) -> Seen:
        loss, _, aux = jax.tree.map(lambda it: jnp.zeros(it.shape, it.dtype), self.seen_types)
        return Seen(loss, jax.tree.map(jnp.zeros_like, run.place.params), aux)

    def last_visits(self, carry: Striding, begin: int, stride: int) -> tuple[Run, Seen]:
        """The run at its end, and what it saw there.

        A frozen run takes the steps of its stride one by one, others the rest of all steps. They
        are to round as those of a stride, whatever is checked here: hence the barriers. Where
        rounding lets a run end in a stride and not in the same steps taken one by one, it ends
        where the stride had found.
        """
        run, frozen, found = carry
        here = chosen(frozen == RUNNING, jnp.int32(begin), frozen)
        if self.evaluation is not None and self.evaluation.rule is not None:
            here = chosen(run.end == RUNNING, here, steps_of(run.end))
        run = run._replace(place=at_its_own_step(run))

        def one(carry, _):
            run, here, _ = carry
            run, point, goes = self.visit(run, here, lax.optimization_barrier)
            there = chosen(goes, here + 1, here)
            overdue = (run.end == RUNNING) & (there == steps_of(found))
            run = run._replace(end=chosen(overdue, found, run.end))
            return (run, there, Seen(point.loss, point.gradient, point.aux)), None

        visits = 1 + max(stride, self.steps - begin)
        (run, _, seen), _ = lax.scan(one, (run, here, self.nothing_seen(run)), length=visits)
        return run, seen

    # -- many times ------------------------------------------------------------------------------

    def repeat(self, body: Callable, carry, begin, times: int, length: int = 1):
        """A scan over the steps at which each of so many bodies of one length begins."""
        if times == 1:
            carry, row = body(carry, jnp.asarray(begin, jnp.int32))
            return carry, jax.tree.map(lambda leaf: leaf[None], row)
        report = None if _run_of(carry) is None else self.report
        if report is not None and length <= report.every < times * length:
            return self._in_reported_segments(report, body, carry, begin, times, length)
        if self.checkpoint and times > 1:
            return self._in_checkpointed_segments(body, carry, begin, times, length)
        return _scan(body, carry, begin, times, length)

    def _in_reported_segments(
        self, report: Report, body: Callable, carry, begin, times: int, length: int
    ):
        """Reports from within a loop alone, so that they come before what follows it."""

        def segment(carry, begin, times):
            return self.repeat(body, carry, begin, times, length)

        def reported(carry, begin, times):
            carry, rows = segment(carry, begin, times)
            here, run = begin + times * length, _run_of(carry)
            assert run is not None
            params, _, model_state = run.place
            loss, _ = self.loss_at(self.since_the_start(here), model_state)(params)
            report.show(here, loss)
            return carry, rows

        size = report.every // length
        return _segments(reported, segment, carry, begin, times, size, length)

    def _in_checkpointed_segments(self, body: Callable, carry, begin, times: int, length: int):
        @functools.partial(jax.checkpoint, prevent_cse=False, static_argnums=2)
        def segment(carry, begin, times):
            return _scan(body, carry, begin, times, length)

        return _segments(segment, segment, carry, begin, times, math.isqrt(times), length)


def _run_of(carry: Any) -> Run | None:
    """The run that is the first of what a loop carries, and of the first of it."""
    while isinstance(carry, tuple) and not isinstance(carry, Run):
        carry = carry[0]
    return carry if isinstance(carry, Run) else None


def _scan(body: Callable, carry, begin, times: int, length: int):
    return lax.scan(body, carry, begin + length * jnp.arange(times, dtype=jnp.int32))


def _segments(segment: Callable, last: Callable, carry, begin, times: int, size: int, length: int):
    """So many bodies in segments of one size, and a shorter last one."""
    whole, rest = divmod(times, size)
    carry, rows = _scan(
        lambda carry, begin: segment(carry, begin, size), carry, begin, whole, size * length
    )
    rows = jax.tree.map(lambda leaf: leaf.reshape(whole * size, *leaf.shape[2:]), rows)
    if rest:
        carry, others = last(carry, begin + whole * size * length, rest)
        rows = joined(rows, others)
    return carry, rows


def joined(*rows: PyTree) -> PyTree:
    if len(rows) == 1:
        return rows[0]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *rows)
