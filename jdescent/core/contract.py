"""What every optimizer is, to jdescent, optax and anyone's loop: a pair (init, update)."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from jdescent.core.checks import (
    described,
    require_arrays,
    require_optimizer,
    require_same_tree,
    where_in,
)
from jdescent.core.trees import common_dtype

Params = PyTree
Updates = PyTree


class Optimizer(NamedTuple):
    """An optimizer as a pair of pure functions, with the signature and meaning of optax's.

    ``state = init(params)``, then ``updates, state = update(grads, state, params)`` each step; the
    updates are *added* to the parameters. `update` also takes extra keyword arguments and ignores
    those it does not read, so jdescent's and optax's optimizers stand in for one another.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.sgd(0.1)
        >>> x = jnp.array(0.0)
        >>> state = optimizer.init(x)
        >>> updates, state = optimizer.update(jax.grad(lambda x: (x - 3) ** 2)(x), state, x)
        >>> print(f"{jd.apply_updates(x, updates):.1f}")
        0.6
    """

    init: Callable[[Params], Any]
    update: Callable[..., tuple[Updates, Any]]

    def __repr__(self) -> str:
        made_by = getattr(self.update, "made_by", None)
        return f"Optimizer(init={self.init}, update={self.update})" if made_by is None else made_by


@runtime_checkable
class OptimizerLike(Protocol):
    """Anything with an `init` and an `update`: jdescent's optimizers, optax's, your own."""

    @property
    def init(self) -> Callable: ...

    @property
    def update(self) -> Callable: ...


def chain(*optimizers: OptimizerLike) -> Optimizer:
    """Put optimizers in a row: each one's updates are the next one's gradients.

    The parts may be jdescent's, optax's, or any (init, update) pair; the state is the tuple of
    their states.

    Raises:
        TypeError: a part without init and update; later, a state that is no tuple.
        ValueError: no parts; later, a state of more or fewer parts.

    Example:
        >>> import jdescent as jd
        >>> clipped = chain(jd.clip_by_global_norm(1.0), jd.sgd(0.1))
        >>> x = jnp.array([3.0, 4.0])
        >>> updates, _ = clipped.update(x, clipped.init(x))
        >>> print(updates)
        [-0.06 -0.08]
    """
    if not optimizers:
        raise ValueError("a chain of no parts would ascend: give it an optimizer, as in sgd(0.1)")
    for optimizer in optimizers:
        require_optimizer(optimizer)
    updates_of = [accept_extra(optimizer.update) for optimizer in optimizers]

    def init(params):
        return tuple(optimizer.init(params) for optimizer in optimizers)

    def update(grads, state, params=None, **extra):
        if not isinstance(state, tuple) or hasattr(state, "_fields"):
            raise TypeError(
                f"the state of a chain is the tuple of its parts' states, got {described(state)}: "
                "make the state with this chain's init(params)"
            )
        if len(state) != len(optimizers):
            raise ValueError(
                f"this chain has {len(optimizers)} parts, its state has {len(state)}: "
                "make the state with this chain's init(params)"
            )
        new_states = []
        for update_part, part_state in zip(updates_of, state, strict=True):
            grads, part_state = update_part(grads, part_state, params, **extra)
            new_states.append(part_state)
        return grads, tuple(new_states)

    return Optimizer(init, update)


def accept_extra(update: Callable) -> Callable:
    """The same update, given only those extra keyword arguments that it names, if not any."""
    parameters = inspect.signature(update).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return update

    def accepting(grads, state, params=None, **extra):
        named = {name: value for name, value in extra.items() if name in parameters}
        return update(grads, state, params, **named)

    return accepting


def apply_updates(params: Params, updates: Updates) -> Params:
    """x ← x + u on every leaf; each parameter keeps its dtype.

    Raises:
        TypeError: a leaf that is neither a number nor an array; a parameter whose kind of number
            cannot hold the update: an integer one of a floating update, a real one of a complex
            update.
        ValueError: trees that differ in structure or in shapes.

    Example:
        >>> print(apply_updates({"w": jnp.array(1.0)}, {"w": jnp.array(-0.25)})["w"])
        0.75
    """
    require_arrays(updates, "updates")
    require_arrays(params, "parameters")
    require_same_tree("updates", updates, "parameters", params)

    def add(path, x, u):
        dtype, sum_dtype = jnp.result_type(x), common_dtype(x, u)
        for kind in (jnp.inexact, jnp.complexfloating):
            if jnp.issubdtype(sum_dtype, kind) and not jnp.issubdtype(dtype, kind):
                raise TypeError(
                    f"parameters must be able to hold their updates: {where_in(path)} is {dtype}, "
                    f"its update {jnp.result_type(u)}"
                )
        return (jnp.asarray(x, sum_dtype) + jnp.asarray(u, sum_dtype)).astype(dtype)

    return jax.tree_util.tree_map_with_path(add, params, updates)
