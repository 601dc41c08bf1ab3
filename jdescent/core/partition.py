"""Different optimizers for different parameters."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jaxtyping import PyTree

from jdescent._jax import tree_broadcast
from jdescent.core.checks import require_optimizer, require_same_tree
from jdescent.core.contract import Optimizer, OptimizerLike, accept_extra
from jdescent.core.trees import name_of


class PartitionState(NamedTuple):
    """The states of the parts by name; of parameters, each knows its own by their paths."""

    parts: dict[str, Any]


def partition(labels: PyTree | Callable[[PyTree], PyTree], **parts: OptimizerLike) -> Optimizer:
    """Give each parameter to the part that its label names.

    A part is given its parameters as a dictionary from path to array, and the loss as a function of
    them, the others held.

    Args:
        labels: a tree of names like the parameters, a prefix of one, or a function from the
            parameters to it.
        parts: any (init, update) pair for each name; one whose name no label bears has no work.

    Raises:
        TypeError: a part without init and update.
        ValueError: no parts; a label that names none of them; labels of another tree.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> x = {"w": jnp.array([1.0]), "b": jnp.array(1.0)}
        >>> optimizer = jd.partition(
        ...     {"w": "fast", "b": "slow"}, fast=jd.sgd(1.0), slow=jd.sgd(0.1))
        >>> updates, _ = optimizer.update(x, optimizer.init(x), x)
        >>> print(updates["w"], updates["b"])
        [-1.] -0.1
    """
    if not parts:
        raise ValueError("a partition needs parts: give each an optimizer, as in fast=sgd(0.1)")
    for name, part in parts.items():
        require_optimizer(part, name)
    updates_of = {name: accept_extra(part.update) for name, part in parts.items()}

    def places(params: PyTree) -> dict[str, dict[str, int]]:
        """For each part the paths of its parameters, and where among all leaves they are."""
        names = jax.tree.leaves(_spread(labels(params) if callable(labels) else labels, params))
        paths = [name_of(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
        unknown = sorted(set(names) - set(parts), key=str)
        if unknown:
            raise ValueError(f"labels name {unknown}, but the parts are {sorted(parts)}")
        rows = list(enumerate(zip(names, paths, strict=True)))
        return {part: {path: i for i, (name, path) in rows if name == part} for part in parts}

    def init(params):
        leaves = jax.tree.leaves(params)
        return PartitionState(
            {name: parts[name].init(_at(own, leaves)) for name, own in places(params).items()}
        )

    def update(grads, state, params=None, *, value_fn=None, grad=None, **extra):
        del grad
        if params is not None:
            require_same_tree("gradients", grads, "parameters", params)
        leaves, structure = jax.tree.flatten(grads)
        xs = None if params is None else jax.tree.leaves(params)
        updates, states = list(leaves), {}
        for name, own in places(grads if params is None else params).items():
            own_params = None if xs is None else _at(own, xs)
            own_loss = _held(value_fn, own, xs, structure) if value_fn is not None else None
            own_updates, states[name] = updates_of[name](
                _at(own, leaves), state.parts[name], own_params, value_fn=own_loss, **extra
            )
            for path, i in own.items():
                updates[i] = own_updates[path]
        return structure.unflatten(updates), PartitionState(states)

    return Optimizer(init, update)


def _at(places: dict[str, int], leaves: list) -> dict[str, Any]:
    return {path: leaves[i] for path, i in places.items()}


def _held(value_fn: Callable, places: dict[str, int], xs: list, structure: Any) -> Callable:
    """The loss as a function of some parameters."""

    def loss(own):
        whole = list(xs)
        for path, i in places.items():
            whole[i] = own[path]
        return value_fn(structure.unflatten(whole))

    return loss


def _spread(labels: PyTree, params: PyTree) -> PyTree:
    try:
        return tree_broadcast(labels, params)
    except ValueError as error:
        structures: Any = jax.tree.structure(labels), jax.tree.structure(params)
        raise ValueError(
            "labels must be a tree like the parameters', or a prefix of it:\n"
            "  labels: {}\n  parameters: {}".format(*structures)
        ) from error
