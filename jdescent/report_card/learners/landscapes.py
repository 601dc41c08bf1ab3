"""Landscapes: surfaces of ten variables, each hard in one way, all with the minimum 0.

    rotated bowl    ½ (x−c)ᵀ Qᵀ diag(1 … 1/300) Q (x−c)
    outliers        ½|x−c|² whose gradient is now and then twenty times as large, and turned
    Rosenbrock      Σ 100(xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)², over 100
    plateau         the mean of z²/(1 + z²), z = x − c, from far away
    walls           the mean of cosh 4(xᵢ − cᵢ) − 1: steeper and steeper outwards
    saddle          ¼ the mean of hᵢ(xᵢ² − 1)², from beside the maximum 0, where h is 1 … 1/20
    kinks           the mean of |Q(x − c)|, which has no curvature
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jdescent.report_card.learners.task import Program, Task, between, key_of

SIZE, STEPS = 10, 240
LEAST_CURVATURE = 1 / 300
OUTLIERS, OUTLIER_SIZE = 0.03, 20.0


def rotated_bowl(x: Array, data: dict) -> Array:
    curvatures = np.geomspace(1, LEAST_CURVATURE, SIZE).astype(np.float32)
    return jnp.sum(curvatures * (data["Q"] @ (x - data["c"])) ** 2) / 2


def round_bowl(x: Array, data: dict) -> Array:
    return jnp.sum((x - data["c"]) ** 2) / 2


def rosenbrock(x: Array, data: dict) -> Array:
    return jnp.sum((x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2 / 100)


def plateau(x: Array, data: dict) -> Array:
    z = x - data["c"]
    return jnp.mean(z**2 / (1 + z**2))


def walls(x: Array, data: dict) -> Array:
    return jnp.mean(jnp.cosh(4 * (x - data["c"])) - 1)


def saddle(x: Array, data: dict) -> Array:
    heights = np.geomspace(1, 1 / 20, SIZE).astype(np.float32)
    return jnp.mean(heights * (x**2 - 1) ** 2) / 4


def kinks(x: Array, data: dict) -> Array:
    return jnp.mean(jnp.abs(data["Q"] @ (x - data["c"])))


SURFACES: tuple[tuple[str, Callable, float, float], ...] = (
    # name, surface, distance of the start, share of the start's height that may be left
    ("rotated bowl", rotated_bowl, 1.0, 1e-2),
    ("outliers", round_bowl, 1.0, 1e-2),
    ("Rosenbrock", rosenbrock, 1.0, 1e-2),
    ("plateau", plateau, 4.0, 1e-1),
    ("walls", walls, 2.5, 1e-4),
    ("saddle", saddle, 1e-3, 1e-1),
    ("kinks", kinks, 1.0, 1e-2),
)


def landscapes() -> list[Task]:
    """A task of each surface."""
    return [_landscape(which) for which in range(len(SURFACES))]


def _landscape(which: int) -> Task:
    name, _, distance, share = SURFACES[which]
    rng = np.random.default_rng(1)
    center = rng.normal(size=SIZE)
    if name in ("Rosenbrock", "saddle"):
        center = np.zeros(SIZE)
    data = {
        "which": np.int32(which),
        "c": center.astype(np.float32),
        "Q": np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0].astype(np.float32),
        "distance": np.float32(distance),
        "outliers": np.float32(OUTLIERS if name == "outliers" else 0),
    }
    keys = jax.random.split(jax.random.key(2), 100)
    null = float(np.mean(jax.vmap(lambda key: height(start(key, data), data))(keys)))
    return Task(
        name, "landscape", PROGRAM, data, 0.0, null, between(0.0, null, share),
        "the minimum 0", "height of the surface",
    )  # fmt: skip


# -- the program that they share -------------------------------------------------------------------


def start(key, data):
    """Each variable so far from the center, on either side, give or take a fifth."""
    side, length = jax.random.split(key)
    signs = jax.random.rademacher(side, (SIZE,), jnp.float32)
    lengths = jax.random.uniform(length, (SIZE,), jnp.float32, 0.8, 1.2)
    return data["c"] + data["distance"] * signs * lengths


def height(x, data, step=0):
    """That of the task's surface; the others see the center, where nothing overflows."""
    which = data["which"]
    heights = [
        surface(jnp.where(which == i, x, data["c"]), data)
        for i, (_, surface, _, _) in enumerate(SURFACES)
    ]
    return jnp.stack(heights)[which]


def batch(key, step, data):
    """A force that is added to the gradient: mostly none."""
    whether, force = jax.random.split(key_of(key, step))
    is_outlier = jax.random.bernoulli(whether, data["outliers"])
    return jnp.where(is_outlier, OUTLIER_SIZE, 0) * jax.random.normal(force, (SIZE,), jnp.float32)


def loss(x, data, batch):
    return height(x, data) + jnp.sum(batch * (x - data["c"]))


PROGRAM = Program("landscape", STEPS, start, batch, loss, height)
