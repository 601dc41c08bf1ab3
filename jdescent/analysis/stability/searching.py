"""The first rate at which something grows."""

from collections.abc import Callable

import numpy as np

from jdescent.analysis.stability.linearization import Linearization

_GROWS = 1e-12
_AT_ONCE = 16  # rates that are tried before larger ones are
_BETWEEN = 1  # rates of each section: a spectral radius takes its time for each


def first_that_grows(
    grows: Callable[[np.ndarray], np.ndarray], rates: np.ndarray, digits: float, between: int
) -> float:
    """Infinity if it grows at none of the rates, NaN if at the smallest of them.

    Between the last that does not, from small ones on, and the next it is found by sections; of an
    instability that comes and goes between two of them nothing is seen.
    """
    i = _first(grows, rates)
    if i is None:
        return np.inf
    if i == 0:
        return np.nan
    low, high = rates[i - 1], rates[i]
    while high / low - 1 > digits:
        tried = np.geomspace(low, high, between + 2)
        i = int(np.argmax([*grows(tried[1:-1]), True]))
        low, high = tried[i], tried[i + 1]
    return float(np.sqrt(low * high))


def _first(grows: Callable[[np.ndarray], np.ndarray], rates: np.ndarray) -> int | None:
    """Which of the rates; those beyond are not tried."""
    for first in range(0, len(rates), _AT_ONCE):
        found = grows(rates[first : first + _AT_ONCE])
        if found.any():
            return first + int(np.argmax(found))
    return None


def first_loss(linear: Linearization, rates: np.ndarray, digits: float) -> float:
    """The smallest rate at which the spectral radius exceeds 1; NaN if it does at every one."""
    # a double eigenvalue 1, as of what stands still, is rounded to 1 ± √ε
    smallest = float((linear.radii(rates[:2]) - 1).max())
    allowed = max(_GROWS, 10 * smallest) if smallest < 1e-8 else _GROWS

    def grows(some):
        return ~(linear.radii(some) - 1 <= allowed)

    limit = first_that_grows(grows, rates, digits, _BETWEEN)
    if limit < 1e3 * rates[0]:
        excess = linear.radii(limit * np.array([0.25, 0.5])) - 1
        if excess[1] > 1.5 * excess[0] > 0:  # no edge: it grows in proportion to the rate
            return np.nan
    return limit
