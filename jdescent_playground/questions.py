"""The questions at the end of each level of the game, computed from the run that was made."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jdescent_playground.curves import Curve
from jdescent_playground.levels import BARRIER, TRAP, WAYS, uphill, way
from jdescent_playground.numbers import counted, shown
from jdescent_playground.runs import Run, Setup, compute

CHOICES = 4  # at most


@dataclass(frozen=True)
class Question:
    """A question, its choices, the index of the right one, and why it is right."""

    text: str
    choices: tuple[str, ...]
    right: int
    why: str


def numeric(text: str, right: float, wrong: Sequence[float], why: str) -> Question:
    """A question whose choices are numbers, in their order; wrong ones that read alike are left
    out.

    Example:
        >>> numeric("1 + 1?", 2, [1, 2.00001, 0, 0], "").choices
        ('0.00', '1.00', '2.00')
    """
    by_text = {shown(0.0 if value == 0 else value): value for value in wrong}
    by_text = {name: value for name, value in by_text.items() if name != shown(right)}
    kept = dict(list(by_text.items())[: CHOICES - 1]) | {shown(right): right}
    choices = tuple(sorted(kept, key=lambda name: kept[name]))
    return Question(text, choices, choices.index(shown(right)), why)


def worded(text: str, right: str, wrong: Sequence[str], why: str) -> Question:
    """A question whose choices are sentences, in the order of the alphabet."""
    choices = tuple(sorted({right, *wrong}))
    return Question(text, choices, choices.index(right), why)


def by_hand(visits: Sequence[tuple[float, float]]) -> list[Question]:
    """Level 1, of the (x, loss) that were visited, two at least."""
    (x0, loss0), (x1, loss1) = visits[:2]
    rise, run = loss1 - loss0, x1 - x0
    slope = rise / run
    moves, wasted = len(visits) - 1, uphill([loss for _, loss in visits])
    counts = {f"{n}": n for n in (wasted, moves - wasted, wasted + 1, moves + 1)}
    names = tuple(sorted(counts, key=lambda name: counts[name]))
    return [
        numeric(
            f"Your first move led from x = {shown(x0)} to {shown(x1)}, and the loss from "
            f"{shown(loss0)} to {shown(loss1)}. How steep was the curve on the way, on average?",
            slope,
            [-slope, run / rise if rise else 1.0, rise, run],
            f"Slope is rise over run: {shown(rise)} / {shown(run)} = {shown(slope)}.",
        ),
        Question(
            f"You needed {counted(moves, 'move')}. How many of them led uphill?",
            names,
            names.index(f"{wasted}"),
            f"The loss rose on {wasted} of {moves}. One number does not say which way is down; "
            "the slope does. That is level 2.",
        ),
    ]


def by_slope(run: Run) -> list[Question]:
    """Level 2, of a run of gradient descent on a parabola."""
    step = 1
    row, after = run.row(step), run.row(step + 1)
    x, slope, update, rate = float(row.x), float(row.gradient), float(row.update), row.rate
    ratio = float(after.gradient) / slope
    return [
        numeric(
            f"At step {step} the ball lies at x = {shown(x)}, the slope is {shown(slope)} and "
            f"η = {shown(rate)}. Where does the step lead?",
            x + update,
            [x - update, x - slope, x + slope],
            f"x − η·slope = {shown(x)} − {shown(rate)}·({shown(slope)}) = {shown(x + update)}: "
            "against the slope, and by η times its size.",
        ),
        numeric(
            f"The slope went from {shown(slope)} to {shown(float(after.gradient))} in that step. "
            "By what does every step of this run multiply it?",
            ratio,
            [rate, 1 + rate, 1.0],
            f"By 1 − ηλ = {shown(ratio)}, with λ = 1 the curvature. So the steps shrink though η "
            "never changes: near the minimum there is less and less slope to follow.",
        ),
    ]


def by_rate(exploded: Run, arrived: Run, curve: Curve) -> list[Question]:
    """Level 3, of a run that exploded and one that arrived, on a parabola."""
    ((place, curvature),) = curve.minima
    distances = (exploded.x[:3] - np.float32(place)).astype(float)
    rate, factor = exploded.setup.learning_rate, distances[1] / distances[0]
    limit = 2 / curvature
    went = " → ".join(shown(distance) for distance in distances)
    return [
        numeric(
            f"At η = {shown(rate)} the distance from the minimum went {went} … "
            "By what did every step multiply it?",
            factor,
            [-factor, rate, 1 / factor],
            f"By 1 − ηλ = 1 − {shown(rate)}·{shown(curvature)} = {shown(factor)}: over to the "
            "other side, and further out each time, until the numbers end.",
        ),
        numeric(
            f"η = {shown(arrived.setup.learning_rate)} arrived and η = {shown(rate)} exploded. "
            f"The curvature is λ = {shown(curvature)}. Where is the border?",
            limit,
            [limit / 4, limit / 2, 2 * limit],
            f"At 2/λ = {shown(limit)}, where 1 − ηλ = −1. Half of it, 1/λ, arrives in one step.",
        ),
    ]


def by_escape(run: Run, curve: Curve) -> list[Question]:
    """Level 4, of a run that left the trap by one of the ways."""
    return [_why_it_left(run, curve), _why_plain_stays(run.setup)]


def _why_it_left(run: Run, curve: Curve) -> Question:
    if way(run.setup) == WAYS[2]:
        start, slope, stuck = float(run.x[0]), float(run.gradient[0]), curve.slope(curve.start)
        return worded(
            f"Plain descent again, but from x = {shown(start)}. Why does it end elsewhere?",
            f"The slope there is {shown(slope)}: downhill leads to the deep well",
            [
                f"The slope there is {shown(slope)}: steep enough to cross the barrier",
                f"It began lower than in the trap's valley, where the slope is {shown(stuck)}",
            ],
            f"The barrier stands at x = {shown(BARRIER)}. From {shown(start)} it lies behind the "
            "ball. Descent finds the minimum of the valley it begins in.",
        )
    step = int(np.argmax(run.x[1:] > BARRIER))
    row = run.row(step)
    x, slope, update, rate = float(row.x), curve.slope(float(row.x)), float(row.update), row.rate
    size = run.setup.batch_size
    velocity = f"Its velocity: βv was {shown(update + rate * float(row.gradient))}"
    batch = f"Its batch: the slope it was shown was {shown(float(row.gradient))}"
    asked = (
        f"At step {step} the ball lay at x = {shown(x)}. Plain descent would have moved it by "
        f"{shown(-rate * slope)}; it moved by {shown(update)}, over the barrier. What did that?"
    )
    larger = f"Its learning rate: it rose to {shown(abs(update / slope) if slope else rate)}"
    if size is None:
        return worded(
            asked, velocity, [f"Its slope: {shown(slope)} points to the deep well", larger],
            f"βv − η·slope = {shown(update)}. The velocity gathered on the way down outweighs the "
            "slope, as a rolling ball's does.",
        )  # fmt: skip
    examples = "example" if size == 1 else f"{size} examples"
    return worded(
        asked, batch, [f"Its slope: {shown(slope)} points to the deep well", larger],
        f"A batch of {examples} has a slope of its own, {shown(slope)} only on average over all "
        "96. Small batches kick hard; large ones hardly.",
    )  # fmt: skip


def _why_plain_stays(setup: Setup) -> Question:
    rate = setup.learning_rate
    settings = {"learning_rate": rate}
    plain = compute(Setup(setup.task, "sgd", settings, TRAP))
    slope, update = float(plain.gradient[0]), abs(float(plain.update[0]))
    return numeric(
        f"Put plain descent at the bottom of the trap, x = {shown(TRAP)}, with "
        f"η = {shown(rate)}. How far does its next step go?",
        update,
        [rate, 1.0, 2.5],
        f"The slope there is {shown(abs(slope))}, and η times nothing is nothing: at any minimum, "
        "good or bad, plain descent stands still.",
    )
