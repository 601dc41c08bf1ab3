"""Gradient descent and noise."""

import jax
import numpy as np

import jdescent as jd
from experiments.common.case import Case


def noisy_sgd(problem, *, lr, eta, gamma, seed):
    """Neelakantan et al. 2015, eq. (1), from the keys that the docstring of ours names."""
    x = problem.x0
    for t in range(problem.steps):
        key = jax.random.fold_in(jax.random.key(seed), t)
        sigma = np.sqrt(eta / (1 + t) ** gamma)
        noise = [
            sigma * np.asarray(jax.random.normal(jax.random.fold_in(key, i), leaf.shape))
            for i, leaf in enumerate(problem.leaves(x))
        ]
        x = x - lr * (problem.gradient(x, t + 1) + problem.joined(noise))
        yield x


def asgd(problem, *, lr, lambd, alpha, weight_decay):
    """torch.optim.ASGD, as its documentation and step function have it."""
    x, eta = problem.x0, lr
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t) + weight_decay * x
        x = x * (1 - lambd * eta) - eta * g
        eta = lr / (1 + lambd * lr * t) ** alpha
        yield x


CASES = [
    Case(
        "noisy_sgd",
        jd.noisy_sgd,
        None,
        {"eta": 0.5, "gamma": 0.55, "seed": 3},
        paper=noisy_sgd,
    ),
    Case(
        "asgd",
        jd.asgd,
        None,
        {"lambd": 0.3, "alpha": 0.75, "t0": 20, "weight_decay": 0.1},
        paper=asgd,
        paper_settings={"lambd": 0.3, "alpha": 0.75, "weight_decay": 0.1},
    ),
]
