"""Dual averaging, each step from the list of all that came before."""

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def madgrad(problem, *, lr, momentum, weight_decay, eps):
    """Defazio & Jelassi 2021, Algorithm 1."""
    x, slopes = problem.x0, []
    for t in range(1, problem.steps + 1):
        slopes.append(problem.gradient(x, t) + weight_decay * x)
        weights = lr * np.sqrt(np.arange(t) + 1)
        s, nu = weights @ np.array(slopes), weights @ np.square(slopes)
        z = problem.x0 - s / (np.cbrt(nu) + eps)
        x = momentum * x + (1 - momentum) * z
        yield x


def ftrl(problem, *, lr, beta, lambda_1, lambda_2):
    """McMahan et al. 2013, eq. (3): the minimum over x, from the first-order condition, of

    Σ gₛ·x + ½·Σ σₛ·(x − xₛ)² + ½·(β/α)·(x − x₀)² + λ₁·|x| + ½·λ₂·x².
    """
    points, slopes = [problem.x0], []
    for t in range(1, problem.steps + 1):
        slopes.append(problem.gradient(points[-1], t))
        sums = np.cumsum(np.square(slopes), axis=0)
        sigma = np.diff(np.sqrt(sums), axis=0, prepend=0) / lr
        pull = np.sum(slopes, 0) - np.sum(sigma * points, 0) - beta / lr * problem.x0
        curvature = np.sum(sigma, 0) + beta / lr + lambda_2
        above, below = pull - lambda_1, pull + lambda_1
        points.append(-np.where(above > 0, above, np.where(below < 0, below, 0)) / curvature)
        yield points[-1]


CASES = [
    Case(
        "madgrad",
        jd.madgrad,
        getattr(optax.contrib, "madgrad", None),  # older versions lack it
        {"momentum": 0.8, "weight_decay": 0.1, "eps": 1e-3},
        paper=madgrad,
        rate=0.05,
        differs="optax adds ε to the rate",
        twin_distance=0.003968,
    ),
    Case(
        "ftrl",
        jd.ftrl,
        None,
        {"beta": 0.5, "lambda_1": 0.3, "lambda_2": 0.2},
        paper=ftrl,
        rate=0.2,
    ),
]
