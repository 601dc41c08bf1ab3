"""Gradient descent and its momentum."""

import numpy as np


def sgd(problem, *, lr):
    x = problem.x0
    for t in range(1, problem.steps + 1):
        x = x - lr * problem.gradient(x, t)
        yield x


def heavy_ball(problem, *, lr, momentum):
    """Polyak 1964, eq. (9): xₙ₊₁ = xₙ − α·∇f(xₙ) + β·(xₙ − xₙ₋₁)."""
    before = x = problem.x0
    for t in range(1, problem.steps + 1):
        before, x = x, x - lr * problem.gradient(x, t) + momentum * (x - before)
        yield x


def nesterov(problem, *, lr, momentum):
    """The two-sequence form, at the looked-ahead point y."""
    x = y = problem.x0
    for t in range(1, problem.steps + 1):
        before, x = x, y - lr * problem.gradient(y, t)
        y = x + momentum * (x - before)
        yield y


def lion(problem, *, lr, b1, b2, weight_decay):
    """Chen et al. 2023, Algorithm 2."""
    x, m = problem.x0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        c = b1 * m + (1 - b1) * g
        x = x - lr * (np.sign(c) + weight_decay * x)
        m = b2 * m + (1 - b2) * g
        yield x
