"""Gradient descent and its momentum: one velocity, no second moments."""

from collections.abc import Sequence
from typing import Annotated, Any

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    DType,
    Fraction,
    Mask,
    Memory,
    NonNegative,
    Optimizer,
    Rate,
    Real,
    Scheduled,
    leafwise,
    optimizer,
)
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
    *,
    undampened_start: Annotated[bool, "b₁ = g, as torch has it"] = False,
) -> Optimizer:
    """Gradient descent, plain or with momentum; the learning rate stays outside the sum.

        x ← x − lr·g                    without momentum
        b ← β·b + (1 − d)·g
        x ← x − lr·b                    with momentum
        x ← x − lr·(g + β·b)            with momentum and nesterov

    On curvature λ it is stable while lr < 2(1 + β)/λ, with β = 0 for none.

    Differs from: `heavy_ball` and `nesterov` keep lr *inside* their velocity; the paths agree while
    lr is constant and part once it is scheduled. With d = 0 this is optax.sgd. torch.optim.SGD
    does not dampen the first gradient, ``undampened_start=True``; here b₁ = (1 − d)·g else.

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

    def rule(lr, t, g, b):
        d = jnp.where(t == 1, 0, dampening) if undampened_start else dampening
        b = momentum * b + (1 - d) * g
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


@optimizer
def sgdw(
    learning_rate: Rate,
    momentum: NonNegative = 0.9,
    weight_decay: Annotated[Scheduled, "decoupled, multiplied by lr"] = 1e-4,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
    *,
    nesterov: Annotated[bool, "look the velocity ahead by one step"] = False,
) -> Optimizer:
    """`heavy_ball` with weight decay outside its velocity.

        velocity ← β·velocity − lr·g
        x ← x + velocity − lr·w·x

    Differs from: the paper multiplies w by the schedule but not by the base rate; here, in timm and
    in pytorch_optimizer, w is multiplied by the whole lr. Those keep lr outside the velocity; equal
    for constant lr.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.sgdw(0.1, weight_decay=0.01)
        >>> x = jnp.array(10.0)
        >>> updates, _ = optimizer.update(jnp.array(1.0), optimizer.init(x), x)
        >>> print(f"{updates:.2f}")
        -0.11

    Reference: I. Loshchilov and F. Hutter, 2019, Decoupled Weight Decay Regularization,
    Algorithm 1.
    """

    def rule(lr, g, x, w, velocity):
        velocity = momentum * velocity - lr * g
        step = momentum * velocity - lr * g if nesterov else velocity
        return step - lr * w * x, velocity

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, velocity=0)


@optimizer
def qhm(
    learning_rate: Rate,
    momentum: Annotated[Decay, "of the mean gradient"] = 0.999,
    nu: Annotated[Fraction, "the share of the mean in a step"] = 0.7,
) -> Optimizer:
    """Quasi-hyperbolic momentum: steps along a mixture of the gradient and its mean.

        m ← β·m + (1 − β)·g
        x ← x − lr·((1 − ν)·g + ν·m)

    ν = 0 is gradient descent. With lr·(1 − β) for their lr, ν = 1 is `sgd` with momentum β, and
    ν = β is `sgd` with Nesterov's.

    Differs from: torch_optimizer and pytorch_optimizer have β = 0 and ν = 1 by default; here both
    are what the paper recommends.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.qhm(0.5), steps=1)
        >>> print(f"{path.params:.4f} {0.5 * (0.3 + 0.7 * 0.001) * 6:.4f}")
        0.9021 0.9021

    Reference: J. Ma and D. Yarats, 2019, Quasi-Hyperbolic Momentum and Adam for Deep Learning,
    eqs. (3)-(4).
    """

    def rule(lr, g, m):
        m = momentum * m + (1 - momentum) * g
        return -lr * ((1 - nu) * g + nu * m), m

    return leafwise(rule, learning_rate, m=0)


_DAMPINGS = Real(high=1)


@optimizer
def aggmo(
    learning_rate: Rate, betas: Annotated[Sequence, "each in [0, 1)"] = (0.0, 0.9, 0.99)
) -> Optimizer:
    """Aggregated momentum: the mean step of K momenta, whose oscillations damp each other.

        bᵢ ← βᵢ·bᵢ + g                  i = 1, …, K
        x ← x − lr/K·(b₁ + … + b_K)

    The paper chooses βᵢ = 1 − 10¹⁻ⁱ, as here by default; its rate suits the fastest momentum, so
    that lr need not fall as βᵢ nears 1. With K = 1 it is `sgd` with momentum.

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule.
        betas: β₁, …, β_K, each in [0, 1).

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.aggmo(0.1), steps=600)
        >>> print(f"{path.params:.2f}")
        3.00

    Reference: J. Lucas, S. Sun, R. Zemel and R. Grosse, 2019, Aggregated Momentum: Stability
    through Passive Damping, section 3.
    """
    betas = [_DAMPINGS.checked("betas", beta) for beta in betas]

    def rule(lr, g, b):
        b = [beta * b_i + g for beta, b_i in zip(betas, b, strict=True)]
        return -lr / len(b) * sum(b), b

    return leafwise(rule, learning_rate, b=Memory(lambda x: [jnp.zeros_like(x) for _ in betas]))


@optimizer
def pid(
    learning_rate: Rate,
    momentum: Annotated[Decay, "of the sum and of the mean change"] = 0.9,
    integral: Annotated[NonNegative, "K_I"] = 5.0,
    derivative: Annotated[NonNegative, "K_D"] = 10.0,
) -> Optimizer:
    """A PID controller of the gradient: proportional, integral and derivative part.

        b ← β·b + g
        d ← β·d + (1 − β)·(g − g_before)            g_before = g at first
        x ← x − lr·(g + K_I·b + K_D·d)

    With K_D = 0 it is `sgd` along g + K_I·b. The derivative brakes where gradients shrink.

    Differs from: torch_optimizer and pytorch_optimizer do not keep the first gradient, so that the
    change in their second step is g itself; the authors' published code keeps none and weighs the
    change by lr.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.pid(0.01), steps=200)
        >>> print(f"{path.params:.2f}")
        3.00

    Reference: W. An et al., 2018, A PID Controller Approach for Stochastic Optimization of Deep
    Networks.
    """

    def rule(lr, t, g, b, d, g_before):
        b = momentum * b + g
        change = jnp.where(t == 1, 0 * g, g - g_before)
        d = momentum * d + (1 - momentum) * change
        return -lr * (g + integral * b + derivative * d), b, d, g

    return leafwise(rule, learning_rate, b=0, d=0, g_before=0)
