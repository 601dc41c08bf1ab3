"""Images of a plane of hyperparameters: whole, refined where it matters, and zoomed."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float
from scipy import ndimage

import jdescent as jd
from jdescent import analysis

COARSEST = 64  # pixels a side, at least, of the image that refinement starts from
Train = Callable[[Float[Array, "2"]], Float[Array, ""]]
Image = Float[np.ndarray, "rows columns"]


def dimension(*images: Image) -> float:
    """The box-counting dimension of the boundary between converged and diverged pixels.

    NaN where there is none.
    """
    boundaries = [analysis.outcome_boundary(image < 0) for image in images]
    return analysis.box_dimension(*boundaries) if any(map(np.any, boundaries)) else np.nan


class Window(NamedTuple):
    """A rectangle of the plane."""

    left: float
    right: float
    bottom: float
    top: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom

    def points(self, resolution: int) -> Float[np.ndarray, "rows columns 2"]:
        """The centers of resolution × resolution pixels, the lowest row first."""
        middle = (np.arange(resolution) + 0.5) / resolution
        x, y = np.meshgrid(self.left + self.width * middle, self.bottom + self.height * middle)
        return np.stack([x, y], axis=-1)

    def inside(self, x: float, y: float, factor: float) -> "Window":
        """The window `factor` times smaller around a point, moved as needed to stay in this one."""
        width, height = self.width / factor, self.height / factor
        left = min(max(x - width / 2, self.left), self.right - width)
        bottom = min(max(y - height / 2, self.bottom), self.top - height)
        return Window(left, left + width, bottom, bottom + height)


def brightness_at(
    train: Train, points: Float[np.ndarray, "points 2"], store: Path | None = None
) -> Float[np.ndarray, " points"]:
    """What `train` gives at each point; with a store, what is on disk is not computed again."""
    return jd.sweep(train, point=points, store=store).result.values


def whole_image(train: Train, window: Window, resolution: int, store: Path | None = None) -> Image:
    """Every pixel trained."""
    points = window.points(resolution)
    return brightness_at(train, points.reshape(-1, 2), store).reshape(points.shape[:2])


def refined_image(
    train: Train, window: Window, resolution: int, store: Path | None = None
) -> Image:
    """An image whose pixels are trained where the boundary passes, and coarser elsewhere.

    A whole image of 64 pixels a side or somewhat more is doubled until it has the resolution. Each
    time the children of pixels that touch another outcome are trained, and the others repeat their
    parent. What is lost is islands of one outcome in the other that fall between all coarser
    pixels, so that the boundary is a part of that of the whole image.
    """
    doublings = 0
    while resolution % 2 ** (doublings + 1) == 0 and resolution >> (doublings + 1) >= COARSEST:
        doublings += 1
    image = whole_image(train, window, resolution >> doublings, part(store, 0))
    for doubling in range(1, doublings + 1):
        matters = enlarged(near_boundary(image < 0))
        image = enlarged(image)
        points = window.points(len(image))[matters]
        image[matters] = brightness_at(train, points, part(store, doubling))
    return image


def near_boundary(outcome: Bool[np.ndarray, "rows columns"]) -> Bool[np.ndarray, "rows columns"]:
    """Pixels that have the other outcome among their eight neighbors."""
    around = np.ones((3, 3), bool)
    return ndimage.binary_dilation(outcome, around) & ndimage.binary_dilation(~outcome, around)


def enlarged(pixels: np.ndarray) -> np.ndarray:
    """Every pixel as four equal ones."""
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


def densest_point(image: Image, window: Window, factor: float) -> tuple[float, float]:
    """A point of the boundary with the most boundary around it, in a window `factor` smaller."""
    boundary = analysis.outcome_boundary(image < 0)
    if not boundary.any():
        raise ValueError(f"all runs in {window} end alike: zoom from one with a boundary")
    size = max(1, round(len(image) / factor))
    density = ndimage.uniform_filter(boundary.astype(float), size, mode="constant")
    row, column = np.unravel_index(np.argmax(np.where(boundary, density, 0)), boundary.shape)
    rows, columns = image.shape
    x = window.left + window.width * (column + 1) / columns
    y = window.bottom + window.height * (row + 1) / rows
    return float(x), float(y)


def zoom(
    train: Train,
    window: Window,
    resolution: int,
    levels: int,
    factor: float,
    store: Path | None = None,
) -> list[tuple[Window, Image]]:
    """Whole images of windows one inside the other, each where the boundary is densest."""
    found = []
    for level in range(levels):
        image = whole_image(train, window, resolution, part(store, level))
        found.append((window, image))
        window = window.inside(*densest_point(image, window, factor), factor)
    return found


def part(store: Path | None, number: int) -> Path | None:
    """The store of one of several sweeps that make a result."""
    return store and store.with_name(f"{store.stem}-{number}{store.suffix}")
