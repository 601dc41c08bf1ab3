"""Steps of one size in every coordinate, whatever the gradient's."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array

from jdescent.core import (
    Optimizer,
    Params,
    Scalar,
    ScalarOrSchedule,
    as_held,
    check_hyperparameters,
    floating_dtype,
    leafwise,
)
from jdescent.numerics import RunningMean
from jdescent.optimizers.momentum import DescentState


def sign_sgd(learning_rate: ScalarOrSchedule) -> Optimizer:
    """Sign descent.

        x ← x − lr·sign(g)              sign(0) = 0, sign(±∞) = ±1, NaN stays NaN

    Near a minimum it ends in a cycle of two points lr apart, whatever the curvature.

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule, in the units of the parameter.

    Raises:
        ValueError: a negative or NaN learning rate.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.25), jd.sign_sgd(0.5), steps=7, record="params")
        >>> print(path.record["params"])
        [0.25 0.75 1.25 1.75 2.25 2.75 3.25 2.75]

    Reference: J. Bernstein et al., 2018, signSGD: Compressed Optimisation for Non-Convex Problems,
    Algorithm 1.
    """
    return leafwise(lambda lr, t, g, x: (-lr * jnp.sign(g),), DescentState, learning_rate)


class LionState(NamedTuple):
    """Steps taken; mean gradient m."""

    t: Array
    m: Params


def lion(
    learning_rate: ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.99,
    mu_dtype: DTypeLike | None = None,
    weight_decay: Scalar = 1e-3,
) -> Optimizer:
    """Lion: the sign of a fast mean of gradients, kept by a slow one.

        c ← β₁·m + (1 − β₁)·g
        m ← β₂·m + (1 − β₂)·g
        x ← x − lr·(sign(c) + w·x)

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule, in the units of the parameter.
        b1: β₁ in [0, 1), of the step.
        b2: β₂ in [0, 1), of the memory.
        mu_dtype: the dtype m is kept in; the parameter's if None.
        weight_decay: w ≥ 0, decoupled and multiplied by lr; optax's default 1e-3.

    Raises:
        TypeError: a mu_dtype that is not floating.
        ValueError: a hyperparameter that is negative, NaN or (β) not below 1; `update` without
            parameters.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.lion(0.1), steps=1)
        >>> print(f"{path.params:.1f}")
        0.1

    Reference: X. Chen et al., 2023, Symbolic Discovery of Optimization Algorithms, Algorithm 2.
    """
    (weight_decay,) = check_hyperparameters(weight_decay=weight_decay)
    b1, b2 = check_hyperparameters(b1=b1, b2=b2, below=1)
    fast, slow = RunningMean(b1), RunningMean(b2)

    def rule(lr, t, g, x, m):
        c = fast.update(m, g)
        m = slow.update(m, g)
        w = as_held("weight_decay", weight_decay, x.dtype)
        return -lr * (jnp.sign(c) + w * x), m

    return leafwise(
        rule,
        LionState,
        learning_rate,
        reads_params=True,
        dtypes={"m": floating_dtype("mu_dtype", mu_dtype)},
    )
