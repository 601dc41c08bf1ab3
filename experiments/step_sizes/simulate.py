"""All runs of the experiment on step sizes; the networks in float32, all others in float64."""

import jax

from experiments.common.report import stage
from experiments.step_sizes import bowls, schedules, smooth
from experiments.step_sizes.config import Config


def simulate(config: Config) -> dict:
    with stage(f"{2 * config.functions} smooth convex functions"):
        worst = smooth.worst_cases(config)
    with jax.enable_x64(True):
        with stage("Chebyshev's steps"):
            errors = bowls.worst_errors(config)
        with stage("Nesterov's method with restarts"):
            accelerated = bowls.accelerated(config)
        with stage("SGD on least absolute deviations"):
            convex = schedules.convex_runs(config)
    with stage("networks of digits"):
        digits = schedules.digit_runs(config)
    return {
        "worst": worst,
        "errors": errors,
        "accelerated": accelerated,
        "convex": convex,
        "digits": digits,
    }
