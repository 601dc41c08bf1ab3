"""A deep network whose hidden layers are all alike, and its backward pass written by hand."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from experiments.common.digits import CLASSES, PIXELS, Examples
from experiments.common.perceptron import Layer


class Activation(NamedTuple):
    """σ and its derivative σ′, both of the pre-activation z."""

    function: Callable[[Array], Array]
    slope: Callable[[Array], Array]


RELU = Activation(jax.nn.relu, lambda z: (z > 0).astype(z.dtype))


TANH = Activation(jnp.tanh, lambda z: 1 - jnp.tanh(z) ** 2)


def tanh_or_relu(is_tanh: Bool[Array, ""]) -> Activation:
    """One of the two, chosen at run time: compiling a program for each would take longer."""
    return Activation(
        lambda z: jnp.where(is_tanh, TANH.function(z), RELU.function(z)),
        lambda z: jnp.where(is_tanh, TANH.slope(z), RELU.slope(z)),
    )


class DeepNetwork(NamedTuple):
    """Hidden layers stacked along a first axis, each as wide as a picture has pixels; a readout."""

    hidden: Layer
    readout: Layer


class Passes(NamedTuple):
    """What the two passes leave at every layer.

    Attributes:
        inputs: what each layer was given, x, shape (layers, n, 64).
        signals: δ = ∂L/∂z of each hidden layer's pre-activations z, shape (layers − 1, n, 64).
        last_signal: the same of the readout, shape (n, 10).
        gradient: ∂L/∂W and ∂L/∂b of every layer.
    """

    inputs: Float[Array, "layers n 64"]
    signals: Float[Array, "hidden n 64"]
    last_signal: Float[Array, "n 10"]
    gradient: DeepNetwork


def deep_network(
    key: PRNGKeyArray,
    depth: int,
    weight_variance: Array | float,
    bias_variance: Array | float = 0.0,
) -> DeepNetwork:
    """Layers of weights from N(0, weight_variance/fan-in) and biases from N(0, bias_variance)."""
    of_weights, of_biases, of_readout = jax.random.split(key, 3)
    deviation = jnp.sqrt(weight_variance / PIXELS)
    hidden = Layer(
        deviation * jax.random.normal(of_weights, (depth - 1, PIXELS, PIXELS)),
        jnp.sqrt(bias_variance) * jax.random.normal(of_biases, (depth - 1, PIXELS)),
    )
    readout = deviation * jax.random.normal(of_readout, (PIXELS, CLASSES))
    return DeepNetwork(hidden, Layer(readout, jnp.zeros(CLASSES)))


def logits(
    params: DeepNetwork, x: Float[Array, "n 64"], activation: Activation = RELU
) -> Float[Array, "n 10"]:
    """The readout of what has passed all hidden layers."""

    def pass_on(x, layer):
        return activation.function(x @ layer.weights + layer.biases[None]), None

    x, _ = lax.scan(pass_on, x, params.hidden)
    return x @ params.readout.weights + params.readout.biases[None]


def backward(params: DeepNetwork, examples: Examples, activation: Activation) -> Passes:
    """Backpropagation of the cross-entropy, by hand: an assembly line run in reverse.

    Forward, every layer keeps its input x_l and its pre-activation z_l = x_l W_l + b_l. Backward,

        δ_last = (softmax(z_last) − onehot(y))/n
        δ_l = (δ_{l+1} W_{l+1}ᵀ) ⊙ σ′(z_l)
        ∂L/∂W_l = x_lᵀ δ_l,   ∂L/∂b_l = Σ δ_l over the examples

    Reference: Rumelhart, Hinton & Williams 1986, "Learning representations by back-propagating
    errors", equations 4 to 7.
    """
    x, y = examples

    def work(x, layer):
        z = x @ layer.weights + layer.biases[None]
        return activation.function(z), (x, z)

    x_last, (inputs, z) = lax.scan(work, x, params.hidden)
    readout = params.readout
    z_last = x_last @ readout.weights + readout.biases[None]
    target = jax.nn.one_hot(y, CLASSES, dtype=z_last.dtype)
    last_signal = (jax.nn.softmax(z_last) - target) / len(y)

    def hand_back(error, station):
        weights, x, z = station
        delta = error * activation.slope(z)
        return delta @ weights.T, (delta, layer_gradient(x, delta))

    error = last_signal @ readout.weights.T
    stations = (params.hidden.weights, inputs, z)
    _, (signals, hidden) = lax.scan(hand_back, error, stations, reverse=True)
    gradient = DeepNetwork(hidden, layer_gradient(x_last, last_signal))
    return Passes(jnp.concatenate([inputs, x_last[None]]), signals, last_signal, gradient)


def layer_gradient(x: Float[Array, "n inputs"], delta: Float[Array, "n outputs"]) -> Layer:
    return Layer(x.T @ delta, jnp.sum(delta, axis=0))
