"""Adam with numbers that belong to a whole array: trust ratios and layers' mean squares."""

from typing import Annotated, Literal

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    Memory,
    NonNegative,
    Optimizer,
    Positive,
    Rate,
    Scheduled,
    leafwise,
    norm,
    optimizer,
)
from jdescent.numerics import ratio, root
from jdescent.optimizers.adam import (
    Decaying,
    Inside,
    Nesterov,
    OnEveryLeaf,
    Outside,
    WeightDecay,
    looked_ahead,
)


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


@optimizer
def adam_mini(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-8,
    weight_decay: WeightDecay = 0.1,
    mask: Decaying = None,
    *,
    blocks: Literal["array", "first axis", "last axis"] = "array",
) -> Optimizer:
    """Adam-mini: AdamW with one v for a block of parameters that share a dense Hessian block.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·mean(g²)    over the block
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·(m̂/(√v̂ + ε) + w·x)

    A block is a whole array or what one index of its first or last axis selects: a token of an
    embedding, a head of (head, …) queries, a neuron. `partition` gives each its own.

    Differs from: the authors' package finds blocks by the names of a transformer's layers.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.adam_mini(0.1, weight_decay=0.0), jnp.zeros(2)
        >>> print(optimizer.update(jnp.array([1.0, 7.0]), optimizer.init(x), x)[0])
        [-0.02 -0.14]

    Reference: Y. Zhang et al., 2024, Adam-mini: Use Fewer Learning Rates To Gain More, Algorithm 1.
    """

    def within(x):
        axes = range(x.ndim)
        return tuple({"array": axes, "first axis": axes[1:], "last axis": axes[:-1]}[blocks])

    def rule(lr, t, g, x, w, m, v):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * jnp.mean(g**2, within(g), keepdims=True)
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        return -lr * (ratio(m_hat, root(v_hat), eps) + w * x), m, v

    def start(x):
        return jnp.zeros_like(jnp.mean(x, within(x), keepdims=True))

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=0, v=Memory(start, wide=True))


@optimizer
def adamp(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-8,
    weight_decay: WeightDecay = 0.0,
    mask: Decaying = None,
    delta: Annotated[NonNegative, "δ of the test for scale invariance"] = 0.1,
    wd_ratio: Annotated[NonNegative, "the share of the decay where steps are projected"] = 0.1,
    *,
    nesterov: Nesterov = False,
) -> Optimizer:
    """AdamP: AdamW without the part of a step along x, where the loss ignores the length of x.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        p ← m/(1 − β₁ᵗ)/(√(v/(1 − β₂ᵗ)) + ε)
        q ← p − x·⟨x, p⟩/⟨x, x⟩         if |⟨x, g⟩| < ‖x‖·‖g‖·δ/√n for every channel of n numbers
        q ← p − x·⟨x, p⟩/⟨x, x⟩         else if it holds for the array as one channel
        q ← p                           otherwise, and for arrays of fewer than two axes
        x ← x − lr·(q + w·x)            with w·wd_ratio if p was projected

    A channel is what one index of the last axis selects: the weights into one unit, in JAX's
    layout. Momentum makes ‖x‖ grow along such directions, and steps shrink; the projection stops
    that.

    Differs from: the paper's Algorithm 2 has no bias correction; the authors' code, as here, has,
    and takes channels along the first axis, torch's layout.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.adamp(0.1), jnp.array([[4.0, 0.0], [0.0, 4.0]])
        >>> g = jnp.array([[0.0, 1.0], [-2.0, 0.0]])
        >>> print(optimizer.update(g, optimizer.init(x), x)[0] + 0.0)
        [[ 0.  -0.1]
         [ 0.1  0. ]]

    Reference: B. Heo et al., 2021, AdamP: Slowing Down the Slowdown for Momentum Optimizers on
    Scale-invariant Weights, Algorithm 2.
    """

    def rule(lr, t, g, x, w, m, v):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = looked_ahead(b1, t, g, m) if nesterov else m / (1 - b1**t)
        p = ratio(m_hat, root(v / (1 - b2**t)), eps)
        by_channel, by_array = (_ignores_length(g, x, axes, delta) for axes in _channels(x))
        q = jnp.where(by_array, _across(x, p, _channels(x)[1]), p)
        q = jnp.where(by_channel, _across(x, p, _channels(x)[0]), q)
        share = jnp.where(by_channel | by_array, wd_ratio, 1)
        return -lr * (q + share * w * x), m, v

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=0, v=Memory(wide=True))


