"""The headline numbers: what each rate and schedule is worth, and where theory stands beside it."""

import numpy as np
from jaxtyping import Float

from experiments.learners.seeds import mean_interval
from experiments.rates.edge import first_rise, last_learning
from experiments.rates.scores import geometric_mean
from experiments.rates.settings import MOMENTUM, Config
from experiments.rates.warm_up import largest_usable
from experiments.report import Number, Numbers

TOO_LOW, TOO_HIGH = 10**-2.5, 10**0.5
PEAK = 10**-0.5
CHANCE = float(np.log(10))
BIN = 20  # batches whose losses are averaged

METHODS = {"sgd": "SGD", "momentum": "momentum", "adam": "Adam"}
DECAYS = {
    "step": "step decay",
    "cosine": "cosine decay",
    "warm_up_cosine": "warm-up and cosine decay",
}
Run = dict[str, np.ndarray]


def at_rate(run: Run, rate: float) -> int:
    """The row of the rate on the grid."""
    row = int(np.argmin(np.abs(np.log(run["rates"] / rate))))
    if abs(np.log(run["rates"][row] / rate)) > 1e-6:
        raise ValueError(f"rate {rate} is not on the grid {run['rates']}")
    return row


def best(run: Run) -> int:
    """The row whose training loss ends lowest: chosen without the held-out digits."""
    ends = np.where(np.isfinite(run["end"]), run["end"], np.inf)
    return int(np.argmin(np.log(ends).mean(axis=1)))


def fails(run: Run) -> Float[np.ndarray, "rates seeds"]:
    """1 where a run diverged, or ended no better than chance, a loss of log 10; 0 elsewhere."""
    return np.where(run["diverged"] | ~(run["end"] < CHANCE), 1.0, 0.0)


def in_bins(losses: Float[np.ndarray, "seeds steps"], width: int = BIN) -> np.ndarray:
    """Means of so many successive losses, (seeds, bins); the last step starts no bin."""
    bins = (losses.shape[1] - 1) // width
    return losses[:, : bins * width].reshape(len(losses), bins, width).mean(axis=2)


