"""The null model of a box-counting dimension: a smooth boundary, and pixels flipped near it.

Rounding, chaos or chance flip single pixels near a boundary, and these alone read as a dimension of
1.2 to 1.7 around a straight line. A surrogate of an image keeps its boundary as far as it is smooth
and how many pixels are flipped at each distance from it, on each side; which ones is drawn anew.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Annotated, NamedTuple

import numpy as np
import scipy
from jaxtyping import Bool, Int

from jdescent.analysis.fractal import box_dimension, outcome_boundary, require_image
from jdescent.analysis.inputs import IN_0_1, POSITIVE, Range, checked, count, require

BLUR_REACH = 4.0  # standard deviations: beyond it lies 6e-5 of a Gaussian


class NullDimension(NamedTuple):
    """Box dimensions of surrogates, their median and interval, and of the smooth boundary alone."""

    median: float
    low: float
    high: float
    smooth: float


@checked
def null_dimension(
    *outcomes: Bool[np.ndarray, "_ _"],
    smoothing: Annotated[float, POSITIVE] = 4.0,
    surrogates: Annotated[int, count(1)] = 199,
    confidence: Annotated[float, IN_0_1] = 0.95,
    base: Annotated[int, count(2)] = 2,
    seed: Annotated[int, count(0)] = 0,
) -> NullDimension:
    """The box-counting dimensions that a smooth boundary with as many flipped pixels would have.

    Compare with D = `box_dimension(*map(outcome_boundary, outcomes))`:

    - low ≤ D ≤ high: flips drawn independently read the same. The image shows no fractal.
    - D < low: the detail hangs together, as that of a fractal does. Independent flips fill an area,
      and read higher than a fractal that is as wide. It is also what detail finer than `smoothing`
      but smooth reads; then D is close to `smooth`, or falls when the image has more pixels.
    - D > high: there is more detail than independent flips give at any one distance.

    A boundary that is smooth but bends within a few `smoothing` has its bends counted as flips,
    which moves low and high up. Call it with several (2, 4, 8 pixels): only what holds for each is
    a finding.

    Args:
        outcomes: one boolean a pixel, an image or several (a zoom), as in `box_dimension`.
        smoothing: finest detail of the smooth boundary, the standard deviation of a blur in
            pixels, > 0, at most the longer side.
        surrogates: how many sets of images are drawn, ≥ 2/(1 − confidence) − 1.
        confidence: the share of surrogates from low to high, in (0, 1).
        base: b, see `box_counts`.
        seed: of NumPy's random numbers; the same seed gives the same interval.

    Returns:
        Median, low and high of the surrogates' dimensions, and `smooth`, that of the smooth
        boundary without flips. All NaN where no image holds both outcomes.

    Raises:
        ValueError: no image, one too small for two sizes of boxes, or an argument outside its
            range.

    Example:
        >>> rows, columns = np.mgrid[:128, :128]
        >>> distance = rows - 40 - columns / 3
        >>> chance = np.random.default_rng(0).random((128, 128))
        >>> outcome = (distance > 0) ^ (chance < 0.5 * np.exp(-abs(distance) / 4))
        >>> print(f"{box_dimension(outcome_boundary(outcome)):.2f}")
        1.43
        >>> null = null_dimension(outcome)
        >>> print(f"{null.median:.2f} ({null.low:.2f} to {null.high:.2f})")
        1.44 (1.39 to 1.50)

    Reference:
        Theiler et al., *Testing for nonlinearity in time series: the method of surrogate data*,
        1992 (surrogates that keep what the null hypothesis says).
    """
    fewest = int(np.ceil(2 / (1 - confidence) - 1 - 1e-9))
    words = f"at least {fewest}, so that one lies beyond each end of an interval of {confidence:g}"
    require("surrogates", surrogates, Range(words, lambda n: n >= fewest, whole=True))
    smooth = _dimension([smooth_outcome(outcome, smoothing) for outcome in outcomes], base)
    draws = np.random.default_rng(seed).spawn(len(outcomes))
    streams = [_surrogates(*each, smoothing) for each in zip(outcomes, draws, strict=True)]
    drawn = itertools.islice(zip(*streams, strict=True), surrogates)
    dimensions = [_dimension(images, base) for images in drawn]
    tail = (1 - confidence) / 2
    # the k-th of n from either end, k = (n + 1)·tail: an image like its surrogates is as likely to
    # lie in one place among them as in another
    low, median, high = np.quantile(dimensions, [tail, 0.5, 1 - tail], method="weibull")
    return NullDimension(float(median), float(low), float(high), smooth)


@checked
def boundary_surrogates(
    outcome: Bool[np.ndarray, "rows columns"],
    number: Annotated[int, count(1)],
    smoothing: Annotated[float, POSITIVE] = 4.0,
    seed: Annotated[int, count(0)] = 0,
) -> Bool[np.ndarray, "number rows columns"]:
    """Images with the same smooth boundary and as many flipped pixels at each distance from it.

    A pixel is flipped where it differs from `smooth_outcome`. In a surrogate the flips of all
    pixels that lie from k − 1 to k pixels inside of the smooth boundary (or outside of it) are
    permuted at random.

    Args:
        outcome: one boolean a pixel.
        number: how many, ≥ 1.
        smoothing: see `smooth_outcome`.
        seed: of NumPy's random numbers.

    Returns:
        Surrogates along a new first axis.

    Raises:
        ValueError: an argument is outside its range, or the image has less than 2 × 2 pixels.

    Example:
        >>> outcome = np.arange(16)[:, None] + np.zeros(16) > 8
        >>> outcome[3, 5] = True
        >>> drawn = boundary_surrogates(outcome, 4)
        >>> print(drawn[:, 3].sum(axis=-1), np.array_equal(drawn[0, 4:], outcome[4:]))
        [1 1 1 1] True
    """
    stream = _surrogates(outcome, np.random.default_rng(seed), smoothing)
    return np.stack(list(itertools.islice(stream, number)))


@checked
def smooth_outcome(
    outcome: Bool[np.ndarray, "rows columns"], smoothing: Annotated[float, POSITIVE] = 4.0
) -> Bool[np.ndarray, "rows columns"]:
    """The image with all detail of its boundary removed that is finer than a blur.

    2Gf − GGf > ½,  G a Gaussian blur

    The second term removes the shift of G's own boundary towards the inside of its bends. Beyond
    its frame the image goes on as its point reflection, which lets straight boundaries go on
    straight.

    Args:
        outcome: f, one boolean a pixel.
        smoothing: the standard deviation of G in pixels, > 0, at most the longer side.

    Returns:
        A boolean image of the same shape.

    Raises:
        ValueError: the smoothing is not positive or wider than the image, or there are less than
            2 × 2 pixels.

    Example:
        >>> outcome = np.arange(8) + np.zeros((8, 1)) > 3
        >>> flipped = outcome.copy()
        >>> flipped[2, 6] = False
        >>> print(np.array_equal(smooth_outcome(flipped, 1.0), outcome))
        True
    """
    outcome = require_image("outcome", outcome, 2)
    _require_detail(smoothing, max(outcome.shape))
    reach = int(np.ceil(BLUR_REACH * smoothing))

    def blurred(image: np.ndarray) -> np.ndarray:
        widths = [min(reach, length - 1) for length in image.shape]
        beyond = np.pad(image, [(w, w) for w in widths], mode="reflect", reflect_type="odd")
        blur = scipy.ndimage.gaussian_filter(beyond, smoothing, mode="nearest", truncate=BLUR_REACH)
        return blur[tuple(slice(w, -w) for w in widths)]

    once = blurred(outcome.astype(np.float64))
    return 2 * once - blurred(once) > 0.5


def _require_detail(smoothing: float, side: int) -> None:
    """A blur wider than the image leaves one value everywhere, and takes the longer for it."""
    words = f"at most {side} pixels, the longer side of the image"
    fits = Range(words, lambda s: s <= side, hint="a wider blur leaves no boundary")
    require("smoothing", smoothing, fits)


def _surrogates(
    outcome: np.ndarray, draw: np.random.Generator, smoothing: float
) -> Iterator[np.ndarray]:
    """One surrogate after the other, without end."""
    smooth = smooth_outcome(outcome, smoothing)
    flipped = outcome != smooth
    distance = _signed_distance(smooth)
    places = [np.nonzero(distance == each) for each in np.unique(distance[flipped])]
    while True:
        surrogate = smooth.copy()
        for pixels in places:
            surrogate[pixels] ^= draw.permutation(flipped[pixels])
        yield surrogate


def _signed_distance(outcome: np.ndarray) -> Int[np.ndarray, "rows columns"]:
    """Whole pixels to the nearest of the other outcome: positive inside, negative outside.

    0 everywhere where all pixels are alike.
    """
    if outcome.all() or not outcome.any():
        return np.zeros(outcome.shape, int)
    inside, outside = map(scipy.ndimage.distance_transform_edt, (outcome, ~outcome))
    return np.where(outcome, np.floor(inside), -np.floor(outside)).astype(int)


def _dimension(outcomes: Iterable[np.ndarray], base: int) -> float:
    """That of the boundary, or NaN where flips or smoothing have left none."""
    boundaries = list(map(outcome_boundary, outcomes))
    if boundaries and not any(map(np.any, boundaries)):
        return float("nan")
    return box_dimension(*boundaries, base=base)
