"""Mechanic, TRAC and the plateau, around gradient descent."""

import numpy as np
import optax
from optax import contrib
from scipy.special import erfi

import jdescent as jd
from experiments.common.case import Case


def mechanic(problem, *, lr, decay, eps, s_init, n):
    """Cutkosky et al. 2023, Algorithm 1, with gradient descent as BASE; one β at a time."""
    x = problem.x0
    delta = np.zeros_like(x)
    s, m, v, r = np.zeros((4, n))
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        direction = x / (np.linalg.norm(x) + eps)
        h = delta @ (g + decay * s.sum() * np.linalg.norm(g) * direction)
        for i in range(n):
            beta = 1 - 10.0 ** -(i + 1)
            m[i] = max(beta * m[i], abs(h))
            v[i] = beta**2 * v[i] + h**2
            r[i] = max(0, beta * r[i] - s[i] * h)
            s[i] = (s_init * m[i] / n + r[i]) / (np.sqrt(v[i]) + eps)
        delta = delta - lr * g
        x = problem.x0 + s.sum() * delta
        yield x


def trac(problem, *, lr, eps, s_init, n):
    """Muppidi et al. 2024, Algorithms 1 and 2, with gradient descent as BASE; from all the past."""
    x, delta, past = problem.x0, np.zeros_like(problem.x0), []
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        past.append(g @ delta)
        scale = 0.0
        for i in range(1, n + 1):
            weights = (1 - 10.0**-i) ** np.arange(len(past))[::-1]
            sigma, v = -weights @ past, weights**2 @ np.square(past)
            scale += s_init / erfi(1 / np.sqrt(2)) * erfi(sigma / (np.sqrt(2 * v) + eps))
        delta = delta - lr * g
        x = problem.x0 + max(scale, 0) * delta
        yield x


def plateau(problem, *, lr, factor, patience, rtol, atol, cooldown, size, least):
    """As optax documents it, as a loop over looks at the mean of `size` losses."""
    x, best, bad, wait, losses = problem.x0, np.inf, 0, 0, []
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        losses.append(problem.loss(x, t))
        if len(losses) == size:
            value, losses = np.mean(losses), []
            bad += 1
            if value < (1 - rtol) * best - atol:
                best, bad = value, 0
            if wait:
                wait, bad = wait - 1, 0
            elif bad == patience:
                lr, bad, wait = max(factor * lr, least), 0, cooldown
        x = x - lr * g
        yield x


def mechanized(learning_rate, **settings):
    return jd.mechanize(jd.sgd(learning_rate), **settings)


def optax_mechanized(learning_rate, **settings):
    return contrib.mechanize(optax.sgd(learning_rate), **settings)


def traced(learning_rate, **settings):
    return jd.trac(jd.sgd(learning_rate), **settings)


def watched(learning_rate, **settings):
    return jd.chain(jd.sgd(learning_rate), jd.reduce_on_plateau(**settings))


def optax_watched(learning_rate, **settings):
    return optax.chain(optax.sgd(learning_rate), contrib.reduce_on_plateau(**settings))


MECHANIC = {"weight_decay": 0.1, "eps": 0.01, "s_init": 0.1, "num_betas": 3}
PLATEAU = {"factor": 0.5, "patience": 2, "rtol": 0.1, "atol": 0.01}

CASES = [
    Case(
        "mechanize",
        mechanized,
        optax_mechanized,
        MECHANIC,
        paper=mechanic,
        paper_settings={"decay": 0.1, "eps": 0.01, "s_init": 0.1, "n": 3},
        rate=0.5,
        differs="optax starts at s = s_init, clips its bets and lets rewards be negative",
        twin_distance=0.01514,
    ),
    Case(
        "trac",
        traced,
        None,
        {"eps": 0.01, "s_init": 0.02, "num_betas": 5},
        paper=trac,
        paper_settings={"eps": 0.01, "s_init": 0.02, "n": 5},
        rate=0.5,
    ),
    Case(
        "reduce_on_plateau",
        watched,
        optax_watched,
        {**PLATEAU, "cooldown": 2, "accumulation_size": 2, "min_scale": 0.05},
        paper=plateau,
        paper_settings={**PLATEAU, "cooldown": 2, "size": 2, "least": 0.05 * 0.1},
    ),
    Case(
        "reduce_on_plateau at every loss",
        watched,
        optax_watched,
        PLATEAU,
        paper=plateau,
        paper_settings={**PLATEAU, "cooldown": 0, "size": 1, "least": 0.0},
    ),
]
