"""An optimizer within the rule of another."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jdescent._jax import laid_like
from jdescent.core.contract import OptimizerLike, accept_extra
from jdescent.core.memories import Memory
from jdescent.core.vector import Vector


class Inner:
    """Any (init, update) pair as a part of a `treewise` rule, of jdescent, optax or your own.

    Its state is a memory of the rule, and it is given gradients and parameters in the dtypes that
    the whole optimizer is given them in.

    Example:
        >>> import jdescent as jd
        >>> halved = Inner(jd.sgd(1.0))
        >>> def rule(g, params, extra, inner):
        ...     u, inner = halved.step(g, inner, params, extra)
        ...     return u / 2, inner
        >>> optimizer = jd.treewise(rule, inner=halved.state)
        >>> x = jnp.array(3.0)
        >>> print(optimizer.update(x, optimizer.init(x), x)[0])
        -1.5
    """

    def __init__(self, optimizer: OptimizerLike):
        self.init = optimizer.init
        self._update = accept_extra(optimizer.update)

    @property
    def state(self) -> Memory:
        return Memory(lambda x: self.init(x.tree))

    def step(self, g: Vector, state: Any, params: Any, extra: dict) -> tuple[Vector, Any]:
        """Its update and its new state; `params` and `extra` are what the rule reads by these
        names."""
        narrow = g.map(_like, Vector.of(params))
        updates, new_state = self._update(narrow.tree, state, params, **extra)
        return Vector.of(updates).map(_like, g), jax.tree.map(_like, new_state, state)

    def step_if(self, due: Any, g: Vector, state: Any, params: Any, extra: dict):
        """The same where it is due; elsewhere no update, and the state as it was."""
        return lax.cond(
            due,
            lambda: self.step(g, state, params, extra),
            lambda: (g.map(lambda a: laid_like(a, jnp.zeros_like(a))), state),
        )


def _like(new: Any, old: Any) -> Any:
    return jnp.asarray(new, jnp.result_type(old))
