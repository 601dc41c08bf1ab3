"""What is left to learn at a rate that was chosen on other seeds than it is reported of."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from jdescent.report_card.learners.runs import Outcomes

Interval = tuple[float, float] | None
Excess = Float[np.ndarray, "tasks rates seeds"]


class Tuned(NamedTuple):
    """What the runs gave at the chosen rates.

    Attributes:
        rate: index of the chosen rate.
        metric: the metric at the end, infinite where the run diverged.
        excess: the share of what can be learned that is left, at most 1.
        solved: whether the metric ended at the threshold or below.
        steps: the first evaluated step at the threshold or below; infinite if there is none.
    """

    rate: Int[np.ndarray, "tasks seeds"]
    metric: Float[np.ndarray, "tasks seeds"]
    excess: Float[np.ndarray, "tasks seeds"]
    solved: Float[np.ndarray, "tasks seeds"]
    steps: Float[np.ndarray, "tasks seeds"]


def excess_of(outcomes: Outcomes) -> Excess:
    """At the end: 0 at the bound, 1 where nothing was learned or the run diverged."""
    floor, null = (_column(outcomes, name) for name in ("floor", "null"))
    excess = (outcomes.metric[..., -1] - floor) / (null - floor)
    return np.where(np.isnan(excess), 1, np.clip(excess, 0, 1))


def solved(outcomes: Outcomes) -> Excess:
    """1 where a run ended at the threshold or below, 0 elsewhere."""
    return (outcomes.metric[..., -1] <= _column(outcomes, "threshold")).astype(float)


def tuned(outcomes: Outcomes) -> Tuned:
    """The runs of each seed at the rate that is best on the mean of all others."""
    excess = excess_of(outcomes)
    rate = chosen_on_others(excess)
    reached = outcomes.metric <= _column(outcomes, "threshold")[..., None]
    steps = np.array([np.linspace(0, t.program.steps, reached.shape[-1]) for t in outcomes.tasks])
    first = np.min(np.where(reached, steps[:, None, None], np.inf), axis=-1)

    def at_the_rate(values):
        return np.take_along_axis(values, rate[:, None], axis=1)[:, 0]

    return Tuned(
        rate,
        at_the_rate(outcomes.metric[..., -1]),
        at_the_rate(excess),
        at_the_rate(solved(outcomes)),
        at_the_rate(first),
    )


def chosen_on_others(excess: Excess) -> Int[np.ndarray, "tasks seeds"]:
    """For each seed the rate of least mean excess over the other seeds; of one seed, its own.

    Example:
        >>> chosen_on_others(np.array([[[0.1, 0.5, 0.5], [0.2, 0.2, 0.2]]]))
        array([[1, 1, 1]])
        >>> chosen_on_others(np.array([[[0.1, 0.1, 0.5], [0.2, 0.2, 0.2]]]))
        array([[1, 1, 0]])
    """
    n = excess.shape[-1]
    if n == 1:
        return np.argmin(excess, axis=1)
    others = (np.sum(excess, axis=-1, keepdims=True) - excess) / (n - 1)
    return np.argmin(others, axis=1)


def interval(samples: np.ndarray, most: float = np.inf) -> Interval:
    """95 % of the mean, by Student's t; None where samples are alike, infinite or one.

    Of positive samples it is symmetric in logarithms, to first order in the error; and no value is
    above the most.

    Example:
        >>> interval(np.array([1.0, 1.0])), interval(np.array([np.inf, 1.0]))
        (None, None)
        >>> print(np.round(interval(np.array([-1.0, 0.0, 1.0])), 3))  # ± 4.303/√3
        [-2.484  2.484]
        >>> print(np.round(interval(np.array([1.0, 2.0, 3.0])), 3))  # 2·e^±1.242
        [0.578 6.926]
    """
    if len(samples) < 2 or not np.all(np.isfinite(samples)) or np.ptp(samples) == 0:
        return None
    mean = np.mean(samples)
    half = stats.t.ppf(0.975, len(samples) - 1) * stats.sem(samples)
    if np.all(samples > 0):
        return float(mean * np.exp(-half / mean)), min(float(mean * np.exp(half / mean)), most)
    return float(mean - half), min(float(mean + half), most)


def _column(outcomes: Outcomes, name: str) -> np.ndarray:
    return np.array([getattr(task, name) for task in outcomes.tasks])[:, None, None]
