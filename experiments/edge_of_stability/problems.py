"""Two classification problems of one shape, and the network that is trained on them."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from sklearn.datasets import load_digits

from experiments.common.digits import CLASSES, PIXELS
from experiments.common.perceptron import logits, perceptron

TEACHER_SEED = 0
STANDARD_DEVIATION = 0.5  # of the weights, times √(inputs of the layer)

Vector = Float[Array, " parameters"]


class Problem(NamedTuple):
    """Inputs of mean 0 and one-hot targets."""

    inputs: Float[Array, "n 64"]
    targets: Float[Array, "n 10"]


def synthetic(examples: int) -> Problem:
    """Gaussian features of standard deviations j^−½, and the class that a linear teacher names."""
    of_features, of_teacher = jax.random.split(jax.random.key(TEACHER_SEED))
    scales = jnp.arange(1.0, PIXELS + 1) ** -0.5
    inputs = scales[None] * jax.random.normal(of_features, (examples, PIXELS))
    classes = jnp.argmax(inputs @ jax.random.normal(of_teacher, (PIXELS, CLASSES)), axis=1)
    return Problem(inputs, jax.nn.one_hot(classes, CLASSES))


def digits(examples: int) -> Problem:
    """The first of scikit-learn's digits, pixels from 0 to 1 less their means."""
    pictures, labels = load_digits(return_X_y=True)
    inputs = pictures[:examples] / 16
    return Problem(
        jnp.asarray(inputs - inputs.mean(axis=0), jnp.float32),
        jnp.asarray(np.eye(CLASSES)[labels[:examples]], jnp.float32),
    )


PROBLEMS: dict[str, Callable[[int], Problem]] = {"synthetic": synthetic, "digits": digits}


class Network(NamedTuple):
    """A tanh perceptron whose parameters are one vector, and half its mean squared error."""

    widths: tuple[int, ...]

    def start(self, seed: Array | int) -> Vector:
        """Weights N(0, ¼/fan-in), biases 0."""
        return ravel_pytree(self._draw(jax.random.key(seed)))[0]

    def loss(self, params: Vector, problem: Problem) -> Float[Array, ""]:
        """½ · mean over examples of ‖output − target‖²."""
        outputs = logits(self._as_layers(params), problem.inputs, jnp.tanh)
        return 0.5 * jnp.mean(jnp.sum((outputs - problem.targets) ** 2, axis=1))

    def _draw(self, key: Array):
        spread = jax.nn.initializers.variance_scaling(STANDARD_DEVIATION**2, "fan_in", "normal")
        return perceptron(key, (PIXELS, *self.widths, CLASSES), spread)

    def _as_layers(self, params: Vector):
        shapes = jax.eval_shape(self._draw, jax.random.key(0))
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, params.dtype), shapes)
        return ravel_pytree(zeros)[1](params)
