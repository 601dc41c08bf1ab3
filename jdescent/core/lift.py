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

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, PyTree

from jdescent.core.checks import (
    described,
    floating_dtype,
    is_array,
    require_floating,
    require_function,
    require_real_scalar,
    require_same_tree,
)
from jdescent.core.contract import Optimizer, Params
from jdescent.core.hyperparameters import ScalarOrSchedule, checked_schedule, conversion
from jdescent.core.masks import spread
from jdescent.core.tracing import traced_once
from jdescent.core.trees import as_arrays, common_dtype
from jdescent.core.vector import Vector
from jdescent.numerics import LAST_STEP, next_step

READS = ("lr", "t", "steps", "g", "x", "loss", "key")
_WITHIN_OPTAX = (
    "within optax's combinators give optax.GradientTransformationExtraArgs(*optimizer), as they "
    "hand it on to that type alone"
)
TREE_READS = ("loss_at", "grad_at", "hvp", "params", "extra")


class State(NamedTuple):
    """Steps taken, the memories by name, and the random key of an optimizer that draws from one.

    A memory is also an attribute: ``state.m`` is ``state.memory["m"]``. The key is kept as its
    numbers, since files of checkpoints hold no others.
    """

    t: Array
    memory: dict[str, Any]
    key: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self.memory[name]
        except KeyError:
            raise AttributeError(
                f"this state has no memory {name!r}, but {sorted(self.memory)}"
            ) from None


@dataclasses.dataclass(frozen=True)
class Memory:
    """What a rule remembers under one name.

    Args:
        start: with `leafwise` the number that every element starts at, or a function from one
            parameter array to arrays of any shapes; with `treewise` a number for the whole tree, or
            a function from the `Vector` of the parameters to anything.
        dtype: the dtype it is kept in; the parameter's where None.
        wide: whether it is kept in float32 where the parameter is narrower: squares, sums and
            maxima, which a narrow dtype neither holds nor lets decay.
        is_vector: with `treewise`, whether it is a `Vector`; then `start` is the number that all
            elements start at, or a function from one parameter array to an array.
    """

    start: Any = 0.0
    dtype: DTypeLike | None = None
    wide: bool = False
    is_vector: bool = False

    def checked(self, name: str) -> "Memory":
        if not callable(self.start):
            require_real_scalar(f"where memory {name} starts", self.start)
        return dataclasses.replace(self, dtype=floating_dtype(f"the dtype of {name}", self.dtype))

    @property
    def is_like_the_parameters(self) -> bool:
        return not callable(self.start)

    def of_leaf(self, x: Any) -> Any:
        if callable(self.start):
            started = self.start(jnp.asarray(x))
            return jax.tree.map(lambda a: self._kept(a, jnp.result_type(a)), started)
        return jnp.full_like(x, self.start, self._dtype(jnp.result_type(x)))

    def _kept(self, array: Any, dtype: Any) -> Array:
        floating = jnp.issubdtype(dtype, jnp.floating)
        return jnp.array(array, self._dtype(dtype) if floating else dtype)

    def _dtype(self, dtype: Any) -> Any:
        dtype = dtype if self.dtype is None else self.dtype
        return common_dtype(dtype, jnp.float32) if self.wide else dtype


def vector(start: Any = 0.0, dtype: DTypeLike | None = None, wide: bool = False) -> Memory:
    """A memory of `treewise` that is shaped like the parameters: a `Memory` that is a `Vector`.

    Example:
        >>> averaging = treewise(lambda g, m: (-(0.9 * m + 0.1 * g), 0.9 * m + 0.1 * g), m=vector())
        >>> print(averaging.init({"w": jnp.ones(2)}).m["w"])
        [0. 0.]
    """
    return Memory(start, dtype, wide, is_vector=True)


@dataclasses.dataclass(frozen=True)
class Coefficient:
    """A hyperparameter that a rule reads as it is at this step and for this parameter.

    Args:
        name: what the user calls it.
        value: a number, or a schedule like the learning rate's.
        mask: the parameters that it applies to, as booleans; it is 0 for others. All if None.
    """

    name: str
    value: Any
    mask: Any = None


