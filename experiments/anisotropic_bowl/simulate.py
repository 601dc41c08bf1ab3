"""Paths on two bowls, and how fast tuned methods contract; all in float64."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import jdescent as jd
from experiments.anisotropic_bowl.config import ROUND, STEEP, TABLE_CONDITIONS, TUNED, Config, tuned
from experiments.anisotropic_bowl.rotated import rotated_bowls
from experiments.common.report import stage
from jdescent import analysis

Curvatures = tuple[float, float]
STARTS = {ROUND: (-1.9, 1.3), STEEP: (-2.4, 0.12)}
ADAPTIVE = {"rmsprop": jd.rmsprop(0.1), "adam": jd.adam(0.2)}

COORDINATE_RATES = {"slow": 0.1, "best": 1 / 3, "boundary": 0.5}
SMALLEST = 1e-290


def simulate(config: Config) -> dict:
    """All runs of the figure, in float64."""
    data: dict[str, Any] = {}
    with jax.enable_x64(True):
        with stage("five methods on two bowls"):
            data["paths"] = {bowl: method_paths(bowl, config.path_steps) for bowl in STARTS}
        with stage("gradient descent coordinate by coordinate"):
            data["coordinates"] = coordinate_paths(config.coordinate_steps)
        with stage(f"factor per step at {config.conditions} condition numbers"):
            data["rates"] = condition_sweep(config)
        with stage(f"{config.grid_rates * config.grid_momenta} heavy balls on x² + 2y²"):
            data["grid"] = heavy_ball_grid(config)
        with stage(f"Adam at {config.angles} angles from {config.directions} directions"):
            data["turned"] = rotated_bowls(config)
    return data


def method_paths(curvatures: Curvatures, steps: int) -> dict[str, np.ndarray]:
    """The points each method visits, shape (steps + 1, 2)."""
    loss, start = jd.losses.bowl(curvatures), jnp.array(STARTS[curvatures])
    methods = {name: tuned(name, *curvatures) for name in ("gd", "heavy_ball", "nesterov")}
    return {
        name: np.asarray(
            jd.descend(loss, start, optimizer, steps, record="params").record["params"]
        )
        for name, optimizer in (methods | ADAPTIVE).items()
    }


def coordinate_paths(steps: int) -> dict[str, dict]:
    """|x|, |y| of gradient descent on x² + 2y² from (1, 1), and |1 − ηλ|ᵗ, shape (steps + 1, 2)."""
    loss, start = jd.losses.bowl(ROUND), jnp.ones(2)

    def run(rate):
        return jd.descend(loss, start, jd.sgd(rate), steps, record="params").record["params"]

    measured = np.abs(jd.sweep(run, rate=list(COORDINATE_RATES.values())).result.values)
    found = {}
    for name, distance in zip(COORDINATE_RATES, measured, strict=True):
        factor = np.abs(1 - COORDINATE_RATES[name] * np.array(ROUND))
        exact = factor[None, :] ** np.arange(steps + 1)[:, None]
        found[name] = {"measured": distance, "exact": exact}
    return found


def factor_per_step(loss: Callable, optimizer: jd.Optimizer, steps: int) -> Array:
    """The measured contraction from (1, 1); inf for a run that diverges."""
    path = jd.descend(
        loss,
        jnp.ones(2),
        optimizer,
        steps,
        # Not the Euclidean norm: its squares would end the record at half as many decades.
        record=lambda point: jnp.max(jnp.abs(point.params)),
    )
    rate = analysis.contraction_rate(path.record, floor=SMALLEST)
    return jnp.where(path.verdict.diverged, jnp.inf, rate)


def condition_sweep(config: Config) -> dict:
    """Factor per step of each tuned method, measured and exact, against the condition number."""
    conditions = np.union1d(np.geomspace(1, 1e4, config.conditions), TABLE_CONDITIONS)

    def measured(name):
        def run(condition):
            flat = jnp.ones_like(condition)
            curvatures = jnp.stack([flat, condition])
            optimizer = tuned(name, flat, condition)
            return factor_per_step(
                lambda x: 0.5 * jnp.sum(curvatures * x**2), optimizer, config.rate_steps
            )

        return jd.sweep(run, condition=conditions).result.values

    methods = {
        name: {"measured": measured(name), "exact": constants(1.0, conditions).rate}
        for name, (constants, _) in TUNED.items()
    }
    return {"conditions": conditions, "methods": methods}


def heavy_ball_grid(config: Config) -> dict:
    """Smallest factor per step on x² + 2y² over learning rates, at every momentum."""
    best = analysis.tuned_heavy_ball(*ROUND)
    rates = np.linspace(0, 1, config.grid_rates + 1)[1:]
    momenta = np.linspace(0, 0.95, config.grid_momenta)
    grid = jd.sweep(
        lambda momentum, rate: factor_per_step(
            jd.losses.bowl(ROUND), jd.heavy_ball(rate, momentum), config.grid_steps
        ),
        momentum=np.union1d(momenta, [best.momentum, 0.9]),
        rate=np.union1d(rates, best.learning_rate),
    )
    return {"momenta": grid.momentum.values, "smallest": grid.result.min("rate").values}
