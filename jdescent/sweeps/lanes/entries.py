"""Operations on split values: one vector of lanes for each number of a small array."""

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import primitives

from jdescent.core.tracing import bind
from jdescent.sweeps.lanes.programs import has_no_keys, is_empty
from jdescent.sweeps.lanes.values import Entry, align, as_entries

Rule = Callable[..., np.ndarray | None]


def scalarized(equation, inputs: Sequence[np.ndarray]) -> np.ndarray | None:
    """The entries of the equation's one output; None if that is left to `jax.vmap`.

    Whatever a rule gives, it counts only if it has the shape and the dtype that the equation has.
    """
    rule = rule_of(equation)
    if rule is None:
        return None
    try:
        output = rule(equation, *inputs)
    except (TypeError, ValueError, NotImplementedError):  # of operands that no rule foresaw
        return None
    expected = equation.outvars[0].aval
    if output is None or output.shape != expected.shape:
        return None
    return output if all(entry.dtype == expected.dtype for entry in output.flat) else None


def rule_of(equation) -> Rule | None:
    """The rule that does the equation on entries, if there is one that honours its parameters."""
    name = equation.primitive.name
    rule, honoured = RULES.get(name, _NO_RULE)
    if getattr(primitives, f"{name}_p", equation.primitive) is not equation.primitive:
        return None  # somebody else's operation of that name
    ignored = [value for key, value in equation.params.items() if key not in honoured]
    if honoured is _ALL:
        ignored = [value for key, value in equation.params.items() if "sharding" in key]
    ignores = any(value is not None and value is not False for value in ignored)
    arrays = [*equation.invars, *equation.outvars]
    if ignores or equation.effects or not has_no_keys(equation) or any(map(is_empty, arrays)):
        return None
    return rule


def elementwise(equation, *operands: np.ndarray) -> np.ndarray:
    """One operation at every place; equal operands are computed once."""
    operands = np.broadcast_arrays(*operands)
    known: dict[tuple[int, ...], Entry] = {}

    def result(*here: Entry) -> Entry:
        identity = tuple(map(id, here))
        if identity not in known:
            known[identity] = equation.primitive.bind(*align(*here), **equation.params)
        return known[identity]

    places = zip(*(operand.flat for operand in operands), strict=True)
    return as_entries([result(*here) for here in places], operands[0].shape)


