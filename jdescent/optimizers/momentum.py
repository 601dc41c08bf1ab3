"""Gradient descent and its momentum: one velocity, no second moments."""

from typing import Annotated, Any

from jdescent.core import DType, Memory, NonNegative, Optimizer, Rate, Real, leafwise, optimizer
from jdescent.core.checks import real_number


@optimizer
def sgd(
    learning_rate: Rate,
    momentum: Annotated[NonNegative | None, "none if None"] = None,
    nesterov: Annotated[bool, "step along g + β·b, the sum looked ahead by one step"] = False,
    accumulator_dtype: Annotated[DType | None, "of b"] = None,
    dampening: Annotated[
        Any, Real(high=1), "d, the share of each gradient that the sum leaves out"
    ] = 0.0,
) -> Optimizer:
    """Gradient descent, plain or with momentum; the learning rate stays outside the sum.

        x ← x − lr·g                    without momentum
        b ← β·b + (1 − d)·g
        x ← x − lr·b                    with momentum
        x ← x − lr·(g + β·b)            with momentum and nesterov

    On curvature λ it is stable while lr < 2(1 + β)/λ, with β = 0 for none.

    Differs from: `heavy_ball` and `nesterov` keep lr *inside* their velocity; the paths agree while
    lr is constant and part once it is scheduled. With d = 0 this is optax.sgd. torch.optim.SGD
    starts its sum at the first gradient undampened, b₁ = g; here b₁ = (1 − d)·g.

    Raises:
        TypeError, ValueError: an argument that is not what the table says; nesterov or dampening
            without momentum.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.sgd(0.1), steps=50)
        >>> print(f"{path.params:.4f} {3 - 3 * 0.8**50:.4f}")
        3.0000 3.0000

    Reference: H. Robbins and S. Monro, 1951, A Stochastic Approximation Method; momentum as in
    I. Sutskever et al., 2013, On the Importance of Initialization and Momentum in Deep Learning.
    """
    if momentum is None:
        if nesterov or real_number("dampening", dampening):
            raise ValueError("nesterov and dampening act on the velocity: give momentum as well")
        return leafwise(lambda lr, g: -lr * g, learning_rate)

    def rule(lr, g, b):
        b = momentum * b + (1 - dampening) * g
        step = g + momentum * b if nesterov else b
        return -lr * step, b

    return leafwise(rule, learning_rate, b=Memory(dtype=accumulator_dtype))


@optimizer
def heavy_ball(
    learning_rate: Rate, momentum: Annotated[NonNegative, "0 is plain gradient descent"] = 0.9
) -> Optimizer:
    """Polyak's heavy ball; the learning rate is inside the velocity.

        velocity ← β·velocity − lr·g
        x ← x + velocity

    On a quadratic of curvature λ it is stable while lr < 2(1 + β)/λ and contracts by √β a step for
    (1 − √β)² ≤ lr·λ ≤ (1 + √β)². Near the limit a stable run may first grow by (1 + β)/(1 − β).

    Differs from: optax.sgd, torch.optim.SGD and `sgd` keep lr outside the velocity, so a lowered
    rate there slows the velocity already gathered; here it does not. Equal for constant lr.

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

    def rule(lr, g, velocity):
        velocity = momentum * velocity - lr * g
        return velocity, velocity

    return leafwise(rule, learning_rate, velocity=0)


@optimizer
def nesterov(
    learning_rate: Rate,
    momentum: Annotated[
        NonNegative, "(√κ − 1)/(√κ + 1) with lr = 1/L is the standard choice for condition κ"
    ] = 0.9,
) -> Optimizer:
    """Nesterov's accelerated gradient; the learning rate is inside the velocity.

        velocity ← β·velocity − lr·g
        x ← x + β·velocity − lr·g

    The x kept here is the point where the gradient is read, y = x̃ + β·velocity in the two-sequence
    form x̃ ← y − lr·∇L(y), y ← x̃ + β·(x̃ − x̃_previous). Stable on curvature λ while
    lr < (2 + 2β)/((1 + 2β)·λ).

    Differs from: ``sgd(nesterov=True)``, optax and torch keep lr outside the velocity; equal for
    constant lr.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> x0 = jnp.array([2.0, 1.0])
        >>> path = jd.descend(jd.losses.bowl(), x0, jd.nesterov(0.25, 0.1716), steps=40)
        >>> print(path.loss[0], path.loss[-1] < 1e-12)
        6.0 True

    Reference: Y. Nesterov, 1983, A Method of Solving a Convex Programming Problem with Convergence
    Rate O(1/k²); in this form I. Sutskever et al., 2013, eqs. (3)-(4), at the looked-ahead point.
    """

    def rule(lr, g, velocity):
        velocity = momentum * velocity - lr * g
        return momentum * velocity - lr * g, velocity

    return leafwise(rule, learning_rate, velocity=0)
