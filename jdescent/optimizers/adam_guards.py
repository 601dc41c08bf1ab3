"""Adam guarded against spikes of the gradient, and against steps that it does not point to."""

from typing import Annotated

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Count,
    Decay,
    Memory,
    Optimizer,
    Positive,
    Rate,
    leafwise,
    optimizer,
)
from jdescent.numerics import ratio, root
from jdescent.optimizers.adam import Decaying, Outside, WeightDecay


@optimizer
def stable_adamw(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.99,
    eps: Outside = 1e-8,
    weight_decay: WeightDecay = 1e-2,
    mask: Decaying = None,
) -> Optimizer:
    """StableAdamW: AdamW that slows an array down while v underrates its gradient.

        β̂ ← β·(1 − βᵗ⁻¹)/(1 − βᵗ)                       of β₁ and β₂
        m ← β̂₁·m + (1 − β̂₁)·g
        v ← β̂₂·v + (1 − β̂₂)·g²
        rms ← √mean(g²/max(v, ε²))                      over the array
        η ← lr/max(1, rms)
        x ← x − η·(m/(√v + ε) + w·x)

    Differs from: pytorch_optimizer decays x first and can keep what rounding loses of a narrow x.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.stable_adamw(0.1, b1=0.0, weight_decay=0.0), jnp.array(0.0)
        >>> _, state = optimizer.update(jnp.array(1.0), optimizer.init(x), x)
        >>> print(f"{optimizer.update(jnp.array(1e4), state, x)[0]:.2f}")
        -0.10

    Reference: M. Wortsman et al., 2023, Stable and low-precision training for large-scale
    vision-language models, Algorithm 2.
    """

    def rule(lr, t, g, x, w, m, v):
        m = b1.unbiased_mean(m, g, t)
        v = b2.unbiased_mean(v, g**2, t)
        rms = root(jnp.mean(ratio(g**2, jnp.maximum(v, eps**2))))
        return -lr / jnp.maximum(1, rms) * (ratio(m, root(v), eps) + w * x), m, v

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=0, v=Memory(wide=True))


@optimizer
def spam(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-6,
    weight_decay: WeightDecay = 0.0,
    mask: Decaying = None,
    threshold: Annotated[Positive, "θ, the largest g²/v that is no spike"] = 5000.0,
    reset_interval: Annotated[Count, "ΔT, steps between two resets of m and v"] = 500,
    warmup_steps: Annotated[Count, "N, steps in which the rate comes back"] = 150,
    grace_steps: Annotated[Count, "steps after a reset whose spikes are let through"] = 20,
) -> Optimizer:
    """SPAM: AdamW that clips spikes, and forgets its means once in a while.

        k ← t mod ΔT
        m, v ← 0, 0                                     if k = 0
        g ← sign(g)·√(θ·v)                              where g² > θ·v, if k ≥ grace_steps
        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        scale ← 1 − 0.99·½·(1 + cos(π·k/(N + 1)))       for k ≤ N after a reset, else 1
        x ← x − lr·(scale·m/(1 − β₁ᵗ)·√(1 − β₂ᵗ)/(√v + ε) + w·x)

    A coordinate whose v is 0 when the grace is over rests until the next reset.

    Differs from: the authors' code, whose equations these are, decays x after the step and not
    with it, and can walk in a random set of coordinates only.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.spam(0.1, b1=0.0, b2=0.5, threshold=4.0, grace_steps=2)
        >>> x = jnp.array(0.0)
        >>> _, state = optimizer.update(jnp.array(1.0), optimizer.init(x), x)
        >>> _, state = optimizer.update(jnp.array(1e3), state, x)
        >>> print(f"{state.m:.4f} {(4 * 0.5) ** 0.5:.4f}")
        1.4142 1.4142

    Reference: T. Huang et al., 2025, SPAM: Spike-Aware Adam with Momentum Reset for Stable LLM
    Training.
    """

    def rule(lr, t, g, x, w, m, v):
        k = t % reset_interval
        m, v = jnp.where(k == 0, 0, m), jnp.where(k == 0, 0, v)
        is_spike = (g**2 > threshold * v) & (k >= grace_steps)
        g = jnp.where(is_spike, jnp.sign(g) * root(threshold * v), g)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        returning = (t >= reset_interval) & (k < warmup_steps)
        dampened = 0.99 * 0.5 * (1 + jnp.cos(jnp.pi * k / (warmup_steps + 1)))
        scale = jnp.where(returning, 1 - dampened, 1)
        step = ratio(m / (1 - b1**t) * root(1 - b2**t), root(v), eps)
        return -lr * (scale * step + w * x), m, v

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=0, v=Memory(wide=True))


@optimizer
def grams(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-6,
    weight_decay: WeightDecay = 0.0,
    mask: Decaying = None,
) -> Optimizer:
    """Grams: steps as long as Adam's, along the sign of the newest gradient.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        u ← m/(1 − β₁ᵗ)/(√(v/(1 − β₂ᵗ)) + ε)
        x ← x − lr·(sign(g)·|u| + w·x)

    No coordinate is moved against its gradient.

    Differs from: pytorch_optimizer 4.1 weighs g by β₁ in place of 1 − β₁, and takes a fourth root
    of 1 − β₂ᵗ for the root.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.grams(0.1), jnp.array(0.0)
        >>> _, state = optimizer.update(jnp.array(5.0), optimizer.init(x), x)
        >>> print(optimizer.update(jnp.array(-1.0), state, x)[0] > 0)
        True

    Reference: Y. Cao, X. Li and Z. Song, 2024, Grams: Gradient Descent with Adaptive Momentum
    Scaling, Algorithm 1.
    """

    def rule(lr, t, g, x, w, m, v):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        u = ratio(m / (1 - b1**t), root(v / (1 - b2**t)), eps)
        return -lr * (jnp.sign(g) * jnp.abs(u) + w * x), m, v

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=0, v=Memory(wide=True))
