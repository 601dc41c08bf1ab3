"""The arrays that a rule is given, and those that it returns."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from jdescent.core.checks import is_array, require_floating, require_same_tree
from jdescent.core.trees import common_dtype
from jdescent.core.vector import Vector


def arithmetic_dtype(g: Any, kept: PyTree) -> Any:
    """The dtype in which a rule computes."""
    return common_dtype(jnp.float32, g, *floating(kept))


def floating(tree: PyTree) -> list:
    return [a for a in jax.tree.leaves(tree) if jnp.issubdtype(jnp.result_type(a), jnp.floating)]


def widened(tree: PyTree, dtype: Any) -> PyTree:
    """The floating-point arrays in the dtype, others as they are."""

    def one(a):
        return jnp.asarray(a, dtype if jnp.issubdtype(jnp.result_type(a), jnp.floating) else None)

    return jax.tree.map(one, tree)


def like(new: Any, old: Any) -> Array:
    return jnp.asarray(new, jnp.result_type(old))


def whole(new: Any, grads: PyTree) -> PyTree:
    """The updates in the gradients' dtypes; refused unless they are a tree like them."""
    tree = new.tree if isinstance(new, Vector) else new
    require_same_tree("updates", tree, "gradients", grads)
    require_floating(tree, "updates")
    return jax.tree.map(like, tree, grads)


def as_before(name: str, new: PyTree, old: PyTree) -> PyTree:
    """A memory in the dtypes that it had; refused if its shapes or kinds of numbers changed."""
    structures: Any = jax.tree.structure(new), jax.tree.structure(old)
    if structures[0] != structures[1]:
        if len(jax.tree.leaves(old)) == 1 and is_array(old):
            require_array_like(name, new, old)
        raise ValueError(
            f"a rule must keep the structure of its memories: {name} came back as "
            f"{jax.tree.structure(new)}, it was {jax.tree.structure(old)}"
        )

    def one(new, old):
        require_array_like(name, new, old)
        return like(new, old)

    return jax.tree.map(one, new, old)


def require_array_like(name: str, new: Any, old: Any) -> None:
    if not is_array(new):
        raise TypeError(f"a rule must return arrays: {name} is {new!r}")
    if jnp.shape(new) != jnp.shape(old):
        what = "the gradient" if name == "the update" else "it"
        raise ValueError(
            f"a rule must keep the shape of its array: {name} came back as {jnp.shape(new)}, "
            f"{what} {'is' if name == 'the update' else 'was'} {jnp.shape(old)}"
        )
    kinds = (jnp.floating, jnp.integer, jnp.bool_)
    before, after = (
        next((kind for kind in kinds if jnp.issubdtype(jnp.result_type(a), kind)), None)
        for a in (old, new)
    )
    if before is jnp.floating and after is not before:
        raise TypeError(
            f"a rule must return floating-point arrays: {name} is {jnp.result_type(new)}"
        )
    if before is not after:
        raise TypeError(
            f"a rule must keep the kind of its numbers: {name} is {jnp.result_type(new)} and was "
            f"{jnp.result_type(old)}"
        )
