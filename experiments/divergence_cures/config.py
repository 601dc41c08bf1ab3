"""The sizes of the runs that diverge and of their cures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sizes of the runs that diverge and of their cures."""

    examples: int = 300
    """Digits that are trained on, all at every step; 450 others are held out."""
    steps: int = 400
    """Steps of every run."""
    seeds: int = 5
    """First weights that every setup starts from, two or more."""
    looks: int = 18
    """Steps at which the sharpness is measured, about as many in each factor of two."""

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise SystemExit(f"seeds must be 2 or more, for an interval, got {self.seeds}")
        if self.steps < 60:
            raise SystemExit(
                f"steps must be 60 or more, as divergence takes some 40, got {self.steps}"
            )


QUICK = Config(seeds=2, steps=200, looks=2)
