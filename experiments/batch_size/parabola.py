"""Where SGD settles on a parabola: the mean of some numbers, learned from batches of them.

J(w) = (1/n) Σ (w − yᵢ)² curves by λ = 2 for every example, so that the noise of a batch does not
depend on w, and the closed forms for white noise hold exactly.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.axes import Axes

import jdescent as jd
from experiments.batch_size.config import PATIENTS, Config
from experiments.batch_size.regression import (
    COLORS,
    SAMPLERS,
    SHUFFLED,
    largest_deviation,
    patients,
)
from experiments.common.number import Numbers
from experiments.common.statistics import positive_mean
from jdescent import analysis, plotting

CURVATURE = 2.0
SIZE = 16
EPOCH = PATIENTS // SIZE
RATES = {"with replacement": np.linspace(0.1, 1.9, 10), SHUFFLED: np.linspace(0.3, 1.9, 5)}  # ηλ


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

        rates = jnp.repeat(jnp.asarray(RATES[name], float), config.regression_runs)
        keys = jax.random.split(jax.random.key(len(name)), rates.size)
        many = jax.jit(lambda lanes: jax.lax.map(lambda lane: run(*lane), lanes))
        found = np.asarray(many((rates, keys)), float).reshape(-1, config.regression_runs)
        return found * CURVATURE / noise_variance()

    return {name: settled(name) for name in RATES}


def noise_variance() -> float:
    """σ² of one step, drawn with replacement."""
    return CURVATURE**2 * float(np.var(patients().y)) / SIZE


def settles_at(name: str, products: np.ndarray) -> np.ndarray:
    """Mean loss above the least in units of σ²/λ, at each ηλ."""
    if name != SHUFFLED:
        return np.asarray(analysis.sgd_variance(products, 1.0, 1.0)) / 2
    left = (PATIENTS - SIZE) / (PATIENTS - 1)
    return np.asarray(analysis.epoch_shuffled_variance(products, 1.0, left, EPOCH)) / 2


def numbers(settled: dict[str, np.ndarray]) -> Numbers:
    wrong = {
        "with replacement": ("the limit of small rates, ησ²/4", lambda products: products / 4),
        SHUFFLED: (
            "the law of independent batches",
            lambda products: settles_at("with replacement", products),
        ),
    }
    return {
        f"parabola_largest_deviation_{name.replace(' ', '_')}": largest_deviation(
            list(zip(losses, settles_at(name, RATES[name]), strict=True)),
            list(zip(losses, wrong[name][1](RATES[name]), strict=True)),
            f"settled loss on a parabola, batches of {SIZE} drawn {name}, from the closed form",
            wrong[name][0],
        )
        for name, losses in settled.items()
    }


def draw(axes: Axes, settled: dict[str, np.ndarray]) -> None:
    products = np.linspace(0, 1.95, 200)[1:]
    for name, losses in settled.items():
        for product, sample in zip(RATES[name], losses, strict=True):
            mean = positive_mean(sample)
            axes.errorbar(product, mean.value, mean.reach, fmt="o", color=COLORS[name])
        plotting.theory(axes, products, settles_at(name, products), label=None)
    plotting.theory(axes, products, products / 4, label=None, linestyle=":")
    plotting.note(axes, (0.1, 0.6), "with", COLORS["with replacement"])
    plotting.note(axes, (0.9, 0.06), "epochs", COLORS[SHUFFLED])
    axes.set(
        yscale="log",
        ylim=(2e-3, 20),
        xlabel=r"$\eta\lambda$",
        ylabel=r"settled $J-J^*$, in $\sigma^2/\lambda$",
    )
