"""What can be known of a program (a jaxpr) before it is run."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core
from jax.extend.core import primitives as p

SPLIT_LIMIT = 2_000  # numbers computed in one turn of a loop; above it, splitting does not pay


LOOPING = (p.scan_p, p.while_p)
CALLS = {
    p.jit_p: "jaxpr",
    p.closed_call_p: "call_jaxpr",
    p.remat_p: "jaxpr",
    p.custom_jvp_call_p: "call_jaxpr",
    p.custom_vjp_call_p: "call_jaxpr",
}


def program_of(equation) -> core.ClosedJaxpr:
    program = equation.params[CALLS[equation.primitive]]
    return program if isinstance(program, core.ClosedJaxpr) else core.ClosedJaxpr(program, ())


def scan_counts(scan) -> tuple[int, int]:
    """Of a scan's inputs, how many stay the same, and how many are carried; the others are rows."""
    if "num_carry" in scan.params:
        return scan.params["num_consts"], scan.params["num_carry"]
    consts, carry, _ = scan.params["ft_in"].unpack()  # jax 0.12
    return len(list(consts.vals)), len(list(carry.vals))


def carried_bytes(program: core.ClosedJaxpr) -> int | None:
    """Bytes a lane that the largest loop on split values carries; None if there is no such loop."""
    found: list[int | None] = []
    for equation in program.jaxpr.eqns:
        if equation.primitive in LOOPING and is_small(equation):
            found.append(sum(map(value_bytes, carried(equation))))
        elif equation.primitive in CALLS:
            found.append(carried_bytes(program_of(equation)))
    return max((size for size in found if size is not None), default=None)


def carried(loop) -> list[Any]:
    """The outputs of a loop that it carries from turn to turn."""
    if loop.primitive is p.scan_p:
        _, carries = scan_counts(loop)
        return loop.outvars[:carries]
    return loop.outvars


def largest_value_bytes(program: core.ClosedJaxpr) -> int:
    """Bytes a lane of the largest array that is computed in a loop, or anywhere if none loops."""

    def largest(jaxpr, in_loop: bool) -> int:
        sizes = [1]
        for equation in jaxpr.eqns:
            inner = list(core.jaxprs_in_params(equation.params))
            sizes += [largest(sub, in_loop or equation.primitive in LOOPING) for sub in inner]
            if in_loop and not inner:
                sizes += [value_bytes(variable) for variable in equation.outvars]
        return max(sizes)

    loops = largest(program.jaxpr, False)
    return loops if loops > 1 else largest(program.jaxpr, True)


def value_bytes(variable) -> int:
    """Bytes of one lane of an array of a program."""
    return math.prod(variable.aval.shape) * getattr(variable.aval.dtype, "itemsize", 8)


def has_no_keys(equation) -> bool:
    """Random keys have no arithmetic."""
    variables = [*equation.invars, *equation.outvars]
    return not any(jnp.issubdtype(v.aval.dtype, jax.dtypes.extended) for v in variables)


def is_small(equation) -> bool:
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
