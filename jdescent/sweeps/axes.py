"""The axes of a sweep: trees of arrays whose first axes are equal."""

import hashlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree


class Axis:
    """One named axis: what each of its points gives to the function, and what labels it."""

    def __init__(self, name: str, value: Any):
        self.name = name
        self.tree = _as_tree(name, value)
        leaves = jax.tree.leaves(self.tree)
        if not leaves:
            raise ValueError(f"axis {name} is empty: give it at least one value")
        for leaf in leaves:
            _check(name, leaf)
        sizes = sorted({len(leaf) for leaf in leaves})
        if len(sizes) > 1:
            raise ValueError(f"axis {name} has arrays of different lengths: {sizes}")
        self.size: int = sizes[0]

    @property
    def one_point(self) -> PyTree:
        """The shapes of what the function is given."""
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), self.tree
        )

    @property
    def coordinate(self) -> np.ndarray:
        """The values where they are one number each, else 0, 1, …."""
        array = self.tree
        plain = isinstance(array, jax.Array) and array.ndim == 1 and not is_key(array)
        return np.asarray(array) if plain else np.arange(self.size)

    def identity(self) -> dict[str, Any]:
        """What tells this axis from another one: a description and a digest of every array."""
        paths = jax.tree_util.tree_leaves_with_path(self.tree)
        return {jax.tree_util.keystr(path) or "values": describe(leaf) for path, leaf in paths}


def is_key(leaf: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key)


def describe(array: Any) -> str:
    """An array in a line: dtype, shape, range of numbers, and a digest of all its bytes."""
    numbers = on_host(jax.random.key_data(array) if is_key(array) else array)
    digest = hashlib.sha256(numbers.tobytes()).hexdigest()[:16]
    text = f"{jnp.result_type(array)}{list(array.shape)}"
    if numbers.size and numbers.dtype.kind in "biuf" and not is_key(array):
        text += f" from {numbers.min():.9g} to {numbers.max():.9g}"
    return f"{text}, sha256 {digest}…"


def on_host(array: Any) -> np.ndarray:
    return np.asarray(jax.device_get(array))


def _as_tree(name: str, value: Any) -> PyTree:
    """A tree of arrays: numbers in a list make one array, trees in a list are stacked."""
    if isinstance(value, Sequence) and value and not _is_leaf(value[0]):
        first: Any = jax.tree.structure(value[0])
        for place, tree in enumerate(value):
            if jax.tree.structure(tree) != first:
                raise ValueError(
                    f"axis {name} holds trees of different structure:\n"
                    f"  at 0: {first}\n  at {place}: {jax.tree.structure(tree)}"
                )
        try:
            return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(x) for x in leaves]), *value)
        except ValueError as error:
            raise ValueError(f"axis {name} holds trees of different shapes: {error}") from error
    if _is_leaf(value):
        return _as_array(name, value)
    return jax.tree.map(lambda leaf: _as_array(name, leaf), value)


def _is_leaf(value: Any) -> bool:
    """Whether a value is one array, or rows of one."""
    return value is None or type(value) in (list, tuple) or jax.tree_util.all_leaves([value])


def _as_array(name: str, value: Any) -> jax.Array:
    if isinstance(value, jax.Array):
        return value
    try:
        return jnp.asarray(np.asarray(value))
    except (TypeError, ValueError) as error:
        raise TypeError(f"axis {name} must be an array of values, got {value!r}") from error


def _check(name: str, array: jax.Array) -> None:
    if array.ndim == 0:
        raise ValueError(f"axis {name} must have a first axis to map over, got a scalar {array}")
    if len(array) == 0:
        raise ValueError(f"axis {name} is empty: give it at least one value")
    if jnp.issubdtype(array.dtype, jnp.inexact) and bool(jnp.any(jnp.isnan(array))):
        where = ", ".join(str(i) for i in np.argwhere(np.isnan(array))[0])
        raise ValueError(f"axis {name} holds NaN at index {where}")
