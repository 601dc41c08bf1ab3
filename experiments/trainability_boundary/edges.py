"""With one layer frozen the problem is linear, and the edge of stability is exactly 2/λmax."""

import math

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from experiments.trainability_boundary.config import LINEAR
from experiments.trainability_boundary.network import (
    LAST,
    Condition,
    network_loss,
    problem,
    trainer,
)
from jdescent import analysis

INNER, OUTER = 0, 1
FROZEN = {  # name: (condition, the layer that learns, in words)
    "tanh_outer": (Condition("tanh"), OUTER, "tanh, W₀ frozen"),
    "linear_outer": (LINEAR, OUTER, "linear network, W₀ frozen"),
    "linear_inner": (LINEAR, INNER, "linear network, W₁ frozen"),
}


def frozen_edges(rates: int, steps: int) -> dict[str, dict]:
    """The edge of convergence along one layer's learning rate alone, beside 2/λmax."""
    found = {}
    for name, (condition, layer, _) in FROZEN.items():
        sharpness, share = top_curvature(condition, layer)
        limit = float(analysis.gd_limit(sharpness))
        late = math.log(1 / share) / (4 * (steps - LAST))
        relative = np.linspace(1 - late, 1 + 2 * late, rates)
        points = np.full((rates, 2), -np.inf)  # log₁₀ of a learning rate of 0
        points[:, layer] = np.log10(limit * relative)
        train = trainer(condition, steps)
        outcome = jd.sweep(train, point=points).result.values < 0
        found[name] = {
            "limit": limit,
            "edge": analysis.crossing(relative, outcome),
            "late": late,
        }
    return found


def top_curvature(condition: Condition, layer: int) -> tuple[float, float]:
    """λmax of the Hessian in one layer, and the share of the first loss along its eigenvector."""
    params, data = problem(condition)
    batch_loss = network_loss(condition.activation)

    def loss(weights):
        both = [*params]
        both[layer] = weights.reshape(params[layer].shape)
        return batch_loss(tuple(both), data)

    @jax.jit
    def sharpness_and_share(weights):
        value, gradient = jax.value_and_grad(loss)(weights)
        curvatures, directions = jnp.linalg.eigh(jax.hessian(loss)(weights))
        along = (directions[:, -1] @ gradient) ** 2 / (2 * curvatures[-1])
        return curvatures[-1], along / value

    sharpness, share = sharpness_and_share(params[layer].ravel())
    return float(sharpness), float(share)
