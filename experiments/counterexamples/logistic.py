"""Gradient descent on logistic regression with separable data, at rates far beyond 2/L.

Bounds are those of Wu, Bartlett, Telgarsky and Yu's argument with constants worked out here, for
‖z_i‖ ≤ 1, z_i·w* ≥ γ with a unit vector w*, and w₀ = 0.

- While it oscillates, comparison with (ln(γ²ηt)/γ + η/(2γ))·w* bounds the sum of the slopes
  G(w) = mean 1/(1 + e^{m_i}): (1/t) Σ G ≤ (η + 2 ln(γ²ηt) + √2)/(γ²ηt). Once G ≤ 1/(2n) every
  margin m_i is positive and the loss at most 2G.
- From the first step s with a loss of at most min(1/(e·η), ln 2/n) on, a step changes the margins
  by less than 1, so that the curvature along it is at most 1/η and the loss falls:
  L(w_{s+t}) ≤ (1/(e·ln 2) + ½ln²(γ²t))/(γ²ηt) where γ²t ≥ 1.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import nnls
from sklearn.datasets import load_digits

import jdescent as jd
from experiments.counterexamples.config import Config

CLASSES = (0, 8)
TWO_POINTS = np.array([[0.1, 0.9], [0.1, -0.5]])


class Data(NamedTuple):
    """Examples z_i = y_i·x_i, none longer than 1, and their margin γ."""

    examples: np.ndarray
    margin: float


def data(examples: np.ndarray) -> Data:
    """The nearest point of their hull to the origin gives the direction of the largest margin."""
    large = 1e3  # makes the weights' sum 1
    count = len(examples)
    system = np.vstack([examples.T, np.full(count, large)])
    weights, _ = nnls(system, np.append(np.zeros(examples.shape[1]), large), maxiter=100 * count)
    nearest = weights @ examples
    return Data(examples, float((examples @ nearest).min() / np.linalg.norm(nearest)))


def digits() -> Data:
    """scikit-learn's zeros and eights, 64 pixels, the longest of length 1."""
    images, labels = load_digits(return_X_y=True)
    chosen = np.isin(labels, CLASSES)
    images = images[chosen] / np.linalg.norm(images[chosen], axis=1).max()
    return data(images * np.where(labels[chosen] == CLASSES[0], 1, -1)[:, None])


def losses(examples: np.ndarray, rates: np.ndarray, steps: int) -> np.ndarray:
    """At every step of each learning rate."""
    z = jnp.asarray(examples)

    def run(rate):
        def loss(w):
            return jnp.mean(jax.nn.softplus(-z @ w))

        start = jnp.zeros(z.shape[1])
        return jd.descend(loss, start, jd.sgd(rate), steps, divergence=jnp.inf).loss

    return np.asarray(jax.jit(jax.vmap(run))(jnp.asarray(rates)))


def runs(config: Config) -> dict:
    """By the data's name: the data, and losses at the rates drawn and at η = T."""
    rates = np.union1d(config.logistic_rates, config.budgets).astype(float)
    found = {}
    with jax.enable_x64(True):
        for name, points in (("digits", digits()), ("two points", data(TWO_POINTS))):
            found[name] = {
                "data": points,
                "rates": rates,
                "losses": losses(points.examples, rates, config.budgets[-1]),
            }
    return found


def settled_below(rate: float, count: int) -> float:
    return min(1 / (math.e * rate), math.log(2) / count)


def settled_at(losses: np.ndarray, rate: float, count: int) -> int | None:
    """s, the first step from which on theory lets the loss only fall; None if there is none."""
    below = np.flatnonzero(losses <= settled_below(rate, count))
    return int(below[0]) if below.size else None


def latest_settling(points: Data, rate: float) -> float:
    """The t at which the bound on the mean slope lets no run oscillate any more."""
    squared = points.margin**2
    needed = min(1 / (2 * math.e * rate), math.log(2) / (2 * len(points.examples)))
    t = math.e / (squared * rate)
    for _ in range(100):  # t = (η + 2 ln(γ²ηt) + √2)/(γ²η·needed), a contraction
        t = (rate + 2 * math.log(squared * rate * t) + math.sqrt(2)) / (squared * rate * needed)
    return t


def settled_bound(points: Data, rate: float, steps: np.ndarray) -> np.ndarray:
    """On the loss so many steps after s; infinite before γ²t = 1."""
    scaled = points.margin**2 * steps
    with np.errstate(divide="ignore", invalid="ignore"):
        top = 1 / (math.e * math.log(2)) + np.log(scaled) ** 2 / 2
        return np.where(scaled >= 1, top / (scaled * rate), np.inf)


def at_budget(runs: dict, config: Config) -> np.ndarray:
    """The loss after T steps at η = T, for each budget T."""
    rows = [int(np.flatnonzero(runs["rates"] == budget)[0]) for budget in config.budgets]
    return runs["losses"][rows, config.budgets]
