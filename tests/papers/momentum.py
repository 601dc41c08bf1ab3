"""Gradient descent and its momentum."""

import optax
from cases import Case

import jdescent as jd


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


CASES = [
    Case("sgd", jd.sgd, optax.sgd, paper=sgd),
    Case("heavy_ball", jd.heavy_ball, None, {"momentum": 0.9}, paper=heavy_ball, rate=0.01),
    Case("nesterov", jd.nesterov, None, {"momentum": 0.9}, paper=nesterov, rate=0.01),
]
