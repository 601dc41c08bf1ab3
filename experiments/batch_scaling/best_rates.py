"""The best of a few rates, between them by a parabola, and exponents of such rates."""

import numpy as np
from jaxtyping import Float

from experiments.batch_scaling import jackknife
from experiments.batch_scaling.jackknife import Parts
from experiments.common.statistics import Estimate


def vertex(rates: Float[np.ndarray, " rates"], losses: Float[np.ndarray, " rates"]) -> float:
    """Where the parabola through the least loss and its neighbors, over ln rate, is least.

    Raises:
        ValueError: the least loss is at an end of the rates.
    """
    place = int(np.nanargmin(losses))
    if place in (0, len(rates) - 1):
        raise ValueError(
            f"the best of the rates {rates[0]:.3g} … {rates[-1]:.3g} is the "
            f"{'first' if place == 0 else 'last'}: try others beyond it"
        )
    near = slice(place - 1, place + 2)
    bend, slope, _ = np.polyfit(np.log(rates[near]), losses[near], 2)
    return float(np.exp(-slope / (2 * bend)))


def best_rates(rates: np.ndarray, losses: Float[np.ndarray, "rates seeds"]) -> Parts:
    """Of the mean loss over all seeds, and without each."""
    return np.array([vertex(rates, row) for row in jackknife.means(losses.T)])


def exponent(smaller: Parts, larger: Parts, sizes: tuple[float, float]) -> Estimate:
    """d ln rate/d ln B between two batch sizes."""
    return jackknife.estimate(np.log(larger / smaller) / np.log(sizes[1] / sizes[0]))
