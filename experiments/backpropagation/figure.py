"""The error signals and shares by layer, the differences, and the training."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.backpropagation import theory
from experiments.backpropagation.config import COLORS, FATES, STARTS, Config
from experiments.backpropagation.numbers import ROUNDING
from experiments.backpropagation.signals import Signals
from experiments.common.digits import CLASSES
from jdescent import plotting

PRECISION_COLORS = {"float64": plotting.COLORS["purple"], "float32": plotting.COLORS["orange"]}

SMOOTHED = 15  # steps of the running mean that is drawn


def plot(data: dict, config: Config) -> Figure:
    measured, trained = data["signals"], data["training"]
    blue, orange, green = COLORS.values()
    steps = config.training_steps
    with plotting.panels([["a", "b"], ["c", "d"], ["e", "f"]], height=6.3) as (figure, axes):
        draw_signals(axes["a"], "relu", measured)
        places = {"exploding": (18, 1e6), "balanced": (1, 1e1), "vanishing": (18, 1e-7)}
        name_starts(axes["a"], "relu", places)
        plotting.title(axes["a"], "a", "error signal, relu")
        draw_signals(axes["b"], "tanh", measured)
        places = {"exploding": (18, 3e2), "balanced": (1, 2.5), "vanishing": (18, 1e-3)}
        name_starts(axes["b"], "tanh", places)
        plotting.title(axes["b"], "b", "error signal, tanh")
        draw_shares(axes["c"], "tanh", measured)
        plotting.note(axes["c"], (6, 0.15), "exploding", green)
        plotting.note(axes["c"], (43, 0.15), "vanishing", blue, ha="right")
        plotting.note(axes["c"], (25, 5e-3), "balanced", orange, ha="center")
        plotting.title(axes["c"], "c", "every layer's share, tanh")
        draw_differences(axes["d"], measured)
        plotting.title(axes["d"], "d", "hand-written backward pass")
        draw_training(axes["e"], "relu", trained, config)
        plotting.note(axes["e"], (0.02 * steps, 2.85), explosion(trained), green)
        plotting.note(axes["e"], (0.98 * steps, 2.4), "vanishing", blue, ha="right")
        plotting.note(axes["e"], (0.98 * steps, 1.1), "balanced", orange, ha="right")
        plotting.title(axes["e"], "e", "training, relu")
        draw_training(axes["f"], "tanh", trained, config)
        plotting.note(axes["f"], (0.2 * steps, 2.9), "exploding", green)
        plotting.note(axes["f"], (0.98 * steps, 2.4), "vanishing", blue, ha="right")
        plotting.note(axes["f"], (0.98 * steps, 0.15), "balanced", orange, ha="right")
        plotting.title(axes["f"], "f", "training, tanh")
    return figure


def draw_signals(axes: Axes, name: str, measured: dict[tuple[str, str], Signals]) -> None:
    for fate in FATES:
        sizes = measured[name, fate].sizes
        predicted = theory.signal_sizes(*STARTS[name, fate], sizes.shape[1])
        draw_bands(axes, sizes / sizes[:, -1:], predicted, fate)
    axes.set(ylabel=r"$\|\delta_l\|\ /\ \|\delta_L\|$")


def draw_shares(axes: Axes, name: str, measured: dict[tuple[str, str], Signals]) -> None:
    for fate in FATES:
        shares = measured[name, fate].shares
        predicted = theory.gradient_shares(*STARTS[name, fate], shares.shape[1])
        draw_bands(axes, shares, predicted, fate)
    axes.set(ylabel=r"share of $\|\partial L/\partial W\|^2$")


def draw_bands(axes: Axes, rows: np.ndarray, predicted: np.ndarray, fate: str) -> None:
    """Median of the networks, the band in which four in five of them lie, and theory."""
    layers = np.arange(1, rows.shape[1] + 1)
    low, middle, high = np.quantile(rows, [0.1, 0.5, 0.9], axis=0)
    axes.fill_between(layers, low, high, color=COLORS[fate], alpha=0.25, linewidth=0)
    axes.plot(layers, middle, color=COLORS[fate])
    plotting.theory(axes, layers, predicted, label=None)
    axes.set(yscale="log", xlabel="layer $l$")


def name_starts(axes: Axes, name: str, places: Mapping[str, tuple[float, float]]) -> None:
    for fate, place in places.items():
        words = rf"{fate}, $\sigma_w^2={STARTS[name, fate].weight_variance:.3g}$"
        plotting.note(axes, place, words, COLORS[fate])


def draw_differences(axes: Axes, measured: dict[tuple[str, str], Signals]) -> None:
    def worst(what):
        largest = np.max([getattr(one, what) for one in measured.values()], axis=(0, 1))
        return np.where(largest > 0, largest, np.nan)

    gray = plotting.COLORS["gray"]
    layers = np.arange(1, len(worst("float64")) + 1)
    for precision, epsilon in ROUNDING.items():
        axes.plot(layers, worst(precision), color=PRECISION_COLORS[precision])
        plotting.theory(axes, layers, np.full(len(layers), epsilon), label=None)
        words = f"by hand against jax.grad, {precision}"
        plotting.note(axes, (1, 60 * epsilon), words, PRECISION_COLORS[precision])
    axes.plot(layers, worst("own_rounding"), color=gray)
    plotting.note(axes, (1, 0.2), "jax.grad, float32 against float64", gray)
    axes.set(yscale="log", ylim=(3e-17, 30), xlabel="layer $l$", ylabel="relative difference")


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
