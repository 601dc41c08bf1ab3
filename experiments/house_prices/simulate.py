"""Descents on raw and on normalized features, and on held-out splits."""

import jax

from experiments.common.report import stage
from experiments.house_prices import descents, held_out
from experiments.house_prices.config import Config, stated_truth, table_of


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
