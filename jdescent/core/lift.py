"""The one place where equations meet trees of parameters.

An optimizer is written as a *rule*: its equations on one array, in the symbols of its paper.
`leafwise` lifts a rule to trees, schedules, counters and dtypes.
"""

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jdescent.core.checks import (
    floating_dtype,
    is_array,
    require_boolean,
    require_floating,
    require_function,
    require_real_scalar,
    require_same_tree,
    require_state_type,
    takes,
)
from jdescent.core.contract import Optimizer, Params, Stateless, Updates
from jdescent.core.hyperparameters import ScalarOrSchedule, checked_schedule, conversion
from jdescent.core.trees import as_arrays, common_dtype
from jdescent.numerics import next_step


def leafwise(
    rule: Callable[..., tuple],
    state_type: type[Any],
    learning_rate: ScalarOrSchedule,
    *,
    reads_params: bool = False,
    initial: Mapping[str, Any] | None = None,
    dtypes: Mapping[str, DTypeLike | None] | None = None,
    wide: Collection[str] = (),
) -> Optimizer:
    """Lift a rule for one array to an optimizer of any tree of arrays.

    Arithmetic is done in the leaf's dtype, or in float32 where that is narrower (bfloat16,
    float16); updates then take the dtype of the gradient and memories their own, here and nowhere
    else. Memories lie where the parameters lie, on however many devices. The step counter stays at
    2³¹ − 1 once it is there.

    Args:
        rule: ``rule(lr, t, g, x, *memory) -> (update, *new_memory)`` on ONE array: this step's
            learning rate, the step number t = 1, 2, …, the gradient, the parameter (None when
            `update` was called without parameters), and one array per memory. `jdescent.numerics`
            has what it needs where plain arithmetic loses digits.
        state_type: a NamedTuple class whose first field is the step counter (int32, starts at 0)
            and whose other fields are the memories, each a tree shaped like the parameters. Two
            optimizers whose memories mean the same may share one; `update` refuses others.
        learning_rate: a scalar ≥ 0, or a schedule ``step -> rate`` that is given the number of
            steps already taken (0 first), as in optax.
        reads_params: whether the rule uses x; then `update` without parameters is an error.
        initial: value that each named memory starts at; 0 where not named.
        dtypes: dtype that each named memory is kept in; the parameter's where None or not named.
        wide: names of the memories that are kept in float32 where the parameter is narrower:
            squares, sums and maxima, which a narrow dtype neither holds nor lets decay.

    Raises:
        TypeError: a learning rate that is neither a real number nor a function of the step; an
            initial value that is not a real number; a dtype that is not floating; a rule that does
            not take those arguments, or does not return a tuple of floating arrays; parameters or
            gradients that are not floating; a state of another optimizer.
        ValueError: a learning rate that is negative, NaN or not a scalar, or a number that is 0 or
            infinite in the dtype of the arithmetic; trees that differ; a rule that returns too few
            or too many arrays, or one of another shape; a name that is no memory's.

    Example:
        >>> class SGDState(NamedTuple):
        ...     t: Array
        >>> gradient_descent = leafwise(lambda lr, t, g, x: (-lr * g,), SGDState, 0.5)
        >>> state = gradient_descent.init({"w": jnp.ones(2)})
        >>> updates, state = gradient_descent.update({"w": jnp.array([1.0, -2.0])}, state)
        >>> print(updates["w"], state.t)
        [-0.5  1. ] 1
    """
    rate_at = checked_schedule("learning_rate", learning_rate)
    rate_in = conversion("learning_rate", learning_rate)
    memories = _memory_names(state_type)
    _require_rule(rule, memories)
    require_boolean("reads_params", reads_params)
    initial, dtypes = dict(initial or {}), dict(dtypes or {})
    for option, names in {"initial": initial, "dtypes": dtypes, "wide": wide}.items():
        if unknown := set(names) - set(memories):
            raise ValueError(
                f"{option} names {sorted(unknown)}, but the memories of {state_type.__name__} are "
                f"{list(memories)}"
            )
    for name, value in initial.items():
        require_real_scalar(f"initial[{name!r}]", value)
    dtypes = {name: floating_dtype(f"dtypes[{name!r}]", dtype) for name, dtype in dtypes.items()}

    def init(params):
        require_floating(params)

        def start(name, x):
            dtype = jnp.result_type(x) if dtypes.get(name) is None else dtypes[name]
            dtype = common_dtype(dtype, jnp.float32) if name in wide else dtype
            return jnp.full_like(x, initial.get(name, 0.0), dtype)

        begun = (jax.tree.map(functools.partial(start, name), params) for name in memories)
        return state_type(jnp.zeros((), jnp.int32), *begun)

    def update(grads, state, params=None, **extra):
        del extra
        require_state_type(state_type, state)
        require_floating(grads, "gradients")
        for name, memory in zip(memories, state[1:], strict=True):
            require_same_tree("gradients", grads, f"state.{name}", memory)
        if params is not None:
            require_same_tree("gradients", grads, "parameters", params)
        elif reads_params:
            raise ValueError(
                "this optimizer reads the parameters: call update(grads, state, params)"
            )
        rate, t = rate_at(state[0]), next_step(state[0])

        def step_one_array(g, x, *memory):
            dtype = common_dtype(jnp.float32, g, *memory)
            step, wide_g, wide_x, *wide_memory = (
                None if a is None else jnp.asarray(a, dtype) for a in (t, g, x, *memory)
            )
            new = rule(rate_in(rate, dtype), step, wide_g, wide_x, *wide_memory)
            _check_returned(new, memories, jnp.shape(g))
            return [
                jnp.asarray(value, jnp.result_type(old))
                for value, old in zip(new, (g, *memory), strict=True)
            ]

        leaves, structure = jax.tree.flatten(grads)
        xs = [None] * len(leaves) if params is None else jax.tree.leaves(params)
        rows = list(map(step_one_array, leaves, xs, *map(jax.tree.leaves, state[1:])))
        # nodes of the tree are built from their finished arrays alone: some check their children
        updates, *new_memories = (
            structure.unflatten([row[i] for row in rows]) for i in range(1 + len(memories))
        )
        return updates, state_type(t, *new_memories)

    return Optimizer(init, update)


