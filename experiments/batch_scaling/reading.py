"""What numbers and panels both read off the runs on digits."""

import numpy as np

from experiments.batch_scaling import best_rates
from experiments.batch_scaling.classifier import SCALINGS, Curves, Digits
from experiments.batch_scaling.config import Config
from experiments.batch_scaling.jackknife import Parts
from experiments.batch_scaling.tradeoff import Tradeoff, fitted

COMPARED = 12  # points along curves
FROM = 0.1  # of the examples, before which the start is still seen

Runs = dict[tuple[str, int], Digits]


def best_rate(curves: Curves, size: int, config: Config) -> Parts:
    """After the same number of examples for all sizes, by geometric means over seeds."""
    logs = np.log(curves.after(config.examples / size))
    return best_rates.best_rates(curves.rates, logs)


def steps_to(curves: Curves, reached: float) -> float:
    """The fewest steps to a loss, at the best of the rates; of geometric means over seeds.

    Raises:
        ValueError: no rate comes there.
    """
    found = []
    for row in np.log(curves.losses).mean(axis=1):
        place = int(np.argmax(row <= np.log(reached)))
        if place:
            part = (row[place - 1] - np.log(reached)) / (row[place - 1] - row[place])
            before, after = curves.steps[place - 1 : place + 1]
            found.append(before + part * (after - before))
    if not found:
        raise ValueError(f"no rate comes to a loss of {reached:g}: take another, or more steps")
    return float(min(found))


def digits_tradeoff(runs: Runs, rule: str, config: Config) -> tuple[np.ndarray, Tradeoff]:
    """Steps at each size, and the hyperbola through them."""
    steps = np.array([steps_to(runs[rule, size].tried, config.reached) for size in config.sizes])
    return steps, fitted(np.array(config.sizes, float), steps)


def mean_curve(curves: Curves, setting: int, size: int, config: Config) -> np.ndarray:
    """ln L at the same numbers of examples for all sizes, mean over seeds."""
    examples = np.geomspace(FROM * config.examples, config.examples, COMPARED)
    return np.array([np.log(curves.after(seen / size))[setting].mean() for seen in examples])


def distances(runs: Runs, rule: str, scaling: str, config: Config) -> dict[int, float]:
    """Root mean square distance of ln L from the smallest batch's, by size, as far as β allow."""
    place, first = SCALINGS.index(scaling), config.sizes[0]
    scaled = {
        size: curves for size in config.sizes if (curves := runs[rule, size].ruled) is not None
    }
    base = mean_curve(scaled[first], place, first, config)
    return {
        size: float(np.sqrt(np.mean((mean_curve(curves, place, size, config) - base) ** 2)))
        for size, curves in scaled.items()
        if size != first
    }
