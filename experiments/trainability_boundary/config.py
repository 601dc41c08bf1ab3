"""The six conditions and their windows, and the sizes of the images."""

from dataclasses import dataclass

from experiments.trainability_boundary.network import Condition
from experiments.trainability_boundary.plane import Window

LINEAR = Condition("linear", "identity", examples=16)
CONDITIONS = {  # seed 3 of one example was looked for: its boundary has structure at these scales
    "tanh": Condition("tanh"),
    "relu": Condition("ReLU", "relu"),
    "linear": LINEAR,
    "one_example": Condition("one example", examples=1, seed=3),
    "mini_batch": Condition("mini-batches", batch=16),
    "offset": Condition("offset", offset=True),
}
WINDOWS = {  # where the boundary has structure at these scales, found by looking
    "tanh": Window(0.3, 3.5, 1.9, 2.4),
    "relu": Window(0.2, 1.6, 1.7, 2.0),
    "linear": Window(1.2, 1.6, 1.2, 1.6),
    "one_example": Window(1.1, 1.115, 1.3475, 1.3535),
    "mini_batch": Window(-0.7, 1.5, 1.8, 2.25),
    "offset": Window(-1.5, 1.5, 1.95, 2.25),
}
WHOLE = Window(-3.0, 6.0, -3.0, 6.0)
SMALLEST = 16  # pixels a side, of which every second one still has boxes of two sizes
CHEAP = 20  # examples, up to which a run costs a twentieth of one on 272
SMOOTHINGS = (2.0, 4.0, 8.0)  # pixels


@dataclass(frozen=True)
class Config:
    """Sizes of the trainability experiment. The paper's are --resolution 4096, hours on a GPU."""

    resolution: int | None = None
    """Pixels along each side of every image; if not given, the two settings below."""
    large_resolution: int = 128
    """Pixels along each side of the images of networks that learn 272 examples."""
    small_resolution: int = 224
    """Pixels along each side of the images of those that learn 16 examples or one."""
    steps: int = 500
    """Steps of each run."""
    levels: int = 7
    """Images of the zoom, the whole plane included."""
    factor: float = 5.0
    """How many times smaller the window of each is than the one before."""
    edge_rates: int = 400
    """Learning rates swept for each edge with a layer frozen."""
    store: str | None = None
    """Folder that keeps every finished piece of the sweeps: a killed run goes on from there."""
    surrogates: int = 99
    """Null models drawn for each dimension, 39 or more."""
    frames: int = 6
    """Frames of the animation between one image of the zoom and the next."""


QUICK = Config(
    resolution=16, steps=60, levels=6, factor=3.0, edge_rates=80, surrogates=39, frames=1
)


def size(condition: Condition, config: Config) -> int:
    own = config.small_resolution if is_cheap(condition) else config.large_resolution
    return config.resolution or own


def is_cheap(condition: Condition) -> bool:
    return condition.examples <= CHEAP
