"""What is measured of the ends: scores, agreement, and barriers between them.

Reference: Choromanska, Henaff, Mathieu, Ben Arous & LeCun 2015, "The Loss Surfaces of Multilayer
Networks" (many minima, alike in loss and on held-out data).
"""

import jax
import numpy as np

from experiments.common.digits import CLASSES
from experiments.common.perceptron import Perceptron
from experiments.many_minima import matching, networks, paths
from experiments.many_minima.config import Config

RIGHT_ANGLE = 2**0.5


def scores(models: Perceptron, config: Config) -> dict[str, np.ndarray]:
    """Of every network, its cross-entropy on the training and its accuracy on the other digits."""
    train, test = networks.digits(config)
    return {
        "loss": np.asarray(networks.each(networks.cross_entropy, models, train)),
        "accuracy": np.asarray(networks.each(networks.accuracy, models, test)),
    }


def in_pairs(models: Perceptron) -> tuple[Perceptron, Perceptron]:
    """The first and second of every two neighbors, so that no network is in two pairs."""
    even = len(models[0].biases) // 2 * 2
    return networks.pick(models, slice(0, even, 2)), networks.pick(models, slice(1, even, 2))


def agreements(ends: Perceptron, config: Config) -> dict[str, np.ndarray]:
    """How often both of a pair give a held-out digit one class, and what independent errors give.

    Of accuracies p and q, pq + (1 − p)(1 − q)/9, if an error is any of the nine other classes.
    """
    held_out = networks.digits(config).test
    guesses = np.asarray(networks.each(networks.guesses, ends, held_out))
    right = np.mean(guesses == np.asarray(held_out[1]), axis=1)
    even = len(guesses) // 2 * 2
    p, q = right[:even:2], right[1:even:2]
    return {
        "measured": np.mean(guesses[:even:2] == guesses[1:even:2], axis=1),
        "independent": p * q + (1 - p) * (1 - q) / (CLASSES - 1),
    }


def barriers_between(models: Perceptron, config: Config) -> dict[str, np.ndarray]:
    """Of every pair's straight line, as they are and matched."""
    a, b = in_pairs(models)
    return {
        "straight": paths.straight_heights(a, b, config),
        "matched": paths.straight_heights(a, matching.all_matched(a, b), config),
    }


def of_twins(ends: Perceptron, config: Config) -> dict:
    """Every second end beside a twin of itself."""
    a, _ = in_pairs(ends)
    twins = [matching.twin(network, seed) for seed, network in enumerate(matching.one_by_one(a))]
    b = jax.tree.map(lambda *leaves: np.stack(leaves), *twins)
    found = matching.all_matched(a, b)
    off = jax.tree.leaves(jax.tree.map(lambda x, y: np.max(np.abs(x - y)), a, found))
    return {
        "heights": paths.straight_heights(a, b, config),
        "left_after_matching": float(np.max(off)),
    }


def softmax_regressions(config: Config) -> dict:
    """Softmax regression from all its starts, in float64."""
    with jax.enable_x64(True):
        ends, gradients = networks.one_bowl(config)
        found: dict = scores(ends, config)
    flat = np.concatenate([np.reshape(x, (len(x), -1)) for x in jax.tree.leaves(ends)], axis=1)
    gaps = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    norm = float(np.linalg.norm(flat, axis=1).max())
    # λ-strong convexity: ‖x − x*‖ ≤ ‖∇J(x)‖/λ
    bound = 2 * float(gradients[:, -1].max()) / config.weight_decay
    return found | {"ends": ends, "gap": float(gaps.max()) / norm, "bound": bound / norm}
