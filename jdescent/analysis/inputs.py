"""What every function here shares: ranges in signatures, one array library per call, clear errors.

The range of an argument stands in its annotation, `momentum: Momentum`. `checked` refuses what lies
outside; `elementwise` also makes numbers of one kind of what came, so that a closed form is nothing
but its equation.
"""

import functools
import inspect
import operator
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

# What the closed forms take and give: any real number or array of them.
Reals = int | float | np.integer | np.floating | np.ndarray | Array

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Range:
    """What an argument may be, in words and as a test of its entries."""

    words: str
    holds: Callable[[Any], Any]
    whole: bool = False
    finite: bool = True
    hint: str = ""

    @property
    def conditions(self) -> Iterator[tuple[str, Callable[[Any], Any]]]:
        yield self.words, self.holds
        if self.finite:
            yield "finite", lambda x: abs(x) < np.inf
        if self.whole:
            yield "a whole number", lambda x: namespace(x).floor(x) == x

    def allows(self, x: Any) -> Any:
        """All conditions at once, of entries that may be traced."""
        return functools.reduce(operator.and_, (holds(x) for _, holds in self.conditions))


FINITE = Range("finite", lambda x: abs(x) < np.inf)
POSITIVE = Range("positive", lambda x: x > 0)
NON_NEGATIVE = Range("zero or positive", lambda x: x >= 0)
# of examples in a batch, up to infinity for all there are
BATCH = Range("at least 1", lambda x: x >= 1, whole=True, finite=False)
IN_0_1 = Range("in (0, 1)", lambda x: (x > 0) & (x < 1), hint="as in 0.95")

Real = Annotated[Reals, FINITE]
Positive = Annotated[Reals, POSITIVE]
NonNegative = Annotated[Reals, NON_NEGATIVE]
Negative = Annotated[Reals, Range("negative", lambda x: x < 0)]
Momentum = Annotated[Reals, Range("in [0, 1)", lambda x: (x >= 0) & (x < 1))]
Share = Annotated[Reals, Range("in (0, 1]", lambda x: (x > 0) & (x <= 1))]


def count(fewest: int) -> Range:
    """Whole numbers from the fewest on."""
    words = "zero or positive" if fewest == 0 else f"at least {fewest}"
    return Range(words, lambda x: x >= fewest, whole=True)


Count = Annotated[Reals, count(1)]


def namespace(*values: Reals) -> ModuleType:
    """jax.numpy if any value is a JAX array (or traced), else NumPy, which keeps float64."""
    return jnp if any(isinstance(value, jax.Array) for value in values) else np


def require(name: str, value: Any, allowed: Range, dtype: Any = None, hint: str = "") -> None:
    """Raise an error that names the argument unless every entry, in this dtype, is allowed."""
    entries = _array(name, value)
    if entries.dtype.kind not in "iuf" and entries.dtype != jnp.bfloat16:
        raise TypeError(f"{name} must be a real number or an array of them, got {value!r}")
    with np.errstate(over="ignore", under="ignore"):
        used = entries.astype(dtype or entries.dtype)
    for words, holds in allowed.conditions:
        valid = holds(used)
        if not np.all(valid):
            place = np.unravel_index(np.argmin(valid), entries.shape)
            where = f" at index {tuple(map(int, place))}" if place else ""
            first, hint = entries[place], hint or allowed.hint
            if holds(first):
                hint = f"that is {used[place]} in {used.dtype}; pass all arguments in float64"
            raise ValueError(
                f"{name} must be {words}, got {first}{where}" + f": {hint}" * bool(hint)
            )


def _array(name: str, value: Any) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must have rows of one length, got {value!r}") from None


def require_known(name: str, value: Any, allowed: Range) -> None:
    """`require`, unless the value is traced and has no entries yet."""
    if not isinstance(value, jax.core.Tracer):
        require(name, value, allowed)


def checked(function: Function) -> Function:
    """Refuse what lies outside the ranges in the signature, and traced values.

    What is annotated as one number of Python becomes one, whatever JAX's precision was.
    """
    allowed, kinds, signature = ranges(function), _kinds(function), inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            if isinstance(value, jax.core.Tracer):
                raise TypeError(
                    f"{name} is traced, but {function.__name__} computes with NumPy: call it "
                    "outside of jit, vmap and grad, or through jax.pure_callback"
                )
            if name in allowed:
                require(name, value, allowed[name])
            if kinds.get(name) in (int, float, int | float):
                single = _single(name, value)
                bound.arguments[name] = int(single) if kinds[name] is int else float(single)
        return function(*bound.args, **bound.kwargs)

    return typing.cast(Function, call)


