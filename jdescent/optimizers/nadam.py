"""Adam with Nesterov's look-ahead, its momentum constant or warmed up as the paper has it."""

from typing import Annotated

from jdescent.core import (
    Coefficient,
    Decay,
    Memory,
    NonNegative,
    Optimizer,
    Rate,
    Scheduled,
    leafwise,
    optimizer,
)
from jdescent.numerics import ratio, root
from jdescent.optimizers.adam import (
    Decaying,
    Inside,
    MeanDType,
    OnEveryLeaf,
    Outside,
    adam,
    adamw,
)

LookAhead = Annotated[bool, "look m ahead by one step; without it this is Adam"]
MomentumDecay = Annotated[
    NonNegative | None, "ψ of μₜ, torch's default is 4e-3; μₜ = β₁ at every step if None"
]
ScheduledMean = Annotated[bool, "m too decays by μₜ, as in the paper, or by β₁, as in torch"]


@optimizer
def nadam(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-8,
    eps_root: Inside = 0.0,
    mu_dtype: MeanDType = None,
    *,
    nesterov: LookAhead = True,
    momentum_decay: MomentumDecay = None,
    scheduled_mean: ScheduledMean = True,
) -> Optimizer:
    """Adam with Nesterov's look-ahead in the mean gradient.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← β₁·m/(1 − β₁ᵗ⁺¹) + (1 − β₁)·g/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·m̂/(√(v̂ + ε_root) + ε)

    With momentum_decay β₁ is warmed up:

        μₜ ← β₁·(1 − ½·0.96^(t·ψ))
        m ← μₜ·m + (1 − μₜ)·g
        m̂ ← μₜ₊₁·m/(1 − μ₁·…·μₜ₊₁) + (1 − μₜ)·g/(1 − μ₁·…·μₜ)

    Differs from: the paper and torch.optim.NAdam warm β₁ up by default; optax.nadam keeps it
    constant, as here. torch lets m itself decay by β₁, which is scheduled_mean=False. The paper
    multiplies v̂ by β₂, which none does.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.nadam(0.1), steps=1)
        >>> print(f"{path.params:.4f} {0.1 * (0.9 * 0.1 / (1 - 0.9**2) + 1):.4f}")
        0.1474 0.1474

    Reference: T. Dozat, 2016, Incorporating Nesterov Momentum into Adam, Algorithm 8; μₜ as in its
    section on experiments.
    """
    if momentum_decay is None:
        return adam(learning_rate, b1, b2, eps, eps_root, mu_dtype, nesterov=nesterov)
    look_ahead = _looking_ahead(b1, momentum_decay, scheduled_mean, nesterov)

    def rule(lr, t, g, m, v, weight):
        m, weight, m_hat = look_ahead(t, g, m, weight)
        v = b2 * v + (1 - b2) * g**2
        v_hat = v / (1 - b2**t)
        return -lr * ratio(m_hat, root(v_hat, eps_root), eps), m, v, weight

    means = {"m": Memory(dtype=mu_dtype), "v": Memory(wide=True)}
    return leafwise(rule, learning_rate, **means, weight=OnEveryLeaf)


@optimizer
def nadamw(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-8,
    eps_root: Inside = 0.0,
    mu_dtype: MeanDType = None,
    weight_decay: Annotated[Scheduled, "0 is `nadam`"] = 1e-4,
    mask: Decaying = None,
    *,
    nesterov: LookAhead = True,
    momentum_decay: MomentumDecay = None,
    scheduled_mean: ScheduledMean = True,
) -> Optimizer:
    """Nadam with decoupled weight decay.

        x ← x − lr·(m̂/(√(v̂ + ε_root) + ε) + w·x)

    with m̂ and v̂ of `nadam`.

    Differs from: torch.optim.NAdam(decoupled_weight_decay=True) warms β₁ up as well, which is
    momentum_decay=4e-3 and scheduled_mean=False. optax.nadamw is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.nadamw(0.1, weight_decay=0.01), jnp.array(10.0)
        >>> updates, _ = optimizer.update(jnp.array(1.0), optimizer.init(x), x)
        >>> print(f"{updates:.4f} {-0.1474 - 0.1 * 0.01 * 10:.4f}")
        -0.1574 -0.1574

    Reference: T. Dozat, 2016, Incorporating Nesterov Momentum into Adam, Algorithm 8; the decay as
    in I. Loshchilov and F. Hutter, 2019, Decoupled Weight Decay Regularization.
    """
    if momentum_decay is None:
        decay = {"weight_decay": weight_decay, "mask": mask}
        return adamw(learning_rate, b1, b2, eps, eps_root, mu_dtype, **decay, nesterov=nesterov)
    look_ahead = _looking_ahead(b1, momentum_decay, scheduled_mean, nesterov)

    def rule(lr, t, g, x, w, m, v, weight):
        m, weight, m_hat = look_ahead(t, g, m, weight)
        v = b2 * v + (1 - b2) * g**2
        v_hat = v / (1 - b2**t)
        return -lr * (ratio(m_hat, root(v_hat, eps_root), eps) + w * x), m, v, weight

    w = Coefficient("weight_decay", weight_decay, mask)
    means = {"m": Memory(dtype=mu_dtype), "v": Memory(wide=True)}
    return leafwise(rule, learning_rate, w=w, **means, weight=OnEveryLeaf)


def _looking_ahead(b1, momentum_decay, scheduled_mean, nesterov):
    """A function from t, g, m and its weight 1 − μ₁·…·μₜ to both anew and m̂."""

    def fresh(t):
        """1 − μₜ, and with it all weights, as sums of positive numbers, which lose no digits."""
        return (1 - b1) + b1 * (0.5 * 0.96 ** (momentum_decay * t))

    def look_ahead(t, g, m, weight):
        mu, mu_next = 1 - fresh(t), 1 - fresh(t + 1)
        m = mu * m + (1 - mu) * g if scheduled_mean else b1 * m + (1 - b1) * g
        weight = mu * weight + fresh(t)
        weight_next = mu_next * weight + fresh(t + 1)
        ahead = mu_next * m / weight_next + fresh(t) * g / weight
        return m, weight, ahead if nesterov else m / weight

    return look_ahead
