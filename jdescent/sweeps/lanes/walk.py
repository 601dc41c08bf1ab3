"""A walk through the program of one lane that does it for many."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import jax
import jax.custom_batching
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import core
from jaxtyping import Array

from jdescent.core.tracing import bind
from jdescent.sweeps.lanes.costs import NO_WORK, Workload, pays, workload
from jdescent.sweeps.lanes.entries import scalarized
from jdescent.sweeps.lanes.loops import RUN_LOOP, run_cond
from jdescent.sweeps.lanes.programs import (
    CALLS,
    LANES_FIRST,
    LOOPS,
    contains,
    has_an_order,
    is_walked,
    maps_bit_for_bit,
    program_of,
)
from jdescent.sweeps.lanes.values import (
    Entry,
    Split,
    Stacked,
    Value,
    as_constant,
    behind_a_barrier,
    is_shared,
    lanes_first,
    same_if_empty,
    split,
    stack,
)


def map_lanes(program: core.ClosedJaxpr, *arguments: Array, runs: int | None = None) -> list[Array]:
    """What the program gives for every lane: arguments and results have the lanes last.

    The equal of ``jax.vmap(jax.extend.core.jaxpr_as_fun(program), in_axes=-1, out_axes=-1)``, to
    rounding. A program whose random numbers `jax.vmap` would change, or that it cannot map, is run
    lane by lane instead.

    Args:
        program: of one lane.
        *arguments: its arguments for every lane.
        runs: how many lanes it is compiled for, here and in further calls; it decides whether a
            faster loop is worth a longer compilation. By default the lanes of this call.

    Example:
        >>> thrice_halved = lambda x: jax.lax.fori_loop(0, 3, lambda i, x: x / 2, x)
        >>> program = jax.make_jaxpr(thrice_halved)(jnp.ones(2))
        >>> map_lanes(program, jnp.array([[8.0, 16.0], [24.0, 32.0]]))[0]
        Array([[1., 2.],
               [3., 4.]], dtype=float32)
    """
    if not is_walked(program):
        return map_batched(program, *arguments)
    lanes = arguments[0].shape[-1]
    walk = Walk(lanes, workload(program, lanes if runs is None else runs))
    try:
        outputs = walk.run(program, [same_if_empty(Stacked(array)) for array in arguments])
    except NotImplementedError:
        return _lane_by_lane(program, *arguments)
    return [stack(output, lanes) for output in outputs]


def map_batched(
    program: core.ClosedJaxpr, *arguments: Array, runs: int | None = None
) -> list[Array]:
    """`map_lanes` by `jax.vmap` alone, or lane by lane where that would change random numbers."""
    del runs  # it decides nothing here
    if has_an_order(program) or not maps_bit_for_bit(program):
        return _lane_by_lane(program, *arguments)
    first = any(contains(equation, LANES_FIRST) for equation in program.jaxpr.eqns)
    mapped = jax.vmap(core.jaxpr_as_fun(program), in_axes=0 if first else -1, out_axes=-1)
    try:  # in a trace of its own, which leaves no effect behind if it fails
        return jax.jit(mapped, inline=True)(*(_lanes_moved(arguments) if first else arguments))
    except NotImplementedError:
        return _lane_by_lane(program, *arguments)


def _lane_by_lane(program: core.ClosedJaxpr, *arguments: Array) -> list[Array]:
    function = core.jaxpr_as_fun(program)
    outputs = lax.map(lambda point: function(*point), _lanes_moved(arguments))
    return [jnp.moveaxis(output, 0, -1) for output in outputs]


def _lanes_moved(arguments: Sequence[Array]) -> tuple[Array, ...]:
    """The arguments with the lanes first, which are last."""
    return tuple(jnp.moveaxis(argument, -1, 0) for argument in arguments)


@dataclass(frozen=True)
class Walk:
    """Walks through a program equation by equation, for so many lanes at a time."""

    lanes: int
    work: Workload = NO_WORK
    in_loop: bool = False
    splits: bool = False  # whether the values of this loop are split
    settled: dict = field(default_factory=dict)  # the kinds of loops and branches, found only once

    def run(self, program: core.ClosedJaxpr, arguments: Sequence[Value]) -> list[Value]:
        jaxpr = program.jaxpr
        values = dict(zip(jaxpr.constvars, map(as_constant, program.consts), strict=True))
        values |= zip(jaxpr.invars, arguments, strict=True)
        left: list = []  # equations for jax.vmap, which takes many of them faster than one by one

        def read(variable) -> Value:
            return _literal(variable) if isinstance(variable, core.Literal) else values[variable]

        def shared(variable) -> bool:
            if isinstance(variable, core.Literal):
                return True
            return variable in values and is_shared(values[variable])

        for place, equation in enumerate(jaxpr.eqns):
            if self.leaves(equation, list(map(shared, equation.invars))):
                left.append(equation)
                continue
            if any(v not in values for v in equation.invars if not isinstance(v, core.Literal)):
                values |= self._map_together(left, values, _read_after(jaxpr, place))
                left = []
            outputs = self.equation(equation, list(map(read, equation.invars)))
            values |= zip(equation.outvars, map(same_if_empty, outputs), strict=True)
        values |= self._map_together(left, values, _read_after(jaxpr, len(jaxpr.eqns)))
        return list(map(read, jaxpr.outvars))

    def leaves(self, equation, shared: Sequence[bool]) -> bool:
        """Whether the equation is left to jax.vmap, together with others."""
        if self.splits or all(shared):
            return False
        name = equation.primitive.name
        if contains(equation, LANES_FIRST):
            return False
        if self.in_loop:
            return not contains(equation, ("cond",))
        if name in LOOPS:
            return not contains(equation, ("cond",)) and not pays(equation, shared, self.work)
        if name in CALLS:
            return not contains(equation, LOOPS)
        return name != "concatenate"  # whose arrays vmap would transpose

    def equation(self, equation, inputs: list[Value]) -> list[Value]:
        name, shared = equation.primitive.name, list(map(is_shared, inputs))
        if name in CALLS:
            return self.run(program_of(equation), inputs)
        if all(shared):
            return bind(equation, inputs)
        if name in LOOPS:
            splits = self.splits if self.in_loop else pays(equation, shared, self.work)
            inside = replace(self, in_loop=True, splits=splits)
            return RUN_LOOP[name](inside, equation, inputs)
        if name == "cond" and (self.in_loop or contains(equation, LANES_FIRST)):
            return run_cond(self, equation, inputs)
        if self.splits and name == "optimization_barrier":
            return [value if is_shared(value) else behind_a_barrier(value) for value in inputs]
        if self.splits:
            output = scalarized(equation, [split(value).entries for value in inputs])
            if output is not None:
                return [Split(output)]
        return self.mapped(equation, inputs)

    def any_lane(self, entry: Entry) -> Entry:
        """Whether a boolean is true in some lane."""
        return jnp.any(entry)

    def mapped(self, equation, inputs: list[Value]) -> list[Value]:
        """What jax.vmap makes of the equation."""
        if equation.primitive.name == "concatenate" and not self.in_loop:
            arrays = [stack(value, self.lanes) for value in inputs]
            return [Stacked(array) for array in bind(equation, arrays)]
        if contains(equation, LANES_FIRST):
            inputs = [v if is_shared(v) else lanes_first(v, self.lanes) for v in inputs]
        return self._vmapped(lambda arrays: bind(equation, arrays), inputs)

    def _map_together(self, equations: list, values: dict, wanted: set) -> dict:
        """The values that jax.vmap gives of these equations, of the variables that are wanted."""
        made = {variable for equation in equations for variable in equation.outvars}
        of_equations = [v for e in equations for v in e.invars if not isinstance(v, core.Literal)]
        variables = [v for v in dict.fromkeys(of_equations) if v not in made]
        results = [v for e in equations for v in e.outvars if v in wanted]

        def evaluate(arrays):
            here = dict(zip(variables, arrays, strict=True))
            for equation in equations:
                inputs = [
                    _literal(v) if isinstance(v, core.Literal) else here[v] for v in equation.invars
                ]
                here |= zip(equation.outvars, bind(equation, inputs), strict=True)
            return [here[variable] for variable in results]

        if not results:
            return {}
        found = self._vmapped(evaluate, [values[variable] for variable in variables])
        return dict(zip(results, map(same_if_empty, found), strict=True))

    def _vmapped(self, function, inputs: list[Value]) -> list[Value]:
        inputs = [Stacked(stack(v, self.lanes)) if isinstance(v, Split) else v for v in inputs]
        axes = [None if is_shared(value) else value.axis for value in inputs]
        arrays = [value if is_shared(value) else value.array for value in inputs]
        out = -1 if self.splits or not self.in_loop else 0
        by_lane: list[bool] = []
        run = jax.vmap(
            lambda arrays: _noting_batched(by_lane, function(arrays)), (axes,), out,
            axis_size=self.lanes,
        )  # fmt: skip
        mapped = run(arrays)
        return [
            Stacked(array, out) if differs else lax.index_in_dim(array, 0, out, keepdims=False)
            for array, differs in zip(mapped, by_lane or [False] * len(mapped), strict=True)
        ]


def _noting_batched(noted: list[bool], arrays: Sequence[Array]) -> Sequence[Array]:
    """The arrays; under jax.vmap, which of them differ by lane is noted.

    Some operations of batches are the same for all, as a test whether any lane goes on.
    """

    @jax.custom_batching.custom_vmap
    def same(*arrays):
        return arrays

    @same.def_vmap
    def _(axis_size, batched, *arrays):
        noted[:] = batched
        return arrays, tuple(batched)

    return same(*arrays)


def _literal(literal: core.Literal) -> np.ndarray:
    return np.asarray(literal.val, literal.aval.dtype)  # type: ignore[attr-defined]


def _read_after(jaxpr, place: int) -> set:
    """The variables that equations from this place on read, or that the program returns."""
    variables = [v for e in jaxpr.eqns[place:] for v in e.invars] + list(jaxpr.outvars)
    return {v for v in variables if not isinstance(v, core.Literal)}