def _channels(x):
    """The axes of a channel, and all."""
    return tuple(range(x.ndim - 1)), tuple(range(x.ndim))


def _ignores_length(g, x, axes, delta):
    """Whether g is orthogonal to x in every channel, up to what is likely by chance."""

    def inner(a, b):
        return jnp.sum(a * b, axes)

    if x.ndim < 2:
        return False
    lengths = root(inner(x, x)) * root(inner(g, g))
    size = x.size / inner(x, x).size
    return jnp.all(jnp.abs(inner(x, g)) * size**0.5 < lengths * delta)


def _across(x, p, axes):
    """p without its part along x."""

    def inner(a, b):
        return jnp.sum(a * b, axes, keepdims=True)

    return p - x * ratio(inner(x, p), inner(x, x))


@optimizer
def amos(
    learning_rate: Annotated[Rate, "ξ, about 1/√(the number of batches)"],
    eta: Annotated[Positive, "η̃, the scale that the parameters end with"] = 1.0,
    beta: Annotated[Decay, "of the mean square"] = 0.999,
    zeta: Annotated[NonNegative, "ζ, how fast rate and decay fall"] = 0.25,
    eps: Annotated[Positive, "the least mean square"] = 1e-37,
) -> Optimizer:
    """Amos: steps of a scale that is told, with a decay and a fall of the rate that follow from it.

        v ← β·v + (1 − β)·mean(g²)                      over the array
        v̂ ← max(v, ε)/(1 − βᵗ)
        c ← 1/√(1 + ζ·√ξ·decayed)
        d ← 1/(1 + ζ·√(ξ·η̃)·decayed)
        γ ← c·ξ²·mean(g²)/v̂
        x ← x − d·(ξ·η̃·g/√v̂ + ½·γ·x)
        decayed ← decayed + γ·(1 + decayed)

    η̃ differs from array to array, as 1 for a scale and 1/√(inputs) for a matrix: `partition` gives
    each its own.

    Differs from: pytorch_optimizer adds ε to v and guesses η̃ from the shape. The authors' code has
    ε = 2⁻¹²⁵, can also average over some axes only, and has a finetune_rate, 1 here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.amos(0.1, eta=0.5), jnp.array(2.0)
        >>> updates, _ = optimizer.update(jnp.array(3.0), optimizer.init(x), x)
        >>> print(f"{updates:.2f} {-0.1 * 0.5 - 0.5 * 0.1**2 * 2:.2f}")
        -0.06 -0.06

    Reference: R. Tian and A. P. Parikh, 2022, Amos: An Adam-style Optimizer with Adaptive Weight
    Decay towards Model-Oriented Scale, Algorithm 1.
    """

    def rule(lr, t, g, x, v, decayed):
        square = jnp.mean(g**2)
        v = beta * v + (1 - beta) * square
        v_hat = jnp.maximum(v, eps) / (1 - beta**t)
        c = 1 / root(1 + zeta * root(lr) * decayed)
        d = 1 / (1 + zeta * root(lr * eta) * decayed)
        gamma = c * lr**2 * square / v_hat
        update = -d * (lr * eta * g / root(v_hat) + 0.5 * gamma * x)
        return update, v, decayed + gamma * (1 + decayed)

    return leafwise(rule, learning_rate, v=OnEveryLeaf, decayed=OnEveryLeaf)
