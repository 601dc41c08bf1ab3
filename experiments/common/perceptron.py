"""The multilayer perceptron: x ← σ(x W + b), layer after layer, the last one without σ."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

Initializer = Callable[..., Array]


class Layer(NamedTuple):
    """Weights W of shape (inputs, outputs) and biases b."""

    weights: Float[Array, "inputs outputs"]
    biases: Float[Array, " outputs"]


Perceptron = tuple[Layer, ...]


def perceptron(
    key: PRNGKeyArray,
    widths: Sequence[int],
    initializer: Initializer = jax.nn.initializers.he_normal(),  # noqa: B008
) -> Perceptron:
    """The first parameters: weights from the initializer, biases zero.

    Args:
        key: of the draw; one seed is one network.
        widths: inputs, units of each hidden layer, outputs.
        initializer: one of `jax.nn.initializers`; He's keeps the size of what passes through relus.
    """
    keys = jax.random.split(key, len(widths) - 1)
    return tuple(
        Layer(initializer(key, shape, float), jnp.zeros(shape[1:]))
        for key, shape in zip(keys, pairwise(widths), strict=True)
    )


def logits(
    params: Perceptron,
    x: Float[Array, "n inputs"],
    activation: Callable[[Array], Array] = jax.nn.relu,
) -> Float[Array, "n outputs"]:
    """The last layer's outputs: for a classifier, one logit a class."""
    *hidden, (weights, biases) = params
    for w, b in hidden:
        x = activation(x @ w + b[None])
    return x @ weights + biases[None]
