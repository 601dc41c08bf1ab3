"""The range of learning rates that do well, and what a rate that was chosen elsewhere costs."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

WITHIN = 0.9  # of the best score
LEAST_SCORE = 0.1  # of what is said to have learned at all


class Range(NamedTuple):
    """The rates within 10 % of the best, in decades; NaN where nothing was learned.

    `is_open` where it reaches an end of the grid, beyond which it may go on.
    """

    width: float
    middle: float
    is_open: bool


def range_within(rates: Any, scores: Any) -> Range:
    """Of one curve of scores over rates.

    Example:
        >>> range_within([0.01, 0.1, 1.0, 10.0], [0.0, 1.0, 1.0, 0.0])  # 0.1 decades on each side
        Range(width=1.2, middle=-0.5, is_open=False)
    """
    x, y = np.log10(np.asarray(rates, float)), np.asarray(scores, float)
    best = int(np.argmax(y))
    if not y[best] >= LEAST_SCORE:
        return Range(np.nan, np.nan, False)
    level = WITHIN * y[best]
    low, low_open = _end(x, y, best, -1, level)
    high, high_open = _end(x, y, best, 1, level)
    return Range(
        round(float(high - low), 12), round(float(low + high) / 2, 12), low_open or high_open
    )


def _end(x: np.ndarray, y: np.ndarray, best: int, step: int, level: float) -> tuple[float, bool]:
    """Where the curve falls below the level, going from the best rate one way."""
    i = best
    while 0 <= i + step < len(x) and y[i + step] >= level:
        i += step
    if not 0 <= i + step < len(x):
        return float(x[i]), True
    share = (y[i] - level) / (y[i] - y[i + step])
    return float(x[i] + share * (x[i + step] - x[i])), False


def transfer_regret(scores: Float[np.ndarray, "tasks rates"]) -> Float[np.ndarray, " tasks"]:
    """What each task loses of its best score at the rate that is best on the mean of all others.

    Example:
        >>> print(transfer_regret(np.array([[0.9, 0.5], [0.8, 0.6], [0.2, 0.7]])).round(1))
        [0.  0.  0.5]
    """
    others = np.sum(scores, axis=0) - scores
    chosen = np.argmax(others, axis=1)
    return np.max(scores, axis=1) - np.take_along_axis(scores, chosen[:, None], axis=1)[:, 0]
