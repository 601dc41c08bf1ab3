"""Sizes of the counterexamples."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sizes of the counterexamples."""

    basin_pixels: int = 160
    """Starts along each side of the square whose basins are found."""
    basin_steps: int = 400
    """Steps from each of them."""
    tunings: int = 64
    """Learning rates, and as many momenta, of the heavy balls that are to cycle."""
    longest_cycle: int = 24
    """Cycles of 3, 4, … up to so many points are tried at each of these tunings."""
    cycle_steps: int = 300
    """Steps on each cycle."""
    conditions: tuple[float, ...] = (10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4)
    """Condition numbers L/μ at which the fastest tuning without a cycle is sought."""
    rate_steps: int = 200_000
    """Steps of each run whose factor per step is measured; its record ends at 1e-290."""
    online_rate: float = 0.02
    """α of the learning rate α/√t of Adam and AMSGrad."""
    online_steps: int = 100_000
    """Steps of each of their runs; AMSGrad needs about (9/(2α))² to arrive."""
    seeds: int = 32
    """Random runs of each of the two."""
    logistic_rates: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)
    """Learning rates of the logistic regressions that are drawn."""
    budgets: tuple[int, ...] = (30, 100, 300, 1000, 3000, 10_000)
    """Numbers of steps T of those whose learning rate is T; the last is that of all runs."""


QUICK = Config(
    basin_pixels=24,
    basin_steps=200,
    tunings=12,
    longest_cycle=12,
    cycle_steps=200,
    conditions=(10.0, 100.0),
    rate_steps=3_000,
    online_rate=0.05,
    online_steps=15_000,
    seeds=8,
    logistic_rates=(10.0, 100.0),
    budgets=(30, 100, 300, 1000),
)
