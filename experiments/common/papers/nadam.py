"""Nadam, with a constant momentum and with a warmed-up one."""

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def nadam(problem, *, lr, b1, b2, eps, psi=None, torch=False, weight_decay=0.0):
    """Dozat 2016, Algorithm 8, without the factor β₂ of v̂; torch.optim.NAdam in its own form."""

    def mu(t):
        return b1 if psi is None else b1 * (1 - 0.5 * 0.96 ** (t * psi))

    x, m, v, product = problem.x0, 0.0, 0.0, 1.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        product *= mu(t)
        kept = b1 if torch else mu(t)
        m = kept * m + (1 - kept) * g
        v = b2 * v + (1 - b2) * g**2
        g_hat = g / (1 - product)
        m_hat = m / (1 - product * mu(t + 1))
        m_bar = (1 - mu(t)) * g_hat + mu(t + 1) * m_hat
        x = x - lr * m_bar / (np.sqrt(v / (1 - b2**t)) + eps) - lr * weight_decay * x
        yield x


MEANS = {"b1": 0.8, "b2": 0.9, "eps": 1e-2}
WARMED = {"momentum_decay": 0.3}
DECAYED = {"weight_decay": 0.1}


def case(name, ours, twin, settings, **paper):
    return Case(name, ours, twin, MEANS | settings, paper=nadam, paper_settings=MEANS | paper)


CASES = [
    case("nadam", jd.nadam, optax.nadam, {}),
    case("nadam warmed up", jd.nadam, None, WARMED, psi=0.3),
    case(
        "nadam as in torch", jd.nadam, None, WARMED | {"scheduled_mean": False}, psi=0.3, torch=True
    ),
    case("nadamw", jd.nadamw, optax.nadamw, DECAYED, **DECAYED),
    case("nadamw warmed up", jd.nadamw, None, WARMED | DECAYED, psi=0.3, **DECAYED),
]
