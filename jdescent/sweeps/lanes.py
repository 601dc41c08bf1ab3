"""Many small runs side by side: a loop on small arrays becomes arithmetic on vectors of lanes.

`jax.vmap` of a loop over a 2-vector makes arrays of shape (lanes, 2), and every reduction and slice
then walks memory in steps of two. Here each number of a small array becomes a vector of its own,
one entry a lane, so that the body of a loop is straight-line arithmetic on contiguous vectors.
What does not depend on the lane (step counters, schedules, data) is computed once for all lanes,
and a branch that no lane takes is not taken. Everything else is left to `jax.vmap`.
"""

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import core
from jax.extend.core import primitives as p
from jaxtyping import Array

SPLIT_LIMIT = 2_000  # numbers computed in one turn of a loop; above it, splitting does not pay


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Stacked:
    """A value of every lane as one array, with the lanes along one of its axes, 0 or −1."""

    array: Array
    axis: int = field(default=-1, metadata={"static": True})


@dataclass(frozen=True, eq=False)
class Split:
    """A value of every lane as an array of objects of its shape, each a vector (lanes,).

    An entry that is the same in all lanes is a scalar.
    """

    entries: np.ndarray


Entry = Any  # a vector (lanes,), or a scalar that all lanes share
Value = Any  # Stacked, Split, or an ordinary array: the same in all lanes


def map_lanes(program: core.ClosedJaxpr, *arguments: Array) -> list[Array]:
    """What the program gives for every lane: arguments and results have the lanes last.

    The equal of ``jax.vmap(jax.extend.core.jaxpr_as_fun(program), in_axes=-1, out_axes=-1)``, to
    rounding.

    Example:
        >>> thrice_halved = lambda x: lax.fori_loop(0, 3, lambda i, x: x / 2, x)
        >>> program = jax.make_jaxpr(thrice_halved)(jnp.ones(2))
        >>> map_lanes(program, jnp.array([[8.0, 16.0], [24.0, 32.0]]))[0]
        Array([[1., 2.],
               [3., 4.]], dtype=float32)
    """
    lanes = arguments[0].shape[-1]
    outputs = _Walk(lanes).run(program, [Stacked(array) for array in arguments])
    return [_stack(output, lanes) for output in outputs]


def carried_bytes(program: core.ClosedJaxpr) -> int | None:
    """Bytes a lane that the largest loop on split values carries; None if there is no such loop."""
    found: list[int | None] = []
    for equation in program.jaxpr.eqns:
        if equation.primitive in _LOOPS and _is_small(equation):
            found.append(sum(map(value_bytes, _carried(equation))))
        elif equation.primitive in _CALLS:
            found.append(carried_bytes(_program_of(equation)))
    return max((size for size in found if size is not None), default=None)


def _carried(loop) -> list[Any]:
    if loop.primitive is p.scan_p:
        return loop.outvars[: loop.params["num_carry"]]
    return loop.outvars


def largest_value_bytes(program: core.ClosedJaxpr) -> int:
    """Bytes a lane of the largest array that is computed in a loop, or anywhere if none loops."""

    def largest(jaxpr, in_loop: bool) -> int:
        sizes = [1]
        for equation in jaxpr.eqns:
            inner = list(core.jaxprs_in_params(equation.params))
            sizes += [largest(sub, in_loop or equation.primitive in _LOOPS) for sub in inner]
            if in_loop and not inner:
                sizes += [value_bytes(variable) for variable in equation.outvars]
        return max(sizes)

    loops = largest(program.jaxpr, False)
    return loops if loops > 1 else largest(program.jaxpr, True)


def value_bytes(variable) -> int:
    """Bytes of one lane of an array of a program."""
    return math.prod(variable.aval.shape) * getattr(variable.aval.dtype, "itemsize", 8)


