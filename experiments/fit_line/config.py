"""The five points, and the descent on them."""

from dataclasses import dataclass

import numpy as np

import jdescent as jd
from experiments.common.squared_error import principal_axes
from jdescent import analysis

X = np.arange(1.0, 6.0)
Y = 2 * X
STARTS = ((0.0, 0.0), (2.6, 1.3), (0.8, 1.6), (2.6, -1.0))
LOSS = jd.losses.mean_squared_error(jd.losses.linear_model)
STABILITY_LIMIT = analysis.gd_limit(principal_axes(X)[0][0])


@dataclass(frozen=True)
class Config:
    """The descent on five points."""

    learning_rate: float = 0.01
    """The learning rate, below the stability limit 0.0845."""
    steps: int = 2_000
    """Steps of descent."""

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < STABILITY_LIMIT:
            raise ValueError(
                f"learning_rate={self.learning_rate} must lie between 0 and the stability limit "
                f"2/λ = {STABILITY_LIMIT:.4f} of these points, above which descent diverges"
            )


QUICK = Config()
