"""Values as JAX has them, or an error: arrays, lists and trees of them that a sweep maps over."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jdescent.core.identity import is_key, on_host

OUTSIDE = (
    "a sweep computes its numbers at once, so call it outside jax.jit, jax.vmap and jax.grad; "
    "within them, jax.vmap maps a run"
)
NOT_IN_JAX = (np.longdouble, np.clongdouble)


@contextmanager
def keys_in_order(what: str) -> Iterator[None]:
    """Say what to do where JAX cannot sort the keys of a dictionary in a tree."""
    try:
        yield
    except ValueError as error:
        if "dictionary keys" not in str(error):
            raise
        raise TypeError(
            f"{what} has a dictionary whose keys cannot be sorted, as 1 and '1' cannot: make them "
            "all of one type, such as text"
        ) from error


def as_tree(name: str, value: Any) -> PyTree:
    """A tree of arrays: numbers in a list make one array, trees in a list are stacked."""
    named = hasattr(value, "_fields")  # a named tuple, such as a Trajectory, is one tree
    if isinstance(value, Sequence) and not named and value and not is_leaf(value[0]):
        first: Any = jax.tree.structure(value[0])
        for place, tree in enumerate(value):
            if jax.tree.structure(tree) != first:
                raise ValueError(
                    f"axis {name} holds trees of different structure:\n"
                    f"  at 0: {first}\n  at {place}: {jax.tree.structure(tree)}"
                )
        return jax.tree.map(lambda *leaves: _stacked(name, leaves), *value)
    if is_leaf(value):
        return _as_array(name, value)

    def leaf_as_array(leaf):
        return None if leaf is None else _as_array(name, leaf)

    return jax.tree.map(leaf_as_array, value, is_leaf=is_leaf)


def is_leaf(value: Any) -> bool:
    """Whether a value is one array, or rows of one; rows of trees are a tree."""
    return value is None or jax.tree_util.all_leaves(_entries(value))


def _entries(value: Any) -> Iterator[Any]:
    """What the rows hold, however deep; None among them is refused later."""
    if type(value) in (list, tuple):
        yield from itertools.chain.from_iterable(map(_entries, value))
    elif value is not None:
        yield value


def _stacked(name: str, leaves: Sequence[Any]) -> jax.Array:
    shapes = sorted({np.shape(leaf) for leaf in leaves})
    if len(shapes) > 1:
        raise ValueError(f"axis {name} holds trees of different shapes: {shapes}")
    return _as_array(name, list(leaves))


def _as_array(name: str, value: Any) -> jax.Array:
    """The values as JAX has them; an error where that would change one."""
    if isinstance(value, jax.Array):
        return value
    if isinstance(value, list | tuple) and all(isinstance(entry, jax.Array) for entry in value):
        if value and all(map(is_key, value)):
            kinds = sorted({str(key.dtype) for key in value})
            if len(kinds) > 1:
                raise ValueError(
                    f"axis {name} holds random keys of several kinds, {', '.join(kinds)}: make "
                    "them all with one impl="
                )
            return jnp.stack(value)
        value = list(map(on_host, value))
    numbers = _in_numpy(name, value)
    require_kept(f"axis {name} holds", numbers)
    if isinstance(value, list | tuple) and numbers.dtype.kind == "f":
        _require_exact_integers(name, value, numbers)
    return jax.device_put(numbers.astype(jax.dtypes.canonicalize_dtype(numbers.dtype), copy=False))


def _require_exact_integers(name: str, values: Sequence[Any], numbers: np.ndarray) -> None:
    """Refuse integers among floating-point numbers that their dtype rounds."""
    dtype = jax.dtypes.canonicalize_dtype(numbers.dtype)
    for given, kept in zip(_numbers_in(values), numbers.astype(dtype).flat, strict=False):
        if type(given) is int and given != int(kept):
            raise ValueError(
                f"axis {name} holds {given} among floating-point numbers, which {dtype} does not "
                f"hold: it would become {int(kept)}. Give integers alone, or call "
                "jax.config.update('jax_enable_x64', True) before"
            )


def _in_numpy(name: str, value: Any) -> np.ndarray:
    try:
        numbers = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"axis {name} must be an array of values, got {value!r}: {error}"
        ) from error
    is_number = jnp.issubdtype(numbers.dtype, np.number) or numbers.dtype == bool
    is_number &= numbers.dtype.kind != "m" and numbers.dtype not in NOT_IN_JAX
    # NumPy makes objects or floating-point numbers of integers that no integer dtype holds.
    no_integers = numbers.dtype.kind in "fO" and numbers.size and isinstance(value, list | tuple)
    if no_integers and all(type(number) is int for number in _numbers_in(value)):
        raise ValueError(f"axis {name} holds integers that no dtype holds: {_shortened(value)}")
    if isinstance(value, np.ma.MaskedArray) or not is_number:
        raise TypeError(
            f"axis {name} must be an array of values, got {_shortened(value)} of dtype "
            f"{numbers.dtype}: numbers of a dtype that JAX has, random keys and trees of them can "
            "be mapped. A choice of functions, words or other Python objects is jd.static(…), or a "
            "dictionary from labels to them"
        )
    return numbers


def _numbers_in(values: Any) -> Iterator[Any]:
    if isinstance(values, list | tuple):
        yield from itertools.chain.from_iterable(map(_numbers_in, values))
    else:
        yield values


def require_kept(what: str, given: np.ndarray) -> None:
    """Refuse what JAX's narrower dtype does not hold: integers exactly, others by their size."""
    dtype = jax.dtypes.canonicalize_dtype(given.dtype)
    if given.dtype == dtype:
        return
    with np.errstate(over="ignore"):
        kept = given.astype(dtype)
    lost = _lost(given, kept)
    if np.any(lost):
        where = tuple(map(int, np.argwhere(lost)[0]))
        place = f" at index {', '.join(map(str, where))}" if where else ""
        raise ValueError(
            f"{what} {given[where]}{place}, which {dtype} does not hold: it would become "
            f"{kept[where]}. Give values within its range, or call "
            "jax.config.update('jax_enable_x64', True) before"
        )


def _lost(given: np.ndarray, kept: np.ndarray) -> np.ndarray | np.bool_:
    if given.dtype.kind == "c":
        return _lost(given.real, kept.real) | _lost(given.imag, kept.imag)
    if not jnp.issubdtype(given.dtype, np.inexact):
        return given != kept
    vanishes = (given != 0) & (np.abs(kept) < jnp.finfo(kept.dtype).tiny)
    return vanishes | (np.isfinite(given) & ~np.isfinite(kept))


def _shortened(value: Any, most: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]} …"


def require_mappable(name: str, array: jax.Array) -> None:
    if isinstance(array, jax.core.Tracer):
        raise TypeError(f"axis {name} is traced: {OUTSIDE}")
    if array.ndim == 0:
        raise ValueError(
            f"axis {name} must have a first axis to map over, got a scalar {array}: put it in a "
            f"list, or fix it, as by functools.partial(run, {name}=…)"
        )
    if len(array) == 0:
        raise ValueError(f"axis {name} is empty: give it at least one value")
    if jnp.issubdtype(array.dtype, jnp.inexact):
        unknown = np.isnan(on_host(array))  # on the host, as it would be compiled elsewhere
        if np.any(unknown):
            where = ", ".join(str(i) for i in np.argwhere(unknown)[0])
            raise ValueError(f"axis {name} holds NaN at index {where}")
