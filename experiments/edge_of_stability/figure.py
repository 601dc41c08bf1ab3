"""Sharpness over its threshold against steps, and where it hovers."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.statistics import positive_mean
from experiments.edge_of_stability.averaged import WINDOW, Averaged, distances, first_burst, moved
from experiments.edge_of_stability.batches import Sharpness
from experiments.edge_of_stability.config import Config
from experiments.edge_of_stability.flow_numbers import NAMES, late
from experiments.edge_of_stability.following import Followed
from experiments.edge_of_stability.methods import METHODS
from experiments.edge_of_stability.numbers import hovering
from jdescent import plotting

COLORS = dict(zip(METHODS, [*plotting.CYCLE, plotting.COLORS["gray"]], strict=True))
SHOWN = 100  # steps
WHOLE = plotting.COLORS["green"]
Runs = dict[str, Followed]


def plot(data: dict, config: Config) -> Figure:
    followed = data["followed"]
    layout = [[[["a", "b"]]], [[["c"]]], [[["d", "e", "f"]]]]
    with plotting.panels(layout, height=6.2) as (figure, axes):
        for letter, problem in zip("ab", followed, strict=True):
            draw_runs(axes[letter], followed[problem], config)
            plotting.title(axes[letter], letter, f"{problem}: it rises, then hovers")
        draw_hovering(axes["c"], followed)
        draw_oscillation(axes["d"], data["flows"]["gd"])
        draw_flows(axes["e"], data["flows"])
        draw_batches(axes["f"], data["batches"])
    return figure


def draw_runs(axes: Axes, runs: Runs, config: Config) -> None:
    for name, followed in runs.items():
        steps = config.every * np.arange(1, followed.ratio.shape[1] + 1)
        axes.plot(
            steps, followed.ratio[0], color=COLORS[name], linewidth=0.8, label=METHODS[name].name
        )
    plotting.theory(axes, [0, config.steps], [1, 1], label=None)
    axes.set(xlim=(0, config.steps), ylim=(0, 1.3), xlabel="step", ylabel="sharpness / threshold")


def draw_hovering(axes: Axes, followed: dict[str, Runs]) -> None:
    names = list(next(iter(followed.values())))
    for shift, (problem, runs) in zip((-0.12, 0.12), followed.items(), strict=True):
        for place, name in enumerate(names):
            estimate = hovering(runs[name])
            axes.errorbar(
                place + shift, estimate.value, estimate.reach, fmt="o", color=COLORS[name],
                markerfacecolor=COLORS[name] if problem == "synthetic" else "white",
                linewidth=0.8, markersize=4,
            )  # fmt: skip
    plotting.theory(axes, [-0.5, len(names) - 0.5], [1, 1], label=None)
    axes.set_xticks(range(len(names)), [METHODS[name].name for name in names])
    for label, name in zip(axes.get_xticklabels(), names, strict=True):
        label.set_color(COLORS[name])
    axes.set(xlim=(-0.5, len(names) - 0.5), xlabel="optimizer", ylabel="sharpness / threshold")
    plotting.title(axes, "c", "mean over the last third")


def draw_oscillation(axes: Axes, run: Averaged) -> None:
    peak = first_burst(run).stop
    shown = slice(max(peak - SHOWN // 2, 0), peak + SHOWN // 2)
    steps = np.arange(len(run.loss))[shown]
    axes.plot(steps, run.deviation[shown, 0], ".-", color=COLORS["gd"], linewidth=0.4, markersize=2)
    right = axes.twinx()
    right.plot(steps, run.values[shown, 0] / 2, color="0.5")
    plotting.theory(right, steps[[0, -1]], [1, 1], label=None)
    right.spines["right"].set_visible(True)
    right.set(ylabel="sharpness / (2/η)", ylim=(0.8, 1.4))
    axes.set(xlabel="step", ylabel="deviation")
    plotting.title(axes, "d", "a burst of GD")


def draw_flows(axes: Axes, flows: dict[str, Averaged]) -> None:
    for name, run in flows.items():
        steps = WINDOW // 2 + np.arange(len(moved(run)))
        axes.plot(steps, distances(run, run.central), color=COLORS[name], label=NAMES[name])
        axes.plot(steps, distances(run, run.stable), color=COLORS[name], linestyle=":")
        axes.plot(steps, moved(run), color=COLORS[name], linestyle="--", linewidth=0.6)
    axes.set(yscale="log", ylim=(1e-3, None), xlabel="step", ylabel="distance")
    axes.legend(loc="lower right")
    plotting.title(axes, "e", "averaged paths")


def draw_batches(axes: Axes, batches: dict[int, Sharpness]) -> None:
    *sizes, full = batches
    for size in sizes:
        for series, face in ((batches[size].whole, WHOLE), (batches[size].batch, "white")):
            estimate = positive_mean(late(series))
            axes.errorbar(
                size, estimate.value, estimate.reach, fmt="o", color=WHOLE, markerfacecolor=face,
                linewidth=0.8, markersize=4,
            )  # fmt: skip
    whole = positive_mean(late(batches[full].whole))
    axes.errorbar(full, whole.value, whole.reach, fmt="s", color=WHOLE, linewidth=0.8, markersize=4)
    plotting.theory(axes, [sizes[0] / 2, 2 * full], [1, 1], label=None)
    axes.set(xscale="log", ylim=(0, 1.3), xlabel="batch size", ylabel="sharpness / (2/η)")
    axes.set_xticks([*sizes, full], [str(size) for size in (*sizes, full)])
    axes.minorticks_off()
    plotting.title(axes, "f", "SGD")
