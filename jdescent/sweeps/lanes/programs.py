"""What can be known of a program (a jaxpr) before it is run."""

import math
from collections.abc import Collection, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core
from jax.sharding import AbstractMesh, Mesh, Sharding

from jdescent._jax import jaxprs_in_params

SPLIT_LIMIT = 2_000  # numbers of an array that is split, and of a constant that stands in the code

# Primitives are known by their names, so that one that JAX drops or renames is left to jax.vmap.
LOOPS = ("scan", "while")
CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "remat2": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
}


# Primitives that jax.vmap maps rightly only with the lanes as the first axis of every operand.
LANES_FIRST = {
    "bitcast_convert_type": "takes narrow numbers together along the last axis, be it the lanes",
    "ragged_dot": "is not implemented for another axis, nor for an operand that has no lanes",
    "ragged_dot_general": "as ragged_dot",
}


def program_of(equation) -> core.ClosedJaxpr:
    program = equation.params[CALLS[equation.primitive.name]]
    return program if isinstance(program, core.ClosedJaxpr) else core.ClosedJaxpr(program, ())


def constant_output(program: core.ClosedJaxpr, number: int) -> Any:
    """An output that no input decides, and that takes no loop or branch; None for any other.

    Example:
        >>> program = jax.make_jaxpr(jax.jit(lambda x: (x, 2 * jnp.arange(3))))(1.0)
        >>> constant_output(program, 0), constant_output(program, 1).tolist()
        (None, [0, 2, 4])
    """
    return _constant(program, program.jaxpr.outvars[number], lambda argument: None)


def _constant(program: core.ClosedJaxpr, variable, argument) -> Any:
    if isinstance(variable, core.Literal):
        return variable.val
    for variables, value in (
        (program.jaxpr.constvars, program.consts.__getitem__),
        (program.jaxpr.invars, argument),
    ):
        if variable in variables:
            return value(variables.index(variable))
    equation = next(e for e in program.jaxpr.eqns if variable in e.outvars)
    number = equation.outvars.index(variable)

    def operand(place: int) -> Any:
        return _constant(program, equation.invars[place], argument)

    if equation.primitive.name in CALLS:
        inner = program_of(equation)
        return _constant(inner, inner.jaxpr.outvars[number], operand)
    operands = list(map(operand, range(len(equation.invars))))
    if any(value is None for value in operands) or any(jaxprs_in_params(equation.params)):
        return None
    outputs = equation.primitive.bind(*operands, **equation.params)
    return outputs[number] if equation.primitive.multiple_results else outputs


def scan_counts(scan) -> tuple[int, int]:
    """Of a scan's inputs, how many stay the same, and how many are carried; the others are rows."""
    if "num_carry" in scan.params:
        return scan.params["num_consts"], scan.params["num_carry"]
    consts, carry, _ = scan.params["ft_in"].unpack()  # jax 0.12
    return len(list(consts.vals)), len(list(carry.vals))


def carried(loop) -> list[Any]:
    """The outputs of a loop that it carries from turn to turn."""
    if loop.primitive.name == "scan":
        _, carries = scan_counts(loop)
        return loop.outvars[:carries]
    return loop.outvars


