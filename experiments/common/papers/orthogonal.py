"""Steps that are orthogonal matrices."""

import inspect
import math

import jax
import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case
from jdescent.optimizers.matrices import MuonDimensionNumbers

HAS_ALL = "consistent_rms" in inspect.signature(optax.contrib.muon).parameters
OPTAXS = optax.contrib.muon if HAS_ALL else None  # older versions have fewer settings
QUINTIC = (3.4445, -4.7750, 2.0315)


def outputs_first(params):
    return jax.tree.map(lambda x: MuonDimensionNumbers(1, 0) if x.ndim == 2 else None, params)


def orthogonal(g, coefficients, eps, bound=lambda s: np.sqrt(np.sum(s**2))):
    """What Newton-Schulz steps make of singular values, which is all that they change."""
    u, s, v = np.linalg.svd(g, full_matrices=False)
    s = s / (bound(s) + eps)
    for a, b, c in coefficients:
        s = a * s + b * s**3 + c * s**5
    return u @ np.diag(s) @ v


def adam_step(g, memory, t, b1, b2, eps, nesterov=False):
    """Kingma and Ba 2015, Algorithm 1; with nesterov as Dozat 2016."""
    m, v = memory.get("m", 0.0), memory.get("v", 0.0)
    memory["m"], memory["v"] = m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    mean = m / (1 - b1**t)
    if nesterov:
        mean = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
    return mean / (np.sqrt(v / (1 - b2**t)) + eps)


def by_matrix(problem, matrix_step, other_step):
    """Walk with one step for matrices and another for other leaves, each with its own memory."""
    leaves = problem.leaves(problem.x0)
    memories = [{} for _ in leaves]
    for t in range(1, problem.steps + 1):
        gradients = problem.leaves(problem.gradient(problem.joined(leaves), t))
        for i, (x, g) in enumerate(zip(leaves, gradients, strict=True)):
            step = matrix_step if x.ndim == 2 else other_step
            leaves[i] = x - step(x, g, memories[i], t)
        yield problem.joined(leaves)


def muon(
    problem, *, lr, beta, eps, weight_decay=0.0, outputs_first=False, match_rms=None,
    nesterov=True, adaptive=False, ns_coeffs=5 * [QUINTIC], bound=None, nadam=False,
):  # fmt: skip
    """Jordan's blog: B ← μ·B + G, O ← NS(G + μ·B), x ← x − η·√max(1, outputs/inputs)·O.

    With nadam the momentum of Dozat 2016, for other leaves as well.
    """

    def matrix_step(x, g, memory, t):
        memory["B"] = beta * memory.get("B", 0.0) + g
        momentum = g + beta * memory["B"] if nesterov else memory["B"]
        if nadam:
            corrected = memory["B"] / sum(beta**k for k in range(t + 1))
            momentum = beta * corrected + (1 - beta) * g / (1 - beta**t)
        else:
            momentum = (1 - beta) * momentum  # which only ε and `adaptive` can tell
        o = orthogonal(momentum, ns_coeffs, eps, **({} if bound is None else {"bound": bound}))
        if adaptive:
            o = np.trace(momentum.T @ o) * o
        outputs, inputs = x.shape if outputs_first else x.shape[::-1]
        scale = math.sqrt(max(1, outputs / inputs))
        if match_rms is not None:
            scale = match_rms * math.sqrt(max(outputs, inputs))
        return lr * scale * o + lr * weight_decay * x

    def other_step(x, g, memory, t):
        return lr * adam_step(g, memory, t, 0.9, 0.999, eps, nadam)

    return by_matrix(problem, matrix_step, other_step)


def adamw_step(problem_lr):
    return lambda x, g, memory, t: problem_lr * adam_step(g, memory, t, 0.9, 0.999, 1e-8)


def normuon(problem, *, lr, b1, b2, eps, weight_decay, nesterov=False, consistent_rms=0.2):
    """Li et al. 2025, Algorithm 1, in its layout of outputs × inputs: a neuron is a row."""

    def matrix_step(x, g, memory, t):
        w, g = x.T, g.T
        memory["M"] = m = b1 * memory.get("M", 0.0) + (1 - b1) * g
        o = orthogonal(b1 * m + (1 - b1) * g if nesterov else m, 5 * [QUINTIC], eps)
        v = memory.get("v", np.zeros(len(w)))
        memory["v"] = v = np.array([b2 * a + (1 - b2) * row @ row / len(row)
                                    for a, row in zip(v, o, strict=True)])  # fmt: skip
        normalized = np.array([row / (math.sqrt(a) + eps) for a, row in zip(v, o, strict=True)])
        if consistent_rms is None:
            size = np.linalg.norm(o) * math.sqrt(max(1, w.shape[0] / w.shape[1]))
        else:
            size = consistent_rms * math.sqrt(w.size)
        rate = lr * size / np.linalg.norm(normalized)
        return (lr * weight_decay * w + rate * normalized).T

    return by_matrix(problem, matrix_step, adamw_step(lr))


