"""Which minimum a start ends in: in a plane, and among the many of a network.

(a) Gradient descent on Himmelblau's surface from a grid of starts, colored by the minimum (dot)
they end in; dashed, the lines that flow into the saddles. (b–g) A hundred starts of a network that
reads digits (16 hidden tanh neurons, J = cross-entropy + ½λ‖θ‖²) under the same full-batch steps:
only the start differs. (b) Training loss and accuracy on held-out digits of every end; dashed, the
standard error that this many digits leave. Beside them softmax regression, the same without the
hidden layer: it has one bowl, and all starts end at one point. To name each digit as the nearest
picture does is better than either. (c) Distances of all pairs. Neurons may change places and signs
without changing the function (2¹⁶·16! twins), so that ends are at a right angle on average, √2;
matched, each is replaced by its twin nearest to the other. (d) Training loss between two ends: on
the line, as they are and matched; on the line to an end's own twin; on a bent path whose middle is
trained. Median and nine tenths of 50 pairs (bent: 10). (e, f) J on the plane through three ends, as
they are and matched to the first; contours a third of a doubling apart. (g) Barriers on the line,
with 95 % intervals, against the number of hidden neurons.
"""

import jax.numpy as jnp
from matplotlib.figure import Figure

from experiments.common.number import Numbers
from experiments.common.perceptron import Perceptron
from experiments.common.report import stage
from experiments.many_minima import drawing, findings, matching, networks, paths, valleys
from experiments.many_minima.config import QUICK, Config
from jdescent import plotting

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]


def simulate(config: Config) -> dict:
    with stage("where a grid of starts on Himmelblau's surface ends"):
        basins = valleys.basins(config)
    with stage(f"{config.starts} networks of {config.width} hidden neurons"):
        starts = networks.starts(jnp.arange(config.starts), config.width)
        ends, gradients = networks.descended(starts, config)
    with stage(f"{config.long_starts} of them {config.longer} times as long"):
        longer = networks.pick(ends, slice(config.long_starts))
        for _ in range(config.longer - 1):
            longer, _ = networks.descended(longer, config)
    with stage(f"softmax regression from {config.linear_starts} starts"):
        linear = findings.linear(config)
    with stage("distances, as they are and matched"):
        distances = {
            name: matching.distances(models)
            for name, models in {"starts": starts, "ends": ends, "longer": longer}.items()
        }
    with stage("paths between ends"):
        between = findings.barriers_between(ends, config)
        a, b = (networks.pick(x, slice(config.bent_pairs)) for x in findings.in_pairs(ends))
        between["bent"] = paths.bent_heights(a, b, config)
        twins = findings.of_twins(ends, config)
    widths = {}
    for width in config.widths:
        with stage(f"{config.width_starts} networks of {width} hidden neurons"):
            widths[width] = findings.barriers_between(of_width(width, ends, config), config)
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
        "valleys": basins,
        "ends": findings.scores(ends, config) | {"gradient": gradients},
        "agreement": findings.agreements(ends, config),
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


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **valleys.numbers(data["valleys"]),
        **findings.score_numbers(data["ends"], data["linear"], data["agreement"], config),
        **findings.distance_numbers(data["distances"]),
        **findings.barrier_numbers(
            data["between"], data["twins"], data["widths"], float(data["ends"]["loss"].mean())
        ),
    }


def plot(data: dict, config: Config) -> Figure:
    layout = [[[["a", "b"]]], [[["c", "d"]]], [[["e", "f", "g"]]]]
    with plotting.panels(layout, height=6.4, height_ratios=[1.1, 1, 0.85]) as (figure, axes):
        valleys.draw(axes["a"], data["valleys"])
        drawing.draw_scores(axes["b"], data["ends"], data["linear"], config)
        drawing.draw_distances(axes["c"], data["distances"])
        drawing.draw_paths(axes["d"], data["between"], data["twins"], config)
        drawing.draw_planes(figure, [axes["e"], axes["f"]], list(data["planes"].values()))
        plotting.title(axes["e"], "e", "three ends …")
        plotting.title(axes["f"], "f", "… and matched")
        drawing.draw_widths(axes["g"], data["widths"])
    return figure
