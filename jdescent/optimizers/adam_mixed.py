"""Adam with its mean gradient mixed with others: slower, undamped, or of gradients' differences."""

from typing import Annotated, Any

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    DType,
    Finite,
    Fraction,
    Memory,
    NonNegative,
    Optimizer,
    Rate,
    Real,
    Scheduled,
    each,
    leafwise,
    norm,
    optimizer,
    treewise,
    vector,
)
from jdescent.numerics import ratio, root
from jdescent.optimizers.adam import Decaying, Inside, MeanDType, Outside, WeightDecay, looked_ahead


@optimizer
def ademamix(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    b3: Annotated[Any, Real(high=1, decays=True, schedule=True), "of the slow mean"] = 0.9999,
    alpha: Annotated[Scheduled, "of the slow mean's share"] = 5.0,
    eps: Outside = 1e-8,
    eps_root: Inside = 0.0,
    mu_dtype: Annotated[DType | None, "of both means"] = None,
    weight_decay: WeightDecay = 0.0,
    mask: Decaying = None,
) -> Optimizer:
    """AdEMAMix: Adam along a fast mean of the gradients and a slow one.

        m ← β₁·m + (1 − β₁)·g
        m_slow ← β₃·m_slow + (1 − β₃)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·((m̂ + α·m_slow)/(√(v̂ + ε_root) + ε) + w·x)

    The slow mean is not freed of its bias: it fills in about 1/(1 − β₃) steps. A constant gradient
    ends in steps of lr·(1 + α).

    Differs from: the paper warms α up linearly and β₃ from β₁ on, which schedules for both do.
    optax.contrib.ademamix is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.ademamix(0.1, b3=0.5, alpha=2.0)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=1)
        >>> print(f"{path.params:.2f}")
        0.20

    Reference: M. Pagliardini, P. Ablin and D. Grangier, 2024, The AdEMAMix Optimizer: Better,
    Faster, Older, Algorithm 1.
    """
    scheduled = {"beta3": Coefficient("b3", b3)} if callable(b3) else {}

    def rule(lr, t, g, x, w, a, m, m_slow, v, beta3=b3):
        m = b1 * m + (1 - b1) * g
        m_slow = beta3 * m_slow + (1 - beta3) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        step = ratio(m_hat + a * m_slow, root(v_hat, eps_root), eps)
        return -lr * (step + w * x), m, m_slow, v

    mixing = {
        "a": Coefficient("alpha", alpha),
        "w": Coefficient("weight_decay", weight_decay, mask),
    }
    mean = Memory(dtype=mu_dtype)
    return leafwise(
        rule, learning_rate, **mixing, **scheduled, m=mean, m_slow=mean, v=Memory(wide=True)
    )


@optimizer
def simplified_ademamix(
    learning_rate: Rate,
    b1: Decay = 0.99,
    b2: Decay = 0.95,
    alpha: Annotated[Scheduled, "of the newest gradient's extra share"] = 0.0,
    eps: Outside = 1e-8,
    eps_root: Inside = 0.0,
    weight_decay: WeightDecay = 0.0,
    mask: Decaying = None,
) -> Optimizer:
    """Simplified AdEMAMix: Adam along a sum of gradients, the newest with a share of its own.

        b ← β₁·b + g
        v ← β₂·v + (1 − β₂)·g²
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·((b + α·g)/(√(v̂ + ε_root) + ε) + w·x)

    A constant gradient ends in steps of lr·(1/(1 − β₁) + α), so lr is (1 − β₁) times Adam's.

    Differs from: pytorch_optimizer's SimplifiedAdEMAMix warms β₁ up and divides the sums by their
    weights. optax.contrib.simplified_ademamix is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.simplified_ademamix(0.1, alpha=2.0)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=1)
        >>> print(f"{path.params:.2f}")
        0.30

    Reference: D. Morwani et al., 2025, Connections between Schedule-Free Optimizers, AdEMAMix, and
    Accelerated SGD Variants, the algorithm Simplified AdEMAMix.
    """

    def rule(lr, t, g, x, w, a, b, v):
        b = b1 * b + g
        v = b2 * v + (1 - b2) * g**2
        v_hat = v / (1 - b2**t)
        return -lr * (ratio(b + a * g, root(v_hat, eps_root), eps) + w * x), b, v

    mixing = {
        "a": Coefficient("alpha", alpha),
        "w": Coefficient("weight_decay", weight_decay, mask),
    }
    return leafwise(rule, learning_rate, **mixing, b=0, v=Memory(wide=True))


