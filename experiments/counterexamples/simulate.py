"""All runs of the counterexamples, in float64."""

import jax

from experiments.common.report import stage
from experiments.counterexamples import logistic, online, three_cycle, unit_roots
from experiments.counterexamples.config import Config


def simulate(config: Config) -> dict:
    pixels = config.basin_pixels
    with stage(f"the heavy ball on a line from {pixels} × {pixels} starts"):
        with jax.enable_x64(True):
            paths = three_cycle.paths()
        basins = three_cycle.basins(config)
    with stage(f"cycles of 3 to {config.longest_cycle} points at {config.tunings}² tunings"):
        tunings = unit_roots.map_of_tunings(config)
    with stage("starts beside those cycles, and their functions"):
        cycles = {
            "attraction": unit_roots.attraction(tunings, config),
            "slack": unit_roots.interpolation_slack(tunings),
            "drawn": unit_roots.drawn_cycle(),
        }
    with stage(f"the fastest tuning without one at {len(config.conditions)} condition numbers"):
        speeds = unit_roots.speeds(config)
    with stage(f"Adam and AMSGrad, {config.online_steps} steps"):
        online_runs = online.runs(config)
    with stage("logistic regressions"):
        regressions = logistic.runs(config)
    return {
        "paths": paths,
        "basins": basins,
        "tunings": tunings,
        "cycles": cycles,
        "speeds": speeds,
        "online": online_runs,
        "logistic": regressions,
    }
