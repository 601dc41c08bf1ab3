"""Limits over momentum, over the period of lookahead, and over the steps of schedule-free SGD."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jdescent as jd
from experiments.stability_of_optimizers.config import Config
from jdescent.analysis import (
    Crossing,
    crossing,
    heavy_ball_limit,
    largest_stable_rate,
    lookahead_limit,
    nesterov_limit,
    schedule_free_limit,
)

MOMENTUM = {
    "heavy_ball": (jd.heavy_ball, heavy_ball_limit),
    "nesterov": (jd.nesterov, nesterov_limit),
}
OPTIMISTIC = {
    "jdescent": jd.optimistic_gradient_descent,
    "optax": optax.optimistic_gradient_descent,
}
B1 = 0.9
PERIODS = 100  # of lookahead, in which a run is to become smaller
ZOOMS = 4


def over_momentum(config: Config) -> dict:
    """For each method: predicted from its update and measured, in units of 1/λ."""
    found = {}
    for name, (make, _) in MOMENTUM.items():
        limits = [largest_stable_rate(partial(make, momentum=beta), 1.0) for beta in config.momenta]
        found[name] = {
            "predicted": np.array([limit.rate for limit in limits]),
            "measured": np.array([limit.measured(config.growth_steps) for limit in limits]),
        }
    return found


def of_optimism(config: Config) -> dict[str, float]:
    """The measured limit of optimistic gradient descent, ours and optax's, in units of 1/λ."""
    return {
        library: largest_stable_rate(make, 1.0).measured(config.growth_steps)
        for library, make in OPTIMISTIC.items()
    }


def over_periods(config: Config) -> dict[int, Crossing]:
    """For each k the edge at each α: runs at many rates, larger or smaller in the end."""
    rates = np.linspace(1.5, 8.0, 4 * config.rates)
    return {k: lookahead_edge(k, rates, config.shares) for k in config.periods}


def lookahead_edge(period: int, rates: np.ndarray, shares: tuple[float, ...]) -> Crossing:
    def run(share, rate):
        optimizer = jd.lookahead(jd.sgd(rate), period, share)
        start = jnp.asarray(1.0)
        path = jd.descend(
            half_square, start, optimizer, PERIODS * period, record=None, divergence=jnp.inf
        )
        return jnp.abs(path.params)

    ends = jd.sweep(run, share=np.array(shares), rate=rates).result.values
    return crossing(rates, ends < 1, axis=1)


def over_horizons(config: Config) -> np.ndarray:
    """The largest rate at which schedule-free SGD is no farther than it began, at each horizon."""
    return np.array([schedule_free_edge(steps, config.rates) for steps in config.horizons])


def schedule_free_edge(steps: int, count: int) -> float:
    low, high = 0.5 * float(schedule_free_limit(1.0, B1)), 1.1 * float(schedule_free_limit(1.0, B1))

    @jax.jit
    def ends(rates):
        def run(rate):
            optimizer = jd.schedule_free_sgd(rate, b1=B1)
            path = jd.descend(
                half_square, jnp.asarray(1.0), optimizer, steps, record=None, divergence=jnp.inf
            )
            return jnp.abs(path.params)

        return jax.vmap(run)(rates)

    for _ in range(ZOOMS):
        rates = np.linspace(low, high, 17)
        too_large = ~(np.asarray(ends(rates)) <= 1)
        i = int(np.argmax(too_large))
        low, high = rates[i - 1], rates[i]
    return (low + high) / 2


def half_square(x):
    return 0.5 * x**2


def schedule_free_theory(steps: np.ndarray | int) -> np.ndarray:
    """To first order: the limit is smaller by the share β₁ ln T / (2(1−β₁)T)."""
    steps = np.asarray(steps, float)
    smaller = B1 * np.log(steps) / (2 * (1 - B1) * steps)
    return np.asarray(schedule_free_limit(1.0, B1)) * (1 - smaller)


def lookahead_theory(config: Config) -> np.ndarray:
    """(periods, shares)."""
    k = np.array(config.periods, float)
    return np.asarray(lookahead_limit(1.0, k[:, None], np.array(config.shares)))
