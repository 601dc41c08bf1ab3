"""The headline numbers: angles, norms and times of approach beside their closed forms."""

from collections.abc import Mapping

import numpy as np

from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.statistics import Estimate, positive_mean
from experiments.rotational_equilibrium import theory
from experiments.rotational_equilibrium.config import Config
from experiments.rotational_equilibrium.network import CLEAN, Trained, network_walk
from experiments.rotational_equilibrium.theory import Walk
from experiments.rotational_equilibrium.walks import (
    USUAL,
    Settled,
    approach_steps,
    approaching,
    gentle,
    half_times,
)

METHODS = {"adamw": "AdamW", "sgdm": "SGDM", "lion": "Lion"}
PAPERS = 0.02  # how well the paper's forms should do
NETWORKS = 0.1  # and how well the closed form should in a network
UNITS = {"angle": "root mean square angle of a step, in radians", "norm": "norm of the weights"}


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **papers_numbers(data["settled"], config),
        **settled_numbers(data["settled"], config),
        **approach_numbers(data["approach"], config),
        **network_numbers(data["networks"]),
    }


def papers_numbers(settled: Mapping[Walk, Settled], config: Config) -> Numbers:
    """The walks of small ηw over the paper's forms."""
    found = {}
    for method in METHODS:
        walk = gentle(method, config)
        limit = theory.limit(walk, config.dimension)
        for what, words in UNITS.items():
            ratio = getattr(settled[walk], what) / getattr(limit, what)
            found[f"{method}_{what}_over_papers"] = number.theory(
                positive_mean(ratio),
                1.0,
                max(PAPERS, 2 * omitted(walk, what, config)),
                "2 %, or twice what the paper's form leaves out at this ηw",
                f"{words}, in units of the paper's form, of {words_of(walk)}",
            )
    return found


def omitted(walk: Walk, what: str, config: Config) -> float:
    """The relative difference of the closed form from the paper's."""
    forms = (form(walk, config.dimension) for form in (theory.equilibrium, theory.limit))
    whole, limit = (getattr(form, what) for form in forms)
    return abs(whole / limit - 1)


def settled_numbers(settled: Mapping[Walk, Settled], config: Config) -> Numbers:
    """All walks beside the closed forms."""
    found = {}
    for walk, runs in settled.items():
        predicted = theory.equilibrium(walk, config.dimension)
        for what, words in UNITS.items():
            key = f"{what}_{walk.method}_{walk.beta:g}_{walk.rate * walk.decay:g}"
            found[key] = beside_theory(
                positive_mean(getattr(runs, what)),
                getattr(predicted, what),
                1 / config.dimension + (1 - walk.slow if walk.method == "adamw" else 0),
                f"{words}, of {words_of(walk)}",
            )
    return found


def beside_theory(estimate: Estimate, predicted: float, left_out: float, meaning: str) -> Number:
    return number.theory(
        estimate,
        predicted,
        number.ERRORS * estimate.error + left_out * predicted,
        f"{number.ERRORS} standard errors, and {left_out:.2g} of it for terms of order 1/C and, of "
        "AdamW, 1 − β₂, which theory leaves out",
        meaning,
    )


def words_of(walk: Walk) -> str:
    betas = f"β = {walk.beta:g}" + (f", {walk.slow:g}" if walk.slow else "")
    return f"a random walk with {METHODS[walk.method]}, ηw = {walk.rate * walk.decay:g}, {betas}"


def approach_numbers(approach: Mapping[tuple[str, float], np.ndarray], config: Config) -> Numbers:
    """Half-times of ‖x‖²."""
    found = {}
    for (method, far), norms in approach.items():
        walk = approaching(method, config)
        end = theory.equilibrium(walk, config.dimension).norm
        curve = theory.approach(walk, config.dimension, far * end, approach_steps(config))
        predicted = float(half_times(curve[None], end)[0])
        estimate = positive_mean(half_times(norms, end))
        lag = 2 / (1 - (walk.slow if method == "lion" else USUAL))
        side = "above" if far > 1 else "below"
        found[f"half_time_{method}_{side}"] = number.theory(
            estimate,
            predicted,
            number.ERRORS * estimate.error + lag,
            f"{number.ERRORS} standard errors, and {lag:.0f} steps, twice the momentum's memory",
            f"steps in which ‖x‖² comes half the way to its equilibrium from {far:.2g} times its "
            f"norm, of {words_of(walk)}",
        )
    return found


def network_numbers(networks: Mapping[tuple[str, float], Trained]) -> Numbers:
    """Angles of neurons over the closed form: nothing says how near they should be."""
    found = {}
    for (method, share), runs in networks.items():
        labels = "clean" if share == CLEAN else "random"
        found[f"network_{method}_{labels}"] = number.regression(
            positive_mean(late_ratios(method, runs).mean(axis=1)),
            f"root mean square angle of a step of a neuron's weights, in units of the closed form, "
            f"mean over neurons, {METHODS[method]}, {share:.0%} of the labels random",
        )
    return found


def late_ratios(method: str, runs: Trained) -> np.ndarray:
    """Of each seed and neuron, over the last quarter of the steps: (seeds, neurons)."""
    late = runs.angles[:, -(runs.angles.shape[1] // 4) :]
    return np.sqrt(np.mean(late.astype(float) ** 2, axis=1)) / closed_angle(method)


def closed_angle(method: str) -> float:
    """It does not depend on how many weights a neuron has."""
    return theory.equilibrium(network_walk(method), 1_000).angle
