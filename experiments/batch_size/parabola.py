"""Where SGD settles on a parabola: the mean of some numbers, learned from batches of them.

J(w) = (1/n) Σ (w − yᵢ)² curves by λ = 2 for every example, so that the noise of a batch does not
depend on w, and the closed forms for white noise hold exactly.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.batch_size.config import PATIENTS, Config
from experiments.batch_size.regression import SAMPLERS, SHUFFLED, patients
from jdescent import analysis

CURVATURE = 2.0
SIZE = 16
EPOCH = PATIENTS // SIZE
PRODUCTS = {"with replacement": np.linspace(0.1, 1.9, 10), SHUFFLED: np.linspace(0.3, 1.9, 5)}  # ηλ


def settled_losses(config: Config) -> dict[str, Float[np.ndarray, "rates runs"]]:
    """Mean loss of each run above the least, in units of σ²/λ; of epochs, at their ends."""
    y = jnp.asarray(patients().y, float)
    loss = jd.losses.mean_squared_error(lambda w, ones: w * ones)

    def settled(name: str) -> np.ndarray:
        batches = SAMPLERS[name]((jnp.ones_like(y), y), SIZE)

        def run(rate: Array, key: Array) -> Array:
            path = jd.descend(
                loss,
                jnp.mean(y),
                jd.sgd(rate / CURVATURE),
                config.parabola_steps,
                batches=batches,
                key=key,
                record=lambda point: (point.params - jnp.mean(y)) ** 2,
            )
            kept = path.record[:: EPOCH if name == SHUFFLED else 1]
            return jnp.mean(kept[kept.size // 10 :])

        rates = jnp.repeat(jnp.asarray(PRODUCTS[name], float), config.regression_runs)
        keys = jax.random.split(jax.random.key(len(name)), rates.size)
        many = jax.jit(lambda lanes: jax.lax.map(lambda lane: run(*lane), lanes))
        found = np.asarray(many((rates, keys)), float).reshape(-1, config.regression_runs)
        return found * CURVATURE / noise_variance()

    return {name: settled(name) for name in PRODUCTS}


def noise_variance() -> float:
    """σ² of one step, drawn with replacement."""
    return CURVATURE**2 * float(np.var(patients().y)) / SIZE


def settled_parabola(name: str, products: np.ndarray) -> np.ndarray:
    """Mean loss above the least in units of σ²/λ, at each ηλ."""
    if name != SHUFFLED:
        return np.asarray(analysis.sgd_variance(products, 1.0, 1.0)) / 2
    left = (PATIENTS - SIZE) / (PATIENTS - 1)
    return np.asarray(analysis.epoch_shuffled_variance(products, 1.0, left, EPOCH)) / 2
