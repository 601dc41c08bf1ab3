"""What becomes of the six starts when they are trained."""

from typing import Any

import jax
import numpy as np
from jax import lax
from jaxtyping import Array, PRNGKeyArray
from matplotlib.axes import Axes

import jdescent as jd
from experiments.backpropagation.config import (
    COLORS,
    FATES,
    STARTS,
    Config,
    standardized_digits,
    start_arrays,
)
from experiments.backpropagation.network import deep_network, logits, tanh_or_relu
from experiments.common import number
from experiments.common.digits import CLASSES, best_baseline, majority_accuracy
from experiments.common.number import Numbers
from experiments.common.statistics import geometric_mean, mean_share
from jdescent import batches, losses, plotting, schedules

STILL, MOVING = 1.3, 1.5  # accuracies in units of the majority class's: at most, at least
SMOOTHED = 15  # steps of the running mean that is drawn


def train_all(config: Config) -> dict:
    """Losses, verdicts and held-out accuracy of every start, one row a seed."""
    digits = standardized_digits()
    draw = batches.mini_batch(digits.train, config.batch)
    rate = schedules.cosine(config.learning_rate, config.training_steps)
    keys = jax.random.split(jax.random.key(1), config.training_seeds)

    def train(start: tuple[Array, Array, Array], key: PRNGKeyArray) -> dict[str, Any]:
        is_tanh, weight_variance, bias_variance = start
        activation = tanh_or_relu(is_tanh)

        def model(params, x):
            return logits(params, x, activation)

        of_network, of_batches = jax.random.split(key)
        drawn = deep_network(of_network, config.depth, weight_variance, bias_variance)
        path = jd.descend(
            losses.cross_entropy(model), drawn, jd.nesterov(rate, 0.95), config.training_steps,
            batches=draw, key=of_batches,
        )  # fmt: skip
        first, first_drawn = path.params.hidden.weights[0], drawn.hidden.weights[0]
        return {
            "loss": path.loss,
            "diverged": path.verdict.diverged,
            "last_step": path.verdict.step,
            "accuracy": losses.accuracy(model)(path.params, digits.test),
            "first_moved": jd.global_norm(first - first_drawn) / jd.global_norm(first_drawn),
        }

    @jax.jit
    def train_each(starts):
        return lax.map(lambda start: lax.map(lambda key: train(start, key), keys), starts)

    trained = train_each(start_arrays())
    runs = {
        kind: jax.tree.map(lambda array, i=i: np.asarray(array[i]), trained)
        for i, kind in enumerate(STARTS)
    }
    return {
        "runs": runs,
        "majority": majority_accuracy(digits),
        "baseline": best_baseline(digits),
    }


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


def draw_training(axes: Axes, name: str, training: dict, config: Config) -> None:
    window = min(SMOOTHED, config.training_steps)
    steps = np.arange(config.training_steps + 2 - window) + (window - 1) / 2
    for fate in FATES:
        for curve in training["runs"][name, fate]["loss"]:
            smooth = np.convolve(curve, np.full(window, 1 / window), mode="valid")
            axes.plot(steps, smooth, color=COLORS[fate], linewidth=2 if fate == "vanishing" else 1)
    plotting.theory(axes, [0, config.training_steps], [np.log(CLASSES)] * 2, label=None)
    axes.set(xlabel="step", ylabel="training loss (nats)", ylim=(0, 3.7))


def explosion(training: dict) -> str:
    """What a reader cannot see: the exploding relu networks are off the scale, then gone."""
    run = training["runs"]["relu", "exploding"]
    digits, exponent = f"{np.median(run['loss'][:, 0]):.0e}".split("e")
    return (
        rf"exploding: loss ${digits}\times 10^{{{int(exponent)}}}$"
        f"\ndiverged at step {run['last_step'].max()}"
    )
