"""A network on digits of which a fifth is mislabeled, so that gradients stay noisy to the end."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import jdescent as jd
from experiments.batch_scaling.config import Config
from experiments.common.digits import CLASSES, PIXELS, Examples, split_digits
from experiments.common.perceptron import Perceptron, logits, perceptron

HELD_OUT = 450
EXAMPLES = 1_797 - HELD_OUT
MISLABELED = 0.2
ROWS = 40  # losses along a run
CENTERS = {"sgd": 0.034, "adam": 0.0039}  # of the rates tried, times B and √B
CLEAN = {"sgd": 2.5, "adam": 0.75}  # times that, with clean labels
BENT = 70.0  # the batch size about which that of SGD stops to grow
AROUND = 2.0 ** np.arange(-1.5, 2, 0.5)
GENTLE = 0.5  # of the center: the rate that is scaled by rules
SLOW = (0.99, 0.999)  # β₁ and β₂ at the smallest batch, there
EPSILON = 1e-8


class Settings(NamedTuple):
    """Of an optimizer; SGD takes the rate alone."""

    rate: Array | float
    b1: Array | float = 0.9
    b2: Array | float = 0.99
    eps: Array | float = EPSILON


class Curves(NamedTuple):
    """Runs at several settings: the loss on all examples along each.

    Attributes:
        rates: of the settings.
        steps: at which the loss was taken.
        losses: there.
    """

    rates: Float[np.ndarray, " settings"]
    steps: Int[np.ndarray, " rows"]
    losses: Float[np.ndarray, "settings seeds rows"]

    def after(self, steps: float) -> Float[np.ndarray, "settings seeds"]:
        """The loss after so many steps; ln L is interpolated."""
        logs = np.log(self.losses)
        return np.exp(np.apply_along_axis(lambda row: np.interp(steps, self.steps, row), -1, logs))


def examples(mislabeled: float = MISLABELED) -> Examples:
    """1,347 digits, pixels less their means in units of their spread; some labels at random."""
    x, y = split_digits(HELD_OUT).train
    generator = np.random.default_rng(0)
    random = generator.integers(0, CLASSES, len(y))
    labels = np.where(generator.random(len(y)) < mislabeled, random, y)
    centered = x - jnp.mean(x, axis=0, keepdims=True)
    return centered / jnp.std(centered), jnp.asarray(labels, jnp.int32)


def model(params: Perceptron, x: Float[Array, "n 64"]) -> Float[Array, "n 10"]:
    return logits(params, x, jnp.tanh)


loss = jd.losses.cross_entropy(model)


def start(seed: int, config: Config) -> Perceptron:
    return perceptron(jax.random.key(seed), (PIXELS, config.hidden, CLASSES))


def steps_of(size: int, config: Config) -> int:
    return max(config.examples // size, config.least_steps)


def stream(seed: int, size: int, config: Config) -> Int[np.ndarray, "steps size"]:
    """Which examples are drawn: batches of any size cut up the same stream, as far as it goes."""
    steps = steps_of(size, config)
    return np.random.default_rng(seed).integers(0, EXAMPLES, steps * size).reshape(steps, size)


def make(rule: str, settings: Settings) -> jd.Optimizer:
    if rule == "sgd":
        return jd.sgd(settings.rate)
    return jd.adam(settings.rate, b1=settings.b1, b2=settings.b2, eps=settings.eps)


def compiled(rule: str, size: int, config: Config) -> tuple[Callable, Int[np.ndarray, " rows"]]:
    """A function from (start, stream, settings, data) to losses along the run, and their steps."""
    steps = steps_of(size, config)
    every = max(1, steps // ROWS)

    @jax.jit
    def run(begun: Perceptron, rows: Array, settings: Settings, data: Examples) -> Array:
        x, y = data
        path = jd.descend(
            loss, begun, make(rule, settings), steps,
            batches=lambda key, step: (x[rows[step]], y[rows[step]]), key=jax.random.key(0),
            record=lambda point: loss(point.params, data), every=every, divergence=jnp.inf,
        )  # fmt: skip
        return path.record

    return run, np.minimum(np.arange(-(-steps // every) + 1) * every, steps)


def center(rule: str, size: int) -> float:
    """About where the best rate is, as was found with other sizes."""
    if rule == "sgd":
        return CENTERS[rule] * size / (1 + size / BENT)
    return CENTERS[rule] * size**0.5


def ruled(rule: str, scaling: str, size: int, config: Config) -> Settings:
    """The settings of the smallest batch, scaled to another: the rate as named, β as √ rules do."""
    factor = size / config.sizes[0]
    power = {"linear": 1.0, "root": 0.5, "none": 0.0}[scaling]
    rate = GENTLE * center(rule, config.sizes[0]) * factor**power
    b1, b2 = (1 - factor * (1 - beta) for beta in SLOW)
    return Settings(rate, b1, b2, EPSILON / factor**0.5)


SCALINGS = ("linear", "root", "none")


def scalable(size: int, config: Config) -> bool:
    """Whether 1 − β₁ can still be scaled to this size."""
    return (1 - SLOW[0]) * size / config.sizes[0] < 1


class Digits(NamedTuple):
    """Of one optimizer and one batch size.

    Attributes:
        tried: at many rates.
        ruled: at those that rules give, where β can be scaled so far.
        clean: at many rates, with all labels right; of the sizes that exponents are between.
    """

    tried: Curves
    ruled: Curves | None
    clean: Curves | None


def trained(rule: str, size: int, config: Config) -> Digits:
    run, steps = compiled(rule, size, config)

    seeds = range(config.network_seeds)
    starts = [start(seed, config) for seed in seeds]
    streams = [jnp.asarray(stream(seed, size, config), jnp.int32) for seed in seeds]

    def curves(settings: list[Settings], data: Examples) -> Curves:
        losses = [
            [np.asarray(run(starts[seed], streams[seed], each, data)) for seed in seeds]
            for each in settings
        ]
        return Curves(np.array([float(each.rate) for each in settings]), steps, np.array(losses))

    noisy, clean = examples(), examples(mislabeled=0.0)
    tried = [Settings(rate) for rate in center(rule, size) * AROUND]
    by_rule = [ruled(rule, scaling, size, config) for scaling in SCALINGS]
    with_clean = [Settings(CLEAN[rule] * each.rate) for each in tried]
    return Digits(
        curves(tried, noisy),
        curves(by_rule, noisy) if scalable(size, config) else None,
        curves(with_clean, clean) if size in config.exponent_sizes else None,
    )
