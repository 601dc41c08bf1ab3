"""Where a random walk with weight decay settles, in closed form.

The gradients gₜ of a scale-invariant weight vector x of C entries are independent of one another,
and orthogonal to x on average. Then x is a sum of past updates uₜ, each shrunk by the decay since,

    AdamW, Lion:  xₜ₊₁ = r·xₜ − η·uₜ,  r = 1 − ηw
    SGDM:         the heavy ball on a bowl of curvature w, in gradient noise

and in equilibrium, with U = E uₜ² of an entry and Rₖ the correlation of uₜ and uₜ₊ₖ,

    ‖x‖² = C·η²U/(1 − r²)·(1 + 2 Σ rᵏRₖ),   cos θ = (1 + r²)/(2r) − Cη²U/(2r‖x‖²)

for the angle θ of a step. It is exact but for terms of order 1/C, and of 1 − β₂ for AdamW, whose v
is taken as known. The paper's forms (`limit`) are what is left of it for ηw ≪ 1 − β.

Reference: Kosson, Messmer & Jaggi 2024, "Rotational Equilibrium: How Weight Decay Balances Learning
Across Neural Networks", table 1 (the angles also in the authors' code).
"""

from typing import NamedTuple

import numpy as np

from jdescent import analysis

FORGOTTEN = 1e-12  # correlations below this are left out of Lion's sum


class Equilibrium(NamedTuple):
    """The angle of a step, in radians, and the norm of the weights."""

    angle: float
    norm: float


class Walk(NamedTuple):
    """A method and its settings: `beta` is Adam's and Lion's β₁, SGDM's momentum."""

    method: str
    rate: float
    decay: float
    beta: float
    slow: float = 0.0


def equilibrium(walk: Walk, dimension: int) -> Equilibrium:
    """Where it settles."""
    return {"adamw": adamw, "sgdm": sgdm, "lion": lion}[walk.method](walk, dimension)


def adamw(walk: Walk, dimension: int) -> Equilibrium:
    """u = m/√v with v = E g²: U = (1−β)/(1+β), Rₖ = βᵏ; cos θ = (r + β)/(1 + rβ)."""
    _, rate, decay, beta, _ = walk
    kept = 1 - rate * decay
    memory = 1 + 2 * kept * beta / (1 - kept * beta)
    return decoupled(walk, (1 - beta) / (1 + beta), memory, dimension)


def lion(walk: Walk, dimension: int) -> Equilibrium:
    """u = sign(c), c Gaussian: U = 1, Rₖ = (2/π) arcsin ρₖ, ρₖ the correlations of c."""
    kept, correlations = 1 - walk.rate * walk.decay, lion_correlations(walk.beta, walk.slow)
    powers = kept ** np.arange(1, len(correlations) + 1)
    memory = 1 + 2 * float(powers @ (2 / np.pi * np.arcsin(correlations)))
    return decoupled(walk, 1.0, memory, dimension)


def lion_correlations(fast: float, slow: float) -> np.ndarray:
    """ρ₁, ρ₂, … of c = β₁m + (1−β₁)g, where m is the mean with β₂ of the gradients before."""
    lags = np.arange(1, int(np.log(FORGOTTEN) / np.log(slow)) + 2)
    first = fast * (1 - slow) * (1 - fast + fast * slow / (1 + slow))
    return first * slow ** (lags - 1) / lion_spread(fast, slow)


def lion_spread(fast: float, slow: float) -> float:
    """Var c in units of the gradient's: (1−β₁)² + β₁²(1−β₂)/(1+β₂)."""
    return (1 - fast) ** 2 + fast**2 * (1 - slow) / (1 + slow)


def decoupled(walk: Walk, size: float, memory: float, dimension: int) -> Equilibrium:
    """From U and 1 + 2 Σ rᵏRₖ."""
    kept = 1 - walk.rate * walk.decay
    lost = walk.rate * walk.decay * (1 + kept)  # 1 − r²
    square = dimension * walk.rate**2 * size * memory / lost
    cosine = (1 + kept**2 - lost / memory) / (2 * kept)
    return Equilibrium(float(np.arccos(cosine)), float(np.sqrt(square)))


def sgdm(walk: Walk, dimension: int) -> Equilibrium:
    """Gradients of C−1 directions and of size 1/‖x‖ in each: ‖x‖⁴ is the heavy ball's variance.

    cos θ = 1 − ηw/(1 + β), its correlation at lag 1.
    """
    _, rate, decay, beta, _ = walk
    fourth = (dimension - 1) * analysis.heavy_ball_variance(rate, decay, beta, 1.0)
    cosine = 1 - rate * decay / (1 + beta)
    return Equilibrium(float(np.arccos(cosine)), float(fourth**0.25))


def limit(walk: Walk, dimension: int) -> Equilibrium:
    """The paper's forms, for ηw ≪ 1 − β; Lion's takes arcsin ρ for ρ."""
    method, rate, decay, beta, slow = walk
    if method == "sgdm":
        fourth = (dimension - 1) * rate / (2 * decay * (1 - beta))
        return Equilibrium((2 * rate * decay / (1 + beta)) ** 0.5, fourth**0.25)
    if method == "adamw":
        ratio, gain = (1 - beta) / (1 + beta), 1.0
    else:
        ratio = np.pi / 2 * lion_spread(beta, slow)
        gain = 1 / ratio
    angle = np.sqrt(2 * rate * decay * ratio)
    return Equilibrium(float(angle), float(np.sqrt(rate * dimension * gain / (2 * decay))))


def approach(walk: Walk, dimension: int, start: float, steps: int) -> np.ndarray:
    """‖x‖ after 0, 1, …, steps from ‖x‖ = start, but for the first 1/(1 − β) steps.

    With N = ‖x‖² and its end N∞, N ← r²N + (1 − r²)N∞·q: q = 1 for Lion; for AdamW q = g²/v, where
    v follows g² = 1/N with β₂; for SGDM q = N∞/N and r² = 1 − 2ηw/(1 − β).
    """
    end = equilibrium(walk, dimension).norm ** 2
    product = walk.rate * walk.decay
    lost = product * (2 - product) if walk.method != "sgdm" else 2 * product / (1 - walk.beta)
    squares, square, v = [start**2], start**2, 0.0
    for step in range(1, steps + 1):
        v = walk.slow * v + (1 - walk.slow) / square
        adapted = (1 - walk.slow**step) / (square * v)
        size = {"lion": 1.0, "adamw": adapted, "sgdm": end / square}[walk.method]
        square = (1 - lost) * square + lost * end * size
        squares.append(square)
    return np.sqrt(squares)


def plain_approach(walk: Walk, dimension: int, start: float, steps: np.ndarray) -> np.ndarray:
    """‖x‖ were its square to approach its end as e^(−2ηwt), with ηw/(1 − β) for SGDM's ηw."""
    end = equilibrium(walk, dimension).norm ** 2
    pace = walk.rate * walk.decay / (1 - walk.beta if walk.method == "sgdm" else 1)
    return np.sqrt(end + (start**2 - end) * np.exp(-2 * pace * steps))
