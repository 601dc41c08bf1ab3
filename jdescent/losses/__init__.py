"""Pure losses: surfaces that carry their truth, and errors of models on data."""

from jdescent.losses.classification import accuracy, binary_cross_entropy, cross_entropy
from jdescent.losses.embedding import contrastive, skip_gram, word_vectors
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
from jdescent.losses.sequence import next_token
from jdescent.losses.supervised import (
    least_squares,
    linear_model,
    matrix_factorization,
    mean_squared_error,
)

__all__ = [
    "Landscape",
    "StationaryPoint",
    "accuracy",
    "beale",
    "binary_cross_entropy",
    "bowl",
    "contrastive",
    "cross_entropy",
    "double_well",
    "double_well_examples",
    "himmelblau",
    "least_squares",
    "linear_model",
    "matrix_factorization",
    "mean_squared_error",
    "next_token",
    "parabola",
    "rastrigin",
    "rosenbrock",
    "saddle",
    "skip_gram",
    "word_vectors",
]
