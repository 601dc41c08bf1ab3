"""Sharpness over its threshold against steps, and where it hovers."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.edge_of_stability.config import Config
from experiments.edge_of_stability.following import Followed
from experiments.edge_of_stability.methods import METHODS
from experiments.edge_of_stability.numbers import hovering
from jdescent import plotting

COLORS = dict(zip(METHODS, [*plotting.CYCLE, plotting.COLORS["gray"]], strict=True))
Runs = dict[str, Followed]


def plot(data: dict, config: Config) -> Figure:
    followed = data["followed"]
    layout = [["a", "b"], ["c", "c"]]
    with plotting.panels(layout, height=4.4) as (figure, axes):
        for letter, problem in zip("ab", followed, strict=True):
            draw_runs(axes[letter], followed[problem], config)
            plotting.title(axes[letter], letter, f"{problem}: it rises, then hovers")
        draw_hovering(axes["c"], followed)
    return figure


def draw_runs(axes: Axes, runs: Runs, config: Config) -> None:
    for name, followed in runs.items():
        steps = 1 + config.every * np.arange(1, followed.ratio.shape[1] + 1)
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
