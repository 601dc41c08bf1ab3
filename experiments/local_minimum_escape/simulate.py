"""Escapes by noise, and where full batches and the heavy ball end."""

import jax

from experiments.common.report import stage
from experiments.local_minimum_escape.basins import basin_map, valley_ends
from experiments.local_minimum_escape.coasting import ball_path, coasting_map
from experiments.local_minimum_escape.config import Config
from experiments.local_minimum_escape.noise import (
    batch_and_full_path,
    curves_of_theory,
    escapes_by_noise,
)
from experiments.local_minimum_escape.theories import many_escapes


def simulate(config: Config) -> dict:
    """All runs of the figure: those on mini-batches in float32, the others in float64."""
    escapes = escapes_by_noise(config)
    many = many_escapes(config)
    with stage("one run in full"):
        paths = batch_and_full_path(escapes, config)
    with jax.enable_x64(True):
        with stage(f"full-batch descent from {config.starts} starts in the valley"):
            ends = valley_ends(config)
        with stage(f"gradient descent: {config.starts * config.rates} runs over start and rate"):
            valleys = basin_map(config)
        with stage(f"heavy ball: {config.starts * config.momenta} runs over start and momentum"):
            ball_valleys = coasting_map(config)
            balls = {momentum: ball_path(momentum, config) for momentum in config.balls}
    return {
        "escapes": escapes,
        "many": many,
        "curves": curves_of_theory(escapes, config),
        "paths": paths,
        "ends": ends,
        "basins": valleys,
        "coasting": ball_valleys,
        "balls": balls,
    }
