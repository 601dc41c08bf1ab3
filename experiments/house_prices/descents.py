"""Gradient descent on raw and on normalized features: which rates work, when it stops, where."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.common.squared_error import Bowl, bowl_of, vector
from experiments.house_prices.config import Config
from jdescent import analysis

ROUNDING = 1e-14  # of the least-squares solution, in predictions, as a share of the targets
MEAN_SQUARED_ERROR = jd.losses.mean_squared_error(jd.losses.linear_model)
# In units of the stability limit: the steepest mode keeps 1 − 2·share of itself at each step.
ACROSS = {"inches": 0.01, "arrives at once": 0.5, "bounces": 0.95}
ACROSS_STEPS = 30


class Scaling(NamedTuple):
    """Means and standard deviations of the features: z = (x − mean)/deviation."""

    mean: Float[np.ndarray, " d"]
    deviation: Float[np.ndarray, " d"]

    def normalize(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        return (x - self.mean) / self.deviation

    def natural(self, theta: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
        """The (w, b) for features in their own units that predicts what this one does for z."""
        slopes = theta[:-1] / self.deviation
        return np.append(slopes, theta[-1] - slopes @ self.mean)


def scaling_of(x: Float[np.ndarray, "n d"]) -> Scaling:
    """A feature that never varies keeps its unit, as it has no deviation to divide by."""
    deviation = x.std(axis=0)
    return Scaling(x.mean(axis=0), np.where(deviation > 0, deviation, 1.0))


class Problem(NamedTuple):
    """A mean squared error over its parameters: the data, its bowl, and where descent starts.

    Attributes:
        first: coordinates of the start, θ = 0, along the bowl's axes.
    """

    x: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    bowl: Bowl
    first: Float[np.ndarray, " p"]


def problem_of(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"]) -> Problem:
    bowl = bowl_of(x, y)
    first = bowl.along_axes(np.zeros(x.shape[1] + 1))
    is_rounding = np.sqrt(bowl.curvatures / 2) * np.abs(first) < ROUNDING * root_mean_square(y)
    return Problem(x, y, bowl, np.where(is_rounding, 0.0, first))


def root_mean_square(y: Float[np.ndarray, " n"]) -> float:
    return float(np.sqrt(np.mean(y**2)))


def descend_on(data: Mapping[str, Array], rate: Array, steps: int, **options) -> jd.Trajectory:
    """Gradient descent of the mean squared error on {"x", "y"}, from the "start" there or θ = 0."""
    loss = partial(MEAN_SQUARED_ERROR, batch=(data["x"], data["y"]))
    theta = data.get("start", jnp.zeros(data["x"].shape[1] + 1))
    return jd.descend(loss, {"w": theta[:-1], "b": theta[-1]}, jd.sgd(rate), steps, **options)


def hessian_condition(problem: Problem) -> float:
    """Largest over smallest eigenvalue of the Hessian that `jax.hessian` gives."""

    def loss(theta):
        return MEAN_SQUARED_ERROR({"w": theta[:-1], "b": theta[-1]}, (problem.x, problem.y))

    hessian = jax.jit(jax.hessian(loss))(jnp.asarray(problem.bowl.minimum))
    smallest, *_, largest = np.linalg.eigvalsh(hessian)
    return float(largest / max(smallest, np.finfo(float).eps * largest))


def rate_sweeps(problems: Mapping[str, Problem], config: Config) -> dict[str, dict]:
    """How far predictions are from the best after some steps, at rates up to the limit.

    The limit itself is measured on runs from another start, pushed off the minimum along the
    steepest axis: it is the rate at which that push turns from shrinking to growing.
    """
    steps = config.sweep_steps
    near_limit = 1 + (np.arange(40) - 19.5) / 2 / steps  # a mode changes by up to e²⁰ in these
    shares = np.union1d(np.geomspace(1e-4, 1 - 10 / steps, config.sweep_rates), near_limit)
    pushes = {name: np.linalg.norm(p.first) or 1.0 for name, p in problems.items()}
    cases = [
        {"x": p.x, "y": p.y, "limit": p.bowl.limit, "start": start}
        for name, p in problems.items()
        for start in (
            np.zeros(p.bowl.minimum.size),
            p.bowl.minimum + pushes[name] * p.bowl.axes[:, 0],
        )
    ]

    def run(case, share):
        rate = share * case["limit"]
        return descend_on(case, rate, steps, divergence=jnp.inf).params

    ends = jd.sweep(run, case=cases, share=shares)
    thetas = vector({"w": ends.w.values, "b": ends.b.values}).reshape(
        len(problems), 2, shares.size, -1
    )
    found = {}
    for (name, p), (zero, pushed) in zip(problems.items(), thetas, strict=True):
        rates = p.bowl.limit * shares
        shrinks = np.abs(p.bowl.along_axes(pushed)[:, 0]) < pushes[name]
        found[name] = {
            "rates": rates,
            "measured": p.bowl.distance_from_best(p.bowl.along_axes(zero)),
            "exact": p.bowl.distance_from_best(p.bowl.after(p.first, rates, steps)),
            "edge": analysis.crossing(rates, shrinks),
        }
    return found


def descents_until_flat(problems: Mapping[str, Problem], config: Config) -> dict[str, dict]:
    """The gradient's norm at every step until the stopping rule ends a run, and theory's."""
    first = {n: float(p.bowl.gradient_norm(p.first)) or 1.0 for n, p in problems.items()}
    cases: list[dict[str, Any]] = [
        {
            "x": p.x,
            "y": p.y,
            "rate": config.rate * p.bowl.limit,
            "tolerance": config.tolerance * first[name],
        }
        for name, p in problems.items()
    ]

    def run(case):
        return descend_on(
            case, case["rate"], config.steps, record="gradient_norm", tolerance=case["tolerance"]
        )

    paths = jax.jit(jax.vmap(run))(jax.tree.map(lambda *parts: jnp.stack(parts), *cases))
    found = {}
    for i, (name, p) in enumerate(problems.items()):
        path = jax.tree.map(lambda array, i=i: array[i], paths)
        steps = np.arange(int(path.verdict.step) + 1)
        exact = p.bowl.after(p.first, cases[i]["rate"], steps)
        found[name] = {
            "theta": vector(path.params),
            "verdict": path.verdict,
            "sentence": str(path.verdict),
            "gradient_norm": np.asarray(path.record["gradient_norm"])[: steps.size] / first[name],
            "exact": p.bowl.gradient_norm(exact) / first[name],
            "steps_needed": p.bowl.steps_until(cases[i]["tolerance"], p.first, cases[i]["rate"]),
        }
    return found


def steps_across(problem: Problem) -> dict[str, dict]:
    """The position along the steepest axis, step by step, at rates too small and too large."""
    axis = problem.bowl.axes[:, 0] * np.sign(problem.first[0])
    data = {"x": jnp.asarray(problem.x), "y": jnp.asarray(problem.y)}

    def run(rate):
        path = descend_on(data, rate, ACROSS_STEPS, record="params", divergence=jnp.inf)
        return path.record["params"]

    shares = np.array(list(ACROSS.values()))
    paths = jd.sweep(run, rate=shares * problem.bowl.limit)
    positions = (vector({"w": paths.w.values, "b": paths.b.values}) - problem.bowl.minimum) @ axis
    steps = np.arange(ACROSS_STEPS + 1)
    return {
        name: {
            "share": share,
            "position": position,
            "exact": abs(problem.first[0]) * (1 - 2 * share) ** steps,
        }
        for name, share, position in zip(ACROSS, shares, positions, strict=True)
    }
