"""Polyak's step sizes: as far as the loss stands above its least value, by the slope."""

from typing import Annotated, Any, Literal

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    Finite,
    NonNegative,
    Optimizer,
    Rate,
    Scheduled,
    dot,
    each,
    norm,
    optimizer,
    quotient,
    treewise,
    vector,
)
from jdescent.numerics import over_square, root

Cap = Annotated[NonNegative, "the largest rate, λ"]
LeastLoss = Annotated[Finite, "f*, the least loss or a bound below it"]
Largest = Annotated[Rate, "lr, the largest rate"]
ProximalDecay = Annotated[Scheduled, "w, by division of x by 1 + lr·w"]
Adapted = Annotated[bool, "estimate f* from above the bound, as the steps show it"]


@optimizer
def polyak_sgd(
    max_learning_rate: Cap = 1.0,
    scaling: Annotated[Rate, "s, a factor on the whole step"] = 1.0,
    f_min: LeastLoss = 0.0,
    eps: Annotated[NonNegative, "beside ‖g‖²"] = 0.0,
    variant: Annotated[
        Literal["sps", "sps+"], "with sps+ no step is taken where the loss is below f*"
    ] = "sps",
) -> Optimizer:
    """Gradient descent with Polyak's step size.

        η ← min((loss − f*)/(‖g‖² + ε), λ)
        x ← x − s·η·g

    The norm is of the whole tree; sps+ has max(loss − f*, 0). On a convex loss with f* its least
    value every step brings x nearer to each minimum. On a quadratic in one coordinate a step
    halves the distance; with s = 2 it is Newton's. Below f*, sps climbs.

    Differs from: Loizou et al. divide by c·‖g‖² with c = 1/2, which is s = 2 and half the λ.
    optax.polyak_sgd has s²·‖g‖² in place of ‖g‖², unlike its documentation, and takes no step where
    that is below 1.2e-7 (2.2e-16 in float64); otherwise it is as here for s = 1.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> polyak = jd.polyak_sgd(max_learning_rate=10.0)
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.0), polyak, steps=3, record="params")
        >>> print(path.record["params"])
        [0.    1.5   2.25  2.625]

    Reference: B. T. Polyak, 1987, Introduction to Optimization, chapter 5; capped: N. Loizou, S.
    Vaswani, I. Laradji and S. Lacoste-Julien, 2021, Stochastic Polyak Step-size for SGD, SPS_max;
    sps+: G. Garrigos, R. M. Gower and F. Schaipp, 2023, Function Value Learning.
    """

    def rule(lr, g, loss):
        gap = jnp.maximum(loss - f_min, 0) if variant == "sps+" else loss - f_min
        eta = jnp.minimum(over_square(gap, norm(g), eps), max_learning_rate)
        return -lr * eta * g

    return treewise(rule, scaling)


@optimizer
def alig(
    max_learning_rate: Annotated[
        NonNegative | None, "η, the largest rate; unbounded if None"
    ] = None,
    momentum: Annotated[NonNegative, "μ of Nesterov's velocity"] = 0.0,
    eps: Annotated[NonNegative, "δ, beside ‖g‖²"] = 1e-5,
) -> Optimizer:
    """ALI-G: Polyak's step size for losses that reach 0, with Nesterov's momentum.

        γ ← min(loss/(‖g‖² + δ), η)
        velocity ← μ·velocity − γ·g
        x ← x + μ·velocity − γ·g

    The norm is of the whole tree. Without momentum it is `polyak_sgd` with f* = 0 and ε = δ.

    Differs from: pytorch_optimizer.AliG divides by ‖g‖, not by its square.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.alig(), steps=20)
        >>> print(f"{path.params:.2f}")
        3.00

    Reference: L. Berrada, A. Zisserman and M. P. Kumar, 2020, Training Neural Networks for and by
    Interpolation, Algorithm 1 (ALI-G); momentum as in their code.
    """
    largest = jnp.inf if max_learning_rate is None else max_learning_rate

    def rule(g, loss, velocity):
        gamma = jnp.minimum(over_square(loss, norm(g), eps), largest)
        velocity = momentum * velocity - gamma * g
        return momentum * velocity - gamma * g, velocity

    return treewise(rule, velocity=vector())


