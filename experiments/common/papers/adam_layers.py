"""Numbers of whole arrays: LAMB, NovoGrad, Adam-mini, AdamP, Amos."""

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def lamb(problem, *, lr, b1, b2, eps, weight_decay):
    """You et al. 2020, Algorithm 2, with φ the identity."""
    x, m, v = problem.x0, 0.0, 0.0

    def scaled(layer, r):
        return np.linalg.norm(layer) / np.linalg.norm(r) * r

    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        r = m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps)
        x = x - lr * problem.leafwise(scaled, x, r + weight_decay * x)
        yield x


def novograd(problem, *, lr, b1, b2, eps, weight_decay):
    """Ginsburg et al. 2019, Algorithm 1: layer by layer, each with a second moment of its own."""
    x = problem.x0
    moments = [(0.0, 0.0) for _ in problem.leaves(x)]
    for t in range(1, problem.steps + 1):
        layers = []
        for i, (layer, g) in enumerate(
            zip(problem.leaves(x), problem.leaves(problem.gradient(x, t)), strict=True)
        ):
            v, m = moments[i]
            square = np.sum(g**2)
            v = square if t == 1 else b2 * v + (1 - b2) * square
            m = b1 * m + g / (np.sqrt(v) + eps) + weight_decay * layer
            moments[i] = v, m
            layers.append(layer - lr * m)
        x = problem.joined(layers)
        yield x


def adam_mini(problem, *, lr, b1, b2, eps, weight_decay, blocks):
    """Zhang et al. 2024, Algorithm 1: block by block; `blocks` lists those of a layer."""
    x, m = problem.x0, 0.0
    v = np.zeros_like(x)

    def spread(layer):
        mean = np.empty_like(layer)
        for block in blocks(layer):
            mean[block] = np.sum(layer[block] ** 2) / np.size(layer[block])
        return mean

    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m = (1 - b1) * g + b1 * m
        v = (1 - b2) * problem.leafwise(spread, g) + b2 * v
        x = x - lr * weight_decay * x - lr * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps)
        yield x


def whole(layer):
    return [...]


def rows(layer):
    return range(len(layer)) if layer.ndim else [...]


def columns(layer):
    return [(..., i) for i in range(layer.shape[-1])] if layer.ndim else [...]


def adamp(problem, *, lr, b1, b2, eps, weight_decay, delta, wd_ratio, nesterov=False):
    """Heo et al. 2021 as their code has it: unit by unit, then as a whole, of matrices only."""

    def cosine(a, b):
        return abs(np.sum(a * b)) / np.linalg.norm(a) / np.linalg.norm(b)

    def projected(w, p):
        unit = w / np.linalg.norm(w)
        return p - np.sum(unit * p) * unit

    def moved(w, g, p):
        if w.ndim > 1:
            n = len(w)
            if all(cosine(w[:, i], g[:, i]) < delta / np.sqrt(n) for i in range(w.shape[1])):
                units = [projected(w[:, i], p[:, i]) for i in range(w.shape[1])]
                return w * (1 - lr * weight_decay * wd_ratio) - lr * np.stack(units, 1)
            if cosine(w, g) < delta / np.sqrt(w.size):
                return w * (1 - lr * weight_decay * wd_ratio) - lr * projected(w, p)
        return w * (1 - lr * weight_decay) - lr * p

    x, m, v = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        if nesterov:
            m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) / (1 - b1**t) * g
        p = m_hat / (np.sqrt(v / (1 - b2**t)) + eps)
        x = problem.leafwise(moved, x, g, p)
        yield x


def amos(problem, *, lr, eta, beta, zeta, eps):
    """Tian & Parikh 2022, Algorithm 1, layer by layer."""
    x, xi = problem.x0, lr
    slots = [(0.0, 0.0) for _ in problem.leaves(x)]
    for t in range(1, problem.steps + 1):
        layers = zip(problem.leaves(x), problem.leaves(problem.gradient(x, t)), strict=True)
        moved = []
        for i, (theta, g) in enumerate(layers):
            v, b = slots[i]
            square = np.mean(np.square(g))
            v = v * beta + square * (1 - beta)
            reciprocal = (1 - beta**t) / max(v, eps)
            gamma = (1 + zeta * np.sqrt(xi) * b) ** -0.5 * xi**2 * reciprocal * square
            d = 1 / (1 + zeta * np.sqrt(xi * eta) * b)
            moved.append(theta - d * (xi * eta * np.sqrt(reciprocal) * g + gamma / 2 * theta))
            slots[i] = v, b + gamma * (1 + b)
        x = problem.joined(moved)
        yield x


MEANS = {"b1": 0.8, "b2": 0.9, "eps": 1e-2}
DECAYED = MEANS | {"weight_decay": 0.1}

CASES = [
    Case("lamb", jd.lamb, optax.lamb, DECAYED, paper=lamb, rate=0.05),
    Case("novograd", jd.novograd, optax.novograd, DECAYED, paper=novograd, rate=0.02),
    *(
        Case(
            f"adam_mini, a block for the {blocks}",
            jd.adam_mini,
            None,
            DECAYED | {"blocks": blocks},
            paper=adam_mini,
            paper_settings=DECAYED | {"blocks": listed},
        )
        for blocks, listed in (("array", whole), ("first axis", rows), ("last axis", columns))
    ),
    Case(
        "adamp",
        jd.adamp,
        None,
        DECAYED | {"delta": 1.0, "wd_ratio": 0.2},
        paper=adamp,
        rate=0.03,
    ),
    Case(
        "adamp by unit, with nesterov",
        jd.adamp,
        None,
        DECAYED | {"delta": 1.9, "wd_ratio": 0.2, "nesterov": True},
        paper=adamp,
        rate=0.03,
    ),
    Case(
        "amos",
        jd.amos,
        None,
        {"eta": 0.5, "beta": 0.9, "zeta": 0.7, "eps": 0.3},
        paper=amos,
        rate=0.3,
    ),
]
