"""Gradient descent with a rate for every array."""

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case

DECAYED = {"weight_decay": 0.5, "trust_coefficient": 0.1, "eps": 0.01, "momentum": 0.8}


def lars(
    problem, *, lr, weight_decay, trust_coefficient, eps, momentum, nesterov=False, of_sum=False
):
    """You et al. 2017, Algorithm 1, array by array."""
    xs = problem.leaves(problem.x0)
    vs = [np.zeros_like(x) for x in xs]
    for t in range(1, problem.steps + 1):
        gs = problem.leaves(problem.gradient(problem.joined(xs), t))
        for i, (x, g) in enumerate(zip(xs, gs, strict=True)):
            decayed = np.sqrt(np.sum((g + weight_decay * x) ** 2))
            apart = np.sqrt(np.sum(g**2)) + weight_decay * np.sqrt(np.sum(x**2))
            local = trust_coefficient * np.sqrt(np.sum(x**2))
            local /= (decayed if of_sum else apart) + eps
            increment = lr * local * (g + weight_decay * x)
            vs[i] = momentum * vs[i] + increment
            xs[i] = x - (momentum * vs[i] + increment if nesterov else vs[i])
        yield problem.joined(xs)


def fromage(problem, *, lr, min_norm):
    """Bernstein et al. 2020, Algorithm 1, array by array."""
    xs = problem.leaves(problem.x0)
    for t in range(1, problem.steps + 1):
        gs = problem.leaves(problem.gradient(problem.joined(xs), t))
        for i, (x, g) in enumerate(zip(xs, gs, strict=True)):
            size = max(np.sqrt(np.sum(x**2)), min_norm)
            slope = max(np.sqrt(np.sum(g**2)), min_norm)
            xs[i] = (x - lr * size / slope * g) / np.sqrt(1 + lr**2)
        yield problem.joined(xs)


def sgdp(problem, *, lr, momentum, dampening, weight_decay, nesterov, delta, wd_ratio, first):
    """Heo et al. 2021, Algorithm 1 of SGDP, with the views of the authors' code as rows."""
    xs = problem.leaves(problem.x0)
    buffers = [np.zeros_like(x) for x in xs]
    for t in range(1, problem.steps + 1):
        gs = problem.leaves(problem.gradient(problem.joined(xs), t))
        for i, (x, g) in enumerate(zip(xs, gs, strict=True)):
            buffers[i] = momentum * buffers[i] + (1 - dampening) * g
            step = g + momentum * buffers[i] if nesterov else buffers[i]
            decay = weight_decay
            if x.ndim == 2:
                rows = [x, g, step] if first else [x.T, g.T, step.T]
                step, decay = projected(*rows, decay, delta, wd_ratio)
                step = step if first else step.T
            xs[i] = x * (1 - lr * decay / (1 - momentum)) - lr * step
        yield problem.joined(xs)


def projected(x, g, step, decay, delta, wd_ratio):
    for rows in (x.shape[0], 1):
        x_rows, g_rows, step_rows = (a.reshape(rows, -1).copy() for a in (x, g, step))
        lengths = [np.linalg.norm(row) for row in x_rows]
        cosines = [
            abs(row @ slope) / length / np.linalg.norm(slope)
            for row, slope, length in zip(x_rows, g_rows, lengths, strict=True)
        ]
        if max(cosines) < delta / np.sqrt(x_rows.shape[1]):
            for i, length in enumerate(lengths):
                unit = x_rows[i] / length
                step_rows[i] -= unit * (unit @ step_rows[i])
            return step_rows.reshape(x.shape), decay * wd_ratio
    return step, decay


SGDP = {"momentum": 0.8, "dampening": 0.2, "weight_decay": 0.05, "delta": 1.5, "wd_ratio": 0.3}


def sgd_sai(problem, *, lr, momentum, eps, weight_decay):
    """Xu et al. 2024, Algorithm 1."""
    leaves, scales, means = problem.leaves(problem.x0), {}, {}
    for t in range(1, problem.steps + 1):
        gradients = problem.leaves(problem.gradient(problem.joined(leaves), t))
        for i, (x, g) in enumerate(zip(leaves, gradients, strict=True)):
            if t == 1:
                size = np.sqrt(np.sum(g**2))
                scales[i] = size / (np.std(g, ddof=1) + eps) if g.ndim == 2 else size
            means[i] = momentum * means.get(i, 0.0) + (1 - momentum) * g
            leaves[i] = x - lr * weight_decay * x - lr * scales[i] * means[i]
        yield problem.joined(leaves)


CASES = [
    Case(
        "sgd_sai",
        jd.sgd_sai,
        None,
        {"momentum": 0.8, "eps": 1e-2, "weight_decay": 0.1},
        paper=sgd_sai,
        rate=0.02,
    ),
    Case(
        "lars",
        jd.lars,
        optax.lars,
        DECAYED,
        paper=lars,
        rate=0.2,
        differs="optax divides by the norm of the sum of gradient and decay",
        twin_distance=0.01944,
    ),
    Case(
        "lars as optax has it",
        jd.lars,
        optax.lars,
        DECAYED | {"norm_of_sum": True, "nesterov": True},
        DECAYED | {"nesterov": True},
        paper=lars,
        paper_settings=DECAYED | {"nesterov": True, "of_sum": True},
        rate=0.2,
    ),
    Case("fromage", jd.fromage, optax.fromage, {"min_norm": 1e-6}, paper=fromage, rate=0.02),
    Case("fromage above a norm", jd.fromage, optax.fromage, {"min_norm": 2.0}, paper=fromage),
    Case(
        "sgdp",
        jd.sgdp,
        None,
        SGDP | {"eps": 0.0},
        paper=sgdp,
        paper_settings=SGDP | {"nesterov": False, "first": False},
        rate=0.02,
    ),
    Case(
        "sgdp of channels first with nesterov",
        jd.sgdp,
        None,
        SGDP | {"eps": 0.0, "nesterov": True, "channels_first": True},
        paper=sgdp,
        paper_settings=SGDP | {"nesterov": True, "first": True},
        rate=0.02,
    ),
]
