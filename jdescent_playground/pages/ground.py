"""The ground of the two-dimensional figure: contours, descent directions, minima, its window."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure
from bokeh.plotting.contour import contour_data

from jdescent_playground import look
from jdescent_playground.look import Palette
from jdescent_playground.surfaces import BANDS, Box, Sampled, Surface

FIELD = 13  # descent directions along the window's height


class Ground:
    """A surface from above, in a figure that fits itself around the surface's domain.

    Both axes have the same scale, or −∇L would not stand at right angles to the contours: the
    window grows with the figure.

    Args:
        redraw: called when the window has changed.
    """

    def __init__(self, redraw: Callable[[], None]) -> None:
        self._ranges = Range1d(start=-1, end=1), Range1d(start=-1, end=1)
        self.figure = look.plot(
            "surface", "x", "y", x_range=self._ranges[0], y_range=self._ranges[1]
        )
        self.figure.grid.visible = False
        self.window: Box = ((-1.0, 1.0), (-1.0, 1.0))
        self.grid: Sampled
        self._redraw = redraw
        self._surface: Surface | None = None
        self.field, self.minima, self.level = (
            sourced(name, columns)
            for name, columns in (
                ("field", "x0 y0 x1 y1 angle"), ("minima", "x y"), ("level", "x y"),
            )
        )  # fmt: skip
        self._make(self.figure)
        self._sides = {"inner_width": 0.0, "inner_height": 0.0}
        for side in self._sides:
            self.figure.on_change(side, self._resized)

    @property
    def height(self) -> float:
        """Of the window."""
        _, (low, high) = self.window
        return high - low

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        look.paint(self.figure, palette)
        bands = mixed(palette.surface, palette.path, np.linspace(0.34, 0.03, BANDS))
        self._fill.data = {**self._fill.data, "fill_color": bands}
        colors = mixed(palette.surface, palette.muted, np.full(BANDS + 1, 0.4))
        self._lines.data = {**self._lines.data, "line_color": colors}
        self._contour.glyph.line_color = self._crosses.glyph.line_color = palette.ink
        self._shafts.glyph.line_color = self._heads.glyph.fill_color = palette.muted

    def draw(self, surface: Surface) -> None:
        """Show a surface, if it is not the one that is shown."""
        if surface != self._surface:
            self._surface = surface
            self._draw()

    def holds(self, point: Any) -> bool:
        """Whether a point lies in the window."""
        return all(
            low <= place <= high for place, (low, high) in zip(point, self.window, strict=True)
        )

    def draw_level(self, loss: float | None) -> None:
        """Show one more contour; None takes it away."""
        lines: tuple[Any, Any] = ([], [])
        heights = self._heights()
        if loss is not None and heights.count() and heights.min() < loss < heights.max():
            levels = [loss, loss + abs(loss) + 1.0]
            found = contour_data(self.grid.x, self.grid.y, heights, levels, want_fill=False)
            assert found.line_data is not None
            lines = found.line_data.xs[0], found.line_data.ys[0]
        self.level.data = {"x": lines[0], "y": lines[1]}

    def _resized(self, attr: str, old: Any, new: float) -> None:
        self._sides[attr] = new
        if self._surface is not None and self._fitted(self._surface.domain) != self.window:
            self._draw()
            self._redraw()

    def _fitted(self, domain: Box) -> Box:
        """The domain, with one side made longer until it has the figure's shape."""
        width, height = self._sides.values()
        sizes = np.array([high - low for low, high in domain])
        if width and height:
            unit = max(sizes[0] / width, sizes[1] / height)
            sizes = unit * np.array([width, height])
        middles = [(low + high) / 2 for low, high in domain]
        x, y = (
            (float(middle - size / 2), float(middle + size / 2))
            for middle, size in zip(middles, sizes, strict=True)
        )
        return x, y

    def _draw(self) -> None:
        surface = self._surface
        assert surface is not None
        self.window = self._fitted(surface.domain)
        for one, (low, high) in zip(self._ranges, self.window, strict=True):
            one.update(start=low, end=high)
        self.grid = surface.sampled(self.window)
        heights = self._heights()
        levels = self.grid.levels(surface.domain)
        if heights.count():
            levels[0] = min(levels[0], float(heights.min()))
            levels[-1] = max(levels[-1], float(heights.max()))
        self._contours.set_data(contour_data(self.grid.x, self.grid.y, heights, levels))
        places = [minimum.position for minimum in surface.minima]
        self.minima.data = {"x": [x for x, _ in places], "y": [y for _, y in places]}
        self._draw_field()

    def _heights(self) -> np.ma.MaskedArray:
        return np.ma.masked_array(self.grid.height.astype(float), ~self.grid.finite)

    def _draw_field(self) -> None:
        """−∇L as arrows of one length: which way, not how steep."""
        (left, right), _ = self.window
        gap = self.height / FIELD
        rows, columns = (
            np.linspace(0, len(self.grid.x) - 1, 2 * count + 1).round().astype(int)[1::2]
            for count in (FIELD, max(round((right - left) / gap), 2))
        )
        x, y = np.meshgrid(self.grid.x[columns], self.grid.y[rows])
        gradient = self.grid.gradient[rows[:, None], columns].astype(float)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            direction = -gradient / np.linalg.norm(gradient, axis=-1, keepdims=True)
        drawn = np.isfinite(direction).all(axis=-1)
        x, y, (u, v) = x[drawn], y[drawn], direction[drawn].T
        half = 0.28 * gap
        self.field.data = {
            "x0": x - half * u, "y0": y - half * v, "x1": x + half * u, "y1": y + half * v,
            "angle": np.arctan2(v, u) - math.pi / 2,
        }  # fmt: skip

    def _make(self, view: figure) -> None:
        heights, levels = np.array([[0.0, 1.0], [0.0, 1.0]]), np.linspace(0, 1, BANDS + 1)
        self._contours = view.contour(
            [0, 1], [0, 1], heights, levels, line_width=1,
            fill_color=["#ffffff"] * BANDS, line_color=["#dddddd"] * (BANDS + 1),
        )  # fmt: skip
        self._fill: Any = self._contours.fill_renderer.data_source
        self._lines: Any = self._contours.line_renderer.data_source
        self._shafts = view.segment(
            "x0", "y0", "x1", "y1", source=self.field, line_width=1.5, line_alpha=0.55
        )
        self._heads = view.scatter(
            "x1", "y1", angle="angle", source=self.field, marker="triangle", size=7,
            line_width=0, fill_alpha=0.55,
        )  # fmt: skip
        self._crosses = view.scatter(
            "x", "y", source=self.minima, marker="cross", size=18, line_width=3
        )
        self._contour = view.line("x", "y", source=self.level, line_width=2, line_alpha=0.75)


def sourced(name: str, columns: str) -> ColumnDataSource:
    """An empty source of these columns, known to the page's tests as ``surface-name``."""
    return ColumnDataSource({column: [] for column in columns.split()}, name=f"surface-{name}")


def mixed(color: str, other: str, shares: Sequence[float] | np.ndarray) -> list[str]:
    """Colors between one and another."""
    ends = [np.array([int(c[at : at + 2], 16) for at in (1, 3, 5)]) for c in (color, other)]
    blends = [(1 - share) * ends[0] + share * ends[1] for share in shares]
    return ["#" + "".join(f"{round(part):02x}" for part in blend) for blend in blends]
