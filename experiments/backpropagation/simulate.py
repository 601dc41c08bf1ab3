"""The six starts, measured at rest and trained."""

import jax

from experiments.backpropagation.config import Config
from experiments.backpropagation.signals import all_signals
from experiments.backpropagation.training import train_all
from experiments.common.report import stage


def simulate(config: Config) -> dict:
    """Error signals in float64, training in float32."""
    with jax.enable_x64(True), stage(f"error signals through {config.depth} layers"):
        measured = all_signals(config)
    with stage(f"{config.training_steps} steps of training from six starts"):
        trained = train_all(config)
    return {"signals": measured, "training": trained}
