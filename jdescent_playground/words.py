"""What the one-dimensional page says of a run at a step: a sentence, a table, the update."""

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from jdescent_playground.curves import Curve
from jdescent_playground.equation import Line
from jdescent_playground.numbers import counted, shown
from jdescent_playground.runs import Row, Run

ROWS = 60  # of the table


def status(run: Run, step: int) -> str:
    """One sentence on how things stand.

    Example:
        >>> from jdescent_playground.curves import CURVES
        >>> from jdescent_playground.runs import Setup, compute
        >>> run = compute(Setup(CURVES["bowl"].task, "sgd", {"learning_rate": 0.4}, -2.5))
        >>> status(run, 3), status(run, run.last)
        ('Downhill to the right.', 'Arrived after 25 steps: the slope is zero to five decimals.')
    """
    row = run.row(step)
    slope = float(row.gradient)
    if step < run.last:
        return (
            "Ready. Step with →, run with the space bar." if step == 0 else _on_the_way(run, step)
        )
    if run.converged:
        if step == 0:
            return "The slope is zero here: nothing to follow. Put the ball somewhere else."
        return f"Arrived after {counted(step, 'step')}: the slope is zero to five decimals."
    if run.diverged and step == 0:
        return f"{_where_it_starts(row)} Put the ball somewhere else."
    if run.diverged:
        with np.errstate(over="ignore", invalid="ignore"):
            after = float(row.x + row.update)
        return (
            f"Diverged: after {counted(step, 'step')} the loss is {shown(row.loss)}, the slope "
            f"{shown(slope)} and the next x would be {shown(after)}. "
            "Reset, and lower the learning rate."
        )
    return f"{counted(step, 'step')} are over, and the slope is still {shown(slope)}."


def _on_the_way(run: Run, step: int) -> str:
    """Between the first point and the last: whether the last step led down, and where down is."""
    before, row = run.row(step - 1).loss, run.row(step)
    slope, update = float(row.gradient), float(row.update)
    if row.loss > before:
        return f"That step led uphill: the loss rose from {shown(before)} to {shown(row.loss)}."
    if slope == 0:
        return "The slope is zero here, and the ball still moves."
    down, moves = _side(-slope), _side(update)
    if update * slope > 0:
        return f"Downhill is to the {down}, yet the ball goes on to the {moves}."
    return f"Downhill to the {down}."


def _side(direction: float) -> str:
    return "right" if direction > 0 else "left"


def _where_it_starts(row: Row) -> str:
    """Why a run ends before its first step."""
    if math.isnan(row.loss):
        return "The loss is not a number here."
    if math.isinf(row.loss):
        return f"The loss is {shown(row.loss)} here: beyond what 32 bits hold."
    return f"The loss is {shown(row.loss)} here, but its slope is {shown(float(row.gradient))}."


def picture(curve: Curve, run: Run, step: int) -> str:
    """What the figure of a curve shows.

    Example:
        >>> from jdescent_playground.curves import CURVES
        >>> from jdescent_playground.runs import Setup, compute
        >>> run = compute(Setup(CURVES["bowl"].task, "sgd", {"learning_rate": 0.4}, -2.5))
        >>> for sentence in picture(CURVES["bowl"], run, 1).split(". "):
        ...     print(sentence)
        The curve ½(x − 1)² + ½ from x = −3.20 to 5.20, lowest at x = 1.00
        The ball lies at x = −1.10 after 1 step, where the loss is 2.705 and the slope −2.10
        Its next step is 0.84.
    """
    row = run.row(step)
    low, high = curve.domain
    where = "" if curve.lowest is None else f", lowest at x = {shown(curve.lowest)}"
    return (
        f"The curve {curve.formula} from x = {shown(low)} to {shown(high)}{where}. The ball lies "
        f"at x = {shown(float(row.x))} after {counted(step, 'step')}, where the loss is "
        f"{shown(row.loss)} and the slope {shown(float(row.gradient))}. "
        f"Its next step is {shown(float(row.update))}."
    )


def losses(run: Run, step: int) -> str:
    """What the figure of the losses shows."""
    first, now = run.row(0).loss, run.row(step).loss
    return (
        f"The loss against the step: {shown(first)} at the start, {shown(now)} after "
        f"{counted(step, 'step')}."
    )


def mood(run: Run, step: int) -> str:
    """The color of the sentence: "good", "bad" or neither."""
    if step < run.last:
        return ""
    return "good" if run.converged else "bad" if run.diverged else ""


def table(run: Run, step: int) -> Markup:
    """The rows of the table up to a step, the last one first."""
    rows = [run.row(n) for n in range(step, max(step - ROWS, -1), -1)]
    return Markup().join(
        Markup(
            "<tr><th scope=row>{:,}</th><td class=x>{}</td><td class=path>{}</td>"
            "<td class=g>{}</td><td>{}</td></tr>"
        ).format(
            row.step,
            *(shown(float(value)) for value in (row.x, row.loss, row.gradient, row.update)),
        )
        for row in rows
    )


def update(lines: Sequence[Line]) -> Markup:
    """The lines of the written update, symbols over numbers."""
    return Markup().join(
        Markup('<div class="symbols">{}</div><div class="numbers">{}</div>').format(*line)
        for line in lines
    )
