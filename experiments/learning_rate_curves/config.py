"""The sizes of the runs, and the recipes: a method, a schedule and the rates to try."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from jdescent import schedules
from jdescent.core import Schedule

MOMENTUM = 0.9
WARM_UP = 0.2  # the share of the steps spent rising

TOO_LOW, TOO_HIGH = 10**-2.5, 10**0.5
PEAK = 10**-0.5
METHODS = {"sgd": "SGD", "momentum": "momentum", "adam": "Adam"}
DECAYS = {
    "step": "step decay",
    "cosine": "cosine decay",
    "warm_up_cosine": "warm-up and cosine decay",
}


@dataclass(frozen=True)
class Config:
    """Sizes of the learning-rate experiment."""

    steps: int = 600
    """Steps of every run on batches."""
    per_decade: int = 10
    """Learning rates in each factor of ten."""
    seeds: int = 8
    """First weights, each with its own batches; two or more."""
    batch: int = 32
    """Digits in a batch, drawn with replacement from 1,347."""
    hidden: int = 64
    """Hidden units."""
    edge_rates: int = 31
    """Rates of full-batch descent, from a quarter of 2/λmax to eight times it."""
    edge_steps: int = 40
    """Steps of full-batch descent."""
    edge_examples: int = 400
    """Digits that full-batch descent is run on."""
    deep_rates: int = 9
    """Rates of the deep network, from 0.04 to 0.64, evenly spaced in their logarithm."""
    deep_steps: int = 100
    """Steps of the deep network; a warm-up takes half of them."""

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise SystemExit(f"seeds must be 2 or more, for an interval, got {self.seeds}")
        if self.per_decade < 2 or self.per_decade % 2:
            raise SystemExit(
                f"per_decade must be even, so that half decades are on the grid, "
                f"got {self.per_decade}"
            )
        if self.steps < 100:
            raise SystemExit(f"steps must be 100 or more, got {self.steps}")


QUICK = Config(per_decade=2, seeds=3, edge_rates=21, edge_examples=200, deep_rates=5)


class Recipe(NamedTuple):
    """A method, its schedule, and the powers of ten between which its peak rates lie."""

    momentum: float
    schedule: str
    lowest: float
    highest: float
    adaptive: bool = False  # Adam, and momentum is not read


RECIPES: dict[str, Recipe] = {
    "sgd": Recipe(0.0, "constant", -3, 1),
    "momentum": Recipe(MOMENTUM, "constant", -4, 0),
    "adam": Recipe(0.0, "constant", -4, 0, adaptive=True),
    "step": Recipe(MOMENTUM, "step", -1.5, 0),
    "cosine": Recipe(MOMENTUM, "cosine", -1.5, 0),
    "warm_up_cosine": Recipe(MOMENTUM, "warm_up_cosine", -1.5, 0),
}


def rate_grid(lowest: float, highest: float, per_decade: int) -> np.ndarray:
    """Rates evenly spaced in their logarithm, from 10^lowest to 10^highest."""
    first, last = round(lowest * per_decade), round(highest * per_decade)
    return 10.0 ** (np.arange(first, last + 1) / per_decade)


def shapes(steps: int) -> dict[str, Schedule]:
    """Schedules whose largest rate is 1, over so many steps."""
    rise = round(WARM_UP * steps)
    return {
        "constant": schedules.constant(1.0),
        "step": schedules.piecewise([1.0, 0.1, 0.01], [steps // 2, 3 * steps // 4]),
        "cosine": schedules.cosine(1.0, steps),
        "warm_up_cosine": schedules.warm_up(schedules.cosine(1.0, steps - rise), rise),
    }
