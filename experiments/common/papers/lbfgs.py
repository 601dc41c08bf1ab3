"""L-BFGS, by its dense matrix, and line searches, by the loops of the book."""

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def dense_step(g, pairs, scaled):
    """−H·g with H of Nocedal & Wright, eq. (7.19): the BFGS formula from γ·I on, pair by pair."""
    identity = np.eye(g.size)
    if scaled:
        gamma = min(1, 1 / np.linalg.norm(g))
        if pairs:
            s, y = pairs[-1]
            gamma = (s @ y) / (y @ y)
    H = gamma * identity if scaled else identity
    for s, y in pairs:
        rho = 1 / (y @ s)
        V = identity - rho * np.outer(y, s)
        H = V.T @ H @ V + rho * np.outer(s, s)
    return -H @ g


def lbfgs(problem, *, lr, memory_size, scale_init_precond=True, search=None, **rest):
    x, pairs, before = problem.x0, [], None
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        if before is not None:
            s, y = x - before[0], g - before[1]
            if s @ y > np.finfo(float).eps * np.linalg.norm(s) * np.linalg.norm(y):
                pairs = [*pairs, (s, y)][-memory_size:]
        before = x, g
        p = lr * dense_step(g, pairs, scale_init_precond)
        x = x + p * (1 if search is None else search(Line(problem, x, p, t), **rest))
        yield x


class Line:
    """φ(α) and φ′(α) along p from x, with the slope noise of step t."""

    def __init__(self, problem, x, p, t):
        self.problem, self.x, self.p, self.t = problem, x, p, t

    def phi(self, alpha):
        return float(self.problem.loss(self.x + alpha * self.p, self.t))

    def slope(self, alpha):
        return float(self.problem.gradient(self.x + alpha * self.p, self.t) @ self.p)


def line_search(line, c1, c2, tries=20, grow=2.0):
    """Nocedal & Wright, Algorithm 3.5."""
    phi0, slope0 = line.phi(0), line.slope(0)
    before, alpha = 0.0, 1.0
    for i in range(1, tries + 1):
        if line.phi(alpha) > phi0 + c1 * alpha * slope0 or (
            i > 1 and line.phi(alpha) >= line.phi(before)
        ):
            return zoom(line, before, alpha, c1, c2, tries - i)
        if abs(line.slope(alpha)) <= -c2 * slope0:
            return alpha
        if line.slope(alpha) >= 0:
            return zoom(line, alpha, before, c1, c2, tries - i)
        before, alpha = alpha, grow * alpha
    return before


def zoom(line, lo, hi, c1, c2, tries):
    """Algorithm 3.6."""
    phi0, slope0 = line.phi(0), line.slope(0)
    for _ in range(tries):
        alpha = cubic_minimum(line, lo, hi)
        if line.phi(alpha) > phi0 + c1 * alpha * slope0 or line.phi(alpha) >= line.phi(lo):
            hi = alpha
            continue
        slope = line.slope(alpha)
        if abs(slope) <= -c2 * slope0:
            return alpha
        if slope * (hi - lo) >= 0:
            hi = lo
        lo = alpha
    return lo


def cubic_minimum(line, a, b):
    """The minimum of the cubic by its coefficients; the middle where it is none or near an end."""
    h = b - a
    rows = np.array([[1, 0, 0, 0], [1, h, h**2, h**3], [0, 1, 0, 0], [0, 1, 2 * h, 3 * h**2]])
    values = [line.phi(a), line.phi(b), line.slope(a), line.slope(b)]
    _, c, d, e = np.linalg.solve(rows, values)
    with np.errstate(invalid="ignore"):
        share = (-d + np.sqrt(d**2 - 3 * e * c)) / (3 * e) / h
    return a + h * (share if 0.1 < share < 0.9 else 0.5)


def zoomed_descent(problem, *, lr, c1, c2):
    x = problem.x0
    for t in range(1, problem.steps + 1):
        p = -lr * problem.gradient(x, t)
        x = x + p * line_search(Line(problem, x, p, t), c1, c2)
        yield x


def backtracking(problem, *, lr, c1, rho, grow):
    """Algorithm 3.1; every search begins at `grow` times the last, and at 1 at most."""
    x, last = problem.x0, 1.0
    for t in range(1, problem.steps + 1):
        p = -lr * problem.gradient(x, t)
        line = Line(problem, x, p, t)
        last = min(1.0, grow * last)
        while line.phi(last) > line.phi(0) + c1 * last * line.slope(0):
            last *= rho
        x = x + last * p
        yield x


KEEPS = "optax keeps the pairs with sᵀy < 0, which the noise makes, and then ascends"
WOLFE = {"slope_rtol": 1e-2, "curv_rtol": 0.2, "approx_dec_rtol": None}
CASES = [
    Case(
        "lbfgs of fixed rate",
        jd.lbfgs,
        optax.lbfgs,
        {"memory_size": 4, "linesearch": None},
        paper=lbfgs,
        paper_settings={"memory_size": 4},
        rate=0.05,
        differs=KEEPS,
        twin_distance=0.6065,
    ),
    Case(
        "lbfgs from the identity",
        jd.lbfgs,
        optax.lbfgs,
        {"memory_size": 4, "linesearch": None, "scale_init_precond": False},
        paper=lbfgs,
        paper_settings={"memory_size": 4, "scale_init_precond": False},
        rate=0.05,
        differs=KEEPS,
        twin_distance=0.2913,
    ),
    Case(
        "lbfgs",
        lambda lr, **settings: jd.lbfgs(
            lr, memory_size=5, linesearch=jd.zoom_linesearch(**settings)
        ),
        settings=WOLFE,
        paper=lbfgs,
        paper_settings={"memory_size": 5, "search": line_search, "c1": 1e-2, "c2": 0.2},
        rate=1.0,
    ),
    Case(
        "zoom_linesearch",
        lambda lr, **settings: jd.chain(jd.sgd(lr), jd.zoom_linesearch(**settings)),
        settings=WOLFE,
        paper=zoomed_descent,
        paper_settings={"c1": 1e-2, "c2": 0.2},
        rate=0.02,
    ),
    Case(
        "backtracking_linesearch",
        lambda lr, **settings: jd.chain(jd.sgd(lr), jd.backtracking_linesearch(**settings)),
        lambda lr: optax.chain(
            optax.sgd(lr), optax.scale_by_backtracking_linesearch(30, slope_rtol=0.1)
        ),
        {"slope_rtol": 0.1},
        {},
        paper=backtracking,
        paper_settings={"c1": 0.1, "rho": 0.8, "grow": 1.5},
        rate=1.0,
    ),
]
