"""The pictures of what hangs on the learning rate."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jdescent.plotting import COLORS, THEORY
from jdescent.report_card.findings import Panel


def draw_scores(axes: Any, series: Mapping[str, Any]) -> None:
    """A thin line a learner, of its best score; the mean of all."""
    rate, score = np.asarray(series["rate"]), np.asarray(series["score"])
    best = score.max(axis=1, keepdims=True)
    learned = score[best[:, 0] > 0] / best[best[:, 0] > 0]
    axes.plot(rate, learned.T, color=COLORS["sky"], linewidth=0.5, alpha=0.6)
    axes.plot(rate, learned.mean(axis=0), "o-", color=COLORS["blue"], label="mean of learners")
    axes.axhline(0.9, **{**THEORY, "linestyle": ":"}, label="within 10 %")
    axes.set(xscale="log", ylim=(0, 1.04), xlabel="learning rate η", ylabel="learned, of the best")
    axes.legend(loc="upper left")


def draw_ranges(axes: Any, series: Mapping[str, Any]) -> None:
    """A bar a learner, over the rates within 10 % of the best, in the order of their middles."""
    middle, width = (np.asarray(series[name], float) for name in ("middle", "width"))
    order = [i for i in np.argsort(middle) if np.isfinite(middle[i])]
    place = np.arange(len(order))
    low, high = 10 ** (middle - width / 2), 10 ** (middle + width / 2)
    axes.hlines(place, low[order], high[order], colors=COLORS["blue"], linewidth=1.5)
    axes.plot(10 ** middle[order], place, "|", color="black", markersize=3)
    rate = series["rate"]
    axes.set(xscale="log", xlim=(min(rate) / 1.3, max(rate) * 1.3), ylim=(-1, len(order)))
    axes.set(xlabel="learning rates within 10 % of the best")
    axes.set_yticks(place, [series["learner"][i] for i in order], fontsize=4)
    axes.tick_params(axis="y", length=0, pad=1)


def draw_schedules(axes: Any, series: Mapping[str, Any]) -> None:
    """What is left with a schedule over what is left without, and its interval."""
    names = list(series["factor"])
    axes.axhline(1, **THEORY)
    for place, name in enumerate(names):
        mean, low, high = series["factor"][name]
        axes.errorbar(place, mean, [[mean - low], [high - mean]], fmt="o", color=COLORS["blue"])
    axes.set(yscale="log", ylabel="left, over constant rate", xlim=(-0.6, max(len(names), 1) - 0.4))
    axes.set_xticks(range(len(names)), names)
    if not names:
        axes.text(0, 1.1, "takes no schedule", ha="center", fontsize=7)


PANELS = (
    Panel("score by learning rate", draw_scores),
    Panel("rates within 10 % of the best", draw_ranges),
    Panel("schedules", draw_schedules),
)
