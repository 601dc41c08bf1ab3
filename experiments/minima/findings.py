"""What is measured of the ends: scores, distances and barriers, and the headline numbers.

Reference: Choromanska, Henaff, Mathieu, Ben Arous & LeCun 2015, "The Loss Surfaces of Multilayer
Networks" (many minima, alike in loss and on held-out data).
"""

import jax
import numpy as np
from jaxtyping import Float

from experiments.learners.digits import CLASSES
from experiments.learners.perceptron import Perceptron
from experiments.learners.seeds import mean_interval
from experiments.minima import matching, networks, paths
from experiments.minima.settings import Config
from experiments.report import Number, Numbers

RIGHT_ANGLE = 2**0.5
ROUNDING = 1e-5  # of float32, in losses of a mean over hundreds of examples and distances


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


def of_pairs(table: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " pairs"]:
    """The entries of the same pairs."""
    firsts = np.arange(0, len(table) - 1, 2)
    return table[firsts, firsts + 1]


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


def linear(config: Config) -> dict:
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


def mean(samples: np.ndarray, meaning: str, **expected: float) -> Number:
    """The mean with its interval; a rerun may miss it by the interval's width."""
    center, (low, high) = mean_interval(samples)
    theory, tolerance = expected.pop("theory", None), expected.pop("tolerance", high - low)
    return Number(center, theory, tolerance, meaning, interval=(low, high), **expected)


def score_numbers(ends: dict, one_bowl: dict, agreement: dict, config: Config) -> Numbers:
    accuracy, baseline = ends["accuracy"], float(one_bowl["accuracy"].mean())
    sampling = np.sqrt(accuracy.mean() * (1 - accuracy.mean()) / networks.held_out(config))
    return {
        "training_loss": mean(
            ends["loss"],
            "cross-entropy on the training digits at the ends, in nats; at most softmax "
            "regression's",
            at_most=float(one_bowl["loss"].mean()),
        ),
        "training_loss_spread": Number(
            float(ends["loss"].std(ddof=1)),
            None,
            float(ends["loss"].std(ddof=1)) / 2,
            "its standard deviation over starts, in nats; at most a tenth of the mean",
            at_most=float(ends["loss"].mean()) / 10,
        ),
        "held_out_accuracy": mean(
            accuracy,
            "share of held-out digits that an end reads; at least softmax regression's",
            at_least=baseline,
        ),
        "held_out_accuracy_spread": Number(
            float(accuracy.std(ddof=1)),
            None,
            float(accuracy.std(ddof=1)) / 2,
            "its standard deviation over starts; at most the standard error √(p(1 − p)/n) that n "
            "held-out digits leave in the accuracy of one end",
            at_most=float(sampling),
        ),
        "agreement": mean(
            agreement["measured"],
            "share of held-out digits that two ends read alike, right or wrong; at least what two "
            "of their accuracy give that err independently",
            at_least=float(agreement["independent"].mean()),
        ),
        "gradient_left": Number(
            float(ends["gradient"][:, -1].max() / ends["gradient"][:, 0].min()),
            None,
            0.01,
            "largest norm of the gradient at an end over the smallest at a start",
            at_most=0.01,
        ),
        "one_bowl_gap": Number(
            one_bowl["gap"],
            0.0,
            1e-9,
            "largest distance between two ends of softmax regression over their norm; tolerance: "
            "strong convexity leaves 2‖∇J‖/λ",
        ),
    }


def distance_numbers(distances: dict) -> Numbers:
    plain, best = distances["ends"]
    _, (low, high) = mean_interval(of_pairs(plain))
    _, best_start = distances["starts"]
    _, best_longer = distances["longer"]
    every_pair = np.triu_indices(len(best), 1)
    return {
        "distance": mean(
            of_pairs(plain),
            "distance between two ends over their root mean square norm; theory: as each twin of "
            "an end is as likely an end, they are at a right angle on average, but for the last "
            "biases, which have no twin; tolerance: a hundredth for these, and the interval",
            theory=RIGHT_ANGLE,
            tolerance=0.01 * RIGHT_ANGLE + high - low,
        ),
        "distance_matched": mean(
            of_pairs(best),
            "the same after matching neurons; at most that of two starts",
            at_most=float(of_pairs(best_start).mean()),
        ),
        "distance_matched_nearest": Number(
            float(best[every_pair].min()),
            None,
            0.1,
            f"the same of the nearest of all {len(every_pair[0])} pairs; at least 0.1, where "
            "rounding is 1e-7",
            at_least=0.1,
        ),
        "distance_matched_longer": mean(
            of_pairs(best_longer),
            "the same between runs several times as long; at least 0.1",
            at_least=0.1,
        ),
    }


def barrier_numbers(between: dict, twins: dict, widths: dict, config: Config) -> Numbers:
    tops = {name: paths.barriers(heights) for name, heights in between.items()}
    by_width = [paths.barriers(found["matched"]) for found in widths.values()]
    ends = twins["heights"][:, [0, -1]]
    return {
        "barrier": mean(
            tops["straight"],
            "height, in nats, of the training loss on the line between two ends above theirs",
        ),
        "barrier_matched": mean(
            tops["matched"],
            "the same after matching neurons; at most that before",
            at_most=float(tops["straight"].mean()),
        ),
        "barrier_bent": mean(
            tops["bent"],
            "the same along a trained bent path, neurons as they are; at most that on the line",
            at_most=float(tops["straight"].mean()),
        ),
        "barrier_to_twin": mean(
            paths.barriers(twins["heights"]),
            "the same on the line from an end to its own twin; at least that after matching",
            at_least=float(tops["matched"].mean()),
        ),
        "loss_of_twin": Number(
            float(np.max(np.abs(ends[:, 1] - ends[:, 0]))),
            0.0,
            ROUNDING,
            "largest difference in loss between an end and its twin; tolerance: float32",
        ),
        "twin_left_after_matching": Number(
            twins["left_after_matching"],
            0.0,
            0.0,
            "largest difference in a parameter between an end and its matched twin",
        ),
        f"barrier_matched_width_{min(widths)}": mean(
            by_width[0], f"barrier after matching of networks with {min(widths)} hidden neurons"
        ),
        f"barrier_matched_width_{max(widths)}": mean(
            by_width[-1],
            f"the same with {max(widths)}; at most that with {min(widths)}",
            at_most=float(by_width[0].mean()),
        ),
    }
