"""Steps of a given angle on the sphere that the parameters start on."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp

from jdescent.core import (
    Base,
    Coefficient,
    Inner,
    Mask,
    Optimizer,
    Rate,
    norm,
    optimizer,
    treewise,
    vector,
)
from jdescent.numerics import ratio
from jdescent.optimizers.adam import adam


@optimizer
def hyperball(
    learning_rate: Annotated[Rate, "relative to ‖x₀‖"],
    base_optimizer: Annotated[Base | None, "whose steps give u; adam(1e-3) if None"] = None,
    mask: Annotated[
        Mask | None, "True where x keeps its norm; arrays of two and more axes if None"
    ] = None,
) -> Optimizer:
    """Hyperball: every array keeps the norm that it starts with, and every step has one length.

        r ← ‖x₀‖                        of every array
        u                               the step of the base
        x ← r·unit(x + lr·r·unit(u))    unit(v) = v/‖v‖

    So lr is the tangent of the angle of a step across x, whatever the gradients are, and there is
    no decay to set. With `adam` it is AdamH, with `muon` MuonH, whose own rates matter only where
    the mask is False: there x ← x + u. An array that starts at 0 stays there: give it to the base.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.hyperball(0.75, jd.sgd(1.0)), jnp.array([[4.0, 0.0]])
        >>> g = jnp.array([[0.0, -9.0]])
        >>> print((x + optimizer.update(g, optimizer.init(x), x)[0]).round(3))
        [[3.2 2.4]]

    Reference: K. Wen, X. Dang, K. Lyu, T. Ma and P. Liang, 2025, Fantastic Pretraining Optimizers
    and Where to Find Them 2.1: Hyperball Optimization, its displayed equation.
    """
    base = Inner(adam(1e-3) if base_optimizer is None else base_optimizer)

    def rule(lr, g, x, params, extra, is_held, r, inner):
        u, inner = base.step(g, inner, params, extra)

        def step(x, u, is_held, r):
            y = x + jnp.asarray(lr, x.dtype) * r * ratio(u, norm(u))
            return jnp.where(is_held == 1, r * ratio(y, norm(y)) - x, u)

        return x.map(step, u, is_held, r), r, inner

    is_held = Coefficient("mask", 1.0, of_matrices if mask is None else mask)
    radius = vector(norm, wide=True)
    return treewise(rule, learning_rate, is_held=is_held, r=radius, inner=base.state)


def of_matrices(params: Any) -> Any:
    return jax.tree.map(lambda x: jnp.ndim(x) >= 2, params)
