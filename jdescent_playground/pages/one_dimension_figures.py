"""The figures of the one-dimensional page: the curve with its ball; loss against step."""

import math
from collections.abc import Callable

import numpy as np
from bokeh.models import ColumnDataSource, Range1d
from bokeh.models.annotations import Label

from jdescent_playground import look
from jdescent_playground.curves import Curve
from jdescent_playground.look import Palette
from jdescent_playground.numbers import shown
from jdescent_playground.runs import Run

TRAIL = 400  # points of the path that are drawn
EXPLODED = 20  # of the first loss above the lowest: what grew so far is drawn by powers of ten
INFINITE = 39  # the power of ten at which infinity is drawn: float32 ends before it
TANGENT = 0.17  # half its length, in widths of the figure

Height = Callable[[np.ndarray], np.ndarray]
"""Where losses stand on the axis."""


class CurveFigure:
    """The curve, the ball on it with its tangent, where it has been and where it goes next."""

    def __init__(self) -> None:
        self.figure = look.plot(
            "curve",
            "x",
            "loss L(x)",
            x_range=Range1d(start=0, end=1),
            y_range=Range1d(start=0, end=1),
        )
        self._drawn: Curve | None = None
        self.view = (0.0, 1.0, 0.0, 1.0)  # left, right, bottom, top
        figure = self.figure
        self.sources = {
            name: ColumnDataSource({column: [] for column in columns}, name=f"curve-{name}")
            for name, columns in {
                "curve": ("x", "y"),
                "path": ("x", "y"),
                "tangent": ("x0", "y0", "x1", "y1"),
                "step": ("x0", "y0", "x1", "y1"),
                "arrival": ("x", "y", "angle"),
                "ball": ("x", "y"),
                "lost": ("x", "y", "angle"),
            }.items()
        }
        of = self.sources
        self._curve = figure.line("x", "y", source=of["curve"], line_width=4)
        self._tangent = figure.segment(
            "x0", "y0", "x1", "y1", source=of["tangent"], line_width=3, line_cap="round"
        )
        self._hops = figure.line("x", "y", source=of["path"], line_width=1.5, line_alpha=0.6)
        self._visited = figure.scatter("x", "y", source=of["path"], size=9, line_width=0)
        self._step = figure.segment(
            "x0", "y0", "x1", "y1", source=of["step"], line_width=3, line_dash=[7, 5]
        )
        self._arrival = figure.scatter(
            "x", "y", angle="angle", source=of["arrival"], marker="triangle", size=13, line_width=0
        )
        self._ball = figure.scatter("x", "y", source=of["ball"], size=30, line_width=3)
        self._lost = figure.scatter(
            "x", "y", angle="angle", source=of["lost"], marker="triangle", size=30, line_width=0
        )
        self._label = Label(
            x=0, y=0, text="", visible=False, text_font=look.FONT, text_font_size="20px",
            text_baseline="middle",
        )  # fmt: skip
        figure.add_layout(self._label)

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        look.paint(self.figure, palette)
        self._curve.glyph.line_color = palette.ink
        self._tangent.glyph.line_color = palette.slope
        self._hops.glyph.line_color = self._visited.glyph.fill_color = palette.path
        self._step.glyph.line_color = self._arrival.glyph.fill_color = palette.velocity
        for dot in (self._ball, self._lost):
            dot.glyph.fill_color = palette.ball
        self._ball.glyph.line_color = palette.surface
        self._label.text_color = palette.ball
        self._label.background_fill_color = palette.surface

    def draw(self, curve: Curve, run: Run, step: int) -> None:
        """Show the run up to a step."""
        if curve is not self._drawn:
            self._draw_curve(curve)
        row = run.row(step)
        x, y = float(row.x), row.loss
        left, right, bottom, top = self.view
        first = max(step - TRAIL, 0)
        visited = slice(first, step + 1)
        far = 3 * (right - left), 3 * (top - bottom)
        with np.errstate(invalid="ignore"):
            path_x = np.clip(run.x[visited].astype(float), left - far[0], right + far[0])
            path_y = np.clip(run.loss[visited].astype(float), bottom - far[1], top + far[1])
        self.sources["path"].data = {"x": path_x, "y": path_y}
        inside = left <= x <= right and bottom <= y <= top
        self.sources["ball"].data = _points([(x, y)] if inside else [])
        self._draw_tangent(x, y, float(row.gradient), inside)
        self._draw_step(x, y, float(row.update), inside)
        self._draw_lost(x, y, inside)

    def _draw_curve(self, curve: Curve) -> None:
        self._drawn = curve
        x, y = curve.drawn()
        bottom, top = curve.range()
        y = np.where((y > 4 * top - 3 * bottom) | (y < 4 * bottom - 3 * top), np.nan, y)
        self.sources["curve"].data = {"x": x, "y": y}
        self.view = (*curve.domain, bottom, top)
        self.figure.x_range.update(start=curve.domain[0], end=curve.domain[1])
        self.figure.y_range.update(start=bottom, end=top)

    def _draw_tangent(self, x: float, y: float, slope: float, inside: bool) -> None:
        """A segment of the same length on the screen whatever its slope."""
        seen = inside and math.isfinite(slope)
        left, right, bottom, top = self.view
        width, height = right - left, top - bottom
        half = TANGENT * width / math.hypot(1.0, 0.6 * slope * width / height) if seen else 0.0
        self.sources["tangent"].data = {
            "x0": [x - half] * seen, "y0": [y - half * slope] * seen,
            "x1": [x + half] * seen, "y1": [y + half * slope] * seen,
        }  # fmt: skip

    def _draw_step(self, x: float, y: float, update: float, inside: bool) -> None:
        """The next step as an arrow at the ball's height, if it is long enough to be seen."""
        width = self.view[1] - self.view[0]
        seen = inside and not abs(update) < width / 60
        end = x + max(min(update, 2 * width), -2 * width) if seen and not math.isnan(update) else x
        self.sources["step"].data = {
            "x0": [x] * seen, "y0": [y] * seen, "x1": [end] * seen, "y1": [y] * seen,
        }  # fmt: skip
        angle = -math.pi / 2 if update > 0 else math.pi / 2
        self.sources["arrival"].data = {"x": [end] * seen, "y": [y] * seen, "angle": [angle] * seen}

    def _draw_lost(self, x: float, y: float, inside: bool) -> None:
        """Where the ball went, if it has left the view: an arrow at the edge, and a number."""
        left, right, bottom, top = self.view
        self._label.visible = not inside
        if inside:
            self.sources["lost"].data = {"x": [], "y": [], "angle": []}
            return
        to_left, to_right = x < left, x > right
        edge_x = min(max(x, left + 0.03 * (right - left)), right - 0.03 * (right - left))
        edge_y = (
            top - 0.1 * (top - bottom) if not y <= top else max(y, bottom + 0.06 * (top - bottom))
        )
        angle = math.pi / 2 if to_left else -math.pi / 2 if to_right else 0.0
        edge_x = edge_x if math.isfinite(edge_x) else (left + right) / 2
        self.sources["lost"].data = {"x": [edge_x], "y": [edge_y], "angle": [angle]}
        middle = (left + right) / 2
        self._label.update(
            x=edge_x, y=edge_y, text=f"x = {shown(x)}",
            text_align="left" if edge_x < middle else "right",
            x_offset=26 if edge_x < middle else -26,
        )  # fmt: skip


