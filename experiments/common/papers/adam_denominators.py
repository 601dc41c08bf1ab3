"""Other measures of the gradient's size: AdaBelief, Yogi, Padam, KATE."""

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def adabelief(problem, *, lr, b1, b2, eps, eps_root, nesterov=False):
    """Zhuang et al. 2020, Algorithm 2, with two ε; the look-ahead is Dozat's."""
    x, m, s = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m = b1 * m + (1 - b1) * g
        s = b2 * s + (1 - b2) * np.square(g - m) + eps_root
        m_hat = m / (1 - b1**t)
        if nesterov:
            m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) / (1 - b1**t) * g
        x = x - lr * m_hat / (np.sqrt(s / (1 - b2**t)) + eps)
        yield x


def yogi(problem, *, lr, b1, b2, eps, start=0.0, corrected=False):
    """Zaheer et al. 2018, Algorithm 2, case by case; corrected as later libraries have it."""
    x, m, v = problem.x0, 0.0, np.full_like(problem.x0, start)
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m = b1 * m + (1 - b1) * g
        square = g**2
        v = np.where(v > square, v - (1 - b2) * square, v + (1 - b2) * square)
        c1, c2 = (1 - b1**t, 1 - b2**t) if corrected else (1, 1)
        x = x - lr * (m / c1) / (np.sqrt(v / c2) + eps)
        yield x


def padam(problem, *, lr, b1, b2, eps, partial, authors=False):
    """Chen et al. 2020, Algorithm 1, with ε; the corrected rate is that of the authors' code."""
    x, m, v, v_hat = problem.x0, 0.0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        v_hat = np.maximum(v_hat, v)
        rate = lr * np.sqrt(1 - b2**t) / (1 - b1**t) if authors else lr
        x = x - rate * m * (np.sqrt(v_hat) + eps) ** (-2 * partial)
        yield x


def kate(problem, *, lr, eta, eps):
    """Choudhury et al. 2024, Algorithm 1, with ε in b²."""
    x, b_square, m_square = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        b_square = b_square + g**2 + eps
        m_square = m_square + eta * g**2 + g**2 / b_square
        x = x - lr * np.sqrt(m_square) / b_square * g
        yield x


MEANS = {"b1": 0.8, "b2": 0.9, "eps": 1e-2}
BELIEF = MEANS | {"eps_root": 1e-3}

CASES = [
    Case("adabelief", jd.adabelief, optax.adabelief, BELIEF, paper=adabelief, rate=0.02),
    Case(
        "adabelief with nesterov",
        jd.adabelief,
        optax.adabelief,
        BELIEF | {"nesterov": True},
        paper=adabelief,
        rate=0.02,
    ),
    Case(
        "yogi",
        jd.yogi,
        optax.yogi,
        MEANS,
        paper=yogi,
        paper_settings=MEANS | {"start": 1e-6, "corrected": True},
        differs="optax starts m, too, at 1e-6",
        twin_distance=1.904e-6,
    ),
    Case(
        "yogi as in the paper",
        jd.yogi,
        None,
        MEANS | {"initial_accumulator_value": 0.0, "bias_correction": False},
        paper=yogi,
        paper_settings=MEANS,
    ),
    Case("padam", jd.padam, None, MEANS | {"partial": 0.2}, paper=padam),
    Case(
        "padam with bias correction",
        jd.padam,
        None,
        MEANS | {"partial": 0.2, "bias_correction": True},
        paper=padam,
        paper_settings=MEANS | {"partial": 0.2, "authors": True},
    ),
    Case("kate", jd.kate, None, {"eta": 0.3, "eps": 1e-2}, paper=kate),
]
