"""What a unit test is scored: its value beside tuned SGD's, and a color.

With f the median over a test's runs of the expected loss at the last step,

    v = (f − f₀)/(f* − f₀),

f₀ the loss at the start and f* that of SGD at the best of 34 rates, 10⁻¹⁰ to 1. What falls below
−10¹⁰ counts as −10¹⁰. The first that holds is a test's color:

    red     under half of the runs were finite, or f > 10¹⁰
    orange  v ≤ 0.1
    violet  some runs were not finite
    yellow  over a quarter of the runs have v < 0.1
    blue    v > 2
    green   all else

As the rates end at 1, SGD itself is blue where larger ones still go further, down a line.

Reference: Schaul, Antonoglou & Silver 2013, arXiv 1312.6055.
"""

import warnings

import numpy as np
from jaxtyping import Float, Int

RED, ORANGE, VIOLET, YELLOW, BLUE, GREEN = range(6)
NAMES = ("red", "orange", "violet", "yellow", "blue", "green")
LETTERS = "ROVYBG"
GOOD = (BLUE, GREEN)
LIMIT = 1e10


def medians(gains: Float[np.ndarray, "*tests runs"]) -> Float[np.ndarray, "*tests"]:
    """Of the runs that were finite; infinite where under half of them were, or above 10¹⁰."""
    finite = np.isfinite(gains)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where no run was finite
        median = np.nanmedian(np.where(finite, gains, np.nan), axis=-1)
    failed = (finite.sum(-1) < gains.shape[-1] / 2) | (median > LIMIT)
    return np.where(failed, np.inf, median)


def best_of(gains: Float[np.ndarray, "rates *tests runs"]) -> tuple[np.ndarray, np.ndarray]:
    """The lowest median over rates, and at which of them."""
    each = medians(gains)
    return each.min(axis=0), each.argmin(axis=0)


def values(
    gains: Float[np.ndarray, "*tests runs"], reference: Float[np.ndarray, "*tests"]
) -> Float[np.ndarray, "*tests"]:
    """v of each test; −∞ where it is red.

    Args:
        gains: the expected loss at the end of each run, above f₀; NaN where a run was not finite.
        reference: f* − f₀, below 0.
    """
    return medians(gains) / reference


def colors(
    gains: Float[np.ndarray, "*tests runs"], reference: Float[np.ndarray, "*tests"]
) -> Int[np.ndarray, "*tests"]:
    """The color of each test, an index of `NAMES`.

    Example:
        >>> gains = np.array([[-1.0, -1.0, -0.8, -0.5], [0.0, 0.1, -0.1, -0.3], [-3.0, -4, -2, -5]])
        >>> [NAMES[color] for color in colors(gains, reference=np.full(3, -1.0))]
        ['green', 'orange', 'blue']
    """
    v = values(gains, reference)
    finite = np.isfinite(gains)
    with np.errstate(invalid="ignore", over="ignore"):
        poor = finite & (gains / reference[..., None] < 0.1)
    rules = (
        v == -np.inf,
        v <= 0.1,
        ~finite.all(-1),
        poor.sum(-1) > gains.shape[-1] / 4,
        v > 2,
    )
    return np.select(rules, (RED, ORANGE, VIOLET, YELLOW, BLUE), GREEN)
