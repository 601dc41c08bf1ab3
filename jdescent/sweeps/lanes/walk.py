"""A walk through the program of one lane that does it for many."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.extend.core import primitives as p
from jaxtyping import Array

from jdescent.sweeps.lanes.entries import ON_ENTRIES, bind
from jdescent.sweeps.lanes.loops import LOOPS, run_cond
from jdescent.sweeps.lanes.programs import CALLS, has_no_keys, is_small, program_of
from jdescent.sweeps.lanes.values import (
    Entry,
    Split,
    Stacked,
    Value,
    as_constant,
    is_shared,
    split,
    stack,
)


def map_lanes(program: core.ClosedJaxpr, *arguments: Array) -> list[Array]:
    """What the program gives for every lane: arguments and results have the lanes last.

    The equal of ``jax.vmap(jax.extend.core.jaxpr_as_fun(program), in_axes=-1, out_axes=-1)``, to
    rounding.

    Example:
        >>> thrice_halved = lambda x: jax.lax.fori_loop(0, 3, lambda i, x: x / 2, x)
        >>> program = jax.make_jaxpr(thrice_halved)(jnp.ones(2))
        >>> map_lanes(program, jnp.array([[8.0, 16.0], [24.0, 32.0]]))[0]
        Array([[1., 2.],
               [3., 4.]], dtype=float32)
    """
    lanes = arguments[0].shape[-1]
    outputs = Walk(lanes).run(program, [Stacked(array) for array in arguments])
    return [stack(output, lanes) for output in outputs]


@dataclass(frozen=True)
class Walk:
    """Walks through a program equation by equation, for so many lanes at a time."""

    lanes: int
    in_loop: bool = False
    splits: bool = False  # whether the values of this loop are split

    def run(self, program: core.ClosedJaxpr, arguments: Sequence[Value]) -> list[Value]:
        jaxpr = program.jaxpr
        values = dict(zip(jaxpr.constvars, map(as_constant, program.consts), strict=True))
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
        if primitive in CALLS:
            return self.run(program_of(equation), inputs)
        if all(is_shared(value) for value in inputs):
            return bind(equation, inputs)
        if primitive in LOOPS:
            splits = self.splits if self.in_loop else is_small(equation)
            return LOOPS[primitive](Walk(self.lanes, True, splits), equation, inputs)
        if self.in_loop and primitive is p.cond_p:
            return run_cond(self, equation, inputs)
        if self.splits and primitive in ON_ENTRIES and has_no_keys(equation):
            entries = [split(value).entries for value in inputs]
            outputs = ON_ENTRIES[primitive](equation, *entries)
            return [Split(o) for o in (outputs if primitive.multiple_results else [outputs])]
        return self.mapped(equation, inputs)

    def any_lane(self, entry: Entry) -> Entry:
        """Whether a boolean is true in some lane."""
        return jnp.any(entry)

    def mapped(self, equation, inputs: list[Value]) -> list[Value]:
        """What jax.vmap makes of the equation."""
        if equation.primitive is p.concatenate_p and not self.in_loop:  # vmap would transpose
            arrays = [stack(value, self.lanes) for value in inputs]
            return [Stacked(array) for array in bind(equation, arrays)]
        inputs = [Stacked(stack(v, self.lanes)) if isinstance(v, Split) else v for v in inputs]
        axes = [None if is_shared(value) else value.axis for value in inputs]
        arrays = [value if is_shared(value) else value.array for value in inputs]
        out = -1 if self.splits or not self.in_loop else 0
        run = jax.vmap(lambda *a: bind(equation, a), axes, out, axis_size=self.lanes)
        return [Stacked(array, out) for array in run(*arrays)]
