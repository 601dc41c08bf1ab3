"""Random walks in equilibrium and on their way there, and networks on digits."""

from experiments.common.report import stage
from experiments.rotational_equilibrium.config import Config
from experiments.rotational_equilibrium.network import trained
from experiments.rotational_equilibrium.walks import approaches, settled_walks


def simulate(config: Config) -> dict:
    """All runs of the figure, in float32."""
    with stage("random walks that settle"):
        settled = settled_walks(config)
    with stage("random walks that come from far"):
        approach = approaches(config)
    with stage("networks with normalized weights"):
        networks = trained(config)
    return {"settled": settled, "approach": approach, "networks": networks}
