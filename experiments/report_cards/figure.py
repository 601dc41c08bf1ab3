"""The table of all cards as a picture, and three of its columns as distributions."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report_cards.columns import RANKED, SYMMETRIES, Table, table
from experiments.report_cards.config import Config
from experiments.report_cards.simulate import Cards
from jdescent import plotting

ROW = 0.064  # inches
SHOWN = ("sgd", "heavy_ball", "nesterov", "adam", "lion", "muon", "newton", "rmsprop", "adagrad")
HOLDING = {"exactly": "#0072B2", "nearly": "#9ecae1", "no": "#f0f0f0"}


def plot(cards: Cards, config: Config) -> Figure:
    del config
    shown = table(cards)
    height = 3.9 + ROW * len(shown.names)
    with plotting.panels([["cards"] * 3, ["kappa", "rate", "spike"]], height,
                         [height - 1.9, 1.9]) as (figure, axes):  # fmt: skip
        draw_table(axes["cards"], shown)
        plotting.title(axes["cards"], "a", "what leaves a path as it is, and ranks", pad=20)
        draw_spread(axes["kappa"], cards["speed.exponent"], (1.0, 0.5))
        axes["kappa"].set(xlabel="p of the steps, κᵖ", ylabel="optimizers")
        plotting.title(axes["kappa"], "b", "condition number")
        draw_spread(axes["rate"], cards["noise.exponent"], (1.0,), (-0.5, 3))
        axes["rate"].set(xlabel="p of the variance, ηᵖ")
        plotting.title(axes["rate"], "c", "learning rate")
        spikes = {name: np.log10(value) for name, value in cards["noise.spike"].items()}
        draw_spread(axes["spike"], spikes, (np.log10(spike_of_descent()),))
        axes["spike"].set(xlabel="log₁₀ of the throw")
        plotting.title(axes["spike"], "d", "one large gradient")
    return figure


def spike_of_descent() -> float:
    """η·1000 in units of the stationary root mean square of x, √(η/(2 − η)), at η = 0.01."""
    rate, spike = 0.01, 1e3
    return rate * spike / np.sqrt(rate / (2 - rate))


def draw_table(axes: Axes, shown: Table) -> None:
    left, right = len(SYMMETRIES), len(RANKED)
    words = mpl.colors.ListedColormap(list(HOLDING.values()))
    axes.imshow(
        shown.holds, cmap=words, vmin=0, vmax=1, aspect="auto", interpolation="nearest",
        extent=(0, left, len(shown.names), 0),
    )  # fmt: skip
    ranks = mpl.colormaps["viridis_r"].copy()
    ranks.set_bad("0.85")
    axes.imshow(
        np.ma.masked_invalid(shown.ranks), cmap=ranks, vmin=0, vmax=1, aspect="auto",
        interpolation="nearest", extent=(left + 0.5, left + 0.5 + right, len(shown.names), 0),
    )  # fmt: skip
    axes.set(xlim=(0, left + 0.5 + right), ylim=(len(shown.names), 0))
    axes.set_yticks(np.arange(len(shown.names)) + 0.5, shown.names, fontsize=4.5)
    places = [*(np.arange(left) + 0.5), *(np.arange(right) + left + 1.0)]
    labels = [*SYMMETRIES.values(), *RANKED.values()]
    axes.set_xticks(places, labels, rotation=50, ha="right", rotation_mode="anchor", fontsize=6)
    axes.tick_params(length=0, pad=2)
    axes.spines[["left", "bottom"]].set_visible(False)
    patches = [
        mpl.patches.Patch(facecolor=color, edgecolor="0.6", linewidth=0.4, label=label)
        for label, color in HOLDING.items()
    ] + [
        mpl.patches.Patch(facecolor=mpl.colormaps["viridis_r"](share), label=label)
        for share, label in ((0.0, "best"), (0.5, "median"), (1.0, "last"))
    ]  # fmt: skip
    axes.legend(handles=patches, ncol=6, loc="lower center", bbox_to_anchor=(0.5, 0.998),
                fontsize=6, handlelength=1.0, columnspacing=1.2)  # fmt: skip


def draw_spread(
    axes: Axes,
    values: Mapping[str, Any],
    theory: Sequence[float],
    limits: tuple[float, float] | None = None,
) -> None:
    """How many have which value; those that are known best by name."""
    numbers = np.array([v for v in values.values() if np.isfinite(v)], float)
    low, high = limits or (numbers.min(), numbers.max())
    axes.hist(np.clip(numbers, low, high), bins=30, range=(low, high), color=plotting.COLORS["sky"])
    for value in theory:
        axes.axvline(value, **plotting.THEORY)
    top = axes.get_ylim()[1]
    known = sorted(
        (float(values[name]), name) for name in SHOWN if np.isfinite(values.get(name, np.nan))
    )
    for place, (value, name) in enumerate(known):
        height = top * (0.95 - 0.09 * (place % 9))
        axes.plot([np.clip(value, low, high)] * 2, [0, height], color="0.4", linewidth=0.4)
        axes.annotate(name, (np.clip(value, low, high), height), fontsize=5)
