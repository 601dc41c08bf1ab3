"""Adam whose gradients are not divided by a mean square that they themselves are part of."""

from collections.abc import Callable
from typing import Annotated, Any

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Count,
    Decay,
    DType,
    Memory,
    NonNegative,
    Optimizer,
    Rate,
    leafwise,
    optimizer,
)
from jdescent.core.checks import require_function
from jdescent.numerics import ratio, root
from jdescent.optimizers.adam import Decaying, Nesterov, OnEveryLeaf, Outside, WeightDecay


def fourth_root(t: Any) -> Any:
    """t^¼."""
    return t**0.25


@optimizer
def adopt(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.9999,
    eps: Annotated[NonNegative, "the least denominator"] = 1e-6,
    mu_dtype: Annotated[DType | None, "of m_normed"] = None,
    *,
    nesterov: Nesterov = False,
    use_clipping: Annotated[bool, "bound the normalized gradient; the paper's first form none"] = (
        True
    ),
    clip_value_fn: Callable[[Any], Any] = fourth_root,
) -> Optimizer:
    """ADOPT: gradients divided by the mean square of those before, then averaged.

        q ← clip(g/max(√v, ε), ±c(t − 1))               c(t) = t^¼
        m_normed ← β₁·m_normed + (1 − β₁)·q
        x ← x − lr·m_normed
        v ← β₂·v + (1 − β₂)·g²

    c is clip_value_fn, a function of the steps already taken. The first gradient only starts v at
    g²; x rests. Converges for every β₂, where Adam may not.

    Differs from: pytorch_optimizer counts c from the first gradient on; heavyball clips nothing.
    optax.contrib.adopt and the authors' code are as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.0), jd.adopt(0.1), steps=2, record="params")
        >>> print(path.record["params"])
        [0.   0.   0.01]

    Reference: S. Taniguchi et al., 2024, ADOPT: Modified Adam Can Converge with Any β₂ with the
    Optimal Rate, Algorithm 2 with clipping.
    """
    require_function("clip_value_fn", clip_value_fn)

    def rule(lr, t, g, m_normed, v):
        q = ratio(g, jnp.maximum(root(v), eps))
        if use_clipping:
            q = jnp.clip(q, -clip_value_fn(t - 1), clip_value_fn(t - 1))
        m_new = b1 * m_normed + (1 - b1) * q
        step = b1 * m_new + (1 - b1) * q if nesterov else m_new
        walks = t > 1
        v = jnp.where(walks, b2 * v + (1 - b2) * g**2, g**2)
        return jnp.where(walks, -lr * step, 0), jnp.where(walks, m_new, m_normed), v

    return leafwise(rule, learning_rate, m_normed=Memory(dtype=mu_dtype), v=Memory(wide=True))


@optimizer
def acprop(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-16,
    eps_root: Annotated[NonNegative, "added to the variance at every step"] = 1e-16,
    weight_decay: WeightDecay = 0.0,
    mask: Decaying = None,
) -> Optimizer:
    """ACProp: the gradient over the spread of the gradients before it.

        m ← β₁·m + (1 − β₁)·g
        s ← variance/(1 − β₂ᵗ⁻¹)        1 at first
        x ← x − lr·(g/(√s + ε) + w·x)
        variance ← β₂·variance + (1 − β₂)·(g − m)² + ε_root

    Differs from: optax.contrib.acprop takes the spread about the m before this gradient, which
    makes it 1/β₁² times as large and steps β₁ times as long; the paper, the authors' code and
    optax's own documentation take it about the new m, as here. The authors' code by default also
    rectifies its rate as `radam` does.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.acprop(0.1), steps=1)
        >>> print(f"{path.params:.2f}")
        0.60

    Reference: J. Zhuang et al., 2021, Momentum Centering and Asynchronous Update for Adaptive
    Gradient Methods, the algorithm ACProp.
    """

    def rule(lr, t, g, x, w, m, variance):
        m = b1 * m + (1 - b1) * g
        s = jnp.where(t == 1, 1, variance / (1 - b2 ** jnp.maximum(t - 1, 1)))
        step = ratio(g, root(s), eps) + w * x
        variance = b2 * variance + (1 - b2) * (g - m) ** 2 + eps_root
        return -lr * step, m, variance

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=0, variance=Memory(wide=True))


