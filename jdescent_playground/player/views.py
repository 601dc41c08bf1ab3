"""What of the runs is drawn beside their ground: records, maps of settings, points in a plane.

Where theory stands, it is a number or a function whose parameters are names of axes, as in
``lambda curvature: 2 / curvature``: it is computed for each of their values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jdescent_playground.player.ground import Drawn, Ground
from jdescent_playground.player.runs import Numbers, Runs

Theory = float | Callable[..., Any]


@dataclass(frozen=True)
class History:
    """What was recorded, against the step.

    Attributes:
        names: of recorded numbers, one a step each; or one of them.
        log: whether the vertical axis is logarithmic; by default where all numbers are above 0.
        references: theory's levels by their labels.
        range: (low, high) of the vertical axis; by default what the chosen run has seen.
        whole: whether the horizontal axis is as long for runs that ended early.
        y_label, title: beside and above it.
    """

    names: Sequence[str] | str = "loss"
    log: bool | None = None
    references: Mapping[str, Theory] = field(default_factory=dict)
    range: tuple[float, float] | None = None
    whole: bool = False
    y_label: str = ""
    title: str = ""

    def draw(self, runs: Runs) -> Drawn:
        """Its description and the numbers it needs."""
        names = [self.names] if isinstance(self.names, str) else [*self.names]
        if not names:
            raise ValueError("a history shows one number a step or more: name what was recorded")
        for name in names:
            _one_a_step(runs, name)
        levels = {label: one(label, theory(runs, at)) for label, at in self.references.items()}
        log = self.log if self.log is not None else all(_positive(runs, name) for name in names)
        arrays = {f"reference_{label}": level for label, level in levels.items()}
        return {
            "kind": "history", "label": f"{', '.join(names)} against the step",
            "title": self.title, "names": names, "y_log": log, "whole": self.whole,
            "references": [{"label": label, "array": f"reference_{label}"} for label in levels],
            "range": self.range and interval("range", self.range, log),
            "x_label": "step", "y_label": self.y_label or ", ".join(names),
        }, arrays  # fmt: skip


@dataclass(frozen=True)
class Map:
    """One number for each pair of two settings, as colors; a click chooses the run.

    Attributes:
        name: what is mapped, for the legend.
        values: the number at each setting of all axes, or a function of axes.
        across, up: the axes.
        range: (low, high) of the colors.
        lines: theory's curves in the map, each (points, 2), or a function of axes that returns it.
        labels: of the two axes.
        title: above it.
    """

    name: str
    values: Callable[..., Any] | np.ndarray
    across: str
    up: str
    range: tuple[float, float]
    lines: Sequence[Callable[..., Any] | np.ndarray] = ()
    labels: tuple[str, str] = ("", "")
    title: str = ""

    def draw(self, runs: Runs) -> Drawn:
        """Its description and the numbers it needs."""
        from bokeh.palettes import Viridis256

        for name in (self.across, self.up):
            if runs.axis(name).values is None or len(runs.axis(name).labels) < 2:
                raise ValueError(f"{name} has no two numbers to stand along an edge of a map")
        if self.across == self.up:
            raise ValueError(f"a map is over two axes, got {self.across} twice")
        lines = {f"line_{self.name}_{i}": theory(runs, line) for i, line in enumerate(self.lines)}
        return {
            "kind": "map", "label": f"{self.name} over {self.across} and {self.up}",
            "title": self.title, "array": f"map_{self.name}", "legend": self.name,
            "across": self.across, "up": self.up, "range": interval("range", self.range),
            "colors": Viridis256[::-4], "missing": "#9aa0a8",
            "lines": [{"array": name} for name in lines],
            "x_label": self.labels[0] or self.across, "y_label": self.labels[1] or self.up,
        }, {f"map_{self.name}": _measured(runs, self.values), **lines}  # fmt: skip


@dataclass(frozen=True)
class Plane:
    """Points in a plane, such as eigenvalues beside the unit circle.

    Attributes:
        points: (points, 2) for each setting, as theory.
        box: left, right, bottom, top.
        circle: whether the unit circle is drawn.
        labels: of the two axes.
        title: above it.
    """

    points: Callable[..., Any]
    box: tuple[float, float, float, float] = (-1.3, 1.3, -1.3, 1.3)
    circle: bool = True
    labels: tuple[str, str] = ("real part", "imaginary part")
    title: str = ""

    def draw(self, runs: Runs) -> Drawn:
        """Its description and the numbers it needs."""
        return {
            "kind": "plane", "label": self.title or "points in the plane", "title": self.title,
            "array": "points", "circle": self.circle,
            "box": interval("box", self.box[:2]) + interval("box", self.box[2:]),
            "x_label": self.labels[0], "y_label": self.labels[1],
        }, {"points": theory(runs, self.points)}  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """A number of each run against one setting, the others as chosen; theory as a line.

    Attributes:
        along: the axis.
        measured: by name, the number at each setting.
        theory: by name, a function of axes.
        log: whether the vertical axis is logarithmic.
        range: of the vertical axis.
        x_label, y_label, title: beside and above it.
    """

    along: str
    measured: Mapping[str, np.ndarray | Callable[..., Any]]
    theory: Mapping[str, Theory] = field(default_factory=dict)
    log: bool = False
    range: tuple[float, float] | None = None
    x_label: str = ""
    y_label: str = ""
    title: str = ""

    def draw(self, runs: Runs) -> Drawn:
        """Its description and the numbers it needs."""
        if runs.axis(self.along).values is None:
            raise ValueError(f"{self.along} has no numbers to stand along an axis")
        measured = {f"measured_{k}": _measured(runs, v) for k, v in self.measured.items()}
        lines = {f"theory_{k}": one(k, theory(runs, v)) for k, v in self.theory.items()}
        return {
            "kind": "sweep", "label": f"{self.y_label} against {self.along}", "title": self.title,
            "along": self.along, "names": [*measured], "theory": [*lines], "y_log": self.log,
            "range": self.range and interval("range", self.range, self.log),
            "x_label": self.x_label or self.along, "y_label": self.y_label,
        }, measured | lines  # fmt: skip


View = Ground | History | Map | Plane | Sweep


def theory(runs: Runs, value: Theory | np.ndarray) -> Numbers:
    """A number, or a function's values over the axes that its parameters name."""
    return runs.over(value) if callable(value) else Numbers(np.asarray(value, float))


