"""The look of the figures: colors that every color vision tells apart, in light and in dark."""

import math
from dataclasses import dataclass
from typing import Any

from bokeh.models import Axis, BasicTicker, FixedTicker, Plot
from bokeh.plotting import figure

from jdescent_playground.numbers import RAISED

TICKS = 4
FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"


@dataclass(frozen=True)
class Palette:
    """Colors by what they are for, Okabe and Ito's where they tell things apart.

    Attributes:
        ink, muted, faint, surface: text, text beside it, grid lines, what lies behind.
        path: where the run has been.
        ball: where it is.
        slope: the tangent, and everything said of the slope.
        velocity: momentum, and the second of two things.
        good, bad: a minimum reached; a divergence.
        race: the colors of several runs beside one another.
    """

    name: str
    ink: str
    muted: str
    faint: str
    surface: str
    path: str
    ball: str
    slope: str
    velocity: str
    good: str
    bad: str
    race: tuple[str, ...]


LIGHT = Palette(
    name="light", ink="#1b1f27", muted="#5b6472", faint="#e4e6ea", surface="#ffffff",
    path="#0072B2", ball="#D55E00", slope="#009E73", velocity="#B0508A", good="#007A59",
    bad="#C04E00", race=("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"),
)  # fmt: skip
DARK = Palette(
    name="dark", ink="#eef0f4", muted="#a3abb8", faint="#2a3039", surface="#171b22",
    path="#56B4E9", ball="#FF9447", slope="#2CC79A", velocity="#E6A3C8", good="#2CC79A",
    bad="#FF9447", race=("#56B4E9", "#FF8A3D", "#2CC79A", "#F0C04A", "#E6A3C8", "#4F9BE8"),
)  # fmt: skip
PALETTES = {"light": LIGHT, "dark": DARK}


def plot(name: str, x_label: str, y_label: str, **options: Any) -> figure:
    """An empty figure in the house style: no toolbar, large type, it fills its place on the page.

    Args:
        name: what the page's template and `Page.picture` call it.
        x_label: of the horizontal axis.
        y_label: of the vertical axis.
        options: of `bokeh.plotting.figure`.
    """
    view = figure(
        name=name, sizing_mode="stretch_both", toolbar_location=None, tools="", min_border=4,
        x_axis_label=x_label, y_axis_label=y_label, outline_line_color=None,
        background_fill_color=None, border_fill_color=None, **options,
    )  # fmt: skip
    enlarge(view, False)
    for axis in view.axis:
        axis.axis_label_text_font = axis.major_label_text_font = FONT
        axis.axis_label_text_font_style = "normal"
        axis.major_tick_line_color = axis.minor_tick_line_color = None
        axis.axis_line_color = None
    return view


def enlarge(view: Plot, for_a_hall: bool) -> None:
    """Write an axis's labels and numbers large enough for a desk, or for a lecture hall."""
    for axis in view.axis:
        axis.axis_label_text_font_size = "22px" if for_a_hall else "17px"
        axis.major_label_text_font_size = "20px" if for_a_hall else "15px"


def by_powers(axis: Axis, low: int, high: int) -> None:
    """Label an axis whose coordinate is an exponent of ten, at about four of them."""
    ticks = list(range(low, high + 1, max(math.ceil((high - low) / TICKS), 1)))
    if not isinstance(axis.ticker, FixedTicker):  # another model costs more than all the rest
        axis.ticker = FixedTicker(ticks=ticks)
    elif axis.ticker.ticks != ticks:
        axis.ticker.ticks = ticks
    axis.major_label_overrides = {tick: _power(tick) for tick in ticks}


def by_numbers(axis: Axis) -> None:
    """Label an axis by its coordinate itself, at about four places."""
    if not isinstance(axis.ticker, BasicTicker) or axis.ticker.desired_num_ticks != TICKS:
        axis.ticker = BasicTicker(desired_num_ticks=TICKS)
    axis.major_label_overrides = {}


def _power(exponent: int) -> str:
    return {0: "1", 1: "10"}.get(exponent, f"10{str(exponent).translate(RAISED)}")


def paint(view: Plot, palette: Palette) -> None:
    """Give a figure's axes and grid the palette's colors; renderers are the page's own affair."""
    for axis in view.axis:
        axis.axis_label_text_color = axis.major_label_text_color = palette.muted
    for grid in view.grid:
        grid.grid_line_color = palette.faint
