"""Levels solved, here and in LightBench's table; successes and trials of each optimizer."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from experiments.common.statistics import mean_share, positive_mean
from experiments.lightbench import counting
from experiments.lightbench.candidates import CANDIDATES
from experiments.lightbench.config import Config
from experiments.lightbench.simulate import searched
from jdescent import plotting

TRIALS = (2, 3, 5, 8, 12)
HUES = ("blue", "sky", "vermillion", "green", "purple", "orange", "gray")
COLORS = dict(zip(CANDIDATES, [*(plotting.COLORS[hue] for hue in HUES), "black"], strict=True))


def plot(data: dict[str, Any], config: Config) -> Figure:
    first = data["first"]
    layout = [[[["there", "here"]]], [[["successes", "trials", "budget"]]]]
    with plotting.panels(layout, 6.4, [4.2, 2.2]) as (figure, axes):
        there = np.isfinite(counting.published_trials()).astype(float)
        here = np.mean(counting.solved(first), axis=2)
        draw_levels(axes["there"], there)
        plotting.title(axes["there"], "a", "solved in LightBench's table")
        image = draw_levels(axes["here"], here)
        axes["here"].set(yticklabels=[], ylabel="")
        plotting.title(axes["here"], "b", "solved here")
        figure.colorbar(image, ax=axes["here"], label="share of levels", shrink=0.6)
        beside = np.mean(counting.solved(data["beside"])[0], axis=0)
        draw_successes(axes["successes"], there, counting.solved(first), beside)
        draw_trials(axes["trials"], first)
        draw_budget(axes["budget"], first)
        handles, labels = axes["successes"].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, columnspacing=0.7)
        figure.set_layout_engine("constrained", w_pad=0.08)
    return figure


def by_family(solved: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The share of each family's levels that each optimizer solves."""
    of_task = [family for family, _ in searched()]
    names = list(dict.fromkeys(of_task))
    rows = [solved[:, np.array(of_task) == name].mean(axis=1) for name in names]
    return names, np.array(rows)


def draw_levels(axes: Axes, solved: np.ndarray) -> Any:
    names, shares = by_family(solved)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    words = [name.replace("_", " ") for name in names]
    axes.set_yticks(np.arange(len(names)), words)
    axes.set_xticks(
        np.arange(len(CANDIDATES)), CANDIDATES, rotation=45, ha="right", rotation_mode="anchor"
    )
    axes.tick_params(length=0, pad=2)
    axes.set(xlabel="optimizer", ylabel="family of tasks")
    return image


def draw_successes(axes: Axes, there: np.ndarray, here: np.ndarray, beside: np.ndarray) -> None:
    """Each candidate, and gradient descent where ADOPT is there."""
    style: dict[str, Any] = {"fmt": "o", "elinewidth": 0.8}
    for i, (name, color) in enumerate(COLORS.items()):
        share = mean_share(here[i].mean(axis=0))
        axes.errorbar(
            there[i].mean(), share.value, yerr=share.reach, color=color, label=name, **style
        )
    share = mean_share(beside)
    axes.errorbar(
        there[counting.INDEX["ADOPT"]].mean(), share.value, yerr=share.reach, color="black",
        markerfacecolor="white", label="SGD for ADOPT", **style,
    )  # fmt: skip
    plotting.theory(axes, [0.5, 0.95], [0.5, 0.95], label=None)
    axes.set(xlabel="share solved there", ylabel="share solved here")
    plotting.title(axes, "c", "successes")


def draw_trials(axes: Axes, first: counting.Cells) -> None:
    published, here = counting.published_trials(), counting.trials_until_solved(first)
    for i, color in enumerate(COLORS.values()):
        both = np.isfinite(published[i]) & np.all(np.isfinite(here[i]), axis=1)
        trials = positive_mean(np.exp(np.mean(np.log(here[i][both]), axis=0)))
        axes.errorbar(
            np.exp(np.mean(np.log(published[i][both]))), trials.value, yerr=trials.reach,
            fmt="o", color=color, elinewidth=0.8,
        )  # fmt: skip
    plotting.theory(axes, [2, 12], [2, 12], label=None)
    axes.set(xscale="log", yscale="log", xlabel="trials there", ylabel="trials here")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(TRIALS))
        axis.set_major_formatter("{x:.0f}")
        axis.set_minor_locator(NullLocator())
    plotting.title(axes, "d", "trials of successes")


def draw_budget(axes: Axes, first: counting.Cells) -> None:
    trials = np.unique(np.round(np.geomspace(1, first.shape[-1], 12)).astype(int))
    for i, color in enumerate(COLORS.values()):
        shares = [counting.solved_after(first[i : i + 1], n).mean() for n in trials]
        axes.plot(trials, shares, color=color)
    axes.set(xscale="log", ylim=(0, 1), xticks=(1, 10), xticklabels=("1", "10"))
    axes.set(xlabel="trials made", ylabel="share solved")
    plotting.title(axes, "e", "budget of trials")
