"""A player of runs, and the function that makes one."""

import html
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jdescent.trajectory import Status
from jdescent_playground.player.animation import FORMATS, animation
from jdescent_playground.player.laboratory import Laboratory
from jdescent_playground.player.packing import packed
from jdescent_playground.player.page import page
from jdescent_playground.player.pictures import Shown
from jdescent_playground.player.runs import Axis, Numbers, Runs, runs_of
from jdescent_playground.player.still import still
from jdescent_playground.player.views import History, Theory, View, one, theory

_ID = re.compile(r"[A-Za-z][\w-]*", re.ASCII)
_FIELD = re.compile(r"\{(\w+)(?:\+1)?(?:\|b)?\}")
_MOST_WRITTEN = 8  # numbers at one step
_LARGE = 15e6  # bytes, which a browser takes seconds to open
_OUTCOMES = {
    Status.STEP_LIMIT: ("slow", "The steps ran out, at step {step}."),
    Status.CONVERGED: ("good", "Arrived at step {step}: the gradient is within the tolerance."),
    Status.DIVERGED: ("bad", "Diverged at step {step}."),
    Status.NON_FINITE: ("bad", "Diverged at step {step}: no finite number is left."),
    Status.STOPPED: ("good", "Stopped at step {step}, as was asked."),
}


