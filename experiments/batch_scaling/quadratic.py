"""Runs on the noisy quadratic, beside `theory`."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.batch_scaling import theory
from experiments.batch_scaling.config import Config
from experiments.batch_scaling.theory import Momentum, Quadratic, Tuned

BETA = 0.9
POWER = 0.5  # of the preconditioner
DECAY = 0.99  # β₂
SIZES = 2.0 ** np.arange(19)  # at which exact moments are drawn
METHODS = {"sgd": "SGD", "momentum": "momentum 0.9", "preconditioned": "preconditioned"}
CHECKED = 64.0  # the batch size at which runs check every method's moments
AROUND = 2.0 ** np.arange(-1.75, 3, 0.5)  # rates tried, over the best that is expected
LIMIT = 2.0  # 2/h of the sharpest coordinate


class Best(NamedTuple):
    """The best rate after a fixed number of examples, expected and found.

    Attributes:
        expected: from exact moments, or Adam's nearly exact ones, and the mean loss there.
        rates: that were tried.
        losses: at the end, true ones.
    """

    expected: float
    expected_loss: float
    rates: Float[np.ndarray, " rates"]
    losses: Float[np.ndarray, "rates seeds"]


class Checked(NamedTuple):
    """True losses of runs at the step at which exact moments are first at the target."""

    tuned: Tuned
    losses: Float[np.ndarray, " seeds"]


def problem_of(method: str, config: Config) -> tuple[Quadratic, float]:
    """The quadratic that a method descends, and its momentum."""
    q = theory.noisy_quadratic(config.dimensions)
    if method == "preconditioned":
        return theory.preconditioned(q, POWER), 0.0
    return q, BETA if method == "momentum" else 0.0


def frontier(method: str, config: Config) -> list[Tuned]:
    """The fewest steps to the target at each of `SIZES`, exactly."""
    q, beta = problem_of(method, config)
    return [theory.fewest_steps(q, B, beta, config.target * q.first_loss) for B in SIZES]


def final_losses(
    q: Quadratic, batch: float, steps: int, make: Callable[[Array], Any], rates, seeds: int
) -> Float[np.ndarray, "rates seeds"]:
    """The true loss after so many steps; one seed draws the same at all rates.

    A batch's loss has its noise in the slope, ½Σhx² + x·√(c/B)ξ. The start is the root of E x².
    """
    h, spread, start = (
        jnp.asarray(a) for a in (q.curvature, np.sqrt(q.noise / batch), np.sqrt(q.start))
    )

    def true_loss(x: Array) -> Array:
        return 0.5 * jnp.sum(h * x**2)

    def noise(key: Array, step: Array) -> Array:
        return jax.random.normal(jax.random.fold_in(key, step), start.shape)

    def run(rate: Array, seed: Array) -> Array:
        path = jd.descend(
            lambda x, draw: true_loss(x) + x @ (spread * draw),
            start,
            make(rate),
            steps,
            batches=noise,
            key=jax.random.key(seed),
            record=None,
            every=1,
            divergence=jnp.inf,
        )
        return true_loss(path.params)

    return jd.sweep(run, rate=np.asarray(rates), seed=np.arange(seeds)).result.values


def checked(method: str, config: Config) -> Checked:
    q, beta = problem_of(method, config)
    tuned = theory.fewest_steps(q, CHECKED, beta, config.target * q.first_loss)
    losses = final_losses(
        q, CHECKED, int(tuned.steps), lambda rate: jd.sgd(rate, beta), [tuned.rate], config.seeds
    )
    return Checked(tuned, losses[0])


def expected_best(rule: str, batch: float, config: Config) -> tuple[float, float]:
    """The best rate after the budget of examples, and the loss there."""
    q, steps = theory.noisy_quadratic(config.dimensions), int(config.budget / batch)

    def loss(rate: float) -> float:
        if rule == "adam":
            return theory.adam_loss(q, rate, batch, DECAY, steps)
        return Momentum(q, rate, batch).loss(steps)

    if rule == "adam":
        low, high = 3e-4 * math.sqrt(batch), 0.3 * math.sqrt(batch)
    else:
        low, high = min(3e-3 * batch, 0.1), 0.999 * LIMIT
    rate = theory.best_rate(loss, low, high)
    return rate, loss(rate)


def rates_about(rate: float, limit: float) -> Float[np.ndarray, " rates"]:
    """A geometric grid about a rate, of r/(1 − r/limit) so that none passes a limit."""
    freed = rate / (1 - rate / limit) * AROUND
    return freed / (1 + freed / limit)


def best(rule: str, batch: float, config: Config) -> Best:
    rate, loss = expected_best(rule, batch, config)
    q = theory.noisy_quadratic(config.dimensions)
    if rule == "adam":
        rates, make = rates_about(rate, math.inf), lambda r: jd.adam(r, b1=0.0, b2=DECAY)
    else:
        rates, make = rates_about(rate, LIMIT), jd.sgd
    losses = final_losses(q, batch, int(config.budget / batch), make, rates, config.seeds)
    return Best(rate, loss, rates, losses)
