"""Losses that are noisy, or other at every step."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from jdescent.report_card.lightbench.task import (
    GROUP,
    WIDTH,
    Data,
    Family,
    by_level,
    mean,
    mean_reached,
    normal,
    rms_reached,
    width,
)


def mean_square(x: Array, data: Data, shift: Array) -> Array:
    """The mean of (x + shift)²."""
    return mean((x + shift) ** 2, data)


def relative_noise(x: Array, data: Data, batch: dict[str, Array]) -> Array:
    """Noise as long as x over the fourth root of a batch of random size from 1 to B."""
    z = batch["z"] / (jnp.linalg.norm(batch["z"]) + 1e-6)
    noise = jnp.linalg.norm(x) * z / jnp.sqrt(batch["scale"])
    return mean_square(x, data, jax.lax.stop_gradient(noise))


def random_batch(key: PRNGKeyArray, step: Array, data: Data) -> dict[str, Array]:
    of_noise, of_size = jax.random.split(key)
    scale = data["largest"] ** (jax.random.uniform(of_size, (), float) / 2)
    return {"z": normal(of_noise, data), "scale": scale}


def falling_noise(key: PRNGKeyArray, step: Array, data: Data) -> Array:
    """Normal of deviation 1/(o + t), t = 1, 2, …"""
    return normal(key, data) / (data["offset"] + step + 1)


def ripples(x: Array, data: Data, cosine: Array) -> Array:
    """The mean of x² + w·sin 10x·cos t/10."""
    return mean(x**2 + data["weight"] * jnp.sin(10 * x) * cosine, data)


def pushed(x: Array, data: Data, push: Array) -> Array:
    """The mean of x² + x·sin ωt."""
    return mean(x**2 + push * x, data)


def moving_target(key: PRNGKeyArray, step: Array, data: Data) -> Array:
    """Less the target, a sine wave of so many phases, 1.1/f further at each step."""
    phases = jnp.linspace(0.0, 2 * np.pi, WIDTH)
    return -jnp.sin(phases + 1.1 * (step + 1) / data["period"])


def level(size: int, name: str):
    """The data of a level that has one number."""
    return lambda value: {**width(size), name: np.float64(value)}


def changing() -> list[Family]:
    """The five of them."""
    return [
        Family(
            "batch_size_scaling", "mean (x + ξ)², |ξ| in proportion to |x|, rms x < 10⁻⁸",
            normal, relative_noise, rms_reached(1e-8),
            by_level(level(1024, "largest"), (65536, 8192, 1024, 128, 16, 2)),
            random_batch, GROUP,
        ),
        Family(
            "gradient_noise_scale", "mean (x + ξ/(o + t))², rms x < 10⁻³, o = 32 … 1",
            normal, mean_square, rms_reached(1e-3),
            by_level(level(4096, "offset"), (32, 16, 8, 4, 2, 1)),
            falling_noise, GROUP,
        ),
        Family(
            "momentum_utilization", "mean x² + w·sin 10x·cos t/10 ≤ 10⁻⁶, w = 0.004 … 2",
            normal, ripples, mean_reached(1e-6),
            by_level(level(1024, "weight"), (0.004, 0.02, 0.1, 0.5, 1, 2)),
            lambda key, step, data: jnp.cos((step + 1) / 10),
        ),
        Family(
            "adversarial_gradient", "mean x² + x·sin(1.1πt/f), rms x < 10⁻³, f = 1000 … 2",
            normal, pushed, rms_reached(1e-3),
            by_level(level(1024, "period"), (1000, 100, 10, 7, 4, 2)),
            lambda key, step, data: jnp.sin(1.1 * np.pi * (step + 1) / data["period"]), GROUP,
        ),
        Family(
            "dynamic_landscape", "mean (x − sin(θ + 1.1t/f))² ≤ 0.01, f = 1000 … 4",
            lambda key, data: normal(key, data, np.float32), mean_square, mean_reached(1e-2),
            by_level(level(16384, "period"), (1000, 100, 20, 10, 6, 4)),
            moving_target, double=False,
        ),
    ]  # fmt: skip
