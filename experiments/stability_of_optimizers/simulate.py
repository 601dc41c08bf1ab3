"""All runs of the figure, in float64."""

import jax

from experiments.common.report import stage
from experiments.stability_of_optimizers import amplitudes, curves, cycles, library
from experiments.stability_of_optimizers.config import Config


def simulate(config: Config) -> dict:
    with jax.enable_x64(True):
        with stage("the whole library, predicted and measured"):
            rows = library.whole_library(config)
        with stage("over momentum"):
            momentum = curves.over_momentum(config)
            optimism = curves.of_optimism(config)
        with stage("lookahead over its period"):
            periods = curves.over_periods(config)
        with stage("schedule-free over its steps"):
            horizons = curves.over_horizons(config)
        with stage("cycles of Adam"):
            found = cycles.all_cycles(config)
        with stage("Adam with ε"):
            eps = cycles.with_eps(config)
        with stage("AdaGrad at any rate"):
            adagrad = cycles.adagrad_ends()
        with stage("steps of one size"):
            sizes = amplitudes.all_amplitudes(config)
    return {
        "rows": rows,
        "momentum": momentum,
        "optimism": optimism,
        "periods": periods,
        "horizons": horizons,
        "cycles": found,
        "eps": eps,
        "adagrad": adagrad,
        "sizes": sizes,
    }