def one(what: str, numbers: Numbers) -> Numbers:
    """Theory's number, which is one at each setting.

    Raises:
        ValueError: it is several.
    """
    if numbers.inner not in ((), (1,)):
        raise ValueError(f"{what}: one number is drawn, theory has {numbers.inner}")
    return Numbers(numbers.array.reshape(numbers.array.shape[: len(numbers.axes)]), numbers.axes)


def interval(what: str, ends: Sequence[float], log: bool = False) -> list[float]:
    """(low, high), finite and ascending; above 0 along a logarithmic axis.

    Raises:
        ValueError: it is none.
    """
    low, high = map(float, ends)
    if not (np.isfinite([low, high]).all() and low < high and (low > 0 or not log)):
        wanted = "0 < low < high" if log else "low < high"
        raise ValueError(f"{what} must be (low, high), finite, {wanted}, got {(low, high)}")
    return [low, high]


def _positive(runs: Runs, name: str) -> bool:
    """Whether all of its finite numbers are above 0, and there are some."""
    finite = runs.recorded(name).array[np.isfinite(runs.recorded(name).array)]
    return bool(finite.size and np.all(finite > 0))


def _measured(runs: Runs, value: np.ndarray | Callable[..., Any]) -> Numbers:
    """A function of axes, or an array over all of them."""
    if callable(value):
        return runs.over(value)
    names = tuple(axis.name for axis in runs.axes)
    expected, array = tuple(len(axis.labels) for axis in runs.axes), np.asarray(value, float)
    if array.shape != expected:
        raise ValueError(f"one number for each run is of shape {expected}, got {array.shape}")
    return Numbers(array, names)


def _one_a_step(runs: Runs, name: str) -> None:
    if len(runs.recorded(name).inner) != 1:
        raise ValueError(
            f"{name!r} has {runs.recorded(name).inner[1:]} numbers a step: record one number, such "
            "as its norm, to show its history"
        )
