"""The network itself: one linear hidden layer, f = v·u/√n, one example, L = f²/2."""

from typing import NamedTuple

import jax
from jaxtyping import Array, Bool, Float

import jdescent as jd


class Weights(NamedTuple):
    """Of the hidden layer, and of the output."""

    u: Float[Array, " n"]
    v: Float[Array, " n"]


class Path(NamedTuple):
    """A run in the units of `theory`, at every step, and whether it diverged.

    Attributes:
        curvature: ηλ.
        size: η²f²/n = 2η²L/n.
        rate: η.
    """

    curvature: Float[Array, " rows"]
    size: Float[Array, " rows"]
    rate: Float[Array, ""]
    diverged: Bool[Array, ""]


def start(seed: Array | int, width: int) -> Weights:
    """All weights N(0, 1)."""
    keys = jax.random.split(jax.random.key(seed))
    return Weights(*(jax.random.normal(key, (width,)) for key in keys))


def loss(weights: Weights) -> Float[Array, ""]:
    """½f² for the input 1 and the label 0."""
    return (weights.u @ weights.v) ** 2 / weights.u.size / 2


def kernel(weights: Weights) -> Float[Array, ""]:
    """λ = ‖∂f/∂(u, v)‖²."""
    return (weights.u @ weights.u + weights.v @ weights.v) / weights.u.size


def descent(weights: Weights, product: Array | float, steps: int) -> Path:
    """Gradient descent at the rate η = product/λ₀."""
    rate = product / kernel(weights)
    record = {"kernel": lambda point: kernel(point.params), "square": lambda point: 2 * point.loss}
    path = jd.descend(loss, weights, jd.sgd(rate), steps, record=record)
    size = rate**2 * path.record["square"] / weights.u.size
    return Path(rate * path.record["kernel"], size, rate, path.verdict.diverged)
