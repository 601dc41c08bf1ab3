"""The paper's picture of a method: every test a row, every rate a column, in six colors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from jdescent.plotting import COLORS
from jdescent.report_card.findings import Panel
from jdescent.report_card.unit_tests.scoring import LETTERS

SHOWN = {
    "red": (COLORS["vermillion"], "red: not finite, or above 10¹⁰"),
    "orange": (COLORS["orange"], "orange: no progress"),
    "violet": (COLORS["purple"], "violet: some runs not finite"),
    "yellow": (COLORS["yellow"], "yellow: some runs no progress"),
    "blue": (COLORS["blue"], "blue: twice as far as tuned SGD"),
    "green": (COLORS["green"], "green: good"),
}
UPWARDS = ("green", "blue", "yellow", "violet", "orange", "red")


def _codes(series: Mapping[str, Any]) -> np.ndarray:
    return np.array([[LETTERS.index(letter) for letter in word] for word in series["colors"]])


def _edges(series: Mapping[str, Any]) -> np.ndarray:
    """Between the rates, on the axis of their logarithms."""
    middles = np.log10(series["rates"])
    half = (middles[1] - middles[0]) / 2 if len(middles) > 1 else 0.5
    return np.append(middles - half, middles[-1] + half)


def _label_rates(axes: Axes, series: Mapping[str, Any]) -> None:
    if not series["takes_rate"]:
        axes.set(xticks=[], xlabel="no learning rate")
        return
    edges = _edges(series)
    whole = np.arange(np.ceil(edges[0]), np.floor(edges[-1]) + 1)
    axes.set_xticks(whole, [f"$10^{{{power:.0f}}}$" for power in whole])
    axes.set(xlim=(edges[0], edges[-1]), xlabel="learning rate")


def _legend(axes: Axes) -> None:
    patches = [Patch(color=color, label=words) for color, words in SHOWN.values()]
    below = 4.5  # heights of a line: ticks and the label of the axis
    axes.legend(
        handles=patches, loc="upper left", bbox_to_anchor=(0, 0), borderaxespad=below, ncols=2
    )


def draw_tests(axes: Axes, series: Mapping[str, Any]) -> None:
    """One row a test, in families and in these by the rate that suits SGD, the smallest on top."""
    codes = _codes(series)
    rows = np.arange(codes.shape[1] + 1)
    palette = ListedColormap([color for color, _ in SHOWN.values()])
    axes.pcolormesh(
        _edges(series), rows, codes.T, cmap=palette, vmin=-0.5, vmax=5.5, rasterized=True
    )
    ends = np.cumsum(series["sizes"])
    axes.hlines(ends[:-1], *_edges(series)[[0, -1]], color="white", linewidth=1)
    middles = ends - np.array(series["sizes"]) / 2
    axes.set_yticks(middles, [name.replace("_", " ") for name in series["families"]])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.spines[["left", "bottom"]].set_visible(False)
    best = np.log10(series["rates"][series["best"]])
    axes.plot(best, 1.0, "v", color="black", transform=axes.get_xaxis_transform(), clip_on=False)
    _label_rates(axes, series)
    _legend(axes)


def draw_shares(axes: Axes, series: Mapping[str, Any]) -> None:
    """What share of all tests has which color at each rate."""
    codes, edges = _codes(series), _edges(series)
    names = list(SHOWN)
    floor = np.zeros(len(codes))
    for name in UPWARDS:
        share = (codes == names.index(name)).mean(axis=1)
        axes.bar(edges[:-1], share, np.diff(edges), floor, align="edge", color=SHOWN[name][0])
        floor += share
    axes.axhline(0.5, color="black", linewidth=0.6, linestyle=":")
    axes.set(ylim=(0, 1), ylabel="share of tests")
    _label_rates(axes, series)
    _legend(axes)


PANELS = (
    Panel("Unit tests by learning rate (▾ best for all)", draw_tests, 2.2, wide=True),
    Panel("Shares of the unit tests", draw_shares),
)
