"""Polyak's step sizes, plain and of averaged models."""

import numpy as np
import optax
from optax import contrib

import jdescent as jd
from experiments.common.case import Case


def sps(problem, *, lr, c, f_min, bound, eps=0.0, positive=False, s=1.0):
    """Loizou et al. 2021: γ = min{(f − f*)/(c‖∇f‖²), γ_b}; `positive` as Garrigos et al. 2023."""
    x = problem.x0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        gap = problem.loss(x, t) - f_min
        gap = max(gap, 0) if positive else gap
        x = x - lr * s * min(gap / (c * np.linalg.norm(g) ** 2 + eps), bound) * g
        yield x


def alig(problem, *, lr, momentum, eps):
    """Berrada et al. 2020; momentum applied after the step, as in their code."""
    w, z = problem.x0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(w, t)
        gamma = problem.loss(w, t) / (np.sum(g**2) + eps)
        gamma = gamma if lr is None else min(gamma, lr)
        z = momentum * z - gamma * g
        w = w - gamma * g
        w = w + momentum * z
        yield w


def weighted(history, beta):
    """βᵗ⁻¹·first + (1 − β)·Σ of the rest: a mean that starts at its first value."""
    total = history[0]
    for value in history[1:]:
        total = beta * total + (1 - beta) * value
    return total


def momo(problem, *, lr, beta, least=0.0, decay=0.0, estimate=False):
    """Schaipp et al. 2024: minimize max(Σ ρᵢ(fᵢ + ⟨gᵢ, y − xᵢ⟩), f*) + ‖y − x‖²/2α + λ‖y‖²/2."""
    x, star = problem.x0, least
    losses, gradients, products = [], [], []
    for t in range(1, problem.steps + 1):
        gradients.append(problem.gradient(x, t))
        losses.append(problem.loss(x, t))
        products.append(gradients[-1] @ x)
        d, f, gamma = (weighted(past, beta) for past in (gradients, losses, products))
        a = 1 + lr * decay
        if estimate and a * f + d @ x - a * gamma < a * star:
            star = max((a * f + d @ x - a * gamma) / (2 * a), least)
        tau = min(lr, max(a * (f - star - gamma) + d @ x, 0) / (d @ d))
        if estimate:
            star = max(f + d @ x - gamma - tau * (d @ d) / 2, least)
        x = (x - tau * d) / a
        yield x


def momo_adam(problem, *, lr, b1, b2, eps, least=0.0, decay=0.0, estimate=False):
    """The same in the norm of D = ε + √v̂, with the biases of means that start at 0."""
    x, star = problem.x0, least
    d, v, f, gamma = 0.0, 0.0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        f, gamma = (1 - b1) * problem.loss(x, t) + b1 * f, (1 - b1) * (g @ x) + b1 * gamma
        d, v = (1 - b1) * g + b1 * d, (1 - b2) * g * g + b2 * v
        rho, D = 1 - b1**t, eps + np.sqrt(v / (1 - b2**t))
        square, a = np.sum(d**2 / D), 1 + lr * decay
        cap = a * f + d @ x - a * gamma
        if estimate and cap < a * rho * star:
            star = max(cap / (2 * a * rho), least)
        tau = min(lr / rho, max(a * (f - rho * star) + d @ x - a * gamma, 0) / square)
        if estimate:
            star = max((f + d @ x - gamma - tau * square / 2) / rho, least)
        x = (x - tau * d / D) / a
        yield x


def polyak_of_scale(scaling, **settings):
    return jd.polyak_sgd(scaling=scaling, **settings)


def optax_polyak_of_scale(scaling, **settings):
    return optax.polyak_sgd(scaling=scaling, **settings)


SPS = {"max_learning_rate": 0.3, "f_min": -0.2, "eps": 0.5}
ADAM = {"b1": 0.7, "b2": 0.9, "eps": 0.1}

CASES = [
    Case(
        "polyak_sgd",
        polyak_of_scale,
        optax_polyak_of_scale,
        {**SPS, "f_min": 0.1},
        paper=sps,
        paper_settings={"c": 1.0, "f_min": 0.1, "bound": 0.3, "eps": 0.5},
        rate=1.0,
    ),
    Case(
        "polyak_sgd plus",
        polyak_of_scale,
        optax_polyak_of_scale,
        {**SPS, "f_min": 0.1, "variant": "sps+"},
        paper=sps,
        paper_settings={"c": 1.0, "f_min": 0.1, "bound": 0.3, "eps": 0.5, "positive": True},
        rate=1.0,
    ),
    Case(
        "polyak_sgd as Loizou",
        polyak_of_scale,
        optax_polyak_of_scale,
        {"max_learning_rate": 0.1, "f_min": -2.0},
        paper=sps,
        paper_settings={"c": 0.5, "f_min": -2.0, "bound": 0.2, "s": 0.5},
        rate=2.0,
        differs="optax takes the norm of the scaled gradient, s²·‖g‖²",
        twin_distance=0.2819,
    ),
    Case("alig", jd.alig, None, {"momentum": 0.5, "eps": 1.0}, paper=alig, rate=0.1),
    Case("momo", jd.momo, contrib.momo, {"beta": 0.8}, paper=momo, rate=0.3),
    Case(
        "momo with decay",
        jd.momo,
        contrib.momo,
        {"beta": 0.8, "weight_decay": 0.3},
        paper=momo,
        paper_settings={"beta": 0.8, "decay": 0.3},
        rate=0.3,
        differs="optax does not divide τ·m by 1 + lr·w",
        twin_distance=0.02835,
    ),
    Case("momo_adam", jd.momo_adam, contrib.momo_adam, ADAM, paper=momo_adam, rate=0.3),
    Case(
        "momo_adam with decay",
        jd.momo_adam,
        contrib.momo_adam,
        {**ADAM, "weight_decay": 0.3},
        paper=momo_adam,
        paper_settings={**ADAM, "decay": 0.3},
        rate=0.3,
        differs="optax does not divide τ·m/D by 1 + lr·w",
        twin_distance=0.01477,
    ),
]

# An adapted bound is but a step below the model: their difference, of few digits in float32, is
# tried here alone, in float64.
BOUND = {"lower_bound": -1.0, "adapt_lower_bound": True}
BOUND_PAPER = {"least": -1.0, "estimate": True}
ADAPTED = [
    Case(
        "momo",
        jd.momo,
        contrib.momo,
        {"beta": 0.8, **BOUND},
        paper=momo,
        paper_settings={"beta": 0.8, **BOUND_PAPER},
        rate=0.3,
    ),
    Case(
        "momo with decay",
        jd.momo,
        None,
        {"beta": 0.8, **BOUND, "weight_decay": 0.3},
        paper=momo,
        paper_settings={"beta": 0.8, **BOUND_PAPER, "decay": 0.3},
        rate=0.3,
    ),
    Case(
        "momo_adam",
        jd.momo_adam,
        contrib.momo_adam,
        {**ADAM, **BOUND},
        paper=momo_adam,
        paper_settings={**ADAM, **BOUND_PAPER},
        rate=0.3,
    ),
    Case(
        "momo_adam with decay",
        jd.momo_adam,
        None,
        {**ADAM, **BOUND, "weight_decay": 0.3},
        paper=momo_adam,
        paper_settings={**ADAM, **BOUND_PAPER, "decay": 0.3},
        rate=0.3,
    ),
]
