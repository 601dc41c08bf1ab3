"""The basins of a plane, and what parts and joins the ends of a network."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter, ScalarFormatter

from experiments.common.statistics import geometric_mean
from experiments.many_minima import networks, paths
from experiments.many_minima.basins import MINIMA, SURFACE
from experiments.many_minima.config import Config
from experiments.many_minima.ends import RIGHT_ANGLE
from jdescent import plotting

BASIN_COLORS = [plotting.COLORS[name] for name in ("sky", "orange", "green", "purple")]

PLAIN, MATCHED, BENT, STARTS, TWIN, LINEAR = (
    plotting.COLORS[name] for name in ("vermillion", "blue", "green", "orange", "purple", "gray")
)
WORDS = "0.35"  # about softmax regression: its gray is too light to be read


def plot(data: dict, config: Config) -> Figure:
    layout = [[[["a", "b"]]], [[["c", "d"]]], [[["e", "f", "g"]]]]
    with plotting.panels(layout, height=6.4, height_ratios=[1.1, 1, 0.85]) as (figure, axes):
        draw_basins(axes["a"], data["valleys"])
        draw_scores(axes["b"], data["ends"], data["linear"], config)
        draw_distances(axes["c"], data["distances"])
        draw_paths(axes["d"], data["between"], data["twins"], config)
        draw_planes(figure, [axes["e"], axes["f"]], list(data["planes"].values()))
        plotting.title(axes["e"], "e", "three ends …")
        plotting.title(axes["f"], "f", "… and matched")
        draw_widths(axes["g"], data["widths"])
    return figure


def draw_basins(axes: Axes, found: dict) -> None:
    (left, right), (bottom, top) = SURFACE.domain
    axes.imshow(
        found["reached"],
        extent=(left, right, bottom, top),
        origin="lower",
        cmap=ListedColormap(BASIN_COLORS),
        vmin=-0.5,
        vmax=len(BASIN_COLORS) - 0.5,
        alpha=0.55,
        interpolation="nearest",
    )
    for line in found["lines"]:
        plotting.theory(axes, line[:, 0], line[:, 1], label=None)
    for minimum, (x, y) in enumerate(MINIMA):
        share = np.mean(found["reached"] == minimum)
        axes.plot(x, y, "o", color="black", markersize=2.5)
        axes.text(x, y - 0.35, f"{share:.0%}", ha="center", va="top", fontsize=7)
    axes.set(xlim=(left, right), ylim=(bottom, top), xlabel="$x$", ylabel="$y$")
    plotting.title(axes, "a", "who ends in which valley")


def draw_scores(axes: Axes, ends: dict, linear: dict, config: Config) -> None:
    axes.plot(ends["loss"], ends["accuracy"], "o", color=MATCHED, alpha=0.5, markersize=2.5)
    loss, accuracy = float(linear["loss"].mean()), float(linear["accuracy"].mean())
    axes.plot(loss, accuracy, "D", color=LINEAR, markersize=4)
    middle, n = float(ends["accuracy"].mean()), networks.held_out(config)
    error = np.sqrt(middle * (1 - middle) / n)
    for sign in (-1, 1):
        axes.axhline(middle + sign * error, **plotting.THEORY)
    axes.set(xlim=(0, 1.3 * loss), xlabel="training loss (nats)", ylabel="held-out accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    beside = 1.25 * float(ends["loss"].max())
    plotting.note(axes, (beside, middle), f"{len(ends['loss'])} networks", MATCHED, va="center")
    plotting.note(
        axes,
        (1.28 * loss, middle + 0.93 * error),
        f"± standard error of {n:,} digits",
        "black",
        ha="right",
        va="top",
    )
    words = f"softmax regression,\n{len(linear['loss'])} starts"
    plotting.note(axes, (loss, middle - 0.97 * error), words, WORDS, ha="center", va="bottom")
    plotting.title(axes, "b", "equally good …")


def draw_distances(axes: Axes, distances: dict) -> None:
    bins = np.linspace(0, 1.7, 86)
    rows = (
        (distances["ends"][1], MATCHED, "ends,\nmatched"),
        (distances["starts"][1], STARTS, "starts,\nmatched"),
        (distances["ends"][0], PLAIN, "ends"),
    )
    for (table, color, words), align in zip(rows, ("center", "right", "left"), strict=True):
        values = table[np.triu_indices(len(table), 1)]
        counts, _ = np.histogram(values, bins)
        axes.stairs(counts / counts.max(), bins, color=color, fill=True, alpha=0.8)
        shift = {"center": 0, "right": 0.04, "left": 0.04}[align]
        plotting.note(axes, (np.mean(values) + shift, 1.04), words, color, ha=align)
    plotting.theory(axes, [RIGHT_ANGLE] * 2, [0, 1.3], label=None)
    plotting.note(axes, (RIGHT_ANGLE + 0.04, 1.22), r"$\sqrt{2}$", "black")
    axes.axvline(0, ymax=1 / 1.4, color=LINEAR, linewidth=2.5, clip_on=False)
    plotting.note(axes, (0.03, 1.04), "softmax\nregression", WORDS, ha="left")
    axes.set(xlim=(0, 1.7), ylim=(0, 1.4), yticks=[], ylabel="pairs")
    axes.set_xlabel("distance of a pair, in units of its norm")
    plotting.title(axes, "c", "… and far from each other")


def draw_paths(axes: Axes, between: dict, twins: dict, config: Config) -> None:
    t = np.linspace(0, 1, config.points)
    styles = {
        "straight": (PLAIN, "straight"),
        "matched": (MATCHED, "straight, matched"),
        "bent": (BENT, "bent"),
    }
    for name, (color, label) in styles.items():
        low, middle, high = np.quantile(between[name], [0.05, 0.5, 0.95], axis=0)
        axes.fill_between(t, low, high, color=color, alpha=0.25, linewidth=0)
        axes.plot(t, middle, color=color, label=label)
    to_twin = np.median(twins["heights"], axis=0)
    axes.plot(t, to_twin, ":", color=TWIN, label="straight to own twin")
    highest = float(np.quantile(between["straight"], 0.95, axis=0).max())
    axes.set(xlim=(0, 1), ylim=(0, 1.45 * highest), xlabel="place $t$ on the path")
    axes.set_ylabel("training loss (nats)")
    axes.legend(loc="upper center", ncols=2, columnspacing=1.0, handlelength=1.2)
    plotting.title(axes, "d", "the loss between two ends")


def draw_planes(figure: Figure, axes: Sequence[Axes], planes: Sequence[paths.Plane]) -> None:
    """The planes, with contours a third of a doubling apart from the lowest loss on."""
    lowest = min(float(plane.loss.min()) for plane in planes)
    levels = lowest * 2 ** (np.arange(11) / 3)
    for panel, plane in zip(axes, planes, strict=True):
        filled = panel.contourf(
            plane.x, plane.y, plane.loss, levels, cmap="cividis", extend="max", norm="log"
        )
        panel.plot(*plane.corners.T, "o", color="white", markeredgecolor="black", markersize=4)
        panel.set(xticks=[], yticks=[], aspect="equal")
    scale = figure.colorbar(filled, ax=list(axes), location="right", aspect=25, pad=0.02)
    told = levels[::3].tolist()
    scale.set_ticks(told, labels=[f"{level:.2f}" for level in told])
    scale.ax.yaxis.set_minor_locator(NullLocator())
    scale.ax.set_title("$J$")


def draw_widths(axes: Axes, widths: dict) -> None:
    sizes = list(widths)
    for name, color, words in (("straight", PLAIN, "as they are"), ("matched", MATCHED, "matched")):
        rows = [geometric_mean(paths.barriers(found[name])) for found in widths.values()]
        means = [row.value for row in rows]
        spans = np.concatenate([row.reach for row in rows], axis=1)
        axes.errorbar(sizes, means, spans, fmt="o-", color=color, linewidth=0.8)
        plotting.note(axes, (sizes[-1], 2.6 * means[-1]), words, color, ha="right")
    axes.set(xscale="log", yscale="log", xlabel="hidden neurons", ylabel="barrier (nats)")
    axes.set_xticks(sizes, minor=False)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    plotting.title(axes, "g", "barriers by width")
