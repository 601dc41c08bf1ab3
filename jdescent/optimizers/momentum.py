"""Gradient descent and its momentum: one velocity, no second moments."""

from typing import NamedTuple

from jax.typing import DTypeLike
from jaxtyping import Array

from jdescent.core import (
    Optimizer,
    Params,
    Scalar,
    ScalarOrSchedule,
    check_hyperparameters,
    floating_dtype,
    leafwise,
    real_number,
    require_boolean,
)


class DescentState(NamedTuple):
    """Steps taken."""

    t: Array


class MomentumState(NamedTuple):
    """Steps taken; velocity v in the units of the gradient, as of `sgd`."""

    t: Array
    v: Params


class VelocityState(NamedTuple):
    """Steps taken; velocity v in the units of the parameter, as of `heavy_ball` and `nesterov`."""

    t: Array
    v: Params


def sgd(
    learning_rate: ScalarOrSchedule,
    momentum: Scalar | None = None,
    nesterov: bool = False,
    accumulator_dtype: DTypeLike | None = None,
    dampening: Scalar = 0.0,
) -> Optimizer:
    """Gradient descent, plain or with momentum; the learning rate stays outside the velocity.

        x ← x − lr·g                    without momentum
        v ← β·v + (1 − d)·g
        x ← x − lr·v                    with momentum
        x ← x − lr·(g + β·v)            with momentum and nesterov

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule.
        momentum: β ≥ 0, or None for none. Stable on curvature λ while lr < 2(1 + β)/λ.
        nesterov: whether to step along g + β·v, the velocity looked ahead by one step.
        accumulator_dtype: the dtype v is kept in; the parameter's if None.
        dampening: d in [0, 1), the share of each gradient that the velocity leaves out.

    Differs from: `heavy_ball` and `nesterov` keep lr *inside* the velocity; the paths agree while
    lr is constant and part once it is scheduled. With d = 0 this is optax.sgd. torch.optim.SGD
    starts its velocity at the first gradient undampened, v₁ = g; here v₁ = (1 − d)·g.

    Raises:
        TypeError: nesterov that is no boolean; an accumulator_dtype that is not floating.
        ValueError: a negative or NaN hyperparameter; nesterov or dampening without momentum.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.sgd(0.1), steps=50)
        >>> print(f"{path.params:.4f} {3 - 3 * 0.8**50:.4f}")
        3.0000 3.0000

    Reference: H. Robbins and S. Monro, 1951, A Stochastic Approximation Method; momentum as in
    I. Sutskever et al., 2013, On the Importance of Initialization and Momentum in Deep Learning.
    """
    require_boolean("nesterov", nesterov)
    accumulator_dtype = floating_dtype("accumulator_dtype", accumulator_dtype)
    if momentum is None:
        if nesterov or real_number("dampening", dampening):
            raise ValueError("nesterov and dampening act on the velocity: give momentum as well")
        return leafwise(lambda lr, t, g, x: (-lr * g,), DescentState, learning_rate)
    (momentum,) = check_hyperparameters(momentum=momentum)
    (dampening,) = check_hyperparameters(dampening=dampening, below=1)

    def rule(lr, t, g, x, v):
        v = momentum * v + (1 - dampening) * g
        step = g + momentum * v if nesterov else v
        return -lr * step, v

    return leafwise(rule, MomentumState, learning_rate, dtypes={"v": accumulator_dtype})


def heavy_ball(learning_rate: ScalarOrSchedule, momentum: Scalar = 0.9) -> Optimizer:
    """Polyak's heavy ball; the learning rate is inside the velocity.

        v ← β·v − lr·g
        x ← x + v

    On a quadratic of curvature λ it is stable while lr < 2(1 + β)/λ and contracts by √β a step for
    (1 − √β)² ≤ lr·λ ≤ (1 + √β)². Near the limit a stable run may first grow by (1 + β)/(1 − β).

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule.
        momentum: β ≥ 0; 0 is plain gradient descent.

    Differs from: optax.sgd, torch.optim.SGD and `sgd` keep lr outside the velocity, so a lowered
    rate there slows the velocity already gathered; here it does not. Equal for constant lr.

    Raises:
        ValueError: a negative or NaN hyperparameter.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl = jd.losses.bowl((2.0, 4.0))
        >>> x0 = jnp.array([2.0, 1.0])
        >>> path = jd.descend(bowl, x0, jd.heavy_ball(0.3431, 0.0294), steps=15)
        >>> print(f"{jnp.abs(path.params).max():.0e}")
        9e-11

    Reference: B. T. Polyak, 1964, Some Methods of Speeding up the Convergence of Iteration Methods,
    eq. (9).
    """
    (momentum,) = check_hyperparameters(momentum=momentum)

    def rule(lr, t, g, x, v):
        v = momentum * v - lr * g
        return v, v

    return leafwise(rule, VelocityState, learning_rate)


def nesterov(learning_rate: ScalarOrSchedule, momentum: Scalar = 0.9) -> Optimizer:
    """Nesterov's accelerated gradient; the learning rate is inside the velocity.

        v ← β·v − lr·g
        x ← x + β·v − lr·g

    The x kept here is the point where the gradient is read, y = x̃ + β·v in the two-sequence form
    x̃ ← y − lr·∇L(y), y ← x̃ + β·(x̃ − x̃_previous). Stable on curvature λ while
    lr < (2 + 2β)/((1 + 2β)·λ).

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule.
        momentum: β ≥ 0; (√κ − 1)/(√κ + 1) with lr = 1/L is the standard choice for condition κ.

    Differs from: ``sgd(nesterov=True)``, optax and torch keep lr outside the velocity; equal for
    constant lr.

    Raises:
        ValueError: a negative or NaN hyperparameter.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> x0 = jnp.array([2.0, 1.0])
        >>> path = jd.descend(jd.losses.bowl(), x0, jd.nesterov(0.25, 0.1716), steps=40)
        >>> print(path.loss[0], path.loss[-1] < 1e-12)
        6.0 True

    Reference: Y. Nesterov, 1983, A Method of Solving a Convex Programming Problem with Convergence
    Rate O(1/k²); in this form I. Sutskever et al., 2013, eqs. (3)-(4), at the looked-ahead point.
    """
    (momentum,) = check_hyperparameters(momentum=momentum)

    def rule(lr, t, g, x, v):
        v = momentum * v - lr * g
        return momentum * v - lr * g, v

    return leafwise(rule, VelocityState, learning_rate)
