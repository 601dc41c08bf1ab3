"""The headline numbers: which runs diverge, how fast, and what those that train are worth."""

import numpy as np

from experiments.cures.setups import RATE, UNITS
from experiments.learners.seeds import mean_interval
from experiments.rates.scores import geometric_mean
from experiments.report import Number, Numbers

CURES = {
    "lower_rate": "a quarter of the rate",
    "warm_up": "the rate rising from 0 over the first quarter of the steps",
    "decay": "the rate halved at steps 2 and 4",
    "clipping": "gradients of norm above 1 shortened to 1",
    "normalized_inputs": "pixels without their mean, at unit variance",
    "better_start": "LeCun's first weights",
}
DIVERGING = {"base": "the run without a cure", "slow_decay": "cosine decay over all steps"}
GROWTH = (1 - RATE * (UNITS + 1)) ** 2
LAST = 5


def numbers(data: dict) -> Numbers:
    runs, sharpness = data["runs"], data["sharpness"]
    found: Numbers = {
        "majority_accuracy": Number(
            data["majority"], None, 0.0, "held-out accuracy of always naming the commonest digit"
        )
    }
    for name, words in DIVERGING.items():
        run = runs[name]
        found[f"{name}_diverged"] = Number(
            float(run["diverged"].mean()), None, 0.0, f"share that diverge, {words}", at_least=1.0
        )
        step, interval = mean_interval(run["step"])
        found[f"{name}_step"] = Number(
            step, None, 8.0, f"step at which the loss passes 1e20, {words}", interval
        )
    growth, interval = mean_interval(last_growth(runs["base"]))
    found["growth"] = Number(
        growth,
        GROWTH,
        0.01 * GROWTH,
        f"factor of the diverging loss per step, the last {LAST} steps. Once every unit is at ±1 "
        "for all pictures alike only the last layer moves, on a quadratic whose largest curvature "
        f"is that of {UNITS} units and the bias, λ = {UNITS + 1}: the factor is (1 − ηλ)²",
        interval,
    )
    for name, words in CURES.items():
        run = runs[name]
        found[f"{name}_diverged"] = Number(
            float(run["diverged"].mean()), None, 0.0, f"share that diverge, {words}", at_most=0.0
        )
        accuracy, interval = mean_interval(run["accuracy"])
        found[f"{name}_accuracy"] = Number(
            accuracy,
            None,
            0.1,
            f"held-out accuracy, {words}; at least twice the majority class's",
            interval,
            at_least=2 * data["majority"],
        )
    for name in ("base", "normalized_inputs", "better_start"):
        relative, interval = geometric_mean(sharpness[name][:, 0])
        found[f"{name}_start_sharpness"] = Number(
            relative,
            None,
            0.2,
            "ηλmax/2 at the start, unstable above 1; geometric mean",
            interval,
            at_least=1.0,
        )
    relative, interval = mean_interval(sharpness["warm_up"][:, -1])
    found["warm_up_end_sharpness"] = Number(
        relative,
        1.0,
        0.5,
        "ηλmax/2 at the last step with warm-up; at the edge of stability it hovers at 1 or above "
        "(Cohen et al. 2021); tolerance: how far a step of its oscillation can be from there",
        interval,
    )
    return found


def last_growth(run: dict[str, np.ndarray]) -> np.ndarray:
    """The factor of the loss per step just before each seed's run was called diverged."""
    losses, ends = run["losses"].astype(float), run["step"]
    first = [losses[seed, end - LAST] for seed, end in enumerate(ends)]
    last = [losses[seed, end] for seed, end in enumerate(ends)]
    return (np.array(last) / np.array(first)) ** (1 / LAST)
