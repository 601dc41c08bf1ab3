"""Paths, ends and times of the network with one example; networks on digits."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.catapult import phases, theory
from experiments.catapult.config import Config
from experiments.catapult.network_numbers import limits
from experiments.catapult.networks import Runs
from experiments.catapult.phases import Ends
from experiments.common.statistics import geometric_mean, mean_share, positive_mean
from jdescent import plotting

RATE_COLORS = dict(zip(phases.SHOWN, plotting.CYCLE, strict=False))
PEAK_COLORS = dict(zip(phases.PEAK_RATES, plotting.CYCLE, strict=False))
SIDE_COLORS = {-1: plotting.COLORS["blue"], 1: plotting.COLORS["vermillion"]}
LABELS = {
    "linear": "linear 1",
    "tanh": "tanh 1",
    "relu": "ReLU 1",
    "relu_2": "ReLU 2",
    "relu_3": "ReLU 3",
}
COLORS = dict(zip(LABELS, plotting.CYCLE, strict=False))
DOTTED = {"linestyle": ":", "color": "0.4", "label": None}


def plot(data: dict, config: Config) -> Figure:
    layout = [[[["a", "b"]]], [[["c", "d", "e"]]], [[["f", "g", "h"]]]]
    with plotting.panels(layout, height=6.4) as (figure, axes):
        draw_paths(axes["a"], axes["b"], data["shown"], config)
        draw_ends(axes["c"], data["phases"]["all"])
        draw_peaks(axes["d"], data["peaks"])
        draw_departures(axes["e"], data["departures"], config)
        draw_curvatures(axes["f"], data["networks"])
        draw_limits(axes["g"], data["networks"])
        draw_accuracies(axes["h"], data["networks"])
    return figure


def draw_paths(losses: Axes, curvatures: Axes, shown: dict, config: Config) -> None:
    for product, color in RATE_COLORS.items():
        path = shown[product]
        a, y = theory.follow(path.curvature[0], path.size[0], phases.SHOWN_STEPS)
        kept = y < 1e3
        steps = np.arange(len(y))[kept]
        for axes, measured, exact in (
            (losses, path.size / (2 * path.rate**2), y / (2 * path.rate**2)),
            (curvatures, path.curvature, a),
        ):
            axes.plot(steps, measured[kept], color=color, linewidth=2, label=f"{product:g}")
            plotting.theory(axes, steps, exact[kept], label=None)
    plotting.theory(curvatures, [0, phases.SHOWN_STEPS], [2, 2], **DOTTED)
    losses.set(yscale="log", ylim=(1e-12, 1e3), xlabel="step", ylabel="loss / width")
    curvatures.set(ylim=(0, 5), xlabel="step", ylabel=r"curvature $\eta\lambda$")
    losses.legend(title=r"$\eta\lambda_0$", ncols=2, loc="upper right")
    plotting.title(losses, "a", f"loss, width {config.width:,}")
    plotting.title(curvatures, "b", "curvature")


def draw_ends(axes: Axes, swept: Ends) -> None:
    for rate, ends in zip(swept.rates, swept.curvature, strict=True):
        axes.plot(np.full(len(ends), rate), ends, ".", color="0.6", markersize=2)
    fine = np.linspace(2.05, 3.95, 77)
    means = [theory.wide(rate).curvature.mean() for rate in fine]
    plotting.theory(axes, [0, theory.CRITICAL, *fine], [0, theory.CRITICAL, *means], label=None)
    near = np.linspace(2, 2.9, 50)
    axes.plot(near, theory.near_critical(near).curvature, color=plotting.COLORS["green"])
    plotting.theory(axes, [0, 4.4], [2, 2], **DOTTED)
    axes.axvspan(theory.DIVERGENT, 4.4, color=plotting.COLORS["vermillion"], alpha=0.3, linewidth=0)
    axes.set_xticks(range(5))
    axes.set(
        xlim=(0, 4.4), ylim=(0, 2.2), xlabel=r"$\eta\lambda_0$", ylabel=r"$\eta\lambda$ at the end"
    )
    plotting.title(axes, "c", "where it ends")


def draw_peaks(axes: Axes, peaks: dict[int, Ends]) -> None:
    widths = np.array(list(peaks))
    for place, (rate, color) in enumerate(PEAK_COLORS.items()):
        means = [positive_mean(ends.peak_step[place]) for ends in peaks.values()]
        middle = np.array([mean.value for mean in means])
        for index, (width, mean) in enumerate(zip(widths, means, strict=True)):
            label = None if index else rf"$\eta\lambda_0={rate:g}$"
            axes.errorbar(width, mean.value, mean.reach, fmt="o", color=color, label=label)
        logs = np.log(widths)
        line = middle.mean() + theory.steps_per_width(rate) * (logs - logs.mean())
        plotting.theory(axes, widths, line, label=None)
    axes.legend(loc="lower right", handletextpad=0.1, borderpad=0.1)
    axes.set(xscale="log", ylim=(0, None), xlabel="width $n$", ylabel="step of the peak")
    plotting.title(axes, "d", "when it peaks")


def draw_departures(axes: Axes, departures: dict[int, np.ndarray], config: Config) -> None:
    distances = np.array(config.departures)
    for side, steps in departures.items():
        label = "below 4" if side < 0 else "above 4"
        for index, (distance, row) in enumerate(zip(distances, steps, strict=True)):
            mean = positive_mean(row)
            axes.errorbar(
                distance * (1 + 0.15 * side), mean.value, mean.reach, fmt="o", markersize=2.5,
                color=SIDE_COLORS[side], label=None if index else label,
            )  # fmt: skip
    logs = -np.log(distances)
    middle = np.mean([steps.mean() for steps in departures.values()])
    line = middle + (logs - logs.mean()) / theory.LEAVING
    plotting.theory(axes, distances, line, label=None)
    axes.legend(loc="upper right", handletextpad=0.1, borderpad=0.1)
    axes.set(xscale="log", ylim=(0, None), xlabel=r"$|\eta\lambda_0-4|$", ylabel="steps to leave")
    plotting.title(axes, "e", "at the edge, 4")


def draw_curvatures(axes: Axes, networks: dict[str, Runs]) -> None:
    for name, runs in networks.items():
        all_train = np.logical_and.accumulate(runs.trains.all(axis=0))
        rates = runs.rates[all_train]
        curvatures = runs.curvature[:, all_train]
        axes.plot(rates, curvatures.T, color=COLORS[name], linewidth=0.4, alpha=0.5)
        axes.plot(rates, curvatures.mean(axis=0), ".-", color=COLORS[name])
    plotting.theory(axes, [1, 2, 40], [1, 2, 2], **DOTTED)
    axes.set(
        xscale="log", ylim=(0, 2.5), xlabel=r"$\eta\lambda_0$", ylabel=r"$\eta\lambda$ at the end"
    )
    plain_ticks(axes, (1, 2, 4, 12, 40))
    plotting.title(axes, "f", "networks on digits")


def draw_limits(axes: Axes, networks: dict[str, Runs]) -> None:
    for place, (name, runs) in enumerate(networks.items()):
        found = geometric_mean(limits(runs))
        axes.plot(
            limits(runs), np.full(len(runs.trains), place), ".", color=COLORS[name], alpha=0.4
        )
        axes.plot(found.value, place, "o", color=COLORS[name])
    for value in (theory.DIVERGENT, 12):
        plotting.theory(axes, [value, value], [-0.5, len(networks) - 0.5], label=None)
    axes.set_yticks(range(len(networks)), [LABELS[name] for name in networks])
    axes.set(
        xscale="log", xlim=(2.5, 70), ylim=(-0.5, len(networks) - 0.5),
        xlabel=r"largest $\eta\lambda_0$", ylabel="activation, layers",
    )  # fmt: skip
    plain_ticks(axes, (4, 12, 40))
    plotting.title(axes, "g", "what trains")


def draw_accuracies(axes: Axes, networks: dict[str, Runs]) -> None:
    for name, runs in networks.items():
        for accuracy, face in ((runs.accuracy, COLORS[name]), (runs.timely, "white")):
            means = [mean_share(column).value for column in accuracy.T]
            shown = runs.trains.all(axis=0)
            axes.plot(
                runs.rates[shown], np.array(means)[shown], "o-", color=COLORS[name],
                markerfacecolor=face, markersize=2, linewidth=0.6,
            )  # fmt: skip
    axes.axvline(theory.CRITICAL, color="0.4", linestyle=":", linewidth=0.8)
    axes.set(xscale="log", ylim=(0.6, 0.92), xlabel=r"$\eta\lambda_0$", ylabel="held-out accuracy")
    plain_ticks(axes, (1, 2, 4, 12, 40))
    plotting.title(axes, "h", "what is learned")


def plain_ticks(axes: Axes, places: tuple[float, ...]) -> None:
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.minorticks_off()
