"""Gradient descent with long steps on the worst smooth convex functions: Huber's and quadratics.

L = 1 and |x₀ − x*| = 1 throughout.
"""

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from experiments.step_sizes.config import Config

SILVER_RATIO = 1 + np.sqrt(2)
EXPONENT = np.log2(SILVER_RATIO)
# Grimmer's table 1
LONG_STEPS = {
    3: (1.5, 4.9, 1.5),
    15: (1.4, 2.0, 1.4, 4.5, 1.4, 2.0, 1.4, 29.7, 1.4, 2.0, 1.4, 4.5, 1.4, 2.0, 1.4),
}
SHARPEST = 1e-5  # the least slope of a Huber function, and the least curvature


def periodic(pattern: tuple[float, ...]) -> jd.Optimizer:
    """Gradient descent that repeats a pattern of step sizes."""
    return jd.sgd(lambda step: jnp.asarray(pattern, float)[step % len(pattern)])


def methods() -> dict[str, jd.Optimizer]:
    repeated = {f"long_{length}": periodic(pattern) for length, pattern in LONG_STEPS.items()}
    return {"silver": jd.silver(1.0), "gd": jd.sgd(1.0), **repeated}


def huber(slope):
    def loss(x):
        size = jnp.abs(x)
        return jnp.where(size <= slope, x**2 / 2, slope * size - slope**2 / 2)

    return loss


def worst_cases(config: Config) -> dict[str, dict[str, np.ndarray]]:
    """The largest loss after 0, 1, … steps, by method, among Huber functions and quadratics."""
    steps = 2**config.doublings - 1
    shares = np.geomspace(SHARPEST, 1.0, config.functions)

    def losses(loss, optimizer):
        path = jd.descend(loss, jnp.array(1.0), optimizer, steps, divergence=jnp.inf)
        return path.loss

    found = {}
    with jax.enable_x64(True):
        for name, optimizer in methods().items():
            # Theory's worst is among the Huber functions: after steps of sum S, slope 1/(2S + 1).
            slopes = np.union1d(shares, 1 / (2 * sums(name, steps)[checkpoints(config)] + 1))
            on_huber = jax.vmap(lambda s, o=optimizer: losses(huber(s), o))
            on_bowls = jax.vmap(lambda c, o=optimizer: losses(lambda x: c * x**2 / 2, o))
            found[name] = {
                "huber": np.asarray(jax.jit(on_huber)(jnp.asarray(slopes))).max(axis=0),
                "quadratic": np.asarray(jax.jit(on_bowls)(jnp.asarray(shares))).max(axis=0),
            }
    return found


def sizes(name: str, steps: int) -> np.ndarray:
    """Of so many steps, transcribed: 1 + ρ^(ν − 1) of Altschuler and Parrilo, patterns, or 1."""
    number = np.arange(1, steps + 1)
    if name == "silver":
        return 1 + SILVER_RATIO ** (np.log2(number & -number) - 1)
    if name == "gd":
        return np.ones(steps)
    pattern = np.array(LONG_STEPS[int(name.removeprefix("long_"))])
    return pattern[(number - 1) % pattern.size]


def sums(name: str, steps: int) -> np.ndarray:
    """S after 0, 1, … steps."""
    return np.concatenate([[0.0], np.cumsum(sizes(name, steps))])


def checkpoints(config: Config) -> np.ndarray:
    """1, 3, 7, …"""
    return 2 ** np.arange(1, config.doublings + 1) - 1


def worst_huber(name: str, steps: np.ndarray) -> np.ndarray:
    """1/(4S + 2), theory's."""
    return 1 / (4 * sums(name, int(steps.max()))[steps] + 2)


def silver_bound(steps: np.ndarray) -> np.ndarray:
    """L|x₀ − x*|²/(1 + √(4ρ²ᵏ − 3)) after n = 2ᵏ − 1 steps, where ρᵏ = (n + 1)^log₂ρ."""
    power = (steps + 1.0) ** EXPONENT
    return 1 / (1 + np.sqrt(4 * power**2 - 3))
