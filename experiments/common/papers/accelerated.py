"""Gradient descent with momenta and step sizes that follow a plan."""

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def nesterov_convex(problem, *, lr):
    """Su, Boyd & Candès 2016, eq. (1): x_k = y₋ − s·∇f(y₋), y_k = x_k + (k−1)/(k+2)·(x_k − x₋)."""
    x = y = problem.x0
    for k in range(1, problem.steps + 1):
        before, x = x, y - lr * problem.gradient(y, k)
        y = x + (k - 1) / (k + 2) * (x - before)
        yield y


def nesterov_restarted(problem, *, lr):
    """O'Donoghue & Candès 2015, Algorithm 1 with q = 0 and the gradient scheme of section 3.2."""
    x = y = problem.x0
    theta = 1.0
    for k in range(1, problem.steps + 1):
        g = problem.gradient(y, k)
        before, x = x, y - lr * g
        if g @ (x - before) > 0:
            theta, y = 1.0, x
        else:
            after = max(np.roots([1.0, theta**2, -(theta**2)]))
            beta = theta * (1 - theta) / (theta**2 + after)
            theta, y = after, x + beta * (x - before)
        yield y


def chebyshev(problem, *, lr, steps):
    """Roots of T_n on [1, 1/lr], each next one furthest from those before."""
    center, radius = (1 / lr + 1) / 2, (1 / lr - 1) / 2
    angles = (2 * np.arange(1, steps + 1) - 1) * np.pi / (2 * steps)
    roots = center + radius * np.cos(angles)
    order = [roots[0]]
    while len(order) < steps:
        products = np.prod(np.abs(roots[:, None] - order) / radius, axis=1)
        order.append(roots[np.argmax(np.round(products / products.max(), 9))])
    x = problem.x0
    for t in range(1, problem.steps + 1):
        x = x - problem.gradient(x, t) / order[(t - 1) % steps]
        yield x


def silver(problem, *, lr):
    """Altschuler & Parrilo 2023: h₂ₙ₊₁ = [hₙ, 1 + ρᵏ⁻¹, hₙ] with n = 2ᵏ − 1, h₁ = [√2]."""
    pattern, k = [np.sqrt(2)], 1
    while len(pattern) < problem.steps:
        pattern, k = [*pattern, 1 + (1 + np.sqrt(2)) ** (k - 1), *pattern], k + 1
    x = problem.x0
    for t, h in enumerate(pattern[: problem.steps], 1):
        x = x - lr * h * problem.gradient(x, t)
        yield x


def accsgd(problem, *, lr, kappa, xi, small_const):
    """Kidambi et al. 2018, Algorithm 3."""
    w = average = problem.x0
    alpha = 1 - small_const**2 * xi / kappa
    long = kappa * lr / small_const
    for t in range(1, problem.steps + 1):
        g = problem.gradient(w, t)
        average = alpha * average + (1 - alpha) * (w - long * g)
        zeta = small_const / (small_const + (1 - alpha))
        w = zeta * (w - lr * g) + (1 - zeta) * average
        yield w


def optimistic_gradient_descent(problem, *, lr, alpha, beta):
    """Mokhtari et al. 2020, generalized OGDA: x₊ = x − α·∇f(x) − β·(∇f(x) − ∇f(x₋)), x₋₁ = x₀."""
    x, before = problem.x0, None
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        change = 0.0 if before is None else g - before
        x, before = x - lr * alpha * g - lr * beta * change, g
        yield x


def chebyshev_up_to(rate, steps):
    return jd.chebyshev(1.0, 1 / rate, steps)


CASES = [
    Case("nesterov_convex", jd.nesterov_convex, None, paper=nesterov_convex, rate=0.03),
    Case("nesterov_restarted", jd.nesterov_restarted, None, paper=nesterov_restarted, rate=0.03),
    Case(
        "chebyshev",
        chebyshev_up_to,
        None,
        {"steps": 25},
        paper=chebyshev,
        rate=0.02,
    ),
    Case("silver", jd.silver, None, paper=silver, rate=0.02),
    Case(
        "accsgd",
        jd.accsgd,
        None,
        {"kappa": 20.0, "xi": 4.0, "small_const": 0.7},
        paper=accsgd,
        rate=0.02,
    ),
    Case(
        "optimistic_gradient_descent",
        jd.optimistic_gradient_descent,
        optax.optimistic_gradient_descent,
        {"alpha": 0.7, "beta": 1.3},
        paper=optimistic_gradient_descent,
        rate=0.03,
    ),
]
