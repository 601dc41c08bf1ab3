"""The images of six conditions, the zoom, and the boxes that cover the boundaries."""

import math
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.trainability_boundary import plane
from experiments.trainability_boundary.config import CONDITIONS, WHOLE, WINDOWS, Config
from experiments.trainability_boundary.images import (
    badge,
    draw_image,
    draw_legend,
    draw_zoom,
    save_zoom,
    shade,
)
from experiments.trainability_boundary.plane import dimension
from jdescent import analysis, plotting

COLORS = dict(zip(CONDITIONS, plotting.CYCLE, strict=True))


def plot(data: dict, config: Config) -> Figure:
    levels = [f"level {level}" for level in range(len(data["zoom"]))]
    half = math.ceil((len(levels) + 1) / 2)
    spare = ["."] * (2 * half - len(levels) - 1)
    mosaic = [levels[:half], [*levels[half:], *spare, "counts"]]
    names = list(CONDITIONS)
    layout = [["legend"], [[names[:3], names[3:]]], [mosaic]]
    with plotting.panels(layout, height=7.5, height_ratios=(0.13, 3.8, 2.9)) as (figure, axes):
        draw_legend(axes["legend"])
        for letter, (name, image) in zip("abcdef", data["images"].items(), strict=True):
            draw_condition(axes[name], letter, name, image, data["nulls"][name])
        zoom = [axes[level] for level in levels]
        draw_zoom(zoom, data["zoom"])
        for level, (panel, (_, image)) in enumerate(zip(zoom, data["zoom"], strict=True)):
            label = f"×{config.factor**level:,.0f}, $D={dimension(image):.2f}$"
            panel.set_xlabel(label, fontsize=7, labelpad=2)
        draw_frozen_edges(zoom[0], data["edges"])
        plotting.title(zoom[0], "g", "linear network, zooming in")
        axes["counts"].axis("off")  # its labels stay inside its cell, so that (g) keeps its rows
        draw_counts(axes["counts"].inset_axes((0.34, 0.27, 0.64, 0.58)), data["images"])
    return figure


def draw_condition(
    axes: Axes,
    letter: str,
    name: str,
    image: plane.Image,
    nulls: dict[float, analysis.NullDimension],
) -> None:
    condition, window = CONDITIONS[name], WINDOWS[name]
    draw_image(axes, window, shade(image))
    low, high = min(n.low for n in nulls.values()), max(n.high for n in nulls.values())
    badge(axes, f"$D={dimension(image):.2f}$\nnull {low:.2f}–{high:.2f}")
    axes.spines[:].set(color=COLORS[name], linewidth=1.5)
    offset = condition.offset
    axes.set(
        xlabel="offset of $W_0$" if offset else r"$\log_{10}\,\eta_0$",
        ylabel=r"$\log_{10}\,\eta$" if offset else r"$\log_{10}\,\eta_1$",
    )
    axes.locator_params(nbins=4)
    plotting.title(axes, letter, condition.title)


def draw_frozen_edges(axes: Axes, frozen: dict[str, dict]) -> None:
    """2/λmax of each layer of the linear network, drawn where the other's rate is small."""
    left, right, bottom, top = WHOLE
    outer, inner = (np.log10(frozen[f"linear_{layer}"]["limit"]) for layer in ("outer", "inner"))
    plotting.theory(axes, [left, left + (right - left) / 3], [outer, outer], label=None)
    plotting.theory(axes, [inner, inner], [bottom, bottom + (top - bottom) / 3], label=None)
    above = outer + 0.07 * (top - bottom)
    plotting.note(axes, (left + 0.2, above), r"$2/\lambda_{\mathrm{max}}$", "black")


def draw_counts(axes: Axes, images: dict[str, plane.Image]) -> None:
    """s·N(s)/N(1), which is level for D = 1 and falls as 1/s for D = 2."""
    for name, image in images.items():
        sizes, counts = analysis.box_counts(analysis.outcome_boundary(image < 0))
        axes.plot(sizes, sizes * counts / max(1, counts[0]), "o-", color=COLORS[name])
    for slope, x, y in ((1, 4, 1.05), (2, 7, 0.16)):
        plotting.theory(axes, sizes, sizes ** (1.0 - slope), label=None)
        plotting.note(axes, (x, y), f"$D={slope}$", "black")
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(0.08, 1.6),
        xticks=(1, 4, 16),
        xticklabels=("1", "4", "16"),
        yticks=(0.1, 0.3, 1),
        yticklabels=("0.1", "0.3", "1"),
        xlabel="box side $s$ / pixels",
        ylabel="$s\\,N(s)/N(1)$",
    )
    axes.minorticks_off()
    plotting.title(axes, "h", "boxes of (a–f)")


def save_animation(data: dict, config: Config, path: Path) -> None:
    """The zoom as an animated GIF."""
    save_zoom(data["zoom"], path, config.frames)
