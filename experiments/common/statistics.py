"""Means over seeds, with intervals on the scale that suits the quantity."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float
from scipy import special, stats

Samples = Sequence[float] | Float[np.ndarray, " seeds"] | Float[Array, " seeds"]
Interval = tuple[float, float]


class Estimate(NamedTuple):
    """A mean over random runs, its standard error, and its 95 % interval by Student's t.

    Runs that are all alike, as deterministic ones are, have no interval.
    """

    value: float
    error: float
    interval: Interval | None

    @property
    def ends(self) -> Interval:
        """Those of the interval, to be drawn; the value itself where all runs are alike."""
        return self.interval or (self.value, self.value)

    @property
    def reach(self) -> list[list[float]]:
        """From the value down and up to them, as matplotlib's error bars have it."""
        low, high = self.ends
        return [[self.value - low], [high - self.value]]


def mean_interval(samples: Samples) -> tuple[float, Interval]:
    """The mean, and its 95 % interval by Student's t; one number a seed, two seeds or more."""
    values = np.asarray(samples, float)
    mean, half = float(values.mean()), _half_width(values)
    return mean, (mean - half, mean + half)


def mean(samples: Samples) -> Estimate:
    """Of any real quantity, with a symmetric interval."""
    return _estimate(samples, lambda x: x, lambda y: y, lambda x: 1.0)


def positive_mean(samples: Samples) -> Estimate:
    """Of a quantity above 0, with an interval that is symmetric in logarithms: mean·e^±(t s/mean).

    Example:
        >>> mean, error, (low, high) = positive_mean([1.0, 2.0, 9.0])
        >>> print(mean, low > 0, round(low * high, 6))
        4.0 True 16.0
    """
    return _estimate(samples, np.log, np.exp, lambda x: 1 / x)


def mean_share(samples: Samples) -> Estimate:
    """Of shares in [0, 1], with an interval that is symmetric in log-odds, and so inside (0, 1)."""
    return _estimate(samples, special.logit, special.expit, lambda x: 1 / (x * (1 - x)))


def geometric_mean(samples: Samples) -> Estimate:
    """Of positive numbers that may be orders of magnitude apart; 0 if one of them is 0."""
    if np.any(np.asarray(samples) == 0):
        return Estimate(0.0, 0.0, None)
    logs = np.log(np.asarray(samples, float))
    mean, error, interval = _estimate(logs, lambda x: x, lambda y: y, lambda x: 1.0)
    middle = float(np.exp(mean))
    bounds = interval and (float(np.exp(interval[0])), float(np.exp(interval[1])))
    return Estimate(middle, middle * error, bounds)


def _estimate(
    samples: Samples, scale: Callable, back: Callable, slope: Callable[[float], float]
) -> Estimate:
    """The arithmetic mean; the interval is symmetric on a scale, to first order in the error."""
    values = np.asarray(samples, float)
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))
    if not np.ptp(values) > 0:  # all alike, or one of them NaN
        return Estimate(mean, 0 * mean, None)
    half = _half_width(values) * slope(mean)
    middle = scale(mean)
    return Estimate(mean, error, (float(back(middle - half)), float(back(middle + half))))


def _half_width(values: Float[np.ndarray, " seeds"]) -> float:
    error = values.std(ddof=1) / np.sqrt(values.size)
    return float(stats.t.ppf(0.975, values.size - 1) * error)
