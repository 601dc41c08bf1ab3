"""Means over seeds."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy import stats


def mean_interval(
    samples: Sequence[float] | Float[np.ndarray, " seeds"],
) -> tuple[float, tuple[float, float]]:
    """The mean, and its 95 % interval by Student's t; one number a seed, two seeds or more."""
    values = np.asarray(samples, float)
    mean = float(values.mean())
    half = stats.t.ppf(0.975, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    return mean, (mean - float(half), mean + float(half))
