"""Steps of one size."""

import numpy as np
import optax
from cases import Case

import jdescent as jd


def lion(problem, *, lr, b1, b2, weight_decay):
    """Chen et al. 2023, Algorithm 2."""
    x, m = problem.x0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        c = b1 * m + (1 - b1) * g
        x = x - lr * (np.sign(c) + weight_decay * x)
        m = b2 * m + (1 - b2) * g
        yield x


CASES = [
    Case(
        "lion",
        jd.lion,
        optax.lion,
        {"b1": 0.9, "b2": 0.99, "weight_decay": 0.1},
        paper=lion,
        rate=0.02,
    ),
]
