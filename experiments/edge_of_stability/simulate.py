"""Every part of the figure, one after another."""

from experiments.common.report import stage
from experiments.edge_of_stability.config import Config
from experiments.edge_of_stability.following import follow_all


def simulate(config: Config) -> dict:
    runs = 2 * config.seeds * len(config.methods)
    with stage(f"{runs} runs of {config.steps:,} steps"):
        followed = follow_all(config)
    return {"followed": followed}
