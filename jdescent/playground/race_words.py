"""What the two-dimensional page says: HTML and sentences on a race."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from jdescent.playground.catalog import limit_formula, stability_limit
from jdescent.playground.components import components
from jdescent.playground.numbers import brief, shown
from jdescent.playground.race import Racer, Shown
from jdescent.playground.runs import Row, Run
from jdescent.playground.surfaces import Surface


def racer_row(racer: Racer, index: int, chosen: bool, alone: bool) -> str:
    """One row of the race: its button, its rate, cells for loss and verdict, and its end."""
    label = escape(racer.label)
    return (
        f'<tr><th scope="row"><button class="racer" data-do="choose" value="{index}" '
        f'aria-pressed="{str(chosen).lower()}">{badge(index)} {label}</button></th>'
        f'<td id="rate-{index}" class="rate-cell">{shown(racer.rate)}</td>'
        f'<td id="loss-{index}" class="number"></td><td id="how-{index}" class="how"></td>'
        f'<td><button class="remove" data-do="remove" value="{index}"'
        f'{" disabled" if alone else ""} aria-label="take {label} out of the race">×</button>'
        "</td></tr>"
    )


def component_rows(racers: Sequence[Racer], runs: Sequence[Shown]) -> tuple[str, int]:
    """Every racer's next step, parameter by parameter, and the characters of the longest line."""
    rows, longest = [], 0
    for index, (racer, one) in enumerate(zip(racers, runs, strict=True)):
        written = components(one.run, one.step)
        longest = max(longest, *map(len, written.lines))
        cells = "".join(
            f"<td><span class=muted>Δ{name}</span>&ensp;{line}</td>"
            for name, line in zip("xy", written.lines, strict=True)
        )
        head = f"{badge(index)} {escape(racer.label)} <i>{written.rule}</i>"
        rows.append(f'<tr><th scope="row">{head}</th>{cells}</tr>')
    return "".join(rows), longest


def status(racer: Racer, one: Shown, surface: Surface) -> str:
    """One sentence or two on how things stand with one of them."""
    row, label = one.row, racer.label[0].upper() + racer.label[1:]
    if one.step == one.run.last and one.run.diverged:
        place = f"the loss is {shown(row.loss)} at {pair(row.x)}"
        if surface.name == "saddle":
            return f"{label} has left the saddle, downhill without end: {place}."
        return f"{label} diverged: after step {one.step:,} {place}. Reset, and lower its rate."
    if not row.slope > surface.rest:
        return f"{label}: the slope is zero at {pair(row.x)}, loss {shown(row.loss)}."
    return f"{label}: ∇L = {pair(row.gradient)} at {pair(row.x)}. {aim(row, surface)}"


def aim(row: Row, surface: Surface) -> str:
    """How far −∇L, upright on its contour, points past the minimum."""
    if len(surface.minima) != 1:
        return "−∇L is at right angles to the contour."
    to_minimum = np.array(surface.minima[0].position) - row.x.astype(float)
    gradient = row.gradient.astype(float)
    sizes = np.linalg.norm(to_minimum) * np.linalg.norm(gradient)
    if not 0 < sizes < np.inf:
        return ""
    degrees = round(math.degrees(math.acos(np.clip(-gradient @ to_minimum / sizes, -1, 1))))
    if degrees < 1:
        return "−∇L points at the minimum."
    return f"−∇L, at right angles to the contour, misses the minimum by {degrees}°."


def limit(racer: Racer, run: Run, surface: Surface) -> tuple[float | None, str]:
    """The largest stable rate at the minimum a run came to, and words on it."""
    place = tuple(run.x[run.last].tolist()) if run.converged else run.setup.start
    minimum = surface.minimum_near(place)  # type: ignore[arg-type]
    if minimum is None:
        falls = "the saddle falls without end: no rate is stable"
        return None, falls if surface.name == "saddle" else ""
    curvature = minimum.curvatures[1]
    where = "" if surface.quadratic else f" at {pair(minimum.position)}"
    words = f"λ<sub>max</sub> = {shown(curvature)}{where}"
    if racer.schedule != "constant" or racer.clip is not None:
        return None, words
    settings = {"learning_rate": racer.rate, **racer.others}
    largest = stability_limit(racer.method, settings, curvature)
    if largest is None:
        return None, f"{words}, no fixed limit: this method rescales its slopes"
    formula = limit_formula(racer.method, settings).replace("λ", "λ<sub>max</sub>")
    return largest, f"<b>{formula} = {shown(largest)}</b> &ensp;({words})"


def badge(index: int) -> str:
    """A racer's number on its color."""
    number = index + 1
    style = f"background:var(--race-{number});color:var(--race-{number}-ink)"
    return f'<b class="badge" style="{style}">{number}</b>'


def pair(point: Any) -> str:
    """``(−1.20, 1.00)``.

    Example:
        >>> pair((-1.2, 1.0))
        '(−1.20, 1.00)'
    """
    x, y = point
    return f"({brief(x)}, {brief(y)})"
