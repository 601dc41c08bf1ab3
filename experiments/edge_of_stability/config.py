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
    steps: int = 2_400
    """Steps of each run."""
    every: int = 80
    """Steps between two measurements of the sharpness."""
    iterations: int = 12
    """Of Lanczos' method at each of them."""
    seeds: int = 3
    """Starts of each optimizer on each problem."""
    flows: tuple[str, ...] = ("gd", "rmsprop")
    """Optimizers whose averaged path is predicted; gradient descent is one of them."""
    flow_width: int = 40
    """Hidden units of the network of one layer whose averaged path is predicted."""
    flow_examples: int = 200
    """Digits that it learns."""
    flow_steps: int = 600
    """Steps for which its path is predicted."""
    substeps: int = 2
    """Euler steps of the flow for each of them."""
    directions: int = 3
    """Directions that the flow lets oscillate at once."""
    batch_sizes: tuple[int, ...] = (4, 16, 64)
    """Batches that SGD draws, with replacement."""
    batch_steps: int = 4_800
    """Its steps."""
    batch_width: int = 32
    """Hidden units of its network of one layer."""


QUICK = Config(
    methods=("rmsprop",),
    widths=(24,),
    examples=60,
    steps=1_360,
    seeds=2,
    iterations=20,
    flows=("gd",),
    flow_steps=260,
    directions=2,
    batch_sizes=(4,),
    batch_steps=240,
    batch_width=8,
)
