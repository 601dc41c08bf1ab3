"""Paths between two ends: the straight line, and one that is bent to stay low.

The barrier of a path θ(t) from a to b, t ∈ [0, 1], is how far the loss rises along it above the
line between the losses of its two ends: maxₜ L(θ(t)) − (1 − t)L(a) − tL(b).

References: Goodfellow, Vinyals & Saxe 2015, "Qualitatively characterizing neural network
optimization problems" (the line); Garipov, Izmailov, Podoprikhin, Vetrov & Wilson 2018, "Loss
Surfaces, Mode Connectivity, and Fast Ensembling of DNNs", §3.3 (the bent path); Entezari, Sedghi,
Saukh & Neyshabur 2022, "The Role of Permutation Invariance in Linear Mode Connectivity of Neural
Networks", Definition 2.1 (the barrier).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.common.digits import Examples
from experiments.common.perceptron import Perceptron
from experiments.many_minima import networks
from experiments.many_minima.config import Config

Heights = Float[np.ndarray, "pairs points"]


def straight(t: Array, a: Perceptron, b: Perceptron) -> Perceptron:
    """θ(t) = (1 − t)a + tb."""
    return jax.tree.map(lambda x, y: (1 - t) * x + t * y, a, b)


def bent(t: Array, a: Perceptron, middle: Perceptron, b: Perceptron) -> Perceptron:
    """θ(t) = (1 − t)²a + 2t(1 − t)m + t²b."""

    def point(x, m, y):
        return (1 - t) ** 2 * x + 2 * t * (1 - t) * m + t**2 * y

    return jax.tree.map(point, a, middle, b)


def straight_heights(a: Perceptron, b: Perceptron, config: Config) -> Heights:
    """The cross-entropy on the training digits along the line between each two."""
    return np.asarray(heights(straight, (a, b), networks.digits(config).train, config.points))


def bent_heights(a: Perceptron, b: Perceptron, config: Config) -> Heights:
    """The same along paths whose middles are trained to lower the mean of J along them."""
    examples = networks.digits(config).train
    loss = networks.penalized(examples, config)

    def place(key, step):
        return jax.random.uniform(jax.random.fold_in(key, step), dtype=float)

    def middle(key, a, b):
        return jd.descend(
            lambda middle, t: loss(bent(t, a, middle, b)),
            straight(jnp.asarray(0.5), a, b),
            jd.nesterov(config.learning_rate, config.momentum),
            config.bent_steps,
            batches=place,
            key=key,
        ).params

    keys = jax.random.split(jax.random.key(0), len(a[0].biases))
    middles = jax.jit(jax.vmap(middle))(keys, a, b)
    return np.asarray(heights(bent, (a, middles, b), examples, config.points))


@partial(jax.jit, static_argnames=("path", "points"))
def heights(
    path: Callable[..., Perceptron],
    corners: tuple[Perceptron, ...],
    examples: Examples,
    points: int,
) -> Float[Array, "pairs points"]:
    """The cross-entropy along a path between corners, for every first entry of the corners."""
    places = jnp.linspace(0, 1, points)

    def along(corners):
        return jax.vmap(lambda t: networks.cross_entropy(path(t, *corners), examples))(places)

    return jax.lax.map(along, corners)


def barriers(heights: Heights) -> Float[np.ndarray, " pairs"]:
    t = np.linspace(0, 1, heights.shape[1])
    between = np.outer(heights[:, 0], 1 - t) + np.outer(heights[:, -1], t)
    return np.max(heights - between, axis=1)


class Plane(NamedTuple):
    """The loss on a grid of a plane, and where in it the networks are that it goes through."""

    x: Float[np.ndarray, " points"]
    y: Float[np.ndarray, " points"]
    loss: Float[np.ndarray, "points points"]
    corners: Float[np.ndarray, "3 2"]


def plane(corners: Sequence[Perceptron], config: Config) -> Plane:
    """J over the plane through three networks, in its own distances."""
    flat = np.stack([np.concatenate([np.ravel(x) for x in jax.tree.leaves(c)]) for c in corners])
    axes, _ = np.linalg.qr((flat[1:] - flat[0]).T)
    places = (flat - flat[0]) @ axes
    reach = np.linspace(-1, 1, config.plane_points, dtype=flat.dtype) * np.ptp(places) * 0.7
    x, y = (middle + reach for middle in (places.min(axis=0) + places.max(axis=0)) / 2)
    u, v = (unraveled(axis, corners[0]) for axis in axes.T)
    return Plane(x, y, np.asarray(over_plane((corners[0], u, v), x, y, config)), places)


@partial(jax.jit, static_argnames="config")
def over_plane(
    frame: tuple[Perceptron, Perceptron, Perceptron],
    x: Float[Array, " points"],
    y: Float[Array, " points"],
    config: Config,
) -> Float[Array, "points points"]:
    """J at origin + x·u + y·v, a row for each y."""
    loss = networks.penalized(networks.digits(config).train, config)

    def loss_at(x, y):
        return loss(jax.tree.map(lambda o, u, v: o + x * u + y * v, *frame))

    return jax.lax.map(lambda y: jax.vmap(lambda x: loss_at(x, y))(x), y)


def unraveled(flat: Float[np.ndarray, " parameters"], like: Perceptron) -> Perceptron:
    leaves, structure = jax.tree.flatten(like)
    cuts = np.cumsum([np.size(leaf) for leaf in leaves])[:-1]
    parts = zip(np.split(flat, cuts), leaves, strict=True)
    return jax.tree.unflatten(structure, [part.reshape(np.shape(leaf)) for part, leaf in parts])
