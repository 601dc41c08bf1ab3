"""What becomes of the six starts when they are trained."""

from typing import Any

import jax
import numpy as np
from jax import lax
from jaxtyping import Array, PRNGKeyArray
from matplotlib.axes import Axes

import jdescent as jd
from experiments.blame.network import deep_network, logits, tanh_or_relu
from experiments.blame.settings import (
    COLORS,
    FATES,
    STARTS,
    Config,
    standardized_digits,
    start_arrays,
)
from experiments.learners.digits import CLASSES
from experiments.learners.seeds import mean_interval
from experiments.report import Number, Numbers
from jdescent import batches, losses, plotting, schedules

ACCURACY_BOUNDS = {  # in accuracies of the majority class
    "vanishing": ("at_most", 1.3),
    "balanced": ("at_least", 1.5),
    "exploding": ("at_most", 1.3),
}
MOVED_BOUNDS = {
    ("relu", "vanishing"): {"at_most": float(np.finfo(np.float32).eps)},
    ("relu", "balanced"): {"at_least": 3e-3},
    ("tanh", "vanishing"): {"at_most": 3e-3},
    ("tanh", "balanced"): {"at_least": 3e-3},
    ("tanh", "exploding"): {"at_least": 0.3},
}
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
    most_frequent = np.bincount(digits.train[1]).argmax()
    return {"runs": runs, "majority": float(np.mean(digits.test[1] == most_frequent))}


def training_numbers(training: dict, config: Config) -> Numbers:
    runs, majority = training["runs"], training["majority"]
    found = {}
    for (name, fate), run in runs.items():
        accuracy, interval = mean_interval(run["accuracy"])
        side, times = ACCURACY_BOUNDS[fate]
        found[f"{name}_{fate}_accuracy"] = Number(
            accuracy, None, 0.15 if fate == "balanced" else 0.02,
            f"held-out accuracy after {config.training_steps} steps, {name}, {fate}; bound: "
            f"{times} times the majority class's",
            interval, **{side: times * majority},
        )  # fmt: skip
    for (name, fate), limit in MOVED_BOUNDS.items():
        moved, interval = mean_interval(runs[name, fate]["first_moved"])
        found[f"{name}_{fate}_first_layer_moved"] = Number(
            moved, None, moved,
            f"how far training moved the first layer's weights, over their norm, {name}, {fate}",
            interval, **limit,
        )  # fmt: skip
    exploded = runs["relu", "exploding"]
    found["relu_exploding_diverged"] = Number(
        float(exploded["diverged"].mean()),
        1.0,
        0.0,
        "share of exploding relu networks that diverge",
    )
    found["relu_exploding_last_step"] = Number(
        float(exploded["last_step"].max()), None, 1.0, "step by which they all have", at_most=5.0
    )
    return found


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
