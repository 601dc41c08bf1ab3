"""The headline numbers: which runs diverge, how fast, and what those that train are worth."""

import numpy as np

from experiments.common import number
from experiments.common.deep_network import UNITS
from experiments.common.number import Baseline, Numbers
from experiments.common.statistics import geometric_mean, mean_share, positive_mean
from experiments.divergence_cures.config import Config
from experiments.divergence_cures.setups import CURES, GROWTH

DIVERGING = {"base": "the run without a cure", "slow_decay": "cosine decay over all steps"}
LAST = 5


def numbers(data: dict, config: Config) -> Numbers:
    del config
    return {
        "majority_accuracy": number.regression(
            data["majority"],
            "held-out accuracy of always naming the commonest digit",
            tolerance=0.0,
            why="a count of held-out digits, the same on every machine",
        ),
        **divergence_numbers(data["runs"]),
        **cure_numbers(data),
        **sharpness_numbers(data["sharpness"]),
    }


def divergence_numbers(runs: dict) -> Numbers:
    found = {}
    for name, words in DIVERGING.items():
        run = runs[name]
        found[f"{name}_diverged"] = number.bound(
            float(run["diverged"].mean()),
            "all; one that trains would miss it",
            f"share that diverge, {words}",
            at_least=1.0,
            missed_by=1 - 1 / len(run["diverged"]),
        )
        found[f"{name}_step"] = number.regression(
            positive_mean(run["step"]), f"step at which the loss passes 1e20, {words}"
        )
    return found | {
        "growth": number.theory(
            positive_mean(last_growth(runs["base"])).value,  # alike from every start
            GROWTH,
            1e-4 * GROWTH,
            "float32's, of losses whose other parts are gone after some twenty steps",
            f"factor of the diverging loss per step, the last {LAST} steps. Once every unit is at "
            "±1 for all pictures alike only the last layer moves, on a quadratic whose largest "
            f"curvature is that of {UNITS} units and the bias, λ = {UNITS + 1}: the factor is "
            "(1 − ηλ)²",
        )
    }


def cure_numbers(data: dict) -> Numbers:
    found = {}
    best: Baseline = data["baseline"]
    for name, words in CURES.items():
        run = data["runs"][name]
        found[f"{name}_diverged"] = number.bound(
            float(run["diverged"].mean()),
            "none; one run would miss it",
            f"share that diverge, {words}",
            at_most=0.0,
            missed_by=1 / len(run["diverged"]),
        )
        found[f"{name}_accuracy"] = number.bound(
            mean_share(run["accuracy"]),
            "a third of the best baseline's; the run without a cure would miss it",
            f"held-out accuracy, {words}",
            at_least=best.score / 3,
            missed_by=float(data["runs"]["base"]["accuracy"].mean()),
            baseline=best,
        )
    return found


def sharpness_numbers(sharpness: dict[str, np.ndarray]) -> Numbers:
    what = "ηλmax/2 at the start, unstable above 1; geometric mean"
    starts = {
        name: geometric_mean(sharpness[name][:, 0])
        for name in ("base", "normalized_inputs", "better_start")
    }
    base = starts.pop("base")
    found = {
        "base_start_sharpness": number.above(base, 1.0, f"{what}, no cure", why="stable there")
    }
    for name, relative in starts.items():
        found[f"{name}_start_sharpness"] = number.bound(
            relative,
            "between the limit of stability and half of that without a cure, which would miss it",
            f"{what}, {CURES[name]}",
            at_least=1.0,
            at_most=base.value / 2,
            missed_by=base.value,
        )
    late = sharpness["warm_up"][:, -1]
    return found | {
        "warm_up_end_sharpness": number.sampled_theory(
            positive_mean(late),
            1.0,
            f"{len(late)} starts",
            "ηλmax/2 at the last step with warm-up; at the edge of stability it hovers at 1 or "
            "slightly above (Cohen et al. 2021)",
        )
    }


def last_growth(run: dict[str, np.ndarray]) -> np.ndarray:
    """The factor of the loss per step just before each seed's run was called diverged."""
    losses, ends = run["losses"].astype(float), run["step"]
    first = [losses[seed, end - LAST] for seed, end in enumerate(ends)]
    last = [losses[seed, end] for seed, end in enumerate(ends)]
    return (np.array(last) / np.array(first)) ** (1 / LAST)
