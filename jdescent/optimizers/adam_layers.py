"""Adam with numbers that belong to a whole array: trust ratios and layers' mean squares."""

from typing import Annotated

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    Memory,
    Optimizer,
    Rate,
    Scheduled,
    leafwise,
    norm,
    optimizer,
)
from jdescent.numerics import ratio, root
from jdescent.optimizers.adam import Decaying, Inside, OnEveryLeaf, Outside


@optimizer
def lamb(
    learning_rate: Annotated[Rate, "the length of a step in units of the array's own"],
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-6,
    eps_root: Inside = 0.0,
    weight_decay: Annotated[Scheduled, "part of the direction u"] = 0.0,
    mask: Decaying = None,
) -> Optimizer:
    """LAMB: AdamW's direction, its length in every array a fixed share of the array's own.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        u ← m̂/(√(v̂ + ε_root) + ε) + w·x
        x ← x − lr·‖x‖/‖u‖·u            ‖·‖ of the array; where one is 0 the ratio is 1

    Differs from: the paper allows a function φ(‖x‖), which here is ‖x‖. pytorch_optimizer and
    torch_optimizer clip ‖x‖ at 10 and correct no bias in the ratio. optax.lamb is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.bowl(), jnp.array([3.0, 4.0]), jd.lamb(0.1), steps=1)
        >>> print(f"{jd.global_norm(path.params - jnp.array([3.0, 4.0])):.2f}")
        0.50

    Reference: Y. You et al., 2020, Large Batch Optimization for Deep Learning: Training BERT in 76
    minutes, Algorithm 2.
    """

    def rule(lr, t, g, x, w, m, v):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        u = ratio(m_hat, root(v_hat, eps_root), eps) + w * x
        nothing = (norm(x) == 0) | (norm(u) == 0)
        trust = jnp.where(nothing, 1, norm(x) / jnp.where(nothing, 1, norm(u)))
        return -lr * trust * u, m, v

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=0, v=Memory(wide=True))


@optimizer
def novograd(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.25,
    eps: Outside = 1e-6,
    eps_root: Inside = 0.0,
    weight_decay: Annotated[Scheduled, "added to the normalized gradient"] = 0.0,
) -> Optimizer:
    """NovoGrad: momentum of gradients that each array divides by its own running norm.

        v ← β₂·v + (1 − β₂)·‖g‖²        ‖g₁‖² at first; ‖·‖ of the array
        b_normed ← β₁·b_normed + g/(√(v + ε_root) + ε) + w·x
        x ← x − lr·b_normed

    Once v has settled steps are lr/(1 − β₁) long in every array.

    Differs from: pytorch_optimizer's defaults are β = (0.95, 0.98). optax.novograd is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.bowl(), jnp.array([3.0, 4.0]), jd.novograd(0.5), steps=1)
        >>> print(f"{jd.global_norm(path.params - jnp.array([3.0, 4.0])):.2f}")
        0.50

    Reference: B. Ginsburg et al., 2019, Stochastic Gradient Methods with Layer-wise Adaptive
    Moments for Training of Deep Networks, Algorithm 1.
    """

    def rule(lr, t, g, x, w, v, b_normed):
        v = jnp.where(t == 1, norm(g) ** 2, b2 * v + (1 - b2) * norm(g) ** 2)
        b_normed = b1 * b_normed + (ratio(g, root(v, eps_root), eps) + w * x)
        return -lr * b_normed, v, b_normed

    w = Coefficient("weight_decay", weight_decay)
    return leafwise(rule, learning_rate, w=w, v=OnEveryLeaf, b_normed=0)
