"""The headline numbers: basins, scores, distances and barriers."""

import numpy as np
from jaxtyping import Float

from experiments.common import number
from experiments.common.digits import best_baseline
from experiments.common.number import Number, Numbers
from experiments.common.statistics import Estimate, geometric_mean, mean_share, positive_mean
from experiments.many_minima import networks, paths
from experiments.many_minima.basins import MINIMA, SURFACE, places
from experiments.many_minima.config import Config
from experiments.many_minima.ends import RIGHT_ANGLE

ROUNDING = 1e-5  # of float32, in losses of a mean over hundreds of examples and distances


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **basin_numbers(data["valleys"]),
        **score_numbers(data["ends"], data["linear"], data["agreement"], config),
        **distance_numbers(data["distances"]),
        **barrier_numbers(
            data["between"], data["twins"], data["widths"], float(data["ends"]["loss"].mean())
        ),
    }


def basin_numbers(found: dict) -> Numbers:
    reached, predicted = found["reached"], found["predicted"]
    starts = np.stack(
        np.meshgrid(*[places(len(reached), side) for side in SURFACE.domain]), axis=-1
    )
    nearest = np.argmin(np.linalg.norm(starts[..., None, :] - MINIMA, axis=-1), axis=-1)
    border = 0.1 / len(reached)  # some four in each row or column touch a border
    why = "a fortieth of the starts along the borders, which steps as small as these hardly move"
    shares = {
        f"valley_of_{x:.1f}_{y:.1f}": number.theory(
            float(np.mean(reached == minimum)),
            float(np.mean(predicted == minimum)),
            border,
            why,
            f"share of starts on Himmelblau's surface that end in the minimum at ({x:.3g}, "
            f"{y:.3g}); theory: the area that flows there",
        )
        for minimum, (x, y) in enumerate(MINIMA)
    }
    return shares | {
        "other_valley_than_the_flow": number.bound(
            float(np.mean(reached != predicted)),
            f"{why}; to end in the nearest minimum would miss it",
            "share of starts that descent takes to another minimum than the gradient's flow does",
            at_most=border,
            missed_by=float(np.mean(nearest != predicted)),
        )
    }


def of_pairs(table: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " pairs"]:
    """The entries of the same pairs."""
    firsts = np.arange(0, len(table) - 1, 2)
    return table[firsts, firsts + 1]


def score_numbers(ends: dict, one_bowl: dict, agreement: dict, config: Config) -> Numbers:
    loss, accuracy = ends["loss"], ends["accuracy"]
    softmax = float(one_bowl["accuracy"].mean())
    sampling = np.sqrt(accuracy.mean() * (1 - accuracy.mean()) / networks.held_out(config))
    return {
        "training_loss": number.below(
            positive_mean(loss),
            float(one_bowl["loss"].mean()),
            "cross-entropy on the training digits at the ends, in nats",
            why="softmax regression's",
        ),
        "training_loss_spread": number.bound(
            float(loss.std(ddof=1)),
            "a tenth of the mean; ends as different as their losses are large would miss it",
            "its standard deviation over starts, in nats",
            at_most=float(loss.mean()) / 10,
            missed_by=float(loss.mean()),
            tolerance=deviation_tolerance(loss),
        ),
        "held_out_accuracy": number.above(
            mean_share(accuracy),
            softmax,
            "share of held-out digits that an end reads",
            why="softmax regression's",
            baseline=best_baseline(networks.digits(config)),
        ),
        "held_out_accuracy_spread": number.bound(
            float(accuracy.std(ddof=1)),
            "the standard error √(p(1 − p)/n) that n held-out digits leave in the accuracy of one "
            "end; what parts these networks from softmax regression would miss it",
            "its standard deviation over starts",
            at_most=float(sampling),
            missed_by=float(accuracy.mean()) - softmax,
            tolerance=deviation_tolerance(accuracy),
        ),
        "agreement": number.above(
            mean_share(agreement["measured"]),
            float(agreement["independent"].mean()),
            "share of held-out digits that two ends read alike, right or wrong",
            why="what two of their accuracy give that err independently",
        ),
        "gradient_left": number.bound(
            float(ends["gradient"][:, -1].max() / ends["gradient"][:, 0].min()),
            "a hundredth; a run that went nowhere would miss it",
            "largest norm of the gradient at an end over the smallest at a start",
            at_most=0.01,
            missed_by=1.0,
        ),
        "one_bowl_gap": number.bound(
            one_bowl["gap"],
            "strong convexity leaves 2‖∇J‖/λ; ends in two bowls would miss it",
            "largest distance between two ends of softmax regression over their norm",
            at_most=one_bowl["bound"] + 1e-12,
            missed_by=1.0,
        ),
    }


