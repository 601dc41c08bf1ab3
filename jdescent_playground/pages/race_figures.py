"""The figures beside the surface: losses against the step; steps against the bowl's angle."""

import math
from collections.abc import Sequence

import numpy as np
from bokeh.models import BasicTicker, ColumnDataSource, FixedTicker, Range1d
from bokeh.models.annotations import Span

from jdescent_playground import look
from jdescent_playground.look import LIGHT, Palette
from jdescent_playground.race import ANGLES, Shown
from jdescent_playground.surfaces import Surface

SPLIT = 1e-9  # the smallest loss above the floor that is drawn


class LossesFigure:
    """The losses against the step, all in one: above the lowest there is, by powers of ten."""

    def __init__(self) -> None:
        self._x, self._y = Range1d(start=0, end=10), Range1d(start=0, end=1)
        self.figure = look.plot("losses", "step", "loss", x_range=self._x, y_range=self._y)
        self.lines = ColumnDataSource({"xs": [], "ys": [], "color": []}, name="losses-lines")
        self.now = ColumnDataSource({"x": [], "y": [], "color": []}, name="losses-now")
        self.figure.multi_line("xs", "ys", color="color", source=self.lines, line_width=3)
        self._now = self.figure.scatter(
            "x", "y", fill_color="color", source=self.now, size=13, line_width=2
        )
        self._palette = LIGHT

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        self._palette = palette
        look.paint(self.figure, palette)
        self._now.glyph.line_color = palette.surface

    def draw(self, surface: Surface, shown_runs: Sequence[Shown]) -> None:
        """Show the losses as far as the runs have come."""
        losses = [self._height(one.run.loss[: one.step + 1], surface) for one in shown_runs]
        bottom, top = self._set_range(surface, losses)
        far = 3 * (top - bottom)
        drawn = [np.clip(each, bottom - far, top + far) for each in losses]
        colors = [self._palette.race[one.number - 1] for one in shown_runs]
        self.lines.data = {
            "xs": [np.arange(len(each)) for each in drawn], "ys": drawn, "color": colors,
        }  # fmt: skip
        self.now.data = {
            "x": [one.step for one in shown_runs], "y": [each[-1] for each in drawn],
            "color": colors,
        }  # fmt: skip
        end = max(10, math.ceil(1.08 * max(one.step for one in shown_runs)))
        self._x.update(start=-0.02 * end, end=end)

    @staticmethod
    def _height(loss: np.ndarray, surface: Surface) -> np.ndarray:
        loss = np.nan_to_num(loss.astype(float), nan=1e30, posinf=1e30, neginf=-1e30)
        if surface.floor is None:
            return loss
        return np.log10(np.maximum(loss - surface.floor, SPLIT))

    def _set_range(self, surface: Surface, losses: list[np.ndarray]) -> tuple[float, float]:
        first = float(losses[0][0])
        lowest = min(float(each.min()) for each in losses)
        axis = self.figure.yaxis[0]
        if surface.floor is None:
            highest = max(min(float(each.max()), first + 3 * abs(first) + 1) for each in losses)
            lowest = max(lowest, first - 20 * (abs(first) + 1))
            air = 0.1 * (highest - lowest) or 1.0
            ends = lowest - air, highest + air
            self._y.update(start=ends[0], end=ends[1])
            look.by_numbers(axis)
            axis.axis_label = "loss"
            return ends
        bottom, top = math.floor(min(lowest, first - 2)), math.ceil(first + 0.3)
        self._y.update(start=bottom - 0.15, end=top + 0.15)
        look.by_powers(axis, bottom, top)
        axis.axis_label = "loss − min" if surface.floor else "loss"
        return bottom - 0.15, top + 0.15


class AngleFigure:
    """How many steps each takes when the bowl is turned, with its start."""

    def __init__(self) -> None:
        self._y = Range1d(start=0, end=1)
        self.figure = look.plot(
            "angles", "the bowl's angle", "steps", x_range=Range1d(start=0, end=90), y_range=self._y
        )
        axis = self.figure.xaxis[0]
        axis.ticker = FixedTicker(ticks=[0, 15, 30, 45, 60, 75, 90])
        axis.major_label_overrides = {tick: f"{tick}°" for tick in range(0, 91, 15)}
        self.figure.yaxis.ticker = BasicTicker(desired_num_ticks=4)
        self.lines = ColumnDataSource({"xs": [], "ys": [], "color": []}, name="angles-lines")
        self.figure.multi_line("xs", "ys", color="color", source=self.lines, line_width=3)
        self._now = Span(location=0, dimension="height", line_width=2, line_dash="dashed")
        self.figure.add_layout(self._now)
        self._palette = LIGHT

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        self._palette = palette
        look.paint(self.figure, palette)
        self._now.line_color = palette.ink

    def draw(self, degrees: float, steps: Sequence[np.ndarray]) -> None:
        """Show the steps of each racer at every angle of `ANGLES`, and which angle it is now."""
        self._now.location = degrees
        colors = [self._palette.race[index] for index in range(len(steps))]
        self.lines.data = {
            "xs": [np.array(ANGLES)] * len(steps), "ys": list(steps), "color": colors,
        }  # fmt: skip
        reached = [each[np.isfinite(each)] for each in steps]
        top = max([float(each.max()) for each in reached if each.size], default=10.0)
        self._y.update(start=0, end=1.12 * top)
