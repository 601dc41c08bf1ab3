"""The pictures of the learners."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jdescent.plotting import COLORS, THEORY, note
from jdescent.report_card.findings import Panel

NETS = ("MLP", "digits", "deep net", "text")
SHOWN = 1e-5  # and less


def draw_nets(axes: Any, series: Mapping[str, Any]) -> None:
    _draw(axes, series, [kind in NETS for kind in series["kind"]])


def draw_others(axes: Any, series: Mapping[str, Any]) -> None:
    _draw(axes, series, [kind not in NETS for kind in series["kind"]])


def _draw(axes: Any, series: Mapping[str, Any], shown: list[bool]) -> None:
    """A row a learner: what is left from each seed, and a bar at the threshold."""
    names = [name for name, show in zip(series["learner"], shown, strict=True) if show]
    excess = np.asarray(series["tuned excess"])[shown]
    threshold = np.asarray(series["threshold"])[shown]
    place = np.arange(len(names))
    is_solved = np.mean(excess <= threshold[:, None], axis=1) > 0.5
    excess = np.maximum(excess, SHOWN)
    color = np.where(is_solved, COLORS["blue"], COLORS["vermillion"])
    axes.hlines(place, SHOWN, np.median(excess, axis=1), colors=color, linewidth=0.8, alpha=0.5)
    for seed in excess.T:
        axes.scatter(seed, place, s=6, c=color, linewidths=0, zorder=3)
    axes.scatter(threshold, place, marker="|", s=24, c="black", linewidths=0.8, zorder=4)
    axes.set(xscale="log", xlim=(SHOWN / 1.3, 1.3), ylim=(len(names) - 0.4, -0.6))
    axes.set_yticks(place, names, fontsize=5.5)
    axes.tick_params(axis="y", length=0, pad=1)
    axes.set_xlabel("left to learn, of 1 (bar: asked)")


def draw_rates(axes: Any, series: Mapping[str, Any]) -> None:
    """The share of all learners that one rate solves, and that tuned rates do."""
    rate, tuned = series["rate"], series["tuned solved"]
    axes.plot(rate, series["solved"], "o-", color=COLORS["blue"])
    axes.axhline(tuned, **{**THEORY, "linestyle": ":"})
    note(axes, (rate[0], tuned + 0.02), "a rate for each", "black", va="bottom")
    axes.set(xscale="log", ylim=(0, 1.1), xlabel="one rate η for all", ylabel="learners solved")


PANELS = (
    Panel("Learners: nets and text", draw_nets, 1.25, wide=True),
    Panel("Learners: tables, landscapes, matrices", draw_others, 1.6, wide=True),
    Panel("Learners solved by rate", draw_rates),
)
