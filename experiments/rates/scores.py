"""What both experiments on rates put beside their scores."""

import numpy as np
from jaxtyping import Float

from experiments.learners.digits import Digits
from experiments.learners.seeds import mean_interval


def majority_accuracy(data: Digits) -> float:
    """Held-out accuracy of always naming the digit that is commonest in training."""
    (_, trained), (_, labels) = data
    return float(np.mean(np.asarray(labels) == np.bincount(trained).argmax()))


def geometric_mean(
    samples: Float[np.ndarray, " seeds"],
) -> tuple[float, tuple[float, float]]:
    """The geometric mean and its 95 % interval; one positive number a seed, two seeds or more."""
    mean, (low, high) = mean_interval(np.log(samples))
    return float(np.exp(mean)), (float(np.exp(low)), float(np.exp(high)))