def adamuon(problem, *, lr, b1, b2, eps, weight_decay, signed=True, nesterov=False):
    """Si et al. 2025, Algorithm 1."""

    def matrix_step(x, g, memory, t):
        memory["M"] = m = b1 * memory.get("M", 0.0) + g
        m = (1 - b1) * (g + b1 * m if nesterov else m)
        o = orthogonal(np.where(m > 0, 1.0, -1.0) if signed else m, 5 * [QUINTIC], eps)
        memory["V"] = v = b2 * memory.get("V", 0.0) + (1 - b2) * o * o
        o = o / (np.sqrt(v) + eps)
        gamma = 0.2 * math.sqrt(x.size) / np.linalg.norm(o)
        return lr * (gamma * o + weight_decay * x)

    return by_matrix(problem, matrix_step, adamw_step(lr))


def scion(problem, *, lr, alpha, scale, unconstrained, eps, norm="spectral", outputs_first=False):
    """Pethick et al. 2025, Algorithms 1 (unconstrained) and 2."""

    def step(x, g, memory, t):
        memory["d"] = d = (1 - alpha) * memory.get("d", 0.0) + alpha * g
        if x.ndim == 2:
            outputs, inputs = x.shape if outputs_first else x.shape[::-1]
            if norm == "sign":
                lmo = -np.sign(d) / inputs
            else:
                lmo = -math.sqrt(outputs / inputs) * orthogonal(d, 5 * [QUINTIC], eps)
        else:
            lmo = -d / (math.sqrt(np.mean(d * d)) + eps)
        new = x + lr * scale * lmo if unconstrained else (1 - lr) * x + lr * scale * lmo
        return x - new

    return by_matrix(problem, step, step)


MUON = {"beta": 0.8, "eps": 1e-3, "weight_decay": 0.1}
EXACT = ((2.0, -1.5, 0.5),) * 3 + ((1.875, -1.25, 0.375),) * 3


NORMUON = {"b1": 0.8, "b2": 0.7, "eps": 1e-2, "weight_decay": 0.1}
SCION = {"alpha": 0.3, "scale": 2.0, "unconstrained": False, "eps": 1e-2}

RMS = MUON | {"consistent_rms": 0.2}

CASES = [
    Case(
        "muon", jd.muon, OPTAXS, MUON, paper=muon, rate=0.01,
        differs="optax takes the momentum as NAdam does, and gives the rest to NAdamW",
        twin_distance=0.0175,
    ),
    Case(
        "muon as in optax, in size as AdamW", jd.muon, OPTAXS,
        RMS | {"bias_correction": True}, twin_settings=RMS, paper=muon,
        paper_settings=MUON | {"nadam": True, "match_rms": 0.2}, rate=0.01,
    ),
    Case(
        "muon of outputs × inputs", jd.muon, None,
        MUON | {"muon_weight_dimension_numbers": outputs_first, "nesterov": False}, paper=muon,
        paper_settings=MUON | {"outputs_first": True, "nesterov": False}, rate=0.01,
    ),
    Case(
        "muon adaptive", jd.muon, OPTAXS,
        {"beta": 0.8, "eps": 1e-12, "adaptive": True, "ns_coeffs": EXACT, "ns_steps": 6,
         "preconditioning": "spectral", "bias_correction": True, "nesterov": False},
        twin_settings={"beta": 0.8, "eps": 1e-12, "adaptive": True, "ns_coeffs": EXACT,
                       "ns_steps": 6, "preconditioning": "spectral", "nesterov": False},
        rate=0.001,
    ),
    Case("normuon", jd.normuon, None, NORMUON, paper=normuon, rate=0.02),
    Case(
        "normuon as its authors have it", jd.normuon, None,
        NORMUON | {"nesterov": True, "consistent_rms": None}, paper=normuon, rate=0.01,
    ),
    Case("adamuon", jd.adamuon, None, NORMUON, paper=adamuon, rate=0.02),
    Case(
        "adamuon as its authors have it", jd.adamuon, None,
        NORMUON | {"signed": False, "nesterov": True}, paper=adamuon, rate=0.02,
    ),
    Case("scion", jd.scion, None, SCION, paper=scion, rate=0.02),
    Case(
        "scion unconstrained of outputs × inputs", jd.scion, None,
        SCION | {"unconstrained": True, "outputs_first": True}, paper=scion, rate=0.01,
    ),
    Case("scion of signs", jd.scion, None, SCION | {"norm": "sign"}, paper=scion, rate=0.02),
]  # fmt: skip
