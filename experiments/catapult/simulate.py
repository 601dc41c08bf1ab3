"""All runs of the figure: the network with one example in float64, digits in float32."""

from concurrent.futures import ThreadPoolExecutor

import jax

from experiments.catapult import phases
from experiments.catapult.config import Config
from experiments.catapult.networks import trained
from experiments.common.report import stage

THREADS = 2


def simulate(config: Config) -> dict:
    with jax.enable_x64(True):
        with stage(f"one example, width {config.width:,}: paths and phases"):
            shown = phases.shown(config)
            swept = phases.phases(config)
        with stage("its peak against width, and departures from the divergent phase's edge"):
            peaks = phases.peaks(config)
            departures = phases.departures(config)
    with (
        stage(f"{len(config.networks)} networks on {config.examples} digits"),
        ThreadPoolExecutor(THREADS) as pool,
    ):
        jobs = {name: pool.submit(trained, name, config) for name in config.networks}
        networks = {name: job.result() for name, job in jobs.items()}
    return {
        "shown": shown,
        "phases": swept,
        "peaks": peaks,
        "departures": departures,
        "networks": networks,
    }
