"""Step sizes from how far one has come, and from bets on the gradient: no rate to tune."""

from typing import Annotated, Any, Literal

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    Mask,
    Memory,
    NonNegative,
    Optimizer,
    Positive,
    Rate,
    Scheduled,
    dot,
    each,
    leafwise,
    norm,
    optimizer,
    quotient,
    total,
    treewise,
    vector,
)
from jdescent.numerics import Beta, or_infinite, ratio, root

Multiplier = Annotated[Rate, "a factor on the rate found, 1 in the paper"]
FirstStep = Annotated[
    tuple[Literal["distance", "learning_rate", "heuristic"], Positive],
    "what the first step is made of: r₀ itself, η₁ itself, or r₀ = α·(1 + ‖x₀‖)",
]
Coupled = Annotated[Scheduled | None, "coupled: added to the gradient; none if None"]
Decayed = Annotated[Mask | None, "True where to decay; everywhere if None"]
Decoupled = Annotated[Scheduled, "decoupled, multiplied by the rate found"]
Betas = Annotated[tuple[Decay, Decay], "β₁ and β₂ of Adam"]
FirstDistance = Annotated[Positive, "d₀, far below the distance to the minimum"]
BiasCorrection = Annotated[bool, "multiply the rate by √(1 − β₂ᵗ)/(1 − β₁ᵗ), as optax does"]

START = vector(jnp.array)  # a copy, so that state and parameters may be donated together


def _decay(weight_decay: Any, mask: Any) -> Coefficient:
    return Coefficient("weight_decay", 0.0 if weight_decay is None else weight_decay, mask)


@optimizer
def dog(
    learning_rate: Multiplier = 1.0,
    init_step: FirstStep = ("heuristic", 1e-6),
    eps: Annotated[NonNegative, "inside the root"] = 1e-8,
    weight_decay: Coupled = None,
    mask: Decayed = None,
) -> Optimizer:
    """Distance over gradients: as far as one has come, over the root of all squared gradients.

        r ← max(r, ‖x − x₀‖)
        G ← G + ‖g‖²
        x ← x − lr·r/√(G + ε)·g

    Norms are of the whole tree. The first step is r₀ long; r then grows geometrically until it is
    the distance that is needed. The paper recommends to evaluate an average of the iterates.

    Differs from: the paper has no ε. optax.contrib.dog and the authors' code are as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.dog(), steps=300)
        >>> print(f"{path.params:.3f}")
        3.000

    Reference: M. Ivgi, O. Hinder and Y. Carmon, 2023, DoG is SGD's Best Friend: A Parameter-Free
    Dynamic Step Size Schedule, eq. (DoG).
    """
    memories = {"x0": START, "r": Memory(_first_distance(*init_step)), "G": 0}
    return treewise(
        _distance_over_gradients(*init_step, eps),
        learning_rate,
        w=_decay(weight_decay, mask),
        **memories,
    )


@optimizer
def ldog(
    learning_rate: Multiplier = 1.0,
    init_step: FirstStep = ("heuristic", 1e-6),
    eps: Annotated[NonNegative, "inside the root"] = 1e-8,
    weight_decay: Coupled = None,
    mask: Decayed = None,
) -> Optimizer:
    """Layer-wise distance over gradients: `dog` for each array alone.

        r ← max(r, ‖x − x₀‖)
        G ← G + ‖g‖²
        x ← x − lr·r/√(G + ε)·g

    Norms are of one array of the tree. Equal to `dog` where there is one array.

    Differs from: the paper has no ε; the authors' code is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.ldog(init_step=("distance", 0.5))
        >>> g = {"w": jnp.array([3.0, 4.0]), "b": jnp.array(0.1)}
        >>> updates, _ = optimizer.update(g, optimizer.init(g), g)
        >>> print(f"{jnp.linalg.norm(updates['w']):.4f} {updates['b']:.4f}")
        0.5000 -0.5000

    Reference: M. Ivgi, O. Hinder and Y. Carmon, 2023, DoG is SGD's Best Friend: A Parameter-Free
    Dynamic Step Size Schedule, section 4.1 (L-DoG).
    """
    first, nothing = _first_distance(*init_step), _first_distance("distance", 0.0)
    return leafwise(
        _distance_over_gradients(*init_step, eps),
        learning_rate,
        w=_decay(weight_decay, mask),
        x0=Memory(jnp.array),
        r=Memory(first, wide=True),
        G=Memory(nothing, wide=True),
    )


def _first_distance(tag, value):
    """A function from parameters to r₀."""

    def distance(x):
        first = {"heuristic": value * (1 + norm(x)), "distance": value, "learning_rate": 0.0}
        return jnp.full_like(norm(x), first[tag])

    return distance


def _distance_over_gradients(tag, value, eps):
    """The rule, of a whole tree or of one array."""

    def rule(lr, t, g, x, w, x0, r, G):
        g = g + w * x
        r = jnp.maximum(r, norm(x - x0))
        G = G + dot(g, g)
        eta = r / or_infinite(root(G, eps))
        if tag == "learning_rate":
            eta = jnp.where(t == 1, value, eta)
        return -lr * eta * g, x0, r, G

    return rule


