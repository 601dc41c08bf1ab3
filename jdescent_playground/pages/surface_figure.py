"""The figure of the two-dimensional page: the balls on the ground, and where each goes next."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from bokeh.core.properties import value
from bokeh.models.annotations import Label
from bokeh.plotting import figure

from jdescent_playground import look
from jdescent_playground.look import LIGHT, Palette
from jdescent_playground.pages.ground import Ground, sourced
from jdescent_playground.race import Shown
from jdescent_playground.race_words import pair
from jdescent_playground.runs import Row
from jdescent_playground.surfaces import Surface

TRAIL = 400  # points of a path that are drawn
COVERED = 0.035  # heights of the window: a ball that is nearer to one above it shows no number
LABEL: dict[str, Any] = {
    "text_font": look.FONT, "text_font_size": "18px", "text_baseline": "middle",
    "text_align": "center", "background_fill_alpha": 0.75,
}  # fmt: skip
GRADIENT = 0.22  # the length of the −∇L arrow, in heights of the window


class SurfaceFigure:
    """The runs of a race on their surface; the arrows of −∇L at the chosen one.

    Args:
        redraw: called when the window has changed.
    """

    def __init__(self, redraw: Callable[[], None]) -> None:
        self._ground = Ground(redraw)
        self.figure = self._ground.figure
        self._palette = LIGHT
        columns = {
            "trails": "xs ys color", "dots": "x y color", "balls": "x y color size text ink",
            "steps": "x0 y0 x1 y1 angle color width", "gradient": "x0 y0 x1 y1 angle",
            "gradient-label": "x y",
            "lost": "x y color angle",
        }  # fmt: skip
        self.sources = {name: sourced(name, those) for name, those in columns.items()}
        self._make(self.figure)
        self._lost_label = Label(**LABEL, x=0, y=0, text="", visible=False)
        self.figure.add_layout(self._lost_label)

    @property
    def height(self) -> float:
        """Of the window, in the surface's units."""
        return self._ground.height

    def remark(self) -> str:
        """In words, where in the window the loss has no value; else empty."""
        return self._ground.grid.remark()

    def inside(self, x: float, y: float) -> tuple[float, float]:
        """The nearest point of the window."""
        (left, right), (bottom, top) = self._ground.window
        return min(max(x, left), right), min(max(y, bottom), top)

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        self._palette = palette
        self._ground.paint(palette)
        self._gradient.glyph.line_color = self._gradient_head.glyph.fill_color = palette.ink
        self._balls.glyph.line_color = palette.surface
        for label in (self._gradient_label.glyph, self._lost_label):
            label.text_color, label.background_fill_color = palette.ink, palette.surface

    def draw(self, surface: Surface, shown_runs: Sequence[Shown]) -> None:
        """Show the runs as far as they have come, the chosen one above the others."""
        self._ground.draw(surface)
        runs = sorted(shown_runs, key=lambda one: (one.chosen, one.number))
        self._draw_trails(runs)
        self._draw_balls(runs)
        self._draw_steps(runs)
        self._draw_gradient(runs[-1].row, surface.rest)

    def _draw_trails(self, runs: list[Shown]) -> None:
        trails: dict[str, list[Any]] = {"xs": [], "ys": [], "color": []}
        dots: dict[str, list[Any]] = {"x": [], "y": [], "color": []}
        for one in runs:
            path = self._near(one.run.x[max(one.step - TRAIL, 0) : one.step + 1])
            color = self._color(one)
            trails["xs"].append(path[:, 0])
            trails["ys"].append(path[:, 1])
            trails["color"].append(color)
            recent = path[-60:]
            dots["x"] += recent[:, 0].tolist()
            dots["y"] += recent[:, 1].tolist()
            dots["color"] += [color] * len(recent)
        self.sources["trails"].data, self.sources["dots"].data = trails, dots

    def _draw_balls(self, runs: list[Shown]) -> None:
        """A ball with its number each; an arrow at the edge for those that left the window."""
        balls = {name: [] for name in ("x", "y", "color", "size", "text", "ink")}  # type: ignore[var-annotated]
        lost = {name: [] for name in ("x", "y", "color", "angle")}  # type: ignore[var-annotated]
        self._lost_label.visible = False
        at_start = all(one.step == 0 for one in runs)
        for one in runs:
            x, y = (float(place) for place in one.row.x)
            color = self._color(one)
            if not self._ground.holds((x, y)):
                edge, angle = self._edge(x, y)
                for name, entry in zip(lost, (*edge, color, angle), strict=True):
                    lost[name].append(entry)
                if one.chosen:
                    self._tell_lost(edge, pair((x, y)))
                continue
            size = 30 if one.chosen else 22
            text = "" if at_start and not one.chosen else str(one.number)
            for name, entry in zip(balls, (x, y, color, size, text, ink_on(color)), strict=True):
                balls[name].append(entry)
        places = np.column_stack([balls["x"], balls["y"]])
        for below, place in enumerate(places):  # numbers are drawn above all balls
            if np.any(np.hypot(*(places[below + 1 :] - place).T) < COVERED * self.height):
                balls["text"][below] = ""
        self.sources["balls"].data, self.sources["lost"].data = balls, lost

    def _draw_steps(self, runs: list[Shown]) -> None:
        """The next step of each, at its true length, if it is long enough to be seen."""
        arrows = {name: [] for name in ("x0", "y0", "x1", "y1", "angle", "color", "width")}  # type: ignore[var-annotated]
        for one in runs:
            row = one.row
            if (
                not one.moves
                or not self._ground.holds(row.x)
                or not np.isfinite(row.gradient).all()
            ):
                continue
            with np.errstate(over="ignore", invalid="ignore"):
                start, end = self._near(np.stack([row.x, row.x + row.update]))
            move = end - start
            if not np.linalg.norm(move) > self.height / 60:
                continue
            angle = math.atan2(move[1], move[0]) - math.pi / 2
            values = (*start, *end, angle, self._color(one), 5 if one.chosen else 3.5)
            for name, entry in zip(arrows, values, strict=True):
                arrows[name].append(entry)
        self.sources["steps"].data = arrows

    def _draw_gradient(self, row: Row, rest: float) -> None:
        """−∇L at the chosen ball, at one length, and the contour it stands upright on."""
        arrow = {name: [] for name in ("x0", "y0", "x1", "y1", "angle")}  # type: ignore[var-annotated]
        tip: dict[str, list[float]] = {"x": [], "y": []}
        x = row.x.astype(float)
        with np.errstate(over="ignore", invalid="ignore"):
            direction = -row.gradient.astype(float)
            direction /= np.linalg.norm(direction)
        seen = self._ground.holds(x) and bool(np.isfinite(direction).all()) and row.slope > rest
        if seen:
            end = x + GRADIENT * self.height * direction
            angle = math.atan2(direction[1], direction[0]) - math.pi / 2
            arrow = {name: [entry] for name, entry in zip(arrow, (*x, *end, angle), strict=True)}
            air = 0.06 * self.height
            tip = {
                axis: [float(np.clip(place, low + air, high - air))]
                for axis, place, (low, high) in zip(
                    "xy", end + air * direction, self._ground.window, strict=True
                )
            }
        self.sources["gradient"].data, self.sources["gradient-label"].data = arrow, tip
        self._ground.draw_level(row.loss if seen else None)

    def _near(self, points: np.ndarray) -> np.ndarray:
        """Points as they can be drawn: no farther than three windows away."""
        points = points.astype(float)
        for axis, (low, high) in enumerate(self._ground.window):
            far = 3 * (high - low)
            points[:, axis] = np.clip(points[:, axis], low - far, high + far)
        return np.nan_to_num(points, nan=1e30)

    def _edge(self, x: float, y: float) -> tuple[tuple[float, float], float]:
        """Where at the edge an arrow points to a place outside, and its angle."""
        middle = np.array([(low + high) / 2 for low, high in self._ground.window])
        half = np.array([(high - low) / 2 for low, high in self._ground.window])
        away = np.nan_to_num(np.array([x, y]), nan=0.0, posinf=1e30, neginf=-1e30) - middle
        away = away / (np.abs(away).max() or 1.0)
        if not away.any():
            away = np.array([0.0, 1.0])
        inset = half - 0.04 * self.height
        place = middle + away * min(inset / np.maximum(np.abs(away), 1e-9))
        return (float(place[0]), float(place[1])), math.atan2(away[1], away[0]) - math.pi / 2

    def _tell_lost(self, edge: tuple[float, float], text: str) -> None:
        (left, right), (bottom, top) = self._ground.window
        at_right, above = edge[0] > (left + right) / 2, edge[1] > (bottom + top) / 2
        self._lost_label.update(
            x=edge[0], y=edge[1], text=text, visible=True,
            text_align="right" if at_right else "left", x_offset=-22 if at_right else 22,
            y_offset=-20 if above else 20,
        )  # fmt: skip

    def _color(self, one: Shown) -> str:
        return self._palette.race[one.number - 1]

    def _make(self, view: figure) -> None:
        of = self.sources
        view.multi_line("xs", "ys", color="color", source=of["trails"], line_width=3)
        view.scatter("x", "y", color="color", source=of["dots"], size=8, line_width=0)
        self._gradient = view.segment("x0", "y0", "x1", "y1", source=of["gradient"], line_width=2.5)
        self._gradient_head = view.scatter(
            "x1", "y1", angle="angle", source=of["gradient"], marker="triangle", size=15,
            line_width=0,
        )  # fmt: skip
        self._gradient_label = view.text(  # below the balls
            "x", "y", source=of["gradient-label"], text=value("−∇L"),
            **LABEL | {"text_font": value(look.FONT)},
        )  # fmt: skip
        view.segment("x0", "y0", "x1", "y1", source=of["steps"], color="color", line_width="width")
        view.scatter(
            "x1", "y1", angle="angle", color="color", source=of["steps"], marker="triangle",
            size=15, line_width=0,
        )  # fmt: skip
        self._balls = view.scatter(
            "x", "y", size="size", fill_color="color", source=of["balls"], line_width=2.5
        )
        view.text(
            "x", "y", text="text", text_color="ink", source=of["balls"], text_align="center",
            text_baseline="middle", text_font=value(look.FONT), text_font_size="15px",
            text_font_style="bold",
        )  # fmt: skip
        view.scatter(
            "x", "y", angle="angle", color="color", source=of["lost"], marker="triangle", size=26,
            line_width=0,
        )  # fmt: skip


def ink_on(color: str) -> str:
    """Black or white, whichever is easier to read on a color."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#10151d" if 0.299 * red + 0.587 * green + 0.114 * blue > 125 else "#ffffff"