class LossFigure:
    """The loss against the step, over what it was before the last reset.

    Where it grows far beyond where it began, by powers of ten: of the loss, or of what it is above
    the lowest if that is not positive.
    """

    def __init__(self) -> None:
        self.figure = look.plot(
            "loss",
            "step",
            "loss",
            x_range=Range1d(start=0, end=10),
            y_range=Range1d(start=0, end=1),
        )
        self.line = ColumnDataSource({"x": [], "y": []}, name="loss-line")
        self.before = ColumnDataSource({"x": [], "y": []}, name="loss-before")
        self.now = ColumnDataSource({"x": [], "y": []}, name="loss-now")
        self.least = ColumnDataSource({"x": [], "y": []})
        self._remembered = np.array([])
        self._least = self.figure.line(
            "x", "y", source=self.least, line_dash="dashed", line_width=1.5
        )
        self._before = self.figure.line("x", "y", source=self.before, line_width=2, line_alpha=0.45)
        self._line = self.figure.line("x", "y", source=self.line, line_width=3)
        self._dots = self.figure.scatter("x", "y", source=self.line, size=6, line_width=0)
        self._now = self.figure.scatter("x", "y", source=self.now, size=15, line_width=2)

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        look.paint(self.figure, palette)
        self._line.glyph.line_color = self._dots.glyph.fill_color = palette.path
        self._now.glyph.fill_color, self._now.glyph.line_color = palette.ball, palette.surface
        self._before.glyph.line_color = palette.muted
        self._least.glyph.line_color = palette.muted

    def remember(self, run: Run | None, step: int) -> None:
        """Keep a run in the background, up to a step; None forgets the one there is."""
        if run is None:
            self._remembered = np.array([])
        elif step:
            self._remembered = _finite(run.loss[: step + 1])

    def draw(self, curve: Curve, run: Run, step: int) -> None:
        """Show the losses up to a step."""
        losses = _finite(run.loss[: step + 1])
        known = curve.least
        least = float(losses.min()) if known is None else known
        bottom, top = curve.range()
        size = max(float(losses[0]) - least, 0.1 * (top - bottom))
        if losses.max() > least + EXPLODED * size:
            height = self._by_powers(losses, min(least, float(losses.min())), size)
        else:
            height = self._by_numbers(losses, least, size)
        drawn = height(losses)
        self.line.data = {"x": np.arange(step + 1), "y": drawn}
        self.before.data = {
            "x": np.arange(len(self._remembered)), "y": height(self._remembered),
        }  # fmt: skip
        self._dots.visible = step <= 60
        self.now.data = _points([(step, float(drawn[-1]))])
        end = max(10, math.ceil(step * 1.08))
        self.figure.x_range.update(start=-0.02 * end, end=end)
        floor = math.nan if known is None else float(height(np.array([known]))[0])
        self.least.data = {"x": [0, 2 * end], "y": [floor] * 2}

    def _by_numbers(self, losses: np.ndarray, least: float, size: float) -> Height:
        bottom = min(least, float(losses.min())) - 0.12 * size
        top = min(float(losses.max()), least + 3 * size) + 0.12 * size
        self.figure.y_range.update(start=bottom, end=top if top > bottom else bottom + 1)
        axis = self.figure.yaxis[0]
        axis.axis_label = "loss"
        look.by_numbers(axis)
        return lambda heights: np.clip(heights, bottom - 9 * size, top + 9 * size)

    def _by_powers(self, losses: np.ndarray, lowest: float, size: float) -> Height:
        offset = 0.0 if lowest > 0 else lowest
        smallest = 1e-3 * size

        def height(heights: np.ndarray) -> np.ndarray:
            return np.log10(np.clip(heights - offset, smallest, 10.0**INFINITE))

        drawn = height(losses)
        bottom, top = math.floor(drawn.min()), math.ceil(drawn.max())
        air = 0.06 * (top - bottom)
        self.figure.y_range.update(start=bottom - air, end=top + air)
        axis = self.figure.yaxis[0]
        axis.axis_label = "loss − min" if offset else "loss"
        look.by_powers(axis, bottom, top)
        return height


def _points(points: list[tuple[float, float]]) -> dict[str, list[float]]:
    return {"x": [x for x, _ in points], "y": [y for _, y in points]}


def _finite(losses: np.ndarray) -> np.ndarray:
    """Infinity and NaN as a number above everything."""
    far = 10.0**INFINITE
    return np.nan_to_num(losses.astype(float), nan=far, posinf=far, neginf=-far)
