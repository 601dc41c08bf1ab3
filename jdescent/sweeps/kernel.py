"""Loops as GPU kernels: all steps of many small runs in one launch, one thread a lane.

XLA runs a loop on a GPU as a few launches a step, and between launches everything that the loop
carries goes through the GPU's memory. Here a loop is one Pallas kernel (by way of Triton): each
block of lanes goes through all steps in registers, and writes what is recorded as it goes. What is
not a loop (where the runs start, the verdicts) is left to XLA.

The arithmetic on the entries of small arrays is that of `jdescent.sweeps.lanes`.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import pallas as pl
from jax.extend import core

from jdescent._jax import jaxprs_in_params, lowering_for_a_gpu, triton_params
from jdescent.sweeps.lanes.entries import elementwise, rule_of, scalarized
from jdescent.sweeps.lanes.loops import (
    from_trees,
    kind_of,
    run_cond,
    run_while,
    settled_kinds,
    to_trees,
)
from jdescent.sweeps.lanes.programs import (
    CALLS,
    LOOPS,
    SPLIT_LIMIT,
    carried,
    draws_random_numbers,
    is_small,
    maps_bit_for_bit,
    program_of,
    scan_counts,
)
from jdescent.sweeps.lanes.values import (
    Entry,
    Split,
    Stacked,
    Value,
    as_entries,
    is_shared,
    split,
    stack,
)
from jdescent.sweeps.lanes.walk import Walk

BLOCK = 128  # lanes of a block: one a thread, of the four warps that Triton starts
INDEXED = 2**31  # Triton counts the places of an array in 32 bits
HINT = "call sweep without kernel=True, which runs loops as XLA does"

Keep = Callable[[Entry, Sequence[Value]], None]  # writes what turn number i of a loop records


def map_lanes_in_kernels(
    program: core.ClosedJaxpr, *arguments: jax.Array, runs: int | None = None
) -> list[jax.Array]:
    """`map_lanes`, but each loop is one kernel; the number of lanes is a power of two.

    On a CPU, kernels are interpreted: slow, and meant for tests. JAX lowers kernels to Triton well
    enough from 0.9 on; 0.12 calls that deprecated, and a JAX that drops it has no kernels here.

    Raises:
        TypeError: there is no loop, or one that cannot be a kernel; it names the operation.
        ValueError: what is recorded is more than a kernel can index.
        RuntimeError: JAX runs on neither a GPU nor a CPU, or does not lower kernels to Triton.

    Example:
        >>> thrice_halved = lambda x: lax.fori_loop(0, 3, lambda i, x: x / 2, x)
        >>> program = jax.make_jaxpr(thrice_halved)(jnp.ones(2))
        >>> map_lanes_in_kernels(program, jnp.array([[8.0, 16.0], [24.0, 32.0]]))[0]
        Array([[1., 2.],
               [3., 4.]], dtype=float32)
    """
    del runs  # kernels are made for any number of them
    platform = jax.default_backend()
    if platform not in ("cpu", "gpu"):
        raise RuntimeError(
            f"kernel=True needs a GPU, or a CPU to be tested on, but JAX runs on {platform}: {HINT}"
        )
    if not any(map(_loops, program.jaxpr.eqns)):
        raise _refusal("it has no loop")
    if not maps_bit_for_bit(program):
        raise _refusal(
            "its random keys are not threefry's, and would draw other numbers in a batch"
        )
    lanes = arguments[0].shape[-1]
    outputs = _AroundKernels(lanes).run(program, [Stacked(array) for array in arguments])
    return [stack(output, lanes) for output in outputs]


def _refusal(reason: str) -> TypeError:
    return TypeError(f"kernel=True cannot make kernels of this run: {reason}; {HINT}")


def _loops(equation) -> bool:
    """Whether the equation turns a loop."""
    if equation.primitive.name in LOOPS:
        return equation.params.get("length") != 0
    inner = jaxprs_in_params(equation.params)
    return any(_loops(sub) for program in inner for sub in program.eqns)


@dataclass(frozen=True)
class _AroundKernels(Walk):
    """Walks through a program as other walks do, but makes a kernel of each loop."""

    def leaves(self, equation, shared: Sequence[bool]) -> bool:
        return not _loops(equation) and super().leaves(equation, shared)

    def equation(self, equation, inputs: list[Value]) -> list[Value]:
        shared = all(map(is_shared, inputs))
        if shared or equation.primitive.name in CALLS or not _loops(equation):
            return super().equation(equation, inputs)
        _require_small(equation)
        return _Kernel(equation, inputs, self.lanes).launch()


def _require_small(equation) -> None:
    if not is_small(equation):
        raise _refusal(f"a turn of its loop computes more than {SPLIT_LIMIT:,} numbers")
    if draws_random_numbers(equation):
        raise _refusal("its loop draws random numbers")
    for variable in equation.invars[: _first_row(equation)]:
        _require_short(variable.aval.shape)


def _require_short(shape: Sequence[int]) -> None:
    if math.prod(shape) > SPLIT_LIMIT:
        raise _refusal(f"its loop reads {_times(shape)} numbers, more than {SPLIT_LIMIT:,}")


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


# -- inside a kernel -----------------------------------------------------------------------------
#
# A kernel has scalars, and vectors of one entry a lane of its block, but no other arrays: an array
# is split even where it is the same in all lanes.


@dataclass(frozen=True, eq=False)
class _Rows:
    """An array of which a loop reads one row a turn, at an index known only as it runs."""

    at: Callable[[Entry], Value]
    shape: tuple[int, ...]

    def split(self) -> Split:
        rows = [split(self.at(np.int32(i))).entries for i in range(self.shape[0])]
        return Split(as_entries([entry for row in rows for entry in row.flat], self.shape))


@dataclass(frozen=True)
class _InKernel(Walk):
    """Walks through the turns of a loop, for the lanes of one block."""

    in_loop: bool = True
    splits: bool = True

    def run(self, program: core.ClosedJaxpr, arguments: Sequence[Value]) -> list[Value]:
        return list(map(_without_rows, self._inline(program, arguments)))

    def _inline(self, program: core.ClosedJaxpr, arguments: Sequence[Value]) -> list[Value]:
        for constant in program.consts:
            _require_short(np.shape(constant))
        return super().run(program, arguments)

    def any_lane(self, entry: Entry) -> Entry:
        """Triton reduces to sums, maxima and minima alone."""
        return jnp.max(entry.astype(jnp.int32)) > 0 if jnp.ndim(entry) else entry

    def equation(self, equation, inputs: list[Value]) -> list[Value]:
        name = equation.primitive.name
        if name in CALLS:
            return self._inline(program_of(equation), inputs)
        if name in ("copy", "optimization_barrier"):
            return inputs
        if name == "scan":
            return _scan(self, equation, inputs, keep=None)
        if name == "iota":
            return [_iota(equation)]
        if _counts(equation, inputs):
            return [_counted(equation, inputs)]
        inputs = list(map(_without_rows, inputs))
        if name == "while":
            return run_while(self, equation, inputs)
        if name == "cond":
            return run_cond(self, equation, inputs)
        output = scalarized(equation, [split(value).entries for value in inputs])
        if output is None:
            raise _refusal(f"its loop calls {name}, which is not arithmetic on small arrays")
        return [Split(output)]


def _without_rows(value: Value) -> Value:
    return value.split() if isinstance(value, _Rows) else value


def _iota(equation) -> Value:
    dtype, shape = equation.params["dtype"], equation.params["shape"]
    if len(shape) == 1:
        return _Rows(lambda i: lax.convert_element_type(i, dtype), shape)
    counted = np.indices(shape)[equation.params["dimension"]].astype(dtype)
    return Split(as_entries(list(counted.flat), shape))


def _counts(equation, inputs: Sequence[Value]) -> bool:
    """Whether the equation makes a row of integers, such as the steps that a loop will take."""
    broadcasts = equation.primitive.name == "broadcast_in_dim"
    on_entries = rule_of(equation) is elementwise
    if not broadcasts and not on_entries:
        return False
    result = equation.outvars[0].aval
    if len(result.shape) != 1 or not jnp.issubdtype(result.dtype, jnp.integer):
        return False
    scalar = [operand.aval.shape == () for operand in equation.invars]
    rows = [isinstance(value, _Rows) for value in inputs]
    return all(scalar) if broadcasts else any(rows) and all(map(max, rows, scalar))


def _counted(equation, inputs: Sequence[Value]) -> _Rows:
    def at(i: Entry) -> Value:
        here = [value.at(i) if isinstance(value, _Rows) else value for value in inputs]
        if equation.primitive.name == "broadcast_in_dim":
            return here[0]
        entries = [split(value).entries for value in here]
        return Split(elementwise(equation, *entries))

    return _Rows(at, equation.outvars[0].aval.shape)


def _scan(walk: _InKernel, equation, inputs: list[Value], keep: Keep | None) -> list[Value]:
    """What the scan carries in the end; what it stacks goes to `keep`, turn by turn."""
    params, body = equation.params, equation.params["jaxpr"]
    (first_carry, carries), length = scan_counts(equation), params["length"]
    first_row = first_carry + carries
    consts, start = inputs[:first_carry], list(map(_without_rows, inputs[first_carry:first_row]))
    rows = inputs[first_row:]
    if not all(isinstance(row, _Rows) for row in rows):
        raise _refusal("a loop within its loop runs over an array")
    if keep is None and len(equation.outvars) > carries:
        raise _refusal("a loop within its loop stacks an array")
    shapes = [variable.aval.shape for variable in body.jaxpr.outvars[:carries]]

    def turn(i: Entry, carry: Sequence[Value]) -> tuple[list[Value], list[Value]]:
        outputs = walk.run(body, [*consts, *carry, *(row.at(i) for row in rows)])
        return outputs[:carries], outputs[carries:]

    of_inputs = (id(equation), *(kind_of(walk, value) for value in inputs))
    if of_inputs not in walk.settled:
        one_turn = functools.partial(turn, np.int32(0))
        kinds = settled_kinds(walk, lambda carry: one_turn(carry)[0], start)
        walk.settled[of_inputs] = kinds
    kinds = walk.settled[of_inputs]

    def step(i: Entry, trees: list) -> list:
        place = length - 1 - i if params["reverse"] else i
        carry, kept = turn(place, from_trees(trees, shapes))
        if keep is not None:
            keep(place, kept)
        return to_trees(walk, carry, kinds)

    begin = to_trees(walk, start, kinds)
    end = lax.fori_loop(np.int32(0), np.int32(length), step, begin)
    return from_trees(end, shapes)


# -- around a kernel -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Slot:
    """An array that a kernel reads a value from, or writes it to."""

    shape: tuple[int, ...]
    dtype: Any
    has_lanes: bool  # as its last axis

    def struct(self, lanes: int) -> jax.ShapeDtypeStruct:
        shape = (*self.shape, lanes) if self.has_lanes else self.shape
        if 0 in shape:
            raise _refusal(f"an array of shape {self.shape} in a loop holds no numbers")
        if math.prod(shape) >= INDEXED:
            raise ValueError(
                f"a kernel can index {INDEXED:,} numbers, not {_times(shape)} numbers: "
                "lower max_memory, or record less (every=, record=None)"
            )
        return jax.ShapeDtypeStruct(shape, self.dtype)

    def block(self, lanes: int) -> pl.BlockSpec:
        if not self.has_lanes:
            return pl.BlockSpec()
        return pl.BlockSpec((*self.shape, lanes), lambda i: (*[0] * len(self.shape), i))

    def read(self, array, *row: Entry) -> Split:
        """The value, or one row of it."""
        shape = self.shape[len(row) :]
        flat = [array[self._at(*row, *place)] for place in np.ndindex(shape)]
        return Split(as_entries(flat, shape))

    def write(self, ref, value: Value, *row: Entry) -> None:
        shape = self.shape[len(row) :]
        entries = split(value).entries.flat
        for place, entry in zip(np.ndindex(shape), entries, strict=True):
            vector = jnp.broadcast_to(entry, ref.shape[-1:]) if self.has_lanes else entry
            ref[self._at(*row, *place)] = vector

    def _at(self, *place: Entry) -> tuple:
        return (*place, slice(None)) if self.has_lanes else place


@dataclass(frozen=True, eq=False)
class _Kernel:
    """A loop, or a branch that holds one, as a kernel over blocks of lanes."""

    equation: Any
    inputs: Sequence[Value]
    lanes: int

    def launch(self) -> list[Value]:
        reads, ends = self.reads, self.ends
        written = [*ends, *self.kept]
        call = functools.partial(
            pl.pallas_call,
            functools.partial(self.run, ends),
            grid=(self.lanes // self.block,),
            in_specs=[slot.block(self.block) for slot in reads.values()],
            out_specs=[slot.block(self.block) for slot in written],
            out_shape=[slot.struct(self.lanes) for slot in written],
            compiler_params=triton_params(num_warps=max(1, self.block // 32), num_stages=1),
        )
        _require_lowering(call(), [slot.struct(self.lanes) for slot in reads.values()])
        operands = [
            stack(value, self.lanes) if slot.has_lanes else jnp.asarray(value)
            for value, slot in ((self.inputs[k], slot) for k, slot in reads.items())
        ]
        outputs = call(interpret=jax.default_backend() == "cpu")(*operands)
        return [
            Stacked(array) if slot.has_lanes else array
            for slot, array in zip(written, outputs, strict=True)
        ]

    @property
    def block(self) -> int:
        return min(BLOCK, self.lanes)

    @property
    def reads(self) -> dict[int, _Slot]:
        """Where the inputs are read from, by number; small constants stand in the code instead."""
        return {
            k: _slot(variable, not is_shared(value))
            for k, (variable, value) in enumerate(
                zip(self.equation.invars, self.inputs, strict=True)
            )
            if k >= _first_row(self.equation) or not isinstance(value, np.ndarray)
        }

    @property
    def ends(self) -> list[_Slot]:
        """Where what is there in the end is written to."""
        differs: list[bool] = []

        def find(*arrays):
            ends = self.results(arrays, lambda i, rows: None)
            differs.extend(any(kind_of(self.walk, end) or ()) for end in ends)

        jax.eval_shape(find, *(slot.struct(self.block) for slot in self.reads.values()))
        return list(map(_slot, carried(self.equation), differs))

    @property
    def kept(self) -> list[_Slot]:
        """Where what is recorded is written to, row by row."""
        rows = self.equation.outvars[len(carried(self.equation)) :]
        return [_slot(variable, has_lanes=True) for variable in rows]

    @functools.cached_property
    def walk(self) -> _InKernel:
        return _InKernel(self.block)

    def run(self, ends: Sequence[_Slot], *refs) -> None:
        """What the kernel does for one block."""
        first_written = len(refs) - len(self.equation.outvars)
        first_kept = first_written + len(ends)

        def keep(i: Entry, rows: Sequence[Value]) -> None:
            for slot, ref, row in zip(self.kept, refs[first_kept:], rows, strict=True):
                slot.write(ref, row, i)

        results = self.results(refs[:first_written], keep)
        for slot, ref, value in zip(ends, refs[first_written:first_kept], results, strict=True):
            slot.write(ref, value)

    def results(self, arrays: Sequence[Any], keep: Keep) -> list[Value]:
        """What is there in the end, with the inputs read from arrays of one block of lanes."""
        values = list(self.inputs)
        for (k, slot), array in zip(self.reads.items(), arrays, strict=True):
            if k < _first_row(self.equation):
                values[k] = slot.read(array)
            else:
                values[k] = _Rows(functools.partial(slot.read, array), slot.shape)
        values = [split(v) if isinstance(v, np.ndarray) else v for v in values]
        if self.equation.primitive.name == "scan":
            return _scan(self.walk, self.equation, values, keep)
        return self.walk.equation(self.equation, values)


def _slot(variable, has_lanes: bool) -> _Slot:
    return _Slot(variable.aval.shape, variable.aval.dtype, has_lanes)


def _first_row(equation) -> int:
    """The number of the first input that a loop reads row by row."""
    if equation.primitive.name == "scan":
        return sum(scan_counts(equation))
    return len(equation.invars)


def _require_lowering(call: Callable, operands: Sequence[jax.ShapeDtypeStruct]) -> None:
    """Refuse a kernel that Triton lacks an operation for, wherever it is to run."""
    try:
        with lowering_for_a_gpu():
            jax.jit(call).trace(*operands).lower(lowering_platforms=("cuda",))
    except NotImplementedError as error:
        raise _refusal(str(error).split(". ")[0]) from error
