"""Programs that are compiled once for all calls that turn out to make the same one.

A function may read whatever Python can: data, globals, what was changed in place since. So it is
traced in every call, which is cheap, and what is remembered is the compiled program, by all that
tells it from another one. The arrays that it reads are given to it as its arguments are.
"""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import jax
from jax.extend import core

from jdescent._jax import at_top_level
from jdescent.core.identity import Identity, identify
from jdescent.core.tracing import program_of

REMEMBERED = 16
LARGEST = 2**24  # bytes of the constants within a program that is remembered, and keeps them

_COMPILED: dict[Identity, Callable] = {}
_CHANGING = threading.Lock()


def once(found: dict, key: Hashable, find: Callable[[], Any]) -> Any:
    """What was found for this key; of the last few keys in use."""
    with _CHANGING:
        if key in found:
            found[key] = found.pop(key)  # the last in use is the last to be forgotten
            return found[key]
    value = find()
    with _CHANGING:
        while len(found) >= REMEMBERED:
            found.pop(next(iter(found)))
        found[key] = value
    return value


def compiled_once(function: Callable, *arguments: Any) -> Any:
    """What the function returns, by a program that is compiled once for all calls that make it.

    Within a trace, and where the program has effects, lies on several devices, calls Python back,
    holds much data, or is to be looked into (`jax.disable_jit`, `jax.debug_nans`), it is simply
    called.

    Example:
        >>> factor = {"now": 2.0}
        >>> [float(compiled_once(lambda x: factor["now"] * x, 3.0)) for _ in range(2)]
        [6.0, 6.0]
        >>> factor["now"] = 5.0
        >>> float(compiled_once(lambda x: factor["now"] * x, 3.0))
        15.0
    """
    if not at_top_level() or any(jax.config.values[name] for name in _LOOKING):
        return function(*arguments)
    program, structure = program_of(function, *arguments)
    arrays = [*program.consts, *jax.tree.leaves(arguments)]
    if program.effects or not _in_one_place(arrays) or _bytes_within(program.jaxpr) > LARGEST:
        return function(*arguments)
    identity = identify(program, of_constants_the_types=True)
    if identity.opaque:
        return function(*arguments)
    run = once(_COMPILED, identity, lambda: _compiled(program.jaxpr))
    return structure.unflatten(run(program.consts, jax.tree.leaves(arguments)))


_LOOKING = ("jax_disable_jit", "jax_debug_nans", "jax_debug_infs")


def _compiled(jaxpr: Any) -> Callable:
    @jax.jit
    def run(constants, arguments):
        return core.jaxpr_as_fun(core.ClosedJaxpr(jaxpr, constants))(*arguments)

    return run


def _in_one_place(arrays: Sequence[Any]) -> bool:
    """Whether no array is traced, nor spread over devices."""
    return not any(
        isinstance(array, jax.core.Tracer)
        or (isinstance(array, jax.Array) and len(array.sharding.device_set) > 1)
        for array in arrays
    )


def _bytes_within(program: Any) -> int:
    """Of the constants that a program and those within it hold."""
    held = sum(getattr(constant, "nbytes", 0) for constant in getattr(program, "consts", ()))
    jaxpr = getattr(program, "jaxpr", program)
    return held + sum(
        _bytes_within(inner) for equation in jaxpr.eqns for inner in _programs_in(equation.params)
    )


def _programs_in(value: Any) -> Iterator[Any]:
    if isinstance(value, core.ClosedJaxpr | core.Jaxpr):
        yield value
    elif isinstance(value, dict):
        yield from _programs_in(list(value.values()))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _programs_in(part)