def tenfold_loss(run: Run) -> float:
    """The loss at ten times the low rate after a tenth of the steps, mean over batches around."""
    losses = run["losses"][at_rate(run, 10 * TOO_LOW)]
    tenth = (losses.shape[1] - 1) // 10
    return float(losses[:, tenth - BIN // 2 : tenth + BIN // 2].mean())


def numbers(data: dict, config: Config) -> Numbers:
    return {
        "majority_accuracy": Number(
            data["majority"], None, 0.0, "held-out accuracy of always naming the commonest digit"
        ),
        **rate_numbers(data["runs"], config),
        **schedule_numbers(data["runs"]),
        **warm_up_numbers(data["runs"], data["deep"]),
        **edge_numbers(data["edge"]),
    }


def rate_numbers(runs: dict[str, Run], config: Config) -> Numbers:
    found = {}
    for name, title in METHODS.items():
        run = runs[name]
        row = best(run)
        accuracy, interval = mean_interval(run["accuracy"][row])
        found[f"{name}_accuracy"] = Number(
            accuracy,
            None,
            0.01,
            f"held-out accuracy of {title} at the rate where its training loss ends lowest",
            interval,
            at_least=0.95,
        )
        found[f"{name}_best_rate"] = Number(
            float(run["rates"][row]), None, float(run["rates"][row]), f"that rate of {title}"
        )
    sgd = runs["sgd"]
    low, interval = mean_interval(sgd["end"][at_rate(sgd, TOO_LOW)])
    found["too_low_loss"] = Number(
        low,
        tenfold_loss(sgd),
        0.1,
        f"loss of SGD at η = {TOO_LOW:.2g} after {config.steps} steps; theory: at small rates a "
        "path depends on ηt alone (gradient flow), so it is that of 10η after a tenth of the "
        f"steps; tolerance: the noise of the {BIN * config.batch * config.seeds} examples that one "
        "is averaged over, and the 10 % of ηt that the average spans",
        interval,
        at_least=CHANCE / 2,
    )
    found["too_high_fails"] = Number(
        float(fails(sgd)[at_rate(sgd, TOO_HIGH)].mean()),
        None,
        0.0,
        f"share of SGD's runs at η = {TOO_HIGH:.2g} that end no better than chance",
        at_least=1.0,
    )
    plain = sgd["end"][at_rate(sgd, 0.01)]
    heavy = runs["momentum"]["end"][at_rate(runs["momentum"], 0.01 * (1 - MOMENTUM))]
    ratio, interval = geometric_mean(heavy / plain)
    found["momentum_as_larger_rate"] = Number(
        ratio,
        1.0,
        0.05,
        "end loss of momentum at η = 0.001 over that of SGD at 0.01 = 0.001/(1 − β), on the same "
        "batches; tolerance: momentum's first 1/(1 − β) = 10 steps lag, of "
        f"{config.steps}, while the loss falls",
        interval,
    )
    return found


def schedule_numbers(runs: dict[str, Run]) -> Numbers:
    constant = runs["momentum"]
    row = at_rate(constant, PEAK)
    cosine = runs["cosine"]
    accuracy, interval = mean_interval(cosine["accuracy"][best(cosine)])
    found = {
        "cosine_accuracy": Number(
            accuracy,
            None,
            0.01,
            "held-out accuracy of momentum with cosine decay at the rate where its training loss "
            "ends lowest",
            interval,
            at_least=0.97,
        )
    }
    for name, title in DECAYS.items():
        run = runs[name]
        there = at_rate(run, PEAK)
        ratio, interval = geometric_mean(run["end"][there] / constant["end"][row])
        found[f"{name}_loss_ratio"] = Number(
            ratio,
            None,
            0.3,
            f"end loss with {title} over that of a constant rate, both momentum at a peak rate of "
            f"{PEAK:.2g}, paired by seed",
            interval,
            at_most=1.0,
        )
        gain, interval = mean_interval(run["accuracy"][there] - constant["accuracy"][row])
        found[f"{name}_accuracy_gain"] = Number(
            gain,
            None,
            0.02,
            f"held-out accuracy with {title} less that of the constant rate, paired by seed",
            interval,
            at_least=0.0,
        )
    return found


def warm_up_numbers(runs: dict[str, Run], deep: dict[str, np.ndarray]) -> Numbers:
    warmed = largest_usable(deep["rates"], deep["warm_up"])
    ratio, interval = geometric_mean(warmed / largest_usable(deep["rates"], deep["constant"]))
    found = {
        "warm_up_gain_deep": Number(
            ratio,
            None,
            0.5 * ratio,
            "largest usable rate after warm-up over that without, deep badly started network, "
            "full batch; geometric mean",
            interval,
            at_least=1.0,
        )
    }
    usable = [
        largest_usable(runs[name]["rates"], runs[name]["accuracy"])
        for name in ("warm_up_cosine", "cosine")
    ]
    ratio, interval = geometric_mean(usable[0] / usable[1])
    found["warm_up_gain_shallow"] = Number(
        ratio,
        None,
        0.5 * ratio,
        "the same before a cosine decay, the small network on batches",
        interval,
    )
    return found


def edge_numbers(edge: dict[str, np.ndarray]) -> Numbers:
    rise, interval = geometric_mean(first_rise(edge))
    steps = edge["losses"].shape[-1] - 1
    learning, its_interval = geometric_mean(last_learning(edge))
    return {
        "first_rise": Number(
            rise,
            1.0,
            0.3,
            f"smallest rate at which full-batch descent raises its loss within {steps} steps, over "
            "2/λmax at its start; geometric mean; tolerance: λmax moves within those steps, by "
            "some 30 % either way",
            interval,
        ),
        "last_learning": Number(
            learning,
            None,
            0.5 * learning,
            f"largest rate at which it still halves its loss in {steps} steps, over 2/λmax at the "
            "start: beyond 1 the loss first rises, then falls where it is flatter",
            its_interval,
            at_least=1.0,
        ),
    }
