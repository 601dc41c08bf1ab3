"""jdescent: optimizers as a few equations, swept by the million, measured against their theory."""

from jdescent import analysis, batches, core, losses, schedules
from jdescent.core import (
    Optimizer,
    apply_updates,
    chain,
    global_norm,
    leafwise,
    optimizer,
    partition,
    treewise,
)
from jdescent.descend import descend
from jdescent.optimizers import (
    adadelta,
    adagrad,
    adam,
    adamax,
    adamw,
    amsgrad,
    heavy_ball,
    lion,
    nadam,
    nesterov,
    rmsprop,
    rprop,
    sgd,
    sign_sgd,
    signum,
    tiger,
)
from jdescent.sweeps import open_sweep, sweep, use_all_cores
from jdescent.trajectory import Point, Status, Trajectory, Verdict
from jdescent.transforms import add_decayed_weights, add_noise, clip, clip_by_global_norm

__version__ = "0.1.0"

__all__ = [
    "Optimizer",
    "Point",
    "Status",
    "Trajectory",
    "Verdict",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "add_decayed_weights",
    "add_noise",
    "amsgrad",
    "analysis",
    "apply_updates",
    "batches",
    "chain",
    "clip",
    "clip_by_global_norm",
    "core",
    "descend",
    "global_norm",
    "heavy_ball",
    "leafwise",
    "lion",
    "losses",
    "nadam",
    "nesterov",
    "open_sweep",
    "optimizer",
    "partition",
    "rmsprop",
    "rprop",
    "schedules",
    "sgd",
    "sign_sgd",
    "signum",
    "sweep",
    "tiger",
    "treewise",
    "use_all_cores",
]
