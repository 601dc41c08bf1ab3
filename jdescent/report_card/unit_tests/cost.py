"""Whether an optimizer's update costs so much that fewer tests are run."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp

from jdescent._jax import jaxprs_in_params
from jdescent.core.contract import accept_extra
from jdescent.report_card.subject import Subject

DEAR = {"while", "scan", "eigh", "svd", "lu", "qr", "cholesky"}


def is_dear(subject: Subject) -> bool:
    """Whether its update loops or factors a matrix.

    Example:
        >>> from jdescent.report_card.subject import subject_of
        >>> is_dear(subject_of("adam")), is_dear(subject_of("lbfgs"))
        (False, True)
    """
    optimizer, x = subject.make(0.1), jnp.ones(2)
    state = optimizer.init(x)

    def one_update(x, state):
        extra = {"value": jnp.sum(x), "grad": x, "value_fn": jnp.sum}
        return accept_extra(optimizer.update)(x, state, x, **extra)

    return not DEAR.isdisjoint(_operations(jax.make_jaxpr(one_update)(x, state).jaxpr))


def _operations(jaxpr) -> Iterator[str]:
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in jaxprs_in_params(equation.params):
            yield from _operations(inner)
