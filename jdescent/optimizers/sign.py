"""Steps of one size in every coordinate, whatever the gradient's."""

from typing import Annotated

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    DType,
    Mask,
    Memory,
    Optimizer,
    Rate,
    Scheduled,
    leafwise,
    optimizer,
)


@optimizer
def sign_sgd(learning_rate: Annotated[Rate, "in the units of the parameter"]) -> Optimizer:
    """Sign descent.

        x ← x − lr·sign(g)              sign(0) = 0, sign(±∞) = ±1, NaN stays NaN

    Near a minimum it ends in a cycle of two points lr apart, whatever the curvature.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.25), jd.sign_sgd(0.5), steps=7, record="params")
        >>> print(path.record["params"])
        [0.25 0.75 1.25 1.75 2.25 2.75 3.25 2.75]

    Reference: J. Bernstein et al., 2018, signSGD: Compressed Optimisation for Non-Convex Problems,
    Algorithm 1.
    """
    return leafwise(lambda lr, g: -lr * jnp.sign(g), learning_rate)


@optimizer
def lion(
    learning_rate: Annotated[Rate, "in the units of the parameter"],
    b1: Annotated[Decay, "of the step"] = 0.9,
    b2: Annotated[Decay, "of the memory"] = 0.99,
    mu_dtype: Annotated[DType | None, "of m"] = None,
    weight_decay: Annotated[Scheduled, "decoupled, multiplied by lr; optax's 1e-3"] = 1e-3,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
) -> Optimizer:
    """Lion: the sign of a fast mean of gradients, kept by a slow one.

        c ← β₁·m + (1 − β₁)·g
        m ← β₂·m + (1 − β₂)·g
        x ← x − lr·(sign(c) + w·x)

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.lion(0.1), steps=1)
        >>> print(f"{path.params:.1f}")
        0.1

    Reference: X. Chen et al., 2023, Symbolic Discovery of Optimization Algorithms, Algorithm 2.
    """

    def rule(lr, g, x, w, m):
        c = b1 * m + (1 - b1) * g
        m = b2 * m + (1 - b2) * g
        return -lr * (jnp.sign(c) + w * x), m

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=Memory(dtype=mu_dtype))