@dataclass(frozen=True)
class Player:
    """A figure that plays. As the last line of a notebook's cell it shows itself.

    Attributes:
        name: its id in a page: letters, digits and hyphens.
        title: above it, and of the page.
        data: numbers and their description, packed.
        description: of the figure, for who does not see it and where scripts do not run.
        axes: what chooses among its runs.
        stills: pictures of it as it is shown first, for paper and where scripts do not run; SVG.
        laboratory: where the live playground shows it, in its state; None where it cannot.
    """

    name: str
    title: str
    data: str
    description: str = ""
    axes: tuple[Axis, ...] = ()
    stills: str = ""
    laboratory: Laboratory | None = None

    def element(self) -> str:
        """The HTML of the figure alone, for a page that has the player's script."""
        return (
            f'<div class="player" id="{html.escape(self.name)}">'
            f'<p class="still">{html.escape(self.description)}</p>'
            f'<div class="stills">{self.stills}</div>'
            f'<script type="application/gzip">{self.data}</script></div>'
        )

    def html(self) -> str:
        """A whole page, which needs nothing else."""
        return page(self.title or self.name, self.element())

    def save(self, path: str | Path, theme: str = "light") -> Path:
        """Write the page, or a moving picture of the run that is shown first.

        Args:
            path: ``run.html`` for the page; ``run.gif``, ``run.webp`` or ``run.png``, which moves
                too, for a picture. The folder is made if it is missing.
            theme: "light" or "dark", of a picture; the page is as its reader's browser is.

        Raises:
            ValueError: the file's name ends otherwise, or there is no such theme.
            ModuleNotFoundError: matplotlib, which draws the picture, is not installed.
        """
        path = Path(path).expanduser()
        ending = path.suffix.lower()
        if ending in (".html", ".htm"):
            content = self.html().encode()
        elif ending in FORMATS:
            content = self.animation(ending, theme)
        else:
            raise ValueError(
                f"a player is saved as .html or as {', '.join(FORMATS)}, got {path.name!r}: for a "
                "film, save a .gif and let ffmpeg turn it (ffmpeg -i run.gif run.mp4)"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def animation(self, ending: str = ".gif", theme: str = "light") -> bytes:
        """A moving picture of the run that is shown first, its first steps one by one."""
        return animation(self.data, FORMATS[ending], theme)

    def _repr_html_(self) -> str:
        text = html.escape(self.html())
        return (
            f'<iframe title="{html.escape(self.title or self.name)}" srcdoc="{text}" '
            'style="width: 100%; height: 760px; border: 0" sandbox="allow-scripts"></iframe>'
        )


def player(
    runs: Any,
    *views: View,
    name: str = "runs",
    title: str = "",
    description: str = "",
    labels: Mapping[str, str] | None = None,
    at: Mapping[str, Any] | None = None,
    overlay: str | None = None,
    marks: Mapping[str, Mapping[str, Theory]] | None = None,
    lines: Sequence[tuple[str, str]] = (),
    readings: Mapping[str, str] | None = None,
    laboratory: tuple[str, Mapping[str, Any]] | None = None,
) -> Player:
    """A figure of runs, to be played, stepped and scrubbed.

    Args:
        runs: a `jd.Trajectory`, or the dataset that `jd.sweep` returns for `jd.descend`; record
            "params" as well to see them on the loss.
        views: what is drawn, from left to right; by default the history of the loss.
        name: its id in the page.
        title: above it.
        description: what a reader sees where scripts do not run.
        labels: of the axes, by their names.
        at: the setting that is shown first; by default the first of each axis.
        overlay: an axis, such as seeds, whose runs are all shown at once.
        marks: by axis, theory's values on its slider: ``{"learning_rate": {"2/λ": 2.0}}``.
        lines: (symbols, numbers) that are written out at each step. In the numbers, ``{x}`` is a
            setting, the ``{step}`` or a number of the run; ``{x+1}`` is that of the next step, and
            ``{x|b}`` has brackets where it is negative.
        readings: what is read off at each step, by its label, in the same form.
        laboratory: (path, query) of the live page that shows the same, where there is one: values
            by their names in the address, or functions of axes.

    Raises:
        TypeError: runs of another kind.
        ValueError: what is asked for was not computed, or the name is no id.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> from jdescent_playground.player import Ground, History, player
        >>> loss = lambda x: 0.5 * (x - 1) ** 2 + 0.5
        >>> grid = jd.sweep(
        ...     lambda learning_rate: jd.descend(
        ...         loss, -2.5, jd.sgd(learning_rate), steps=20, record=("params", "loss")),
        ...     learning_rate=[0.1, 0.4, 2.1])
        >>> figure = player(grid, Ground(loss, (-4.0, 6.0)), History())
        >>> "<script" in figure.html()
        True
    """
    if not _ID.fullmatch(name):
        raise ValueError(f"a name is letters, digits, - and _, a letter first, got {name!r}")
    for line in lines:
        if isinstance(line, str) or len(line) != 2:
            raise TypeError(f"a line is a pair of symbols and numbers, got {line!r}")
    found = runs_of(runs)
    numbers, drawn = _drawn(found, views or (History(),))
    numbers["outcome"] = _outcomes(found)
    about_marks = _marks(found, marks or {}, numbers)
    chosen = {axis: found.axis(axis).index(value) for axis, value in (at or {}).items()}
    for axis in (overlay, *(labels or {})):
        if axis is not None:
            found.axis(axis)
    starts = {axis for about in drawn for axis in about.get("start", ())}
    kinds = dict.fromkeys(starts, "start") | ({overlay: "overlay"} if overlay else {})
    there = Laboratory.of(*laboratory, found.axes) if laboratory else None
    header = {
        "title": title,
        "steps": found.steps.tolist(),
        "axes": [
            {
                "name": axis.name,
                "label": (labels or {}).get(axis.name, axis.name.replace("_", " ")),
                "labels": axis.labels,
                "values": axis.values if axis.values is None else axis.values.tolist(),
                "log": axis.logarithmic,
                "kind": kinds.get(axis.name, "choice" if axis.values is None else "slider"),
                "first": chosen.get(axis.name, 0),
                "marks": about_marks.get(axis.name, []),
            }
            for axis in found.axes
        ],
        "views": drawn,
        "lines": [{"symbols": symbols, "numbers": text} for symbols, text in lines],
        "readings": [{"label": k, "text": v} for k, v in (readings or {"step": "{step}"}).items()],
        "laboratory": there.described() if there else None,
        "outcomes": [{"tone": tone, "sentence": told} for tone, told in _OUTCOMES.values()],
    }
    for text in [*(line[1] for line in lines), *(readings or {}).values()]:
        _check_names(text, found, numbers)
    data = packed(header, numbers)
    if len(data) > _LARGE:
        warnings.warn(
            f"this page has {len(data) / 1e6:.0f} MB: record every few steps (every=), or sweep "
            "fewer values",
            stacklevel=2,
        )
    shown = Shown(
        header["axes"], found.steps, numbers, {a["name"]: a["first"] for a in header["axes"]},
        row=len(found.steps) - 1, overlay=overlay or "",
    )  # fmt: skip
    stills = "".join(still(about, shown) for about in drawn)
    return Player(name, title, data, description, found.axes, stills, there)


def _drawn(runs: Runs, views: Sequence[View]) -> tuple[dict[str, Numbers], list[dict[str, Any]]]:
    """Each view's description, and all numbers; those of a view by its place, as two may be alike.

    The first ground's slope is "slope", for lines and readings.
    """
    numbers, drawn = dict(runs.numbers), []
    for place, view in enumerate(views):
        if not isinstance(view, View):
            raise TypeError(
                "a view is a Ground, History, Map, Plane or Sweep, such as History('loss'), "
                f"got {view!r}"
            )
        about, own = view.draw(runs)
        names = {name: f"{name} {place}" for name in own}
        numbers |= {names[name]: value for name, value in own.items()}
        if "slope" in own:
            numbers.setdefault("slope", own["slope"])
        drawn.append({**about, "arrays": names})
    return numbers, drawn


def _outcomes(runs: Runs) -> Numbers:
    """Where in `_OUTCOMES` each run's end stands."""
    order = [*_OUTCOMES]
    where = np.array([order.index(Status(code)) for code in runs.status.ravel()], np.int8)
    return Numbers(where.reshape(runs.status.shape), tuple(axis.name for axis in runs.axes))


def _marks(
    runs: Runs, marks: Mapping[str, Mapping[str, Theory]], numbers: dict[str, Numbers]
) -> dict[str, list[dict[str, str]]]:
    """What is marked on each axis's slider; the values go into the numbers."""
    about: dict[str, list[dict[str, str]]] = {}
    for axis, values in marks.items():
        if runs.axis(axis).values is None:
            raise ValueError(f"{axis} has no numbers among which to mark one")
        for label, value in values.items():
            numbers[f"mark_{axis}_{label}"] = one(label, theory(runs, value))
            about.setdefault(axis, []).append({"label": label, "array": f"mark_{axis}_{label}"})
    return about


def _check_names(text: str, runs: Runs, numbers: Mapping[str, Numbers]) -> None:
    rest = _FIELD.sub("", text)
    if "{" in rest or "}" in rest:
        raise ValueError(
            f"{text!r}: in braces stands a name, as in {{loss}}, {{loss+1}} at the next step, or "
            "{loss|b} with brackets where it is negative"
        )
    rows = len(runs.steps)
    written = {name for name, value in numbers.items() if value.inner[:1] in ((), (rows,))}
    known = {"step", *written, *(axis.name for axis in runs.axes)}
    for name in _FIELD.findall(text):
        if name not in known:
            raise ValueError(f"{{{name}}} in {text!r} is none of {', '.join(sorted(known))}")
        if name in numbers and np.prod(numbers[name].inner[1:], dtype=int) > _MOST_WRITTEN:
            raise ValueError(
                f"{{{name}}} has {numbers[name].inner[1:]} numbers a step, too many to be written: "
                "record one, such as its norm"
            )
