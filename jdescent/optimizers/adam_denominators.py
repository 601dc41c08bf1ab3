"""Adam with another measure of the gradient's size in its denominator."""

from typing import Annotated

import jax.numpy as jnp

from jdescent.core import Decay, Memory, NonNegative, Optimizer, Rate, leafwise, optimizer
from jdescent.numerics import ratio, root
from jdescent.optimizers.adam import Nesterov, Outside, looked_ahead


@optimizer
def adabelief(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-16,
    eps_root: Annotated[NonNegative, "added to the variance at every step"] = 1e-16,
    *,
    nesterov: Nesterov = False,
) -> Optimizer:
    """AdaBelief: Adam that divides by how far gradients stray from their mean, not by their size.

        m ← β₁·m + (1 − β₁)·g
        variance ← β₂·variance + (1 − β₂)·(g − m)² + ε_root
        m̂ ← m/(1 − β₁ᵗ)
        s ← variance/(1 − β₂ᵗ)
        x ← x − lr·m̂/(√s + ε)

    The first step is lr/β₁ long. A constant gradient is trusted more and more: variance then falls
    as β₁²ᵗ and steps grow, until ε_root, which gathers to ε_root/(1 − β₂), stops them.

    Differs from: the paper has one ε in both places, as eps=eps_root is; optax.adabelief and the
    authors' adabelief-pytorch are as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.adabelief(0.09), steps=1)
        >>> print(f"{path.params:.4f}")
        0.1000

    Reference: J. Zhuang et al., 2020, AdaBelief Optimizer: Adapting Stepsizes by the Belief in
    Observed Gradients, Algorithm 2.
    """

    def rule(lr, t, g, m, variance):
        m = b1 * m + (1 - b1) * g
        variance = b2 * variance + (1 - b2) * (g - m) ** 2 + eps_root
        m_hat = looked_ahead(b1, t, g, m) if nesterov else m / (1 - b1**t)
        s = variance / (1 - b2**t)
        return -lr * ratio(m_hat, root(s), eps), m, variance

    return leafwise(rule, learning_rate, m=0, variance=Memory(wide=True))


@optimizer
def yogi(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-3,
    initial_accumulator_value: Annotated[NonNegative, "v₀"] = 1e-6,
    bias_correction: Annotated[bool, "divide the means by 1 − βᵗ, as Adam does"] = True,
) -> Optimizer:
    """Yogi: Adam whose v moves by at most (1 − β₂)·g² a step, so that it forgets slowly.

        m ← β₁·m + (1 − β₁)·g
        v ← v − (1 − β₂)·sign(v − g²)·g²
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·m̂/(√v̂ + ε)

    Differs from: the paper starts at v₀ = 0 and corrects no bias; TensorFlow's and all later ones
    do both as here. optax.yogi starts m, too, at 1e-6, which moves the first steps by about
    lr·1e-6/|g|.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> adam, yogi = (jd.adam(0.1), jd.yogi(0.1, eps=1e-8, initial_accumulator_value=0.0))
        >>> x = jnp.array(0.0)
        >>> print(*(f"{o.update(jnp.array(2.0), o.init(x))[0]:.4f}" for o in (adam, yogi)))
        -0.1000 -0.1000

    Reference: M. Zaheer et al., 2018, Adaptive Methods for Nonconvex Optimization, Algorithm 2.
    """

    def rule(lr, t, g, m, v):
        m = b1 * m + (1 - b1) * g
        v = v - (1 - b2) * jnp.sign(v - g**2) * g**2
        m_hat = m / (1 - b1**t) if bias_correction else m
        v_hat = v / (1 - b2**t) if bias_correction else v
        return -lr * ratio(m_hat, root(v_hat), eps), m, v

    return leafwise(rule, learning_rate, m=0, v=Memory(initial_accumulator_value, wide=True))
