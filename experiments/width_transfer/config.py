"""The sizes of the experiment on learning rates and width."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sizes of the experiment on learning rates and width."""

    widths: tuple[int, ...] = (32, 64, 128, 256, 512)
    """Units of each of the two hidden layers; at the first, both parametrizations are the same."""
    squared_widths: tuple[int, ...] = (32, 128, 512)
    """Those of the networks that are trained on squared errors."""
    steps: int = 90
    """Steps of each run."""
    batch: int = 32
    """Digits of a batch."""
    seeds: int = 5
    """First weights, each with its own batches, that every width and rate begins with."""
    examples: int = 128
    """Digits on which the curvature at the start is taken, and first steps."""
    start_widths: tuple[int, ...] = (32, 128, 512)
    """Widths at which the curvature is taken."""
    start_seeds: int = 8
    """First weights of which it is."""
    step_widths: tuple[int, ...] = (64, 128, 256, 512, 1024)
    """Widths at which the first step is measured; growth is over the last three."""
    step_seeds: int = 16
    """First weights of which it is."""

    def __post_init__(self) -> None:
        for name in ("widths", "squared_widths", "start_widths", "step_widths"):
            of_name = getattr(self, name)
            if len(of_name) < 2 or sorted(set(of_name)) != list(of_name) or of_name[0] < 16:
                raise ValueError(f"{name} must be two or more widths from 16 up, got {of_name}")
        if len(self.step_widths) < 3:
            raise ValueError(f"step_widths must be three or more, got {self.step_widths}")
        if min(self.seeds, self.start_seeds, self.step_seeds) < 3:
            raise ValueError("seeds must be 3 or more: means come with intervals")


QUICK = Config(
    widths=(32, 128),
    squared_widths=(32, 128),
    steps=40,
    seeds=3,
    examples=64,
    start_widths=(32, 128),
    start_seeds=4,
    step_widths=(128, 256, 512),
    step_seeds=16,
)