def leafwise(
    rule: Callable[..., Any],
    learning_rate: ScalarOrSchedule = None,
    *,
    key: Any = None,
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
    asks = _Asks(rule, learning_rate, key, named, READS)

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
            dtype = _arithmetic(g, kept)
            read = {**shared, **own, "g": _widened(g, dtype)}
            read["x"] = None if x is None else _widened(x, dtype)
            read |= {name: _widened(memory, dtype) for name, memory in kept.items()}
            new_update, *new = asks.returned_by(rule(**{name: read[name] for name in asks.names}))
            _require_array("the update", new_update, g)
            rows = zip(asks.memories, new, kept.values(), strict=True)
            return [_like(new_update, g), *(_as_before(name, n, k) for name, n, k in rows)]

        def row(i, g, x):
            kept = {name: column[i] for name, column in old.items()}
            if jnp.size(g) == 0:  # no numbers: means and norms of none would be NaN
                return [g, *kept.values()]
            dtype = _arithmetic(g, kept)
            own = {name: given[name](dtype, i) for name in asks.masked}
            if "key" in asks.names:
                own["key"] = jax.random.fold_in(given["key"], i)
            return step_one_array(shared(dtype), own, g, x, kept)

        rows = [row(i, g, x) for i, (g, x) in enumerate(zip(leaves, xs, strict=True))]
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
    asks = _Asks(rule, learning_rate, key, named, READS + TREE_READS)

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
        dtypes = [common_dtype(jnp.float32, *_floating(row)) for row in rows]
        widest = common_dtype(jnp.float32, *dtypes)
        given, next_key = asks.of_this_step(state, params, value)

        def vector_of(tree):
            rows = zip(structure.flatten_up_to(tree), dtypes, strict=True)
            return Vector(tuple(_widened(*row) for row in rows), structure)

        read = asks.numbers_of(given)(widest)
        for name in asks.masked:
            masked = tuple(given[name](widest, i) for i in range(len(leaves)))
            read[name] = Vector(masked, structure)
        read["key"] = given.get("key")
        read["g"] = vector_of(grads)
        read["x"] = None if params is None else vector_of(params)
        for name, memory in kept.items():
            read[name] = vector_of(memory) if name in asks.vectors else memory
        read |= _calculus(value_fn, params, vector_of)
        read |= {"params": params, "extra": {**extra, "value": value, "value_fn": value_fn}}
        new_update, *new = asks.returned_by(rule(**{name: read[name] for name in asks.names}))
        updates = _whole(new_update, grads)
        trees = [n.tree if isinstance(n, Vector) else n for n in new]
        memories = {
            name: _as_before(name, n, kept[name]) for name, n in zip(kept, trees, strict=True)
        }
        return updates, State(next_step(state.t), memories, next_key)

    return _finished(init, update, asks)


# -- what a rule asks for ------------------------------------------------------------------------


class _Asks:
    """What the parameters of a rule name, checked once."""

    def __init__(self, rule, learning_rate, key, named: Mapping[str, Any], reads):
        require_function("rule", rule)
        self.coefficients = {n: c for n, c in named.items() if isinstance(c, Coefficient)}
        self.memories = {
            name: (memory if isinstance(memory, Memory) else Memory(memory)).checked(name)
            for name, memory in named.items()
            if name not in self.coefficients
        }
        self.names = self._names(rule, reads)
        self._require_known(reads, learning_rate, key)
        self._key = key
        self.schedules = {
            name: (checked_schedule(told, value), conversion(told, value))
            for name, (told, value) in self._hyperparameters(learning_rate).items()
        }
        self.masked = [n for n, c in self.coefficients.items() if c.mask is not None]
        self._has_learning_rate = learning_rate is not None

    def _names(self, rule: Callable, reads) -> tuple[str, ...]:
        """What the rule reads; parameters with a default may be left out, as memories that only
        some settings have."""
        known = {*reads, *self.memories, *self.coefficients}
        return tuple(
            name
            for name, parameter in inspect.signature(rule).parameters.items()
            if name in known or parameter.default is parameter.empty
        )

    def _require_known(self, reads, learning_rate, key) -> None:
        known = [*reads, *self.memories, *self.coefficients]
        clashes = sorted(set(reads) & {*self.memories, *self.coefficients})
        if clashes:
            raise ValueError(
                f"{clashes} name what every rule may read: give the memory another name"
            )
        unknown = [name for name in self.names if name not in known]
        missing = [name for name in self.memories if name not in self.names]
        if unknown or missing:
            raise TypeError(
                f"a rule reads some of {', '.join(known)} and takes every memory; this one takes "
                f"({', '.join(self.names)})"
                + (f", of which {unknown} are not known" if unknown else "")
                + (f", and not {missing}" if missing else "")
            )
        for name, value in {"lr": learning_rate, "key": key}.items():
            if name in self.names and value is None:
                asked = "learning_rate" if name == "lr" else name
                raise TypeError(f"this rule reads {name}: give {asked} to the lift as well")

    def _hyperparameters(self, learning_rate) -> dict[str, tuple[str, Any]]:
        told = {} if learning_rate is None else {"lr": ("learning_rate", learning_rate)}
        return told | {name: (c.name, c.value) for name, c in self.coefficients.items()}

    @property
    def vectors(self) -> list[str]:
        return [name for name, memory in self.memories.items() if memory.is_vector]

    def require_given(self, grads, state, params, value, value_fn=None) -> None:
        """Refuse an update without what the rule reads, or with the state of another optimizer."""
        names = list(self.memories)
        ours = isinstance(state, State) and set(state.memory) == set(names)
        if not ours:
            raise TypeError(
                f"this optimizer has the memories {sorted(names)}; got {described(state)}: make "
                "the state with this optimizer's init(params)"
            )
        require_floating(grads, "gradients")
        if params is not None:
            require_same_tree("gradients", grads, "parameters", params)
        calculus = [name for name in ("loss_at", "grad_at", "hvp") if name in self.names]
        if params is None and (calculus or {"x", "params"} & set(self.names)):
            raise ValueError(
                "this optimizer reads the parameters: call update(grads, state, params)"
            )
        if value is None and "loss" in self.names:
            raise ValueError(
                "this optimizer reads the loss: call update(grads, state, params, value=loss), as "
                f"jdescent.descend does; {_WITHIN_OPTAX}"
            )
        if value_fn is None and calculus:
            raise ValueError(
                "this optimizer reads the loss elsewhere than at the parameters: call "
                "update(grads, state, params, value_fn=loss), the loss of this batch as a function "
                f"of the parameters, as jdescent.descend does; {_WITHIN_OPTAX}"
            )

    def columns(self, name: str, state: State, structure: Any, grads: PyTree) -> list:
        """What a memory has at each leaf of the gradients."""
        memory = state.memory[name]
        if self.memories[name].is_like_the_parameters:
            require_same_tree("gradients", grads, f"state.{name}", memory)
        try:
            return structure.flatten_up_to(memory)
        except ValueError as error:
            raise ValueError(
                f"gradients and state.{name} must have the same tree structure:\n  gradients: "
                f"{structure}\n  state.{name}: {jax.tree.structure(memory)}"
            ) from error

    def of_this_step(self, state: State, params, value) -> tuple[dict[str, Any], Any]:
        """Functions from a dtype to each number that is read at this step, and the next key."""
        t = next_step(state.t)
        given: dict[str, Any] = {
            "t": lambda dtype: t.astype(dtype),
            "steps": lambda dtype: state.t,
        }
        if value is not None:
            given["loss"] = lambda dtype: jnp.asarray(value, dtype)
        if self._has_learning_rate:
            given["lr"] = self._number("lr", state.t)
        for name, coefficient in self.coefficients.items():
            given[name] = self._number(name, state.t)
            if name in self.masked:
                given[name] = _masked(given[name], coefficient.mask, params)
        if state.key is None:
            return given, None
        given["key"] = jax.random.fold_in(self._key_of(state.key), state.t)
        numbers = jax.random.key_data(given["key"])
        return given, jnp.where(state.t == LAST_STEP, numbers, state.key)

    def key_numbers(self) -> Any:
        """The key as a state has it, a copy: who donates the state keeps the optimizer."""
        return None if self._key is None else jnp.copy(jax.random.key_data(self._key))

    def _key_of(self, numbers: Array) -> Any:
        if not jnp.issubdtype(self._key.dtype, jax.dtypes.prng_key):
            return numbers
        return jax.random.wrap_key_data(numbers, impl=jax.random.key_impl(self._key))

    def _number(self, name, steps) -> Callable:
        at, convert = self.schedules[name]
        number = at(steps)
        return lambda dtype: convert(number, dtype)

    def numbers_of(self, given: Mapping[str, Callable]) -> Callable:
        """What is the same for all arrays, as a function of the dtype."""
        names = [name for name in given if name in self.names and name not in [*self.masked, "key"]]
        return lambda dtype: {name: given[name](dtype) for name in names}

    def returned_by(self, new: Any) -> tuple:
        """The update and the memories; refused unless there are as many as named."""
        expected = ", ".join(["update", *self.memories])
        if not self.memories and not isinstance(new, tuple):
            return (new,)
        if not isinstance(new, tuple):
            raise TypeError(f"a rule must return the tuple ({expected}), got {new!r}")
        if len(new) != 1 + len(self.memories):
            raise ValueError(f"a rule must return ({expected}), got {len(new)} values: {new!r}")
        return new


def _masked(number: Callable, mask: Any, params: Params | None) -> Callable:
    """A coefficient that is 0 where the mask is False, as a function of the dtype and the leaf."""
    if params is None:
        raise ValueError("a mask is of the parameters: call update(grads, state, params)")
    applies = jax.tree.leaves(spread("mask", mask, params))
    return lambda dtype, i: jnp.where(applies[i], number(dtype), 0)


def _finished(init: Callable, update: Callable, asks: _Asks) -> Optimizer:
    update.reads = asks.names  # type: ignore[attr-defined]
    return Optimizer(init, update)


def _calculus(value_fn, params: Params, vector_of: Callable) -> dict[str, Callable]:
    """The loss and its derivatives elsewhere, of vectors whose dtypes may be wider."""
    if value_fn is None or params is None:
        return {}
    gradient = jax.grad(value_fn)

    xs = jax.tree.leaves(params)

    def narrow(y: Vector) -> Params:
        return y.structure.unflatten(map(_like, y.leaves, xs))

    return {
        "loss_at": lambda y: value_fn(narrow(y)),
        "grad_at": lambda y: vector_of(gradient(narrow(y))),
        "hvp": lambda v: vector_of(jax.jvp(gradient, (as_arrays(params),), (narrow(v),))[1]),
    }


# -- arrays in and out ---------------------------------------------------------------------------


def _arithmetic(g: Any, kept: PyTree) -> Any:
    """The dtype in which a rule computes."""
    return common_dtype(jnp.float32, g, *_floating(kept))


def _floating(tree: PyTree) -> list:
    return [a for a in jax.tree.leaves(tree) if jnp.issubdtype(jnp.result_type(a), jnp.floating)]


def _widened(tree: PyTree, dtype: Any) -> PyTree:
    """The floating-point arrays in the dtype, others as they are."""

    def one(a):
        return jnp.asarray(a, dtype if jnp.issubdtype(jnp.result_type(a), jnp.floating) else None)

    return jax.tree.map(one, tree)


def _like(new: Any, old: Any) -> Array:
    return jnp.asarray(new, jnp.result_type(old))


def _whole(new: Any, grads: PyTree) -> PyTree:
    """The updates in the gradients' dtypes; refused unless they are a tree like them."""
    tree = new.tree if isinstance(new, Vector) else new
    require_same_tree("updates", tree, "gradients", grads)
    require_floating(tree, "updates")
    return jax.tree.map(_like, tree, grads)


def _as_before(name: str, new: PyTree, old: PyTree) -> PyTree:
    """A memory in the dtypes that it had; refused if its shapes or kinds of numbers changed."""
    structures: Any = jax.tree.structure(new), jax.tree.structure(old)
    if structures[0] != structures[1]:
        if len(jax.tree.leaves(old)) == 1 and is_array(old):
            _require_array(name, new, old)
        raise ValueError(
            f"a rule must keep the structure of its memories: {name} came back as "
            f"{jax.tree.structure(new)}, it was {jax.tree.structure(old)}"
        )

    def one(new, old):
        _require_array(name, new, old)
        return _like(new, old)

    return jax.tree.map(one, new, old)


def _require_array(name: str, new: Any, old: Any) -> None:
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
