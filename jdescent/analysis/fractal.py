"""The boundary between two outcomes on a grid of pixels, and its box-counting dimension."""

from typing import Annotated, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from jdescent.analysis.inputs import checked, count

FEWEST_BOXES = 4  # along the shorter side: with fewer, the frame is measured and not the boundary


@checked
def outcome_boundary(
    outcome: Bool[np.ndarray, "rows columns"],
) -> Bool[np.ndarray, "rows-1 columns-1"]:
    """Where four pixels that meet in a corner do not all have the same outcome.

    Args:
        outcome: one boolean a pixel, at least 2 × 2 of them.

    Returns:
        One boolean for each inner corner.

    Raises:
        ValueError: there are fewer than 2 × 2 pixels.

    Example:
        >>> print(outcome_boundary(np.array([[True, True, False]] * 2)))
        [[False  True]]

    Reference:
        Sohl-Dickstein 2024, "The boundary of neural network trainability is fractal", Appendix A:
        the sign changes of the image.
    """
    outcome = require_image("outcome", outcome, 2)
    corners = np.stack([outcome[1:, 1:], outcome[1:, :-1], outcome[:-1, 1:], outcome[:-1, :-1]])
    return np.any(corners, axis=0) & ~np.all(corners, axis=0)


class BoxCounts(NamedTuple):
    """How many boxes of each size it takes to cover a set: `sizes` in pixels, ascending."""

    sizes: Int[np.ndarray, " octaves"]
    counts: Int[np.ndarray, " octaves"]

    @property
    def slopes(self) -> Float[np.ndarray, " steps"]:
        """The local dimension from each size s to the next, −Δ ln N / Δ ln s."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return -np.diff(np.log(self.counts)) / np.diff(np.log(self.sizes))


@checked
def box_counts(
    mask: Bool[np.ndarray, "rows columns"], base: Annotated[int, count(2)] = 2
) -> BoxCounts:
    """The number N(s) of boxes of s × s pixels that hold a pixel of the set, s = 1, b, b², ….

    Boxes lie on a grid that starts at the first pixel; those at the far ends may stick out. The
    largest boxes still go four times into the shorter side.

    Args:
        mask: the set, at least 4 × 4 pixels.
        base: b, the ratio of one size to the next; that of a self-similar set gives exact counts.

    Raises:
        ValueError: there are fewer than 4 × 4 pixels, or the base is below 2.

    Example:
        >>> box_counts(np.eye(16, dtype=bool)).counts.tolist()
        [16, 8, 4]
    """
    sizes, counts = [], []
    size, boxes = 1, require_image("mask", mask, FEWEST_BOXES)
    while min(boxes.shape) >= FEWEST_BOXES:
        sizes.append(size)
        counts.append(int(boxes.sum()))
        size *= base
        padded = np.pad(boxes, [(0, -length % base) for length in boxes.shape])
        rows, columns = (length // base for length in padded.shape)
        boxes = np.any(padded.reshape(rows, base, columns, base), axis=(1, 3))
    return BoxCounts(np.array(sizes), np.array(counts))


@checked
def box_dimension(*masks: Bool[np.ndarray, "_ _"], base: Annotated[int, count(2)] = 2) -> float:
    """The box-counting dimension of a set seen in one image or, at several scales, in many.

    D = median over all images and sizes s of −(ln N(bs) − ln N(s)) / ln b

    The median ignores the few sizes at which single pixels or the frame of the image are measured.

    A number between 1 and 2 does not make a boundary fractal. With independent flips of single
    pixels up to 8 pixels away a straight line reads 1.2 to 1.7, and the graph of a function whose
    dimension is 1.5 reads 1.3 at 1,024 pixels: give the number with the range of sizes, and beside
    `null_dimension` of the same image.

    Args:
        masks: the set in each image, more than 3b pixels wide and high. They may differ in shape.
        base: b, see `box_counts`.

    Raises:
        ValueError: no image, none that holds a pixel of the set, one too small for two sizes of
            boxes, or a base below 2.

    Example:
        >>> line, square = np.eye(64, dtype=bool), np.ones((64, 64), bool)
        >>> print(box_dimension(line), box_dimension(square))
        1.0 2.0

    Reference:
        Sohl-Dickstein 2024, "The boundary of neural network trainability is fractal", Appendix A:
        the median of the local slopes over all images of a zoom.
    """
    if not masks:
        raise ValueError("no mask was given: give one or more, as in box_dimension(mask)")
    slopes = [box_counts(mask, base).slopes for mask in masks if np.any(mask)]
    if not slopes:
        raise ValueError(
            "no mask holds a pixel of the set, which then has no dimension: give an image that the "
            "boundary crosses"
        )
    if min(slope.size for slope in slopes) == 0:
        raise ValueError(
            f"a mask must be more than {(FEWEST_BOXES - 1) * base} pixels wide and high for two "
            f"sizes of boxes, got shapes {[np.shape(mask) for mask in masks]}"
        )
    return float(np.median(np.concatenate(slopes)))


def require_image(name: str, image: np.ndarray, fewest: int) -> np.ndarray:
    """The image as an array, refused unless it is boolean with that many pixels a side."""
    image = np.asarray(image)
    if image.dtype != np.bool_:
        raise TypeError(
            f"{name} must be boolean, got {image.dtype}: pass a comparison, as image < 0"
        )
    if image.ndim != 2 or min(image.shape) < fewest:
        raise ValueError(
            f"{name} must be at least {fewest} × {fewest} pixels, got shape {image.shape}"
        )
    return image
