"""The error signal of every layer, and the hand-written backward pass beside `jax.grad`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from experiments.backpropagation.config import STARTS, Config, standardized_digits, start_arrays
from experiments.backpropagation.network import (
    DeepNetwork,
    backward,
    deep_network,
    logits,
    tanh_or_relu,
)
from experiments.common.digits import Examples
from jdescent import losses


class Signals(NamedTuple):
    """Norms at every layer, the readout last.

    Attributes:
        signals: ‖∂L/∂z_l‖ of each example.
        gradients: ‖∂L/∂W_l‖ of each example.
        float64, float32: ‖by hand − jax.grad‖/‖jax.grad‖ of ∂L/∂W_l of all, in that precision.
        own_rounding: the same of jax.grad in float32 and jax.grad in float64.
    """

    signals: Float[Array, "*networks layers examples"]
    gradients: Float[Array, "*networks layers examples"]
    float64: Float[Array, "*networks layers"]
    float32: Float[Array, "*networks layers"]
    own_rounding: Float[Array, "*networks layers"]

    @property
    def sizes(self) -> Float[np.ndarray, "*networks layers"]:
        """‖∂L/∂z_l‖ over all examples together."""
        return np.linalg.norm(self.signals, axis=-1)

    @property
    def gradient_sizes(self) -> Float[np.ndarray, "*networks layers"]:
        """‖∂L/∂W_l‖: the root of the sum of its squares over the examples."""
        return np.linalg.norm(self.gradients, axis=-1)

    @property
    def shares(self) -> Float[np.ndarray, "*networks layers"]:
        """Every layer's part of the squared ‖∂L/∂W‖."""
        squares = self.gradient_sizes**2
        return squares / squares.sum(axis=-1, keepdims=True)


def all_signals(config: Config) -> dict[tuple[str, str], Signals]:
    """The signals of `signal_seeds` networks from each start."""
    pictures, labels = standardized_digits().train
    examples = pictures[: config.signal_examples], labels[: config.signal_examples]
    keys = jax.random.split(jax.random.key(0), config.signal_seeds)

    @jax.jit
    def measure_all(starts: tuple[Array, Array, Array]) -> Signals:
        def measure(start):
            return lax.map(lambda key: signals_of(start, key, examples, config.depth), keys)

        return lax.map(measure, starts)

    measured = measure_all(start_arrays())
    return {
        kind: jax.tree.map(lambda array, i=i: np.asarray(array[i]), measured)
        for i, kind in enumerate(STARTS)
    }


def signals_of(
    start: tuple[Array, Array, Array], key: PRNGKeyArray, examples: Examples, depth: int
) -> Signals:
    """One network, its weights rounded to float32, so that both precisions have the same."""
    is_tanh, weight_variance, bias_variance = start
    activation = tanh_or_relu(is_tanh)
    automatic = jax.grad(losses.cross_entropy(lambda p, x: logits(p, x, activation)))
    drawn = deep_network(key, depth, weight_variance, bias_variance)
    narrow, narrow_examples = cast((drawn, examples), jnp.float32)
    wide = cast(narrow, jnp.float64)
    passes = backward(wide, examples, activation)
    exact = automatic(wide, examples)
    narrow_automatic = automatic(narrow, narrow_examples)
    narrow_by_hand = backward(narrow, narrow_examples, activation).gradient
    hidden = jnp.linalg.norm(passes.signals, axis=-1)
    signals = jnp.append(hidden, jnp.linalg.norm(passes.last_signal, axis=-1)[None], axis=0)
    return Signals(
        signals,
        gradients=signals * jnp.linalg.norm(passes.inputs, axis=-1),  # ∂L/∂W = x δᵀ has rank 1
        float64=relative_difference(passes.gradient, exact),
        float32=relative_difference(narrow_by_hand, narrow_automatic),
        own_rounding=relative_difference(cast(narrow_automatic, jnp.float64), exact),
    )


def cast(tree: PyTree, dtype: DTypeLike) -> PyTree:
    """Every floating array of the tree in another precision."""
    return jax.tree.map(
        lambda a: a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.floating) else a, tree
    )


def relative_difference(one: DeepNetwork, other: DeepNetwork) -> Float[Array, " layers"]:
    return weight_norms(jax.tree.map(jnp.subtract, one, other)) / weight_norms(other)


def weight_norms(network: DeepNetwork) -> Float[Array, " layers"]:
    hidden = jnp.sqrt(jnp.sum(network.hidden.weights**2, axis=(1, 2)))
    return jnp.append(hidden, jnp.sqrt(jnp.sum(network.readout.weights**2)))