def deviation_tolerance(samples: np.ndarray) -> float:
    """What the deviation of as many other runs may differ by, at most half of it."""
    relative = number.ERRORS / np.sqrt(samples.size)  # √2 of one deviation's σ/√(2n)
    return float(samples.std(ddof=1) * min(relative, 0.5))


def distance_numbers(distances: dict) -> Numbers:
    plain, best = distances["ends"]
    _, best_start = distances["starts"]
    _, best_longer = distances["longer"]
    every_pair = np.triu_indices(len(best), 1)
    apart, matched = positive_mean(of_pairs(plain)), positive_mean(of_pairs(best))

    def far(measured: float | Estimate, what: str) -> Number:
        why = "half of the matched ends' mean; two that are one and the same would miss it"
        return number.bound(measured, why, what, at_least=matched.value / 2, missed_by=ROUNDING)

    return {
        "distance": number.theory(
            apart,
            RIGHT_ANGLE,
            0.01 * RIGHT_ANGLE + number.ERRORS * apart.error,
            f"a hundredth for the last biases, which have no twin, and {number.ERRORS} standard "
            f"errors of {len(of_pairs(plain))} pairs",
            "distance between two ends over their root mean square norm; theory: as each twin of "
            "an end is as likely an end, they are at a right angle on average",
        ),
        "distance_matched": number.below(
            matched,
            float(of_pairs(best_start).mean()),
            "the same after matching neurons",
            why="that of two starts",
        ),
        "distance_matched_nearest": far(
            float(best[every_pair].min()),
            f"the same of the nearest of all {len(every_pair[0])} pairs",
        ),
        "distance_matched_longer": far(
            positive_mean(of_pairs(best_longer)), "the same between runs several times as long"
        ),
    }


def barrier_numbers(between: dict, twins: dict, widths: dict, loss: float) -> Numbers:
    tops = {name: paths.barriers(heights) for name, heights in between.items()}
    by_width = [geometric_mean(paths.barriers(found["matched"])) for found in widths.values()]
    ends = twins["heights"][:, [0, -1]]
    straight, matched = float(tops["straight"].mean()), float(tops["matched"].mean())
    return {
        "barrier": number.above(
            positive_mean(tops["straight"]),
            loss,
            "height, in nats, of the training loss on the line between two ends above theirs",
            why="the ends' own loss",
        ),
        "barrier_matched": number.below(
            positive_mean(tops["matched"]),
            straight,
            "the same after matching neurons",
            why="that before",
        ),
        "barrier_bent": number.below(
            positive_mean(tops["bent"]),
            straight,
            "the same along a trained bent path, neurons as they are",
            why="that on the line",
        ),
        "barrier_to_twin": number.above(
            positive_mean(paths.barriers(twins["heights"])),
            matched,
            "the same on the line from an end to its own twin",
            why="that between ends after matching",
        ),
        "loss_of_twin": number.exact(
            float(np.max(np.abs(ends[:, 1] - ends[:, 0]))),
            0.0,
            ROUNDING * loss,
            "float32, of a mean over hundreds of examples",
            "largest difference in loss between an end and its twin",
            scale=loss,
        ),
        "twin_left_after_matching": number.exact(
            twins["left_after_matching"],
            0.0,
            0.0,
            "matching reorders neurons and turns signs, which rounds nothing",
            "largest difference in a parameter between an end and its matched twin",
        ),
        f"barrier_matched_width_{min(widths)}": number.above(
            by_width[0],
            by_width[-1].value,
            f"barrier after matching of networks with {min(widths)} hidden neurons, geometric mean",
            why=f"that with {max(widths)}",
        ),
        f"barrier_matched_width_{max(widths)}": number.below(
            by_width[-1],
            by_width[0].value,
            f"the same with {max(widths)}",
            why=f"that with {min(widths)}",
        ),
    }
