"""The noise on the one-dimensional page: the cloud of batches' slopes, and fifty seeds at once."""

from collections.abc import Callable

import numpy as np
from bokeh.models import ColumnDataSource, Range1d
from bokeh.models.annotations import Span

from jdescent_playground import look
from jdescent_playground.curves import Curve
from jdescent_playground.look import LIGHT, Palette
from jdescent_playground.noise import SEEDS, Cloud, Seeds, cloud, seeds
from jdescent_playground.numbers import counted, shown
from jdescent_playground.page import Page
from jdescent_playground.runs import Run, Setup

CALM = 200  # milliseconds without a change before fifty seeds are run
COLUMNS, ROWS = 10, SEEDS // 10
POINTS = 100  # of a small picture's line
FILLED = 0.86  # of a small picture's place
BINS = 6  # of the cloud, in one standard deviation
REACH = 4.0  # standard deviations that are seen beside the slope


class NoisePanel:
    """What mini-batches do, where a run has them."""

    def __init__(self) -> None:
        self.cloud, self.seeds = CloudFigure(), SeedsFigure()
        self.figures = self.cloud.figure, self.seeds.figure
        self._found: Seeds | None = None
        self._of: Setup | None = None
        self._shown: tuple[Curve, Run, int]

    def listen(self, page: Page, take: Callable[[int], None]) -> None:
        """Hear of clicks: `take` is called with the seed whose picture was clicked."""
        self.page = page

        def hear(x: float, y: float, done: bool) -> None:
            inside = 0 <= x < COLUMNS and 0 <= y < ROWS
            if done and inside and self._found is not None:
                take(self._found.first + int(y) * COLUMNS + int(x))

        page.on_pointer(self.seeds.figure, hear, lambda: lambda: None)

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        self.cloud.paint(palette)
        self.seeds.paint(palette)
        if self._found is not None:
            self._draw_seeds()

    def draw(self, curve: Curve, run: Run, step: int) -> None:
        """Show the noise at a step of a run; nothing where all examples are taken."""
        there = run.setup.batch_size is not None
        self.page.set("noise-section", hidden=not there)
        if not there:
            return
        self._shown = curve, run, step
        self._draw_cloud()
        if self._of == _of_all(run.setup):
            self._draw_seeds()
        else:
            self.page.later(self._try_seeds, CALM)

    def _draw_cloud(self) -> None:
        curve, run, step = self._shown
        row = run.row(step)
        whole = curve.slope(float(row.x))
        if np.isfinite(whole):
            found = cloud(run.setup, float(row.x))
            self.cloud.draw(found, whole, float(row.gradient))
            told = cloud_words(found, whole)
            self.page.text(**{"cloud-words": told})
            self.page.describe("cloud", told)

    def _try_seeds(self) -> None:
        """Run all seeds once the hand is calm: a slider that moves would wait for them."""
        curve, run, _ = self._shown
        self._found, self._of = seeds(curve, run.setup), _of_all(run.setup)
        self.seeds.draw(curve, self._found)
        self._draw_seeds()

    def _draw_seeds(self) -> None:
        curve, run, step = self._shown
        assert self._found is not None
        self.seeds.draw_step(curve, self._found, step, run.setup.seed)
        told = seeds_words(self._found, step)
        self.page.text(**{"seeds-words": told})
        if not self.page.animated:
            self.page.describe("seeds", told)


class CloudFigure:
    """The slopes that batches show, stacked where they are alike, around that of all examples."""

    def __init__(self) -> None:
        self._x, self._y = Range1d(start=-1, end=1), Range1d(start=0, end=1)
        self.figure = look.plot("cloud", "slope", "", x_range=self._x, y_range=self._y)
        self.figure.yaxis.visible = False
        self.figure.ygrid.visible = False
        self.slopes = ColumnDataSource({"x": [], "y": []}, name="cloud-slopes")
        self._dots = self.figure.scatter("x", "y", source=self.slopes, size=6, line_width=0)
        self._zero, self._whole, self._taken = (
            Span(location=0, dimension="height", line_width=width, line_dash=dash, level="underlay")
            for width, dash in ((1.5, "solid"), (3.5, "solid"), (3, "dashed"))
        )
        for span in (self._zero, self._whole, self._taken):
            self.figure.add_layout(span)

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        look.paint(self.figure, palette)
        self._dots.glyph.fill_color = palette.path
        self._zero.line_color = palette.muted
        self._whole.line_color, self._taken.line_color = palette.slope, palette.ball

    def draw(self, found: Cloud, whole: float, taken: float) -> None:
        """Show the slopes at one place, that of all examples, and that of the run's own batch."""
        width = found.spread / BINS or 1.0
        bins = np.round((found.slopes - whole) / width)
        order = np.argsort(bins, kind="stable")
        _, first = np.unique(bins[order], return_index=True)
        heights = np.arange(len(bins)) - np.repeat(first, np.diff([*first, len(bins)]))
        self.slopes.data = {"x": whole + width * bins[order], "y": heights + 0.7}
        self._whole.location, self._taken.location = whole, taken
        reach = REACH * found.spread or 1.0
        self._x.update(start=min(0.0, whole) - reach, end=max(0.0, whole) + reach)
        self._y.update(start=0.0, end=1.05 * heights.max() + 1.5)


