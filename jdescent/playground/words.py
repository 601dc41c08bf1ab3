"""What the one-dimensional page says of a run at a step: a sentence, a table, the update."""

from collections.abc import Sequence

import numpy as np

from jdescent.playground.equation import Line
from jdescent.playground.numbers import counted, shown
from jdescent.playground.runs import Run

ROWS = 60  # of the table


def status(run: Run, step: int) -> str:
    """One sentence on how things stand.

    Example:
        >>> from jdescent.playground.curves import CURVES
        >>> from jdescent.playground.runs import Setup, compute
        >>> run = compute(Setup(CURVES["bowl"].task, "sgd", {"learning_rate": 0.4}, -2.5))
        >>> status(run, 3), status(run, run.last)
        ('Downhill to the right.', 'Arrived after 25 steps: the slope is zero to five decimals.')
    """
    row = run.row(step)
    slope = float(row.gradient)
    if step < run.last:
        if step == 0:
            return "Ready. Step with →, run with the space bar."
        return f"Downhill {'to the right' if slope < 0 else 'to the left'}."
    if run.converged:
        if step == 0:
            return "The slope is zero here: nothing to follow. Put the ball somewhere else."
        return f"Arrived after {counted(step, 'step')}: the slope is zero to five decimals."
    if run.diverged and step == 0:
        return "The loss is not a number here. Put the ball somewhere else."
    if run.diverged:
        with np.errstate(over="ignore", invalid="ignore"):
            after = float(row.x + row.update)
        return (
            f"Diverged: after {counted(step, 'step')} the loss is {shown(row.loss)}, the slope "
            f"{shown(slope)} and the next x would be {shown(after)}. "
            "Reset, and lower the learning rate."
        )
    return f"{counted(step, 'step')} are over, and the slope is still {shown(slope)}."


def mood(run: Run, step: int) -> str:
    """The color of the sentence: "good", "bad" or neither."""
    if step < run.last:
        return ""
    return "good" if run.converged else "bad" if run.diverged else ""


def table(run: Run, step: int) -> str:
    """The rows of the table up to a step, the last one first."""
    rows = [run.row(n) for n in range(step, max(step - ROWS, -1), -1)]
    return "".join(
        f"<tr><th scope=row>{row.step:,}</th><td class=x>{shown(float(row.x))}</td>"
        f"<td class=path>{shown(row.loss)}</td><td class=g>{shown(float(row.gradient))}</td>"
        f"<td>{shown(float(row.update))}</td></tr>"
        for row in rows
    )


def update(lines: Sequence[Line]) -> str:
    """The lines of the written update, symbols over numbers."""
    return "".join(
        f'<div class="symbols">{symbols}</div><div class="numbers">{numbers}</div>'
        for symbols, numbers in lines
    )
