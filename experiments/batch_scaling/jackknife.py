"""Errors of what is computed from means over seeds, by leaving out one seed at a time.

Reference: B. Efron, 1982, The Jackknife, the Bootstrap and Other Resampling Plans, chapter 3.
"""

import numpy as np
from jaxtyping import Float
from scipy import stats

from experiments.common.statistics import Estimate

Parts = Float[np.ndarray, " parts"]


def means(samples: np.ndarray) -> np.ndarray:
    """Along the first axis: over all seeds, and then without each."""
    whole = samples.mean(axis=0, keepdims=True)
    without = (samples.sum(axis=0, keepdims=True) - samples) / (len(samples) - 1)
    return np.concatenate([whole, without])


def estimate(parts: Parts, positive: bool = False) -> Estimate:
    """What all give, its standard error, and its 95 % interval by Student's t.

    Of a positive quantity the interval is symmetric in logarithms.
    """
    whole, without = float(parts[0]), parts[1:]
    count = len(without)
    error = float(np.sqrt((count - 1) * np.mean((without - without.mean()) ** 2)))
    half = float(stats.t.ppf(0.975, count - 1)) * error
    if positive:
        factor = float(np.exp(half / whole))
        return Estimate(whole, error, (whole / factor, whole * factor))
    return Estimate(whole, error, (whole - half, whole + half))
