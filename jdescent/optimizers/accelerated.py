"""Gradient descent that is faster by theory: momenta and step sizes that follow a plan."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from jdescent.core import (
    Coefficient,
    Count,
    Optimizer,
    Positive,
    Rate,
    Real,
    Scheduled,
    dot,
    leafwise,
    optimizer,
    treewise,
    vector,
)
from jdescent.numerics import next_step


@optimizer
def nesterov_convex(learning_rate: Annotated[Rate, "1/L or less on curvature L"]) -> Optimizer:
    """Nesterov's method for convex losses: a momentum that rises to 1.

        x̃ ← x − lr·g                    x is the looked-ahead point, where g is read
        x ← x̃ + (t − 1)/(t + 2)·(x̃ − x̃_before)

    With lr ≤ 1/L the loss at x̃ is at most 2·‖x₀ − x*‖²/(lr·(t + 1)²) above its minimum; gradient
    descent's bound falls as 1/t.

    Differs from: `nesterov` has a constant momentum, for strongly convex losses. Nesterov's own
    sequence of momenta has the same limit and bound.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((1.0, 100.0)), jnp.array([1.0, 1.0])
        >>> momentum = jd.descend(bowl, x0, jd.nesterov_convex(0.01), steps=100)
        >>> none = jd.descend(bowl, x0, jd.sgd(0.01), steps=100)
        >>> print(bool(momentum.loss[-1] < none.loss[-1] / 10))
        True

    Reference: W. Su, S. Boyd and E. J. Candès, 2016, A Differential Equation for Modeling
    Nesterov's Accelerated Gradient Method, eq. (1); Y. Nesterov, 1983, A Method of Solving a Convex
    Programming Problem with Convergence Rate O(1/k²).
    """

    def rule(lr, t, g, ahead):
        velocity = ahead - lr * g  # x̃ − x̃_before, as x was x̃_before + ahead
        ahead = (t - 1) / (t + 2) * velocity
        return ahead - lr * g, ahead

    return leafwise(rule, learning_rate, ahead=0)


@optimizer
def nesterov_restarted(learning_rate: Annotated[Rate, "1/L or less on curvature L"]) -> Optimizer:
    """Nesterov's method for convex losses that begins anew whenever its step climbs.

        x̃ ← x − lr·g                    x is the looked-ahead point, where g is read
        x ← x̃, θ ← 1                    where g·(x̃ − x̃_before) > 0, over the whole tree; else
        θ₊² = (1 − θ₊)·θ²
        x ← x̃ + θ·(1 − θ)/(θ² + θ₊)·(x̃ − x̃_before)
        θ ← θ₊

    On a quadratic of condition κ it takes about as many steps as the best momentum would, without
    knowing κ.

    Differs from: the paper's q is 0 here, and its function scheme, which restarts where the loss
    climbs, is left out.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((1.0, 100.0)), jnp.array([1.0, 1.0])
        >>> restarted = jd.descend(bowl, x0, jd.nesterov_restarted(0.01), steps=200)
        >>> unaware = jd.descend(bowl, x0, jd.nesterov_convex(0.01), steps=200)
        >>> print(bool(restarted.loss[-1] < unaware.loss[-1] / 1000))
        True

    Reference: B. O'Donoghue and E. J. Candès, 2015, Adaptive Restart for Accelerated Gradient
    Schemes, Algorithm 1 and section 3.2 (gradient scheme).
    """

    def rule(lr, g, ahead, theta):
        velocity = ahead - lr * g
        restarts = dot(g, velocity) > 0
        theta_next = theta / 2 * (jnp.sqrt(theta**2 + 4) - theta)
        weight = jnp.where(restarts, 0, theta * (1 - theta) / (theta**2 + theta_next))
        ahead = weight * velocity
        return ahead - lr * g, ahead, jnp.where(restarts, 1, theta_next)

    return treewise(rule, learning_rate, ahead=vector(), theta=1.0)


@optimizer
def chebyshev(
    min_curvature: Annotated[Positive, "λ_min"],
    max_curvature: Annotated[Positive, "λ_max"],
    steps: Annotated[Count, "n; after n steps the sequence begins anew"],
) -> Optimizer:
    """Gradient descent with Chebyshev's step sizes: the best n of them that are fixed in advance.

        λ_t ← λ_min + (λ_max − λ_min)·(1 + cos θ_t)/2
        x ← x − g/λ_t

    The θ_t are the n roots (2k − 1)·π/(2n) of cos(n·θ), in Leja's order: each root is the one
    furthest from those before, by the product of its distances from them, so that no rounding
    grows. On a quadratic with curvatures in [λ_min, λ_max] n steps divide the error by at least
    T_n((κ + 1)/(κ − 1)) ≈ ½·e^(2n/√κ), κ = λ_max/λ_min, and no n step sizes can guarantee more.
    Single steps are longer than 2/λ_max and climb.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((1.0, 100.0)), jnp.array([1.0, 1.0])
        >>> path = jd.descend(bowl, x0, jd.chebyshev(1.0, 100.0, 64), steps=64)
        >>> print(bool(jnp.abs(path.params).max() < 2 * jnp.exp(-2 * 64 / jnp.sqrt(100.0))))
        True

    Reference: L. F. Richardson, 1911, with the parameters of D. M. Young, 1953, On Richardson's
    Method for Solving Linear Systems; in the order of L. Reichel, 1991, The Application of Leja
    Points to Richardson Iteration and Polynomial Preconditioning.
    """
    shares = (1 + leja_order(np.cos((2 * np.arange(steps) + 1) * np.pi / (2 * steps)))) / 2

    def rule(g, lowest, highest, share):
        return -g / (lowest + (highest - lowest) * share)

    def share(step):
        return jnp.asarray(shares, float)[step % steps]

    return leafwise(
        rule,
        lowest=Coefficient("min_curvature", min_curvature),
        highest=Coefficient("max_curvature", max_curvature),
        share=Coefficient("share", share),
    )


def leja_order(points: np.ndarray) -> np.ndarray:
    """The points such that each is the furthest, by product of distances, from those before.

    Of equally far ones the first: points that lie symmetrically come in pairs.

    Example:
        >>> print(leja_order(np.array([0.0, 0.5, 1.0])))
        [1.  0.  0.5]
    """
    left: list[float] = list(points)
    ordered: list[float] = []
    while left:
        distances = [np.sum(np.log(np.abs(np.subtract(ordered, p)))) for p in left]
        furthest = np.argmax(np.round(distances if ordered else np.abs(left), 9))
        ordered.append(left.pop(furthest))
    return np.array(ordered)


SILVER_STEPS = 1 + (1 + np.sqrt(2)) ** (np.arange(31) - 1)


@optimizer
def silver(learning_rate: Annotated[Rate, "1/L on curvature L"]) -> Optimizer:
    """Gradient descent with the silver step sizes: accelerated without momentum.

        h ← 1 + ρ^(ν − 1)               ρ = 1 + √2, 2^ν the largest power of two that divides t
        x ← x − lr·h·g

    With lr = 1/L the loss of a convex function is, after t = 2ᵏ − 1 steps, at most
    L·‖x₀ − x*‖²/(2·(t + 1)^1.2716) above its minimum, where the exponent is log₂ρ; constant steps
    reach 1/t. Every second step is √2·lr, and some are longer than the 2/L from which on constant
    ones diverge, so that at other t the loss may be higher.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     lambda x: -x, jnp.array(0.0), jd.silver(1.0), steps=4, record="params")
        >>> print(jnp.diff(path.record["params"]))
        [1.4142 2.0000 1.4142 3.4142]

    Reference: J. M. Altschuler and P. A. Parrilo, 2023, Acceleration by Stepsize Hedging II: Silver
    Stepsize Schedule for Smooth Convex Optimization, section 1.1.
    """

    def silver_step(step):
        t = next_step(step)
        return jnp.asarray(SILVER_STEPS, float)[jax.lax.population_count((t & -t) - 1)]

    return leafwise(lambda lr, g, h: -lr * h * g, learning_rate, h=Coefficient("h", silver_step))


@optimizer
def accsgd(
    learning_rate: Annotated[Rate, "of the short step"],
    kappa: Annotated[Positive, "ratio of the long step to the short one"] = 1000.0,
    xi: Annotated[Positive, "ξ ≤ √κ, the statistical advantage"] = 10.0,
    small_const: Annotated[Any, Real(high=1, includes_low=False, includes_high=True), "c"] = 0.7,
) -> Optimizer:
    """Accelerated SGD: one short step and one long one, coupled.

        α ← 1 − c²·ξ/κ
        y ← α·y + (1 − α)·(x − κ·lr/c·g)            y₀ = x₀
        x ← (c·(x − lr·g) + (1 − α)·y)/(c + 1 − α)

    Of y the state keeps `lead`, y − x, which loses no digits where x is large.

    Differs from: pytorch_optimizer names c `constant`, the authors' code `smallConst`.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.accsgd(0.1), steps=200)
        >>> print(f"{path.params:.2f}")
        3.00

    Reference: R. Kidambi, P. Netrapalli, P. Jain and S. M. Kakade, 2018, On the Insufficiency of
    Existing Momentum Schemes for Stochastic Optimization, Algorithm 3.
    """
    beta = small_const**2 * xi / kappa  # 1 − α

    def rule(lr, g, lead):
        lead = (1 - beta) * lead - beta * kappa * lr / small_const * g
        u = (beta * lead - small_const * lr * g) / (small_const + beta)
        return u, lead - u

    return leafwise(rule, learning_rate, lead=0)


@optimizer
def optimistic_gradient_descent(
    learning_rate: Rate,
    alpha: Annotated[Scheduled, "of the gradient"] = 1.0,
    beta: Annotated[Scheduled, "of its change"] = 1.0,
) -> Optimizer:
    """Optimistic gradient descent: the next gradient is taken to change as this one has.

        x ← x − lr·((α + β)·g − β·g_before)         g_before = g at first

    For games: on min_x max_y x·y it converges where gradient descent spirals outward. On curvature
    λ it is stable, with α = β = 1, while lr < 2/(3·λ).

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> def game(players):
        ...     x, y = players
        ...     return jnp.stack([y, -x])  # the slopes of x·y, which y ascends
        >>> optimizer, players = jd.optimistic_gradient_descent(0.3), jnp.array([1.0, 1.0])
        >>> state = optimizer.init(players)
        >>> for _ in range(200):
        ...     updates, state = optimizer.update(game(players), state)
        ...     players = players + updates
        >>> print(bool(jnp.abs(players).max() < 1e-4))
        True

    Reference: A. Mokhtari, A. Ozdaglar and S. Pattathil, 2020, A Unified Analysis of Extra-gradient
    and Optimistic Gradient Methods for Saddle Point Problems: Proximal Point Approach
    (generalized OGDA).
    """

    def rule(lr, t, g, alpha, beta, g_before):
        g_before = jnp.where(t == 1, g, g_before)
        return -lr * ((alpha + beta) * g - beta * g_before), g

    alpha, beta = Coefficient("alpha", alpha), Coefficient("beta", beta)
    return leafwise(rule, learning_rate, alpha=alpha, beta=beta, g_before=0)
