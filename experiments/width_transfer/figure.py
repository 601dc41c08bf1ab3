"""Loss against rate at every width, best rates, curvature at the start, and the first step."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.statistics import geometric_mean, mean, positive_mean
from experiments.width_transfer.config import Config
from experiments.width_transfer.first_step import EXPONENTS, METHODS, Moves
from experiments.width_transfer.infinite_width import largest_eigenvalue, layer_kernels
from experiments.width_transfer.parametrization import MAXIMAL, PARAMETRIZATIONS, STANDARD, scales
from experiments.width_transfer.starting import Curvature, first_examples
from experiments.width_transfer.training import SETUPS, Trained, best_powers, widths_of
from jdescent import plotting

SETUP_COLORS = dict(zip(SETUPS, plotting.CYCLE, strict=False))
SHORT = {"sgd": "SGD", "adam": "Adam", "squared": "SGD, squared"}
FACE = {STANDARD: None, MAXIMAL: "white"}
TITLE = {STANDARD: "standard", MAXIMAL: r"$\mu$P"}
LAYER_NAMES = {"first": "first", "hidden": "hidden", "last": "last", "through": "hidden → out"}
TOP = 2.0  # of the loss


def plot(data: dict, config: Config) -> Figure:
    rows = [["a", "b", "c"], ["d", "e", "f"], ["g", "h"]]
    with plotting.panels([[[row]] for row in rows], height=6.2) as (figure, axes):
        for letters, setup in (("ab", "sgd"), ("de", "adam")):
            for letter, name in zip(letters, PARAMETRIZATIONS, strict=True):
                draw_losses(axes[letter], setup, name, data["trained"], config)
                plotting.title(axes[letter], letter, f"{SETUPS[setup].name}, {TITLE[name]}")
            share_rates(axes[letters[0]], axes[letters[1]])
        axes["b"].legend(
            title="width", title_fontsize=7, loc="upper left", bbox_to_anchor=(0.2, 1.02),
            labelspacing=0.2, borderpad=0.1,
        )  # fmt: skip
        draw_best(axes["c"], data["trained"], config)
        draw_curvature(axes["f"], data["started"], config)
        for letter, method in zip("gh", METHODS, strict=True):
            draw_steps(axes[letter], method, data["stepped"], config)
    return figure


def draw_losses(axes: Axes, setup: str, name: str, trained: Trained, config: Config) -> None:
    widths = widths_of(setup, config)
    shades = np.linspace(0.75, 0.0, len(widths))
    for width, shade in zip(widths, shades, strict=True):
        losses = trained[setup, name, width]
        means = np.exp(np.mean(np.log(losses.ends), axis=1))
        color = (shade, shade, 1 - 0.5 * (1 - shade))
        axes.plot(2.0**losses.powers, means, ".-", color=color, linewidth=1, label=str(width))
        best = np.argmin(means)
        axes.plot(2.0 ** losses.powers[best], means[best], "o", color=color, markersize=4.5)
    axes.set_xscale("log", base=2)
    axes.set(yscale="log", ylim=(0.08, TOP), xlabel=r"learning rate $\eta$", ylabel="training loss")
    axes.set_yticks([0.1, 0.2, 0.5, 1, 2], labels=["0.1", "0.2", "0.5", "1", "2"])
    axes.set_yticks([], minor=True)


def share_rates(left: Axes, right: Axes) -> None:
    ends = np.array([left.get_xlim(), right.get_xlim()])
    for axes in (left, right):
        axes.set_xlim(ends[:, 0].min(), ends[:, 1].max())


def draw_best(axes: Axes, trained: Trained, config: Config) -> None:
    for (setup, color), shift in zip(SETUP_COLORS.items(), (0.94, 1.0, 1.06), strict=True):
        widths = widths_of(setup, config)
        for name in PARAMETRIZATIONS:
            best = np.array([best_powers(trained[setup, name, n]) for n in widths])
            moved = [mean(of_width) for of_width in best - best[0]]
            values = [2.0**each.value for each in moved]
            low, high = zip(*(each.ends for each in moved), strict=True)
            reach = [values - 2.0 ** np.array(low), 2.0 ** np.array(high) - values]
            axes.errorbar(
                shift * np.array(widths), values, reach, fmt="o", color=color,
                markerfacecolor=FACE[name] or color, linewidth=0.8, markersize=4,
                label=SHORT[setup] if name == STANDARD else None,
            )  # fmt: skip
    n = np.array(config.widths, float)
    plotting.theory(axes, n, n[0] / n, label=r"$\propto 1/n$", linestyle=":")
    label_widths(axes, config.widths)
    axes.set_yscale("log", base=2)
    axes.set(xlabel="width $n$", ylabel="best rate / at the narrowest")
    axes.legend(loc="lower left", borderpad=0.1, labelspacing=0.2)
    plotting.title(axes, "c", "best rates")


def draw_curvature(axes: Axes, started: dict[tuple[str, int], Curvature], config: Config) -> None:
    widths, base = config.start_widths, config.start_widths[0]
    kernels = layer_kernels(np.asarray(first_examples(config)[0], float))
    between = np.geomspace(widths[0], widths[-1], 40)
    for name, color in zip(PARAMETRIZATIONS, plotting.CYCLE, strict=False):
        found = [started[name, n].top for n in widths]
        for values, style in (
            ([positive_mean(top.mean(axis=1)) for top in found], "o"),
            ([positive_mean(top[:, 0]) for top in found], "^"),
        ):
            rates = np.array([2 / each.value for each in values])
            low, high = (np.array([2 / each.ends[i] for each in values]) for i in (1, 0))
            axes.errorbar(
                widths, rates, [rates - low, high - rates], fmt=style, color=color,
                markerfacecolor=color if style == "o" else "white", linewidth=0.8, markersize=4,
                label=TITLE[name] if style == "o" else None,
            )  # fmt: skip
        predicted = [
            2 / largest_eigenvalue(kernels, n, scales(name, "sgd", n, base)) for n in between
        ]
        plotting.theory(axes, between, predicted, label=None)
    label_widths(axes, widths)
    axes.set(yscale="log", xlabel="width $n$", ylabel=r"$2/\lambda$ at the start")
    axes.set_yticks([0.02, 0.05, 0.1, 0.2], labels=["0.02", "0.05", "0.1", "0.2"])
    axes.set_yticks([], minor=True)
    axes.legend(loc="lower left")
    plotting.title(axes, "f", "largest stable rate")


def draw_steps(
    axes: Axes, method: str, stepped: dict[tuple[str, str, int], Moves], config: Config
) -> None:
    widths = np.array(config.step_widths, float)
    for (layer, exponent), color in zip(
        EXPONENTS[method].items(), plotting.CYCLE, strict=False
    ):  # fmt: skip
        for name in PARAMETRIZATIONS:
            moved = [geometric_mean(stepped[method, name, n][layer]) for n in config.step_widths]
            sizes = np.array([each.value for each in moved]) / moved[0].value
            axes.plot(
                widths, sizes, "o", color=color, markerfacecolor=FACE[name] or color, markersize=4,
                label=LAYER_NAMES[layer] if name == STANDARD else None,
            )  # fmt: skip
        plotting.theory(axes, widths, (widths / widths[0]) ** exponent, label=None)
    plotting.theory(axes, widths, np.ones_like(widths), label=None)
    label_widths(axes, config.step_widths)
    axes.set(yscale="log", xlabel="width $n$", ylabel="change / at the narrowest")
    axes.legend(loc="upper left", labelspacing=0.2)
    plotting.title(axes, "gh"[list(METHODS).index(method)], f"first step of {SETUPS[method].name}")


def label_widths(axes: Axes, widths: tuple[int, ...]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(widths, labels=[str(width) for width in widths])
    axes.set_xticks([], minor=True)
