"""Values of many lanes: stacked in one array, or split into vectors of one entry a lane."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from jdescent.sweeps.lanes.programs import SPLIT_LIMIT


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Stacked:
    """A value of every lane as one array, with the lanes along one of its axes, 0 or −1."""

    array: Array
    axis: int = field(default=-1, metadata={"static": True})


@dataclass(frozen=True, eq=False)
class Split:
    """A value of every lane as an array of objects of its shape, each a vector (lanes,).

    An entry that is the same in all lanes is a scalar.
    """

    entries: np.ndarray


Entry = Any  # a vector (lanes,), or a scalar that all lanes share


Value = Any  # Stacked, Split, or an ordinary array: the same in all lanes


def is_shared(value: Value) -> bool:
    return not isinstance(value, Stacked | Split)


def as_constant(array: Entry) -> Entry | np.ndarray:
    """A small constant in NumPy, so that its numbers stand in the compiled arithmetic itself."""
    if isinstance(array, jax.core.Tracer) or jnp.issubdtype(array.dtype, jax.dtypes.extended):
        return array
    return np.asarray(array) if array.size <= SPLIT_LIMIT else array


def stack(value: Value, lanes: int) -> Entry:
    """A value as one array, the lanes last."""
    if isinstance(value, Stacked):
        return jnp.moveaxis(value.array, value.axis, -1)
    if isinstance(value, Split):
        rows = [jnp.broadcast_to(entry, (lanes,)) for entry in value.entries.flat]
        return jnp.stack(rows).reshape(*value.entries.shape, lanes)
    return jnp.broadcast_to(jnp.asarray(value)[..., None], (*jnp.shape(value), lanes))


def lanes_first(value: Value, lanes: int) -> Stacked:
    if isinstance(value, Stacked):
        return Stacked(jnp.moveaxis(value.array, value.axis, 0), 0)
    return Stacked(jnp.moveaxis(stack(value, lanes), -1, 0), 0)


def split(value: Value) -> Split:
    """A value as its entries."""
    if isinstance(value, Split):
        return value
    shape, array = shape_of(value), value
    if isinstance(value, Stacked):
        array = jnp.moveaxis(value.array, value.axis, -1)
    elif not isinstance(value, jax.Array):  # a constant, whose numbers are cut out here and now
        return Split(as_entries([value[place] for place in np.ndindex(shape)], shape))
    elif shape == ():
        return Split(as_entries([array], shape))
    rows = lax.reshape(array, (math.prod(shape), *array.shape[len(shape) :]))
    entries = [lax.index_in_dim(rows, i, keepdims=False) for i in range(len(rows))]
    return Split(as_entries(entries, shape))


def behind_a_barrier(value: Value) -> Split:
    """The same entries, which XLA computes whatever is done with them."""
    shape, entries = shape_of(value), list(split(value).entries.flat)
    return Split(as_entries(lax.optimization_barrier(entries), shape))


def scalar_entry(value: Value) -> Entry:
    """A scalar value as its one entry."""
    return value if is_shared(value) else split(value).entries[()]


def same_if_empty(value: Value) -> Value:
    """An array without numbers is the same in all lanes."""
    if not isinstance(value, Stacked) or 0 not in shape_of(value):
        return value
    return lax.index_in_dim(value.array, 0, value.axis, keepdims=False)


def shape_of(value: Value) -> tuple[int, ...]:
    if isinstance(value, Split):
        return value.entries.shape
    if isinstance(value, Stacked):
        lanes_last = (
            range(value.array.ndim) if value.axis == -1 else [*range(1, value.array.ndim), 0]
        )
        return tuple(value.array.shape[axis] for axis in lanes_last)[:-1]
    return jnp.shape(value)


def as_entries(flat: Sequence[Entry], shape: Sequence[int]) -> np.ndarray:
    entries = np.empty(len(flat), object)
    for i, entry in enumerate(flat):  # one by one, lest NumPy looks into the arrays
        entries[i] = entry
    return entries.reshape(shape)


def align(*entries: Entry) -> list[Entry]:
    """Entries as all vectors or all scalars."""
    lanes = max((jnp.shape(entry) for entry in entries), key=len)
    return [
        entry if jnp.shape(entry) == lanes else jnp.broadcast_to(entry, lanes) for entry in entries
    ]
