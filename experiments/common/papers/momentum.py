"""Gradient descent and its momentum."""

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def sgd(problem, *, lr):
    x = problem.x0
    for t in range(1, problem.steps + 1):
        x = x - lr * problem.gradient(x, t)
        yield x


def sgd_of_torch(problem, *, lr, momentum, dampening):
    """torch.optim.SGD as its documentation writes it."""
    x, b = problem.x0, None
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        b = g if b is None else momentum * b + (1 - dampening) * g
        x = x - lr * b
        yield x


def heavy_ball(problem, *, lr, momentum):
    """Polyak 1964, eq. (9): xₙ₊₁ = xₙ − α·∇f(xₙ) + β·(xₙ − xₙ₋₁)."""
    before = x = problem.x0
    for t in range(1, problem.steps + 1):
        before, x = x, x - lr * problem.gradient(x, t) + momentum * (x - before)
        yield x


def nesterov(problem, *, lr, momentum):
    """The two-sequence form, at the looked-ahead point y."""
    x = y = problem.x0
    for t in range(1, problem.steps + 1):
        before, x = x, y - lr * problem.gradient(y, t)
        y = x + momentum * (x - before)
        yield y


def sgdw(problem, *, lr, momentum, weight_decay, nesterov=False):
    """Loshchilov & Hutter 2019, Algorithm 1, with its λ = lr·w."""
    theta, m = problem.x0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(theta, t)
        m = momentum * m + lr * g
        step = momentum * m + lr * g if nesterov else m
        theta = theta - step - lr * weight_decay * theta
        yield theta


def qhm(problem, *, lr, momentum, nu):
    """Ma & Yarats 2019, eqs. (3)-(4), the buffer as a weighted sum."""
    theta, past = problem.x0, []
    for t in range(1, problem.steps + 1):
        past.append(problem.gradient(theta, t))
        weights = (1 - momentum) * momentum ** np.arange(t)[::-1]
        theta = theta - lr * ((1 - nu) * past[-1] + nu * (weights @ np.array(past)))
        yield theta


def aggmo(problem, *, lr, betas):
    """Lucas et al. 2019, section 3."""
    theta, velocities = problem.x0, np.zeros((len(betas), problem.x0.size))
    for t in range(1, problem.steps + 1):
        velocities = np.array(betas)[:, None] * velocities - problem.gradient(theta, t)
        theta = theta + lr * velocities.mean(axis=0)
        yield theta


def pid(problem, *, lr, momentum, integral, derivative):
    """P, I and D as sums over all past gradients and their changes."""
    theta, past = problem.x0, []
    for t in range(1, problem.steps + 1):
        past.append(problem.gradient(theta, t))
        ages = np.arange(t)[::-1]
        changes = np.diff(past, axis=0, prepend=past[:1])
        total = momentum**ages @ np.array(past)
        change = (1 - momentum) * momentum**ages @ changes
        theta = theta - lr * (past[-1] + integral * total + derivative * change)
        yield theta


DECAYED = {"momentum": 0.8, "weight_decay": 0.5}

CASES = [
    Case("sgd", jd.sgd, optax.sgd, paper=sgd),
    Case(
        "sgd of torch",
        jd.sgd,
        None,
        {"momentum": 0.8, "dampening": 0.6, "undampened_start": True},
        paper=sgd_of_torch,
        paper_settings={"momentum": 0.8, "dampening": 0.6},
        rate=0.05,
    ),
    Case("heavy_ball", jd.heavy_ball, None, {"momentum": 0.9}, paper=heavy_ball, rate=0.01),
    Case("nesterov", jd.nesterov, None, {"momentum": 0.9}, paper=nesterov, rate=0.01),
    Case("sgdw", jd.sgdw, None, DECAYED, paper=sgdw, rate=0.02),
    Case("sgdw with nesterov", jd.sgdw, None, DECAYED | {"nesterov": True}, paper=sgdw, rate=0.02),
    Case("qhm", jd.qhm, None, {"momentum": 0.9, "nu": 0.7}, paper=qhm),
    Case("aggmo", jd.aggmo, None, {"betas": (0.0, 0.8, 0.95)}, paper=aggmo, rate=0.02),
    Case(
        "pid",
        jd.pid,
        None,
        {"momentum": 0.8, "integral": 0.5, "derivative": 2.0},
        paper=pid,
        rate=0.02,
    ),
]
