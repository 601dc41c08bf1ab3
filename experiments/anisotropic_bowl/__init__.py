"""Descent on bowls that curve more one way than the other, measured and predicted.

(a) Five methods on x² + 2y², where the condition number κ is 2: gradient descent, the heavy ball
and Nesterov's method tuned for the bowl, RMSProp at η = 0.1, Adam at 0.2. Descent (arrows) leaves
the contour at a right angle and so misses the minimum (cross); Adam starts along −sign(∇L). (b) The
same on ½x² + 50y², κ = 100, the y axis stretched. (c) Gradient descent on x² + 2y² from (1, 1),
coordinate by coordinate, against its exact solution. (d) The part of the error that one step
removes in the long run, 1 − ρ, against κ: tuned gradient descent and heavy ball, and Nesterov's
method at its standard and at its tuned constants; dashed, the formulas in the legend. (e) Adam at
η = 0.01 on a bowl with κ = 100 turned by 0°, 5° and 45°, its start (1, 1) turned with it, beside
tuned gradient descent, whose three curves are one. (f) Steps until the loss has fallen a
thousandfold, against the angle; the band spans starts in all directions.
"""

from typing import Any

import jax
from matplotlib.figure import Figure

from experiments.anisotropic_bowl import paths, rates, turned
from experiments.anisotropic_bowl.config import QUICK, ROUND, STEEP, Config
from experiments.common.number import Numbers
from experiments.common.report import stage
from jdescent import plotting

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]


def simulate(config: Config) -> dict:
    """All runs of the figure, in float64."""
    data: dict[str, Any] = {}
    with jax.enable_x64(True):
        with stage("five methods on two bowls"):
            data["paths"] = {
                bowl: paths.method_paths(bowl, config.path_steps) for bowl in paths.STARTS
            }
        with stage("gradient descent coordinate by coordinate"):
            data["coordinates"] = rates.coordinate_paths(config.coordinate_steps)
        with stage(f"factor per step at {config.conditions} condition numbers"):
            data["rates"] = rates.condition_sweep(config)
        with stage(f"{config.grid_rates * config.grid_momenta} heavy balls on x² + 2y²"):
            data["grid"] = rates.heavy_ball_grid(config)
        with stage(f"Adam at {config.angles} angles from {config.directions} directions"):
            data["turned"] = turned.turned_bowls(config)
    return data


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **rates.coordinate_numbers(data["coordinates"]),
        **rates.rate_numbers(data["rates"], config),
        **rates.grid_numbers(data["grid"], config),
        **turned.turned_numbers(data["turned"]),
    }


def plot(data: dict, config: Config) -> Figure:
    with plotting.panels([["a", "b"], ["c", "d"], ["e", "f"]], height=7.0) as (figure, axes):
        paths.draw_paths(axes["a"], ROUND, data["paths"][ROUND], ((-2.5, 1.2), (-1.5, 1.6)))
        paths.draw_directions(axes["a"], ROUND)
        axes["a"].set_aspect("equal")
        plotting.title(axes["a"], "a", r"$x^2+2y^2,\ \kappa=2$")
        paths.draw_paths(axes["b"], STEEP, data["paths"][STEEP], ((-2.6, 0.7), (-0.6, 0.5)))
        plotting.title(axes["b"], "b", r"$\frac{1}{2}x^2+50y^2,\ \kappa=100$")
        rates.draw_coordinates(axes["c"], data["coordinates"])
        rates.draw_rates(axes["d"], data["rates"])
        turned.draw_losses(axes["e"], data["turned"])
        turned.draw_steps(axes["f"], data["turned"])
        handles, labels = axes["a"].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure
