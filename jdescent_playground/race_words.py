"""What the two-dimensional page says: HTML and sentences on a race."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from jdescent_playground.catalog import limit_formula, stability_limit
from jdescent_playground.components import components
from jdescent_playground.numbers import brief, counted, shown
from jdescent_playground.race import Racer, Shown
from jdescent_playground.runs import Row, Run
from jdescent_playground.surfaces import Minimum, Surface


def racer_row(racer: Racer, index: int, chosen: bool, alone: bool) -> Markup:
    """One row of the race: its button, its rate, cells for loss and verdict, and its end."""
    return Markup(
        '<tr><th scope="row"><button class="racer" data-do="choose" value="{index}" '
        'aria-pressed="{pressed}">{badge} {label}</button></th>'
        '<td id="rate-{index}" class="rate-cell">{rate}</td>'
        '<td id="loss-{index}" class="number"></td><td id="how-{index}" class="how"></td>'
        '<td><button class="remove" data-do="remove" value="{index}" {disabled}'
        ' aria-label="take {label} out of the race">×</button></td></tr>'
    ).format(
        index=index, pressed=str(chosen).lower(), badge=badge(index), label=racer.label,
        rate=shown(racer.rate), disabled="disabled" if alone else "",
    )  # fmt: skip


def component_rows(racers: Sequence[Racer], runs: Sequence[Shown]) -> tuple[Markup, int]:
    """Every racer's next step, parameter by parameter, and the characters of the longest line."""
    rows, longest = [], 0
    for index, (racer, one) in enumerate(zip(racers, runs, strict=True)):
        written = components(one.run, one.step)
        longest = max(longest, *map(len, written.lines))
        cells = Markup().join(
            Markup("<td><span class=muted>Δ{}</span>&ensp;{}</td>").format(name, line)
            for name, line in zip("xy", written.lines, strict=True)
        )
        head = Markup("{} {} <i>{}</i>").format(badge(index), racer.label, written.rule)
        rows.append(Markup('<tr><th scope="row">{}</th>{}</tr>').format(head, cells))
    return Markup().join(rows), longest


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


def minimum_of(run: Run, surface: Surface) -> Minimum | None:
    """The minimum that a run came to, or that it starts near to, where one is known."""
    place = tuple(run.x[run.last].tolist()) if run.converged else run.setup.start
    return surface.minimum_near(place)  # type: ignore[arg-type]


def limit(racer: Racer, run: Run, surface: Surface) -> tuple[float | None, Markup]:
    """The largest stable rate at the minimum a run came to, and words on it."""
    minimum = minimum_of(run, surface)
    if minimum is None:
        falls = Markup("the saddle falls without end: no rate is stable")
        return None, falls if surface.name == "saddle" else Markup()
    curvature = minimum.curvatures[1]
    where = "" if surface.quadratic else f" at {pair(minimum.position)}"
    words = Markup("{} = {}{}").format(_LARGEST, shown(curvature), where)
    if racer.schedule != "constant" or racer.clip is not None:
        return None, words
    settings = {"learning_rate": racer.rate, **racer.others}
    largest = stability_limit(racer.method, settings, curvature)
    if largest is None:
        return None, words + ", no fixed limit: this method rescales its slopes"
    formula = Markup(limit_formula(racer.method, settings)).replace("λ", _LARGEST)
    return largest, Markup("<b>{} = {}</b> &ensp;({})").format(formula, shown(largest), words)


_LARGEST = Markup("λ<sub>max</sub>")


def picture(surface: Surface, labels: Sequence[str], runs: Sequence[Shown]) -> str:
    """What the figure of a surface shows.

    Args:
        surface: the one there is.
        labels: of the optimizers.
        runs: how far each has come.
    """
    minima = " and ".join(pair(minimum.position) for minimum in surface.minima)
    lowest = f", with minima at {minima}" if minima else ""
    places = "; ".join(
        f"{label} at {pair(one.row.x)}, loss {brief(one.row.loss)}"
        for label, one in zip(labels, runs, strict=True)
    )
    steps = max(one.step for one in runs)
    head = f"The surface {surface.formula} from above{lowest}."
    return f"{head} After {counted(steps, 'step')}: {places}."


def losses(labels: Sequence[str], runs: Sequence[Shown]) -> str:
    """What the figure of the losses shows."""
    told = "; ".join(
        f"{label} from {brief(one.run.row(0).loss)} to {brief(one.row.loss)} "
        f"after {counted(one.step, 'step')}"
        for label, one in zip(labels, runs, strict=True)
    )
    return f"The losses against the step: {told}."


def by_angle(labels: Sequence[str], steps: Sequence[np.ndarray]) -> str:
    """What the figure of the steps against the bowl's angle shows."""
    told = "; ".join(
        f"{label} {_range(each[np.isfinite(each)])}"
        for label, each in zip(labels, steps, strict=True)
    )
    return f"Steps needed as the bowl is turned from 0 to 90 degrees: {told}."


def _range(steps: np.ndarray) -> str:
    if not steps.size:
        return "does not get there"
    low, high = int(steps.min()), int(steps.max())
    return f"{low}" if low == high else f"{low} to {high}"


def badge(index: int) -> Markup:
    """A racer's number on its color."""
    return Markup(
        '<b class="badge" style="background:var(--race-{number});color:var(--race-{number}-ink)">'
        "{number}</b>"
    ).format(number=index + 1)


def pair(point: Any) -> str:
    """``(−1.20, 1.00)``.

    Example:
        >>> pair((-1.2, 1.0))
        '(−1.20, 1.00)'
    """
    x, y = point
    return f"({brief(x)}, {brief(y)})"
