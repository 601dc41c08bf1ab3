"""The contract of all optimizers, and the one place where equations meet trees of parameters."""

from jdescent.core.contract import Optimizer, OptimizerLike, Params, Updates, apply_updates, chain
from jdescent.core.hyperparameters import Real, Scalar, ScalarOrSchedule, Schedule
from jdescent.core.lift import Coefficient, Memory, State, leafwise, treewise, vector
from jdescent.core.partition import PartitionState, partition
from jdescent.core.signature import (
    Base,
    Count,
    Decay,
    DType,
    Finite,
    Fraction,
    Hyperparameter,
    Key,
    Mask,
    NonNegative,
    Positive,
    Rate,
    Scheduled,
    Switch,
    hyperparameters_of,
    optimizer,
)
from jdescent.core.trees import global_norm
from jdescent.core.vector import Vector, dot, each, norm, total

__all__ = [
    "Base",
    "Coefficient",
    "Count",
    "DType",
    "Decay",
    "Finite",
    "Fraction",
    "Hyperparameter",
    "Key",
    "Mask",
    "Memory",
    "NonNegative",
    "Optimizer",
    "OptimizerLike",
    "Params",
    "PartitionState",
    "Positive",
    "Rate",
    "Real",
    "Scalar",
    "ScalarOrSchedule",
    "Schedule",
    "Scheduled",
    "State",
    "Switch",
    "Updates",
    "Vector",
    "apply_updates",
    "chain",
    "dot",
    "each",
    "global_norm",
    "hyperparameters_of",
    "leafwise",
    "norm",
    "optimizer",
    "partition",
    "total",
    "treewise",
    "vector",
]
