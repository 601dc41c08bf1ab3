"""Descent with noise: samplers of the density exp(−L/T), escape from saddles."""

from typing import Annotated

import jax
import jax.numpy as jnp
from jax import lax

from jdescent._jax import normal_like
from jdescent.core import (
    Coefficient,
    Count,
    Finite,
    Fraction,
    Key,
    Memory,
    NonNegative,
    Optimizer,
    Rate,
    Scheduled,
    Vector,
    leafwise,
    norm,
    normals,
    optimizer,
    treewise,
)
from jdescent.numerics import next_step, ratio

Temperature = Annotated[Scheduled, "T; 1 for a loss that is −log of the density, 0 for no noise"]


@optimizer
def sgld(
    learning_rate: Rate,
    key: Annotated[Key, "map over keys for independent chains"],
    temperature: Temperature = 1.0,
) -> Optimizer:
    """Stochastic gradient Langevin dynamics.

        x ← x − lr·g + √(2·lr·T)·z      z standard normal, fresh for each step

    For small lr it samples exp(−L/T), L the negative log posterior of all data: multiply a mean
    over batches by the number of data. On curvature λ its variance is T/(λ·(1 − lr·λ/2)).

    Differs from: the paper's εₜ is 2·lr, and it lets it fall as a·(b + t)^−γ: give that schedule.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> chains = jax.vmap(lambda key: jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.0), jd.sgld(0.1, key), steps=100).params)
        >>> x = chains(jax.random.split(jax.random.key(0), 1000))
        >>> print(f"{x.mean():.1f} {x.var():.1f}")      # 3 and 1/(2·0.9)
        3.0 0.6

    Reference: M. Welling and Y. W. Teh, 2011, Bayesian Learning via Stochastic Gradient Langevin
    Dynamics, eq. (4).
    """

    def rule(lr, g, key, T):
        return -lr * g + jnp.sqrt(2 * lr * T) * normal_like(key, g)

    return leafwise(rule, learning_rate, key=key, T=Coefficient("temperature", temperature))


@optimizer
def sghmc(
    learning_rate: Annotated[Rate, "η"],
    key: Annotated[Key, "map over keys for independent chains"],
    friction: Annotated[Fraction, "α, 1 − momentum"] = 0.1,
    temperature: Temperature = 1.0,
    noise_estimate: Annotated[Finite, "β̂, what the gradient's own noise adds to α"] = 0.0,
) -> Optimizer:
    """Stochastic gradient Hamiltonian Monte Carlo: momentum with friction and noise.

        velocity ← (1 − α)·velocity − lr·g + √(2·(α − β̂)·lr·T)·z      z standard normal
        x ← x + velocity

    For small lr it samples exp(−L/T), as `sgld` does, but moves further in the same time. α = 1 is
    `sgld`; T = 0 is `heavy_ball` of momentum 1 − α. NaN if β̂ > α.

    Differs from: the paper's algorithm draws its velocity anew now and then; here it begins at 0
    and goes on.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> chains = jax.vmap(lambda key: jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.0), jd.sghmc(0.01, key), steps=400).params)
        >>> x = chains(jax.random.split(jax.random.key(0), 1000))
        >>> print(f"{x.mean():.1f} {x.var():.1f}")      # 3 and nearly 1/2
        3.0 0.5

    Reference: T. Chen, E. B. Fox and C. Guestrin, 2014, Stochastic Gradient Hamiltonian Monte
    Carlo, eq. (15).
    """

    def rule(lr, g, key, T, velocity):
        noise = jnp.sqrt(2 * (friction - noise_estimate) * lr * T) * normal_like(key, g)
        velocity = (1 - friction) * velocity - lr * g + noise
        return velocity, velocity

    temperature = Coefficient("temperature", temperature)
    return leafwise(rule, learning_rate, key=key, T=temperature, velocity=0)


@optimizer
def perturbed_gradient_descent(
    learning_rate: Rate,
    key: Key,
    radius: Annotated[Scheduled, "r, in the units of the parameters"] = 1e-2,
    gradient_threshold: Annotated[NonNegative, "g_thres: smaller gradients are perturbed"] = 1e-3,
    interval: Annotated[Count, "t_thres, steps that a perturbation is given to grow"] = 50,
) -> Optimizer:
    """Gradient descent that leaves saddles: where the gradient is small, a step aside.

        if ‖g‖ ≤ g_thres and the last perturbation is more than t_thres steps ago:
            x ← x + ξ                   ξ uniform in the ball of radius r
        x ← x − lr·∇L(x)

    Plain descent takes exponentially long past saddles that lie on its way, and stays on one that
    it begins at; this takes no longer in many dimensions than in few, up to logarithms.

    Differs from: the paper derives r, g_thres and t_thres of the smoothness of L and an accuracy,
    and returns the point before a perturbation after which L has not fallen by f_thres; here one
    goes on.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> loss = lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 2       # minima at x[1] = ±1
        >>> optimizer = jd.perturbed_gradient_descent(0.1, jax.random.key(0), interval=100)
        >>> path = jd.descend(loss, jnp.zeros(2), optimizer, steps=90)
        >>> print(f"{path.loss[0]:.2f} {path.loss[-1]:.2f}")
        0.00 -0.50

    Reference: C. Jin et al., 2017, How to Escape Saddle Points Efficiently, Algorithm 2.
    """

    def rule(lr, g, x, key, grad_at, r, since):
        perturbs = (norm(g) <= gradient_threshold) & (since > interval)
        xi = r * in_unit_ball(key, x)
        aside = lax.cond(perturbs, lambda: xi - lr * grad_at(x + xi), lambda: -lr * g)
        return aside, jnp.where(perturbs, 1, next_step(since))

    since = Memory(lambda x: jnp.full((), interval + 1, jnp.int32))
    return treewise(rule, learning_rate, key=key, r=Coefficient("radius", radius), since=since)


def in_unit_ball(key, like: Vector) -> Vector:
    """Uniform in the ball of all parameters together: a direction, at the radius U^(1/d)."""
    angle_key, radius_key = jax.random.split(key)
    direction = normals(angle_key, like)
    length = norm(direction)
    size = max(1, sum(leaf.size for leaf in like.leaves))
    return direction * ratio(jax.random.uniform(radius_key, (), length.dtype) ** (1 / size), length)
