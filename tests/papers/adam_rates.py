"""Adam with its rate rectified, bounded, slowed or frozen."""

import numpy as np
import optax
from cases import Case

import jdescent as jd


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


RADAM = {"b1": 0.8, "b2": 0.95, "eps": 1e-2, "threshold": 5.0}

CASES = [
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
]
