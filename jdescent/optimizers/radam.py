"""Rectified Adam, alone and in Ranger, and how many gradients a running mean is worth."""

from typing import Annotated, Any

import jax.numpy as jnp

from jdescent.core import (
    Count,
    Decay,
    Fraction,
    Memory,
    Optimizer,
    Rate,
    Real,
    chain,
    leafwise,
    optimizer,
)
from jdescent.numerics import Beta, ratio, root
from jdescent.optimizers.adam import Inside, Nesterov, Outside, looked_ahead
from jdescent.optimizers.wrappers import lookahead
from jdescent.transforms import centralize


@optimizer
def radam(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-8,
    eps_root: Inside = 0.0,
    threshold: Annotated[
        Any, Real(low=4.0), "the least ρₜ at which v is used; the paper's is 4, above it"
    ] = 5.0,
    *,
    nesterov: Nesterov = False,
) -> Optimizer:
    """RAdam: Adam that leaves v out until enough gradients tell it, then warms its rate up.

        ρ∞ ← 2/(1 − β₂) − 1
        ρₜ ← ρ∞ − 2·t·β₂ᵗ/(1 − β₂ᵗ)
        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← m/(1 − β₁ᵗ)
        r ← √((ρₜ − 4)·(ρₜ − 2)·ρ∞/((ρ∞ − 4)·(ρ∞ − 2)·ρₜ))
        x ← x − lr·r·m̂/(√(v/(1 − β₂ᵗ) + ε_root) + ε)   if ρₜ ≥ threshold
        x ← x − lr·m̂                                   otherwise

    ρₜ is the number of gradients whose plain mean square is as uncertain as v. It is at most t and
    at most ρ∞, so with β₂ < 2/3 v is never used.

    Differs from: the paper uses v where ρₜ > 4, the authors' code and optax.radam where ρₜ ≥ 5, as
    here, torch.optim.RAdam where ρₜ > 5. The paper has no ε; torch's is divided by √(1 − β₂ᵗ).

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.0), jd.radam(0.01), steps=2, record="params")
        >>> print(path.record["params"])
        [0.     0.06   0.1194]

    Reference: L. Liu et al., 2020, On the Variance of the Adaptive Learning Rate and Beyond,
    Algorithm 2.
    """
    rho_infinity = 2 / (1 - b2) - 1

    def rule(lr, t, g, m, v):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = looked_ahead(b1, t, g, m) if nesterov else m / (1 - b1**t)
        whole, rest = length_of_mean(b2, t)
        over_4, over_2, rho = (whole - n + rest for n in (4, 2, 0))
        certain = whole - threshold + rest >= 0
        limit = (rho_infinity - 4) * (rho_infinity - 2) / rho_infinity
        r = root(jnp.where(certain, over_4 * over_2 / rho / limit, 0))
        adapted = r * ratio(m_hat, root(v / (1 - b2**t), eps_root), eps)
        return -lr * jnp.where(certain, adapted, m_hat), m, v

    return leafwise(rule, learning_rate, m=0, v=Memory(wide=True))


def length_of_mean(beta: Beta, t):
    """ρₜ = (1 + β)/(1 − β) − 2·t·βᵗ/(1 − βᵗ) as two terms, whose sum cancels nothing.

    With L = −ln β and h(y) = coth(y/2) − 2/y, which is at most 1, ρₜ = t + h(L) − t·h(t·L). Early
    that is t and a small rest, so that ρₜ less a number near it is right as well; later, where
    t·h(t·L) is nearly t, it is h(L) and t·(1 − h(t·L)).
    """
    log = -beta.log
    early = log * t < 0.5
    later = jnp.where(early, 0.5, log * t)
    whole = jnp.where(early, t, _h(log))
    return whole, jnp.where(
        early, _h(log) - t * _h(log * t), t * (2 / later - _coth_less_one(later))
    )


def _h(y):
    """coth(y/2) − 2/y, by its series below ½."""
    small = jnp.minimum(y, 0.5)
    series = 0
    for coefficient in reversed(_H):
        series = series * small**2 + coefficient
    large = jnp.maximum(y, 0.5)
    return jnp.where(y < 0.5, series * small, 1 + _coth_less_one(large) - 2 / large)


def _coth_less_one(y):
    """coth(y/2) − 1 = 2/(eʸ − 1), of which neither value nor slope overflows."""
    return -2 * jnp.exp(-y) / jnp.expm1(-y)


# 2·B₂ₙ/(2n)! with Bernoulli's numbers
_H = (
    1 / 6,
    -1 / 360,
    1 / 15120,
    -1 / 604800,
    1 / 23950080,
    -691 / 653837184000,
    1 / 37362124800,
)


@optimizer
def ranger(
    learning_rate: Rate,
    b1: Decay = 0.95,
    b2: Decay = 0.999,
    eps: Outside = 1e-5,
    threshold: Annotated[Any, Real(low=4.0), "the least ρₜ at which v is used"] = 5.0,
    sync_period: Annotated[Count, "k, the steps from one synchronization to the next"] = 6,
    slow_step_size: Annotated[Fraction, "α"] = 0.5,
    centralized: Annotated[bool, "take from g the mean over the inputs of every output"] = True,
) -> Optimizer:
    """Ranger: RAdam of centralized gradients, within Lookahead.

        g ← g − mean(g)                 of arrays of two and more axes, for each output
        x ← x + u                       u of RAdam
        every k steps:
            slow ← slow + α·(x − slow)
            x ← slow

    It is ``lookahead(chain(centralize(), radam(lr, …)), k, α)``.

    Differs from: the author's code takes the first axis for the outputs, as torch's layers have it.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.bowl(), jnp.array([2.0, 1.0]), jd.ranger(0.1), steps=300)
        >>> print(bool(jnp.max(jnp.abs(path.params)) < 0.01))
        True

    Reference: L. Wright and N. Demeure, 2021, Ranger21: A Synergistic Deep Learning Optimizer,
    section 2, for Ranger of 2019; see `radam`, `lookahead` and `centralize`.
    """
    fast = radam(learning_rate, b1, b2, eps, threshold=threshold)
    fast = chain(centralize(), fast) if centralized else fast
    return lookahead(fast, sync_period, slow_step_size)
