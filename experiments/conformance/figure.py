"""The matrix as a picture."""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.conformance.config import Config
from experiments.conformance.references.rows import LIBRARIES
from experiments.conformance.simulate import OPTAX, PAPER, Measured
from jdescent import plotting

LEAST, MOST = -16.0, 0.0  # powers of ten at the ends of the color scale
SHORT = {"pytorch_optimizer": "pytorch_\noptimizer"}


def plot(found: list[Measured], config: Config) -> Figure:
    del config
    names = sorted({row.optimizer for row in found})
    halves = [names[: math.ceil(len(names) / 2)], names[math.ceil(len(names) / 2) :]]
    height = 1.3 + 0.125 * len(halves[0])
    figure = Figure(figsize=(plotting.COLUMN_WIDTH * 1.3, height), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, half in zip(panels, halves, strict=True):
        image = draw_matrix(axes, half, found)
    bar = figure.colorbar(image, ax=list(panels), orientation="horizontal", aspect=60, pad=0.01)
    bar.set_label("largest distance of two paths, in units of the path")
    bar.set_ticks(
        [LEAST, -12, -8, -4, MOST],
        labels=["$10^{-16}$", "$10^{-12}$", "$10^{-8}$", "$10^{-4}$", "1"],
    )
    return figure


def columns() -> list[tuple[str, bool]]:
    """What stands above: against whom, and whether with the defaults of each."""
    others = [(library, defaults) for library in (OPTAX, *LIBRARIES) for defaults in (False, True)]
    return [(PAPER, False), *others]


def draw_matrix(axes: Axes, names: list[str], found: list[Measured]) -> Any:
    cells = np.full((len(names), len(columns())), np.nan)
    for row in found:
        if row.optimizer in names:
            place = names.index(row.optimizer), columns().index((row.against, row.is_of_defaults))
            nearest = np.log10(max(row.distance, 10**LEAST))
            cells[place] = np.fmin(cells[place], nearest)
    image = axes.imshow(
        cells, cmap=mpl.colormaps["RdYlGn_r"], vmin=LEAST, vmax=MOST, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    axes.set_yticks(range(len(names)), labels=names)
    labels = [
        f"{SHORT.get(against, against)}{', defaults' if defaults else ''}"
        for against, defaults in columns()
    ]
    axes.set_xticks(range(len(labels)), labels=labels, rotation=90)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=7)
    axes.set_xticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="minor", length=0)
    return image
