"""The double well of the escape experiment, and the sizes of its runs."""

from dataclasses import dataclass

import numpy as np

import jdescent as jd

WELL = jd.losses.double_well()
VALLEY, TARGET = WELL.minima
(BARRIER,) = WELL.maxima
HEIGHT = BARRIER.loss - VALLEY.loss
VALLEY_X, BARRIER_X, TARGET_X = np.array([p.position for p in (VALLEY, BARRIER, TARGET)]).tolist()
SLOPE = np.polynomial.Polynomial.fromroots([VALLEY_X, BARRIER_X, TARGET_X])  # U′
THRESHOLD = 1.0


@dataclass(frozen=True)
class Config:
    """Sizes of the escape experiment."""

    batch_sizes: tuple[int, ...] = (2, 4, 8, 12)
    """Batch sizes, two or more. With 16 as well, at 97,000 steps a run, it takes minutes longer."""
    seeds: int = 1_000
    """Runs at the batch size that takes longest; at others up to five times as many, for no more
    steps in all."""
    many_sizes: tuple[int, ...] = (8, 12)
    """Batch sizes at which theories are told apart."""
    many_runs: int = 40_000
    """Runs at each of them, each step of which draws the mean of a batch."""
    learning_rate: float = 0.1
    """Learning rate of all runs without momentum, but for the map's."""
    patience: float = 4.0
    """How long runs are watched, in units of the exact mean: 4 leaves 2 % that have not escaped."""
    seed: int = 0
    """Seed of the random batches."""
    starts: int = 400
    """Starts along each map, and in the valley."""
    rates: int = 260
    """Learning rates of the map of gradient descent, up to 1.3."""
    momenta: int = 240
    """Momenta of the heavy ball's map, from 0.75 to 0.98."""
    steps: int = 4_000
    """Steps of each run of the maps."""
    ball_rate: float = 0.01
    """Learning rate of the heavy ball."""
    ball_start: float = -2.3
    """Start of the heavy ball's runs that are drawn."""
    balls: tuple[float, ...] = (0.8, 0.9, 0.97)
    """Their momenta. The start that just coasts over is measured at the middle one."""


QUICK = Config(
    batch_sizes=(2, 4),
    seeds=260,
    many_sizes=(4,),
    many_runs=40_000,
    starts=100,
    rates=65,
    momenta=24,
    steps=2_000,
)
