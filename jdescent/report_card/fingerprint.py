"""What tells an optimizer from another of the same name, so that no card goes on with its parts."""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jdescent.core.contract import accept_extra
from jdescent.core.identity import identify
from jdescent.report_card.naming import RAISED
from jdescent.report_card.trial import SIZE, tree

RATES = (0.1, 0.001)


def fingerprint(make: Callable[[Any], Any], found: Any, source: str = "") -> str:
    """A digest of the source and of the programs of init and update at two rates.

    A source alone would not do: what a closure holds and what a neighbouring file defines stand in
    the programs. Empty where a program cannot be traced or calls back to Python.

    Args:
        make: from the learning rate to an (init, update) pair.
        found: the function or pair whose source counts, where that can be read.
        source: the source, where it is known already.
    """
    digest = hashlib.sha256((source or _source_of(found)).encode())
    for rate in RATES:
        try:
            program = identify(_traced(make, rate))
        except RAISED:
            return ""
        if program.opaque:
            return ""
        digest.update("\n".join((*program.text, *program.constants)).encode())
    return digest.hexdigest()


def _traced(make: Callable[[Any], Any], rate: float) -> Any:
    def begin_and_update(x: Any) -> Any:
        optimizer = make(rate)
        params = tree(x)
        state = optimizer.init(params)
        extra = {"value": jnp.sum(x), "grad": params, "value_fn": _loss}
        return state, accept_extra(optimizer.update)(params, state, params, **extra)

    return jax.make_jaxpr(begin_and_update)(jnp.ones(SIZE))


def _loss(params: Any) -> Any:
    return sum((jnp.sum(leaf**2) for leaf in jax.tree.leaves(params)), jnp.zeros(()))


def _source_of(found: Any) -> str:
    try:
        return inspect.getsource(inspect.unwrap(found) if callable(found) else type(found))
    except (OSError, TypeError):
        return ""
