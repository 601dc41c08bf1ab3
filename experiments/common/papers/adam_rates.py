"""Adam with its rate rectified, bounded, slowed or frozen."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case
from experiments.common.problem import SHAPES, SIZES


def radam(problem, *, lr, b1, b2, eps, threshold, nesterov=False):
    """Liu et al. 2020, Algorithm 2, with the authors' ε and their test ρₜ ≥ threshold."""
    longest = 2 / (1 - b2) - 1
    x, m, v = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        if nesterov:
            m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) / (1 - b1**t) * g
        length = longest - 2 * t * b2**t / (1 - b2**t)
        if length >= threshold:
            r = (length - 4) / (longest - 4) * (length - 2) / (longest - 2) * longest / length
            m_hat = np.sqrt(r) * m_hat / (np.sqrt(v / (1 - b2**t)) + eps)
        x = x - lr * m_hat
        yield x


def adabound(problem, *, lr, b1, b2, eps, final_lr, gamma):
    """Luo et al. 2019 as their code has it, with bias corrections in the rate."""
    x, m, v = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        lower = final_lr * (1 - 1 / (gamma * t + 1))
        upper = final_lr * (1 + 1 / (gamma * t))
        rates = lr * np.sqrt(1 - b2**t) / (1 - b1**t) / (np.sqrt(v) + eps)
        x = x - np.minimum(np.maximum(rates, lower), upper) * m
        yield x


def adabound_of_the_paper(problem, *, lr, b1, b2, eps, final_lr):
    """Luo et al. 2019, Algorithm 2, with ε."""
    x, m, v = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        lower = final_lr - final_lr / ((1 - b2) * t + 1)
        upper = final_lr + final_lr / ((1 - b2) * t)
        eta_hat = np.clip(lr / (np.sqrt(v) + eps), lower, upper)
        x = x - eta_hat / np.sqrt(t) * m
        yield x


def adabound_with_falling_rates(learning_rate, final_lr, b2, **settings):
    def falling(rate):
        return lambda step: rate / (1.0 + jnp.asarray(step, float)) ** 0.5

    return jd.adabound(
        falling(learning_rate),
        b2=b2,
        final_lr=falling(final_lr),
        gamma=1 - b2,
        bias_correction=False,
        **settings,
    )


def adamod(problem, *, lr, b1, b2, b3, eps):
    """Ding et al. 2019, Algorithm 2."""
    x, m, v, s = problem.x0, 0.0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        eta = lr / (np.sqrt(v_hat) + eps)
        s = b3 * s + (1 - b3) * eta
        x = x - np.where(eta < s, eta, s) * m_hat
        yield x


def diffgrad(problem, *, lr, b1, b2, eps):
    """Dubey et al. 2020, eqs. (6)-(9)."""
    x, m, v, before = problem.x0, 0.0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        friction = np.exp(np.abs(before - g)) / (1 + np.exp(np.abs(before - g)))
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        x = x - lr * friction * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
        before = g
        yield x


def swats(problem, *, lr, b1, b2, eps, tolerance):
    """Keskar & Socher 2017, Algorithm 1, in two phases."""
    w, m, a, lam, v, sgd_rate = problem.x0, 0.0, 0.0, 0.0, None, None
    for k in range(1, problem.steps + 1):
        g = problem.gradient(w, k)
        if v is not None:
            v = b1 * v + g
            w = w - (1 - b1) * sgd_rate * v
            yield w
            continue
        m = b1 * m + (1 - b1) * g
        a = b2 * a + (1 - b2) * g**2
        p = -lr * np.sqrt(1 - b2**k) / (1 - b1**k) * m / (np.sqrt(a) + eps)
        w = w + p
        if p @ g != 0:
            gamma = (p @ p) / -(p @ g)
            lam = b2 * lam + (1 - b2) * gamma
            sgd_rate = lam / (1 - b2**k)
            if k > 1 and abs(sgd_rate - gamma) < tolerance:
                v = 0.0
        yield w


