"""Refusals: what came, what was expected, how to mend it."""

import inspect
import math
import operator
from collections.abc import Callable
from typing import Any, SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import PyTree


def takes(function: Callable, *arguments: Any) -> bool:
    """Whether a function can be called with these, as far as its signature says."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some built-in functions have none
        return True
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def real_number(name: str, value: Any) -> float | None:
    """The value of a real scalar, None if it is traced; an error if it is anything else."""
    require_real_scalar(name, value)
    return None if isinstance(value, jax.core.Tracer) else float(value)


def require_real_scalar(name: str, value: Any) -> None:
    """Refuse what is no real number of shape (): booleans, complex numbers, text, arrays."""
    dtype = getattr(value, "dtype", type(value))
    real = (isinstance(value, int | float) and not isinstance(value, bool)) or (
        isinstance(dtype, np.dtype)
        and (jnp.issubdtype(dtype, jnp.floating) or jnp.issubdtype(dtype, jnp.integer))
    )
    if not real:
        raise TypeError(f"{name} must be a real number, got {value!r}")
    if jnp.shape(value) != ():
        raise ValueError(
            f"{name} must be a scalar, got shape {jnp.shape(value)}: to try many values, build "
            "the optimizer inside the function that jax.vmap or jdescent.sweep maps"
        )


def positive_integer(name: str, number: SupportsIndex, at_most: float | int = math.inf) -> int:
    """The number as a Python integer from 1 to `at_most`; an error if it is anything else."""
    return integer(name, number, 1, at_most)


def integer(
    name: str, number: SupportsIndex, at_least: int, at_most: float | int = math.inf
) -> int:
    """The number as a Python integer; an error if it is anything else, or less or more."""
    try:
        whole = None if isinstance(number, bool | np.bool_) else operator.index(number)
    except TypeError:
        whole = None
    if whole is None:
        raise TypeError(f"{name} must be a Python integer, got {number!r}")
    if whole < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {whole}")
    if whole > at_most:
        raise ValueError(f"{name} must be at most {at_most}, got {whole}")
    return whole


def is_integer(value: Any) -> bool:
    """Whether it is one integer, traced or not; True and False are none."""
    return (
        is_array(value)
        and jnp.issubdtype(jnp.result_type(value), jnp.integer)
        and jnp.shape(value) == ()
    )


def require_boolean(name: str, value: Any) -> None:
    """Refuse what is neither True nor False, such as text, which would be read as True."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def require_function(name: str, function: Any) -> None:
    """Refuse what cannot be called."""
    if not callable(function):
        raise TypeError(f"{name} must be a function, got {function!r}")


def floating_dtype(name: str, dtype: DTypeLike | None) -> np.dtype | None:
    """The dtype, or None for None; an error if it is not a floating-point one."""
    if dtype is None:
        return None
    try:
        known = None if isinstance(dtype, np.ndarray | np.generic | jax.Array) else np.dtype(dtype)
    except (TypeError, ValueError):
        known = None
    if known is None or not jnp.issubdtype(known, jnp.floating):
        raise TypeError(
            f"{name} must be a floating-point dtype or None, got {dtype!r}: name one, as in "
            "jnp.float32"
        )
    return known


def require_key(name: str, key: Any) -> None:
    """Refuse what is not one random key: a typed one, or the uint32 numbers of a raw one."""
    shape = _shape_of_keys(key)
    if shape is None:
        raise TypeError(f"{name} must be a random key, got {key!r}: make one, jax.random.key(0)")
    if shape != ():
        raise ValueError(
            f"{name} must be one random key, got a batch of shape {shape}: map over keys with "
            "jax.vmap or jdescent.sweep"
        )


def _shape_of_keys(key: Any) -> tuple[int, ...] | None:
    """How many keys there are along each axis; None if it is no array of keys."""
    if not isinstance(key, np.ndarray | jax.Array):
        return None
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return key.shape
    of_one = jax.eval_shape(lambda: jax.random.key_data(jax.random.key(0))).shape
    axes = key.ndim - len(of_one)
    is_raw = key.dtype == np.uint32 and axes >= 0 and key.shape[axes:] == of_one
    return key.shape[:axes] if is_raw else None


def require_optimizer(optimizer: Any, name: str = "optimizer") -> None:
    """Refuse what has no functions init and update, such as a factory that was not called."""
    parts = (getattr(optimizer, part, None) for part in ("init", "update"))
    if not all(map(callable, parts)):
        raise TypeError(
            f"{name} must have init and update, got {optimizer!r}: make one, as in sgd(0.1), or of "
            "two functions, jdescent.Optimizer(init, update)"
        )


