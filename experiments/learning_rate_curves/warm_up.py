"""Where warm-up pays: the deep, badly started network of `divergence_cures`."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.common.deep_network import GAIN, Start, draw_starts, loss, model, scaled, seen
from experiments.common.digits import split_digits
from experiments.learning_rate_curves.config import Config
from jdescent import schedules

EXAMPLES = 300
SLOWEST, FASTEST = 0.04, 0.64
USABLE = 0.3  # held-out accuracy from which a rate counts as usable: three times chance


def warm_up_in_depth(config: Config) -> dict[str, np.ndarray]:
    """Held-out accuracy at every rate from every seed, with a constant rate and after warm-up."""
    data = seen(split_digits(train=EXAMPLES), jnp.asarray(False))
    rates = np.geomspace(SLOWEST, FASTEST, config.deep_rates)
    t = jnp.arange(config.deep_steps)
    shapes = jnp.stack([schedules.constant(1.0)(t), schedules.warm_up(1.0, len(t) // 2)(t)])

    def run(shape: Array, rate: Array, start: Start) -> Float[Array, ""]:
        path = jd.descend(
            lambda params: loss(params, data.train),
            scaled(start, GAIN),
            jd.sgd(lambda step: rate * shape[step]),
            config.deep_steps,
        )
        return jd.losses.accuracy(model)(path.params, data.test)

    found = jd.sweep(run, shape=shapes, rate=rates, start=draw_starts(config.seeds))
    constant, warmed = found.result.values
    return {"rates": rates, "constant": constant, "warm_up": warmed}


def largest_usable(
    rates: Float[np.ndarray, " rates"], accuracy: Float[np.ndarray, "rates seeds"]
) -> Float[np.ndarray, " seeds"]:
    """The largest rate that every seed learns at."""
    return np.array([rates[column >= USABLE].max() for column in accuracy.T])
