"""The contract every optimizer keeps, and the one place where equations meet trees of parameters.

An optimizer is written as a *rule*: its equations on one array, in the symbols of its paper.
`leafwise` lifts a rule to trees, schedules, counters and dtypes. `chain` puts optimizers in a row.
"""

import functools
import inspect
import math
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, Protocol, SupportsIndex, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, PyTree

from jdescent.numerics import next_step, root

Params = PyTree
Updates = PyTree
Schedule = Callable[[Any], Any]
Scalar = float | int | np.number | Array  # a scalar array may be traced, under vmap
ScalarOrSchedule = Any  # a float, a scalar array (traced under vmap), or a Schedule

RATE_ROUNDING = 1e-6  # how far below 0 a schedule may fall that means 0


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
                f"the state of a chain is the tuple of its parts' states, got {_described(state)}: "
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
    """The same update, but ignoring extra keyword arguments if it does not take any."""
    parameters = inspect.signature(update).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return update
    return lambda grads, state, params=None, **extra: update(grads, state, params)


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
                    f"parameters must be able to hold their updates: {_where(path)} is {dtype}, "
                    f"its update {jnp.result_type(u)}"
                )
        return (jnp.asarray(x, sum_dtype) + jnp.asarray(u, sum_dtype)).astype(dtype)

    return jax.tree_util.tree_map_with_path(add, params, updates)


def global_norm(tree: PyTree) -> Array:
    """‖tree‖₂ over all leaves together, in float32 or wider.

    No square overflows or vanishes, whatever the size of the elements. Its derivative at 0 is 0, a
    subgradient.

    Raises:
        TypeError: a complex leaf.

    Example:
        >>> print(global_norm({"w": jnp.array([3.0]), "b": jnp.array(4.0)}))
        5.0
    """
    scale, norm = scaled_norm(tree)
    return scale * norm


def scaled_norm(tree: PyTree) -> tuple[Array, Array]:
    """A power of two and ‖tree‖₂ divided by it, which is never too large nor too small to hold.

    The power is 1 unless squares would overflow or vanish. (Dividing by the largest element would
    not do: one over the largest numbers is subnormal, which compiled code takes for 0.)
    """
    leaves = jax.tree.leaves(tree)
    dtype = common_dtype(jnp.float32, *leaves)
    if jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(f"a norm of real arrays is taken, got {dtype}: split real from imaginary")
    third = int(jnp.finfo(dtype).maxexp) // 3
    wide = [jnp.asarray(x, dtype) for x in leaves]
    zero = jnp.zeros((), dtype)
    largest = functools.reduce(jnp.maximum, (jnp.max(jnp.abs(x), initial=0.0) for x in wide), zero)
    scale = jnp.where(largest > 2.0**third, 4.0**third, 1)
    scale = jnp.where(largest < 2.0**-third, 4.0**-third, scale).astype(dtype)
    scale = lax.stop_gradient(scale)
    return scale, root(sum((jnp.sum(jnp.square(x / scale)) for x in wide), zero))


def as_arrays(tree: PyTree) -> PyTree:
    """Every leaf as an array of a fixed dtype, Python numbers included."""
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x)), tree)


def common_dtype(*operands: Any) -> jnp.dtype:
    """The dtype that holds all operands, even where the user forbids implicit promotion."""
    with jax.numpy_dtype_promotion("standard"):
        return jnp.result_type(*operands)


def check_hyperparameters(*, below: float | int = math.inf, **values: Any) -> list[Any]:
    """The values as Python floats, in the order given; an error unless real scalars in [0, below).

    A traced value cannot be looked at: it is made at least float32, and NaN where it is out of its
    range, so that what is computed with it is NaN.
    """
    return [_checked_hyperparameter(name, value, 0.0, below) for name, value in values.items()]


def _checked_hyperparameter(name: str, value: Any, least: float, below: float | int) -> Any:
    number = real_number(name, value)
    if number is None:
        dtype = jnp.result_type(value)
        if not jnp.issubdtype(dtype, jnp.floating):
            traced = jnp.asarray(value, float)
        elif dtype in (jnp.float16, jnp.bfloat16):
            traced = value.astype(jnp.float32)
        else:
            traced = 1.0 * value  # a weak type stays weak
        return jnp.where((traced >= least) & (traced < below), traced, jnp.nan)
    if not least <= number < below:
        limit = "finite" if below == math.inf else f"< {below:g}"
        raise ValueError(f"{name} must be ≥ 0 and {limit}, got {number}")
    return number


