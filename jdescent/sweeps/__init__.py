"""Sweeps: one function over the grid of named axes, on every device, resumable."""

from jdescent.sweeps.devices import use_all_cores
from jdescent.sweeps.grid import sweep
from jdescent.sweeps.store import open_sweep

__all__ = ["open_sweep", "sweep", "use_all_cores"]
