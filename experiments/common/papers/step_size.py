"""Step sizes from the curvature."""

import numpy as np

import jdescent as jd
from experiments.common.case import Case


def adgd(problem, *, lr):
    """Malitsky and Mishchenko 2020, Algorithm 1."""
    x, before = problem.x0 - lr * problem.gradient(problem.x0, 1), problem.x0
    g_before = problem.gradient(problem.x0, 1)
    lam, theta = lr, np.inf
    yield x
    for t in range(2, problem.steps + 1):
        g = problem.gradient(x, t)
        curvature = np.linalg.norm(g - g_before) / np.linalg.norm(x - before)
        new = min(np.sqrt(1 + theta) * lam, 1 / (2 * curvature))
        theta, lam = new / lam, new
        before, g_before = x, g
        x = x - lam * g
        yield x


def barzilai_borwein(problem, *, lr, variant):
    """Barzilai and Borwein 1988, eqs. (5) and (6)."""
    x, before = problem.x0, None
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        if before is not None:
            dx, dg = x - before[0], g - before[1]
            lr = {"short": (dx @ dg) / (dg @ dg), "long": (dx @ dx) / (dx @ dg)}[variant]
        before = x, g
        x = x - lr * g
        yield x


def steepest_descent(problem, *, lr):
    """Nocedal and Wright 2006, eq. (3.26), with the quadratic at x."""
    x = problem.x0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        x = x - lr * (g @ g) / (g @ problem.hessian(x) @ g) * g
        yield x


CASES = [
    Case("adgd", jd.adgd, None, paper=adgd, rate=0.01),
    Case(
        "barzilai_borwein long",
        jd.barzilai_borwein,
        None,
        {"variant": "long"},
        paper=barzilai_borwein,
        rate=0.01,
    ),
    # of ever new batches the short steps come to nothing: its path is tried on one loss elsewhere
    Case("barzilai_borwein short", jd.barzilai_borwein, None, {"variant": "short"}),
    Case("steepest_descent", jd.steepest_descent, None, paper=steepest_descent, rate=0.5),
]
