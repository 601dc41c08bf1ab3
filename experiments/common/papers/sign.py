"""Steps of one size."""

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def signum(problem, *, lr, beta):
    """Bernstein et al. 2018, Algorithm 2, its momentum as the weighted sum of past gradients."""
    x, past = problem.x0, []
    for t in range(1, problem.steps + 1):
        past.append(problem.gradient(x, t))
        weights = beta ** np.arange(t)[::-1]
        x = x - lr * np.sign(weights @ np.array(past))
        yield x


def lion(problem, *, lr, b1, b2, weight_decay):
    """Chen et al. 2023, Algorithm 2."""
    x, m = problem.x0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        c = b1 * m + (1 - b1) * g
        x = x - lr * (np.sign(c) + weight_decay * x)
        m = b2 * m + (1 - b2) * g
        yield x


def tiger(problem, *, lr, beta, weight_decay):
    """Su 2023: Lion with β₁ = β₂."""
    return lion(problem, lr=lr, b1=beta, b2=beta, weight_decay=weight_decay)


def rprop(problem, *, lr, eta_minus, eta_plus, min_step_size, max_step_size):
    """Igel & Hüsken 2000, iRprop⁻, coordinate by coordinate."""
    x, before = problem.x0.copy(), np.zeros_like(problem.x0)
    step = np.full_like(x, lr)
    for t in range(1, problem.steps + 1):
        gradient = problem.gradient(x, t)
        for i, g in enumerate(gradient):
            if before[i] * g > 0:
                step[i] = min(step[i] * eta_plus, max_step_size)
            elif before[i] * g < 0:
                step[i] = max(step[i] * eta_minus, min_step_size)
                g = 0.0
            if g > 0:
                x[i] -= step[i]
            elif g < 0:
                x[i] += step[i]
            before[i] = g
        yield x


def sign_sgd(problem, *, lr):
    """Bernstein et al. 2018, Algorithm 1, on one worker."""
    x = problem.x0
    for t in range(1, problem.steps + 1):
        x = x - lr * np.sign(problem.gradient(x, t))
        yield x


CASES = [
    Case("sign_sgd", jd.sign_sgd, optax.sign_sgd, paper=sign_sgd, rate=0.02),
    Case(
        "signum",
        jd.signum,
        getattr(optax, "signum", None),  # older versions lack it
        {"beta": 0.8},
        paper=signum,
        rate=0.02,
    ),
    Case(
        "lion",
        jd.lion,
        optax.lion,
        {"b1": 0.9, "b2": 0.99, "weight_decay": 0.1},
        paper=lion,
        rate=0.02,
    ),
    Case("tiger", jd.tiger, None, {"beta": 0.8, "weight_decay": 0.1}, paper=tiger, rate=0.02),
    Case(
        "rprop",
        jd.rprop,
        optax.rprop,
        {"eta_minus": 0.6, "eta_plus": 1.3, "min_step_size": 0.02, "max_step_size": 0.2},
        paper=rprop,
        rate=0.05,
        differs="optax's first update is 0 and each comes one step late",
        twin_distance=0.0688,
    ),
]
