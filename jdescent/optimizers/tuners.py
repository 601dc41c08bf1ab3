"""What finds, on top of any optimizer, how long its steps should be."""

from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jdescent.core import (
    Base,
    Coefficient,
    Count,
    Memory,
    NonNegative,
    Optimizer,
    Positive,
    Real,
    Scheduled,
    dot,
    norm,
    optimizer,
    quotient,
    treewise,
    vector,
)
from jdescent.core.contract import accept_extra
from jdescent.core.vector import Vector
from jdescent.numerics import erfi, ratio, root

Tuned = Annotated[Base, "at a rate such as 1, with any schedule"]
FirstScale = Annotated[Positive, "far below the scale that is sought"]
Betas = Annotated[Count, "n, the number of βᵢ = 1 − 10⁻ⁱ that discount the past"]


@optimizer
def mechanize(
    base_optimizer: Tuned,
    weight_decay: Annotated[Scheduled, "λ"] = 1e-2,
    eps: NonNegative = 1e-8,
    s_init: FirstScale = 1e-6,
    num_betas: Betas = 6,
) -> Optimizer:
    """Mechanic: learn by betting by how much to scale all that a base optimizer has done so far.

        u ← the update of the base at x
        h ← ⟨Δ, g + λ·S·‖g‖·x/‖x‖⟩
        mᵢ ← max(βᵢ·mᵢ, |h|)
        vᵢ ← βᵢ²·vᵢ + h²
        rᵢ ← max(βᵢ·rᵢ − sᵢ·h, 0)
        sᵢ ← (s_init·mᵢ/n + rᵢ)/(√vᵢ + ε)
        Δ ← Δ + u
        S ← Σᵢ sᵢ
        x ← x₀ + S·Δ

    Products and norms are of the whole tree. Δ is what the base alone would have moved by, so far;
    the first step is 0 long and the second s_init·Δ.

    Differs from: optax.contrib.mechanize finds Δ from x, which a small S leaves no digits of, from
    s = s_init at first; it bets on h clipped to ±m, lets r be negative and has |h| + ε in m. The
    authors' code for torch finds Δ from x too, with m = 1e-6 at first, and s_init = 1e-8.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.mechanize(jd.sgd(1.0))
        >>> path = jd.descend(jd.losses.bowl(), jnp.array([2.0, -1.0]), optimizer, steps=200)
        >>> print(bool(path.loss[-1] < 0.1))
        True

    Reference: A. Cutkosky, A. Defazio and H. Mehta, 2023, Mechanic: A Learning Rate Tuner,
    Algorithm 1.
    """
    update = accept_extra(base_optimizer.update)

    def rule(g, x, lam, extra, base, x0, delta, scales, largest, squares, rewards):
        u, base = update(g.tree, base, x.tree, **extra)
        direction = quotient(x, norm(x) + eps)
        h = dot(delta, g + lam * jnp.sum(scales) * norm(g) * direction)
        largest = jnp.maximum(_discounted(largest), jnp.abs(h))
        squares = _discounted(_discounted(squares)) + h**2
        rewards = jnp.maximum(_discounted(rewards) - scales * h, 0)
        scales = ratio(s_init * largest / num_betas + rewards, root(squares), eps)
        delta = delta + Vector.of(u)
        moved = (x0 - x) + jnp.sum(scales) * delta
        return moved, base, x0, delta, scales, largest, squares, rewards

    start = _zeros(num_betas)
    return treewise(
        rule,
        lam=Coefficient("weight_decay", weight_decay),
        base=Memory(lambda x: base_optimizer.init(x.tree)),
        x0=vector(jnp.array),
        delta=vector(),
        scales=start,
        largest=start,
        squares=start,
        rewards=start,
    )


