"""Gradient descent with a rate for every array: steps in proportion to the parameters' norm."""

from typing import Annotated

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Mask,
    NonNegative,
    Optimizer,
    Rate,
    Scheduled,
    leafwise,
    norm,
    optimizer,
)


@optimizer
def lars(
    learning_rate: Rate,
    weight_decay: Annotated[Scheduled, "coupled: added to the gradient"] = 0.0,
    weight_decay_mask: Annotated[Mask, "True where to decay"] = True,
    trust_coefficient: Annotated[NonNegative, "η"] = 0.001,
    eps: Annotated[NonNegative, "added to the denominator"] = 0.0,
    trust_ratio_mask: Annotated[Mask, "True where the trust ratio applies; it is 1 else"] = True,
    momentum: NonNegative = 0.9,
    nesterov: Annotated[bool, "look the velocity ahead by one step"] = False,
    norm_of_sum: Annotated[bool, "‖g + w·x‖ in the denominator, as optax has it"] = False,
) -> Optimizer:
    """LARS: heavy-ball momentum whose rate in every array is in proportion to ‖x‖/‖g‖.

        q ← η·‖x‖/(‖g‖ + w·‖x‖ + ε)     norms of an array; q = 1 if ‖x‖ or the denominator is 0
        velocity ← β·velocity − lr·q·(g + w·x)
        x ← x + velocity

    The first steps are lr·η·‖x‖ long whatever the gradient's scale. Without decay all steps stay as
    they are if the loss is multiplied by a number > 0.

    Differs from: optax.lars divides by the norm of the sum, ‖g + w·x‖ + ε: ``norm_of_sum=True``.
    The two agree without decay.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.lars(1.0), jnp.array([30.0, 40.0])
        >>> print(optimizer.update(jnp.array([0.0, 7.0]), optimizer.init(x), x)[0])
        [ 0.   -0.05]

    Reference: Y. You, I. Gitman and B. Ginsburg, 2017, Large Batch Training of Convolutional
    Networks, Algorithm 1.
    """

    def rule(lr, g, x, w, trusted, velocity):
        step = g + w * x
        size = norm(step) if norm_of_sum else norm(g) + w * norm(x)
        q = jnp.where(trusted == 0, 1, trust_ratio(trust_coefficient, norm(x), size, eps))
        velocity = momentum * velocity - lr * q * step
        return momentum * velocity - lr * q * step if nesterov else velocity, velocity

    w = Coefficient("weight_decay", weight_decay, weight_decay_mask)
    trusted = Coefficient("trust_ratio_mask", 1.0, trust_ratio_mask)
    return leafwise(rule, learning_rate, w=w, trusted=trusted, velocity=0)


def trust_ratio(coefficient, size_of_x, size_of_step, eps=0.0):
    """coefficient·‖x‖/(‖step‖ + ε), but 1 where either norm is 0."""
    nothing = (size_of_x == 0) | (size_of_step == 0)
    denominator = jnp.where(nothing, 1, size_of_step + eps)
    return jnp.where(nothing, 1, coefficient * size_of_x / denominator)


@optimizer
def fromage(
    learning_rate: Rate,
    min_norm: Annotated[NonNegative, "what both norms are at least; 0 in the paper"] = 1e-6,
) -> Optimizer:
    """Fromage: in every array a step of lr times its norm, and a shrinking that undoes its growth.

        q ← ‖x‖/‖g‖                     norms of an array, ≥ min_norm each
        x ← (x − lr·q·g)/√(1 + lr²)

    A gradient orthogonal to x keeps ‖x‖ as it is, whatever lr. All steps stay as they are if the
    loss is multiplied by a number > 0.

    Differs from: the paper and its authors' code have no min_norm, but q = 1 where a norm is 0, as
    here with ``min_norm=0``; optax.fromage is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.fromage(0.75), jnp.array([3.0, 0.0])
        >>> print(x + optimizer.update(jnp.array([0.0, 9.0]), optimizer.init(x), x)[0])
        [ 2.4 -1.8]

    Reference: J. Bernstein et al., 2020, On the Distance between Two Neural
    Networks and the Stability of Learning, Algorithm 1.
    """

    def rule(lr, g, x):
        q = trust_ratio(1, jnp.maximum(norm(x), min_norm), jnp.maximum(norm(g), min_norm))
        c = jnp.sqrt(1 + lr**2)
        shrunk_by = lr**2 / (c * (1 + c))  # 1 − 1/c without the cancellation
        return -lr * q * g / c - shrunk_by * x

    return leafwise(rule, learning_rate)
