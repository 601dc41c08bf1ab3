"""Gradients that are not part of what divides them: ADOPT, ACProp, LaProp, AdaShift."""

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def adopt(problem, *, lr, b1, b2, eps, clipped=True, nesterov=False):
    """Taniguchi et al. 2024, Algorithm 2: v₀ from a gradient at x₀ that makes no step."""
    x, m = problem.x0, 0.0
    v = problem.gradient(x, 1) ** 2
    yield x
    for t in range(1, problem.steps):
        g = problem.gradient(x, t + 1)
        normed = g / np.maximum(np.sqrt(v), eps)
        if clipped:
            normed = np.sign(normed) * np.minimum(np.abs(normed), t**0.25)
        m = b1 * m + (1 - b1) * normed
        x = x - lr * (b1 * m + (1 - b1) * normed if nesterov else m)
        v = b2 * v + (1 - b2) * g**2
        yield x


def acprop(problem, *, lr, b1, b2, eps, eps_root, weight_decay):
    """Zhuang et al. 2021, as their code has it without rectification: s is of the step before."""
    x, m, s, denominator = problem.x0, 0.0, 0.0, 1 + eps
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        x = x - lr * g / denominator - lr * weight_decay * x
        m = m + (1 - b1) * (g - m)
        s = b2 * s + (1 - b2) * (g - m) ** 2 + eps_root
        denominator = np.sqrt(s / (1 - b2**t)) + eps
        yield x


def laprop(problem, *, lr, b1, b2, eps, weight_decay):
    """Ziyin, Wang & Ueda 2020, Algorithm 1."""
    x, n, m, c_n, c_m = problem.x0, 0.0, 0.0, 1.0, 1.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        n = b2 * n + (1 - b2) * g**2
        c_n, c_m = c_n * b2, c_m * b1
        m = b1 * m + (1 - b1) * g / (np.sqrt(n / (1 - c_n)) + eps)
        x = x - lr * m / (1 - c_m) - lr * weight_decay * x
        yield x


def adashift(problem, *, lr, b1, b2, eps, keep_num, blockwise):
    """Zhou et al. 2019, Algorithm 3, φ = max of each array; without φ Algorithm 2."""
    x, v, gradients = problem.x0, 0.0, []
    weights = np.array([b1**i for i in range(keep_num)])

    def phi(square):
        return np.full_like(square, square.max()) if blockwise else square

    for t in range(1, problem.steps + 1):
        gradients.append(problem.gradient(x, t))
        if t > keep_num:
            lagging = gradients[t - 1 - keep_num]
            newest = np.array(gradients[-1 : -keep_num - 1 : -1])
            m = weights @ newest / weights.sum()
            v = b2 * v + (1 - b2) * problem.leafwise(phi, lagging**2)
            x = x - lr * m / (np.sqrt(v / (1 - b2 ** (t - keep_num))) + eps)
        yield x


MEANS = {"b1": 0.8, "b2": 0.9, "eps": 1e-2}
SHIFTED = MEANS | {"keep_num": 4}
ADOPT = {"b1": 0.8, "b2": 0.9, "eps": 0.3}

CASES = [
    Case("adopt", jd.adopt, optax.contrib.adopt, ADOPT, paper=adopt),
    Case(
        "adopt with nesterov",
        jd.adopt,
        optax.contrib.adopt,
        ADOPT | {"nesterov": True},
        paper=adopt,
    ),
    Case(
        "adopt without clipping",
        jd.adopt,
        optax.contrib.adopt,
        ADOPT | {"use_clipping": False},
        paper=adopt,
        paper_settings=ADOPT | {"clipped": False},
        rate=0.03,
    ),
    Case(
        "acprop",
        jd.acprop,
        optax.contrib.acprop,
        {"b1": 0.8, "b2": 0.9, "eps": 1e-2, "eps_root": 1e-2, "weight_decay": 0.1},
        paper=acprop,
        rate=0.02,
        differs="optax takes the spread about the m before the gradient",
        twin_distance=0.0507,
    ),
    Case("laprop", jd.laprop, None, MEANS | {"weight_decay": 0.1}, paper=laprop),
    Case("adashift", jd.adashift, None, SHIFTED | {"blockwise": True}, paper=adashift, rate=0.02),
    Case(
        "adashift by element",
        jd.adashift,
        None,
        SHIFTED | {"blockwise": False},
        paper=adashift,
        rate=0.02,
    ),
]
