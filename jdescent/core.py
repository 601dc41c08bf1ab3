"""The contract every optimizer keeps, and the one place where equations meet trees of parameters.

An optimizer is written as a *rule*: its equations on one array, in the symbols of its paper.
`leafwise` lifts a rule to trees, schedules, counters and dtypes. `chain` puts optimizers in a row.
"""

import functools
import inspect
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, SupportsIndex, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, PyTree

Params = PyTree
Updates = PyTree
Schedule = Callable[[Any], Any]
Scalar = float | int | np.number | Array  # a scalar array may be traced, under vmap
ScalarOrSchedule = Any  # a float, a scalar array (traced under vmap), or a Schedule


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


@runtime_checkable
class OptimizerLike(Protocol):
    """Anything with an `init` and an `update`: jdescent's optimizers, optax's, your own."""

    @property
    def init(self) -> Callable: ...

    @property
    def update(self) -> Callable: ...


class Stateless(NamedTuple):
    """The state of an optimizer that remembers nothing."""


def leafwise(
    rule: Callable[..., tuple],
    state_type: type[Any],
    learning_rate: ScalarOrSchedule,
    *,
    reads_params: bool = False,
    initial: Mapping[str, Any] | None = None,
) -> Optimizer:
    """Lift a rule for one array to an optimizer of any tree of arrays.

    Arithmetic is done in the leaf's dtype, or in float32 where that is narrower (bfloat16,
    float16); updates then take the dtype of the gradient and memories that of the parameter, here
    and nowhere else.

    Args:
        rule: ``rule(lr, t, g, x, *memory) -> (update, *new_memory)`` on ONE array: this step's
            learning rate, the step number t = 1, 2, …, the gradient, the parameter (None when
            `update` was called without parameters), and one array per memory.
        state_type: a NamedTuple class whose first field is the step counter (int32, starts at 0)
            and whose other fields are the memories, each a tree shaped like the parameters.
        learning_rate: a scalar ≥ 0, or a schedule ``step -> rate`` that is given the number of
            steps already taken (0 first), as in optax.
        reads_params: whether the rule uses x; then `update` without parameters is an error.
        initial: value that each named memory starts at; 0 where not named.

    Raises:
        TypeError: a learning rate that is not a real number; parameters that are not floating.
        ValueError: a learning rate that is negative, NaN or not a scalar; trees that differ.

    Example:
        >>> class SGDState(NamedTuple):
        ...     t: Array
        >>> gradient_descent = leafwise(lambda lr, t, g, x: (-lr * g,), SGDState, 0.5)
        >>> state = gradient_descent.init({"w": jnp.ones(2)})
        >>> updates, state = gradient_descent.update({"w": jnp.array([1.0, -2.0])}, state)
        >>> print(updates["w"], state.t)
        [-0.5  1. ] 1
    """
    if not callable(learning_rate):
        check_hyperparameters(learning_rate=learning_rate)
    memories = state_type._fields[1:]
    start = {name: (initial or {}).get(name, 0.0) for name in memories}

    def init(params):
        require_floating(params)

        def full(value):
            return jax.tree.map(lambda x: jnp.full(jnp.shape(x), value, jnp.result_type(x)), params)

        return state_type(jnp.zeros((), jnp.int32), *(full(start[name]) for name in memories))

    def update(grads, state, params=None, **extra):
        del extra
        for name, memory in zip(memories, state[1:], strict=True):
            require_same_tree("gradients", grads, f"state.{name}", memory)
        if params is not None:
            require_same_tree("gradients", grads, "parameters", params)
        elif reads_params:
            raise ValueError(
                "this optimizer reads the parameters: call update(grads, state, params)"
            )
        else:
            params = jax.tree.map(lambda g: None, grads)
        rate = learning_rate(state[0]) if callable(learning_rate) else learning_rate

        def step_one_array(g, x, *memory):
            dtype = common_dtype(g, jnp.float32)
            lr, t, wide_g, wide_x, *wide_memory = (
                None if a is None else jnp.asarray(a, dtype)
                for a in (rate, state[0] + 1, g, x, *memory)
            )
            new = rule(lr, t, wide_g, wide_x, *wide_memory)
            return [
                jnp.asarray(value, jnp.result_type(old))
                for value, old in zip(new, (g, *memory), strict=True)
            ]

        rows = jax.tree.map(step_one_array, grads, params, *state[1:])
        updates, *memory = (
            jax.tree.map(lambda g, row, i=i: row[i], grads, rows) for i in range(len(memories) + 1)
        )
        return updates, state_type(state[0] + 1, *memory)

    return Optimizer(init, update)


def treewise(
    transform: Callable[[Updates, Params | None], Updates], *, reads_params: bool = False
) -> Optimizer:
    """An optimizer without memory from a function of the tree, ``(grads, params) -> updates``.

    Example:
        >>> halve = treewise(lambda grads, params: jax.tree.map(lambda g: 0.5 * g, grads))
        >>> updates, _ = halve.update({"w": jnp.array(4.0)}, halve.init({"w": jnp.array(0.0)}))
        >>> print(updates["w"])
        2.0
    """

    def init(params):
        require_floating(params)
        return Stateless()

    def update(grads, state, params=None, **extra):
        del extra
        if params is not None:
            require_same_tree("gradients", grads, "parameters", params)
        elif reads_params:
            raise ValueError(
                "this transformation reads the parameters: call update(grads, state, params)"
            )
        return transform(as_arrays(grads), as_arrays(params)), state

    return Optimizer(init, update)


