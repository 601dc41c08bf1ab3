"""What losses make of the data they are given: integers where numbers are meant, and indices."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from jdescent.core.trees import common_dtype


def as_floating(numbers: ArrayLike, *like: Array) -> Array:
    """Numbers as they are; integers and booleans in the floating dtype of what they go with.

    Example:
        >>> print(as_floating(jnp.array([1, 2]), jnp.zeros(2, jnp.bfloat16)).dtype)
        bfloat16
    """
    array = jnp.asarray(numbers)
    if jnp.issubdtype(array.dtype, jnp.inexact):
        return array
    floating = [x.dtype for x in like if jnp.issubdtype(x.dtype, jnp.floating)]
    return array.astype(common_dtype(*floating) if floating else float)


def as_indices(indices: ArrayLike) -> Array:
    """Integers in a dtype that counts any axis: uint8 does not hold 256, and 2³² becomes no 0."""
    if not isinstance(indices, jax.Array):
        wide = np.asarray(indices)
        fits = not np.issubdtype(wide.dtype, np.integer) or wide.dtype.itemsize < 4
        indices = wide if fits else np.clip(wide, -1, np.iinfo(np.int32).max).astype(np.int32)
    array = jnp.asarray(indices)
    integer = jnp.issubdtype(array.dtype, jnp.integer)
    return array.astype(jnp.int32) if integer and array.dtype.itemsize < 4 else array