def checked_schedule(name: str, value: ScalarOrSchedule) -> Schedule:
    """A schedule of this hyperparameter: the value at every step, or the one that it is already.

    What a schedule returns must be what the hyperparameter itself must be, up to rounding: a linear
    one that ends at 0 may end a little below, as 1 − t·(1/n) does.
    """
    if not callable(value):
        (number,) = check_hyperparameters(**{name: value})
        return lambda step: number

    _require_schedule(name, value)

    def schedule(step):
        rate = value(step)
        returned = f"what the schedule of {name} returns"
        checked = _checked_hyperparameter(returned, rate, -RATE_ROUNDING, math.inf)
        return checked if isinstance(rate, jax.core.Tracer) else rate

    return schedule


def _require_schedule(name: str, function: Callable) -> None:
    """Refuse a function that cannot be called with the number of a step."""
    if not takes(function, "step"):
        raise TypeError(
            f"{name} must be a number or a schedule, a function of the step alone, got a function "
            f"of {inspect.signature(function)}: as in lambda step: 0.1 / (1 + step)"
        )


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


def conversion(name: str, value: ScalarOrSchedule) -> Callable[[Any, DTypeLike], Array]:
    """What makes an array of a dtype of this hyperparameter, or of what its schedule returns.

    A schedule may fall below what the dtype holds.
    """
    return jnp.asarray if callable(value) else functools.partial(as_held, name)


def as_held(name: str, value: Scalar, dtype: DTypeLike) -> Array:
    """The hyperparameter in the dtype; an error where a number would be 0 or infinite there.

    Compiled code takes numbers below the smallest normal one for 0. Traced values cannot be looked
    at.
    """
    least, most = float(jnp.finfo(dtype).tiny), float(jnp.finfo(dtype).max)
    if isinstance(value, float) and value != 0 and not least <= abs(value) <= most:
        raise ValueError(
            f"{name} must be 0 or from {least:.2g} to {most:.2g}, which {jnp.dtype(dtype)} holds, "
            f"got {value}: compute in float64, with parameters of that dtype and "
            "jax.config.update('jax_enable_x64', True), or multiply the loss by a constant that "
            "brings it into this range"
        )
    return jnp.asarray(value, dtype)


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
    try:
        whole = None if isinstance(number, bool | np.bool_) else operator.index(number)
    except TypeError:
        whole = None
    if whole is None:
        raise TypeError(f"{name} must be a Python integer, got {number!r}")
    if whole < 1:
        raise ValueError(f"{name} must be at least 1, got {whole}")
    if whole > at_most:
        raise ValueError(f"{name} must be at most {at_most}, got {whole}")
    return whole


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


def require_optimizer(optimizer: Any) -> None:
    """Refuse what has no functions init and update, such as a factory that was not called."""
    parts = (getattr(optimizer, name, None) for name in ("init", "update"))
    if not all(map(callable, parts)):
        raise TypeError(
            f"optimizer must have init and update, got {optimizer!r}: make one, as in sgd(0.1)"
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
        mend = (
            "split it into real and imaginary parts"
            if jnp.issubdtype(dtype, jnp.complexfloating)
            else "convert it with jnp.asarray(x, float)"
        )
        where = jax.tree_util.keystr(path) or f"the {name.removesuffix('s')}"
        raise TypeError(f"{name} must be floating-point: {where} is {dtype}; {mend}")


def require_state_type(state_type: type[Any], state: Any) -> None:
    """Refuse the state of another optimizer."""
    if not isinstance(state, state_type):
        fields = ", ".join(state_type._fields) or "nothing"
        raise TypeError(
            f"this optimizer's state is a {state_type.__name__} of {fields}; got "
            f"{_described(state)}: make the state with this optimizer's init(params)"
        )


def _described(state) -> str:
    """What a state is, without its numbers."""
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
                f"{name} and {other_name} must have the same shapes: {_where(path)} is "
                f"{jnp.shape(leaf)} in {name} and {jnp.shape(other_leaf)} in {other_name}"
            )


def _where(path) -> str:
    return jax.tree_util.keystr(path) or "the array"