@optimizer
def dowg(
    learning_rate: Multiplier = 1.0,
    init_estim_sq_dist: Annotated[Positive | None, "r₀², ε if None"] = None,
    eps: Annotated[NonNegative, "outside the root"] = 1e-4,
    weight_decay: Coupled = None,
    mask: Decayed = None,
) -> Optimizer:
    """Distance over weighted gradients: `dog` that weighs each gradient by the distance then.

        r² ← max(r², ‖x − x₀‖²)
        v ← v + r²·‖g‖²
        x ← x − lr·r²/(√v + ε)·g

    Norms are of the whole tree.

    Differs from: the paper has no ε. optax.contrib.dowg and the authors' code are as here.

    Raises:
        TypeError, ValueError: an argument that is not what the table says; neither r₀² nor ε.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.dowg(), steps=100)
        >>> print(f"{path.params:.4f}")
        3.0000

    Reference: A. Khaled, K. Mishchenko and C. Jin, 2023, DoWG Unleashed: An Efficient Universal
    Parameter-Free Gradient Descent Method, Algorithm 1.
    """
    first = eps if init_estim_sq_dist is None else init_estim_sq_dist
    if isinstance(first, float) and first == 0:
        raise ValueError("without eps there is no first step: give init_estim_sq_dist, r₀²")

    def rule(lr, g, x, w, x0, r2, weighted):
        g = g + w * x
        r2 = jnp.maximum(r2, norm(x - x0) ** 2)
        weighted = weighted + r2 * dot(g, g)
        eta = r2 / or_infinite(root(weighted) + eps)
        return -lr * eta * g, x0, r2, weighted

    w = _decay(weight_decay, mask)
    return treewise(rule, learning_rate, w=w, x0=START, r2=Memory(first), weighted=0)


@optimizer
def cocob(
    learning_rate: Annotated[
        Rate, "a factor on the gradient; a constant one changes nothing once |g| > ε"
    ] = 1.0,
    alpha: Annotated[NonNegative, "α, holds the first bets back"] = 100.0,
    eps: Annotated[NonNegative, "L₀"] = 1e-8,
    weight_decay: Annotated[Scheduled, "coupled: added to the gradient"] = 0.0,
    mask: Decayed = None,
) -> Optimizer:
    """COCOB: in every coordinate a gambler bets on the sign of the next gradient.

        L ← max(L, |g|)
        G ← G + |g|
        R ← max(R − (x − x₀)·g, 0)
        θ ← θ − g
        x ← x₀ + θ/(L·max(G + L, α·L))·(L + R)

    The bet is the displacement from the start; the reward R multiplies it. With ε = 0 the path is
    the same whatever unit a coordinate's gradient is in; the first step is 1/α long.

    Differs from: the paper starts at L₀ = 0 and has no rate; g there is the negative gradient.
    optax.contrib.cocob is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.cocob(), steps=1)
        >>> print(f"{path.params:.2f}")
        0.01

    Reference: F. Orabona and T. Tommasi, 2017, Training Deep Networks without Learning Rates
    Through Coin Betting, Algorithm 2 (COCOB-Backprop).
    """

    def rule(lr, g, x, w, x0, L, G, R, theta):
        g = lr * (g + w * x)
        L = jnp.maximum(L, jnp.abs(g))
        G = G + jnp.abs(g)
        R = jnp.maximum(R - (x - x0) * g, 0)
        theta = theta - g
        bet = ratio(theta, jnp.maximum(G + L, alpha * L)) * ratio(L + R, L)
        return (x0 - x) + bet, x0, L, G, R, theta

    return leafwise(
        rule,
        learning_rate,
        w=Coefficient("weight_decay", weight_decay, mask),
        x0=Memory(jnp.array),
        L=Memory(eps, wide=True),
        G=Memory(wide=True),
        R=Memory(wide=True),
        theta=Memory(wide=True),
    )


