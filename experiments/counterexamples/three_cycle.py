"""Lessard, Recht and Packard's function of one variable, on which the tuned heavy ball cycles."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.counterexamples.config import Config
from jdescent import analysis

SMALLEST, LARGEST = 1.0, 25.0
START = 3.3
CYCLE = np.array([792.0, -2208.0, 2592.0]) / 1225
SIDE = 4.0  # starts lie within ±SIDE
ARRIVED = 1e-6
TUNINGS = {"heavy_ball": analysis.tuned_heavy_ball, "nesterov": analysis.standard_nesterov}
PATH_STEPS = 120


def loss(x: Float[Array, ""]) -> Float[Array, ""]:
    """Curvature 25 up to 1, 1 up to 2 and 25 from there on; the gradient has no jump."""
    flat = 0.5 * x**2 + 24 * x - 12
    return jnp.where(x < 1, 12.5 * x**2, jnp.where(x < 2, flat, 12.5 * x**2 - 24 * x + 36))


def moving(optimizer: jd.Optimizer, velocity: Array) -> jd.Optimizer:
    """A heavy ball that starts with a velocity, x₀ − x₋₁."""

    def init(params):
        return optimizer.init(params)._replace(memory={"velocity": velocity})

    return jd.Optimizer(init, optimizer.update)


def paths() -> dict[str, np.ndarray]:
    """Of the two tuned methods from the paper's start, at rest."""
    found = {}
    for name, tuned in TUNINGS.items():
        rate, momentum, _ = tuned(SMALLEST, LARGEST)
        optimizer = getattr(jd, name)(rate, momentum)
        path = jd.descend(loss, jnp.array(START), optimizer, PATH_STEPS, record="params")
        found[name] = np.asarray(path.record["params"])
    return found


def basins(config: Config) -> dict[str, np.ndarray]:
    """Where the heavy ball ends from each (x₋₁, x₀): 0 for the minimum, 1 for the cycle, else 2."""
    rate, momentum, _ = analysis.tuned_heavy_ball(SMALLEST, LARGEST)
    optimizer = jd.heavy_ball(rate, momentum)
    side = np.linspace(-SIDE, SIDE, config.basin_pixels)

    def end(before, first):
        ball = moving(optimizer, first - before)
        x = jd.descend(loss, first, ball, config.basin_steps, record=None).params
        cycles = jnp.min(jnp.abs(x - CYCLE)) < ARRIVED
        return jnp.where(jnp.abs(x) < ARRIVED, 0, jnp.where(cycles, 1, 2))

    with jax.enable_x64(True):
        ends = jd.sweep(end, before=side, first=side).result.values
    return {"side": side, "ends": ends}


def distances(path: np.ndarray) -> np.ndarray:
    """Of the path's points from the cycle's, which are met in the same order."""
    phase = int(np.argmin(np.abs(path[-1] - CYCLE)))
    steps = np.arange(len(path)) - (len(path) - 1) + phase
    return np.abs(path - CYCLE[steps % 3])
