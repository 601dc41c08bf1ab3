"""What is left against the rate, beside Adam task by task, best rates, and steps to Adam's end."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.statistics import geometric_mean
from experiments.tuned_optimizers.config import NETS, TRANSFORMERS, Config
from experiments.tuned_optimizers.numbers import best_rate, share
from experiments.tuned_optimizers.simulate import ADAM, METHODS, Data
from jdescent import plotting

COLORS = dict(zip(METHODS, plotting.CYCLE, strict=False))
OTHERS = [name for name in METHODS if name != ADAM]
LION_SAID, MUON_SAID = (0.1, 1 / 3), 0.52


def plot(data: Data, config: Config) -> Figure:
    rows = [["a", "b"], ["c", "c"], ["d", "e"]]
    with plotting.panels([[[row]] for row in rows], height=7.0) as (figure, axes):
        for letter, kind in zip("ab", config.kinds, strict=False):
            draw_rates(axes[letter], data, kind)
            plotting.title(axes[letter], letter, kind)
        axes["a"].set(ylabel="left of what can be learned")
        axes["a"].legend(loc="lower left", labelspacing=0.15, borderpad=0.1, handlelength=1.2)
        draw_tasks(axes["c"], data)
        plotting.title(axes["c"], "c", "tuned, beside Adam")
        draw_best(axes["d"], data)
        plotting.title(axes["d"], "d", "best rates")
        draw_steps(axes["e"], data, config)
        plotting.title(axes["e"], "e", "steps until Adam's end")
    return figure


def draw_rates(axes: Axes, data: Data, kind: str) -> None:
    for name in METHODS:
        ends = np.log(data.runs[name].ends[data.of(kind)])
        axes.plot(data.rates, np.exp(ends.mean(axis=(0, 2))), ".-", color=COLORS[name],
                  linewidth=1, label=name)  # fmt: skip
    axes.set(xscale="log", yscale="log", ylim=(0.006, 1.3), xlabel=r"learning rate $\eta$")


def draw_tasks(axes: Axes, data: Data) -> None:
    order = [*data.of(TRANSFORMERS), *data.of(NETS)]
    for row, task in enumerate(order):
        for place, name in enumerate(OTHERS):
            ends, of_adam = (data.runs[n].tuned[task, :, -1] for n in (name, ADAM))
            ratio = geometric_mean(ends / of_adam)
            axes.errorbar(ratio.value, row + 0.13 * (place - 2), xerr=ratio.reach, fmt="o",
                          color=COLORS[name], markersize=3, linewidth=0.8)  # fmt: skip
    axes.axvline(1, color="black", linewidth=0.8, linestyle="--")
    axes.axhline(len(data.of(TRANSFORMERS)) - 0.5, color="0.7", linewidth=0.6)
    axes.set_yticks(range(len(order)), [data.names[task] for task in order])
    axes.set(xscale="log", xlabel="left / left by Adam", ylim=(len(order) - 0.5, -0.5))


def draw_best(axes: Axes, data: Data) -> None:
    axes.axvspan(*LION_SAID, color="0.9")
    for row, name in enumerate(OTHERS):
        ratio = best_rate(data, name)
        axes.errorbar(ratio.value, row, xerr=ratio.reach, fmt="o", color=COLORS[name],
                      markersize=4, linewidth=0.8)  # fmt: skip
    axes.axvline(1, color="black", linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(OTHERS)), OTHERS)
    axes.set(xscale="log", xlabel=r"best $\eta$ / Adam's", ylim=(len(OTHERS) - 0.5, -0.5))


def draw_steps(axes: Axes, data: Data, config: Config) -> None:
    axes.axvline(MUON_SAID, color="0.85", linewidth=4)
    names = list(METHODS)
    for row, name in enumerate(names):
        for kind in config.kinds:
            of_kind, is_open = share(data, name, kind), kind == NETS
            face = "white" if is_open else COLORS[name]
            axes.errorbar(of_kind.value, row + (0.1 if is_open else -0.1),
                          xerr=of_kind.reach, fmt="o", color=COLORS[name], markerfacecolor=face,
                          markersize=4, linewidth=0.8)  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="share of Adam's steps", ylim=(len(names) - 0.5, -0.5))
