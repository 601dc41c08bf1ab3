"""Gradient descent with a rate for every array: steps in proportion to the parameters' norm."""

import math
from typing import Annotated, Any

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    Mask,
    Memory,
    NonNegative,
    Optimizer,
    Rate,
    Real,
    Scheduled,
    leafwise,
    norm,
    optimizer,
)
from jdescent.core.trees import scaled_norm
from jdescent.numerics import ratio, root


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


@optimizer
def sgdp(
    learning_rate: Rate,
    momentum: Annotated[Any, Real(high=1)] = 0.0,
    dampening: Annotated[
        Any, Real(high=1), "d, the share of each gradient that the sum leaves out"
    ] = 0.0,
    weight_decay: Annotated[Scheduled, "decoupled, multiplied by lr/(1 − β)"] = 0.0,
    nesterov: Annotated[bool, "step along g + β·b, the sum looked ahead by one step"] = False,
    eps: Annotated[NonNegative, "added to ‖x‖"] = 1e-8,
    delta: Annotated[NonNegative, "the cosine, times √n, below which x counts as free"] = 0.1,
    wd_ratio: Annotated[NonNegative, "the share of the decay of free arrays"] = 0.1,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
    *,
    channels_first: Annotated[bool, "channels lie along the first axis, not the last"] = False,
) -> Optimizer:
    """SGDP: momentum that does not lengthen weights whose length the loss does not see.

        b ← β·b + (1 − d)·g
        u ← b                           or g + β·b with nesterov
        x̂ ← x/(‖x‖ + ε)                 of each channel, or of the whole array
        u ← u − (x̂·u)·x̂, w ← w·wd_ratio     where |cos(x, g)| < δ/√n
        x ← x − lr·(u + w/(1 − β)·x)

    An array of two or more axes is projected channel by channel if the cosines of all channels, of
    n elements each, are that small; else as a whole if its own is; else not. Before batch or layer
    normalization the gradient is orthogonal to x, and only momentum and decay change ‖x‖.

    Differs from: the authors' code has channels first, as torch lays weights out.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.sgdp(1.0, momentum=0.9), jnp.array([[1.0], [0.0]])
        >>> _, state = optimizer.update(jnp.array([[2.0], [0.0]]), optimizer.init(x), x)
        >>> print((x + optimizer.update(jnp.array([[0.0], [3.0]]), state, x)[0]).ravel())
        [ 1. -3.]

    Reference: B. Heo et al., 2021, AdamP: Slowing Down the Slowdown for Momentum Optimizers on
    Scale-invariant Weights, Algorithm 1.
    """

    def rule(lr, g, x, w, b):
        b = momentum * b + (1 - dampening) * g
        u = g + momentum * b if nesterov else b
        u, is_free = tangential(x, g, u, delta, eps, channels_first)
        w = jnp.where(is_free, wd_ratio, 1) * w
        return -lr * (u + w / (1 - momentum) * x), b

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, b=0)


def tangential(x, g, u, delta, eps, channels_first=False):
    """The step u without its part along x where g is almost orthogonal to x, and whether it is.

    Of each channel if that holds for all of them, else of the whole array; never of one axis.
    """
    if x.ndim < 2:
        return u, False
    g = g / scaled_norm(g)[0]
    channel = tuple(range(1, x.ndim)) if channels_first else tuple(range(x.ndim - 1))
    whole = tuple(range(x.ndim))
    (by_channel, all_free), (as_one, free) = (
        _along(axes, x, g, u, delta, eps) for axes in (channel, whole)
    )
    return jnp.where(all_free, by_channel, jnp.where(free, as_one, u)), all_free | free


def _along(axes, x, g, u, delta, eps):
    def dot(a, b):
        return jnp.sum(a * b, axes, keepdims=True)

    size = root(dot(x, x))
    cosine = ratio(jnp.abs(dot(x, g)), size * root(dot(g, g)))
    unit = ratio(x, size, eps)
    elements = math.prod(x.shape[axis] for axis in axes)
    is_free = jnp.max(cosine, initial=0.0) < delta / math.sqrt(max(elements, 1))
    return u - unit * dot(unit, u), is_free


@optimizer
def sgd_sai(
    learning_rate: Rate,
    momentum: Annotated[Decay, "μ"] = 0.9,
    eps: NonNegative = 1e-8,
    weight_decay: Annotated[Scheduled, "decoupled, multiplied by lr"] = 0.01,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
) -> Optimizer:
    """SGD-SaI: a rate for every array, set once by the first gradient's signal over its noise.

        s ← ‖g‖/(σ(g) + ε)              at t = 1; ‖g‖ of arrays of fewer than two axes or σ(g) = 0
        m ← μ·m + (1 − μ)·g
        x ← x − lr·(s·m + w·x)

    σ(g)² = Σ(g − mean(g))²/(n − 1) over the n elements of an array. An array whose first gradient
    is 0 has s = 0, and only decays from then on.

    Differs from: the authors' code fills s in a call of its own before the first step, or in that.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.sgd_sai(0.1, momentum=0.0, weight_decay=0.0)
        >>> g = jnp.array([[3.0, -3.0], [-3.0, 3.0]])
        >>> print(optimizer.update(g, optimizer.init(g), g)[0].round(3))
        [[-0.52  0.52]
         [ 0.52 -0.52]]

    Reference: M. Xu, L. Xiang, X. Cai and H. Wen, 2024, No More Adam: Learning Rate Scaling at
    Initialization is All You Need, Algorithm 1.
    """

    def signal_to_noise(g):
        if g.ndim < 2 or g.shape[0] == 1:
            return norm(g)
        scale, scaled_size = scaled_norm(g)
        g = g / scale  # no square overflows
        deviation = root(jnp.sum((g - jnp.mean(g)) ** 2) / (g.size - 1))
        is_flat = deviation == 0
        ratio_to_it = scaled_size / jnp.where(is_flat, 1, deviation + eps / scale)
        return jnp.where(is_flat, scale * scaled_size, ratio_to_it)

    def rule(lr, steps, g, x, w, m, s):
        s = jnp.where(steps == 0, signal_to_noise(g), s)
        m = momentum * m + (1 - momentum) * g
        return -lr * (s * m + w * x), m, s

    w = Coefficient("weight_decay", weight_decay, mask)
    one_number = Memory(lambda x: jnp.zeros((), x.dtype), wide=True)
    return leafwise(rule, learning_rate, w=w, m=0, s=one_number)
