"""Sizes of the experiment on step sizes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sizes of the experiment on step sizes."""

    doublings: int = 10
    """Silver steps are taken up to 2ᵏ − 1 for this k."""
    functions: int = 300
    """Huber functions, and as many quadratics, that the worst is sought among."""
    chebyshev_steps: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    """Numbers n of Chebyshev's steps."""
    restart_conditions: tuple[float, ...] = (1e2, 3e2, 1e3, 3e3, 1e4)
    """Condition numbers of the bowls on which Nesterov's method restarts."""
    curvatures: int = 50
    """Curvatures of each of these bowls."""
    ripples: int = 20
    """Ripples, of π√κ steps each, that these runs are watched for."""
    convex_steps: tuple[int, ...] = (100, 300, 1000, 3000)
    """Steps T of SGD on least absolute deviations, with the learning rate of theory."""
    convex_seeds: int = 32
    """Seeds of each of these runs."""
    convex_tuned_steps: int = 1000
    """Steps of the runs whose learning rate is chosen."""
    convex_rates: int = 7
    """Learning rates below D/√T, a factor of √2 apart, that are chosen from; and three above."""
    digit_steps: int = 600
    """Steps of each network."""
    digit_seeds: int = 32
    """Networks for each schedule and learning rate."""
    digit_rates: tuple[float, ...] = (8e-3, 16e-3, 32e-3, 64e-3)
    """Adam's learning rates that each schedule chooses from."""


QUICK = Config(
    doublings=9,
    functions=60,
    chebyshev_steps=(1, 16),
    restart_conditions=(1e2, 1e3),
    curvatures=10,
    convex_steps=(100,),
    convex_tuned_steps=100,
    convex_seeds=6,
    convex_rates=3,
    digit_steps=20,
    digit_seeds=2,
    digit_rates=(4e-3, 8e-3),
)