def _memory_names(state_type) -> tuple[str, ...]:
    fields = getattr(state_type, "_fields", ())
    if not (fields and isinstance(state_type, type)):
        raise TypeError(
            f"state_type must be a NamedTuple class, a step counter and then the memories; got "
            f"{state_type!r}"
        )
    return tuple(fields[1:])


def _require_rule(rule: Any, memories: tuple[str, ...]) -> None:
    """Refuse a rule that cannot be called as one of so many memories is."""
    require_function("rule", rule)
    expected = ("lr", "t", "g", "x", *memories)
    if not takes(rule, *expected):
        raise TypeError(
            f"rule must take ({', '.join(expected)}), got a function of "
            f"{inspect.signature(rule)}: give it one argument a memory of the state"
        )


def _check_returned(new: Any, memories: tuple[str, ...], shape: tuple[int, ...]) -> None:
    """Refuse what a rule returned if it is not an update and the memories, for one array."""
    expected = ", ".join(["update", *memories]) + ("" if memories else ",")
    if not isinstance(new, tuple):
        raise TypeError(f"a rule must return the tuple ({expected}), got {new!r}")
    if len(new) != 1 + len(memories):
        raise ValueError(f"a rule must return ({expected}), got {len(new)} values: {new!r}")
    for name, value in zip(("the update", *memories), new, strict=True):
        if not is_array(value):
            raise TypeError(f"a rule must return arrays: {name} is {value!r}")
        dtype = jnp.result_type(value)
        if jnp.shape(value) != shape:
            raise ValueError(
                f"a rule must keep the shape of its array: {name} came back as "
                f"{jnp.shape(value)}, the gradient is {shape}"
            )
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(f"a rule must return floating-point arrays: {name} is {dtype}")


def treewise(
    transform: Callable[[Updates, Params | None], Updates], *, reads_params: bool = False
) -> Optimizer:
    """An optimizer without memory from a function of the tree, ``(grads, params) -> updates``.

    Updates take the dtype of the gradient.

    Raises:
        TypeError: a transform that is no function; parameters, gradients or updates that are not
            floating; a state of another optimizer.
        ValueError: trees that differ; updates of another structure or shape than the gradients.

    Example:
        >>> halve = treewise(lambda grads, params: jax.tree.map(lambda g: 0.5 * g, grads))
        >>> updates, _ = halve.update({"w": jnp.array(4.0)}, halve.init({"w": jnp.array(0.0)}))
        >>> print(updates["w"])
        2.0
    """
    require_function("transform", transform)
    require_boolean("reads_params", reads_params)

    def init(params):
        require_floating(params)
        return Stateless()

    def update(grads, state, params=None, **extra):
        del extra
        if state != ():
            require_state_type(Stateless, state)
        require_floating(grads, "gradients")
        if params is not None:
            require_same_tree("gradients", grads, "parameters", params)
        elif reads_params:
            raise ValueError(
                "this transformation reads the parameters: call update(grads, state, params)"
            )
        updates = transform(as_arrays(grads), as_arrays(params))
        require_same_tree("updates", updates, "gradients", grads)
        require_floating(updates, "updates")
        return jax.tree.map(lambda u, g: jnp.asarray(u, jnp.result_type(g)), updates, grads), state

    return Optimizer(init, update)
