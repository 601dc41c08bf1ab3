"""Landscapes: surfaces of ten variables, each hard in one way, all with the minimum 0.

rotated bowl    ½ (x−c)ᵀ Qᵀ diag(1 … 1/300) Q (x−c)
outliers        ½ Σ hᵢ(xᵢ−cᵢ)², h from 1 to 1/10, with now and then a force of twenty units
Rosenbrock      Σ 100(xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)², over 100
plateau         Σ z²/(1 + z²), z = x − c, from far away
walls           the mean of cosh 3(xᵢ − cᵢ) − 1: steeper and steeper outwards
saddle          ¼ Σ hᵢ(xᵢ² − 1)², from beside the maximum 0, where h is 1 … 1/20
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


def bowl(x: Array, data: dict) -> Array:
    curvatures = np.geomspace(1, 1 / 10, SIZE).astype(np.float32)
    return jnp.sum(curvatures * (x - data["c"]) ** 2) / 2


def rosenbrock(x: Array, data: dict) -> Array:
    return jnp.sum((x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2 / 100)


def plateau(x: Array, data: dict) -> Array:
    z = x - data["c"]
    return jnp.sum(z**2 / (1 + z**2))


def walls(x: Array, data: dict) -> Array:
    return jnp.mean(jnp.cosh(3 * (x - data["c"])) - 1)


def saddle(x: Array, data: dict) -> Array:
    heights = np.geomspace(1, 1 / 20, SIZE).astype(np.float32)
    return jnp.sum(heights * (x**2 - 1) ** 2) / 4


def kinks(x: Array, data: dict) -> Array:
    return jnp.mean(jnp.abs(data["Q"] @ (x - data["c"])))


SURFACES: tuple[tuple[str, Callable, float, float], ...] = (
    # name, surface, distance of the start, share of the start's height that may be left
    ("rotated bowl", rotated_bowl, 1.0, 1e-4),
    ("outliers", bowl, 1.0, 1e-1),
    ("Rosenbrock", rosenbrock, 1.0, 3e-3),
    ("plateau", plateau, 4.0, 1e-3),
    ("walls", walls, 2.5, 1e-4),
    ("saddle", saddle, 1e-3, 1e-3),
    ("kinks", kinks, 1.0, 5e-3),
)


def landscapes() -> list[Task]:
    """A task of each surface; the null is the mean height of a hundred starts."""
    data = [_data(which) for which in range(len(SURFACES))]
    keys = jax.random.split(jax.random.key(2), 100)

    def mean_height(data):
        return jnp.mean(jax.vmap(lambda key: height(start(key, data), data))(keys))

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *data)
    nulls = np.asarray(jax.jit(jax.vmap(mean_height))(stacked)).tolist()
    return [
        Task(
            name, "landscape", PROGRAM, its_data, 0.0, null, between(0.0, null, share),
            "the minimum 0", "height of the surface",
        )
        for (name, _, _, share), its_data, null in zip(SURFACES, data, nulls, strict=True)
    ]  # fmt: skip


def _data(which: int) -> dict:
    name, _, distance, _ = SURFACES[which]
    rng = np.random.default_rng(1)
    center = np.zeros(SIZE) if name in ("Rosenbrock", "saddle") else rng.normal(size=SIZE)
    return {
        "which": np.int32(which),
        "c": center.astype(np.float32),
        "Q": np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0].astype(np.float32),
        "distance": np.float32(distance),
        "outliers": np.float32(OUTLIERS if name == "outliers" else 0),
    }


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
