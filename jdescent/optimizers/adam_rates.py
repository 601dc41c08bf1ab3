"""Adam with its rate bounded, slowed or frozen."""

from typing import Annotated

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    Mask,
    Memory,
    Optimizer,
    Positive,
    Rate,
    Scheduled,
    dot,
    each,
    leafwise,
    optimizer,
    treewise,
    vector,
)
from jdescent.numerics import ratio, root
from jdescent.optimizers.adam import Decaying, Outside, WeightDecay


@optimizer
def adabound(
    learning_rate: Annotated[Rate, "of the beginning"],
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Annotated[Positive, "outside the root"] = 1e-8,
    final_lr: Annotated[Scheduled, "the rate that all coordinates end with"] = 0.1,
    gamma: Annotated[Positive, "how fast the bounds close"] = 1e-3,
    bias_correction: Annotated[bool, "as the authors' code, the paper does not"] = True,
) -> Optimizer:
    """AdaBound: Adam whose rates are clipped to a band that closes on the rate of SGD.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        η ← lr·√(1 − β₂ᵗ)/((1 − β₁ᵗ)·(√v + ε))
        η ← clip(η, final_lr·(1 − 1/(γ·t + 1)), final_lr·(1 + 1/(γ·t)))
        x ← x − η·m

    Differs from: the paper has no bias correction nor ε, has γ = 1 − β₂, and divides η by √t; for
    that give bias_correction=False, and lr and final_lr a schedule that falls as 1/√t. The authors'
    code lets the bounds follow a schedule of lr: give final_lr the same.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.adabound(0.1, final_lr=0.01, gamma=1e6)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=1)
        >>> print(f"{path.params:.4f} {0.01 * 0.1 * 6:.4f}")
        0.0060 0.0060

    Reference: L. Luo et al., 2019, Adaptive Gradient Methods with Dynamic Bound of Learning Rate,
    Algorithm 2.
    """

    def rule(lr, t, g, last, m, v):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        correction = root(1 - b2**t) / (1 - b1**t) if bias_correction else 1
        eta = lr * correction / (root(v) + eps)
        eta = jnp.clip(eta, last * (1 - 1 / (gamma * t + 1)), last * (1 + 1 / (gamma * t)))
        return -eta * m, m, v

    last = Coefficient("final_lr", final_lr)
    return leafwise(rule, learning_rate, last=last, m=0, v=Memory(wide=True))


@optimizer
def adamod(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    b3: Annotated[Decay, "of the mean rate"] = 0.999,
    eps: Annotated[Positive, "outside the root"] = 1e-8,
) -> Optimizer:
    """AdaMod: Adam whose rates are at most their own running mean, which starts at 0.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        η ← lr/(√(v/(1 − β₂ᵗ)) + ε)
        mean_rate ← β₃·mean_rate + (1 − β₃)·η
        x ← x − min(η, mean_rate)·m/(1 − β₁ᵗ)

    Differs from: the authors' code and pytorch_optimizer put both bias corrections into η, and so
    into the mean; ε is then divided by √(1 − β₂ᵗ).

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.adamod(0.1, b3=0.75)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=1)
        >>> print(f"{path.params:.4f}")
        0.0250

    Reference: J. Ding et al., 2019, An Adaptive and Momental Bound Method for Stochastic Learning,
    Algorithm 2.
    """

    def rule(lr, t, g, m, v, mean_rate):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        eta = lr / (root(v / (1 - b2**t)) + eps)
        mean_rate = b3 * mean_rate + (1 - b3) * eta
        return -jnp.minimum(eta, mean_rate) * (m / (1 - b1**t)), m, v, mean_rate

    wide = Memory(wide=True)
    return leafwise(rule, learning_rate, m=0, v=wide, mean_rate=wide)


@optimizer
def diffgrad(
    learning_rate: Rate, b1: Decay = 0.9, b2: Decay = 0.999, eps: Outside = 1e-8
) -> Optimizer:
    """diffGrad: Adam with a friction where the gradient hardly changes.

        ξ ← 1/(1 + exp(−|g_before − g|))                g_before = 0 at first
        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        x ← x − lr·ξ·m/(1 − β₁ᵗ)/(√(v/(1 − β₂ᵗ)) + ε)

    ξ is from ½, where the gradient stays, to 1, so this is Adam with a rate from lr/2 to lr; unlike
    Adam's it depends on the unit of the loss.

    Differs from: pytorch_optimizer's DiffGrad uses ξ only with rectify=True.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.diffgrad(0.1), jnp.array(0.0)
        >>> first, state = optimizer.update(jnp.array(9.0), optimizer.init(x))
        >>> print(f"{first:.4f} {optimizer.update(jnp.array(9.0), state)[0]:.4f}")
        -0.1000 -0.0500

    Reference: S. R. Dubey et al., 2020, diffGrad: An Optimization Method for Convolutional Neural
    Networks, eqs. (6)-(9).
    """

    def rule(lr, t, g, m, v, g_before):
        xi = 1 / (1 + jnp.exp(-jnp.abs(g_before - g)))
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        return -lr * xi * ratio(m_hat, root(v_hat), eps), m, v, g

    return leafwise(rule, learning_rate, m=0, v=Memory(wide=True), g_before=0)


