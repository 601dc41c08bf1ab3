"""The sizes of the stability experiment."""

from dataclasses import dataclass

import jdescent as jd
from jdescent import analysis

OPTIMIZERS = {"heavy_ball": jd.heavy_ball, "nesterov": jd.nesterov}
LIMITS = {"heavy_ball": analysis.heavy_ball_limit, "nesterov": analysis.nesterov_limit}
RATES = {"heavy_ball": analysis.heavy_ball_rate, "nesterov": analysis.nesterov_rate}
TITLES = {"gd": "gradient descent", "heavy_ball": "heavy ball", "nesterov": "Nesterov"}


@dataclass(frozen=True)
class Config:
    """Sizes of the stability experiment. Learning rates are swept in units of 1/curvature."""

    rates: int = 10_000
    """Learning rates swept on each of the two parabolas."""
    steps: int = 100
    """Steps of each of those runs."""
    plane_rates: int = 400
    """Learning rates of the momentum plane."""
    plane_momenta: int = 200
    """Momenta of the momentum plane, from 0 to 0.99."""
    plane_steps: int = 2_000
    """Steps of each run of the plane."""
    momentum: float = 0.9
    """The momentum along which the factor per step is drawn."""
    slice_rates: int = 401
    """Learning rates along that momentum."""
    runs: tuple[float, ...] = (0.05, 0.4, 1.8, 2.1)
    """Learning rates of the four named runs: too small, just right, too big, diverges."""


QUICK = Config(rates=1_000, plane_rates=40, plane_momenta=10, slice_rates=41)