@optimizer
def adan(
    learning_rate: Rate,
    b1: Annotated[Decay, "of the mean gradient"] = 0.98,
    b2: Annotated[Decay, "of the mean difference"] = 0.92,
    b3: Annotated[Decay, "of the mean square"] = 0.99,
    eps: Outside = 1e-8,
    eps_root: Inside = 1e-8,
    weight_decay: Annotated[Scheduled, "multiplied by lr"] = 0.0,
    mask: Decaying = None,
    *,
    proximal: Annotated[bool, "divide by 1 + lr·w, or subtract lr·w·x, as optax does"] = True,
) -> Optimizer:
    """Adan: Adam along Nesterov's momentum, which it reads off the differences of gradients.

        d ← g − g_before                                0 at first
        m ← β₁·m + (1 − β₁)·g
        m_d ← β₂·m_d + (1 − β₂)·d
        n ← β₃·n + (1 − β₃)·(g + β₂·d)²
        u ← (m/(1 − β₁ᵗ) + β₂·m_d/(1 − β₂ᵗ))/(√(n/(1 − β₃ᵗ) + ε_root) + ε)
        x ← (x − lr·u)/(1 + lr·w)

    Differs from: the paper writes 1 − β for every β here, and starts at m = g₁ and n = g₁² instead
    of correcting a bias, as its authors' code does. optax.adan has 1 − β₂ where the paper and all
    others have β₂, before d and before m_d: 0.08 for 0.92; it agrees at β₂ = ½ with proximal=False.
    The paper and its code have no ε_root.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.adan(0.1), steps=1)
        >>> print(f"{path.params:.2f}")
        0.10

    Reference: X. Xie et al., 2022, Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing
    Deep Models, Algorithm 1.
    """

    def rule(lr, t, g, x, w, m, m_d, n, g_before):
        d = jnp.where(t == 1, g - g, g - g_before)
        m = b1 * m + (1 - b1) * g
        m_d = b2 * m_d + (1 - b2) * d
        n = b3 * n + (1 - b3) * (g + b2 * d) ** 2
        numerator = m / (1 - b1**t) + b2 * (m_d / (1 - b2**t))
        u = ratio(numerator, root(n / (1 - b3**t), eps_root), eps)
        step = -lr * (u + w * x)
        return step / (1 + lr * w) if proximal else step, m, m_d, n, g

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=0, m_d=0, n=Memory(wide=True), g_before=0)


@optimizer
def optimistic_adam_v2(
    learning_rate: Rate,
    *,
    alpha: Annotated[Finite, "of this step"] = 1.0,
    beta: Annotated[Finite, "β of the correction"] = 1.0,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-8,
    eps_root: Inside = 0.0,
    mu_dtype: MeanDType = None,
    nesterov: Annotated[bool, "look m ahead by one step, which the paper does not"] = True,
    from_rest: Annotated[bool, "u_before = 0 at first, or u as in optax"] = True,
) -> Optimizer:
    """Optimistic Adam: Adam's step, corrected by how far it moved from the one before.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        u ← m̂/(√(v̂ + ε_root) + ε)       m̂ and v̂ as in `adam`
        x ← x − lr·((α + β)·u − β·u_before)

    In a game of two it stops the circling about the equilibrium.

    Differs from: the paper has α = β = 1 and no look-ahead; nesterov is optax's default. At the
    first step u_before is 0 as the paper's m₀ is; optax takes u for it, which is from_rest=False.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.optimistic_adam_v2(0.1, nesterov=False)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=1)
        >>> print(f"{path.params:.2f}")
        0.20

    Reference: C. Daskalakis et al., 2018, Training GANs with Optimism, Algorithm 1.
    """

    def rule(lr, t, g, m, v, u_before):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = looked_ahead(b1, t, g, m) if nesterov else m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        u = ratio(m_hat, root(v_hat, eps_root), eps)
        before = u_before if from_rest else jnp.where(t == 1, u, u_before)
        return -lr * ((alpha + beta) * u - beta * before), m, v, u

    return leafwise(rule, learning_rate, m=Memory(dtype=mu_dtype), v=Memory(wide=True), u_before=0)


