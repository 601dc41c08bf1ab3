"""House prices by a linear model: raw features make descent crawl, normalized ones let it arrive.

The 300 houses of `experiments/house_prices/generate.py`, or `--data FILE.csv`; the loss is the mean
squared error of the price, the start θ = 0. (a) The curvatures of the loss, eigenvalues of its
Hessian: with features in m², rooms, km and years, and with each normalized (its mean subtracted,
divided by its standard deviation); κ is the largest over the smallest. (b) How far prices are from
the least-squares ones, root mean square over the houses, after a number of steps at learning rates
up to the stability limit (dotted, measured) and a little beyond. (c) The norm of the gradient at
half the limit until the run ends: by its stopping rule (gray: the tolerance) or at the step limit.
(d) Position along the steepest axis, curvature λ, relative to the start, at three rates. (e) What
one unit of a feature is worth (words) and one standard deviation (axis): descent on normalized
features, taken back to natural units where it stopped, least squares, and the truth that made the
prices, with the 95 % range of least squares around it. (f) Predicted against true prices of houses
held out of the training, with errors over random splits (95 % intervals) of descent, least squares,
and the mean price of the training houses. Dashed: the exact solution of descent on a quadratic in
(b–d), the diagonal in (f).
"""

import jax
from matplotlib.figure import Figure

from experiments.common.number import Numbers
from experiments.common.report import stage
from experiments.house_prices import descents, drawing, headline, held_out
from experiments.house_prices.config import QUICK, Config, stated_truth, table_of
from jdescent import plotting

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]


def simulate(config: Config) -> dict:
    """All descents of the figure, in float64."""
    table = table_of(config)
    scaling = descents.scaling_of(table.x)
    features = {"raw": table.x, "normalized": scaling.normalize(table.x)}
    data: dict = {"table": table, "scaling": scaling, "truth": stated_truth(table, config)}
    with jax.enable_x64(True):
        problems = {name: descents.problem_of(x, table.y) for name, x in features.items()}
        with stage("curvatures, and learning rates up to the limit"):
            sweeps = descents.rate_sweeps(problems, config)
            conditions = {name: descents.hessian_condition(p) for name, p in problems.items()}
        with stage(f"descent until the gradient is {config.tolerance:g} of its first"):
            runs = descents.descents_until_flat(problems, config)
            data["across"] = descents.steps_across(problems["normalized"])
        with stage(f"{config.splits} splits into training and held-out rows"):
            data["held_out"] = held_out.predict_held_out(table, config)
    for name, problem in problems.items():
        data[name] = {
            "bowl": problem.bowl,
            "hessian_condition": conditions[name],
            "sweep": sweeps[name],
            "run": runs[name],
        }
    return data


def numbers(data: dict, config: Config) -> Numbers:
    """Theory here holds for any data, but for what is said of the truth of the houses."""
    return {
        **headline.bowl_numbers(data),
        **headline.sweep_numbers(data, config),
        **headline.stopping_numbers(data, config),
        **headline.price_numbers(data, config),
        **headline.held_out_numbers(data, config),
    }


def plot(data: dict, config: Config) -> Figure:
    with plotting.panels([["a", "b"], ["c", "d"], ["e", "f"]], height=7.0) as (figure, axes):
        drawing.draw_curvatures(axes["a"], data)
        drawing.draw_sweep(axes["b"], data, config)
        drawing.draw_gradients(axes["c"], data, config)
        drawing.draw_across(axes["d"], data)
        drawing.draw_worth(axes["e"], data, config)
        drawing.draw_held_out(axes["f"], data, config)
    return figure
