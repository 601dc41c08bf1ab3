"""Networks of every width trained at every rate, in powers of two, around the best."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.common.digits import CLASSES, Examples, split_digits
from experiments.width_transfer.config import Config
from experiments.width_transfer.parametrization import (
    PARAMETRIZATIONS,
    STANDARD,
    Scales,
    cross_entropy,
    layerwise,
    scaled_start,
    scales,
    squared_error,
    standard_start,
)

AROUND = 2  # rates on each side of the best


class Setup(NamedTuple):
    """What is trained.

    Attributes:
        name: as in the figure.
        method: "sgd" or "adam".
        make: from the rate to the optimizer.
        loss: of the weights and a batch.
        chance: the loss of a network that says nothing of the digit.
        begin: log₂ of the rate that is tried first at the base width.
    """

    name: str
    method: str
    make: Callable[[Any], jd.Optimizer]
    loss: Callable[..., Any]
    chance: float
    begin: int


SETUPS = {
    "sgd": Setup("SGD", "sgd", jd.sgd, cross_entropy, math.log(CLASSES), 0),
    "adam": Setup("Adam", "adam", jd.adam, cross_entropy, math.log(CLASSES), -7),
    "squared": Setup("SGD, squared error", "sgd", jd.sgd, squared_error, 0.5, -2),
}


class Losses(NamedTuple):
    """The loss over all training digits at the end, at most that of chance, as of lost runs.

    Attributes:
        powers: log₂ of the rates, one after the other.
        ends: a row for each, a column for each seed.
    """

    powers: Float[np.ndarray, " rates"]
    ends: Float[np.ndarray, "rates seeds"]


Trained = dict[tuple[str, str, int], Losses]  # by setup, parametrization and width


def widths_of(setup: str, config: Config) -> tuple[int, ...]:
    return config.squared_widths if setup == "squared" else config.widths


def training_digits() -> Examples:
    return split_digits().train


def train_base(setup: str, config: Config) -> Trained:
    """At the base width, where both parametrizations are one."""
    base = widths_of(setup, config)[0]
    found = train(setup, base, SETUPS[setup].begin, (STANDARD,), config)
    (losses,) = found.values()
    return {(setup, name, base): losses for name in PARAMETRIZATIONS}


def train_wider(setup: str, width: int, base: Losses, config: Config) -> Trained:
    """In both parametrizations, from the best rate of the base width on."""
    return train(setup, width, best_power(base), PARAMETRIZATIONS, config)


def train(setup: str, width: int, begin: int, names: tuple[str, ...], config: Config) -> Trained:
    run, base = ends_of(SETUPS[setup], width, config), widths_of(setup, config)[0]

    def losses(name: str) -> Losses:
        scale = scales(name, SETUPS[setup].method, width, base)
        return around_the_best(lambda power: np.asarray(run(2.0**power, scale), float), begin)

    return {(setup, name, width): losses(name) for name in names}


def ends_of(setup: Setup, width: int, config: Config) -> Callable[[float, Scales], Array]:
    """From a rate and the scales to the ends of all seeds, one by one: they fill the processor."""
    data = training_digits()
    keys = jax.random.split(jax.random.key(0), config.seeds)
    starts = jax.vmap(lambda key: standard_start(key, width))(keys)
    rows = jax.vmap(lambda key: batch_rows(key, data, config))(keys)

    @jax.jit
    def run(rate: Array, scale: Scales) -> Array:
        def end(of_seed) -> Array:
            start, rows = of_seed
            path = jd.descend(
                setup.loss,
                scaled_start(start, scale),
                layerwise(setup.make(rate), scale.rates),
                config.steps,
                batches=lambda key, step: jax.tree.map(lambda a: a[rows[step]], data),
                record=None,
            )
            loss = setup.loss(path.params, data)
            return jnp.where(loss < setup.chance, loss, setup.chance)

        return jax.lax.map(end, (starts, rows))

    return lambda rate, scale: run(jnp.float32(rate), jax.tree.map(jnp.float32, scale))


def batch_rows(key: Array, data: Examples, config: Config) -> Array:
    """Which digits each step sees: drawn before, as a sampler in the loop takes long to compile."""
    sample = jd.batches.mini_batch(jnp.arange(len(data[1])), config.batch)
    return jax.vmap(sample, (None, 0))(key, jnp.arange(config.steps))


def around_the_best(ends: Callable[[int], np.ndarray], begin: int) -> Losses:
    """Rates are added until the best, by the mean of the logarithms, has some on each side."""
    found = {begin: ends(begin)}

    def best() -> int:
        return min(found, key=lambda power: (np.mean(np.log(found[power])), power))

    while missing := [k for k in range(best() - AROUND, best() + AROUND + 1) if k not in found]:
        nearest = min(missing, key=lambda k: abs(k - best()))
        found[nearest] = ends(nearest)
    powers = sorted(found)
    return Losses(np.array(powers, float), np.stack([found[power] for power in powers]))


def best_power(losses: Losses) -> int:
    """log₂ of the rate that is best in the mean of the logarithms."""
    return int(losses.powers[np.argmin(np.mean(np.log(losses.ends), axis=1))])


def best_powers(losses: Losses) -> Float[np.ndarray, " seeds"]:
    """log₂ of each seed's best rate, by the parabola through its three best logarithms."""
    return np.array([vertex(losses.powers, np.log(ends)) for ends in losses.ends.T])


def vertex(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> float:
    """Where the parabola through the least value and its neighbors is least."""
    i = int(np.argmin(y))
    if not 0 < i < len(x) - 1:
        return float(x[i])
    left, middle, right = y[i - 1 : i + 2]
    return float(x[i] + (left - right) / (2 * (left - 2 * middle + right)))


def at_power(losses: Losses, power: int) -> Float[np.ndarray, " seeds"]:
    """The losses at one rate."""
    return losses.ends[list(losses.powers).index(power)]
