"""Numbers of whole arrays: LAMB, NovoGrad."""

import numpy as np
import optax
from cases import Case

import jdescent as jd


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


MEANS = {"b1": 0.8, "b2": 0.9, "eps": 1e-2}
DECAYED = MEANS | {"weight_decay": 0.1}

CASES = [
    Case("lamb", jd.lamb, optax.lamb, DECAYED, paper=lamb, rate=0.05),
    Case("novograd", jd.novograd, optax.novograd, DECAYED, paper=novograd, rate=0.02),
]
