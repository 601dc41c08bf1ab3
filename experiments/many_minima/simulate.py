"""All runs of the figure: in a plane, and of the network."""

import jax.numpy as jnp

from experiments.common.perceptron import Perceptron
from experiments.common.report import stage
from experiments.many_minima import basins, matching, networks, paths
from experiments.many_minima.config import Config
from experiments.many_minima.ends import (
    agreements,
    barriers_between,
    in_pairs,
    of_twins,
    scores,
    softmax_regressions,
)


def simulate(config: Config) -> dict:
    with stage("where a grid of starts on Himmelblau's surface ends"):
        reached = basins.descended(config)
    with stage(f"{config.starts} networks of {config.width} hidden neurons"):
        starts = networks.starts(jnp.arange(config.starts), config.width)
        ends, gradients = networks.descended(starts, config)
    with stage(f"{config.long_starts} of them {config.longer} times as long"):
        longer = networks.pick(ends, slice(config.long_starts))
        for _ in range(config.longer - 1):
            longer, _ = networks.descended(longer, config)
    with stage(f"softmax regression from {config.linear_starts} starts"):
        linear = softmax_regressions(config)
    with stage("distances, as they are and matched"):
        distances = {
            name: matching.distances(models)
            for name, models in {"starts": starts, "ends": ends, "longer": longer}.items()
        }
    with stage("paths between ends"):
        between = barriers_between(ends, config)
        a, b = (networks.pick(x, slice(config.bent_pairs)) for x in in_pairs(ends))
        between["bent"] = paths.bent_heights(a, b, config)
        twins = of_twins(ends, config)
    widths = {}
    for width in config.widths:
        with stage(f"{config.width_starts} networks of {width} hidden neurons"):
            widths[width] = barriers_between(of_width(width, ends, config), config)
    with stage("planes"):
        corners = [networks.pick(ends, i) for i in range(3)]
        planes = {
            "plain": paths.plane(corners, config),
            "matched": paths.plane(
                [corners[0], *(matching.matched(corners[0], other) for other in corners[1:])],
                config,
            ),
        }
    return {
        "valleys": reached,
        "ends": scores(ends, config) | {"gradient": gradients},
        "agreement": agreements(ends, config),
        "linear": linear,
        "distances": distances,
        "between": between,
        "twins": twins,
        "widths": widths,
        "planes": planes,
    }


def of_width(width: int, ends: Perceptron, config: Config) -> Perceptron:
    if width == config.width:
        return networks.pick(ends, slice(config.width_starts))
    ends, _ = networks.descended(networks.starts(jnp.arange(config.width_starts), width), config)
    return ends
