"""Momentum on the two-dimensional page: the map of its factor a step, and its eigenvalues."""

import math
from collections.abc import Callable

import numpy as np
from bokeh.models import BasicTicker, ColumnDataSource, Image, LinearColorMapper, Range1d
from bokeh.palettes import Viridis256
from bokeh.plotting import figure

from jdescent_playground import look
from jdescent_playground.look import LIGHT, Palette
from jdescent_playground.momentum import (
    LARGEST_MOMENTUM,
    RateMap,
    eigenvalues,
    has_momentum,
    measured_factor,
    rate_map,
)
from jdescent_playground.numbers import brief, shown
from jdescent_playground.page import Page
from jdescent_playground.race import Racer
from jdescent_playground.runs import Run
from jdescent_playground.surfaces import Minimum

Take = Callable[[float, float, bool], None]


class MomentumPanel:
    """What a step multiplies the error by, over (η, β); a click takes a pair of them."""

    def __init__(self) -> None:
        self.map, self.plane = MapFigure(), EigenvalueFigure()
        self.figures = self.map.figure, self.plane.figure
        self._drawn: tuple[Racer, Minimum | None] | None = None

    def listen(self, page: Page, take: Take, remember: Callable[[], Callable[[], None]]) -> None:
        """Hear of clicks and drags.

        Args:
            page: the page.
            take: called with the learning rate and the momentum that are chosen, and whether the
                finger is lifted.
            remember: called when a drag begins; gives what takes it back.
        """
        self.page = page
        page.on_pointer(self.map.figure, take, remember)

    def draw(self, racer: Racer, run: Run, minimum: Minimum | None, calm: bool = True) -> None:
        """Show the map of the chosen optimizer, if it has momentum and a minimum is known.

        Args:
            racer: the optimizer.
            run: what it does.
            minimum: to which it comes.
            calm: whether the hand is; while a start is dragged nothing changes but what is
                measured, which can wait.
        """
        if not calm and self._drawn == (racer, minimum):
            return
        self._drawn = racer, minimum
        settings = {**racer.others, "learning_rate": racer.rate}
        constant = racer.schedule == "constant" and racer.clip is None
        there = minimum is not None and constant and has_momentum(racer.method, racer.others)
        self.page.set("momentum", hidden=not there)
        if minimum is None or not there:
            return
        found = rate_map(racer.method, settings, minimum.curvatures)
        roots = eigenvalues(racer.method, settings, racer.rate, racer.momentum, minimum.curvatures)
        self.map.draw(found, racer.rate, racer.momentum)
        self.plane.draw(roots)
        theory = float(abs(roots).max())
        measured = measured_factor(run, minimum.position)
        told = words(found, theory, measured, minimum)
        self.page.text(**{"momentum-words": told})
        self.page.describe("momentum", f"Learning rate against momentum, colored. {told}")
        self.page.describe("eigenvalues", describe_roots(roots))

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        self.map.paint(palette)
        self.plane.paint(palette)


