"""One run that diverges, and the same run with one thing changed.

The network has `HIDDEN` layers of `UNITS` tanh units between 64 pixels and 10 outputs. Its loss is
half the squared distance from the one-hot label, a mean over the examples, and it is descended by
plain gradient descent on all of them at once, so that 2/λmax is the limit of the learning rate.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

import jdescent as jd
from experiments.common.digits import CLASSES, PIXELS, Digits, Examples
from experiments.common.perceptron import Perceptron, logits, perceptron
from jdescent import schedules

HIDDEN, UNITS = 12, 24
WIDTHS = (PIXELS, *[UNITS] * HIDDEN, CLASSES)
DARKEST = 16.0  # of the raw pixels, which `digits` divides by it
RATE = 0.15
GAIN = 1.2
MAX_NORM = 1.0
NO_CLIPPING = 1e30


class Setup(NamedTuple):
    """All that distinguishes one run from another.

    Attributes:
        rates: η at every step.
        max_norm: the global gradient norm beyond which the gradient is shortened.
        normalized: whether each pixel has its mean taken off, and all of them unit variance.
        gain: what LeCun's first weights, of variance 1/inputs, are multiplied by.
    """

    rates: Float[Array, " steps"]
    max_norm: Float[Array, ""]
    normalized: Bool[Array, ""]
    gain: Float[Array, ""]


class Start(NamedTuple):
    """The first weights of a seed, before the gain."""

    layers: Perceptron


def setups(steps: int) -> dict[str, Setup]:
    """The run that diverges, the cures by name, and a decay that is too slow to be one."""
    t = jnp.arange(steps)
    base = Setup(
        rates=schedules.constant(RATE)(t),
        max_norm=jnp.asarray(NO_CLIPPING),
        normalized=jnp.asarray(False),
        gain=jnp.asarray(GAIN),
    )
    low = RATE / 4
    fast = schedules.piecewise([RATE, RATE / 2, low], [2, 4])
    slow = schedules.cosine(RATE, steps)
    return {
        "base": base,
        "slow_decay": base._replace(rates=slow(t)),
        "lower_rate": base._replace(rates=schedules.constant(low)(t)),
        "warm_up": base._replace(rates=schedules.warm_up(RATE, steps // 4)(t)),
        "decay": base._replace(rates=fast(t)),
        "clipping": base._replace(max_norm=jnp.asarray(MAX_NORM)),
        "normalized_inputs": base._replace(normalized=jnp.asarray(True)),
        "better_start": base._replace(gain=jnp.asarray(1.0)),
    }


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