@dataclass(frozen=True)
class _Walk:
    """Walks through a program equation by equation, for so many lanes at a time."""

    lanes: int
    in_loop: bool = False
    splits: bool = False  # whether the values of this loop are split

    def run(self, program: core.ClosedJaxpr, arguments: Sequence[Value]) -> list[Value]:
        jaxpr = program.jaxpr
        values = dict(zip(jaxpr.constvars, map(_as_constant, program.consts), strict=True))
        values |= zip(jaxpr.invars, arguments, strict=True)

        def read(variable) -> Value:
            if isinstance(variable, core.Literal):
                return np.asarray(variable.val, jnp.result_type(variable.aval))
            return values[variable]

        for equation in jaxpr.eqns:
            outputs = self.equation(equation, [read(variable) for variable in equation.invars])
            values |= zip(equation.outvars, outputs, strict=True)
        return [read(variable) for variable in jaxpr.outvars]

    def equation(self, equation, inputs: list[Value]) -> list[Value]:
        primitive = equation.primitive
        if primitive in _CALLS:
            return self.run(_program_of(equation), inputs)
        if all(_is_shared(value) for value in inputs):
            return _bind(equation, inputs)
        if primitive in _LOOPS:
            splits = self.splits if self.in_loop else _is_small(equation)
            return _LOOPS[primitive](_Walk(self.lanes, True, splits), equation, inputs)
        if self.in_loop and primitive is p.cond_p:
            return _cond(self, equation, inputs)
        if self.splits and primitive in _ON_ENTRIES and _has_no_keys(equation):
            entries = [_split(value).entries for value in inputs]
            outputs = _ON_ENTRIES[primitive](equation, *entries)
            return [Split(o) for o in (outputs if primitive.multiple_results else [outputs])]
        return self.mapped(equation, inputs)

    def any_lane(self, entry: Entry) -> Entry:
        """Whether a boolean is true in some lane."""
        return jnp.any(entry)

    def mapped(self, equation, inputs: list[Value]) -> list[Value]:
        """What jax.vmap makes of the equation."""
        if equation.primitive is p.concatenate_p and not self.in_loop:  # vmap would transpose
            arrays = [_stack(value, self.lanes) for value in inputs]
            return [Stacked(array) for array in _bind(equation, arrays)]
        inputs = [Stacked(_stack(v, self.lanes)) if isinstance(v, Split) else v for v in inputs]
        axes = [None if _is_shared(value) else value.axis for value in inputs]
        arrays = [value if _is_shared(value) else value.array for value in inputs]
        out = -1 if self.splits or not self.in_loop else 0
        run = jax.vmap(lambda *a: _bind(equation, a), axes, out, axis_size=self.lanes)
        return [Stacked(array, out) for array in run(*arrays)]


# -- values --------------------------------------------------------------------------------------


def _is_shared(value: Value) -> bool:
    return not isinstance(value, Stacked | Split)


def _as_constant(array: Entry) -> Entry | np.ndarray:
    """A small constant in NumPy, so that its numbers stand in the compiled arithmetic itself."""
    if isinstance(array, jax.core.Tracer) or jnp.issubdtype(array.dtype, jax.dtypes.extended):
        return array
    return np.asarray(array) if array.size <= SPLIT_LIMIT else array


def _stack(value: Value, lanes: int) -> Entry:
    """A value as one array, the lanes last."""
    if isinstance(value, Stacked):
        return jnp.moveaxis(value.array, value.axis, -1)
    if isinstance(value, Split):
        rows = [jnp.broadcast_to(entry, (lanes,)) for entry in value.entries.flat]
        return jnp.stack(rows).reshape(*value.entries.shape, lanes)
    return jnp.broadcast_to(jnp.asarray(value)[..., None], (*jnp.shape(value), lanes))


def _split(value: Value) -> Split:
    """A value as its entries."""
    if isinstance(value, Split):
        return value
    shape = _shape(value)
    array = jnp.moveaxis(value.array, value.axis, -1) if isinstance(value, Stacked) else value
    return Split(_entries([array[place] for place in np.ndindex(shape)], shape))


def _lanes_first(value: Value, lanes: int) -> Stacked:
    if isinstance(value, Stacked):
        return Stacked(jnp.moveaxis(value.array, value.axis, 0), 0)
    return Stacked(jnp.moveaxis(_stack(value, lanes), -1, 0), 0)


def _lane_scalar(value: Value) -> Entry:
    """A scalar value as its one entry."""
    return value if _is_shared(value) else _split(value).entries[()]


def _shape(value: Value) -> tuple[int, ...]:
    if isinstance(value, Split):
        return value.entries.shape
    if isinstance(value, Stacked):
        lanes_last = (
            range(value.array.ndim) if value.axis == -1 else [*range(1, value.array.ndim), 0]
        )
        return tuple(value.array.shape[axis] for axis in lanes_last)[:-1]
    return jnp.shape(value)


def _entries(flat: Sequence[Entry], shape: Sequence[int]) -> np.ndarray:
    entries = np.empty(len(flat), object)
    for i, entry in enumerate(flat):  # one by one, lest NumPy looks into the arrays
        entries[i] = entry
    return entries.reshape(shape)


