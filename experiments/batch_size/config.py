"""The sizes of the batch-size experiment, its data and its colors."""

import functools
from dataclasses import dataclass

from experiments.common.digits import Digits, split_digits

HELD_OUT = 450
PICTURES = 1_797 - HELD_OUT  # of scikit-learn's 1,797, to train on
PATIENTS = 96  # of the regression's 442: many batch sizes divide it, and to shuffle few is cheap


@functools.cache
def digits() -> Digits:
    return split_digits(HELD_OUT)


@dataclass(frozen=True)
class Config:
    """Sizes of the batch-size experiment."""

    sizes: tuple[int, ...] = (1, 32, 64, 256, PICTURES)
    """Batch sizes B of the network, ascending; the last, all pictures, is drawn without chance."""
    rates: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    """Learning rates, of which each batch size takes its best."""
    hidden: int = 32
    """Hidden units of the network."""
    examples: int = 200_000
    """Examples each run of the network sees, at most `most_steps` batches of them."""
    most_steps: int = 40_000
    """Steps of a run of the network, at most."""
    seeds: int = 5
    """Runs of the network at each batch size."""
    repeats: int = 3
    """Timed runs at each batch size."""
    target: float = 0.1
    """Training loss, in nats, to which steps and examples are counted."""
    gradient_sizes: tuple[int, ...] = (1, 8, 64, 256, 1024)
    """Batch sizes at which the variance of the gradient is measured."""
    gradients: int = 600
    """Batches drawn at each of them."""
    regression_rate: float = 0.02
    """Learning rate of the linear regression."""
    regression_sizes: tuple[int, ...] = (1, 4, 16, 48)
    """Batch sizes of the linear regression, divisors of 96."""
    regression_steps: int = 2_400
    """Steps of each of its runs, of which the first quarter is left out of averages."""
    regression_runs: int = 16
    """Runs whose loss is averaged."""
    parabola_steps: int = 1_200
    """Steps of each run on the parabola."""

    def __post_init__(self) -> None:
        if list(self.sizes) != sorted(set(self.sizes)) or self.sizes[-1] != PICTURES:
            raise ValueError(
                f"sizes={self.sizes} must ascend and end with all {PICTURES} pictures of training"
            )
        if min(self.sizes) < 1:
            raise ValueError(f"sizes={self.sizes} must be 1 or more")
        if not all(1 <= size < PICTURES for size in self.gradient_sizes):
            raise ValueError(
                f"gradient_sizes={self.gradient_sizes} must lie between 1 and {PICTURES - 1}"
            )
        if any(PATIENTS % size for size in self.regression_sizes):
            raise ValueError(
                f"regression_sizes={self.regression_sizes} must divide {PATIENTS}, so that an "
                "epoch leaves nobody out"
            )
        if min(self.seeds, self.regression_runs) < 3:
            raise ValueError(
                f"seeds={self.seeds} and regression_runs={self.regression_runs} must be 3 or "
                "more: means come with intervals"
            )


QUICK = Config(
    sizes=(1, 32, PICTURES),
    rates=(0.1, 1.0),
    examples=60_000,
    most_steps=10_000,
    seeds=3,
    repeats=1,
    target=0.5,
    gradient_sizes=(1024,),
    gradients=200,
    regression_sizes=(16,),
    regression_steps=1_200,
    parabola_steps=600,
)
