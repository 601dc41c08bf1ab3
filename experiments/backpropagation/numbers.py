"""The headline numbers: what layers do to the signal, and what becomes of the starts."""

import math

import numpy as np
from jaxtyping import Float

from experiments.backpropagation import theory
from experiments.backpropagation.config import STARTS, Config, standardized_digits
from experiments.backpropagation.signals import Signals
from experiments.common import number
from experiments.common.digits import PIXELS
from experiments.common.number import Numbers
from experiments.common.statistics import geometric_mean, mean_share

MEANINGS = {
    "signal": "error signal",
    "gradient": "weight gradient (signal times input)",
}
ROUNDING = {name: float(np.finfo(name).eps) for name in ("float64", "float32")}

STILL, MOVING = 1.3, 1.5  # accuracies in units of the majority class's: at most, at least


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **signal_numbers(data["signals"], config),
        **training_numbers(data["training"], config),
    }


def signal_numbers(measured: dict[tuple[str, str], Signals], config: Config) -> Numbers:
    found = {}
    for (name, fate), signals in measured.items():
        rise = theory.finite_width_rise(
            *STARTS[name, fate], config.depth, PIXELS, mean_squares(config.signal_examples)
        )
        for what, norms, predicted in (
            ("signal", signals.signals, rise.signal),
            ("gradient", signals.gradients, rise.gradient),
        ):
            factor = geometric_mean(np.exp(rise_of_examples(np.asarray(norms))))
            found[f"{name}_{fate}_{what}_factor"] = number.sampled_theory(
                factor,
                math.exp(predicted),
                f"{config.signal_seeds} networks and of theory's {theory.WALKS} draws",
                f"by what a layer of {PIXELS} units multiplies the norm of one example's "
                f"{MEANINGS[what]}, {name}, {fate}, on its way back: geometric mean over layers, "
                "examples and networks",
                error=math.hypot(factor.error, rise.error * factor.value),
            )
    for precision, epsilon in ROUNDING.items():
        worst = max(float(getattr(signals, precision).max()) for signals in measured.values())
        found[f"by_hand_{precision}"] = number.exact(
            worst,
            0.0,
            config.depth * epsilon,
            "one rounding error a layer",
            f"largest ‖by hand − jax.grad‖/‖jax.grad‖ of any layer's ∂L/∂W in {precision}, all "
            "networks",
            scale=1.0,
        )
    return found


def mean_squares(count: int) -> tuple[float, ...]:
    """Of the pictures that the networks are shown."""
    pictures, _ = standardized_digits().train
    return tuple(np.mean(np.asarray(pictures[:count], float) ** 2, axis=1).tolist())


def rise_of_examples(
    norms: Float[np.ndarray, "seeds layers examples"],
) -> Float[np.ndarray, " seeds"]:
    """By how much ln ‖·‖ of an example rises a layer, from the last one to the first, on average.

    Left aside are examples that a network is so sure of that their error rounds to 0.
    """
    felt = norms[:, -1] > 0
    logs = np.log(np.where(felt[:, None], norms, 1.0))
    rises = (logs[:, 0] - logs[:, -1]) / (norms.shape[1] - 1)
    return np.sum(rises, axis=-1) / np.sum(felt, axis=-1)


def training_numbers(training: dict, config: Config) -> Numbers:
    return {
        **accuracy_numbers(training, config),
        **moved_numbers(training["runs"]),
        **explosion_numbers(training["runs"]["relu", "exploding"], config),
    }


def accuracy_numbers(training: dict, config: Config) -> Numbers:
    runs, majority = training["runs"], training["majority"]
    found = {}
    for (name, fate), run in runs.items():
        balanced = mean_share(runs[name, "balanced"]["accuracy"]).value
        why, expected = (
            (f"{MOVING} times the majority class's", {"at_least": MOVING, "missed_by": 1.0})
            if fate == "balanced"
            else (
                f"{STILL} times the majority class's; the balanced networks miss it",
                {"at_most": STILL, "missed_by": balanced / majority},
            )
        )
        found[f"{name}_{fate}_accuracy"] = number.bound(
            mean_share(run["accuracy"]),
            why,
            f"held-out accuracy after {config.training_steps} steps, {name}, {fate}",
            baseline=training["baseline"],
            **{side: times * majority for side, times in expected.items()},
        )
    return found


def moved_numbers(runs: dict) -> Numbers:
    """How far the first layer's weights went, in orders of magnitude: from rounding to a leap."""
    moved = {kind: geometric_mean(run["first_moved"]) for kind, run in runs.items()}
    what = "how far training moved the first layer's weights, over their norm, geometric mean"
    expected: dict[tuple[str, str], dict] = {
        ("relu", "vanishing"): {
            "at_most": float(np.finfo(np.float32).eps),
            "why": "no more than float32 rounds; balanced networks miss it",
        },
        ("tanh", "vanishing"): {
            "at_most": moved["tanh", "balanced"].value / 10,
            "why": "a tenth of the balanced networks'",
        },
        ("tanh", "exploding"): {
            "at_least": 1.0,
            "why": "the whole of their norm; balanced networks miss it",
        },
    }
    found = {
        f"{name}_{fate}_first_layer_moved": number.bound(
            moved[name, fate],
            meaning=f"{what}, {name}, {fate}",
            missed_by=moved[name, "balanced"].value,
            **bounds,
        )
        for (name, fate), bounds in expected.items()
    }
    return found | {
        f"{name}_balanced_first_layer_moved": number.regression(
            moved[name, "balanced"], f"{what}, {name}, balanced"
        )
        for name in ("relu", "tanh")
    }


def explosion_numbers(exploded: dict, config: Config) -> Numbers:
    count = len(exploded["diverged"])
    return {
        "relu_exploding_diverged": number.bound(
            float(exploded["diverged"].mean()),
            "all; one network that trains would miss it",
            "share of exploding relu networks that diverge",
            at_least=1.0,
            missed_by=1 - 1 / count,
        ),
        "relu_exploding_last_step": number.bound(
            float(exploded["last_step"].max()),
            "the first step throws them out; to train on would miss it",
            "step by which they all have",
            at_most=1.0,
            missed_by=float(config.training_steps),
        ),
    }
