"""Exact second moments of descent on a noisy quadratic, with momentum and without; Adam's nearly.

    L(x) = ½ Σ hᵢxᵢ²        gᵢ = hᵢxᵢ + noise of variance cᵢ/B

With velocity v ← βv − ηg, x ← x + v the moments (E x², E xv, E v², 1) of each coordinate go by one
matrix a step; its powers by squaring give E L after any number of steps.

Of Adam without momentum, E x² and v = E g² follow each other where β₂ is near 1, so that v of a run
hardly differs from its mean:

    v ← β₂v + (1 − β₂)(h²m + c/B)        m ← (1 − ηh/√v̂)²m + η²c/(B·v̂)

Reference: G. Zhang, L. Li, Z. Nado, J. Martens, S. Sachdeva, G. Dahl, C. Shallue and R. Grosse,
2019, Which Algorithmic Choices Matter at Which Batch Sizes? Insights From a Noisy Quadratic Model,
arXiv 1907.04164, section 3 (the model and its moments under SGD and momentum).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import optimize

Vector = Float[np.ndarray, " d"]
LONGEST = 2**24
EPSILON = 1e-8  # of Adam


class Quadratic(NamedTuple):
    """Coordinates apart from each other.

    Attributes:
        curvature: h.
        noise: c, the variance of one example's gradient.
        start: E x² at first.
    """

    curvature: Vector
    noise: Vector
    start: Vector

    @property
    def first_loss(self) -> float:
        return self.loss(self.start)

    def loss(self, moments: Vector) -> float:
        return 0.5 * float(self.curvature @ moments)


def noisy_quadratic(dimensions: int) -> Quadratic:
    """hᵢ = cᵢ = 1/i, as in the paper, where noise is as a Fisher matrix that equals the Hessian."""
    h = 1 / np.arange(1, dimensions + 1)
    return Quadratic(h, h, np.ones(dimensions))


def preconditioned(q: Quadratic, power: float) -> Quadratic:
    """What descent with the preconditioner h^−p sees, in the coordinates in which it is descent."""
    scale = q.curvature**-power
    return Quadratic(q.curvature * scale, q.noise * scale, q.start / scale)


class Momentum(NamedTuple):
    """Descent on a quadratic with one rate, momentum β ≥ 0 and batches of one size."""

    q: Quadratic
    rate: float
    batch: float
    beta: float = 0.0

    def start(self) -> Float[np.ndarray, "d 4"]:
        zero = np.zeros_like(self.q.start)
        return np.stack([self.q.start, zero, zero, zero + 1], axis=1)

    def step(self) -> Float[np.ndarray, "d 4 4"]:
        """The map of the moments, from x ← (1 − ηh)x + βv + ηn, v ← −ηhx + βv + ηn."""
        pull, beta = self.rate * self.q.curvature, self.beta
        kick = self.rate**2 * self.q.noise / self.batch
        a, b, c = 1 - pull, np.full_like(pull, beta), -pull
        rows = [
            [a * a, 2 * a * b, b * b, kick],
            [a * c, a * b + b * c, b * b, kick],
            [c * c, 2 * c * b, b * b, kick],
            [0 * a, 0 * a, 0 * a, 0 * a + 1],
        ]
        return np.moveaxis(np.array(rows), -1, 0)

    def loss(self, steps: int) -> float:
        """E L after so many steps; infinite where it overflows."""
        state, power = self.start(), self.step()
        with np.errstate(over="ignore", invalid="ignore"):
            while steps:
                if steps % 2:
                    state = _times(power, state)
                steps, power = steps // 2, power @ power
            return _finite(self.q.loss(state[:, 0]))

    def steps_to(self, target: float) -> float:
        """The step after which E L has come to the target; infinite if it never does."""
        state, powers = self.start(), [self.step()]
        with np.errstate(over="ignore", invalid="ignore"):
            while not self._after(powers[-1], state) <= target:
                if 2 ** len(powers) > LONGEST or not np.isfinite(self._after(powers[-1], state)):
                    return math.inf
                powers.append(powers[-1] @ powers[-1])
            taken = 0
            for place in reversed(range(len(powers))):
                if self._after(powers[place], state) > target:
                    state, taken = _times(powers[place], state), taken + 2**place
        return taken + 1

    def _after(self, power: np.ndarray, state: np.ndarray) -> float:
        return self.q.loss(_times(power, state)[:, 0])


def _times(power: np.ndarray, state: np.ndarray) -> np.ndarray:
    return np.einsum("nij,nj->ni", power, state)


def _finite(value: float) -> float:
    return value if np.isfinite(value) else math.inf


def adam_loss(q: Quadratic, rate: float, batch: float, decay: float, steps: int) -> float:
    """Of Adam with β₁ = 0 and β₂ = decay."""
    moment, v = q.start, np.zeros_like(q.start)
    for t in range(1, steps + 1):
        v = decay * v + (1 - decay) * (q.curvature**2 * moment + q.noise / batch)
        root = np.sqrt(v / (1 - decay**t)) + EPSILON
        pull = rate * q.curvature / root
        moment = (1 - pull) ** 2 * moment + rate**2 * q.noise / (batch * root**2)
    return _finite(q.loss(moment))


def best_rate(loss: Callable[[float], float], low: float, high: float) -> float:
    """The rate at which a smooth loss is least, by a grid and then within its best cell."""
    rates = np.geomspace(low, high, 40)
    place = int(np.argmin([loss(rate) for rate in rates]))
    around = np.log(rates[max(place - 1, 0)]), np.log(rates[min(place + 1, len(rates) - 1)])
    found = optimize.minimize_scalar(
        lambda log: loss(math.exp(log)), bounds=around, method="bounded", options={"xatol": 1e-3}
    )
    return math.exp(found.x)


class Tuned(NamedTuple):
    """The fewest steps to a target, and the rate that needs them."""

    rate: float
    steps: float


def fewest_steps(q: Quadratic, batch: float, beta: float, target: float) -> Tuned:
    """At the best of many constant rates below the limit 2(1 + β)/h."""
    limit = 2 * (1 + beta) / q.curvature.max()
    rates = np.geomspace(1e-4 * (1 - beta), 0.99 * limit, 60)
    steps = [Momentum(q, rate, batch, beta).steps_to(target) for rate in rates]
    place = int(np.argmin(steps))
    return Tuned(float(rates[place]), float(steps[place]))