@optimizer
def qhadam(
    learning_rate: Rate,
    b1: Decay = 0.995,
    b2: Decay = 0.999,
    nu1: Annotated[Fraction, "ν₁, the share of the mean gradient"] = 0.7,
    nu2: Annotated[Fraction, "ν₂, the share of the mean square"] = 1.0,
    eps: Outside = 1e-8,
) -> Optimizer:
    """QHAdam: Adam with a share of the plain gradient above and of its plain square below.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·((1 − ν₁)·g + ν₁·m̂)/(√((1 − ν₂)·g² + ν₂·v̂) + ε)

    ν₁ = ν₂ = 1 is `adam`, ν₁ = β₁ and ν₂ = 1 nearly `nadam`, ν₁ = 0 RMSProp. With ν₂ < 1 a step is
    at most about lr/√(1 − ν₂) long.

    Differs from: the authors' package has β₁ = 0.9 and ν₁ = ν₂ = 1 by default; here they are what
    the paper recommends.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.qhadam(0.1), steps=1)
        >>> print(f"{path.params:.1f}")
        0.1

    Reference: J. Ma and D. Yarats, 2019, Quasi-hyperbolic Momentum and Adam for Deep Learning,
    eqs. (15)-(18).
    """

    def rule(lr, t, g, m, v):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        numerator = (1 - nu1) * g + nu1 * m_hat
        return -lr * ratio(numerator, root((1 - nu2) * g**2 + nu2 * v_hat), eps), m, v

    return leafwise(rule, learning_rate, m=0, v=Memory(wide=True))


@optimizer
def mars(
    learning_rate: Rate,
    b1: Decay = 0.95,
    b2: Decay = 0.99,
    eps: Outside = 1e-8,
    gamma: Annotated[NonNegative, "γ, the share of the correction; 0 is `adamw`, clipped"] = 0.025,
    weight_decay: WeightDecay = 0.0,
    mask: Decaying = None,
    *,
    exact: Annotated[bool, "both gradients of this batch, at twice the cost"] = False,
) -> Optimizer:
    """MARS-AdamW: AdamW along gradients whose noise is reduced by those at the point before.

        c ← g + γ·β₁/(1 − β₁)·(g − g_before)            g at first
        c ← c/max(1, ‖c‖)                               ‖·‖ of each array
        m ← β₁·m + (1 − β₁)·c
        v ← β₂·v + (1 − β₂)·c²
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·(m̂/(√v̂ + ε) + w·x)

    g_before is the gradient of the step before, or with exact=True the gradient of *this* batch at
    the parameters of the step before, of which the batch's noise cancels.

    Differs from: the authors' code has g_before = 0 at first, where the paper's x₁ = x₀ makes the
    difference 0, and by default leaves arrays that are no matrices to AdamW: `partition` does that.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.mars(0.1), steps=1)
        >>> print(f"{path.params:.1f}")
        0.1

    Reference: H. Yuan et al., 2024, MARS: Unleashing the Power of Variance Reduction for Training
    Large Models, Algorithm 2 and its approximation.
    """
    share = gamma * b1.value / (1 - b1)

    def step(lr, t, g, x, w, m, v, g_before):
        c = g + share * (t > 1).astype(t.dtype) * (g - g_before)
        c = each(lambda c: c / jnp.maximum(1, norm(c)), c)
        m = b1 * m + (1 - b1) * c
        v = each(lambda v, c: b2 * v + (1 - b2) * c**2, v, c)
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        return -lr * (each(lambda m, v: ratio(m, root(v), eps), m_hat, v_hat) + w * x), m, v

    def approximate(lr, t, g, x, w, m, v, g_before):
        return *step(lr, t, g, x, w, m, v, g_before), g

    def of_this_batch(lr, t, g, x, w, m, v, x_before, grad_at):
        return *step(lr, t, g, x, w, m, v, grad_at(x_before)), x

    w = Coefficient("weight_decay", weight_decay, mask)
    means = {"m": vector(), "v": vector(wide=True)}
    if exact:
        return treewise(of_this_batch, learning_rate, w=w, **means, x_before=vector(lambda x: x))
    return treewise(approximate, learning_rate, w=w, **means, g_before=vector())
