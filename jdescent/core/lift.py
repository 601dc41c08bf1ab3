"""The one place where equations meet trees of parameters.

An optimizer is written as a *rule*: its equations in the symbols of its paper. The names of a
rule's parameters say what it reads, and no more:

    lr t            this step's learning rate; the number of the step, 1, 2, …
    steps           how many were taken before, 0, 1, …, as an integer: what schedules are given
    g x             the gradient; the parameters
    m, v, …         memories, as named in the call of the lift; the rule returns each anew
    w, …            coefficients, named there too: hyperparameters with a schedule or a mask
    loss            the loss at x
    key             a random key, fresh for every step (and leaf)
    loss_at(y) grad_at(y) hvp(v)   `treewise` only: the loss and the gradient elsewhere, and the
                    Hessian at x times a vector, all of the same batch
    params extra    `treewise` only, to pass on: the parameters as `update` was given them, and a
                    dictionary of what it was given beside

`leafwise` calls it for one array at a time; `treewise` for all of them at once, as a `Vector`.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jdescent.core.arrays import (
    arithmetic_dtype,
    as_before,
    floating,
    like,
    require_array_like,
    whole,
    widened,
)
from jdescent.core.asks import Asks
from jdescent.core.checks import require_floating
from jdescent.core.contract import Optimizer, Params
from jdescent.core.hyperparameters import ScalarOrSchedule
from jdescent.core.memories import State
from jdescent.core.tracing import traced_once
from jdescent.core.trees import as_arrays, common_dtype
from jdescent.core.vector import Vector
from jdescent.numerics import after, next_step

READS = ("lr", "t", "steps", "g", "x", "loss", "key")
TREE_READS = ("loss_at", "grad_at", "hvp", "params", "extra")


def leafwise(
    rule: Callable[..., Any],
    learning_rate: ScalarOrSchedule = None,
    *,
    key: Any = None,
    in_turn: Any = False,  # a bool, but mypy would hold `**memories` against it
    **named: Any,
) -> Optimizer:
    """Lift a rule for one array to an optimizer of any tree of arrays.

    Arithmetic is done in the leaf's dtype, or in float32 where that is narrower (bfloat16,
    float16); updates then take the dtype of the gradient and memories their own, here and nowhere
    else. Memories lie where the parameters lie, on however many devices. The step counter stays at
    2³¹ − 1 once it is there.

    Args:
        rule: a function of what it reads (see the module) that returns the update and then every
            memory anew; of a rule without memories the update alone will do. `jdescent.numerics`
            has what it needs where plain arithmetic loses digits.
        learning_rate: a scalar ≥ 0, or a schedule ``step -> rate`` that is given the number of
            steps already taken (0 first), as in optax; None for a rule that reads no lr.
        key: the random key that the keys of all steps come from.
        in_turn: whether an array waits for the one before, as those of a rule that decomposes
            matrices must: see `jdescent.numerics.after`.
        named: the memories, by the rule's names for them, in the order in which it returns them:
            the number that they start at, or a `Memory`; and coefficients.

    Raises:
        TypeError: a learning rate that is neither a real number nor a function of the step; a rule
            that reads what there is not, leaves out a memory, or does not return floating arrays;
            parameters or gradients that are not floating; a state of another optimizer.
        ValueError: a learning rate that is negative, NaN or not a scalar, or a number that is 0 or
            infinite in the dtype of the arithmetic; trees that differ; a rule that returns too few
            or too many arrays, or one of another shape.

    Example:
        >>> gradient_descent = leafwise(lambda lr, g: -lr * g, 0.5)
        >>> state = gradient_descent.init({"w": jnp.ones(2)})
        >>> updates, state = gradient_descent.update({"w": jnp.array([1.0, -2.0])}, state)
        >>> print(updates["w"], state.t)
        [-0.5  1. ] 1
    """
    asks = Asks(rule, learning_rate, key, named, READS)

    def init(params):
        require_floating(params)
        memories = {
            name: jax.tree.map(memory.of_leaf, params) for name, memory in asks.memories.items()
        }
        return State(jnp.zeros((), jnp.int32), memories, asks.key_numbers())

    def update(grads, state, params=None, *, value=None, **extra):
        del extra
        asks.require_given(grads, state, params, value)
        leaves, structure = jax.tree.flatten(grads)
        xs = [None] * len(leaves) if params is None else jax.tree.leaves(params)
        old = {name: asks.columns(name, state, structure, grads) for name in asks.memories}
        given, next_key = asks.of_this_step(state, params, value)

        shared = functools.cache(asks.numbers_of(given))

        @traced_once
        def step_one_array(shared, own, g, x, kept):
            dtype = arithmetic_dtype(g, kept)
            read = {**shared, **own, "g": widened(g, dtype)}
            read["x"] = None if x is None else widened(x, dtype)
            read |= {name: widened(memory, dtype) for name, memory in kept.items()}
            new_update, *new = asks.returned_by(rule(**{name: read[name] for name in asks.names}))
            require_array_like("the update", new_update, g)
            rows = zip(asks.memories, new, strict=True)  # `kept` has lost its order where traced
            return [like(new_update, g), *(as_before(name, n, kept[name]) for name, n in rows)]

        def row(i, g, x, before):
            kept = {name: column[i] for name, column in old.items()}
            if before is not None:
                g = after(g, before)
                kept = {  # in its order, which a dict that is mapped loses
                    name: jax.tree.map(lambda array: after(array, before), memory)
                    for name, memory in kept.items()
                }
            if jnp.size(g) == 0:  # no numbers: means and norms of none would be NaN
                return [g, *kept.values()]
            dtype = arithmetic_dtype(g, kept)
            own = {name: given[name](dtype, i) for name in asks.masked}
            if "key" in asks.names:
                own["key"] = jax.random.fold_in(given["key"], i)
            return step_one_array(shared(dtype), own, g, x, kept)

        rows: list[Any] = []
        for i, (g, x) in enumerate(zip(leaves, xs, strict=True)):
            rows.append(row(i, g, x, rows[-1] if in_turn and rows else None))
        # nodes of the tree are built from their finished arrays alone: some check their children
        updates, *new_memories = (
            structure.unflatten([row[i] for row in rows]) for i in range(1 + len(old))
        )
        return updates, State(
            next_step(state.t), dict(zip(asks.memories, new_memories, strict=True)), next_key
        )

    return _finished(init, update, asks)


def treewise(
    rule: Callable[..., Any],
    learning_rate: ScalarOrSchedule = None,
    *,
    key: Any = None,
    **named: Any,
) -> Optimizer:
    """Lift a rule for the whole tree: g, x and memories made by `vector` are `Vector`s.

    Such a rule may read norms and inner products over all parameters (`norm`, `dot`), and the loss
    and its derivatives elsewhere: `loss_at`, `grad_at` and `hvp`, for which `update` must be given
    ``value_fn=``, the loss as a function of the parameters, as `jdescent.descend` does and optax's
    line searches ask for it too. Numbers are in float32 or wider.

    Args, errors and the rest are as for `leafwise`.

    Example:
        >>> from jdescent.core import norm
        >>> normalized = treewise(lambda lr, g: -lr / norm(g) * g, 0.5)
        >>> g = {"w": jnp.array([3.0]), "b": jnp.array(4.0)}
        >>> print(normalized.update(g, normalized.init(g))[0]["b"])
        -0.4
    """
    asks = Asks(rule, learning_rate, key, named, READS + TREE_READS)

    def init(params):
        require_floating(params)
        params = as_arrays(params)

        def begun(memory):
            if memory.is_vector:
                return jax.tree.map(memory.of_leaf, params)
            if callable(memory.start):
                return jax.tree.map(jnp.copy, memory.start(Vector.of(params)))
            dtype = common_dtype(jnp.float32, *jax.tree.leaves(params))
            return jnp.asarray(memory.start, dtype)

        memories = {name: begun(memory) for name, memory in asks.memories.items()}
        return State(jnp.zeros((), jnp.int32), memories, asks.key_numbers())

    def update(grads, state, params=None, *, value=None, value_fn=None, **extra):
        asks.require_given(grads, state, params, value, value_fn)
        leaves, structure = jax.tree.flatten(grads)
        kept = {name: state.memory[name] for name in asks.memories}  # jit sorts the names
        columns = [leaves] if params is None else [leaves, jax.tree.leaves(params)]
        columns += [asks.columns(name, state, structure, grads) for name in asks.vectors]
        rows = zip(*columns, strict=True)
        dtypes = [common_dtype(jnp.float32, *floating(row)) for row in rows]
        widest = common_dtype(jnp.float32, *dtypes)
        given, next_key = asks.of_this_step(state, params, value)

        def vector_of(tree):
            rows = zip(structure.flatten_up_to(tree), dtypes, strict=True)
            return Vector(tuple(widened(*row) for row in rows), structure)

        read = asks.numbers_of(given)(widest)
        for name in asks.masked:
            masked = tuple(given[name](widest, i) for i in range(len(leaves)))
            read[name] = Vector(masked, structure)
        read["key"] = given.get("key")
        read["g"] = vector_of(grads)
        read["x"] = None if params is None else vector_of(params)
        for name, memory in kept.items():
            read[name] = vector_of(memory) if name in asks.vectors else memory
        read |= _calculus(value_fn, params, vector_of, widest)
        read |= {"params": params, "extra": {**extra, "value": value, "value_fn": value_fn}}
        new_update, *new = asks.returned_by(rule(**{name: read[name] for name in asks.names}))
        updates = whole(new_update, grads)
        trees = [n.tree if isinstance(n, Vector) else n for n in new]
        memories = {
            name: as_before(name, n, kept[name]) for name, n in zip(kept, trees, strict=True)
        }
        return updates, State(next_step(state.t), memories, next_key)

    return _finished(init, update, asks)


def _finished(init: Callable, update: Callable, asks: Asks) -> Optimizer:
    update.reads = asks.names  # type: ignore[attr-defined]
    return Optimizer(init, update)


def _calculus(value_fn, params: Params, vector_of: Callable, dtype: Any) -> dict[str, Callable]:
    """The loss and its derivatives elsewhere, of vectors whose dtypes may be wider."""
    if value_fn is None or params is None:
        return {}
    gradient = jax.grad(value_fn)

    xs = jax.tree.leaves(params)

    def narrow(y: Vector) -> Params:
        return y.structure.unflatten(map(like, y.leaves, xs))

    return {
        "loss_at": lambda y: jnp.asarray(value_fn(narrow(y)), dtype),
        "grad_at": lambda y: vector_of(gradient(narrow(y))),
        "hvp": lambda v: vector_of(jax.jvp(gradient, (as_arrays(params),), (narrow(v),))[1]),
    }
