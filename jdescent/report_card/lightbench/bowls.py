"""Bowls of many coordinates that do not see each other: scales, targets, kinks and walls."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jdescent.report_card.lightbench.task import (
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

SIZES = (4, 16, 512, 8192, 2**15, 2**17)


def scales(size: int) -> Data:
    """k/Σk of coordinate k."""
    k = geometric(size)
    return {**width(size), "weight": k / (size * (size + 1) / 2)}


def geometric(size: int) -> Float[np.ndarray, " n"]:
    """The numbers, from 1 to the last, of the coordinates that are computed."""
    if size <= WIDTH:
        return np.minimum(1.0 + np.arange(WIDTH), size)
    return np.round(np.geomspace(1, size, WIDTH))


def targets(size: int) -> Data:
    """(k − 1)/‖(0 … size − 1)‖ of coordinate k."""
    if size <= WIDTH:
        k = np.minimum(1.0 * np.arange(WIDTH), size - 1)
    else:
        k = np.round(np.linspace(0, size - 1, WIDTH))
    return {**width(size), "target": k / np.sqrt((size - 1) * size * (2 * size - 1) / 6)}


def single(key: PRNGKeyArray, data: Data) -> Array:
    """Standard normal, in float32."""
    return normal(key, data, np.float32)


def varying_scale(x: Array, data: Data, batch: None) -> Array:
    """Σ k·x_k²/Σ k."""
    return jnp.sum(jnp.where(data["real"], data["weight"] * x**2, 0))


def varying_target(x: Array, data: Data, batch: None) -> Array:
    """The mean of (x − target)²."""
    return mean((x - data["target"]) ** 2, data)


def kinked(x: Array, data: Data, batch: None) -> Array:
    """The mean of x² on the left of 0 and 2x on its right."""
    return mean(jnp.where(x < 0, x**2, 2 * x), data)


def logarithmic(x: Array, data: Data, batch: None) -> Array:
    """The mean of log(1 + x²)."""
    return mean(jnp.log1p(x**2), data)


def many_scales(key: PRNGKeyArray, data: Data) -> Array:
    """Normal of deviations from 10^−r to 10^r, in geometric steps."""
    exponents = jnp.linspace(-1.0, 1.0, WIDTH) * data["range"]
    return 10**exponents * normal(key, data)


def penalized(x: Array, data: Data, batch: None) -> Array:
    """The mean of (x − 2)² + P·max(0, x − 1), least at 1."""
    return mean((x - 2) ** 2 + data["penalty"] * jax.nn.relu(x - 1), data)


def at_the_wall(x: Array, loss: Array, data: Data) -> Array:
    """Whether every coordinate is within 10⁻³ of 1."""
    return jnp.all(jnp.abs(x - 1) < 1e-3)


def three(key: PRNGKeyArray, data: Data) -> dict[str, Array]:
    """Three vectors, standard normal but for their scales."""
    keys = jax.random.split(key, 3)
    return {name: data["start_scales"][i] * normal(keys[i], data) for i, name in enumerate("abc")}


def layers(x: dict[str, Array], data: Data, batch: None) -> Array:
    """A third of s·mean a² + mean b² + mean c²/s."""
    return (
        sum(data["loss_scales"][i] * mean(x[name] ** 2, data) for i, name in enumerate("abc")) / 3
    )


def scaled_loss(s: float) -> Data:
    return {**width(1024), "start_scales": np.ones(3), "loss_scales": np.array([s, 1, 1 / s])}


def scaled_start(s: float) -> Data:
    return {**width(1024), "start_scales": np.array([s, 1, 1 / s]), "loss_scales": np.ones(3)}


def bowls() -> list[Family]:
    """The seven of them; levels without a number of their own have the script's default."""
    return [
        Family(
            "quadratic_varying_scale", "Σ k·x_k²/Σ k, rms x < 10⁻⁷, 4 … 131,072 coordinates",
            single, varying_scale, rms_reached(1e-7), by_level(scales, SIZES), double=False,
        ),
        Family(
            "quadratic_varying_target", "mean (x − x*)², rms x − x* < 10⁻⁸, 4 … 131,072 of them",
            single, varying_target, rms_reached(1e-8, "target"), by_level(targets, SIZES),
            double=False,
        ),
        Family(
            "discontinuous_gradient", "mean of x² below 0, 2x above, rms x < 10⁻⁴",
            normal, kinked, rms_reached(1e-4), {"trivial": width(1024)},
        ),
        Family(
            "scale_invariant", "mean log(1 + x²) ≤ 10⁻³ from x of 10^−r … 10^r, r = 1 … 6",
            many_scales, logarithmic, mean_reached(1e-3),
            by_level(lambda r: {**width(512), "range": np.float64(r)}, (1, 2, 3, 4, 5, 6)),
        ),
        Family(
            "constrained_optimization", "mean (x − 2)² + P·max(0, x − 1), |x − 1| < 10⁻³",
            lambda key, data: jnp.zeros(16), penalized, at_the_wall,
            by_level(
                lambda p: {"real": np.ones(16, bool), "size": 16.0, "penalty": np.float64(p)},
                (1e1, 1e2, 1e4, 1e6, 1e8, 1e10),
            ),
            interval=32,
        ),
        Family(
            "layer_wise_scale", "(s·mean a² + mean b² + mean c²/s)/3 ≤ 10⁻⁴, s = 2 … 10⁹",
            three, layers, mean_reached(1e-4),
            by_level(scaled_loss, (2, 1e1, 1e3, 1e3, 1e7, 1e9)),
        ),
        Family(
            "parameter_scale", "mean of a², b², c² ≤ 10⁻⁴ from scales s, 1, 1/s",
            three, layers, mean_reached(1e-4),
            by_level(scaled_start, (1e3, 1e1, 1e3, 1e3, 1e3, 1e3)),
        ),
    ]  # fmt: skip
