"""The loss itself under runs of one or two parameters: a curve, or contours."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jdescent.trajectory import Status
from jdescent_playground.player.runs import Numbers, Runs, slopes_along

Drawn = tuple[dict[str, Any], dict[str, Numbers]]
Bounds = list[tuple[float, float]]

POINTS = 201
GRID = 161
LEVELS = 14


@dataclass(frozen=True)
class Ground:
    """The loss that the runs descend, with where they are and which way is down.

    Attributes:
        loss: of the parameters; its further parameters are names of axes.
        bounds: (low, high) of the parameter, or one such pair a parameter; by default what nearly
            all runs have seen.
        start: names of the axes that are the coordinates of the start, which can be dragged then.
        arrow: whether −∇L is drawn at a run of two parameters.
        path: whether the steps of a run of one parameter are drawn.
        levels: of the contours; by default spread over the losses seen.
        minima: positions that are marked, of two parameters.
        x_label, y_label: of the axes.
        title: above it.
    """

    loss: Callable[..., Any]
    bounds: Sequence[Any] | None = None
    start: tuple[str, ...] = ()
    arrow: bool = True
    path: bool = True
    levels: Sequence[float] | None = None
    minima: Sequence[Sequence[float]] = ()
    x_label: str = "x"
    y_label: str = ""
    title: str = ""

    def draw(self, runs: Runs) -> Drawn:
        """Its description and the numbers it needs.

        Raises:
            ValueError: the parameters were not recorded or are more than two; the start's axes are
                unknown or have no numbers.
        """
        shape = runs.recorded("params").inner[1:]
        if shape not in ((), (1,), (2,)):
            raise ValueError(
                f"the ground is drawn under one or two parameters, these runs have {shape}: show "
                "History(…) of what was recorded"
            )
        for name in self.start:
            if runs.axis(name).values is None:
                raise ValueError(f"the start cannot be dragged along {name}: it has no numbers")
        about, numbers = self._contours(runs) if shape == (2,) else self._curve(runs, shape)
        about |= {
            "minima": self._minima(),
            "title": self.title,
            "start": [*self.start],
            "x_label": self.x_label,
        }
        return about, {**numbers, "slope": slopes_along(self.loss, runs)}

    def _curve(self, runs: Runs, shape: tuple[int, ...]) -> Drawn:
        ((low, high),) = self._bounds(runs)
        x = np.linspace(low, high, POINTS)
        heights = _heights(self.loss, runs, x.reshape(-1, *shape))
        label = f"the loss against {self.x_label}, the run on it and its tangent"
        y_label = self.y_label or "loss"
        about = {"kind": "curve", "label": label, "y_label": y_label, "path": self.path}
        return about, {"curve_x": Numbers(x), "curve_y": heights}

    def _contours(self, runs: Runs) -> Drawn:
        (left, right), (down, up) = self._bounds(runs)
        x, y = np.linspace(left, right, GRID), np.linspace(down, up, GRID)
        points = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
        heights = _heights(self.loss, runs, points)
        about = {
            "kind": "contours",
            "label": "contours of the loss, and the run on them",
            "y_label": self.y_label or "y",
            "box": [left, right, down, up],
            "arrow": self.arrow,
            "shape": float(np.clip((up - down) / (right - left), 0.55, 1.0)),
            "contour_axes": heights.axes,
            "contours": _nested(
                heights.array.reshape(*heights.array.shape[:-1], GRID, GRID),
                lambda z: _contour_lines(x, y, z, self.levels),
            ),
        }
        return about, {}

    def _minima(self) -> list[list[float]]:
        found = np.asarray(self.minima, float)
        if found.size and (found.ndim != 2 or found.shape[1] != 2):
            raise ValueError(f"minima are pairs, as in [(0.0, 0.0)], got {self.minima}")
        return found.tolist()

    def _bounds(self, runs: Runs) -> Bounds:
        params = runs.recorded("params")
        dimensions = int(np.prod(params.inner[1:], initial=1))
        if self.bounds is not None:
            pairs = np.reshape(np.asarray(self.bounds, float), (-1, 2))
            if len(pairs) != dimensions or not (pairs[:, 0] < pairs[:, 1]).all():
                raise ValueError(
                    f"bounds are (low, high) of each of {dimensions} parameters, got {self.bounds}"
                )
            return [(float(low), float(high)) for low, high in pairs]
        stays = ~np.isin(runs.status, [Status.DIVERGED, Status.NON_FINITE])
        array = params.array.reshape(*runs.status.shape, len(runs.steps), dimensions)
        seen = (array[stays] if stays.any() else array[..., :1, :]).reshape(-1, dimensions)
        return [_around(values[np.isfinite(values)]) for values in seen.T]


def _around(values: np.ndarray) -> tuple[float, float]:
    """An interval with nearly all values, whatever the few do that fly away."""
    if not values.size:
        raise ValueError("no finite parameters were recorded: give bounds")
    low, high = np.quantile(values, [0.02, 0.98])
    room = 0.15 * (high - low) or 1.0
    return float(low - room), float(high + room)


def _heights(loss: Callable[..., Any], runs: Runs, points: np.ndarray) -> Numbers:
    """The loss at all points, for every setting that it reads."""

    def of_all(points: np.ndarray, **settings: float) -> Any:
        return jax.vmap(lambda x: loss(x, **settings))(points)

    of_all.__signature__ = inspect.signature(loss)  # type: ignore[attr-defined]
    return runs.over(of_all, points.astype(np.float32))


def _contour_lines(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, levels: Sequence[float] | None
) -> list[list[float]]:
    """Each line as x, y, x, y, …"""
    import contourpy

    if levels is None:
        levels = z.min() + (z.max() - z.min()) * np.linspace(0.02, 1, LEVELS, endpoint=False) ** 2
    drawing = contourpy.contour_generator(x, y, z)
    lines = [np.asarray(line) for level in levels for line in drawing.lines(float(level))]
    return [[float(f"{value:.4g}") for value in line.ravel()] for line in lines]


def _nested(array: np.ndarray, drawn: Callable[[np.ndarray], Any]) -> Any:
    """Lists as deep as the axes, and what is drawn of each plane in them."""
    return drawn(array) if array.ndim == 2 else [_nested(part, drawn) for part in array]
