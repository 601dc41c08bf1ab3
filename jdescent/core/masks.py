"""Which parameters a decay applies to."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from jdescent._jax import tree_broadcast
from jdescent.core.checks import is_array


def require_mask(name: str, mask: Any) -> None:
    """Refuse what holds anything but booleans, and is no function."""
    if callable(mask):
        return
    for path, leaf in jax.tree_util.tree_leaves_with_path(mask):
        if not is_array(leaf) or jnp.result_type(leaf) != jnp.bool_:
            raise TypeError(
                f"{name} must hold booleans: {name}{jax.tree_util.keystr(path)} is {leaf!r}; give "
                "True where decay applies and False elsewhere"
            )


def spread(name: str, mask: Any, params: PyTree) -> PyTree:
    """One boolean for each parameter, from a mask, a prefix of one, or a function to one."""
    mask = mask(params) if callable(mask) else mask
    require_mask(name, mask)
    try:
        return tree_broadcast(mask, params)
    except ValueError as error:
        structures: Any = jax.tree.structure(mask), jax.tree.structure(params)
        raise ValueError(
            f"{name} must be a tree like the parameters', or a prefix of it:\n"
            "  {}: {}\n  parameters: {}".format(name, *structures)
        ) from error
