"""Pure losses: surfaces that carry their truth, and errors of models on data."""

from jdescent.losses.landscape import Landscape, StationaryPoint
from jdescent.losses.landscapes import (
    beale,
    bowl,
    double_well,
    double_well_examples,
    himmelblau,
    parabola,
    rastrigin,
    rosenbrock,
    saddle,
)
from jdescent.losses.supervised import least_squares, linear_model, mean_squared_error

__all__ = [
    "Landscape",
    "StationaryPoint",
    "beale",
    "bowl",
    "double_well",
    "double_well_examples",
    "himmelblau",
    "least_squares",
    "linear_model",
    "mean_squared_error",
    "parabola",
    "rastrigin",
    "rosenbrock",
    "saddle",
]
