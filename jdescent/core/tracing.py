"""Functions as programs: traced once, and run for all arguments alike."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core

from jdescent._jax import type_of

_CALLS_BEFORE_TRACING = 2


def program_of(function: Callable, *arguments: Any) -> tuple[Any, Any]:
    """A function's program, from the leaves of its arguments to those of its result; and the
    structure of that."""
    structures: list[Any] = []

    def leaves_of(*arguments):
        leaves, structure = jax.tree.flatten(function(*arguments))
        structures.append(structure)
        return leaves

    return jax.make_jaxpr(leaves_of)(*arguments), structures[-1]


def inlined(function: Callable) -> Callable:
    """The function; within programs, traced once for arguments of one type.

    Its equations then stand wherever it is called, as if they had been made there (from JAX 0.12 on
    when the program is compiled), which takes a tenth of the time. Elsewhere each call is the
    function's own. What it reads beside its arguments must stay what it is for as long as the
    function lives.

    Example:
        >>> calls = []
        >>> twice = inlined(lambda x: calls.append(x) or 2 * x)
        >>> print(jax.jit(lambda x: twice(x) + twice(x + 1))(1.0), len(calls))
        6.0 1
    """
    once = jax.jit(function, inline=True)

    @functools.wraps(function)
    def call(*arguments):
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arguments)):
            return once(*arguments)
        return function(*arguments)

    return call


def traced_once(function: Callable) -> Callable:
    """A function of shared numbers and of an array's own, whose program is made once a type.

    Within a program, that is; elsewhere each call is the function's own. Of the hundreds of arrays
    of a network many are alike: they share the equations that depend on the shared numbers alone,
    and JAX's own functions, which take most of the time of tracing them, are run for few.

    Args:
        function: of a tree that is the same object in all calls with arrays of one type, and of
            further trees.

    Example:
        >>> calls = []
        >>> multiple = traced_once(lambda n, x: calls.append(x.shape) or (n + 1) * x)
        >>> program = jax.make_jaxpr(lambda n, x: [multiple(n, row) for row in x])
        >>> many = program(1.0, jax.numpy.ones((9, 4)))
        >>> len(calls), [equation.primitive.name for equation in many.eqns].count("add")
        (3, 3)
    """
    calls: list[Any] = []
    programs: list[tuple[Any, Callable]] = []

    def call(shared, *own):
        leaves, structure = jax.tree.flatten((shared, own))
        if not any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            return function(shared, *own)
        kind = structure, [type_of(leaf) for leaf in leaves]
        for known, run in programs:
            if known == kind:
                return run(*own)
        if calls.count(kind) < _CALLS_BEFORE_TRACING:
            calls.append(kind)
            return function(shared, *own)
        programs.append((kind, _with_shared(function, shared, own)))
        return programs[-1][1](*own)

    return call


def _with_shared(function: Callable, shared: Any, own: tuple) -> Callable:
    """The function of what is an array's own: what follows from the shared alone is computed."""
    program, structure = program_of(function, shared, *own)
    jaxpr, shared_leaves = program.jaxpr, jax.tree.leaves(shared)
    given, variables = jaxpr.invars[: len(shared_leaves)], jaxpr.invars[len(shared_leaves) :]
    known = dict(zip([*jaxpr.constvars, *given], [*program.consts, *shared_leaves], strict=True))
    remaining = []
    for equation in jaxpr.eqns:
        operands = [v for v in equation.invars if not isinstance(v, core.Literal)]
        if equation.effects or not all(v in known for v in operands):
            remaining.append(equation)
        else:
            _evaluate(equation, known)

    def run(*own):
        values = known | dict(zip(variables, jax.tree.leaves(own), strict=True))
        for equation in remaining:
            _evaluate(equation, values)
        return structure.unflatten([_value(v, values) for v in jaxpr.outvars])

    return run


def _value(variable: Any, values: dict) -> Any:
    return variable.val if isinstance(variable, core.Literal) else values[variable]


def _evaluate(equation: Any, values: dict) -> None:
    results = bind(equation, [_value(v, values) for v in equation.invars])
    values.update(zip(equation.outvars, results, strict=True))


def bind(equation: Any, operands: Sequence[Any]) -> list[Any]:
    """What the equation gives for these operands, in the JAX configuration it was traced in."""
    bound = equation.primitive.get_bind_params(equation.params)
    functions, parameters = bound if isinstance(bound, tuple) else ((), bound)  # until jax 0.9
    with equation.ctx.manager:
        results = equation.primitive.bind(*functions, *operands, **parameters)
    return results if equation.primitive.multiple_results else [results]
