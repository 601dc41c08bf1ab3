"""The headline numbers: where each optimizer hovers, and what is predicted of it."""

import numpy as np

from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.statistics import Estimate, positive_mean
from experiments.edge_of_stability.config import Config
from experiments.edge_of_stability.flow_numbers import (
    batch_numbers,
    flow_numbers,
    oscillation_numbers,
)
from experiments.edge_of_stability.following import Followed
from experiments.edge_of_stability.methods import METHODS, Method
from jdescent import analysis

HOVERING = 0.08  # over the threshold; as far as it was seen when this was planned
CURVATURE = 3.0  # of the bowl on which limits are compared; any would do
EPSILON = 1e-7  # ten times the ε that second moments of 1 have in their denominators


def numbers(data: dict, config: Config) -> Numbers:
    found = {f"limit_{name}": limit_number(METHODS[name]) for name in config.methods}
    for problem, runs in data["followed"].items():
        for name, followed in runs.items():
            found |= followed_numbers(f"{name}_{problem}", METHODS[name], problem, followed, config)
    found |= oscillation_numbers(data["flows"]["gd"])
    for name, run in data["flows"].items():
        found |= flow_numbers(name, run)
    return found | batch_numbers(data["batches"], config)


def limit_number(method: Method) -> number.Number:
    """The closed form that the sharpness is compared with, beside the optimizer's own Jacobian."""
    held = {"v": 1.0} if method.is_adaptive else None
    rate = analysis.largest_stable_rate(method.make, CURVATURE, held=held).rate
    return number.exact(
        float(method.critical(rate)) / CURVATURE,
        1.0,
        EPSILON,
        "ε = 1e-8 beside second moments of 1; rounding else",
        f"critical sharpness of {method.name} in closed form, at the largest stable rate that its "
        "linearized update has, over the curvature",
    )


def followed_numbers(
    key: str, method: Method, problem: str, followed: Followed, config: Config
) -> Numbers:
    where = f"{method.name}, η = {method.rates[problem]:g}, {problem}"
    late = last_third(followed.ratio)
    swings = float(np.mean(np.std(late, axis=1)))
    crossed = [step for step in crossings(followed, config) if np.isfinite(step)]
    found = {
        f"ratio_{key}": number.theory(
            positive_mean(late.mean(axis=1)),
            1.0,
            HOVERING,
            "the theory is of a quadratic: with the terms beyond, and several eigenvalues at the "
            "edge of which the largest is taken, the papers find it there or just above; intervals "
            "are over starts, as one run's measurements depend on each other",
            f"preconditioned sharpness over its threshold, last third, {where}; within a run it "
            f"swings by {swings:.2g} (standard deviation)",
        ),
        f"first_{key}": first_measured(
            positive_mean(followed.ratio[:, 0]), f"the same after {config.every} steps, {where}"
        ),
    }
    if len(crossed) == config.seeds:
        found[f"crossing_{key}"] = number.regression(
            positive_mean(crossed), f"step at which it is first measured at 1 or above, {where}"
        )
    return found


def first_measured(ratio: Estimate, meaning: str) -> Number:
    """A bound, unless a method is so fast that its seeds do not tell its first ratio from 1."""
    if ratio.ends[1] >= 1:
        return number.regression(ratio, meaning)
    return number.below(ratio, 1.0, meaning, why="the threshold, to which it has still to rise")


def last_third(series: np.ndarray) -> np.ndarray:
    return series[:, -(series.shape[1] // 3) :]


def crossings(followed: Followed, config: Config) -> list[float]:
    """The step of the first measurement at the threshold or above, of each run; inf if none."""
    return [
        config.every * (1 + int(np.argmax(row >= 1))) if np.any(row >= 1) else np.inf
        for row in followed.ratio
    ]


def hovering(followed: Followed) -> Estimate:
    return positive_mean(last_third(followed.ratio).mean(axis=1))
