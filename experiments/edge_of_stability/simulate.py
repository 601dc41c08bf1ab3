"""Every part of the figure, one after another."""

from experiments.common.report import stage
from experiments.edge_of_stability.averaged import RATES, averaged
from experiments.edge_of_stability.batches import batch_sharpness
from experiments.edge_of_stability.config import Config
from experiments.edge_of_stability.following import follow_all


def simulate(config: Config) -> dict:
    runs = 2 * config.seeds * len(config.methods)
    with stage(f"{runs} runs of {config.steps:,} steps"):
        followed = follow_all(config)
    with stage("averaged paths"):
        flows = {name: averaged(name, config) for name in RATES}
    with stage("batches"):
        batches = batch_sharpness(config)
    return {"followed": followed, "flows": flows, "batches": batches}