def is_array(value: Any) -> bool:
    """Whether JAX takes it for an array: a number or an array of them, and no name of a dtype."""
    known = isinstance(value, int | float | complex | np.generic | np.ndarray | jax.Array)
    if not (known or hasattr(value, "__jax_array__")):
        return False
    try:
        jnp.result_type(value)
    except TypeError:  # NumPy's arrays of text, of dates, of objects
        return False
    return True


def require_arrays(tree: PyTree, name: str) -> None:
    """Refuse a tree of anything but numbers and arrays, naming the leaf."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if not is_array(leaf):
            where = f": {jax.tree_util.keystr(path)} is" if path else ", got"
            raise TypeError(
                f"{name} must be numbers or arrays{where} {leaf!r}; give it as numbers, as in "
                "jnp.array(0.0)"
            )


def require_floating(tree: PyTree, name: str = "parameters") -> None:
    """Refuse a tree of anything but floating-point arrays, naming the leaf."""
    require_arrays(tree, name)
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        dtype = jnp.result_type(leaf)
        if jnp.issubdtype(dtype, jnp.floating):
            continue
        hint = (
            "split it into real and imaginary parts"
            if jnp.issubdtype(dtype, jnp.complexfloating)
            else "convert it with jnp.asarray(x, float)"
        )
        where = jax.tree_util.keystr(path) or f"the {name.removesuffix('s')}"
        raise TypeError(f"{name} must be floating-point: {where} is {dtype}; {hint}")


def described(state: Any) -> str:
    """What a state is, without its numbers."""
    memory = getattr(state, "memory", None)
    if isinstance(memory, dict):
        return f"the state of one with the memories {sorted(memory)}"
    fields = getattr(state, "_fields", None)
    name = type(state).__name__
    return f"a {name}" if fields is None else f"a {name} of {', '.join(fields) or 'nothing'}"


def require_same_tree(name: str, tree: PyTree, other_name: str, other: PyTree) -> None:
    """Refuse two trees that differ in structure or in a leaf's shape, naming the difference."""
    structure: Any = jax.tree.structure(tree)
    other_structure: Any = jax.tree.structure(other)
    if structure != other_structure:
        raise ValueError(
            f"{name} and {other_name} must have the same tree structure:\n"
            f"  {name}: {structure}\n  {other_name}: {other_structure}"
        )
    leaves = zip(jax.tree_util.tree_leaves_with_path(tree), jax.tree.leaves(other), strict=True)
    for (path, leaf), other_leaf in leaves:
        if jnp.shape(leaf) != jnp.shape(other_leaf):
            raise ValueError(
                f"{name} and {other_name} must have the same shapes: {where_in(path)} is "
                f"{jnp.shape(leaf)} in {name} and {jnp.shape(other_leaf)} in {other_name}"
            )


def where_in(path) -> str:
    return jax.tree_util.keystr(path) or "the array"


def difference(name: str, tree: PyTree, where: str, other: PyTree, elsewhere: str) -> str | None:
    """How two trees of arrays differ in nodes, shapes or dtypes; None if they do not."""
    leaves, others = (
        {
            f"{name}{jax.tree_util.keystr(path)}": f"{jnp.result_type(x)}{list(jnp.shape(x))}"
            for path, x in jax.tree_util.tree_leaves_with_path(each)
        }
        for each in (tree, other)
    )
    for leaf, kind in leaves.items():
        if leaf not in others:
            return f"{leaf} ({kind}) is in {where} alone"
        if kind != others[leaf]:
            return f"{leaf} is {kind} in {where} and {others[leaf]} in {elsewhere}"
    for leaf, kind in others.items():
        if leaf not in leaves:
            return f"{leaf} ({kind}) is in {elsewhere} alone"
    nodes = _differing_nodes(jax.tree.structure(tree), jax.tree.structure(other))
    return nodes and f"a node is {nodes[0]} in {where} and {nodes[1]} in {elsewhere}"


def _differing_nodes(tree: Any, other: Any) -> tuple[str, str] | None:
    """The first two nodes that differ, of two trees of the same leaves."""
    if tree.node_data() != other.node_data():
        return _kind(tree), _kind(other)
    children = zip(tree.children(), other.children(), strict=True)
    return next(filter(None, (_differing_nodes(*pair) for pair in children)), None)


def _kind(tree: Any) -> str:
    data = tree.node_data()
    return data[0].__name__ if data else "a leaf"