@optimizer
def swats(
    learning_rate: Annotated[Rate, "of Adam's phase; that of SGD's is found"],
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-9,
    tolerance: Annotated[Positive, "the paper's is ε: how far γ may be from its mean"] = 1e-9,
) -> Optimizer:
    """SWATS: Adam until the rate at which SGD would take as long a step settles, then SGD.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        p ← −lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ)·m/(√v + ε)
        γ ← ⟨p, p⟩/−⟨p, g⟩                              of the whole tree, unless ⟨p, g⟩ = 0
        mean_rate ← β₂·mean_rate + (1 − β₂)·γ
        x ← x + p
        Λ ← mean_rate/(1 − β₂ᵗ)                         kept once t > 1 and |Λ − γ| < tolerance

    and with Λ

        b ← β₁·b + g
        x ← x − (1 − β₁)·Λ·b

    Differs from: pytorch_optimizer and torch_optimizer switch where Λ is relatively near γ and
    positive, on the word of the last array alone.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.swats(0.1, b1=0.0, b2=0.0, tolerance=1e-3), jnp.array(0.0)
        >>> state = optimizer.init(x)
        >>> for _ in range(2):
        ...     _, state = optimizer.update(jnp.array(2.0), state)
        >>> print(f"{state.sgd_rate:.2f} {optimizer.update(jnp.array(3.0), state)[0]:.2f}")
        0.05 -0.15

    Reference: N. S. Keskar and R. Socher, 2017, Improving Generalization Performance by Switching
    from Adam to SGD, Algorithm 1.
    """

    def rule(lr, t, g, m, v, mean_rate, b, sgd_rate):
        switched = sgd_rate != 0
        m = b1 * m + (1 - b1) * g
        v = each(lambda v, g: b2 * v + (1 - b2) * g**2, v, g)
        step = each(lambda m, v: ratio(m, root(v), eps), m, v)
        p = -lr * root(1 - b2**t) / (1 - b1**t) * step
        crosses = dot(p, g) != 0
        gamma = dot(p, p) / -jnp.where(crosses, dot(p, g), 1)
        mean_rate = jnp.where(crosses, b2 * mean_rate + (1 - b2) * gamma, mean_rate)
        found = mean_rate / (1 - b2**t)
        settled = crosses & (t > 1) & (jnp.abs(found - gamma) < tolerance)
        b = each(lambda b, g: jnp.where(switched, b1 * b + g, b), b, g)
        sgd_step = -(1 - b1) * sgd_rate * b
        update = each(lambda s, p: jnp.where(switched, s, p), sgd_step, p)
        sgd_rate = jnp.where(settled & ~switched, found, sgd_rate)
        return update, m, v, mean_rate, b, sgd_rate

    memories = {"mean_rate": 0, "b": vector(), "sgd_rate": 0}
    return treewise(rule, learning_rate, m=vector(), v=vector(wide=True), **memories)


@optimizer
def adamc(
    learning_rate: Annotated[Rate, "γₜ"],
    max_learning_rate: Annotated[Positive, "γ_max, the largest that the schedule reaches"],
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-8,
    weight_decay: WeightDecay = 0.1,
    mask: Decaying = None,
    normalized: Annotated[Mask | None, "True for weights before a normalization; all if None"] = (
        None
    ),
) -> Optimizer:
    """AdamC: AdamW whose decay falls with the square of the rate where a normalization follows.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·m̂/(√v̂ + ε) − (lr²/γ_max)·w·x         normalized weights
        x ← x − lr·m̂/(√v̂ + ε) − lr·w·x                  others

    Before a normalization a gradient's length is 1/‖x‖, and decay holds ‖g‖/‖x‖ near √(2·w/lr) for
    SGD: where lr falls, w must fall with it, or gradients grow towards the end.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.adamc(0.1, 0.4, weight_decay=0.1), jnp.array(10.0)
        >>> updates, _ = optimizer.update(jnp.array(1.0), optimizer.init(x), x)
        >>> print(f"{updates:.3f}")
        -0.125

    Reference: A. Defazio, 2025, Why Gradients Rapidly Increase Near the End of Training,
    Algorithm 1.
    """

    def rule(lr, t, g, x, w, is_normalized, m, v):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        corrected = jnp.where(is_normalized == 1, lr / max_learning_rate, 1) * w
        return -lr * (ratio(m_hat, root(v_hat), eps) + corrected * x), m, v

    w = Coefficient("weight_decay", weight_decay, mask)
    is_normalized = Coefficient("normalized", 1.0, normalized)
    means = {"m": Memory(), "v": Memory(wide=True)}
    return leafwise(rule, learning_rate, w=w, is_normalized=is_normalized, **means)
