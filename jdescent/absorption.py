"""Whether an optimizer can absorb a gradient that is not finite, read from its program.

Of an infinity, sums and products make infinities or NaN; a maximum, a sign or a choice may make a
finite number. Where a gradient goes by sums and products alone into something that is kept and
goes on into itself so (the parameters, a mean), what was not finite once stays so, and one look at
the end of many steps sees it.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jaxtyping import PyTree

from jdescent._jax import jaxprs_in_params

_OF_ANY_OPERAND = {
    "add", "add_any", "sub", "mul", "neg", "square", "sqrt", "abs", "reduce_sum", "dot_general",
    "broadcast_in_dim", "reshape", "transpose", "squeeze", "expand_dims", "copy", "copy_p",
}  # fmt: skip
_CALLS = {"jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "checkpoint"}


def gradient_shows(move: Any, init: Callable, params: PyTree, state: PyTree) -> bool:
    """Whether every element of the gradient that is not finite is so in what is kept, for ever.

    Args:
        move: the program of one step, from the leaves of parameters, state and gradient first to
            those of parameters and state.
        init: what makes the state from the parameters.
        params: a tree like the parameters.
        state: a tree like the state.
    """
    leaves, memories = len(jax.tree.leaves(params)), len(jax.tree.leaves(state))
    reached = [_reached(move, {place}) for place in range(2 * leaves + memories)]
    stays = {place for place in range(leaves + memories) if place in reached[place]}
    shown = reached[leaves + memories :]
    in_params = stays & set(range(leaves))
    if not all(places & in_params for places in shown):
        begins_finite = [True] * leaves + _finite_constants(jax.make_jaxpr(init)(params))
        stays = {place for place in stays if begins_finite[place]}
    return all(places & stays for places in shown)


def _reached(program: Any, places: set[int]) -> set[int]:
    """Which results are not finite wherever arguments at these places are not."""
    jaxpr = program.jaxpr
    shown = {jaxpr.invars[place] for place in places}

    def shows(variable) -> bool:
        return not isinstance(variable, core.Literal) and variable in shown

    for equation in jaxpr.eqns:
        operands = {place for place, v in enumerate(equation.invars) if shows(v)}
        if operands:
            shown |= {equation.outvars[result] for result in _shown_by(equation, operands)}
    return {place for place, variable in enumerate(jaxpr.outvars) if shows(variable)}


def _shown_by(equation: Any, operands: set[int]) -> set[int]:
    name, params = equation.primitive.name, equation.params
    if name == "optimization_barrier":
        return operands
    if name in _CALLS:
        inner = list(jaxprs_in_params(params))
        if len(inner) != 1 or len(inner[0].invars) != len(equation.invars):
            return set()
        return _reached(_Program(inner[0]), operands)
    safe = (
        name in _OF_ANY_OPERAND
        or (name == "div" and 0 in operands)
        or (name == "integer_pow" and params["y"] > 0)
        or (name == "convert_element_type" and jnp.issubdtype(params["new_dtype"], jnp.floating))
    )
    return {0} if safe else set()


class _Program:
    def __init__(self, jaxpr: Any):
        self.jaxpr = jaxpr


def _finite_constants(program: Any) -> list[bool]:
    """Which results are known to be one finite number all over, such as zeros."""
    made: dict[Any, Any] = {v: e for e in program.jaxpr.eqns for v in e.outvars}

    def is_known(variable) -> bool:
        if isinstance(variable, core.Literal):
            return bool(np.isfinite(np.asarray(variable.val, float)).all())
        if variable not in made or made[variable].primitive.name != "broadcast_in_dim":
            return False
        return is_known(made[variable].invars[0])

    return [
        jnp.issubdtype(v.aval.dtype, jnp.floating) and is_known(v) for v in program.jaxpr.outvars
    ]
