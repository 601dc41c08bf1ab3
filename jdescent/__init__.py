"""jdescent: optimizers as a few equations, swept by the million, measured against their theory."""

from jdescent import analysis, batches, core, losses, optimizers, schedules
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
from jdescent.optimizers import *  # noqa: F403
from jdescent.optimizers.averaging import averaged_params
from jdescent.report_card import report
from jdescent.stopping import StoppingRule, patience
from jdescent.sweeps import (
    best,
    designs,
    finite,
    log_uniform,
    open_sweep,
    paired,
    static,
    sweep,
    use_all_cores,
)
from jdescent.trajectory import Point, Status, Trajectory, Verdict
from jdescent.transforms import (
    add_decayed_weights,
    add_noise,
    centralize,
    clip,
    clip_by_global_norm,
)

__version__ = "0.1.0"

__all__ = [
    "Optimizer",
    "Point",
    "Status",
    "StoppingRule",
    "Trajectory",
    "Verdict",
    "add_decayed_weights",
    "add_noise",
    "analysis",
    "apply_updates",
    "averaged_params",
    "batches",
    "best",
    "centralize",
    "chain",
    "clip",
    "clip_by_global_norm",
    "core",
    "descend",
    "designs",
    "finite",
    "global_norm",
    "leafwise",
    "log_uniform",
    "losses",
    "open_sweep",
    "optimizer",
    "paired",
    "partition",
    "patience",
    "report",
    "schedules",
    "static",
    "sweep",
    "treewise",
    "use_all_cores",
]
__all__ += optimizers.__all__
