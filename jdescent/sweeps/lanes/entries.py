"""Operations on split values: one vector of lanes for each number of a small array."""

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from jax import lax
from jax.extend import core
from jax.extend.core import primitives as p

from jdescent.sweeps.lanes.values import Entry, align, as_entries


def bind(equation, inputs: Sequence[Entry]) -> list[Entry]:
    outputs = equation.primitive.bind(*inputs, **equation.params)
    return outputs if equation.primitive.multiple_results else [outputs]


def elementwise(equation, *operands: np.ndarray) -> np.ndarray:
    """One operation at every place; equal operands are computed once."""
    operands = np.broadcast_arrays(*operands)
    known: dict[tuple[int, ...], Entry] = {}

    def result(*here: Entry) -> Entry:
        identity = tuple(map(id, here))
        if identity not in known:
            (known[identity],) = bind(equation, align(*here))
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


def _reduction(combine: Callable) -> Callable:
    def reduce(equation, operand: np.ndarray) -> np.ndarray:
        axes = equation.params["axes"]
        kept = [axis for axis in range(operand.ndim) if axis not in axes]
        shape = equation.outvars[0].aval.shape
        rows = operand.transpose(*kept, *axes).reshape(math.prod(shape), -1)
        return as_entries([_folded(combine, row) for row in rows], shape)

    return reduce


def _folded(combine: Callable, entries: Iterable[Entry]) -> Entry:
    return functools.reduce(lambda a, b: combine(*align(a, b)), entries)


def _dot(equation, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A contraction, written out as sums of products."""
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


ON_ENTRIES: dict[core.Primitive, Callable[..., Any]] = {
    **dict.fromkeys(
        [
            p.abs_p, p.acos_p, p.acosh_p, p.add_p, p.and_p, p.asin_p, p.asinh_p, p.atan2_p,
            p.atan_p, p.atanh_p, p.cbrt_p, p.ceil_p, p.clamp_p, p.clz_p, p.convert_element_type_p,
            p.copy_p, p.cos_p, p.cosh_p, p.digamma_p, p.div_p, p.eq_p, p.erf_inv_p, p.erf_p,
            p.erfc_p, p.exp2_p, p.exp_p, p.expm1_p, p.floor_p, p.ge_p, p.gt_p, p.integer_pow_p,
            p.is_finite_p, p.le_p, p.lgamma_p, p.log1p_p, p.log_p, p.logistic_p, p.lt_p, p.max_p,
            p.min_p, p.mul_p, p.ne_p, p.neg_p, p.nextafter_p, p.not_p, p.or_p,
            p.population_count_p, p.pow_p, p.reduce_precision_p, p.rem_p, p.round_p, p.rsqrt_p,
            p.select_n_p, p.shift_left_p, p.shift_right_arithmetic_p, p.shift_right_logical_p,
            p.sign_p, p.sin_p, p.sinh_p, p.sqrt_p, p.square_p, p.stop_gradient_p, p.sub_p, p.tan_p,
            p.tanh_p, p.xor_p,
        ],
        elementwise,
    ),
    p.add_jaxvals_p: _add_gradients,
    p.broadcast_in_dim_p: _broadcast_in_dim,
    p.concatenate_p: lambda eqn, *parts: np.concatenate(parts, eqn.params["dimension"]),
    p.dot_general_p: _dot,
    p.pad_p: _pad,
    p.reduce_and_p: _reduction(lax.bitwise_and),
    p.reduce_max_p: _reduction(lax.max),
    p.reduce_min_p: _reduction(lax.min),
    p.reduce_or_p: _reduction(lax.bitwise_or),
    p.reduce_prod_p: _reduction(lax.mul),
    p.reduce_sum_p: _reduction(lax.add),
    p.reshape_p: _reshape,
    p.rev_p: lambda eqn, operand: np.flip(operand, eqn.params["dimensions"]),
    p.slice_p: _slice,
    p.squeeze_p: _reshape,
    p.transpose_p: lambda eqn, operand: operand.transpose(eqn.params["permutation"]),
}  # fmt: skip
