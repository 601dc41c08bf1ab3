"""The pictures of what hangs on the learning rate."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jdescent.plotting import COLORS, CYCLE, THEORY
from jdescent.report_card.findings import Panel


def draw_scores(axes: Any, series: Mapping[str, Any]) -> None:
    """A thin line a learner, of its best score; the mean of all."""
    rate, score = np.asarray(series["rate"]), np.asarray(series["score"])
    best = score.max(axis=1, keepdims=True)
    learned = score[best[:, 0] > 0] / best[best[:, 0] > 0]
    axes.plot(rate, learned.T, color=COLORS["sky"], linewidth=0.5, alpha=0.6)
    axes.plot(rate, learned.mean(axis=0), "o-", color=COLORS["blue"], label="mean of learners")
    axes.axhline(0.9, **{**THEORY, "linestyle": ":"}, label="within 10 %")
    axes.set(xscale="log", ylim=(0, 1.3), xlabel="learning rate η", ylabel="learned, of the best")
    axes.legend(loc="upper left", ncols=2, columnspacing=1)


def draw_ranges(axes: Any, series: Mapping[str, Any]) -> None:
    """A bar a learner, over the rates within 10 % of the best: by kind, from high to low rates."""
    middle, width = (np.asarray(series[name], float) for name in ("middle", "width"))
    kinds = list(dict.fromkeys(series["kind"]))
    place = 0
    ticks = []
    for number, kind in enumerate(kinds):
        of_kind = [i for i in range(len(middle)) if series["kind"][i] == kind]
        rows = sorted((i for i in of_kind if np.isfinite(middle[i])), key=lambda i: middle[i])
        places = place + np.arange(len(rows))
        ends = [10 ** (middle[rows] + side * width[rows] / 2) for side in (-1, 1)]
        axes.hlines(places, *ends, colors=CYCLE[number % 2], linewidth=1.5)
        axes.plot(10 ** middle[rows], places, "|", color="black", markersize=3)
        ticks.append(place + (len(rows) - 1) / 2)
        place += len(rows) + 1
    rate = series["rate"]
    axes.set(xscale="log", xlim=(min(rate) / 1.3, max(rate) * 1.3), ylim=(place - 1, -1))
    axes.set(xlabel="rates within 10 % of the best")
    axes.set_yticks(ticks, kinds, fontsize=6)
    axes.tick_params(axis="y", length=0, pad=1)


def draw_schedules(axes: Any, series: Mapping[str, Any]) -> None:
    """What is left with a schedule over what is left without, and its interval."""
    names = list(series["factor"])
    axes.axhline(1, **THEORY)
    for place, name in enumerate(names):
        mean, low, high = series["factor"][name]
        axes.errorbar(place, mean, [[mean - low], [high - mean]], fmt="o", color=COLORS["blue"])
    axes.set(ylabel="left, over constant rate", xlim=(-0.6, max(len(names), 1) - 0.4))
    axes.set_ylim(bottom=0)
    axes.set_xticks(range(len(names)), names)
    if not names:
        axes.text(0, 1.1, "takes no schedule", ha="center", fontsize=7)


PANELS = (
    Panel("Score by learning rate", draw_scores),
    Panel("Rates within 10 % of the best", draw_ranges, 1.3),
    Panel("Schedules", draw_schedules),
)
