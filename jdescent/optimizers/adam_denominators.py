"""Adam with another measure of the gradient's size in its denominator."""

from typing import Annotated, Any

import jax.numpy as jnp

from jdescent.core import Decay, Memory, NonNegative, Optimizer, Rate, Real, leafwise, optimizer
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


@optimizer
def padam(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Annotated[NonNegative, "beside the root, inside the power"] = 1e-8,
    partial: Annotated[Any, Real(high=0.5, includes_high=True), "p, ½ is `amsgrad`"] = 0.25,
    bias_correction: Annotated[bool, "as the authors' code, the paper does not"] = False,
) -> Optimizer:
    """Padam: AMSGrad with a smaller power of its denominator, between it and momentum.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        v_max ← max(v_max, v)
        x ← x − lr·m/(√v_max + ε)²ᵖ

    Differs from: the paper has no ε. With bias_correction lr is multiplied by √(1 − β₂ᵗ)/(1 − β₁ᵗ)
    whatever p is, as in the authors' code and in pytorch_optimizer, which keeps no largest v.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.padam(0.1, b1=0.0, b2=0.0, partial=0.25)
        >>> print(optimizer.update(jnp.array(4.0), optimizer.init(jnp.array(0.0)))[0])
        -0.2

    Reference: J. Chen et al., 2020, Closing the Generalization Gap of Adaptive Gradient Methods in
    Training Deep Neural Networks, Algorithm 1.
    """

    def rule(lr, t, g, m, v, v_max):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        v_max = jnp.maximum(v_max, v)
        correction = root(1 - b2**t) / (1 - b1**t) if bias_correction else 1
        return -lr * correction * ratio(m, (root(v_max) + eps) ** (2 * partial)), m, v, v_max

    squares = Memory(wide=True)
    return leafwise(rule, learning_rate, m=0, v=squares, v_max=squares)


@optimizer
def kate(
    learning_rate: Rate,
    eta: Annotated[NonNegative, "η, the share of g² itself in the numerator"] = 0.0,
    eps: Annotated[NonNegative, "added to s at every step; the paper has none"] = 1e-8,
) -> Optimizer:
    """KATE: AdaGrad without the root, which a numerator that grows makes up for.

        s ← s + g² + ε
        n ← n + η·g² + g²/s
        x ← x − lr·√n·g/s               0/0 = 0

    Steps that are 1/c as long where the gradient is c times as large: with ε = η = 0 the path on a
    coordinate measured in another unit is the same path.

    Differs from: the paper writes b² for s and m² for n. pytorch_optimizer is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.kate(6.0), steps=1)
        >>> print(f"{path.params:.4f}")
        1.0000

    Reference: S. Choudhury et al., 2024, Remove that Square Root: A New Efficient Scale-Invariant
    Version of AdaGrad, Algorithm 1.
    """

    def rule(lr, g, s, n):
        s = s + g**2 + eps
        n = n + eta * g**2 + ratio(g**2, s)
        return -lr * root(n) * ratio(g, s), s, n

    return leafwise(rule, learning_rate, s=Memory(wide=True), n=Memory(wide=True))