@optimizer
def trac(
    base_optimizer: Tuned,
    eps: NonNegative = 1e-8,
    s_init: FirstScale = 1e-8,
    num_betas: Betas = 6,
) -> Optimizer:
    """TRAC: learn by an erfi potential by how much to scale all that a base optimizer did so far.

        u ← the update of the base at x
        h ← ⟨Δ, g⟩
        vᵢ ← βᵢ²·vᵢ + h²
        σᵢ ← βᵢ·σᵢ − h
        sᵢ ← s_init/erfi(1/√2)·erfi(σᵢ/(√(2·vᵢ) + ε))
        Δ ← Δ + u
        S ← max(Σᵢ sᵢ, 0)
        x ← x₀ + S·Δ

    Products are of the whole tree. Δ is what the base alone would have moved by, so far. The scale
    shrinks to 0 when the past is no help any more, which brings x back to its start.

    Differs from: the authors' code finds Δ from x, which a small S leaves no digits of, and so has
    to start from σ = 1e-8, not 0.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.trac(jd.sgd(1.0))
        >>> path = jd.descend(jd.losses.bowl(), jnp.array([2.0, -1.0]), optimizer, steps=200)
        >>> print(bool(path.loss[-1] < path.loss[0]))
        True

    Reference: A. Muppidi, Z. Zhang and H. Yang, 2024, Fast TRAC: A Parameter-Free Optimizer for
    Lifelong Reinforcement Learning, Algorithms 1 and 2.
    """
    update = accept_extra(base_optimizer.update)

    def rule(g, x, extra, base, x0, delta, squares, sigma):
        u, base = update(g.tree, base, x.tree, **extra)
        h = dot(delta, g)
        squares = _discounted(_discounted(squares)) + h**2
        sigma = _discounted(sigma) - h
        unit = s_init / erfi(jnp.full_like(h, 0.5**0.5))
        scales = unit * erfi(ratio(sigma, root(2 * squares), eps))
        delta = delta + Vector.of(u)
        moved = (x0 - x) + jnp.maximum(jnp.sum(scales), 0) * delta
        return moved, base, x0, delta, squares, sigma

    return treewise(
        rule,
        base=Memory(lambda x: base_optimizer.init(x.tree)),
        x0=vector(jnp.array),
        delta=vector(),
        squares=_zeros(num_betas),
        sigma=_zeros(num_betas),
    )


def _zeros(size: int) -> Memory:
    return Memory(lambda x: jnp.zeros(size, norm(x).dtype))


def _discounted(memory: Array) -> Array:
    """β·memory, βᵢ = 1 − 10⁻ⁱ, by what is lost, as float32 leaves such β few digits of that."""
    lost = 10.0 ** -np.arange(1, len(memory) + 1)
    return memory - jnp.asarray(lost, memory.dtype) * memory


@optimizer
def reduce_on_plateau(
    factor: Annotated[Any, Real(high=1, includes_low=False), "f"] = 0.1,
    patience: Annotated[Count, "P, looks without improvement"] = 10,
    rtol: Annotated[Any, Real(high=1), "relative improvement that counts"] = 1e-4,
    atol: Annotated[NonNegative, "absolute improvement that counts"] = 0.0,
    cooldown: Annotated[NonNegative, "C, looks that do not count after a reduction"] = 0,
    accumulation_size: Annotated[Count, "n, losses that are averaged for one look"] = 1,
    min_scale: Annotated[NonNegative, "the scale is not reduced below it"] = 0.0,
) -> Optimizer:
    """Scale updates down when the loss has stopped improving; chain it after an optimizer.

        every n steps, with l the mean loss of them:
            bad ← 0, best ← l               if l < (1 − rtol)·best − atol
            bad ← bad + 1                   otherwise
            wait ← wait − 1, bad ← 0        if wait > 0
            scale ← max(f·scale, min_scale), bad ← 0, wait ← C
                                            otherwise, if bad = P
        u ← scale·u

    The loss is that which `update` is given as ``value=``. One that is NaN is no improvement.

    Differs from: torch.optim.lr_scheduler.ReduceLROnPlateau reduces once bad > P and looks when it
    is told to. optax.contrib.reduce_on_plateau is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.chain(jd.sign_sgd(1.0), jd.reduce_on_plateau(0.5, patience=2))
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.25), optimizer, steps=60)
        >>> print(f"{path.params:.3f}")
        3.000

    Reference: torch.optim.lr_scheduler.ReduceLROnPlateau; in this form
    optax.contrib.reduce_on_plateau.
    """

    def rule(g, loss, scale, best, bad, wait, count, mean):
        mean, count = mean + (loss - mean) / (count + 1), count + 1
        is_better = mean < (1 - rtol) * best - atol
        is_waiting, failures = wait > 0, jnp.where(is_better, 0, bad + 1)
        is_enough = ~is_waiting & (failures == patience)
        looked = (
            jnp.where(is_enough, jnp.maximum(factor * scale, min_scale), scale),
            jnp.where(is_better, mean, best),
            jnp.where(is_enough | is_waiting, 0, failures),
            jnp.where(is_waiting, wait - 1, jnp.where(is_enough, cooldown, 0)),
            jnp.zeros_like(count),
            jnp.zeros_like(mean),
        )
        rows = zip(looked, (scale, best, bad, wait, count, mean), strict=True)
        scale, *memories = (jnp.where(count == accumulation_size, *row) for row in rows)
        return scale * g, scale, *memories

    return treewise(rule, scale=1, best=Memory(jnp.inf), bad=0, wait=0, count=0, mean=0)
