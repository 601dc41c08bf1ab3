"""Methods whose steps have one size: how far from the minimum they stay, in units of the rate."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import jdescent as jd
from experiments.stability_of_optimizers.config import Config

SHAPE = (8, 6)  # of Muon's matrix
SIGN_LIKE: dict[str, Callable[..., Any]] = {
    "sign_sgd": jd.sign_sgd,
    "signum": jd.signum,
    "lion": lambda lr: jd.lion(lr, weight_decay=0.0),
    "tiger": lambda lr: jd.tiger(lr, weight_decay=0.0),
    "muon": jd.muon,
}
RATES = (2.0**-7, 2.0**-3)  # powers of two scale a path of floating-point numbers exactly
CURVATURES = (1.0, 64.0)


MOST_STRETCHED = 10.0


def all_amplitudes(config: Config) -> dict[str, np.ndarray]:
    """Sizes in units of the rate, (rates, curvatures, starts, steps): |x|, or ‖W‖₂ of Muon."""
    found = {name: sizes(name, make, config) for name, make in SIGN_LIKE.items()}
    return found | {"muon_stretched": sizes("muon", jd.muon, config, stretched(MOST_STRETCHED))}


def stretched(most: float) -> Float[np.ndarray, "8 6"]:
    """Curvatures of a matrix's entries: products of those of rows and of columns."""
    rows, columns = (np.geomspace(1 / most, most, size) for size in SHAPE)
    return np.outer(rows, columns)


def sizes(
    name: str, make: Callable[..., Any], config: Config, stretch: np.ndarray | float = 1.0
) -> np.ndarray:
    shape = SHAPE if name == "muon" else ()
    keys = jax.random.split(jax.random.key(0), config.seeds)

    def run(rate, curvature, key):
        start = 100 * rate * jax.random.normal(key, shape)
        path = jd.descend(
            lambda x: 0.5 * curvature * jnp.sum(stretch * x**2), start, make(rate),
            config.sign_steps, record="params", divergence=jnp.inf,
        )  # fmt: skip
        x = path.record["params"][config.sign_steps // 2 + 1 :]
        return jnp.linalg.norm(x, 2, (1, 2)) / rate if shape else jnp.abs(x) / rate

    of_starts = jax.vmap(run, (None, None, 0))
    of_curvatures = jax.vmap(of_starts, (None, 0, None))
    every = jax.jit(jax.vmap(of_curvatures, (0, None, None)))
    return np.asarray(every(jnp.array(RATES), jnp.array(CURVATURES), keys))