def every_equation(jaxpr) -> Iterator[Any]:
    """The equations of a program, and those of all programs in it."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in jaxprs_in_params(equation.params):
            yield from every_equation(inner)


def contains(equation, names: Collection[str]) -> bool:
    """Whether there is a primitive of one of these names in the equation, or it is one."""
    if equation.primitive.name in names:
        return True
    inner = jaxprs_in_params(equation.params)
    return any(contains(sub, names) for jaxpr in inner for sub in jaxpr.eqns)


def maps_bit_for_bit(program: core.ClosedJaxpr) -> bool:
    """Whether under `jax.vmap` every run draws the random numbers that it draws alone.

    With the generator threefry it does. With XLA's own (rbg, unsafe_rbg) the numbers of a run
    depend on the runs beside it, and of others nothing is known.
    """
    of_equations = [v for e in every_equation(program.jaxpr) for v in (*e.invars, *e.outvars)]
    variables = [*program.jaxpr.invars, *program.jaxpr.constvars, *of_equations]
    keys = {str(v.aval.dtype) for v in variables if is_key(v)}
    draws = (e.primitive.name in DRAWING for e in every_equation(program.jaxpr))
    return keys <= {"key<fry>"} and not any(draws)


DRAWING = ("rng_bit_generator", "rng_uniform")


def names_devices(program: core.ClosedJaxpr) -> bool:
    """Whether the program itself says on which devices it computes (`jax.shard_map` and such)."""

    def leaves(value) -> Iterator[Any]:
        if isinstance(value, tuple | list):
            for part in value:
                yield from leaves(part)
        else:
            yield value

    def places(value: Any) -> bool:
        if isinstance(value, Mesh | AbstractMesh):
            return not value.empty
        return isinstance(value, Sharding | jax.Device)

    equations = every_equation(program.jaxpr)
    return any(places(leaf) for e in equations for v in e.params.values() for leaf in leaves(v))


def has_effects(program: core.ClosedJaxpr) -> bool:
    """Whether it prints, calls back, or writes to references."""
    return any(equation.effects for equation in every_equation(program.jaxpr))


def has_an_order(program: core.ClosedJaxpr) -> bool:
    """Whether some of its effects are to happen in order, which `jax.vmap` refuses."""
    return any(equation.params.get("ordered", False) for equation in every_equation(program.jaxpr))


def is_walked(program: core.ClosedJaxpr) -> bool:
    """Whether it is mapped operation by operation, and not as a whole."""
    return maps_bit_for_bit(program) and not has_effects(program) and not names_devices(program)


def largest_value_bytes(program: core.ClosedJaxpr) -> int:
    """Bytes a lane of the largest array that is computed in a loop, or anywhere if none loops."""

    def largest(jaxpr, in_loop: bool) -> int:
        sizes = [1]
        for equation in jaxpr.eqns:
            inner = list(jaxprs_in_params(equation.params))
            inside = in_loop or equation.primitive.name in LOOPS
            sizes += [largest(sub, inside) for sub in inner]
            if in_loop and not inner:
                sizes += [value_bytes(variable) for variable in equation.outvars]
        return max(sizes)

    loops = largest(program.jaxpr, False)
    return loops if loops > 1 else largest(program.jaxpr, True)


def value_bytes(variable) -> int:
    """Bytes of one lane of an array of a program."""
    return size(variable) * getattr(variable.aval.dtype, "itemsize", 8)


def is_key(variable) -> bool:
    dtype = getattr(variable.aval, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, jax.dtypes.extended)


def is_reference(variable: Any) -> bool:
    """Whether a variable or a value is what `jax.new_ref` makes."""
    return hasattr(getattr(variable, "aval", None), "inner_aval")


def has_no_keys(equation) -> bool:
    """Random keys have no arithmetic."""
    return not any(map(is_key, [*equation.invars, *equation.outvars]))


def draws_random_numbers(equation) -> bool:
    """Whether there are random keys in the equation or within it."""
    inner = (e for jaxpr in jaxprs_in_params(equation.params) for e in every_equation(jaxpr))
    return not all(map(has_no_keys, (equation, *inner)))


def is_empty(variable) -> bool:
    return 0 in getattr(variable.aval, "shape", ())


def size(variable) -> int:
    return math.prod(getattr(variable.aval, "shape", ()))


def is_small(equation) -> bool:
    return numbers_computed(equation) <= SPLIT_LIMIT


def numbers_computed(equation) -> int:
    """How many numbers the equation computes, products in sums included; a loop, in one turn."""
    inner = [sub for program in jaxprs_in_params(equation.params) for sub in program.eqns]
    if inner:
        return sum(map(numbers_computed, inner))
    if equation.primitive.name == "dot_general":
        summed = equation.params["dimension_numbers"][0][0]
        operand = equation.invars[0].aval
        return size(equation.outvars[0]) * math.prod(operand.shape[axis] for axis in summed)
    return sum(map(size, equation.outvars))
