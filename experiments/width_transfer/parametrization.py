"""A perceptron without biases, and how its first weights and rates go with its width n.

    f(x) = W₃ᵀ tanh(W₂ᵀ tanh(W₁ᵀ x))        W₁: 64 × n,  W₂: n × n,  W₃: n × 10

In the standard parametrization weights begin as N(0, 1/fan-in), and one rate η is that of all. In
the maximal-update parametrization, with r = n/n₀ over the base width n₀, W₃ begins as
N(0, 1/(n r)), and the rates are

                W₁      W₂      W₃
    SGD         η r     η       η/r
    Adam        η       η/r     η/r

so that at r = 1 it is the standard one.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

import jdescent as jd
from experiments.common.digits import CLASSES, PIXELS

STANDARD, MAXIMAL = "standard", "maximal"
PARAMETRIZATIONS = (STANDARD, MAXIMAL)


class Weights(NamedTuple):
    """One leaf a layer: weights, or what goes with each."""

    first: Any
    hidden: Any
    last: Any


class Scales(NamedTuple):
    """What a parametrization makes of a width; numbers, so that one program serves both.

    Attributes:
        last: of the last weights at the start, over 1/√fan-in.
        rates: of each layer, over η.
    """

    last: Float[Array, ""] | float
    rates: Weights


def scales(name: str, method: str, width: int, base: int) -> Scales:
    """Of a parametrization, for "sgd" or "adam"."""
    r = 1.0 if name == STANDARD else width / base
    of_sgd, of_adam = Weights(r, 1.0, 1 / r), Weights(1.0, 1 / r, 1 / r)
    return Scales(r**-0.5, of_sgd if method == "sgd" else of_adam)


def standard_start(key: PRNGKeyArray, width: int) -> Weights:
    """N(0, 1/fan-in)."""
    shapes = Weights((PIXELS, width), (width, width), (width, CLASSES))
    keys = jax.random.split(key, 3)
    return Weights(
        *(
            jax.random.normal(key, shape) / jnp.sqrt(shape[0])
            for key, shape in zip(keys, shapes, strict=True)
        )
    )


def scaled_start(start: Weights, scale: Scales) -> Weights:
    return start._replace(last=scale.last * start.last)


def preactivations(params: Weights, x: Float[Array, "n 64"]) -> Weights:
    """W₁ᵀx, W₂ᵀtanh(·) and the outputs."""
    first = x @ params.first
    hidden = jnp.tanh(first) @ params.hidden
    return Weights(first, hidden, jnp.tanh(hidden) @ params.last)


def model(params: Weights, x: Float[Array, "n 64"]) -> Float[Array, "n 10"]:
    return preactivations(params, x).last


cross_entropy = jd.losses.cross_entropy(model)


def squared_error(params: Weights, batch: tuple[Array, Array]) -> Float[Array, ""]:
    """½‖f(x) − onehot(y)‖², a mean over the examples."""
    x, y = batch
    one_hot = jax.nn.one_hot(y, CLASSES)
    return CLASSES / 2 * jd.losses.mean_squared_error(model)(params, (x, one_hot))


def layerwise(optimizer: jd.Optimizer, rates: Weights) -> jd.Optimizer:
    """The optimizer, each layer at so many times its rate; updates are in proportion to it."""

    def update(updates: PyTree, state: tuple, params: PyTree = None) -> tuple[PyTree, tuple]:
        return jax.tree.map(lambda rate, u: rate * u, rates, updates), state

    return jd.chain(optimizer, jd.Optimizer(lambda params: (), update))
