"""Means mixed with others: AdEMAMix, Adan, optimistic Adam, QHAdam, MARS."""

import jax.numpy as jnp
import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def constant(value):
    return lambda t: value


def ademamix(problem, *, lr, b1, b2, b3, alpha, eps, weight_decay):
    """Pagliardini et al. 2024, Algorithm 1; b3 and alpha are functions of t = 1, 2, …"""
    x, m1, m2, nu = problem.x0, 0.0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m1 = b1 * m1 + (1 - b1) * g
        m2 = b3(t) * m2 + (1 - b3(t)) * g
        nu = b2 * nu + (1 - b2) * g**2
        m1_hat, nu_hat = m1 / (1 - b1**t), nu / (1 - b2**t)
        direction = (m1_hat + alpha(t) * m2) / (np.sqrt(nu_hat) + eps)
        x = x - lr * (direction + weight_decay * x)
        yield x


T_WARM = 40  # steps


def alpha_schedule(t):
    """Eq. (4) of the paper, to α = 5."""
    return min(t / T_WARM, 1.0) * 5


def b3_schedule(t, np=np):
    """Eq. (5), from β₁ = 0.8 to β₃ = 0.98."""
    start, end, share = np.log(0.8), np.log(0.98), t / T_WARM
    return np.minimum(np.exp(start * end / ((1 - share) * end + share * start)), 0.98)


def warmed_up_ademamix(learning_rate, **settings):
    def t(step):
        return jnp.asarray(step, float) + 1

    return jd.ademamix(
        learning_rate,
        b3=lambda step: b3_schedule(t(step), jnp),
        alpha=lambda step: 5 * jnp.minimum(t(step) / T_WARM, 1.0),
        **settings,
    )


def simplified_ademamix(problem, *, lr, b1, b2, alpha, eps, weight_decay):
    """Morwani et al. 2025."""
    x, total, nu = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        total = b1 * total + g
        nu = b2 * nu + (1 - b2) * g**2
        direction = (total + alpha * g) / (np.sqrt(nu / (1 - b2**t)) + eps)
        x = x - lr * (direction + weight_decay * x)
        yield x


def adan(problem, *, lr, b1, b2, b3, eps, weight_decay, eps_root=0.0, proximal=True):
    """Xie et al. 2022, Algorithm 1 with its complements 1 − β, and its code's bias corrections."""
    a1, a2, a3 = 1 - b1, 1 - b2, 1 - b3
    x, m, v, n, before = problem.x0, 0.0, 0.0, 0.0, None
    for k in range(1, problem.steps + 1):
        g = problem.gradient(x, k)
        before = g if before is None else before
        m = (1 - a1) * m + a1 * g
        v = (1 - a2) * v + a2 * (g - before)
        n = (1 - a3) * n + a3 * (g + (1 - a2) * (g - before)) ** 2
        m_hat, v_hat, n_hat = (mean / (1 - (1 - a) ** k) for mean, a in ((m, a1), (v, a2), (n, a3)))
        eta = lr / (np.sqrt(n_hat + eps_root) + eps)
        moved = x - eta * (m_hat + (1 - a2) * v_hat)
        x = moved / (1 + lr * weight_decay) if proximal else moved - lr * weight_decay * x
        before = g
        yield x


def optimistic_adam(problem, *, lr, b1, b2, eps, alpha, beta, nesterov, first_again=False):
    """Daskalakis et al. 2018, Algorithm 1, where α = β = 1: 2·η·u − η·u₋."""
    x, m, v, before = problem.x0, 0.0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        if nesterov:
            m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) / (1 - b1**t) * g
        normed = m_hat / (np.sqrt(v / (1 - b2**t)) + eps)
        if first_again and t == 1:
            before = normed
        x = x - lr * alpha * normed - lr * beta * (normed - before)
        before = normed
        yield x


def qhadam(problem, *, lr, b1, b2, nu1, nu2, eps):
    """Ma & Yarats 2019, eqs. (15)-(18)."""
    x, g1, s1 = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        g1 = b1 * g1 + (1 - b1) * g
        s1 = b2 * s1 + (1 - b2) * g**2
        first = (1 - nu1) * g + nu1 * g1 / (1 - b1**t)
        second = (1 - nu2) * g**2 + nu2 * s1 / (1 - b2**t)
        x = x - lr * first / (np.sqrt(second) + eps)
        yield x


