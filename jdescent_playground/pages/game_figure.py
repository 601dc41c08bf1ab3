"""The figure of the game: the curve with its ball, and the same in fog."""

from collections.abc import Sequence

import numpy as np

from jdescent_playground.curves import Curve
from jdescent_playground.pages.one_dimension_figures import CurveFigure

SEEN = 0.16  # how far one sees in the fog, either way
GLIMPSE = 9  # points of it
VIEW = (-1.0, 22.0)  # heights that give nothing away: every hidden curve fits in


class GameFigure(CurveFigure):
    """`CurveFigure` that can also show only the places where someone has stood."""

    def draw_fog(
        self, curve: Curve, visits: Sequence[tuple[float, float]], lifted: bool, aim: float | None
    ) -> None:
        """Show level 1.

        Args:
            curve: the hidden one.
            visits: (x, loss) of every place, the last one is where the ball lies.
            lifted: whether the whole curve is shown.
            aim: where the ball is being dragged to.
        """
        self._drawn = None
        left, right = curve.domain
        self.view = (left, right, *VIEW)
        self.figure.x_range.update(start=left, end=right)
        self.figure.y_range.update(start=VIEW[0], end=VIEW[1])
        self.sources["curve"].data = _whole(curve) if lifted else _glimpses(curve, visits)
        x, loss = visits[-1]
        self.sources["path"].data = {"x": [x for x, _ in visits], "y": [y for _, y in visits]}
        self.sources["ball"].data = {"x": [x], "y": [loss]}
        self._draw_tangent(x, loss, 0.0, False)
        self._draw_step(x, loss, 0.0 if aim is None else aim - x, True)
        self._draw_lost(x, loss, True)


def _whole(curve: Curve) -> dict[str, np.ndarray]:
    x, height = curve.drawn()
    return {"x": x, "y": height}


def _glimpses(curve: Curve, visits: Sequence[tuple[float, float]]) -> dict[str, list[float]]:
    """Short pieces of the curve with gaps between."""
    everywhere, heights = curve.drawn()
    x, y = [], []
    for place, _ in visits:
        piece = np.linspace(place - SEEN, place + SEEN, GLIMPSE)
        x += [*piece.tolist(), np.nan]
        y += [*np.interp(piece, everywhere, heights).tolist(), np.nan]
    return {"x": x, "y": y}
