"""Squared gradients remembered by rows and columns."""

import math

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case
from experiments.common.papers.orthogonal import by_matrix


def rms(a):
    return math.sqrt(np.sum(a**2) / np.size(a))


def rank_one(square, memory, name, b):
    """Shazeer and Stern 2018: R and C hold sums, of which V = R·C/(1ᵀ·R)."""
    rows, columns = square.shape
    r, c = memory.get(name, (np.zeros(rows), np.zeros(columns)))
    r = b * r + (1 - b) * square @ np.ones(columns)
    c = b * c + (1 - b) * np.ones(rows) @ square
    memory[name] = r, c
    return np.outer(r, c) / np.sum(r)


def adafactor(
    problem, *, lr, decay_rate=0.8, eps=1e-30, clipping_threshold=1.0, momentum=None,
    weight_decay_rate=0.0, multiply_by_parameter_scale=True, factored=True, decay_offset=0,
    relative_step=False, **_,
):  # fmt: skip
    """Shazeer and Stern 2018, Algorithms 4 and 5; momentum and decay as optax has them."""

    def step(x, g, memory, t):
        counted = max(t - decay_offset, 1)
        b = 1 - counted ** (-decay_rate)
        rho = min(1e-2, 1 / math.sqrt(t)) if relative_step else lr
        if factored and x.ndim == 2:
            v = rank_one(g**2 + eps, memory, "V", b)
        else:
            v = memory["V"] = b * memory.get("V", 0.0) + (1 - b) * (g**2 + eps)
        u = g / np.sqrt(v)
        if clipping_threshold is not None:
            u = u / max(1, rms(u) / clipping_threshold)
        move = rho * u * (max(1e-3, rms(x)) if multiply_by_parameter_scale else 1)
        if momentum is not None:
            move = memory["M"] = momentum * memory.get("M", 0.0) + (1 - momentum) * move
        return move + weight_decay_rate * x

    return by_matrix(problem, step, step)


def came(problem, *, lr, b1, b2, b3, eps, eps_instability, clip_threshold, weight_decay):
    """Luo et al. 2023, Algorithm 2."""

    def clipped_and_mean(u, memory):
        u = u / max(1, rms(u) / clip_threshold)
        memory["m"] = m = b1 * memory.get("m", 0.0) + (1 - b1) * u
        return u, m

    def of_matrix(x, g, memory, t):
        v = rank_one(g**2 + eps, memory, "v", b2)
        u, m = clipped_and_mean(g / np.sqrt(v), memory)
        s = rank_one((u - m) ** 2 + eps_instability, memory, "s", b3)
        return lr * m / np.sqrt(s) + lr * weight_decay * x

    def of_other(x, g, memory, t):
        memory["v"] = v = b2 * memory.get("v", 0.0) + (1 - b2) * (g**2 + eps)
        _, m = clipped_and_mean(g / np.sqrt(v), memory)
        return lr * m + lr * weight_decay * x

    return by_matrix(problem, of_matrix, of_other)


SMALL = {"min_dim_size_to_factor": 2}
ADAFACTOR = SMALL | {"eps": 1e-2, "decay_rate": 0.6, "clipping_threshold": 0.7}
MOMENTUM = ADAFACTOR | {"momentum": 0.7, "dtype_momentum": None, "weight_decay_rate": 1e-3}

UNFACTORED = {
    "clipping_threshold": None, "multiply_by_parameter_scale": False, "eps": 1e-3,
    "factored": False, "min_dim_size_to_factor": 1,
}  # fmt: skip
IN_FLOAT32 = 2e-8  # optax takes 1 − t⁻ᶜ in float32


def twin(name, settings, rate):
    return Case(
        f"adafactor {name}of optax", jd.adafactor, optax.adafactor, settings, rate=rate,
        tolerance=IN_FLOAT32,
    )  # fmt: skip


CASES = [
    Case("adafactor", jd.adafactor, None, ADAFACTOR, paper=adafactor, rate=0.05),
    Case(
        "adafactor with momentum and decay", jd.adafactor, None, MOMENTUM, paper=adafactor,
        rate=0.05,
    ),
    Case("adafactor not factored", jd.adafactor, None, UNFACTORED, paper=adafactor, rate=0.02),
    twin("", ADAFACTOR, 0.05),
    twin("with momentum and decay ", MOMENTUM, 0.05),
    twin("not factored ", UNFACTORED, 0.02),
    Case(
        "adafactor counted from later", jd.adafactor, None, ADAFACTOR | {"decay_offset": 5},
        paper=adafactor, rate=0.05,
    ),
    Case(
        "adafactor of the paper's rate", lambda learning_rate, **s: jd.adafactor(None, **s), None,
        SMALL, paper=adafactor, paper_settings={"relative_step": True},
    ),
    Case(
        "came", jd.came, None,
        {"b1": 0.7, "b2": 0.8, "b3": 0.9, "eps": 1e-2, "eps_instability": 1e-2,
         "clip_threshold": 0.7, "weight_decay": 0.1},
        paper=came, rate=0.02,
    ),
]  # fmt: skip
