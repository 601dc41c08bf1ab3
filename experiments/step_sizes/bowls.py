"""Chebyshev's steps, and Nesterov's momentum that restarts, on quadratics with L = 1."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from experiments.step_sizes.config import Config
from jdescent import analysis

CONDITION = 100.0
DENSE = 2_001  # curvatures in [μ, L] that the worst error is sought among
SHOWN_STEPS = 64
FLOOR = 1e-26  # of the loss, in units of the first, at which a slope ends
SPECTRA: dict[str, Callable[..., np.ndarray]] = {
    "even": np.linspace,
    "geometric": np.geomspace,
}
WORDS = {"even": "evenly spaced", "geometric": "geometrically spaced"}

# by the condition number
METHODS: dict[str, Callable[..., jd.Optimizer]] = {
    "unaware": lambda condition: jd.nesterov_convex(1.0),
    "restarted": lambda condition: jd.nesterov_restarted(1.0),
    "aware": lambda condition: jd.nesterov(*analysis.standard_nesterov(1 / condition, 1.0)[:2]),
}


def worst_errors(config: Config) -> dict[str, np.ndarray]:
    """Largest |x_n|/|x₀| over curvatures: Chebyshev's after its n steps, the others after each."""
    curvatures = jnp.asarray(np.linspace(1 / CONDITION, 1.0, DENSE))

    def errors(optimizer, steps):
        path = jd.descend(
            lambda x: 0.5 * jnp.sum(curvatures * x**2),
            jnp.ones(DENSE),
            optimizer,
            steps,
            record=lambda point: jnp.max(jnp.abs(point.params)),
            divergence=jnp.inf,
        )
        return np.asarray(path.record)

    descent = analysis.tuned_gd(1 / CONDITION, 1.0)
    ball = analysis.tuned_heavy_ball(1 / CONDITION, 1.0)
    return {
        "chebyshev": np.array(
            [errors(jd.chebyshev(1 / CONDITION, 1.0, n), n)[-1] for n in config.chebyshev_steps]
        ),
        "gd": errors(jd.sgd(descent.learning_rate), SHOWN_STEPS),
        "heavy_ball": errors(jd.heavy_ball(ball.learning_rate, ball.momentum), SHOWN_STEPS),
    }


def accelerated(config: Config) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """Losses and slowest coordinates by method and spectrum, one row a condition number."""
    conditions = np.array(config.restart_conditions)
    steps = int(config.ripples * np.pi * np.sqrt(conditions.max()))

    def run(name, condition, curvatures):
        path = jd.descend(
            lambda x: 0.5 * jnp.sum(curvatures * x**2),
            jnp.ones(config.curvatures),
            METHODS[name](condition),
            steps,
            record=lambda point: point.params[0],
        )
        return path.loss / path.loss[0], path.record

    found = {}
    for spectrum, spread in SPECTRA.items():
        bowls = np.stack([spread(1 / c, 1.0, config.curvatures) for c in conditions])
        for name in METHODS:
            mapped = jax.vmap(lambda condition, bowl, name=name: run(name, condition, bowl))
            loss, slowest = jax.jit(mapped)(jnp.asarray(conditions), jnp.asarray(bowls))
            found[name, spectrum] = {"loss": np.asarray(loss), "slowest": np.asarray(slowest)}
    return found


def slope(loss: np.ndarray) -> float:
    """−½ d ln L/dt, the mean over the last two thirds of the steps above the floor."""
    last = int(np.flatnonzero(loss > FLOOR)[-1])
    first = last // 3
    return float(np.log(loss[first] / loss[last]) / (2 * (last - first)))


def ripple_period(slowest: np.ndarray, condition: float, config: Config) -> tuple[float, int]:
    """Mean steps between changes of sign of the slowest coordinate, and their number less one."""
    watched = slowest[: int(config.ripples * np.pi * np.sqrt(condition))]
    turns = np.flatnonzero(np.sign(watched[1:]) != np.sign(watched[:-1]))
    return float((turns[-1] - turns[0]) / (turns.size - 1)), turns.size - 1


def ripple(condition: float) -> float:
    """Steps between changes of sign of the slowest coordinate: zeros of J₁(t/√κ) are π apart."""
    return float(np.pi * np.sqrt(condition))


def least_error(steps: int) -> float:
    return float(analysis.chebyshev_bound(steps, 1 / CONDITION, 1.0))