def _add_gradients(equation, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A sum of gradients, many of which are padded with constant zeros."""

    def is_zero(entry: Entry) -> bool:
        return isinstance(entry, np.ndarray | np.generic) and bool(entry == 0)

    def total(a: Entry, b: Entry) -> Entry:
        if is_zero(a) or is_zero(b):
            return b if is_zero(a) else a
        return bind(equation, align(a, b))[0]

    return as_entries(list(map(total, left.flat, right.flat)), left.shape)


def _pad(equation, operand: np.ndarray, filling: np.ndarray) -> np.ndarray:
    config, shape = equation.params["padding_config"], equation.outvars[0].aval.shape
    placed = dict.fromkeys(np.ndindex(shape), filling[()])
    for place, entry in zip(np.ndindex(operand.shape), operand.flat, strict=True):
        to = tuple(low + i * (1 + gap) for i, (low, _, gap) in zip(place, config, strict=True))
        if to in placed:  # negative padding crops
            placed[to] = entry
    return as_entries(list(placed.values()), shape)


def _broadcast_in_dim(equation, operand: np.ndarray) -> np.ndarray:
    shape = equation.params["shape"]
    placed = [1] * len(shape)
    for axis, dimension in enumerate(equation.params["broadcast_dimensions"]):
        placed[dimension] = operand.shape[axis]
    return np.broadcast_to(operand.reshape(placed), shape)


def _slice(equation, operand: np.ndarray) -> np.ndarray:
    bounds = (equation.params[name] for name in ("start_indices", "limit_indices", "strides"))
    starts, limits, strides = bounds
    strides = strides or [1] * operand.ndim
    return operand[tuple(map(slice, starts, limits, strides))]


def _reshape(equation, operand: np.ndarray) -> np.ndarray:
    """Also squeezes and expands."""
    return operand.reshape(equation.outvars[0].aval.shape)


def _reduction(combine: Callable) -> Rule:
    def reduce(equation, operand: np.ndarray) -> np.ndarray | None:
        if combine in (lax.add, lax.mul) and not _rounds_as_it_goes(equation.invars[0]):
            return None
        axes = equation.params["axes"]
        kept = [axis for axis in range(operand.ndim) if axis not in axes]
        shape = equation.outvars[0].aval.shape
        rows = operand.transpose(*kept, *axes).reshape(math.prod(shape), -1)
        return as_entries([_folded(combine, row) for row in rows], shape)

    return reduce


def _rounds_as_it_goes(variable) -> bool:
    """Whether XLA adds and multiplies such numbers as they are; it keeps half precision wider."""
    dtype = variable.aval.dtype
    return jnp.issubdtype(dtype, jnp.integer) or dtype in _ACCUMULATING


_ACCUMULATING = tuple(map(np.dtype, ("float32", "float64", "complex64", "complex128")))


def _folded(combine: Callable, entries: Iterable[Entry]) -> Entry:
    return functools.reduce(lambda a, b: combine(*align(a, b)), entries)


def _dot(equation, left: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """A contraction, written out as sums of products."""
    result = equation.outvars[0].aval.dtype
    if any(v.aval.dtype != result or not _rounds_as_it_goes(v) for v in equation.invars):
        return None
    if isinstance(equation.params["precision"], _ALGORITHMS):
        return None
    (left_sum, right_sum), (left_batch, right_batch) = equation.params["dimension_numbers"]

    def arranged(operand, batch, summed):
        free = [axis for axis in range(operand.ndim) if axis not in (*batch, *summed)]
        sizes = [[operand.shape[axis] for axis in group] for group in (batch, free, summed)]
        return operand.transpose(*batch, *free, *summed).reshape([math.prod(s) for s in sizes])

    a, b = arranged(left, left_batch, left_sum), arranged(right, right_batch, right_sum)

    def product(row: np.ndarray, column: np.ndarray) -> Entry:
        return _folded(lax.add, [lax.mul(*align(x, y)) for x, y in zip(row, column, strict=True)])

    sums = [product(row, column) for m, n in zip(a, b, strict=True) for row in m for column in n]
    return as_entries(sums, equation.outvars[0].aval.shape)


_ALGORITHMS = (str, lax.DotAlgorithm, lax.DotAlgorithmPreset)  # of rounding, other than the plain


class _Table(NamedTuple):
    rule: Rule | None
    honoured: frozenset[str]  # the parameters that the rule honours; others must be None or False


_ALL = frozenset({"every parameter but those of sharding"})
_NO_RULE = _Table(None, _ALL)
_ELEMENTWISE = """
    abs acos acosh add and asin asinh atan atan2 atanh cbrt ceil clamp clz convert_element_type copy
    cos cosh digamma div eq erf erf_inv erfc exp exp2 expm1 floor ge gt integer_pow is_finite le
    lgamma log log1p log2 logistic lt max min mul ne neg nextafter not one_minus_square or
    polynomial population_count pow
    reduce_precision rem round rsqrt select_n shift_left shift_right_arithmetic shift_right_logical
    sign sin sinh sqrt square stop_gradient sub tan tanh xor
"""


def _table(rule: Rule, *honoured: str) -> _Table:
    return _Table(rule, frozenset(honoured))


RULES: dict[str, _Table] = {
    **dict.fromkeys(_ELEMENTWISE.split(), _Table(elementwise, _ALL)),
    "add_any": _table(_add_gradients),
    "broadcast_in_dim": _table(_broadcast_in_dim, "shape", "broadcast_dimensions"),
    "concatenate": _table(
        lambda equation, *parts: np.concatenate(parts, equation.params["dimension"]), "dimension"
    ),
    "dot_general": _table(_dot, "dimension_numbers", "precision", "preferred_element_type"),
    "pad": _table(_pad, "padding_config"),
    "reduce_and": _table(_reduction(lax.bitwise_and), "axes"),
    "reduce_max": _table(_reduction(lax.max), "axes"),
    "reduce_min": _table(_reduction(lax.min), "axes"),
    "reduce_or": _table(_reduction(lax.bitwise_or), "axes"),
    "reduce_prod": _table(_reduction(lax.mul), "axes"),
    "reduce_sum": _table(_reduction(lax.add), "axes"),
    "reshape": _table(_reshape, "new_sizes"),
    "rev": _table(
        lambda equation, operand: np.flip(operand, equation.params["dimensions"]), "dimensions"
    ),
    "slice": _table(_slice, "start_indices", "limit_indices", "strides"),
    "squeeze": _table(_reshape, "dimensions"),
    "transpose": _table(
        lambda equation, operand: operand.transpose(equation.params["permutation"]), "permutation"
    ),
}
