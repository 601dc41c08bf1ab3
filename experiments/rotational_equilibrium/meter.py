"""An optimizer that measures how far weight vectors turn."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

import jdescent as jd


class Metered(NamedTuple):
    """The optimizer's state, and sums over all steps of the squares of angles and of norms.

    The squares have a last axis of 2, the angle's first; the others are those of the weight
    vectors.
    """

    inner: Any
    squares: Float[Array, "*vectors 2"]


def metered(optimizer: jd.Optimizer, vectors=lambda params: params) -> jd.Optimizer:
    """The same optimizer; its state also holds sums over the steps.

    Args:
        optimizer: any.
        vectors: from parameters to weight vectors, along the last axis of an array.
    """

    def init(params: Any) -> Metered:
        shape = vectors(params).shape[:-1]
        return Metered(optimizer.init(params), jnp.zeros((*shape, 2)))

    def update(grads: Any, state: Metered, params: Any = None) -> tuple[Any, Metered]:
        updates, inner = optimizer.update(grads, state.inner, params)
        before, after = vectors(params), vectors(jd.apply_updates(params, updates))
        squares = jnp.stack([angle_between(before, after) ** 2, jnp.sum(after**2, -1)], axis=-1)
        return updates, Metered(inner, state.squares + squares)

    return jd.Optimizer(init, update)


def angle_between(x: Float[Array, "*n d"], y: Float[Array, "*n d"]) -> Float[Array, "*n"]:
    """In radians, from the chord of the unit sphere, which keeps the digits of a small angle."""
    chord = x / jnp.linalg.norm(x, axis=-1, keepdims=True)
    chord = chord - y / jnp.linalg.norm(y, axis=-1, keepdims=True)
    return 2 * jnp.arcsin(jnp.linalg.norm(chord, axis=-1) / 2)
