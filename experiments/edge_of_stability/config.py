"""The sizes of the edge-of-stability experiment's runs."""

from dataclasses import dataclass

from experiments.edge_of_stability.methods import METHODS


@dataclass(frozen=True)
class Config:
    """Sizes of the edge-of-stability experiment."""

    methods: tuple[str, ...] = tuple(METHODS)
    """Optimizers that are followed."""
    widths: tuple[int, ...] = (40, 40)
    """Hidden units of the network's layers."""
    examples: int = 500
    """Examples of each problem."""
    steps: int = 3_000
    """Steps of each run."""
    every: int = 60
    """Steps between two measurements of the sharpness."""
    iterations: int = 10
    """Of Lanczos' method at each of them."""
    seeds: int = 3
    """Starts of each optimizer on each problem."""


QUICK = Config(methods=("gd", "adam_99"), widths=(16,), examples=100, steps=800, seeds=2)
