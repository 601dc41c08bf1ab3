"""The methods and bowls of the bowl experiment, and the sizes of its runs."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Array

import jdescent as jd
from jdescent import analysis, plotting

ROUND = (2.0, 4.0)
STEEP = (1.0, 100.0)
TABLE_CONDITIONS = (2.0, 100.0)
TITLES = {
    "gd": "gradient descent",
    "heavy_ball": "heavy ball",
    "nesterov": "Nesterov",
    "rmsprop": "RMSProp",
    "adam": "Adam",
    "tuned_nesterov": "tuned Nesterov",
}
COLORS = dict(zip(TITLES, plotting.CYCLE, strict=True))
# (curvatures -> constants, constants -> optimizer)
TUNED: dict[str, tuple[Callable, Callable]] = {
    "gd": (analysis.tuned_gd, lambda rate, _: jd.sgd(rate)),
    "heavy_ball": (analysis.tuned_heavy_ball, jd.heavy_ball),
    "nesterov": (analysis.standard_nesterov, jd.nesterov),
    "tuned_nesterov": (analysis.tuned_nesterov, jd.nesterov),
}


def tuned(name: str, smallest: float | Array, largest: float | Array) -> jd.Optimizer:
    """A method of `TUNED` at its constants for curvatures in [smallest, largest]."""
    constants, make = TUNED[name]
    tuning = constants(smallest, largest)
    return make(tuning.learning_rate, tuning.momentum)


@dataclass(frozen=True)
class Config:
    """Sizes of the bowl experiment."""

    path_steps: int = 30
    """Steps of each path drawn over contours."""
    coordinate_steps: int = 40
    """Steps of gradient descent compared with its exact solution."""
    conditions: int = 33
    """Condition numbers from 1 to 10,000, evenly spaced in their logarithm."""
    rate_steps: int = 70_000
    """Steps of each run whose factor per step is measured; its record ends at 1e-290."""
    grid_rates: int = 50
    """Learning rates, up to 1, of the grid searched for the best heavy ball on x² + 2y²."""
    grid_momenta: int = 20
    """Momenta, up to 0.95, of that grid."""
    grid_steps: int = 2_000
    """Steps of each run of that grid."""
    angles: int = 91
    """Angles from 0° to 90° by which Adam's bowl is turned."""
    directions: int = 36
    """Directions of the start at every angle, over half a turn (x and −x descend alike)."""


QUICK = Config(
    conditions=9,
    rate_steps=20_000,
    grid_rates=20,
    grid_momenta=10,
    grid_steps=500,
    angles=19,
    directions=12,
)