def chain(*optimizers: OptimizerLike) -> Optimizer:
    """Put optimizers in a row: each one's updates are the next one's gradients.

    The parts may be jdescent's, optax's, or any (init, update) pair; the state is the tuple of
    their states.

    Example:
        >>> import jdescent as jd
        >>> clipped = chain(jd.clip_by_global_norm(1.0), jd.sgd(0.1))
        >>> x = jnp.array([3.0, 4.0])
        >>> updates, _ = clipped.update(x, clipped.init(x))
        >>> print(updates)
        [-0.06 -0.08]
    """
    for optimizer in optimizers:
        require_optimizer(optimizer)
    updates_of = [accept_extra(optimizer.update) for optimizer in optimizers]

    def init(params):
        return tuple(optimizer.init(params) for optimizer in optimizers)

    def update(grads, state, params=None, **extra):
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
    """The same update, but ignoring extra keyword arguments if it does not take any."""
    parameters = inspect.signature(update).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return update
    return lambda grads, state, params=None, **extra: update(grads, state, params)


def apply_updates(params: Params, updates: Updates) -> Params:
    """x ← x + u on every leaf; each parameter keeps its dtype.

    Example:
        >>> print(apply_updates({"w": jnp.array(1.0)}, {"w": jnp.array(-0.25)})["w"])
        0.75
    """
    require_same_tree("updates", updates, "parameters", params)

    def add(x, u):
        dtype = common_dtype(x, u)
        return (jnp.asarray(x, dtype) + jnp.asarray(u, dtype)).astype(jnp.result_type(x))

    return jax.tree.map(add, params, updates)


def global_norm(tree: PyTree) -> Array:
    """‖tree‖₂ over all leaves together, in float32 or wider.

    Scaled by the largest element, so that no square overflows or vanishes.

    Example:
        >>> print(global_norm({"w": jnp.array([3.0]), "b": jnp.array(4.0)}))
        5.0
    """
    leaves = jax.tree.leaves(tree)
    dtype = common_dtype(jnp.float32, *leaves)
    wide = [jnp.asarray(x, dtype) for x in leaves]
    zero = jnp.zeros((), dtype)
    largest = functools.reduce(jnp.maximum, (jnp.max(jnp.abs(x), initial=0.0) for x in wide), zero)
    scale = lax.stop_gradient(jnp.where((largest > 0) & jnp.isfinite(largest), largest, 1))
    return scale * jnp.sqrt(sum((jnp.sum(jnp.square(x / scale)) for x in wide), zero))


def as_arrays(tree: PyTree) -> PyTree:
    """Every leaf as an array of a fixed dtype, Python numbers included."""
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x)), tree)


def common_dtype(*operands: Any) -> jnp.dtype:
    """The dtype that holds all operands, even where the user forbids implicit promotion."""
    with jax.numpy_dtype_promotion("standard"):
        return jnp.result_type(*operands)


def check_hyperparameters(*, below: float | int = math.inf, **values: Any) -> None:
    """Refuse hyperparameters that are not real scalars in [0, below).

    Traced values (under jit or vmap) are checked for their dtype and shape alone.
    """
    for name, value in values.items():
        number = real_number(name, value)
        if number is not None and not 0 <= number < below:
            limit = "finite" if below == math.inf else f"< {below:g}"
            raise ValueError(f"{name} must be ≥ 0 and {limit}, got {number}")


def real_number(name: str, value: Any) -> float | None:
    """The value of a real scalar, None if it is traced; an error if it is anything else."""
    dtype = getattr(value, "dtype", type(value))
    real = dtype in (int, float) or (
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
    return None if isinstance(value, jax.core.Tracer) else float(value)


def positive_integer(name: str, number: SupportsIndex, at_most: float | int = math.inf) -> int:
    """The number as a Python integer from 1 to `at_most`; an error if it is anything else."""
    try:
        whole = operator.index(number)
    except TypeError as error:
        raise TypeError(f"{name} must be a Python integer, got {number!r}") from error
    if whole < 1:
        raise ValueError(f"{name} must be at least 1, got {whole}")
    if whole > at_most:
        raise ValueError(f"{name} must be at most {at_most}, got {whole}")
    return whole


def require_optimizer(optimizer: Any) -> None:
    """Refuse what has no init and update, such as a factory that was not called."""
    if not isinstance(optimizer, OptimizerLike):
        raise TypeError(
            f"optimizer must have init and update, got {optimizer!r}: make one, as in sgd(0.1)"
        )


def require_floating(params: Params) -> None:
    """Refuse parameters that cannot be descended on, naming the leaf."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        dtype = jnp.result_type(leaf)
        if jnp.issubdtype(dtype, jnp.floating):
            continue
        mend = (
            "split it into real and imaginary parts"
            if jnp.issubdtype(dtype, jnp.complexfloating)
            else "convert it with jnp.asarray(x, float)"
        )
        where = jax.tree_util.keystr(path) or "the parameter"
        raise TypeError(f"parameters must be floating-point: {where} is {dtype}; {mend}")


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
            where = jax.tree_util.keystr(path) or "the array"
            raise ValueError(
                f"{name} and {other_name} must have the same shapes: {where} is "
                f"{jnp.shape(leaf)} in {name} and {jnp.shape(other_leaf)} in {other_name}"
            )