@optimizer
def dadapt_adamw(
    learning_rate: Multiplier = 1.0,
    betas: Betas = (0.9, 0.999),
    eps: Annotated[NonNegative, "outside the root"] = 1e-8,
    estim_lr0: FirstDistance = 1e-6,
    weight_decay: Decoupled = 0.0,
    *,
    bias_correction: BiasCorrection = False,
) -> Optimizer:
    """Adam with D-Adaptation: the rate is an estimate d from below of the distance to the minimum.

        γ ← lr·d
        r ← √β₂·r + (1 − √β₂)·γ·⟨g, s/(√v + ε)⟩
        m ← β₁·m + (1 − β₁)·γ·g
        v ← β₂·v + (1 − β₂)·g²
        s ← √β₂·s + (1 − √β₂)·γ·g
        d ← max(d, r/((1 − √β₂)·‖s‖₁))
        x ← x − m/(√v + ε) − γ·w·x

    The inner product and the norm are of the whole tree; the state has s as `grad_sum` and r as
    `numerator`. For convex losses and a constant v the estimate is a bound, in ‖·‖∞.

    Differs from: optax.contrib.dadapt_adamw always has the bias correction, which multiplies γ by
    √(1 − β₂ᵗ)/(1 − β₁ᵗ); here, in the paper and by default in the authors' code it does not.
    Versions 1 and 2 of the authors' code have an earlier algorithm.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.dadapt_adamw(), steps=500)
        >>> print(path.state.d > 1e-3)
        True

    Reference: A. Defazio and K. Mishchenko, 2023, Learning-Rate-Free Learning by D-Adaptation, the
    algorithm for Adam, with v and s as they were before g in r, as in the authors' code.
    """
    (b1, b2), b3 = betas, _root(betas[1])

    def rule(lr, t, g, x, w, m, v, grad_sum, numerator, d):
        rate = lr * d * (_correction(b1, b2, t) if bias_correction else 1)
        preconditioned = quotient(grad_sum, each(root, v) + eps)
        numerator = b3 * numerator + (1 - b3) * (rate * dot(g, preconditioned))
        m = b1 * m + (1 - b1) * (rate * g)
        v = b2 * v + (1 - b2) * g**2
        grad_sum = b3 * grad_sum + (1 - b3) * (rate * g)
        d = jnp.maximum(d, ratio(numerator, (1 - b3) * total(abs(grad_sum))))
        step = quotient(m, each(root, v) + eps) + rate * w * x
        return -step, m, v, grad_sum, numerator, d

    return treewise(
        rule,
        learning_rate,
        w=Coefficient("weight_decay", weight_decay),
        m=vector(),
        v=vector(wide=True),
        grad_sum=vector(wide=True),
        numerator=0,
        d=estim_lr0,
    )


@optimizer
def prodigy(
    learning_rate: Multiplier = 1.0,
    betas: Betas = (0.9, 0.999),
    beta3: Annotated[Decay | None, "β₃, √β₂ if None"] = None,
    eps: Annotated[NonNegative, "outside the root, multiplied by d"] = 1e-8,
    estim_lr0: FirstDistance = 1e-6,
    estim_lr_coef: Annotated[NonNegative, "c, multiplies the estimates of d"] = 1.0,
    weight_decay: Decoupled = 0.0,
    safeguard_warmup: Annotated[bool, "leave lr out of s, lest a warm-up inflate d"] = False,
    *,
    bias_correction: BiasCorrection = False,
) -> Optimizer:
    """Prodigy: D-Adaptation that weighs later gradients more, by the larger d of their time.

        m ← β₁·m + (1 − β₁)·d·g
        v ← β₂·v + (1 − β₂)·d²·g²
        r ← β₃·r + (1 − β₃)·lr·d²·⟨g, x₀ − x⟩
        s ← β₃·s + (1 − β₃)·lr·d²·g
        d' ← max(d, c·r/‖s‖₁)
        x ← x − lr·d·(m/(√v + d·ε) + w·x)
        d ← d'

    The inner product and the norm are of the whole tree; the state has s as `grad_sum` and r as
    `numerator`, both over d₀, which cancels. The step is that of Adam without bias correction at
    the rate lr·d. For convex losses d never exceeds the distance to the minimum in ‖·‖∞.

    Differs from: optax.contrib.prodigy always has the bias correction and multiplies ε by d';
    the authors' code has the correction off by default, and also multiplies ε by d'.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.prodigy(), steps=500)
        >>> print(path.state.d > 0.1, path.state.d < 3)
        True True

    Reference: K. Mishchenko and A. Defazio, 2024, Prodigy: An Expeditiously Adaptive Parameter-Free
    Learner, Algorithm 4.
    """
    (b1, b2), b3 = betas, _root(betas[1]) if beta3 is None else beta3

    def rule(lr, t, g, x, w, x0, m, v, grad_sum, numerator, d):
        rate = lr * d * (_correction(b1, b2, t) if bias_correction else 1)
        m = b1 * m + (1 - b1) * (d * g)
        v = b2 * v + (1 - b2) * (d * g) ** 2
        weight = d / estim_lr0 * rate
        numerator = b3 * numerator + (1 - b3) * (weight * dot(g, x0 - x))
        weight = d / estim_lr0 * d if safeguard_warmup else weight
        grad_sum = b3 * grad_sum + (1 - b3) * (weight * g)
        d_next = jnp.maximum(d, estim_lr_coef * ratio(numerator, total(abs(grad_sum))))
        step = rate * (quotient(m, each(root, v) + d * eps) + w * x)
        return -step, x0, m, v, grad_sum, numerator, d_next

    return treewise(
        rule,
        learning_rate,
        w=Coefficient("weight_decay", weight_decay),
        x0=START,
        m=vector(),
        v=vector(wide=True),
        grad_sum=vector(wide=True),
        numerator=0,
        d=estim_lr0,
    )


def _root(beta: Beta) -> Beta:
    return Beta(beta.value**0.5)


def _correction(b1: Beta, b2: Beta, t):
    return root(1 - b2**t) / (1 - b1**t)
