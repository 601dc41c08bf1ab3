"""The one figure style, and the few shapes every figure is made of.

Figures are 5.5 inches wide, the text column of a one-column paper, with type that stays legible at
that size. Colors are Okabe and Ito's, which readers of every color vision tell apart; theory is
always a thin black line over colored measurement. Needs matplotlib (the `figures` extra).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMN_WIDTH = 5.5

COLORS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "gray": "#7F7F7F",
}
CYCLE = [COLORS[name] for name in ("blue", "vermillion", "green", "orange", "purple", "sky")]

STYLE: dict[Any, Any] = {
    "axes.grid": False,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.prop_cycle": cycler(color=CYCLE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 8,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "font.size": 8,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 3,
    "mathtext.fontset": "dejavusans",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
}

THEORY: dict[str, Any] = {"color": "black", "linewidth": 0.8, "linestyle": "--", "zorder": 5}


@contextmanager
def panels(
    layout: Any,
    height: float,
    height_ratios: Sequence[float] | None = None,
) -> Iterator[tuple[Figure, dict[str, Axes]]]:
    """A figure of named panels in the house style, as (figure, {name: axes}).

    Args:
        layout: a mosaic, as in ``matplotlib.figure.Figure.subplot_mosaic``; rows of their own
            widths are mosaics in it: ``[[[["a", "b", "c"]]], [[["d", "e"]]]]``.
        height: in inches; the width is one text column, 5.5 inches.
        height_ratios: one number per row of the layout; equal by default.

    Example:
        >>> with panels([["left", "right"]], height=2.0) as (figure, axes):
        ...     lines = axes["left"].plot([1, 2], [3, 4])
        >>> sorted(axes)
        ['left', 'right']
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(COLUMN_WIDTH, height))
        yield figure, figure.subplot_mosaic(layout, height_ratios=height_ratios)


def title(axes: Axes, letter: str, text: str, **style: Any) -> None:
    """A bold letter to cite the panel by, and what it shows."""
    axes.set_title(rf"$\bf{{({letter})}}$ {text}", **style)


def theory(axes: Axes, x: Any, y: Any, label: str | None = "theory", **style: Any) -> None:
    """Theory as a dashed black line over the measurement."""
    axes.plot(x, y, label=label, **{**THEORY, **style})


def contours(
    axes: Axes,
    loss: Callable,
    domain: tuple[tuple[float, float], tuple[float, float]],
    levels: int = 12,
    points: int = 200,
) -> None:
    """Contour lines of a loss of two variables, evenly spaced in √(L − min L).

    Example:
        >>> import jdescent as jd
        >>> with panels([["only"]], height=2.0) as (figure, axes):
        ...     contours(axes["only"], jd.losses.bowl(), ((-1.0, 1.0), (-1.0, 1.0)))
    """
    (left, right), (bottom, top) = domain
    x, y = np.meshgrid(np.linspace(left, right, points), np.linspace(bottom, top, points))
    grid = jnp.asarray(np.stack([x, y], axis=-1).reshape(-1, 2))
    surface = np.asarray(jax.vmap(loss)(grid)).reshape(x.shape)
    height = np.sqrt(surface - surface.min())
    axes.contour(
        x,
        y,
        height,
        np.linspace(0, height.max(), levels + 1)[1:],
        colors="0.8",
        linewidths=0.5,
        zorder=0,
    )
    axes.set(xlim=(left, right), ylim=(bottom, top))


def arrow(axes: Axes, start: Any, end: Any, color: str) -> None:
    """An arrow from one point of the plane to another."""
    axes.annotate(
        "",
        xy=(float(end[0]), float(end[1])),
        xytext=(float(start[0]), float(start[1])),
        arrowprops={"arrowstyle": "-|>", "color": color, "lw": 1.2, "shrinkA": 0, "shrinkB": 0},
        zorder=6,
    )


def note(axes: Axes, place: tuple[float, float], text: str, color: str, **style: Any) -> None:
    """A few small words at a point of the panel, in the color of what they are about."""
    axes.text(*place, text, color=color, fontsize=7, **style)
