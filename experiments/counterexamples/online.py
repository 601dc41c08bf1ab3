"""Reddi, Kale and Kumar's losses on [−1, 1]: C·x at every third step, −x at the others.

Also at random, with chance 1/3. Either way −1 is best. Time is counted by the clock Σ α_t, of
which a fixed mean step δ·α_t takes as much whatever the schedule: distance/δ.
"""

from collections.abc import Callable
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import jdescent as jd
from experiments.counterexamples.config import Config
from jdescent.core import leafwise

STEEP = (3.0, 10.0)
PERIOD = 3
METHODS = ("adam", "amsgrad")
TITLES = {"adam": "Adam", "amsgrad": "AMSGrad"}
WORDS = {"turn": "at every third step", "random": "with chance 1/3"}
ENDS = {"adam": 1.0, "amsgrad": -1.0}
FORGOTTEN = 1e-12


def forgetting(steep) -> float:
    """The paper's β₂ = 1/(1 + C²)."""
    return 1 / (1 + steep**2)


def between_ends() -> jd.Optimizer:
    """An update that leads out of [−1, 1] leads to its nearest end instead."""
    return leafwise(lambda g, x: jnp.clip(x + g, -1, 1) - x)


def method(name: str, steep: float, config: Config) -> jd.Optimizer:
    def rate(step):
        return config.online_rate / jnp.sqrt(jnp.asarray(step, float) + 1)

    corrected = {} if name == "adam" else {"bias_correction_nu": False}
    make = getattr(jd, name)
    return jd.chain(make(rate, 0.0, forgetting(steep), eps=0.0, **corrected), between_ends())


def in_turn(steep: float):
    return lambda key, step: jnp.where(step % PERIOD == 0, steep, -1.0)


def at_random(steep: float):
    def slope(key, step):
        chosen = jax.random.bernoulli(jax.random.fold_in(key, step), 1 / PERIOD)
        return jnp.where(chosen, steep, -1.0)

    return slope


def points(name: str, slopes: Callable, keys: Array, config: Config) -> np.ndarray:
    """x₀ = 0, x₁, … of one run for each C and each key."""

    def run(steep, key):
        path = jd.descend(
            lambda x, slope: slope * x,
            jnp.array(0.0),
            method(name, steep, config),
            config.online_steps,
            batches=slopes(steep),
            key=key,
            record="params",
            divergence=jnp.inf,
        )
        return path.record["params"]

    over_keys = jax.vmap(run, in_axes=(None, 0))
    return np.asarray(jax.jit(jax.vmap(over_keys, in_axes=(0, None)))(jnp.array(STEEP), keys))


def runs(config: Config) -> dict:
    """Points by (losses, method, C): the one run in turn, and one a seed at random."""
    keys = jax.random.split(jax.random.key(0), config.seeds)
    found = {}
    with jax.enable_x64(True):
        for kind, slopes, count in (("turn", in_turn, 1), ("random", at_random, config.seeds)):
            for name in METHODS:
                by_steep = points(name, slopes, keys[:count], config)
                found.update(
                    {(kind, name, C): rows for C, rows in zip(STEEP, by_steep, strict=True)}
                )
    return found


def clock(config: Config) -> np.ndarray:
    """Σ α_t over the steps taken, from 0 on."""
    steps = np.arange(1, config.online_steps + 1)
    return np.concatenate([[0], np.cumsum(config.online_rate / np.sqrt(steps))])


def arrivals(name: str, points: np.ndarray, config: Config) -> np.ndarray:
    """The clock when each run first is at the end that theory names; NaN if it never is."""
    there = points == ENDS[name]
    return np.where(there.any(axis=1), clock(config)[there.argmax(axis=1)], np.nan)


def drift(kind: str, name: str, steep: float) -> float:
    """δ, the mean of −g/√v̂ over the slopes that v remembers.

    Of Adam in turn the three v that recur, at random all sequences back to where β₂ᵗ is 1e-12; of
    AMSGrad v̂ is the largest v: that after C in turn, and C² at random.
    """
    beta, slopes = forgetting(steep), np.array([steep, -1.0, -1.0])
    if kind == "turn":
        memory = (1 - beta) * beta ** np.arange(PERIOD) / (1 - beta**PERIOD)
        back = (np.arange(PERIOD)[:, None] - np.arange(PERIOD)) % PERIOD
        v = (slopes[back] ** 2) @ memory
        return float(np.mean(-slopes / np.sqrt(v if name == "adam" else v.max())))
    if name == "amsgrad":
        return float(np.mean(-slopes) / steep)
    length = int(np.ceil(np.log(FORGOTTEN) / np.log(beta)))
    values, chances = np.array([steep, -1.0]), np.array([1, PERIOD - 1]) / PERIOD
    past = np.array(list(product((0, 1), repeat=length)))
    v = values[past] ** 2 @ ((1 - beta) * beta ** np.arange(length))
    return float(np.sum(chances[past].prod(axis=1) * -values[past[:, 0]] / np.sqrt(v)))


def regret(points: np.ndarray, steep: float) -> float:
    """Mean loss above that of always −1, over the last half of a run in turn."""
    before = points[0, :-1]
    slopes = np.where(np.arange(before.size) % PERIOD == 0, steep, -1.0)
    half = before.size // 2 // PERIOD * PERIOD
    return float(np.mean((slopes * (before + 1))[-half:]))
