"""The sizes of the experiment on tuned optimizers."""

from dataclasses import dataclass

TRANSFORMERS, NETS = "transformers", "perceptrons"


@dataclass(frozen=True)
class Config:
    """Sizes of the experiment on tuned optimizers. A task's steps are its own."""

    slowest: float = 1e-4
    """Lowest learning rate."""
    fastest: float = 10.0
    """Highest learning rate."""
    rates_a_decade: int = 2
    """Learning rates in each decade."""
    seeds: int = 5
    """Starts, each with its own batches."""
    kinds: tuple[str, ...] = (TRANSFORMERS, NETS)
    """Of the tasks."""

    def __post_init__(self) -> None:
        if not 0 < self.slowest < self.fastest:
            raise ValueError(f"rates must ascend from above 0, got {self.slowest}, {self.fastest}")
        if self.rates_a_decade < 1:
            raise ValueError(f"rates_a_decade must be 1 or more, got {self.rates_a_decade}")
        if self.seeds < 3:
            raise ValueError("seeds must be 3 or more: rates are chosen on the other seeds")
        if not self.kinds or not set(self.kinds) <= {TRANSFORMERS, NETS}:
            raise ValueError(f"kinds must be {TRANSFORMERS}, {NETS} or both, got {self.kinds}")


QUICK = Config(slowest=1e-3, fastest=1.0, rates_a_decade=1, seeds=3, kinds=(NETS,))
