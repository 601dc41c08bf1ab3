"""Guards against spikes and wrong ways: StableAdamW, SPAM, Grams."""

import numpy as np

import jdescent as jd
from experiments.common.case import Case


def stable_adamw(problem, *, lr, b1, b2, eps, weight_decay):
    """Wortsman et al. 2023, Algorithm 2: update clipping in each layer."""
    x, v, u = problem.x0, 0.0, 0.0

    def root_mean_square(g, u):
        return np.full_like(g, np.sqrt(np.mean(g**2 / np.maximum(u, eps**2))))

    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        b1_hat = b1 * (1 - b1 ** (t - 1)) / (1 - b1**t)
        b2_hat = b2 * (1 - b2 ** (t - 1)) / (1 - b2**t)
        v = b1_hat * v + (1 - b1_hat) * g
        u = b2_hat * u + (1 - b2_hat) * g**2
        eta = lr / np.maximum(1, problem.leafwise(root_mean_square, g, u))
        x = x - eta * weight_decay * x - eta * v / (np.sqrt(u) + eps)
        yield x


def spam(
    problem, *, lr, b1, b2, eps, weight_decay, threshold, reset_interval, warmup_steps, grace_steps
):
    """Huang et al. 2025 as their code has it, decay with the step; its counters are from 0."""
    x, m, v, since_reset = problem.x0, 0.0, 0.0, warmup_steps + 1
    for total in range(problem.steps):
        g = problem.gradient(x, total + 1)
        now = total + 1
        if now % reset_interval == 0:
            m, v, since_reset = 0.0 * x, 0.0 * x, 0
        if now % reset_interval >= grace_steps:
            spikes = g**2 > threshold * v
            g = np.where(spikes, np.sign(g) * np.sqrt(threshold * v), g)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        death = 0.0
        if since_reset < warmup_steps:
            death = 0.99 / 2 * (1 + np.cos(np.pi * since_reset / (warmup_steps + 1)))
        rate = lr * np.sqrt(1 - b2**now) / (1 - b1**now)
        x = x - (1 - death) * rate * m / (np.sqrt(v) + eps) - lr * weight_decay * x
        since_reset += 1
        yield x


def grams(problem, *, lr, b1, b2, eps, weight_decay):
    """Cao, Li & Song 2024, Algorithm 1."""
    x, m, v = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        u = m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps)
        x = x - lr * np.where(g > 0, np.abs(u), -np.abs(u)) - lr * weight_decay * x
        yield x


DECAYED = {"b1": 0.8, "b2": 0.9, "eps": 1e-2, "weight_decay": 0.1}
INTERVALS = {"threshold": 2.0, "reset_interval": 25, "warmup_steps": 10, "grace_steps": 5}

CASES = [
    Case("stable_adamw", jd.stable_adamw, None, DECAYED, paper=stable_adamw),
    Case("spam", jd.spam, None, DECAYED | INTERVALS, paper=spam, rate=0.05),
    Case("grams", jd.grams, None, DECAYED, paper=grams, rate=0.03),
]
