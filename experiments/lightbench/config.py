"""Sizes of the experiment on LightBench's tasks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """How much of the searches on record is read, and what is run beside them."""

    trials: int = 40
    """Trials a seed, at most those on record."""
    resamples: int = 2000
    """Times that families are drawn anew for an interval."""
    repeated: tuple[str, ...] = ("beale", "plateau_navigation")
    """Families whose searches by AdamW are run again."""
    steps: int = 4000
    """Of each trial that is run."""
    masks: int = 400
    """Starts and first masks of sparse_gradient that are drawn."""


QUICK = Config(trials=10, resamples=50, repeated=("beale",), steps=600, masks=20)
