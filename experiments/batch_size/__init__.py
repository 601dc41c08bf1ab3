"""One example, some, or all of them at a step: what a batch costs and what its noise does.

(a–c) Cross-entropy of a network on 1,347 digits, all of them, against steps, examples seen and time
on the machine that drew this figure, each batch size at the best of five learning rates: geometric
means over five seeds with 95 % bands. Above them: batch size, rate and accuracy on 450 held-out
digits, where the most frequent class has 10 %, and to look up the three nearest pictures 98.7 %,
more than any of these. (d) Median time of a step of the compiled loop, filled, and per example,
open; bars span three repeats. Times, here and in (c), change from run to run. (e) Squared distance
of a batch's gradient from the mean gradient, that is the trace of its covariance, at a network on
its way (full batch, 45 steps): measured on 600 batches a size with 95 % intervals, and σ²/B, times
(n − B)/(n − 1) without replacement (dashed), with σ² from all single gradients. (f) Linear
regression of the progress of diabetes in 96 patients on ten measurements at η = 0.02: mean excess
loss of 48 runs from zero, and the exact recursion of its second moments (dashed). (g) Excess loss
at which it settles, for three ways to draw; dashed: the exact fixed points; dotted: shuffled
epochs, were every patient's curvature the mean one. (h) The same for the mean of one number, which
curves by λ = 2 for every patient, with batches of 16: ησ²/(2(2 − ηλ)) and its counterpart for
epochs, whose noise cancels where steps are small (dashed); dotted: ησ²/4, the former's limit. Dots
in (g, h) are means of 16 runs with 95 % intervals.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.batch_size import gradients, network, parabola, regression
from experiments.batch_size.config import PICTURES, QUICK, Config
from experiments.common.number import Numbers
from experiments.common.report import stage
from jdescent import plotting

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]


def simulate(config: Config) -> dict:
    """All runs of the figure, in float32."""
    data: dict[str, Any] = {"network": network.trainings(config)}
    waypoint = data["network"][PICTURES].waypoint
    with stage(f"the gradient's variance from {config.gradients} batches a size"):
        data["noise"] = gradients.gradient_noise(waypoint, config)
    with stage("linear regression until it settles"):
        data["regression"] = regression.regressions(config)
    with stage("a parabola until it settles"):
        data["parabola"] = parabola.settled_losses(config)
    return data


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **network.numbers(data["network"], config),
        **gradients.numbers(data["noise"]),
        **regression.numbers(data["regression"]["settled"], config),
        **parabola.numbers(data["parabola"]),
    }


def plot(data: dict, config: Config) -> Figure:
    rows = [["a", "b", "c"], ["d", "e"], ["f", "g", "h"]]
    with plotting.panels([[[row]] for row in rows], height=6.6) as (figure, axes):
        draw_network(axes, data["network"])
        gradients.draw(axes["e"], data["noise"])
        plotting.title(axes["e"], "e", "noise of the gradient")
        regression.draw_paths(axes["f"], data["regression"]["paths"], config)
        plotting.title(axes["f"], "f", "linear regression")
        regression.draw_settled(axes["g"], data["regression"]["settled"], config)
        plotting.title(axes["g"], "g", "where it settles")
        parabola.draw(axes["h"], data["parabola"])
        plotting.title(axes["h"], "h", "parabola, $B=16$")
        handles, labels = axes["a"].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def draw_network(axes: dict[str, Axes], found: dict[int, network.Training]) -> None:
    units = {
        "a": ("steps", lambda size, training: 1.0),
        "b": ("examples seen", lambda size, training: size),
        "c": ("time (s)", lambda size, training: 1e-6 * network.step_time(training)),
    }
    for panel, (unit, of_a_step) in units.items():
        network.draw_progress(axes[panel], found, of_a_step)
        axes[panel].set_xlabel(unit)
    axes["a"].set_ylabel("training loss")
    plotting.title(axes["a"], "a", "progress by step")
    plotting.title(axes["b"], "b", "by example")
    plotting.title(axes["c"], "c", "by time")
    network.draw_cost(axes["d"], found)
    plotting.title(axes["d"], "d", "what a batch costs")
