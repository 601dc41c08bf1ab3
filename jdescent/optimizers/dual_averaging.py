"""Steps from a fixed start along the sum of all gradients: dual averaging."""

from typing import Annotated

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    Memory,
    NonNegative,
    Optimizer,
    Positive,
    Rate,
    Scheduled,
    leafwise,
    optimizer,
)
from jdescent.numerics import ratio, root


@optimizer
def madgrad(
    learning_rate: Rate,
    momentum: Annotated[Decay, "1 − c"] = 0.9,
    weight_decay: Annotated[Scheduled, "coupled: added to the gradient"] = 0.0,
    eps: Annotated[NonNegative, "outside the cube root"] = 1e-6,
) -> Optimizer:
    """MADGRAD: dual averaging over a cube root of squares, followed by a mean of the iterates.

        λ ← lr·√t
        dual ← dual + λ·g
        ν ← ν + λ·g²
        z ← x₀ − dual/(∛ν + ε)          0/0 = 0
        x ← (1 − c)·x + c·z

    Differs from: optax.contrib.madgrad and the authors' code add ε to lr as well. Decay is theirs,
    not the paper's.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.madgrad(0.1), steps=200)
        >>> print(f"{path.params:.2f}")
        3.00

    Reference: A. Defazio and S. Jelassi, 2021, Adaptivity without Compromise: A Momentumized,
    Adaptive, Dual Averaged Gradient Method for Stochastic Optimization, Algorithm 1.
    """

    def rule(lr, t, g, x, w, x0, dual, nu):
        g = g + w * x
        weight = lr * jnp.sqrt(t)
        dual = dual + weight * g
        nu = nu + weight * g**2
        z = x0 - ratio(dual, _cube_root(nu), eps)
        return (1 - momentum) * (z - x), x0, dual, nu

    return leafwise(
        rule,
        learning_rate,
        w=Coefficient("weight_decay", weight_decay),
        x0=Memory(lambda x: x),
        dual=Memory(wide=True),
        nu=Memory(wide=True),
    )


def _cube_root(square):
    """∛square, with the derivative 0 where that is 0."""
    nothing = square == 0
    return jnp.where(nothing, 0, jnp.cbrt(jnp.where(nothing, 1, square)))


@optimizer
def ftrl(
    learning_rate: Annotated[Rate, "α"],
    beta: Annotated[Positive, "added to the root of n"] = 1.0,
    lambda_1: Annotated[NonNegative, "of |x|: makes coordinates exactly 0"] = 0.0,
    lambda_2: Annotated[NonNegative, "of ½·x²"] = 0.0,
) -> Optimizer:
    """FTRL-Proximal: the leader of all linearized losses so far, held near where they were taken.

        σ ← √(n + g²) − √n
        z ← z + α·g − σ·x               z₀ = −β·x₀
        n ← n + g²
        x ← −sign(z)·max(|z| − α·λ₁, 0)/(β + √n + α·λ₂)

    With λ₁ = λ₂ = 0 these are AdaGrad's steps, −α·g/(β + √n).

    Differs from: the paper's σ and z are those here over α, which a rate that is 0 leaves finite
    and with which scheduled rates weigh each gradient by its own. It starts at x₀ = 0 with z₀ = 0;
    from elsewhere that would lead to 0 before any gradient came, so the β-term here pulls to x₀.
    TensorFlow and pytorch_optimizer let the power of n vary.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.ftrl(1.0, lambda_1=1.0), jnp.zeros(3)
        >>> print(x + optimizer.update(jnp.array([0.5, 3.0, -7.0]), optimizer.init(x), x)[0])
        [ 0.   -0.5   0.75]

    Reference: H. B. McMahan et al., 2013, Ad Click Prediction: a View from the Trenches,
    Algorithm 1.
    """

    def rule(lr, g, x, z, n):
        sigma = ratio(g**2, root(n + g**2) + root(n))  # the difference without the cancellation
        z = z + lr * g - sigma * x
        n = n + g**2
        beyond = jnp.maximum(jnp.abs(z) - lr * lambda_1, 0)
        return -jnp.sign(z) * beyond / (beta + root(n) + lr * lambda_2) - x, z, n

    z = Memory(lambda x: -beta * x, wide=True)
    return leafwise(rule, learning_rate, z=z, n=Memory(wide=True))
