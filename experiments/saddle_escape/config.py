"""The sizes of the saddle experiment's runs."""

from dataclasses import dataclass

import numpy as np

import jdescent as jd
from jdescent.losses import StationaryPoint

THRESHOLD = 1.0  # of the runs on ½(x² − γy²): they have left where |y| reaches it


@dataclass(frozen=True)
class Config:
    """Sizes of the saddle experiment."""

    learning_rate: float = 0.05
    """Learning rate η on the plain saddle ½(x² − γy²)."""
    curvatures: tuple[float, ...] = (1.0, 2.0, 4.0)
    """Its negative curvatures γ; the first is used where one alone is shown."""
    noises: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
    """Standard deviations σ of the gradient noise, from 0 up to 0.2: beyond that noise alone, and
    no longer growth, takes a run to the threshold. Every second one is used over distance."""
    runs: int = 1_000
    """Runs with noise at each setting."""
    decades: int = 10
    """Starting distances ε go from 1e-1 down to 10 to minus this, through 1e-6."""
    momenta: tuple[float, ...] = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
    """Momenta β of the heavy ball."""
    ridge_rate: float = 0.005
    """Learning rate on Himmelblau's function."""
    ridge_noise: float = 1e-2
    """Standard deviation of the gradient noise there; the gradients are of order 100."""
    still_steps: int = 20_000
    """Steps of the runs without noise, one of which starts exactly on the ridge."""
    seed: int = 0
    """Seed of all noise."""

    def __post_init__(self) -> None:
        rate, largest = self.learning_rate, 2 / max(*self.curvatures, 1.0)
        if not 0 < rate < largest:
            raise ValueError(f"learning_rate={rate} must lie between 0 and {largest:g}")
        if not all(curvature > 0 for curvature in self.curvatures):
            raise ValueError(f"curvatures={self.curvatures} are sizes γ: they must be positive")
        if not all(0 < noise <= 0.2 for noise in self.noises):
            raise ValueError(f"noises={self.noises} must lie above 0, and up to 0.2")
        if self.runs < 3:
            raise ValueError(f"runs={self.runs} must be 3 or more: means come with intervals")
        if not 7 <= self.decades <= 30:
            raise ValueError(f"decades={self.decades} must lie between 7 and 30")
        if not all(0 <= momentum < 1 for momentum in self.momenta):
            raise ValueError(f"momenta={self.momenta} must lie in [0, 1)")


QUICK = Config(
    noises=(1e-4, 1e-3, 1e-2),
    runs=200,
    decades=7,
    momenta=(0.0, 0.5, 0.9),
    still_steps=2_000,
)


SURFACE = jd.losses.himmelblau()


def nearest(points: tuple[StationaryPoint, ...], place: tuple[float, float]) -> StationaryPoint:
    return min(points, key=lambda point: float(np.linalg.norm(np.subtract(point.position, place))))


SADDLE = nearest(SURFACE.saddles, (0, 3))


LEFT, RIGHT = (nearest(SURFACE.minima, place) for place in ((-3, 3), (3, 2)))