@optimizer
def momo(
    learning_rate: Largest = 1.0,
    beta: Decay = 0.9,
    lower_bound: LeastLoss = 0.0,
    weight_decay: ProximalDecay = 0.0,
    adapt_lower_bound: Adapted = False,
) -> Optimizer:
    """MoMo: momentum with the step size at which the mean of past linear models falls to f*.

        f̄ ← β·f̄ + (1 − β)·loss
        γ ← β·γ + (1 − β)·⟨g, x⟩
        m ← β·m + (1 − β)·g             all three start at their first value
        h ← f̄ + ⟨m, x⟩ − γ
        τ ← min(lr, (h − f*)₊/‖m‖²)
        x ← x − τ·m

    Products and norms are of the whole tree. With decay,

        τ ← min(lr, ((1 + lr·w)·(h − f*) − lr·w·⟨m, x⟩)₊/‖m‖²)
        x ← (x − τ·m)/(1 + lr·w)

    Adapted, f* ← max(h − τ·‖m‖²/2, lower bound) after the step, and before it f* is lowered to half
    of what would leave no step, if it is above that. With β = 0 this is ``polyak_sgd`` with sps+.

    Differs from: optax.contrib.momo subtracts τ·m without dividing it by 1 + lr·w; equal without
    decay. The authors' code is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.momo(), steps=200)
        >>> print(f"{path.params:.2f}")
        3.00

    Reference: F. Schaipp, R. Ohana, M. Eickenberg, A. Defazio and R. M. Gower, 2024, MoMo: Momentum
    Models for Adaptive Learning Rates, Algorithm 1 (MoMo).
    """

    def rule(lr, t, g, x, loss, w, m, f, gamma, least):
        def mean(old, new):
            return beta * jnp.where(t == 1, new, old) + (1 - beta) * new

        m, f, gamma = each(mean, m, g), mean(f, loss), mean(gamma, dot(g, x))
        h = f + (dot(m, x) - gamma)
        tau, least = truncated(lr, lr * w, h, dot(m, x), norm(m), least)
        return -(tau * m + lr * w * x) / (1 + lr * w), m, f, gamma, least

    truncated = _truncation(lower_bound, adapt_lower_bound)
    return treewise(
        rule,
        learning_rate,
        w=Coefficient("weight_decay", weight_decay),
        m=vector(),
        f=0,
        gamma=0,
        least=lower_bound,
    )


@optimizer
def momo_adam(
    learning_rate: Largest = 1e-2,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Annotated[NonNegative, "outside the root"] = 1e-8,
    lower_bound: LeastLoss = 0.0,
    weight_decay: ProximalDecay = 0.0,
    adapt_lower_bound: Adapted = False,
) -> Optimizer:
    """MoMo-Adam: Adam with the step size at which the mean of past linear models falls to f*.

        f̄ ← β₁·f̄ + (1 − β₁)·loss
        γ ← β₁·γ + (1 − β₁)·⟨g, x⟩
        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        ρ ← 1 − β₁ᵗ
        D ← √(v/(1 − β₂ᵗ)) + ε
        h ← f̄ + ⟨m, x⟩ − γ
        τ ← min(lr/ρ, ((1 + lr·w)·(h − ρ·f*) − lr·w·⟨m, x⟩)₊/Σ m²/D)
        x ← (x − τ·m/D)/(1 + lr·w)

    Products and sums are of the whole tree. Where τ = lr/ρ and w = 0 it is Adam. Adapted as in
    `momo`, with f* estimated by (h − τ·Σ m²/D/2)/ρ.

    Differs from: optax.contrib.momo_adam subtracts τ·m/D without dividing it by 1 + lr·w; equal
    without decay. The authors' code is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.momo_adam(0.1), steps=200)
        >>> print(f"{path.params:.2f}")
        3.00

    Reference: F. Schaipp, R. Ohana, M. Eickenberg, A. Defazio and R. M. Gower, 2024, MoMo: Momentum
    Models for Adaptive Learning Rates, Algorithm 2 (MoMo-Adam).
    """

    def rule(lr, t, g, x, loss, w, m, v, f, gamma, least):
        f = b1 * f + (1 - b1) * loss
        gamma = b1 * gamma + (1 - b1) * dot(g, x)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        rho = 1 - b1**t
        D = each(root, v / (1 - b2**t)) + eps
        length = norm(quotient(m, each(root, D)))
        h = f + (dot(m, x) - gamma)
        tau, least = truncated(lr, lr * w, h, dot(m, x), length, least, rho)
        return -(tau * quotient(m, D) + lr * w * x) / (1 + lr * w), m, v, f, gamma, least

    truncated = _truncation(lower_bound, adapt_lower_bound)
    return treewise(
        rule,
        learning_rate,
        w=Coefficient("weight_decay", weight_decay),
        m=vector(),
        v=vector(wide=True),
        f=0,
        gamma=0,
        least=lower_bound,
    )


def _truncation(bound: Any, adapts: bool):
    """A function to τ and f* anew, of a model that is h at x, with the product ⟨m, x⟩ and
    the length of m that D measures."""

    def truncated(lr, decay, h, product, length, least, rho=1):
        reached = (h - decay / (1 + decay) * product) / rho  # the f* that would leave no step
        if adapts:
            least = jnp.where(reached < least, jnp.maximum(reached / 2, bound), least)
        gap = (1 + decay) * rho * jnp.maximum(reached - least, 0)
        tau = jnp.minimum(lr / rho, over_square(gap, length))
        if adapts:
            least = jnp.maximum((h - tau * length * length / 2) / rho, bound)
        return tau, least

    return truncated
