"""Every part of the figure, two at a time: threads share what XLA compiles and runs."""

from concurrent.futures import ThreadPoolExecutor

from experiments.common.report import stage
from experiments.edge_of_stability.averaged import averaged
from experiments.edge_of_stability.batches import sharpness_with
from experiments.edge_of_stability.config import Config
from experiments.edge_of_stability.following import follow_seeds
from experiments.edge_of_stability.problems import PROBLEMS

THREADS = 2


def simulate(config: Config) -> dict:
    runs = len(PROBLEMS) * config.seeds * len(config.methods)
    sizes = (*config.batch_sizes, config.examples)
    with (
        stage(f"{runs} runs of {config.steps:,} steps, averaged paths, batches"),
        ThreadPoolExecutor(THREADS) as pool,
    ):
        followed = [pool.submit(follow_seeds, name, config) for name in config.methods]
        flows = {name: pool.submit(averaged, name, config) for name in config.flows}
        batches = {size: pool.submit(sharpness_with, size, config) for size in sizes}
        by_method = dict(zip(config.methods, (each.result() for each in followed), strict=True))
        return {
            "followed": {
                problem: {name: by_method[name][problem] for name in config.methods}
                for problem in PROBLEMS
            },
            "flows": {name: each.result() for name, each in flows.items()},
            "batches": {size: each.result() for size, each in batches.items()},
        }
