"""The saddle between two valleys of Himmelblau's function, and runs that start on its ridge."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import jdescent as jd
from experiments.saddle_escape.config import SADDLE, SURFACE, Config
from experiments.saddle_escape.plain import noisy
from jdescent import analysis

HEIGHT = 4.6  # y of the starts
STEPS = 450
SHAKES = (1e-8, 1e-4, 10.0)  # standard deviations of the noise of the paths drawn
RIDGE_THRESHOLD = 0.05  # distance at which a run has left, where the surface is still quadratic
OFFSET = 1e-3  # of the starts beside the ridge
LANES = 3 + len(SHAKES)
CENTER = np.array(SADDLE.position)
FALLS = min(SADDLE.curvatures)


def axes_of_saddle() -> np.ndarray:
    """The directions of negative and of positive curvature at the saddle, as columns."""
    with jax.enable_x64(True):
        return np.linalg.eigh(np.asarray(jax.hessian(SURFACE)(jnp.asarray(CENTER))))[1]


def ridge_paths(config: Config) -> Callable[..., Array]:
    """A compiled function from LANES starts (x, HEIGHT), noises and keys to paths."""

    def path(x: Array, noise: Array, key: Array) -> Array:
        start = jnp.stack([x, jnp.full_like(x, HEIGHT)])
        optimizer = noisy(key, noise, config.ridge_rate)
        return jd.descend(SURFACE, start, optimizer, STEPS, record="params").record["params"]

    return jax.jit(jax.vmap(path))


def ridge_runs(config: Config) -> dict:
    """Paths from the ridge, from beside it, and from the ridge with noise, in float64."""
    paths = ridge_paths(config)
    keys = jax.random.split(jax.random.key(config.seed + 1), LANES)
    start = on_the_ridge(lambda x: paths(x, np.zeros(LANES), keys)[:, -1, 0] > CENTER[0])
    starts, noises = np.full(LANES, start), np.zeros(LANES)
    starts[1:3] += -OFFSET, OFFSET
    noises[3:] = SHAKES
    found = np.asarray(paths(starts, noises, keys))
    quadratic = jd.losses.saddle(SADDLE.curvatures)
    apart = axes_of_saddle().T @ (found[0, 0] - CENTER)
    straight = jd.descend(
        quadratic, jnp.array([0.0, apart[1]]), jd.sgd(config.ridge_rate), STEPS, record="params"
    )
    return {
        "ridge": found[0],
        "beside": found[1:3],
        "shaken": found[3:],
        "straight": np.asarray(straight.record["params"]),
    }


def on_the_ridge(ends_right: Callable[[np.ndarray], Array]) -> float:
    """The first float x, from the left, whose run ends on the right."""
    left, right = -1.0, 1.0
    while left < (left + right) / 2 < right:
        between = np.linspace(left, right, LANES + 2)[1:-1]
        first = int(np.sum(~np.asarray(ends_right(between))))
        places = [left, *between.tolist(), right]
        left, right = places[first], places[first + 1]
    return right


def ridge_escapes(config: Config) -> dict:
    """Runs with noise from the saddle itself until they are THRESHOLD away along its low axis."""
    low = jnp.asarray(axes_of_saddle()[:, 0])
    center = jnp.asarray(CENTER)
    theory = analysis.noisy_saddle_steps(
        RIDGE_THRESHOLD, config.ridge_rate, FALLS, config.ridge_noise**2
    )
    steps = int(theory.mean + 16 * theory.deviation)

    def run(key: Array) -> dict[str, Array]:
        path = jd.descend(
            SURFACE,
            center,
            noisy(key, config.ridge_noise, config.ridge_rate),
            steps,
            record=None,
            stop=lambda point: jnp.abs(low @ (point.params - center)) >= RIDGE_THRESHOLD,
        )
        return {"steps": path.verdict.step, "right": path.params[0] > center[0]}

    runs = jd.sweep(run, key=jax.random.split(jax.random.key(config.seed + 2), config.runs))
    return {"steps": runs.steps.values, "right": runs.right.values}
