"""Schedules of the learning rate: SGD on a convex loss, and networks of digits."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.optimize import linprog

import jdescent as jd
from experiments.common.digits import CLASSES, PIXELS, split_digits
from experiments.common.perceptron import logits, perceptron
from experiments.step_sizes.config import Config

KEYS = {
    "constant": "constant",
    "1/√t": "root",
    "cosine": "cosine",
    "linear": "linear",
    "warm-up–stable–decay": "cooldown",
}
NAMES = tuple(KEYS)
WARM_UP, DECAY = 0.05, 0.2  # shares of the steps; all schedules warm up
FEATURES, EXAMPLES, OUTLIERS = 20, 400, 0.3
HALF_OCTAVE = np.sqrt(2)
WIDTH, BATCH = 32, 32


def shape(name: str, steps: int, warm_up: float = WARM_UP) -> np.ndarray:
    """The schedule's rates over its largest, one a step."""
    rising = round(warm_up * steps)
    left = steps - rising
    falling = round(DECAY * steps)
    after = {
        "constant": jd.schedules.constant(1.0),
        "1/√t": jd.schedules.inverse_square_root(1.0, max(rising, 1)),
        "cosine": jd.schedules.cosine(1.0, left),
        "linear": jd.schedules.linear(1.0, 0.0, left),
        "warm-up–stable–decay": jd.schedules.join(
            [jd.schedules.constant(1.0), jd.schedules.linear(1.0, 0.0, falling)], [left - falling]
        ),
    }[name]
    whole = jd.schedules.warm_up(after, rising) if rising else after
    return np.asarray(whole(jnp.arange(steps)))


class Deviations(NamedTuple):
    """Least absolute deviations: mean |a_i·w − b_i| with |a_i| = 1, so that G = 1."""

    a: np.ndarray
    b: np.ndarray
    least: float
    distance: float
    start_gap: float


def deviations() -> Deviations:
    """Some of the b are off by much. The least loss and D by linear programming, the gap at 0."""
    generator = np.random.default_rng(0)
    a = generator.normal(size=(EXAMPLES, FEATURES))
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    off = generator.standard_t(2, EXAMPLES) * OUTLIERS
    b = a @ generator.normal(size=FEATURES) + off
    ones = np.eye(EXAMPLES)
    best = linprog(
        np.concatenate([np.zeros(FEATURES), np.full(EXAMPLES, 1 / EXAMPLES)]),
        A_ub=np.block([[a, -ones], [-a, -ones]]),
        b_ub=np.concatenate([b, -b]),
        bounds=[(None, None)] * FEATURES + [(0, None)] * EXAMPLES,
    )
    distance = float(np.linalg.norm(best.x[:FEATURES]))
    return Deviations(a, b, float(best.fun), distance, float(np.mean(np.abs(b)) - best.fun))


def convex_gap(problem: Deviations, rates: Array, key: Array) -> Array:
    """The loss above the least after one run of SGD, a step for each of the rates."""
    a, b = jnp.asarray(problem.a), jnp.asarray(problem.b)

    def loss(w, example):
        x, y = example
        return jnp.mean(jnp.abs(x @ w - y))

    path = jd.descend(
        loss,
        jnp.zeros(FEATURES),
        jd.sgd(lambda step: rates[step]),
        len(rates),
        batches=jd.batches.one_example((a, b)),
        key=key,
        record=None,
    )
    return jnp.mean(jnp.abs(a @ path.params - b)) - problem.least


def best(losses: np.ndarray) -> np.ndarray:
    """Of the rate with the least mean, one a seed."""
    return losses[losses.mean(axis=1).argmin()]


def convex_runs(config: Config) -> dict:
    """Gaps: linear decay at theory's rate by T; every schedule and rate at one T, (rates, keys)."""
    problem = deviations()
    keys = jax.random.split(jax.random.key(0), config.convex_seeds)

    over_keys = jax.vmap(lambda rates, key: convex_gap(problem, rates, key), (None, 0))
    gaps = jax.jit(jax.vmap(over_keys, (0, None)))  # (rates, keys)
    theory = {}
    for steps in config.convex_steps:
        rates = problem.distance / np.sqrt(steps) * shape("linear", steps, 0.0)
        theory[steps] = np.asarray(gaps(jnp.asarray(rates[None]), keys))[0]
    steps = config.convex_tuned_steps
    peaks = problem.distance / np.sqrt(steps) * HALF_OCTAVE ** np.arange(-config.convex_rates, 3)
    rates = np.concatenate([peaks[:, None] * shape(name, steps)[None] for name in NAMES])
    tuned = np.asarray(gaps(jnp.asarray(rates), keys)).reshape(len(NAMES), peaks.size, -1)
    return {
        "problem": problem,
        "theory": theory,
        "peaks": peaks,
        "tuned": dict(zip(NAMES, tuned, strict=True)),
    }


cross_entropy = jd.losses.cross_entropy(logits)


def digit_runs(config: Config) -> dict:
    """Held-out cross-entropy at the end by schedule, (rates, seeds)."""
    data = split_digits()

    def final(row, peak, seed):
        start, batches = jax.random.split(seed)
        path = jd.descend(
            cross_entropy,
            perceptron(start, (PIXELS, WIDTH, CLASSES)),
            jd.adam(lambda step: peak * row[step]),
            config.digit_steps,
            batches=jd.batches.mini_batch(data.train, BATCH),
            key=batches,
            record=None,
        )
        return cross_entropy(path.params, data.test)

    keys = jax.random.split(jax.random.key(1), config.digit_seeds)
    over_seeds = jax.vmap(final, (None, None, 0))
    run = jax.jit(jax.vmap(over_seeds, (None, 0, None)))
    peaks = jnp.asarray(config.digit_rates)
    return {
        name: np.asarray(run(jnp.asarray(shape(name, config.digit_steps)), peaks, keys))
        for name in NAMES
    }