def _single(name: str, value: Any) -> Any:
    if np.ndim(value) != 0:
        raise ValueError(f"{name} must be one number, got shape {np.shape(value)}")
    return np.asarray(value).item()


def elementwise(function: Function) -> Function:
    """Check the arguments, and hand them on as floating-point numbers of one array library.

    Python numbers alone are computed in float64 and give Python floats. Beside arrays they take the
    arrays' precision. Integer arrays become floats, and half precision is computed in float32. A
    traced value cannot be refused: where it lies outside its range the result is NaN.
    """
    allowed, signature = ranges(function), inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        came = bound.arguments
        numbers = {name: number(name, value) for name, value in came.items()}
        in_python = not any(hasattr(value, "dtype") for value in numbers.values())
        xp = namespace(*numbers.values())
        dtype = xp.result_type(*numbers.values())
        traced = {n for n, value in numbers.items() if isinstance(value, jax.core.Tracer)}
        for name in numbers.keys() - traced:
            require(name, came[name], allowed[name], dtype)
        # Python numbers overflow and divide by zero with an exception: they join the arrays
        join = jnp.asarray if xp is jnp else dtype.type
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            joined = {n: join(x) if isinstance(x, float) else x for n, x in numbers.items()}
            result = function(**joined)
        if in_python:
            return jax.tree.map(float, result)
        for name in traced:
            valid = allowed[name].allows(numbers[name])
            result = jax.tree.map(functools.partial(_or_nan, valid), result)
        return result

    return typing.cast(Function, call)


def floats(name: str, value: Any, allowed: Range = FINITE) -> np.ndarray:
    """A float64 array of what is allowed, for a computation in NumPy."""
    require(name, value, allowed)
    return np.asarray(value, np.float64)


def vector(name: str, value: Any, entries: str, allowed: Range = FINITE) -> np.ndarray:
    """`floats` of one axis, with at least one entry."""
    numbers = floats(name, value, allowed)
    require_vector(name, numbers, entries)
    return numbers


def require_vector(name: str, value: Any, entries: str) -> None:
    """Raise an error that names the argument unless it has one axis and an entry on it."""
    shape = _array(name, value).shape
    if len(shape) != 1 or shape[0] == 0:
        raise ValueError(f"{name} must have shape ({entries},) with {entries} ≥ 1, got {shape}")


def binary_scale(x: np.ndarray) -> float:
    """A power of two near the largest size of x: to divide by it rounds nothing."""
    _, exponent = np.frexp(np.max(np.abs(x), initial=0.0))
    return float(np.ldexp(0.5, exponent))


def _or_nan(valid: Array, result: Reals) -> Array:
    return jnp.where(valid, result, jnp.nan)


def number(name: str, value: Any) -> Any:
    """A Python float, or a floating-point array of at least 32 bits."""
    came = value
    if isinstance(value, int | float) and not isinstance(value, bool | np.generic):
        return _python_float(name, value)
    if not isinstance(value, jax.Array | np.generic):
        value = _array(name, value)
    if jnp.issubdtype(value.dtype, jnp.integer):
        return value.astype(namespace(value).result_type(float))
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(f"{name} must be a real number or an array of them, got {came!r}")
    return value if value.dtype.itemsize >= 4 else value.astype(np.float32)


def _python_float(name: str, value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} must be below 1.8e308, got an integer that is not") from None


def _kinds(function: Callable[..., Any]) -> dict[str, Any]:
    """The types in the signature of the arguments that have a range."""
    hints = typing.get_type_hints(function)
    return {name: hints[name] for name in ranges(function)}


def ranges(function: Callable[..., Any]) -> dict[str, Range]:
    """What the signature says of each argument."""
    hints = typing.get_type_hints(function, include_extras=True)
    metadata = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {
        name: found
        for name, entries in metadata.items()
        for found in entries
        if isinstance(found, Range)
    }