@optimizer
def laprop(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-15,
    weight_decay: WeightDecay = 0.0,
    mask: Decaying = None,
) -> Optimizer:
    """LaProp: gradients divided by their size first, averaged afterwards.

        v ← β₂·v + (1 − β₂)·g²
        m_normed ← β₁·m_normed + (1 − β₁)·g/(√(v/(1 − β₂ᵗ)) + ε)
        x ← x − lr·(m_normed/(1 − β₁ᵗ) + w·x)

    For any β₁ and β₂ a step is at most lr/√(1 − β₂) long, which Adam's is not if β₁² > β₂.

    Differs from: the authors' code and pytorch_optimizer keep lr inside the mean, which is the same
    while lr is constant, and divide ε too by √(1 − β₂ᵗ).

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.laprop(0.1), steps=1)
        >>> print(f"{path.params:.1f}")
        0.1

    Reference: L. Ziyin, Z. T. Wang and M. Ueda, 2020, LaProp: Separating Momentum and Adaptivity in
    Adam, Algorithm 1.
    """

    def rule(lr, t, g, x, w, v, m_normed):
        v = b2 * v + (1 - b2) * g**2
        m_normed = b1 * m_normed + (1 - b1) * ratio(g, root(v / (1 - b2**t)), eps)
        return -lr * (m_normed / (1 - b1**t) + w * x), v, m_normed

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, v=Memory(wide=True), m_normed=0)


@optimizer
def adashift(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-10,
    keep_num: Annotated[Count, "n, how many steps v lags behind; the length of the mean"] = 10,
    blockwise: Annotated[bool, "one v for an array, of its largest g²; or one an element"] = True,
) -> Optimizer:
    """AdaShift: Adam whose v is of gradients n steps old, which know nothing of the newest.

        m ← Σᵢ β₁ⁱ·gₜ₋ᵢ/Σᵢ β₁ⁱ          i = 0, …, n − 1
        v ← β₂·v + (1 − β₂)·φ(gₜ₋ₙ²)    φ = max over the array, or none
        x ← x − lr·m/(√(v/(1 − β₂ᵗ⁻ⁿ)) + ε)

    It keeps the last n gradients; x rests for the first n steps.

    Differs from: pytorch_optimizer's v lags n − 1 steps behind, so that it meets the oldest
    gradient of m; the authors' code takes the mean for φ.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.0), jd.adashift(0.1, keep_num=2), steps=3,
        ...     record="params")
        >>> print(path.record["params"])
        [0.  0.  0.  0.1]

    Reference: Z. Zhou et al., 2019, AdaShift: Decorrelation and Convergence of Adaptive Learning
    Rate Methods, Algorithm 3.
    """

    def rule(lr, t, g, v, newest):
        oldest = newest[0]
        newest = jnp.concatenate([newest[1:], g[None]])
        weights = (b1 ** jnp.arange(keep_num - 1, -1, -1, dtype=g.dtype)).value
        m = jnp.tensordot(weights / jnp.sum(weights), newest, 1)
        square = jnp.max(oldest**2, initial=0) if blockwise else oldest**2
        walks = t > keep_num
        v = jnp.where(walks, b2 * v + (1 - b2) * square, v)
        v_hat = v / (1 - b2 ** jnp.maximum(t - keep_num, 1))
        return jnp.where(walks, -lr * ratio(m, root(v_hat), eps), 0), v, newest

    def start(x):
        return jnp.stack([jnp.zeros_like(x)] * keep_num)

    v = OnEveryLeaf if blockwise else Memory(wide=True)
    return leafwise(rule, learning_rate, v=v, newest=Memory(start))
