"""A deep network that starts badly: on raw pixels, its first weights too large.

The network has `HIDDEN` layers of `UNITS` tanh units between 64 pixels and 10 outputs. Its loss is
half the squared distance from the one-hot label, a mean over the examples.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

import jdescent as jd
from experiments.common.digits import CLASSES, PIXELS, Digits, Examples
from experiments.common.perceptron import Perceptron, logits, perceptron

HIDDEN, UNITS = 12, 24
WIDTHS = (PIXELS, *[UNITS] * HIDDEN, CLASSES)
DARKEST = 16.0  # of the raw pixels, which `digits` divides by it
GAIN = 1.2  # by which the first weights are larger than LeCun's


class Start(NamedTuple):
    """The first weights of a seed, before the gain."""

    layers: Perceptron


def model(params: Perceptron, x: Float[Array, "n 64"]) -> Float[Array, "n 10"]:
    return logits(params, x, jnp.tanh)


def loss(params: Perceptron, batch: Examples) -> Float[Array, ""]:
    """½‖f(x) − onehot(y)‖², a mean over the examples."""
    x, y = batch
    one_hot = jax.nn.one_hot(y, CLASSES)
    return CLASSES / 2 * jd.losses.mean_squared_error(model)(params, (x, one_hot))


def draw_starts(count: int) -> list[Start]:
    """LeCun's first weights of so many seeds.

    Drawn one by one: inside a compiled function they would be most of what is compiled.
    """
    root, initializer = jax.random.key(0), jax.nn.initializers.lecun_normal()
    return [
        Start(perceptron(jax.random.fold_in(root, seed), WIDTHS, initializer))
        for seed in range(count)
    ]


def scaled(start: Start, gain: Float[Array, ""] | float) -> Perceptron:
    """Weights `gain` times as large; the biases are zero."""
    return tuple(layer._replace(weights=gain * layer.weights) for layer in start.layers)


def seen(data: Digits, normalized: Bool[Array, ""]) -> Digits:
    """The pictures as the network gets them: raw, or normalized by what was trained on."""
    pixels, _ = data.train
    mean = jnp.mean(pixels, axis=0, keepdims=True)
    scale = jnp.std(pixels - mean)

    def show(examples: Examples) -> Examples:
        x, y = examples
        return jnp.where(normalized, (x - mean) / scale, DARKEST * x), y

    return Digits(show(data.train), show(data.test))
