"""Networks on handwritten digits in the tangent kernel's parametrization, at rates around 2/λ₀.

A layer is x ← σ(x·W/√(inputs)) with weights N(0, 1) and no biases; the loss is half the squared
distance from the label, summed over outputs and averaged over examples. λ is the largest eigenvalue
of the kernel J·Jᵀ/examples, which is that of Gauss and Newton's matrix.
"""

import math
import operator
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import jdescent as jd
from experiments.catapult.config import Config
from experiments.common.digits import CLASSES, PIXELS, Digits, split_digits
from jdescent import analysis

HELD_OUT = 450
ITERATIONS = 12
EVERY = 10  # steps between two looks at held-out digits
OF_TIME = 2.0  # ηλ₀ of the run whose time t·η all others are given: the slowest take all steps

Weights = tuple[Float[Array, "inputs outputs"], ...]
Matrix = Float[np.ndarray, "seeds rates"]


class Network(NamedTuple):
    """Activation, hidden layers, outputs, and the rates that it is tried at, as ηλ₀."""

    activation: Callable[[Array], Array]
    hidden: int
    outputs: int
    rates: tuple[float, ...]


def rectified(z: Array) -> Array:
    """√2·max(z, 0), which keeps the size of what passes through."""
    return math.sqrt(2) * jax.nn.relu(z)


DEEP_RATES = (1, 1.8, 2.2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20)
SHALLOW_RATES = (1, 1.8, 2.2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 38, 45, 54, 64)
NETWORKS = {
    "linear": Network(
        lambda z: z, 1, 1, (1, 1.4, 1.8, 2.2, 2.6, 3, 3.4, 3.7, 3.9, 4.1, 4.3, 4.6, 5)
    ),
    "tanh": Network(
        jnp.tanh, 1, CLASSES, (1, 1.4, 1.8, 2.2, 2.6, 3, 3.4, 3.7, 4, 4.3, 4.6, 5, 5.5, 6, 7)
    ),
    "relu": Network(rectified, 1, CLASSES, SHALLOW_RATES),
    "relu_2": Network(rectified, 2, CLASSES, DEEP_RATES),
    "relu_3": Network(rectified, 3, CLASSES, DEEP_RATES),
}


class Runs(NamedTuple):
    """Runs of one network; those that do not train are in them.

    Attributes:
        rates: ηλ₀.
        trains: whether the loss ends below that of the best constant prediction.
        curvature: ηλ at the end.
        peak: the largest loss over the first.
        accuracy: on held-out digits at the end.
        timely: the same once t·η is that of all steps at ηλ₀ = `OF_TIME`; where ηλ₀ is less, at
            the end.
    """

    rates: Float[np.ndarray, " rates"]
    trains: Matrix
    curvature: Matrix
    peak: Matrix
    accuracy: Matrix
    timely: Matrix


class Task(NamedTuple):
    """Pictures of mean 0 and mean square 1, labels as vectors, and what was held out."""

    inputs: Float[Array, "n 64"]
    labels: Float[Array, "n outputs"]
    held_out: Float[Array, "m 64"]
    answers: Int[Array, " m"]


def task(outputs: int, data: Digits) -> Task:
    """One output for even (+1) and odd (−1), or one for each digit."""
    (x, y), (x_test, y_test) = data
    middle, spread = jnp.mean(x), jnp.std(x)
    if outputs == 1:
        labels, answers = jnp.where(y % 2 == 0, 1.0, -1.0)[:, None], y_test % 2
    else:
        labels, answers = jax.nn.one_hot(y, outputs), y_test
    return Task((x - middle) / spread, labels, (x_test - middle) / spread, answers)


def draw(network: Network, width: int, key: Array) -> Weights:
    widths = [PIXELS, *[width] * network.hidden, network.outputs]
    keys = jax.random.split(key, len(widths) - 1)
    return tuple(
        jax.random.normal(key, shape) for key, shape in zip(keys, pairwise(widths), strict=True)
    )


def outputs(network: Network, weights: Weights, x: Float[Array, "n 64"]) -> Array:
    *hidden, last = weights
    for W in hidden:
        x = network.activation(x @ W / math.sqrt(len(W)))
    return x @ last / math.sqrt(len(last))


def half_squares(predictions: Array, labels: Array) -> Float[Array, ""]:
    return jnp.mean(jnp.sum((predictions - labels) ** 2, axis=1)) / 2


def accuracy(network: Network, weights: Weights, given: Task) -> Float[Array, ""]:
    found = outputs(network, weights, given.held_out)
    is_odd = (found[:, 0] < 0).astype(given.answers.dtype)
    return jnp.mean((is_odd if network.outputs == 1 else jnp.argmax(found, 1)) == given.answers)


def kernel(network: Network, weights: Weights, given: Task) -> Float[Array, ""]:
    """λ, the largest eigenvalue of the tangent kernel on the examples."""
    G = analysis.gauss_newton_operator(
        lambda w: outputs(network, w, given.inputs),
        lambda z: half_squares(z, given.labels),
        weights,
    )
    return analysis.top_eigenpairs(G, weights, iterations=ITERATIONS).values[0]


def trained(name: str, config: Config) -> Runs:
    """Gradient descent at every rate from every start."""
    network = NETWORKS[name]
    given = task(network.outputs, split_digits(HELD_OUT, train=config.examples))
    constant = half_squares(jnp.mean(given.labels, axis=0, keepdims=True), given.labels)

    def loss(weights: Weights) -> Array:
        return half_squares(outputs(network, weights, given.inputs), given.labels)

    def run(begun: Weights, rate: Array, row: Array) -> tuple[Weights, dict[str, Array]]:
        path = jd.descend(
            loss, begun, jd.sgd(rate), config.network_steps,
            evaluate=(lambda point: accuracy(network, point.params, given), EVERY),
        )  # fmt: skip
        assert path.loss is not None
        return path.params, {
            "trains": ~path.verdict.diverged & (path.loss[-1] < constant),
            "peak": jnp.max(path.loss) / path.loss[0],
            "accuracy": path.evaluated[-1],
            "timely": path.evaluated[row],
        }

    curvature = jax.jit(lambda weights: kernel(network, weights, given))
    rates = jnp.array(network.rates)
    rows = jnp.round(jnp.minimum(OF_TIME / rates, 1) * config.network_steps / EVERY).astype(int)

    @jax.jit
    def at_every_rate(begun: Weights, first: Array):
        return jax.lax.map(lambda at: run(begun, at[0] / first, at[1]), (rates, rows))

    def from_seed(seed: int) -> Runs:
        begun = draw(network, config.network_width, jax.random.key(seed))
        first = curvature(begun)
        ends, found = at_every_rate(begun, first)
        each = [jax.tree.map(operator.itemgetter(place), ends) for place in range(len(rates))]
        found["curvature"] = rates / first * jnp.array([curvature(weights) for weights in each])
        return Runs(rates=np.array(network.rates), **found)

    runs = [from_seed(seed) for seed in range(config.network_seeds)]
    return Runs(np.array(network.rates), *(np.stack(c) for c in list(zip(*runs, strict=True))[1:]))