def mars(problem, *, lr, b1, b2, eps, gamma, weight_decay, exact=False):
    """Yuan et al. 2024, Algorithm 2, x₁ = x₀; c is clipped in each layer, as their code does."""

    def in_the_unit_ball(c):
        length = np.linalg.norm(c)
        return c / length if length > 1 else c

    x, m, v = problem.x0, 0.0, 0.0
    x_before, g_before = x, problem.gradient(x, 1)
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        reference = problem.gradient(x_before, t) if exact else g_before
        c = g + gamma * b1 / (1 - b1) * (g - reference)
        c = problem.leafwise(in_the_unit_ball, c)
        m, v = b1 * m + (1 - b1) * c, b2 * v + (1 - b2) * c**2
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        x_before, g_before = x, g
        x = x - lr * (m_hat / (np.sqrt(v_hat) + eps) + weight_decay * x)
        yield x


MEANS = {"b1": 0.8, "b2": 0.9, "eps": 1e-2}
DECAYED = MEANS | {"weight_decay": 0.1}
ADAN = {"b1": 0.8, "b2": 0.7, "b3": 0.9, "eps": 1e-2, "weight_decay": 0.3, "eps_root": 0.0}
OPTIMISTIC = MEANS | {"alpha": 0.9, "beta": 0.7}

CASES = [
    Case(
        "ademamix",
        jd.ademamix,
        optax.contrib.ademamix,
        DECAYED | {"b3": 0.95, "alpha": 3.0},
        paper=ademamix,
        paper_settings=DECAYED | {"b3": constant(0.95), "alpha": constant(3.0)},
        rate=0.02,
    ),
    Case(
        "ademamix warmed up",
        warmed_up_ademamix,
        None,
        DECAYED,
        paper=ademamix,
        paper_settings=DECAYED | {"b3": b3_schedule, "alpha": alpha_schedule},
        rate=0.02,
    ),
    Case(
        "simplified_ademamix",
        jd.simplified_ademamix,
        optax.contrib.simplified_ademamix,
        DECAYED | {"alpha": 2.0},
        paper=simplified_ademamix,
        rate=0.01,
    ),
    Case(
        "adan",
        jd.adan,
        optax.adan,
        ADAN,
        paper=adan,
        differs="optax has 1 − β₂ for β₂, and subtracts the decay",
        twin_distance=0.0330,
    ),
    Case(
        "adan where optax agrees",
        jd.adan,
        optax.adan,
        ADAN | {"b2": 0.5, "eps_root": 1e-2, "proximal": False},
        ADAN | {"b2": 0.5, "eps_root": 1e-2},
        paper=adan,
    ),
    Case(
        "optimistic_adam_v2",
        jd.optimistic_adam_v2,
        optax.optimistic_adam_v2,
        OPTIMISTIC | {"nesterov": False},
        paper=optimistic_adam,
        rate=0.03,
        differs="optax has u for the u before it at the first step",
        twin_distance=0.01494,
    ),
    Case(
        "optimistic_adam_v2 as in optax",
        jd.optimistic_adam_v2,
        optax.optimistic_adam_v2,
        OPTIMISTIC | {"nesterov": True, "from_rest": False},
        OPTIMISTIC | {"nesterov": True},
        paper=optimistic_adam,
        paper_settings=OPTIMISTIC | {"nesterov": True, "first_again": True},
        rate=0.03,
    ),
    Case("qhadam", jd.qhadam, None, MEANS | {"nu1": 0.7, "nu2": 0.6}, paper=qhadam, rate=0.05),
    Case("mars", jd.mars, None, DECAYED | {"gamma": 0.2}, paper=mars, rate=0.03),
    Case(
        "mars, exact",
        jd.mars,
        None,
        DECAYED | {"gamma": 0.2, "exact": True},
        paper=mars,
        rate=0.03,
    ),
]
