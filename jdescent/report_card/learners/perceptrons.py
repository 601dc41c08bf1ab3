"""Perceptrons: two hidden layers that learn what a perceptron like them, or parity, tells.

    h ← φ(W₁x + b₁), h ← φ(W₂h + b₂), η = w·h + b,   φ = tanh, relu, or relu and then a
    division by the root mean square

cost ½(η − y)², or log(1 + e^η) − yη of classes. Rows are never seen twice but by chance, and the
metric is of others. The floor is the cost of who knows the teacher: the noise. Each width is a
program of its own.

Reference of the normalization: B. Zhang and R. Sennrich, 2019, Root Mean Square Layer
Normalization, eq. (4), without gains.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from jdescent.report_card.learners.task import Program, Task, between, key_of, rows_at_random

INPUTS, BATCH, STEPS = 6, 32, 240
ROWS, HELD_OUT = 8192, 256
NARROW, WIDE = 16, 64
TANH, RELU, NORMALIZED = 0, 1, 2
NOISE, WRONG = 0.1, 0.1


def perceptrons(width: int) -> list[Task]:
    """The tasks of one width: of the wide ones two, which the narrow ones have as well."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(ROWS + HELD_OUT, INPUTS))
    noise = rng.normal(size=len(x))
    wrong = rng.random(len(x)) < WRONG
    smooth, kinked = (_teacher(x, activation, rng) for activation in (np.tanh, _relu))
    parity = np.prod(np.sign(x[:, :2]), axis=1) > 0
    tasks = [
        _regression("tanh MLP", width, TANH, x, smooth, noise, 0.03),
        _regression("relu MLP", width, RELU, x, kinked, noise, 0.05),
    ]
    if width == NARROW:
        tasks += [
            _regression("normalized MLP", width, NORMALIZED, 10 * x, kinked, noise, 0.2),
            _classes("MLP, parity of two", width, TANH, x, parity, wrong, 0.2),
            _classes("MLP, wrong labels", width, RELU, x, smooth > 0, wrong, 0.6),
        ]
    return tasks


def _relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0)


def _teacher(x: np.ndarray, activation, rng: np.random.Generator) -> np.ndarray:
    """What a random perceptron of eight hidden units tells, of mean 0 and variance 1."""
    w1, w2 = rng.normal(size=(INPUTS, 8)), rng.normal(size=8)
    y = activation(x @ w1) @ w2
    return (y - y.mean()) / y.std()


def _regression(name, width, activation, x, y, noise, share) -> Task:
    noisy = y + NOISE * noise
    floor = float(np.mean((noisy - y)[ROWS:] ** 2) / 2)
    null = float(np.mean(noisy[ROWS:] ** 2) / 2)
    return _task(name, width, activation, False, x, noisy, floor, null, share)


def _classes(name, width, activation, x, y, wrong, share) -> Task:
    told = (y ^ wrong).astype(float)
    logit = np.where(y, 1.0, -1.0) * special.logit(1 - WRONG)
    floor = float(np.mean(np.logaddexp(0, logit) - told * logit, where=np.arange(len(x)) >= ROWS))
    return _task(name, width, activation, True, x, told, floor, float(np.log(2)), share)


def _task(name, width, activation, classes, x, y, floor, null, share) -> Task:
    rows = {"x": x.astype(np.float32), "y": y.astype(np.float32)}
    data = {
        "rows": {key: array[:ROWS] for key, array in rows.items()},
        "held_out": {key: array[ROWS:] for key, array in rows.items()},
        "activation": np.int32(activation),
        "classes": np.bool_(classes),
    }
    return Task(
        name if width == NARROW else f"{name}, wide", "MLP", program(width), data, floor, null,
        between(floor, null, share), "the noise, which a teacher leaves",
        f"mean cost of {HELD_OUT} held-out rows",
    )  # fmt: skip


# -- the program of a width ------------------------------------------------------------------------


@functools.cache
def program(width: int) -> Program:
    return Program(
        f"MLP of width {width}", STEPS, functools.partial(start, width), batch, loss, metric
    )


def start(width, key, data):
    """Weights of variance 1/fan-in, or 2/fan-in before a relu; biases of 0."""
    first, second, third = jax.random.split(key, 3)
    gain = jnp.where(data["activation"] == TANH, 1, np.sqrt(2)).astype(jnp.float32)

    def weights(key, *shape):
        return gain * jax.random.normal(key, shape, jnp.float32) / np.float32(np.sqrt(shape[0]))

    return {
        "W1": weights(first, INPUTS, width),
        "b1": jnp.zeros(width, jnp.float32),
        "W2": weights(second, width, width),
        "b2": jnp.zeros(width, jnp.float32),
        "w": weights(third, width, 1),
        "b": jnp.zeros(1, jnp.float32),
    }


def activated(z, activation):
    positive = jax.nn.relu(z)
    square = jnp.mean(positive**2, axis=-1, keepdims=True)
    normalized = positive * jax.lax.rsqrt(square + 1e-6)
    return jnp.where(
        activation == TANH, jnp.tanh(z), jnp.where(activation == RELU, positive, normalized)
    )


def score(params, data, x):
    h = activated(x @ params["W1"] + params["b1"][None], data["activation"])
    h = activated(h @ params["W2"] + params["b2"][None], data["activation"])
    return (h @ params["w"] + params["b"][None])[:, 0]


def batch(key, step, data):
    return rows_at_random(key_of(key, step), data["rows"], BATCH)


def loss(params, data, batch):
    eta, y = score(params, data, batch["x"]), batch["y"]
    cost = jnp.where(data["classes"], jax.nn.softplus(eta) - y * eta, (eta - y) ** 2 / 2)
    return jnp.mean(cost)


def metric(params, data, step):
    return loss(params, data, data["held_out"])
