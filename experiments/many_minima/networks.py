"""Perceptrons with one hidden layer or none, their penalized loss, and many starts of each.

    J(θ) = cross-entropy + ½λ‖θ‖²

Without a hidden layer this is softmax regression: J is λ-strongly convex and has one minimum.
Many networks are one tree of parameters, stacked along a first axis.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

import jdescent as jd
from experiments.common import perceptron
from experiments.common.digits import CLASSES, PIXELS, Digits, Examples, split_digits
from experiments.common.perceptron import Layer, Perceptron
from experiments.many_minima.config import PICTURES, Config

GradientNorms = Float[np.ndarray, "seeds steps_and_start"]
logits = partial(perceptron.logits, activation=jnp.tanh)
cross_entropy = jd.losses.cross_entropy(logits)
accuracy = jd.losses.accuracy(logits)


def digits(config: Config) -> Digits:
    return split_digits(held_out=held_out(config))


def held_out(config: Config) -> int:
    """How many digits no network is trained on."""
    return PICTURES - config.examples


def penalized(examples: Examples, config: Config) -> Callable[[Perceptron], Float[Array, ""]]:
    """J as a function of the parameters alone."""

    def loss(params: Perceptron) -> Float[Array, ""]:
        squares = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))
        return cross_entropy(params, examples) + config.weight_decay / 2 * squares

    return loss


@partial(jax.jit, static_argnames="width")
def starts(seeds: Int[Array, " seeds"], width: int) -> Perceptron:
    """First parameters, one network a seed."""
    glorot, widths = jax.nn.initializers.glorot_normal(), (PIXELS, width, CLASSES)
    keys = jax.vmap(jax.random.key)(seeds)
    return jax.vmap(lambda key: perceptron.perceptron(key, widths, glorot))(keys)


@jax.jit
def linear_starts(seeds: Int[Array, " seeds"]) -> Perceptron:
    """First parameters without a hidden layer, far from each other: standard normal weights."""
    normal, widths = jax.nn.initializers.normal(1.0), (PIXELS, CLASSES)
    keys = jax.vmap(jax.random.key)(seeds)
    return jax.vmap(lambda key: perceptron.perceptron(key, widths, normal))(keys)


def descended(starts: Perceptron, config: Config) -> tuple[Perceptron, GradientNorms]:
    """Where full-batch descent takes networks, and ‖∇J‖ on the way."""
    method = jd.nesterov(config.learning_rate, config.momentum)
    return descend_all(starts, method, config.steps, config)


def one_bowl(config: Config) -> tuple[Perceptron, GradientNorms]:
    """The same for softmax regression.

    The rate 1 is stable, as curvatures are below 1 but near the start; the momentum is Nesterov's
    for curvatures from λ to 1.
    """
    root = config.weight_decay**0.5
    method = jd.nesterov(1.0, (1 - root) / (1 + root))
    seeds = jnp.arange(config.linear_starts)
    return descend_all(linear_starts(seeds), method, config.linear_steps, config)


def descend_all(
    starts: Perceptron, optimizer: jd.Optimizer, steps: int, config: Config
) -> tuple[Perceptron, GradientNorms]:
    """Descend J from every start."""
    loss = penalized(digits(config).train, config)

    def run(start):
        path = jd.descend(loss, start["params"], optimizer, steps, record="gradient_norm")
        return {"params": path.params, "gradient": path.record["gradient_norm"]}

    runs = jd.sweep(run, start={"params": starts})
    ends = tuple(
        Layer._make(runs[f"params_{i}_{name}"].values for name in Layer._fields)
        for i in range(len(starts))
    )
    return ends, runs.gradient.values


@partial(jax.jit, static_argnames="score")
def each(score: Callable, networks: Perceptron, examples: Examples) -> Array:
    """A score of every network on the same examples."""
    return jax.vmap(lambda params: score(params, examples))(networks)


def guesses(params: Perceptron, examples: Examples) -> Int[Array, " examples"]:
    """The class that a network gives each picture."""
    return jnp.argmax(logits(params, examples[0]), axis=1)


def pick(networks: PyTree, places) -> PyTree:
    """Some of the networks, or one."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[places], networks)