GAMMA_MAX = 0.1


def falling(step):
    return GAMMA_MAX / (1.0 + 0.1 * step)


def adamc(problem, *, lr, b1, b2, eps, weight_decay, normalized):
    """Defazio 2025, Algorithm 1; `normalized` of the coordinates."""
    x, m, v = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g, gamma = problem.gradient(x, t), falling(t - 1)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        decay = np.where(normalized, gamma**2 / GAMMA_MAX, gamma) * weight_decay
        x = x - gamma * m_hat / (np.sqrt(v_hat) + eps) - decay * x
        yield x


def adamc_with_a_falling_rate(learning_rate, **settings):
    def rate(step):
        return learning_rate / GAMMA_MAX * falling(jnp.asarray(step, float))

    return jd.adamc(rate, GAMMA_MAX, normalized=of_matrices, **settings)


def of_matrices(params):
    return jax.tree.map(lambda x: jnp.ndim(x) == 2, params)


MEANS = {"b1": 0.8, "b2": 0.9, "eps": 1e-2}
BOUNDS = MEANS | {"final_lr": 0.05}
RADAM = {"b1": 0.8, "b2": 0.95, "eps": 1e-2, "threshold": 5.0}


def ranger(problem, *, lr, b1, b2, eps, threshold, sync_period, slow_step_size):
    """Wright 2019: centralized gradients, RAdam and Lookahead, in the order of his code."""
    x, slow, m, v = problem.x0, problem.x0, 0.0, 0.0
    longest = 2 / (1 - b2) - 1
    for t in range(1, problem.steps + 1):
        g = problem.leafwise(
            lambda a: a - np.mean(a, 0) if a.ndim == 2 else a, problem.gradient(x, t)
        )
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        length = longest - 2 * t * b2**t / (1 - b2**t)
        step = m / (1 - b1**t)
        if length >= threshold:
            r = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            step = np.sqrt(r) * step / (np.sqrt(v / (1 - b2**t)) + eps)
        x = x - lr * step
        if t % sync_period == 0:
            x = slow = slow + slow_step_size * (x - slow)
        yield x


CASES = [
    Case(
        "ranger",
        jd.ranger,
        None,
        RADAM | {"sync_period": 4, "slow_step_size": 0.6},
        paper=ranger,
        rate=0.03,
    ),
    Case("radam", jd.radam, optax.radam, RADAM, paper=radam, rate=0.03),
    Case(
        "radam with nesterov",
        jd.radam,
        optax.radam,
        RADAM | {"nesterov": True},
        paper=radam,
        rate=0.03,
    ),
    Case(
        "radam from 4 on",
        jd.radam,
        optax.radam,
        RADAM | {"threshold": 4.0},
        paper=radam,
        rate=0.03,
    ),
    Case(
        "radam that never adapts",
        jd.radam,
        optax.radam,
        RADAM | {"b2": 0.6},
        paper=radam,
        rate=0.03,
    ),
    Case("adabound", jd.adabound, None, BOUNDS | {"gamma": 0.1}, paper=adabound),
    Case(
        "adabound as in the paper",
        adabound_with_falling_rates,
        None,
        BOUNDS,
        paper=adabound_of_the_paper,
    ),
    Case("adamod", jd.adamod, None, MEANS | {"b3": 0.8}, paper=adamod),
    Case("diffgrad", jd.diffgrad, None, MEANS, paper=diffgrad),
    Case("swats", jd.swats, None, MEANS | {"b2": 0.8, "tolerance": 5e-5}, paper=swats, rate=0.02),
    Case(
        "adamc",
        adamc_with_a_falling_rate,
        None,
        MEANS | {"weight_decay": 0.3},
        paper=adamc,
        paper_settings=MEANS
        | {
            "weight_decay": 0.3,
            "normalized": np.repeat([len(shape) == 2 for shape in SHAPES.values()], SIZES),
        },
        rate=GAMMA_MAX,
    ),
]
