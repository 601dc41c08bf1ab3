"""A network, the noise of its gradient, and two problems with exact laws."""

from typing import Any

from experiments.batch_size.config import PICTURES, Config
from experiments.batch_size.gradients import gradient_noise
from experiments.batch_size.network import trainings
from experiments.batch_size.parabola import settled_losses
from experiments.batch_size.regression import regressions
from experiments.common.report import stage


def simulate(config: Config) -> dict:
    """All runs of the figure, in float32."""
    data: dict[str, Any] = {"network": trainings(config)}
    waypoint = data["network"][PICTURES].waypoint
    with stage(f"the gradient's variance from {config.gradients} batches a size"):
        data["noise"] = gradient_noise(waypoint, config)
    with stage("linear regression until it settles"):
        data["regression"] = regressions(config)
    with stage("a parabola until it settles"):
        data["parabola"] = settled_losses(config)
    return data
