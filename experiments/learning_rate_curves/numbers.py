"""The headline numbers: what each rate and schedule is worth, and where theory stands beside it."""

import numpy as np
from jaxtyping import Float

from experiments.common import number
from experiments.common.number import Numbers
from experiments.common.statistics import geometric_mean, mean, mean_share, positive_mean
from experiments.learning_rate_curves.config import (
    DECAYS,
    METHODS,
    MOMENTUM,
    PEAK,
    TOO_HIGH,
    TOO_LOW,
    Config,
)
from experiments.learning_rate_curves.edge import first_rise, last_learning
from experiments.learning_rate_curves.training import BIN, CHANCE, Run, at_rate, best, fails
from experiments.learning_rate_curves.warm_up import largest_usable


def tenfold_losses(run: Run) -> Float[np.ndarray, " seeds"]:
    """The loss at ten times the low rate after a tenth of the steps, mean over batches around."""
    losses = run["losses"][at_rate(run, 10 * TOO_LOW)]
    tenth = (losses.shape[1] - 1) // 10
    return losses[:, tenth - BIN // 2 : tenth + BIN // 2].mean(axis=1)


def lagging(losses: Float[np.ndarray, "seeds steps"]) -> Float[np.ndarray, " seeds"]:
    """By what the loss was larger, β/(1 − β) steps before the end, than at the end.

    The logarithm of the batches' losses is fitted by a line over the last third of the steps.
    """
    last = losses.shape[1] // 3
    slopes = np.polyfit(np.arange(last), np.log(losses[:, -last - 1 : -1]).T, 1)[0]
    return np.exp(-slopes * MOMENTUM / (1 - MOMENTUM))


def numbers(data: dict, config: Config) -> Numbers:
    return {
        "majority_accuracy": number.regression(
            data["majority"],
            "held-out accuracy of always naming the commonest digit",
            tolerance=0.0,
            why="a count of held-out digits, the same on every machine",
        ),
        **accuracy_numbers(data, config),
        **rate_numbers(data["runs"], config),
        **schedule_numbers(data["runs"]),
        **warm_up_numbers(data["runs"], data["deep"]),
        **edge_numbers(data["edge"]),
    }


def accuracy_numbers(data: dict, config: Config) -> Numbers:
    """At the rate where the training loss ends lowest, and that rate."""
    found = {}
    for name, title in {**METHODS, "cosine": "momentum with cosine decay"}.items():
        run = data["runs"][name]
        row = best(run)
        rate = float(run["rates"][row])
        found[f"{name}_accuracy"] = number.bound(
            mean_share(run["accuracy"][row]),
            "softmax regression's less two standard errors of 450 pictures; the nearest mean "
            "picture would miss it",
            f"held-out accuracy of {title} at the rate where its training loss ends lowest",
            at_least=data["as_good_as_linear"],
            missed_by=data["nearest_mean"],
            baseline=data["baseline"],
        )
        if name in METHODS:
            found[f"{name}_best_rate"] = number.regression(
                rate,
                f"that rate of {title}; it may be the next of the grid on another machine",
                tolerance=1.001 * rate * (10 ** (1 / config.per_decade) - 1),
                why="one step of the grid of rates",
            )
    return found


def rate_numbers(runs: dict[str, Run], config: Config) -> Numbers:
    sgd, momentum = runs["sgd"], runs["momentum"]
    low, plain = sgd["end"][at_rate(sgd, TOO_LOW)], at_rate(sgd, 0.01)
    heavy = momentum["end"][at_rate(momentum, 0.01 * (1 - MOMENTUM))]
    as_tenfold = geometric_mean(low / tenfold_losses(sgd))
    as_larger = geometric_mean(heavy / sgd["end"][plain])
    late, seeds = geometric_mean(lagging(sgd["losses"][plain])).value, len(low)
    return {
        "too_low_loss": number.bound(
            positive_mean(low),
            "half of what it starts from, log 10; a rate ten times as large would miss it",
            f"loss of SGD at η = {TOO_LOW:.2g} after {config.steps} steps, nats",
            at_least=CHANCE / 2,
            missed_by=float(sgd["end"][at_rate(sgd, 10 * TOO_LOW)].mean()),
        ),
        "too_low_as_tenfold": number.theory(
            as_tenfold,
            1.0,
            number.ERRORS * as_tenfold.error + 10 * TOO_LOW,
            f"{number.ERRORS} standard errors of {seeds} seeds, and the error of descent as "
            f"gradient flow, of order η = {10 * TOO_LOW:.2g}",
            "this loss over that at 10η after a tenth of the steps, paired by seed: at small rates "
            "a path depends on ηt alone (gradient flow)",
        ),
        "too_high_fails": number.bound(
            float(fails(sgd)[at_rate(sgd, TOO_HIGH)].mean()),
            "all; one that learns would miss it",
            f"share of SGD's runs at η = {TOO_HIGH:.2g} that end no better than chance",
            at_least=1.0,
            missed_by=1 - 1 / seeds,
        ),
        "momentum_as_larger_rate": number.theory(
            as_larger,
            late,
            number.ERRORS * as_larger.error + (late - 1) / 2,
            f"{number.ERRORS} standard errors of {seeds} seeds, and half of the delay, within "
            "which gradients change",
            "end loss of momentum at η = 0.001 over that of SGD at 0.01 = 0.001/(1 − β), on the "
            "same batches; theory: momentum is β/(1 − β) = 9 steps late",
        ),
    }


def schedule_numbers(runs: dict[str, Run]) -> Numbers:
    constant = runs["momentum"]
    row = at_rate(constant, PEAK)
    found = {}
    for name, title in DECAYS.items():
        run = runs[name]
        there = at_rate(run, PEAK)
        found[f"{name}_loss_ratio"] = number.below(
            geometric_mean(run["end"][there] / constant["end"][row]),
            1.0,
            f"end loss with {title} over that of a constant rate, both momentum at a peak rate of "
            f"{PEAK:.2g}, paired by seed",
            why="that of no schedule",
        )
        if name == "step":
            continue  # what it gains in accuracy is within the noise of so few seeds
        found[f"{name}_accuracy_gain"] = number.above(
            mean(run["accuracy"][there] - constant["accuracy"][row]),
            0.0,
            f"held-out accuracy with {title} less that of the constant rate, paired by seed",
            why="that of no schedule",
            signed=True,
        )
    return found


def warm_up_numbers(runs: dict[str, Run], deep: dict[str, np.ndarray]) -> Numbers:
    warmed = largest_usable(deep["rates"], deep["warm_up"])
    gain = geometric_mean(warmed / largest_usable(deep["rates"], deep["constant"]))
    usable = [
        largest_usable(runs[name]["rates"], runs[name]["accuracy"])
        for name in ("warm_up_cosine", "cosine")
    ]
    return {
        "warm_up_gain_deep": number.above(
            gain,
            1.0,
            "largest usable rate after warm-up over that without, deep badly started network, "
            "full batch; geometric mean",
            why="were warm-up no help",
        ),
        "warm_up_gain_shallow": number.bound(
            geometric_mean(usable[0] / usable[1]),
            "half of the deep one, in logarithms; that one would miss it",
            "the same before a cosine decay, the small network on batches",
            at_most=gain.value**0.5,
            missed_by=gain.value,
        ),
    }


def edge_numbers(edge: dict[str, np.ndarray]) -> Numbers:
    steps = edge["losses"].shape[-1] - 1
    return {
        "first_rise": number.sampled_theory(
            geometric_mean(first_rise(edge)),
            1.0,
            f"{len(edge['limits'])} seeds, whose λmax moves within those steps",
            f"smallest rate at which full-batch descent raises its loss within {steps} steps, over "
            "2/λmax at its start; geometric mean",
        ),
        "last_learning": number.above(
            geometric_mean(last_learning(edge)),
            1.0,
            f"largest rate at which it still halves its loss in {steps} steps, over 2/λmax at the "
            "start: beyond 1 the loss first rises, then falls where it is flatter",
            why="the limit on a quadratic",
        ),
    }