class SeedsFigure:
    """A small picture of each seed's run: its x against the step, and where it is now."""

    def __init__(self) -> None:
        self.figure = look.plot(
            "seeds", "", "", x_range=Range1d(start=-0.05, end=COLUMNS),
            y_range=Range1d(start=ROWS, end=-0.05),
        )  # fmt: skip
        self.figure.axis.visible = False
        self.figure.grid.visible = False
        view = self.figure
        self.lines, self.now, self.frame = (
            ColumnDataSource({column: [] for column in columns.split()}, name=f"seeds-{name}")
            for name, columns in (("lines", "xs ys"), ("now", "x y color"), ("frame", "x y"))
        )
        self._frame = view.rect(
            "x", "y", width=0.98, height=0.98, source=self.frame, line_width=2, fill_alpha=0.12
        )
        self._lines = view.multi_line("xs", "ys", source=self.lines, line_width=1.2)
        self._now = view.scatter("x", "y", fill_color="color", source=self.now, size=9)
        self._palette = LIGHT

    def paint(self, palette: Palette) -> None:
        """Take the palette's colors."""
        self._palette = palette
        self._lines.glyph.line_color = palette.muted
        self._now.glyph.line_color = palette.surface
        self._frame.glyph.line_color = self._frame.glyph.fill_color = palette.path

    def draw(self, curve: Curve, found: Seeds) -> None:
        """Show the whole runs."""
        columns, rows = _places()
        steps = np.linspace(0, found.x.shape[1] - 1, POINTS).round().astype(int)
        across = FILLED * steps / steps[-1]
        heights = _height(curve, found.x[:, steps])
        self.lines.data = {
            "xs": [column + 0.07 + across for column in columns],
            "ys": [row + height for row, height in zip(rows, heights, strict=True)],
        }

    def draw_step(self, curve: Curve, found: Seeds, step: int, seed: int) -> None:
        """Show where each is, and which of them is the run above."""
        columns, rows = _places()
        last = found.x.shape[1] - 1
        colors = np.where(found.left(step), self._palette.ball, self._palette.path)
        self.now.data = {
            "x": columns + 0.07 + FILLED * step / last,
            "y": rows + _height(curve, found.x[:, min(step, last)]),
            "color": colors.tolist(),
        }
        place = seed - found.first
        self.frame.data = {"x": [columns[place] + 0.5], "y": [rows[place] + 0.5]}


def cloud_words(found: Cloud, whole: float) -> str:
    """What the cloud shows."""
    against = int((np.sign(found.slopes) == -np.sign(whole)).sum())
    return (
        f"All examples: slope {shown(whole)}. One batch: ± {shown(found.spread)} (σ/√B); "
        f"{against} of {len(found.slopes)} batches point the other way."
    )


def seeds_words(found: Seeds, step: int) -> str:
    """What the small pictures show."""
    left = int(found.left(step).sum())
    return f"After {counted(step, 'step')} {left} of {SEEDS} runs are in another valley."


def _of_all(setup: Setup) -> Setup:
    """What runs that differ in their seed alone have in common."""
    return setup.but(seed=setup.seed // SEEDS * SEEDS)


def _places() -> tuple[np.ndarray, np.ndarray]:
    """(columns, rows) of the small pictures, row by row from the top."""
    rows, columns = np.divmod(np.arange(SEEDS), COLUMNS)
    return columns.astype(float), rows.astype(float)


def _height(curve: Curve, x: np.ndarray) -> np.ndarray:
    """Where x stands in a small picture, whose rows grow downwards."""
    low, high = curve.domain
    inside = np.clip(np.nan_to_num(x.astype(float), nan=high), low, high)
    return 0.07 + FILLED * (high - inside) / (high - low)