class MapFigure:
    """Colors over learning rate and momentum, the stability limit, and the pair there is."""

    def __init__(self) -> None:
        self._x, self._y = Range1d(start=0, end=1), Range1d(start=0, end=LARGEST_MOMENTUM)
        self.figure = look.plot(
            "momentum", "learning rate η", "β", x_range=self._x, y_range=self._y
        )
        self.figure.grid.visible = False
        self.figure.axis.ticker = BasicTicker(desired_num_ticks=look.TICKS)
        self._drawn: RateMap | None = None
        self._mapper = LinearColorMapper(palette=Viridis256[::-1], low=0.0, high=1.0)
        self.colors, self.limit, self.chosen = (
            ColumnDataSource({column: [] for column in columns.split()}, name=f"momentum-{name}")
            for name, columns in (
                ("map", "image x y dw dh"), ("limit", "x y"), ("chosen", "x y"),
            )
        )  # fmt: skip
        view = self.figure
        image = Image(image="image", x="x", y="y", dw="dw", dh="dh", color_mapper=self._mapper)
        view.add_glyph(self.colors, image)
        self._limit = view.line("x", "y", source=self.limit, line_width=2.5, line_dash="dashed")
        self._chosen = view.scatter("x", "y", source=self.chosen, size=18, line_width=3)

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        look.paint(self.figure, palette)
        self._mapper.nan_color = palette.faint
        self._limit.glyph.line_color = palette.ink
        self._chosen.glyph.fill_color, self._chosen.glyph.line_color = palette.ball, "#ffffff"

    def draw(self, found: RateMap, rate: float, momentum: float) -> None:
        """Show a map, and where a pair stands on it."""
        if found is not self._drawn:
            self._drawn = found
            self._draw_map(found)
        seen = bool(rate <= found.rates[-1])
        self.chosen.data = {"x": [rate] * seen, "y": [momentum] * seen}

    def _draw_map(self, found: RateMap) -> None:
        half = (found.rates[1] - found.rates[0]) / 2, (found.momenta[1] - found.momenta[0]) / 2
        left, bottom = found.rates[0] - half[0], found.momenta[0] - half[1]
        width, height = found.rates[-1] + half[0] - left, found.momenta[-1] + half[1] - bottom
        converging = np.where(found.factor < 1, found.factor, np.nan)
        self._mapper.update(low=float(found.tuned.rate), high=1.0)
        self.colors.data = {
            "image": [converging.astype(np.float32)], "x": [left], "y": [bottom], "dw": [width],
            "dh": [height],
        }  # fmt: skip
        self.limit.data = {"x": found.limit, "y": found.momenta}
        self._x.update(start=0.0, end=float(found.rates[-1]))


class EigenvalueFigure:
    """What one step multiplies errors by, in the complex plane with the unit circle."""

    def __init__(self) -> None:
        x, y = (Range1d(start=-1.3, end=1.3) for _ in "xy")
        self.figure: figure = look.plot("eigenvalues", "", "", x_range=x, y_range=y)
        self.figure.axis.visible = False
        self.figure.grid.visible = False
        angle = np.linspace(0, 2 * math.pi, 181)
        view = self.figure
        self._lines = [
            view.line(np.cos(angle), np.sin(angle), line_width=2, line_dash="dashed"),
            view.line([-1.3, 1.3], [0, 0], line_width=1),
            view.line([0, 0], [-1.3, 1.3], line_width=1),
        ]
        self.points = ColumnDataSource({"x": [], "y": [], "color": []}, name="eigenvalues-points")
        self._points = view.scatter(
            "x", "y", fill_color="color", source=self.points, size=15, line_width=2
        )
        self._palette = LIGHT

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        self._palette = palette
        look.paint(self.figure, palette)
        for line, color in zip(
            self._lines, (palette.ink, palette.muted, palette.muted), strict=True
        ):
            line.glyph.line_color = color
        self._points.glyph.line_color = palette.surface

    def draw(self, roots: np.ndarray) -> None:
        """Show the roots, two for the flatter and two for the steeper curvature."""
        colors = [self._palette.path] * 2 + [self._palette.ball] * 2
        self.points.data = {"x": roots.real, "y": roots.imag, "color": colors}


def words(found: RateMap, theory: float, measured: float, minimum: Minimum) -> str:
    """In words, the factor of this run, and the best there is."""
    seen = f", {shown(measured)} measured" if np.isfinite(measured) else ""
    flat, steep = minimum.curvatures
    rate, momentum, least = map(float, found.tuned)
    return (
        f"Here {shown(theory)}{seen}. The least is {shown(least)}, at "
        f"η = {brief(rate)} and β = {brief(momentum)}: "
        f"curvatures {brief(flat)} and {brief(steep)}."
    )


def describe_roots(roots: np.ndarray) -> str:
    """What the figure of the eigenvalues shows."""
    written = ", ".join(
        brief(root.real) if abs(root.imag) < 1e-12 else f"{brief(root.real)} ± {brief(root.imag)}i"
        for root in roots
        if root.imag > -1e-12
    )
    return f"Eigenvalues of one step beside the unit circle: {written}."
