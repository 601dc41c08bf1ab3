"""Step sizes from the curvature along the way: measured by two gradients, or by the Hessian."""

from typing import Annotated, Literal

import jax.numpy as jnp

from jdescent.core import Optimizer, Rate, dot, norm, optimizer, quotient, treewise, vector
from jdescent.numerics import ratio


@optimizer
def adgd(
    learning_rate: Annotated[Rate, "λ₀, of the first step; small, any will do"] = 1e-10,
) -> Optimizer:
    """Adaptive gradient descent without descent: no faster growth than √(1 + θ), no overstepping.

        λ' ← min(√(1 + θ)·λ, ‖x − x₋‖/(2·‖g − g₋‖))
        θ ← λ'/λ
        λ ← λ'
        x ← x − λ·g                     λ = λ₀ at first, θ = ∞

    Norms are of the whole tree, x₋ and g₋ those of the step before. On every convex loss with a
    locally Lipschitz gradient it converges, without a constant to know. A bound that is 0 or 0/0,
    as where a step was too short for the dtype, does not count.

    Differs from: the gradient is that of one deterministic loss; of batches take the same batch
    twice, which the paper does and an optimizer alone cannot.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, -1.0])
        >>> path = jd.descend(bowl, x0, jd.adgd(0.01), steps=60)
        >>> print(bool(path.loss[-1] < 1e-10))
        True

    Reference: Y. Malitsky and K. Mishchenko, 2020, Adaptive Gradient Descent without Descent,
    Algorithm 1.
    """

    def rule(lr, t, g, x, rate, rate_old, x_old, g_old):
        is_new, moved, turned = rate_old == 0, norm(x - x_old), norm(g - g_old)
        grown = jnp.sqrt(1 + rate / jnp.where(is_new, 1, rate_old)) * rate
        bound = moved / (2 * jnp.where(turned == 0, 1, turned))
        is_none = (moved == 0) | (turned == 0)
        found = jnp.minimum(jnp.where(is_new, jnp.inf, grown), jnp.where(is_none, jnp.inf, bound))
        found = jnp.where(jnp.isinf(found), rate, found)
        found = jnp.where(t == 1, lr, found)
        return -found * g, found, rate, x, g

    return treewise(
        rule, learning_rate, rate=0, rate_old=0, x_old=vector(jnp.array), g_old=vector()
    )


@optimizer
def barzilai_borwein(
    learning_rate: Annotated[Rate, "of the first step, and of one after none"],
    variant: Annotated[Literal["long", "short"], "‖s‖²/⟨s, y⟩ or ⟨s, y⟩/‖y‖²"] = "long",
) -> Optimizer:
    """Barzilai and Borwein's two-point step size: the secant equation with a multiple of 1.

        s, y ← x − x₋, g − g₋
        η ← ‖s‖²/⟨s, y⟩                 long, or ⟨s, y⟩/‖y‖², short
        x ← x − η·g

    Products and norms are of the whole tree. Both rates are one over a mean of the curvatures, so
    between 1/L and 1/μ on a quadratic, where every start converges though the loss may rise
    between; in two dimensions it converges superlinearly. On negative curvature the rate is
    negative.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, -1.0])
        >>> path = jd.descend(bowl, x0, jd.barzilai_borwein(0.1), steps=12)
        >>> print(bool(path.loss[-1] < 1e-10))
        True

    Reference: J. Barzilai and J. M. Borwein, 1988, Two-Point Step Size Gradient Methods,
    eqs. (5) and (6).
    """

    def rule(lr, g, x, x_old, g_old):
        s, y = x - x_old, g - g_old
        if variant == "long":
            eta = ratio(norm(s), dot(quotient(s, norm(s)), y))
        else:
            eta = ratio(dot(s, quotient(y, norm(y))), norm(y))
        return -jnp.where(eta == 0, lr, eta) * g, x, g

    return treewise(rule, learning_rate, x_old=vector(jnp.array), g_old=vector())


@optimizer
def steepest_descent(
    learning_rate: Annotated[Rate, "a factor on the exact step, converges below 2"] = 1.0,
) -> Optimizer:
    """Cauchy's steepest descent: to the least value of the local quadratic along the gradient.

        u ← g/‖g‖
        x ← x − lr·‖g‖/⟨u, H·u⟩·u

    The rate is ‖g‖²/⟨g, H·g⟩, H the Hessian at x, of which one product with a vector is taken;
    norms and products are of the whole tree. On a quadratic of condition κ the loss falls by
    ((κ − 1)/(κ + 1))² a step, or faster, and zigzags. Where the curvature along g is negative the
    step climbs.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((1.0, 3.0)), jnp.array([3.0, 1.0])
        >>> path = jd.descend(bowl, x0, jd.steepest_descent(), steps=3)
        >>> print(path.loss)
        [6.      1.5     0.375   0.09375]

    Reference: A. Cauchy, 1847, Méthode générale pour la résolution des systèmes d'équations
    simultanées; J. Nocedal and S. J. Wright, 2006, Numerical Optimization, eq. (3.26).
    """

    def rule(lr, g, hvp):
        u = quotient(g, norm(g))
        return -lr * ratio(norm(g), dot(u, hvp(u))) * u

    return treewise(rule, learning_rate)
