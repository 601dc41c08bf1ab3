"""First-passage statistics that use the runs which had not escaped when recording stopped.

The mean over escaped runs alone is wrong (too short): the slow runs are the missing ones.
"""

import warnings
from typing import Annotated, NamedTuple

import jax
import numpy as np
import scipy

from jdescent.analysis.inputs import IN_0_1, Range, binary_scale, checked, vector

A_TIME = Range(
    "finite and not negative",
    lambda time: (time >= 0) & (time < np.inf),
    hint="a run that never escaped has the time it was watched",
)


class MeanTime(NamedTuple):
    """A mean first-passage time with its confidence interval and what it rests on."""

    mean: float
    low: float
    high: float
    events: int
    censored: int


class SurvivalCurve(NamedTuple):
    """P(not yet escaped) after each time, with its confidence band; a right-continuous step."""

    time: np.ndarray
    survival: np.ndarray
    low: np.ndarray
    high: np.ndarray


@checked
def exponential_mean(
    times: np.ndarray | jax.Array,
    escaped: np.ndarray | jax.Array,
    confidence: Annotated[float, IN_0_1] = 0.95,
) -> MeanTime:
    """Mean first-passage time of a memoryless escape, from complete and censored runs.

    τ̂ = Σt/d,  interval [2Σt/χ²(1−α/2; 2d+2), 2Σt/χ²(α/2; 2d)],  d = number of escapes

    τ̂ is the maximum-likelihood estimate for exponential times and, in steps, for geometric ones.
    A low barrier adds a few steps of relaxation to an exponential wait: then the estimate holds
    and the interval is slightly too wide.

    Args:
        times: the escape time of each escaped run, the time watched of each other one; shape
            (runs,), ≥ 0.
        escaped: whether each run escaped; boolean, shape (runs,).
        confidence: 1−α in (0, 1).

    Returns:
        Mean, interval and counts. Without any escape, mean and high are inf and low is what the
        time watched rules out.

    Raises:
        ValueError: no runs, lengths that differ, times negative or not finite, a confidence
            outside (0, 1).
        TypeError: `escaped` is not boolean.

    Example:
        >>> times, escaped = np.array([3.0, 8.0, 10.0, 10.0]), np.array([True, True, False, False])
        >>> print("{0:.1f} ({1:.1f} to {2:.1f})".format(*exponential_mean(times, escaped)))
        15.5 (4.3 to 128.0)

    Reference:
        Cox & Oakes, *Analysis of Survival Data*, 1984, chapter 3; Garwood, *Fiducial Limits for
        the Poisson Distribution*, 1936.
    """
    times, escaped = _runs(times, escaped)
    events = int(escaped.sum())
    unit = binary_scale(times)  # in which the sum of times does not overflow
    total = float(np.sum(times / unit))
    tail = (1 - confidence) / 2
    low = 2 * total / float(scipy.stats.chi2.isf(tail, 2 * events + 2)) * unit
    censored = times.size - events
    if events == 0:
        return MeanTime(np.inf, low, np.inf, events, censored)
    high = 2 * total / float(scipy.stats.chi2.ppf(tail, 2 * events)) * unit
    return MeanTime(total / events * unit, low, high, events, censored)


@checked
def survival_curve(
    times: np.ndarray | jax.Array,
    escaped: np.ndarray | jax.Array,
    confidence: Annotated[float, IN_0_1] = 0.95,
) -> SurvivalCurve:
    """Kaplan–Meier estimate of P(not yet escaped) from complete and censored runs.

    S(t) = Π over escape times tᵢ ≤ t of (1 − dᵢ/nᵢ),  dᵢ escapes among nᵢ runs still watched

    The band is Greenwood's on the scale ln(−ln S), computed by `scipy.stats.ecdf`.

    Args:
        times: the escape time of each escaped run, the time watched of each other one; shape
            (runs,), ≥ 0.
        escaped: whether each run escaped; boolean, shape (runs,).
        confidence: pointwise level of the band, in (0, 1).

    Returns:
        Curve at 0 and at every distinct time; float64 arrays of one length. Before the first
        escape the band is [1, 1]; where S = 0 it is undefined and NaN.

    Raises:
        ValueError: no runs, lengths that differ, times negative or not finite, a confidence
            outside (0, 1).
        TypeError: `escaped` is not boolean.

    Example:
        >>> curve = survival_curve(np.array([1, 2, 2, 3]), np.array([True, True, False, False]))
        >>> print(curve.time, curve.survival)
        [0. 1. 2. 3.] [1.   0.75 0.5  0.5 ]

    Reference:
        Kaplan & Meier, *Nonparametric Estimation from Incomplete Observations*, 1958.
    """
    times, escaped = _runs(times, escaped)
    data = scipy.stats.CensoredData(uncensored=times[escaped], right=times[~escaped])
    estimate = scipy.stats.ecdf(data).sf
    with warnings.catch_warnings():
        # undefined where S is 1 or 0, as the docstring says
        warnings.simplefilter("ignore", RuntimeWarning)
        band = estimate.confidence_interval(confidence, method="log-log")
    untouched = estimate.probabilities == 1
    columns = (
        (0.0, estimate.quantiles),
        (1.0, estimate.probabilities),
        (1.0, np.where(untouched, 1.0, band.low.probabilities)),
        (1.0, np.where(untouched, 1.0, band.high.probabilities)),
    )
    start = () if estimate.quantiles[0] == 0 else (0,)
    return SurvivalCurve(*(np.insert(rest, start, first) for first, rest in columns))


def _runs(
    times: np.ndarray | jax.Array, escaped: np.ndarray | jax.Array
) -> tuple[np.ndarray, np.ndarray]:
    watched = vector("times", times, "runs", A_TIME)
    outcome = np.asarray(escaped)
    if outcome.shape != watched.shape:
        raise ValueError(
            f"escaped must have one entry per run, shape {watched.shape}, got {outcome.shape}"
        )
    if outcome.dtype != np.bool_:
        raise TypeError(f"escaped must be boolean, got {outcome.dtype}: pass escaped.astype(bool)")
    return watched, outcome
