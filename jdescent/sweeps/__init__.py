"""Sweeps: one function over the grid of named axes, on every device, resumable."""

from jdescent.sweeps import designs
from jdescent.sweeps.axes import paired
from jdescent.sweeps.best import best, finite
from jdescent.sweeps.choices import static
from jdescent.sweeps.designs import log_uniform
from jdescent.sweeps.devices import use_all_cores
from jdescent.sweeps.grid import sweep
from jdescent.sweeps.store import open_sweep

__all__ = [
    "best",
    "designs",
    "finite",
    "log_uniform",
    "open_sweep",
    "paired",
    "static",
    "sweep",
    "use_all_cores",
]