def _align(*entries: Entry) -> list[Entry]:
    """Entries as all vectors or all scalars."""
    lanes = max((jnp.shape(entry) for entry in entries), key=len)
    return [
        entry if jnp.shape(entry) == lanes else jnp.broadcast_to(entry, lanes) for entry in entries
    ]


# -- equations on entries ------------------------------------------------------------------------


def _bind(equation, inputs: Sequence[Entry]) -> list[Entry]:
    outputs = equation.primitive.bind(*inputs, **equation.params)
    return outputs if equation.primitive.multiple_results else [outputs]


def _elementwise(equation, *operands: np.ndarray) -> np.ndarray:
    """One operation at every place; equal operands are computed once."""
    operands = np.broadcast_arrays(*operands)
    known: dict[tuple[int, ...], Entry] = {}

    def result(*here: Entry) -> Entry:
        identity = tuple(map(id, here))
        if identity not in known:
            (known[identity],) = _bind(equation, _align(*here))
        return known[identity]

    places = zip(*(operand.flat for operand in operands), strict=True)
    return _entries([result(*here) for here in places], operands[0].shape)


def _add_gradients(equation, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A sum of gradients, many of which are padded with constant zeros."""

    def is_zero(entry: Entry) -> bool:
        return isinstance(entry, np.ndarray | np.generic) and bool(entry == 0)

    def total(a: Entry, b: Entry) -> Entry:
        if is_zero(a) or is_zero(b):
            return b if is_zero(a) else a
        return _bind(equation, _align(a, b))[0]

    return _entries(list(map(total, left.flat, right.flat)), left.shape)


def _pad(equation, operand: np.ndarray, filling: np.ndarray) -> np.ndarray:
    config, shape = equation.params["padding_config"], equation.outvars[0].aval.shape
    placed = dict.fromkeys(np.ndindex(shape), filling[()])
    for place, entry in zip(np.ndindex(operand.shape), operand.flat, strict=True):
        to = tuple(low + i * (1 + gap) for i, (low, _, gap) in zip(place, config, strict=True))
        if to in placed:  # negative padding crops
            placed[to] = entry
    return _entries(list(placed.values()), shape)


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


def _split_up(equation, operand: np.ndarray) -> list[np.ndarray]:
    ends = np.cumsum(equation.params["sizes"])[:-1]
    return np.split(operand, ends, equation.params["axis"])


def _reduction(combine: Callable) -> Callable:
    def reduce(equation, operand: np.ndarray) -> np.ndarray:
        axes = equation.params["axes"]
        kept = [axis for axis in range(operand.ndim) if axis not in axes]
        shape = equation.outvars[0].aval.shape
        rows = operand.transpose(*kept, *axes).reshape(math.prod(shape), -1)
        return _entries([_folded(combine, row) for row in rows], shape)

    return reduce


def _folded(combine: Callable, entries: Iterable[Entry]) -> Entry:
    return functools.reduce(lambda a, b: combine(*_align(a, b)), entries)


def _dot(equation, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A contraction, written out as sums of products."""
    (left_sum, right_sum), (left_batch, right_batch) = equation.params["dimension_numbers"]

    def arranged(operand, batch, summed):
        free = [axis for axis in range(operand.ndim) if axis not in (*batch, *summed)]
        sizes = [[operand.shape[axis] for axis in group] for group in (batch, free, summed)]
        return operand.transpose(*batch, *free, *summed).reshape([math.prod(s) for s in sizes])

    a, b = arranged(left, left_batch, left_sum), arranged(right, right_batch, right_sum)

    def product(row: np.ndarray, column: np.ndarray) -> Entry:
        return _folded(lax.add, [lax.mul(*_align(x, y)) for x, y in zip(row, column, strict=True)])

    sums = [product(row, column) for m, n in zip(a, b, strict=True) for row in m for column in n]
    return _entries(sums, equation.outvars[0].aval.shape)


_ON_ENTRIES: dict[core.Primitive, Callable[..., Any]] = {
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
        _elementwise,
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


# -- loops and branches --------------------------------------------------------------------------
#
# A loop carries each value as a tree: an array where it is shared, the list of its entries where it
# is split, else Stacked, lanes first. Its kind says which, and which entries differ by lane.

STACKED = "stacked"
Kind = tuple[bool, ...] | str | None


def _kind(walk: _Walk, value: Value) -> Kind:
    if _is_shared(value):
        return None
    if not walk.splits:
        return STACKED
    return tuple(jnp.ndim(entry) == 1 for entry in _split(value).entries.flat)


def _joined(kinds: Sequence[Kind], others: Sequence[Kind]) -> list[Kind]:
    """The narrowest kinds that hold both."""

    def join(a: Kind, b: Kind) -> Kind:
        if isinstance(a, tuple) and isinstance(b, tuple):
            return tuple(map(max, a, b))
        return a if a is not None else b

    return [join(a, b) for a, b in zip(kinds, others, strict=True)]


def _settled(walk: _Walk, turn: Callable, start: list[Value]) -> list[Kind]:
    """The kinds that stay what they are when a loop turns."""
    kinds, shapes = [_kind(walk, value) for value in start], [_shape(value) for value in start]
    while True:
        found: list[Kind] = []

        def once(trees, found=found):
            found += [_kind(walk, value) for value in turn(_from_trees(trees, shapes))]

        jax.eval_shape(once, _to_trees(walk, start, kinds))
        joined = _joined(kinds, found)
        if joined == kinds:
            return kinds
        kinds = joined


def _to_trees(walk: _Walk, values: Sequence[Value], kinds: Sequence[Kind]) -> list:
    def tree(value, kind):
        if kind is None:
            return jnp.asarray(value)
        if kind is STACKED:
            return _lanes_first(value, walk.lanes)
        entries = _split(value).entries.flat
        return [
            jnp.broadcast_to(entry, (walk.lanes,) if differs else ())
            for entry, differs in zip(entries, kind, strict=True)
        ]

    return [tree(value, kind) for value, kind in zip(values, kinds, strict=True)]


def _from_trees(trees: list, shapes: Sequence[tuple[int, ...]]) -> list[Value]:
    return [
        Split(_entries(tree, shape)) if isinstance(tree, list) else tree
        for tree, shape in zip(trees, shapes, strict=True)
    ]


def _scan(walk: _Walk, equation, inputs: list[Value]) -> list[Value]:
    params, lanes = equation.params, walk.lanes
    if params["length"] == 0:
        return walk.mapped(equation, inputs)
    body, carries = params["jaxpr"], params["num_carry"]
    first_carry, first_row = params["num_consts"], params["num_consts"] + carries
    consts, start = inputs[:first_carry], inputs[first_carry:first_row]
    rows = [
        jnp.asarray(value) if _is_shared(value) else Stacked(_stack(value, lanes))
        for value in inputs[first_row:]
    ]

    def turn(carry, row):
        return walk.run(body, [*consts, *carry, *row])

    def one_turn(carry):
        row = jax.tree.map(lambda array: array[0], rows)
        return turn(carry, row)[:carries]

    kinds = _settled(walk, one_turn, start)
    shapes = [variable.aval.shape for variable in body.jaxpr.outvars]
    kept_kinds: list[Kind] = []

    def step(trees, row):
        outputs = turn(_from_trees(trees, shapes[:carries]), row)
        carry, kept = outputs[:carries], outputs[carries:]
        kept_kinds[:] = [_kind(walk, value) for value in kept]
        return _to_trees(walk, carry, kinds), _to_trees(walk, kept, kept_kinds)

    options = {name: params[name] for name in ("length", "reverse", "unroll")}
    end, kept = lax.scan(step, _to_trees(walk, start, kinds), rows, **options)
    return [
        *_from_trees(end, shapes[:carries]),
        *(
            _rows_kept(tree, shape, lanes)
            for tree, shape in zip(kept, shapes[carries:], strict=True)
        ),
    ]


def _rows_kept(tree, shape: tuple[int, ...], lanes: int) -> Value:
    """What a scan stacked, (rows,) or (rows, lanes) an entry, as one value (rows, *shape)."""
    if isinstance(tree, Stacked):
        return Stacked(jnp.moveaxis(tree.array, 1, -1))
    if not isinstance(tree, list):
        return tree
    columns = [
        column if column.ndim == 2 else jnp.broadcast_to(column[:, None], (len(column), lanes))
        for column in tree
    ]
    return Stacked(jnp.stack(columns, axis=1).reshape(len(columns[0]), *shape, lanes))


def _while(walk: _Walk, equation, inputs: list[Value]) -> list[Value]:
    params = equation.params
    of_test, of_body = params["cond_nconsts"], params["body_nconsts"]
    test_consts, body_consts = inputs[:of_test], inputs[of_test : of_test + of_body]
    start = inputs[of_test + of_body :]
    shapes = [_shape(value) for value in start]

    def goes_on(carry) -> Entry:
        (value,) = walk.run(params["cond_jaxpr"], [*test_consts, *carry])
        return _lane_scalar(value)

    def turn(carry):
        going = goes_on(carry)
        new = walk.run(params["body_jaxpr"], [*body_consts, *carry])
        return new if jnp.ndim(going) == 0 else _choose(walk, going, carry, new)

    kinds = _settled(walk, turn, start)
    end = lax.while_loop(
        lambda trees: walk.any_lane(goes_on(_from_trees(trees, shapes))),
        lambda trees: _to_trees(walk, turn(_from_trees(trees, shapes)), kinds),
        _to_trees(walk, start, kinds),
    )
    return _from_trees(end, shapes)


def _cond(walk: _Walk, equation, inputs: list[Value]) -> list[Value]:
    branches = equation.params["branches"]
    which = _lane_scalar(inputs[0])
    shapes = [variable.aval.shape for variable in equation.outvars]

    def branch(program) -> Callable[[], list[Value]]:
        return lambda: walk.run(program, inputs[1:])

    def chosen_by_lane() -> list[Value]:
        values = branch(branches[0])()
        for number, program in enumerate(branches[1:], start=1):
            values = _choose(walk, which == number, values, branch(program)())
        return values

    if jnp.ndim(which) == 0:
        ways, way = [branch(program) for program in branches], which
    else:  # where no lane leaves the first branch, the others are not run
        ways, way = [branch(branches[0]), chosen_by_lane], jnp.int32(walk.any_lane(which != 0))

    kinds: list[Kind] = [None] * len(shapes)
    for take in ways:
        found: list[Kind] = []
        jax.eval_shape(lambda: found.extend(_kind(walk, value) for value in take()))  # noqa: B023
        kinds = _joined(kinds, found)
    trees = lax.switch(way, [lambda take=take: _to_trees(walk, take(), kinds) for take in ways])
    return _from_trees(trees, shapes)


def _choose(walk: _Walk, which: Entry, old: Sequence[Value], new: Sequence[Value]) -> list[Value]:
    """The new values in the lanes where `which` is true."""

    def choose(before: Value, after: Value) -> Value:
        if before is after:
            return before
        if not walk.splits:
            arrays = [_lanes_first(value, walk.lanes).array for value in (before, after)]
            lanes = which.reshape(-1, *[1] * (arrays[0].ndim - 1))
            return Stacked(lax.select_n(jnp.broadcast_to(lanes, arrays[0].shape), *arrays), 0)
        befores, afters = _split(before).entries, _split(after).entries
        pairs = zip(befores.flat, afters.flat, strict=True)
        return Split(
            _entries([lax.select_n(*_align(which, *pair)) for pair in pairs], befores.shape)
        )

    return [choose(before, after) for before, after in zip(old, new, strict=True)]


_LOOPS = {p.scan_p: _scan, p.while_p: _while}
_CALLS = {
    p.jit_p: "jaxpr",
    p.closed_call_p: "call_jaxpr",
    p.remat_p: "jaxpr",
    p.custom_jvp_call_p: "call_jaxpr",
    p.custom_vjp_call_p: "call_jaxpr",
}


def _program_of(equation) -> core.ClosedJaxpr:
    program = equation.params[_CALLS[equation.primitive]]
    return program if isinstance(program, core.ClosedJaxpr) else core.ClosedJaxpr(program, ())


def _has_no_keys(equation) -> bool:
    """Random keys have no arithmetic."""
    variables = [*equation.invars, *equation.outvars]
    return not any(jnp.issubdtype(v.aval.dtype, jax.dtypes.extended) for v in variables)


def _is_small(equation) -> bool:
    return _numbers_computed(equation) <= SPLIT_LIMIT


def _numbers_computed(equation) -> int:
    """How many numbers the equation computes, products in sums included; a loop, in one turn."""
    inner = [sub for program in core.jaxprs_in_params(equation.params) for sub in program.eqns]
    if inner:
        return sum(map(_numbers_computed, inner))
    sizes = [math.prod(variable.aval.shape) for variable in equation.outvars]
    if equation.primitive is p.dot_general_p:
        summed = equation.params["dimension_numbers"][0][0]
        return sizes[0] * math.prod(equation.invars[0].aval.shape[axis] for axis in summed)
    return sum(sizes)
