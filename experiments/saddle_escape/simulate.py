"""Runs from a ridge between two valleys, and from a plain saddle."""

import jax

from experiments.common.report import stage
from experiments.saddle_escape import plain, ridge
from experiments.saddle_escape.config import Config


def simulate(config: Config) -> dict:
    """All runs of the figure: those with noise on the plain saddle in float32."""
    with jax.enable_x64(True):
        with stage("runs from the ridge between two valleys"):
            paths = ridge.ridge_runs(config)
        with stage(f"{config.runs} runs with noise from that saddle"):
            escapes = ridge.ridge_escapes(config)
        with stage("runs without noise from a plain saddle"):
            quiet = plain.quiet_runs(config)
    settings = len(plain.noisy_settings(config))
    with stage(f"{settings} times {config.runs} runs with noise from it"):
        noisy = plain.noisy_runs(config)
    return {"paths": paths, "escapes": escapes, "quiet": quiet, "noisy": noisy}
