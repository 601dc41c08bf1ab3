"""Matrices whitened from both sides, otherwise than by Shampoo."""

import numpy as np

import jdescent as jd
from experiments.common.case import Case
from experiments.common.papers.orthogonal import by_matrix


def splus(
    problem,
    *,
    lr,
    b1,
    b2,
    weight_decay,
    inverse_steps,
    nonstandard_constant,
    max_dim=100,
    **average,
):
    """Frans et al. 2025, Algorithm 1, in the order of the authors' code; the average is beside it.

    With singular vectors for the eigenvectors of L and R, which are sums of g·gᵀ.
    """
    del average

    def matrix_step(x, g, memory, t):
        memory["m"] = m = b1 * memory.get("m", 0.0) + (1 - b1) * g
        left, right = memory.get("Q", [np.eye(n) for n in g.shape])
        u = left @ np.sign(left.T @ m @ right) @ right.T
        grams = [g @ g.T, g.T @ g]
        memory["H"] = [
            b2 * h + (1 - b2) * new for h, new in zip(memory.get("H", [0, 0]), grams, strict=True)
        ]
        if t == 1 or t % inverse_steps == 0:
            memory["Q"] = [
                np.linalg.svd(h)[0] if len(h) <= max_dim else np.eye(len(h)) for h in memory["H"]
            ]
        rate = 2 / sum(x.shape) if max(x.shape) <= max_dim else nonstandard_constant
        return lr * rate * (u + weight_decay * x)

    def other_step(x, g, memory, t):
        memory["m"] = m = b1 * memory.get("m", 0.0) + (1 - b1) * g
        return lr * nonstandard_constant * (np.sign(m) + weight_decay * x)

    return by_matrix(problem, matrix_step, other_step)


def inverse_root(a, eps):
    values, vectors = np.linalg.eigh(a + eps * np.eye(len(a)))
    return vectors @ np.diag(values**-0.5) @ vectors.T


def kl_shampoo(problem, *, lr, b1, b2, eps, weight_decay):
    """Lin et al. 2025: moving averages of g·R⁻¹·gᵀ/columns and gᵀ·L⁻¹·g/rows."""

    def of_matrix(x, g, memory, t):
        m, n = g.shape
        left, right = memory.get("LR", (np.eye(m), np.eye(n)))
        by_right = g @ np.linalg.inv(right + eps * np.eye(n)) @ g.T / n
        by_left = g.T @ np.linalg.inv(left + eps * np.eye(m)) @ g / m
        left, right = b2 * left + (1 - b2) * by_right, b2 * right + (1 - b2) * by_left
        memory["LR"] = left, right
        memory["m"] = mean = b1 * memory.get("m", 0.0) + (1 - b1) * g
        return lr * (inverse_root(left, eps) @ mean @ inverse_root(right, eps) + weight_decay * x)

    def of_vector(x, g, memory, t):
        g = np.ravel(g)
        memory["H"] = h = b2 * memory.get("H", np.eye(len(g))) + (1 - b2) * np.outer(g, g)
        memory["m"] = mean = b1 * memory.get("m", 0.0) + (1 - b1) * g
        return lr * ((inverse_root(h, eps) @ mean).reshape(x.shape) + weight_decay * x)

    return by_matrix(problem, of_matrix, of_vector)


SPLUS = {
    "b1": 0.7, "b2": 0.8, "weight_decay": 0.1, "inverse_steps": 3, "nonstandard_constant": 0.2,
    "ema_rate": 0.9,
}  # fmt: skip

CASES = [
    Case("splus", jd.splus, None, SPLUS, paper=splus, rate=0.1),
    Case("splus of one side", jd.splus, None, SPLUS | {"max_dim": 3}, paper=splus, rate=0.1),
    Case(
        "kl_shampoo", jd.kl_shampoo, None,
        {"b1": 0.7, "b2": 0.8, "eps": 1e-2, "weight_decay": 0.1}, paper=kl_shampoo, rate=0.02,
    ),
]  # fmt: skip
