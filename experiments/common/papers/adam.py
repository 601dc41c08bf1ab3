"""Adam, AdaMax and AMSGrad, with decoupled decay or without."""

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def adam(problem, *, lr, b1, b2, eps, eps_root=0.0, weight_decay=0.0):
    """Kingma & Ba 2015, Algorithm 1; the decay by Loshchilov & Hutter 2019, Algorithm 2, with η·α
    in the place of η."""
    x, m, v = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        x = x - lr * m_hat / (np.sqrt(v_hat + eps_root) + eps) - lr * weight_decay * x
        yield x


def adamax(problem, *, lr, b1, b2, eps, weight_decay=0.0):
    """Kingma & Ba 2015, Algorithm 2, with ε beside |g|."""
    x, m, u = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m = b1 * m + (1 - b1) * g
        u = np.maximum(b2 * u, np.abs(g) + eps)
        x = x - lr / (1 - b1**t) * m / u - lr * weight_decay * x
        yield x


def amsgrad(problem, *, lr, b1, b2, eps):
    """Reddi, Kale & Kumar 2018, Algorithm 2, with ε outside the root."""
    x, m, v, v_hat = problem.x0, 0.0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        v_hat = np.maximum(v_hat, v)
        x = x - lr * m / (np.sqrt(v_hat) + eps)
        yield x


def amsgrad_corrected(problem, *, lr, b1, b2, eps, max_of_raw=False):
    """With Adam's bias correction before the maximum (optax) or after it (torch)."""
    x, m, v, largest = problem.x0, 0.0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        unbiased = 1 - b2**t
        if max_of_raw:
            largest = np.maximum(largest, v)
            denominator = np.sqrt(largest) / np.sqrt(unbiased) + eps
        else:
            largest = np.maximum(largest, v / unbiased)
            denominator = np.sqrt(largest) + eps
        x = x - lr / (1 - b1**t) * m / denominator
        yield x


MEANS = {"b1": 0.8, "b2": 0.9, "eps": 1e-2}
UNCORRECTED = {"bias_correction_mu": False, "bias_correction_nu": False}

CASES = [
    Case("adam", jd.adam, optax.adam, MEANS, paper=adam),
    Case("adam eps_root", jd.adam, optax.adam, MEANS | {"eps_root": 1e-2}, paper=adam),
    Case("adamw", jd.adamw, optax.adamw, MEANS | {"weight_decay": 0.1}, paper=adam),
    Case("adamax", jd.adamax, optax.adamax, MEANS, paper=adamax),
    Case("adamaxw", jd.adamaxw, optax.adamaxw, MEANS | {"weight_decay": 0.1}, paper=adamax),
    Case("amsgrad", jd.amsgrad, optax.amsgrad, MEANS, paper=amsgrad_corrected),
    Case(
        "amsgrad as in the paper",
        jd.amsgrad,
        optax.amsgrad,
        MEANS | UNCORRECTED,
        paper=amsgrad,
        paper_settings=MEANS,
    ),
    Case(
        "amsgrad as in torch", jd.amsgrad, None, MEANS | {"max_of_raw": True},
        paper=amsgrad_corrected,
    ),
]  # fmt: skip
