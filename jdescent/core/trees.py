"""Norms and dtypes of whole trees of arrays."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PyTree

from jdescent.numerics import root


def global_norm(tree: PyTree) -> Array:
    """‖tree‖₂ over all leaves together, in float32 or wider.

    No square overflows or vanishes, whatever the size of the elements. Its derivative at 0 is 0, a
    subgradient.

    Raises:
        TypeError: a complex leaf.

    Example:
        >>> print(global_norm({"w": jnp.array([3.0]), "b": jnp.array(4.0)}))
        5.0
    """
    scale, norm = scaled_norm(tree)
    return scale * norm


def scaled_norm(tree: PyTree) -> tuple[Array, Array]:
    """A power of two and ‖tree‖₂ divided by it, which is never too large nor too small to hold.

    The power is 1 unless squares would overflow or vanish. (Dividing by the largest element would
    not do: one over the largest numbers is subnormal, which compiled code takes for 0.)
    """
    leaves = jax.tree.leaves(tree)
    dtype = common_dtype(jnp.float32, *leaves)
    if jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(f"a norm of real arrays is taken, got {dtype}: split real from imaginary")
    third = int(jnp.finfo(dtype).maxexp) // 3
    wide = [jnp.asarray(x, dtype) for x in leaves]
    zero = jnp.zeros((), dtype)
    largest = functools.reduce(jnp.maximum, (jnp.max(jnp.abs(x), initial=0.0) for x in wide), zero)
    scale = jnp.where(largest > 2.0**third, 4.0**third, 1)
    scale = jnp.where(largest < 2.0**-third, 4.0**-third, scale).astype(dtype)
    scale = lax.stop_gradient(scale)
    return scale, root(sum((jnp.sum(jnp.square(x / scale)) for x in wide), zero))


def as_arrays(tree: PyTree) -> PyTree:
    """Every leaf as an array of a fixed dtype, Python numbers included."""
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x)), tree)


def name_of(path: tuple) -> str:
    """Where a parameter is, without the box of one array that flax puts about it.

    Its nnx gives boxes to `init` and bare arrays to `update`.
    """
    is_boxed = bool(path) and path[-1] == jax.tree_util.GetAttrKey("value")
    return jax.tree_util.keystr(path[:-1] if is_boxed else path)


def common_dtype(*operands: Any) -> jnp.dtype:
    """The dtype that holds all operands, even where the user forbids implicit promotion."""
    with jax.numpy_dtype_promotion("standard"):
        return jnp.result_type(*operands)
