"""A player as a moving picture: what its page shows at each step, drawn by matplotlib."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from jdescent_playground.pace import steps_shown
from jdescent_playground.player.packing import unpacked
from jdescent_playground.player.pictures import Picture, Shown, picture

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG"}
FRAME = 70  # milliseconds
HELD = 2000  # milliseconds: the last frame, before it begins anew
DOTS_PER_INCH = 100
WIDTHS = {"contours": 4.6, "curve": 5.2, "map": 4.6}  # inches of a view; others have USUAL
USUAL, HEIGHT = 3.8, 3.5
FEW_DECADES = 100.0  # along a logarithmic axis: its numbers are then written out
STILL = ("ground", "contour", "theory", "reference", "ahead")  # lines that do not move
TITLE: dict[str, Any] = {"fontsize": 11, "ha": "center", "va": "top"}
THEMES: dict[str, dict[str, Any]] = {
    "light": {
        "ink": "#1b1f27", "muted": "#5b6472", "surface": "#ffffff", "contour": "#c3c9d2",
        "path": "#0072b2", "ball": "#d55e00", "slope": "#00795a", "other": "#a0437b",
        "runs": ("#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#7f7f7f",
                 "#1b1f27"),
    },
    "dark": {
        "ink": "#eef0f4", "muted": "#a3abb8", "surface": "#171b22", "contour": "#3d4550",
        "path": "#56b4e9", "ball": "#ff9447", "slope": "#2cc79a", "other": "#e6a3c8",
        "runs": ("#56b4e9", "#ff8a3d", "#2cc79a", "#f0c04a", "#e6a3c8", "#4f9be8", "#a3abb8",
                 "#eef0f4"),
    },
}  # fmt: skip


def animation(data: str, form: str, theme: str = "light") -> bytes:
    """The file of a moving picture.

    Args:
        data: of a player, packed.
        form: "GIF", "WEBP" or "PNG", which is animated too.
        theme: "light" or "dark".

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: there is no such theme.
    """
    if theme not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(THEMES)}, got {theme!r}")
    header, numbers = unpacked(data)
    frames = _frames(header, numbers, THEMES[theme])
    file = io.BytesIO()
    durations = [FRAME] * (len(frames) - 1) + [HELD]
    if form == "GIF":  # one palette for all, or colors would flicker
        palette = frames[-1].quantize(128, dither=Image.Dither.NONE)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    first, *others = frames
    first.save(file, form, save_all=True, append_images=others, duration=durations, loop=0)
    return file.getvalue()


def _frames(
    header: Mapping[str, Any], numbers: dict[str, Any], theme: Mapping[str, Any]
) -> list[Image.Image]:
    """The views at each step that is shown; what does not move is drawn once, for all of them."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "a moving picture is drawn by matplotlib: pip install 'jdescent[playground]'"
        ) from error
    overlay = next((axis["name"] for axis in header["axes"] if axis["kind"] == "overlay"), "")
    at = {axis["name"]: axis["first"] for axis in header["axes"]}
    first = Shown(header["axes"], np.asarray(header["steps"]), numbers, at, 0, overlay)
    views = header["views"]
    widths = [WIDTHS.get(about["kind"], USUAL) for about in views]
    figure = Figure((sum(widths), HEIGHT), DOTS_PER_INCH, facecolor=theme["surface"])
    canvas = FigureCanvasAgg(figure)
    all_axes = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    figure.subplots_adjust(left=0.75 / sum(widths), right=0.985, bottom=0.17, top=0.86, wspace=0.3)
    for axes, about in zip(all_axes, views, strict=True):
        _draw_ground(axes, about, picture(about, first), theme)
    _legend(figure, first, theme)
    canvas.draw()
    ground = canvas.copy_from_bbox(figure.bbox)
    frames = []
    for row in steps_shown(max(int(first.get("last", **run)) for run in first.runs())):
        shown = replace(first, row=row)
        canvas.restore_region(ground)
        for axes, about in zip(all_axes, views, strict=True):
            for artist in _moving(axes, picture(about, shown), theme):
                axes.draw_artist(artist)
                artist.remove()
        words = figure.text(0.5, 0.97, _words(header, shown), **TITLE, color=theme["ink"])
        figure.draw_artist(words)
        words.remove()
        frames.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    return frames


def _words(header: Mapping[str, Any], shown: Shown) -> str:
    """What stands above: the title, the settings, the step."""
    told = [header["title"]] if header["title"] else []
    told += [
        f"{axis['label']} = {axis['labels'][shown.at[axis['name']]]}"
        for axis in shown.axes
        if axis["kind"] == "slider"
    ]
    last = max(float(shown.get("ended", **run)) for run in shown.runs())
    return "   ".join([*told, f"step {int(min(shown.steps[shown.row], last)):,}"])


def _draw_ground(
    axes: "Axes", about: Mapping[str, Any], drawn: Picture, theme: Mapping[str, Any]
) -> None:
    """The axes, and what is the same at every step."""
    from matplotlib.ticker import LogLocator, NullFormatter

    left, right, low, high = drawn.box
    axes.set(xscale="log" if drawn.log[0] else "linear", yscale="log" if drawn.log[1] else "linear")
    axes.set(xlim=(left, right), ylim=(low, high), facecolor=theme["surface"])
    if drawn.colors is not None:
        rows, columns = drawn.colors.shape[:2]
        across, up = (np.geomspace if log else np.linspace for log in drawn.log)
        edges = across(left, right, columns + 1), up(low, high, rows + 1)
        axes.pcolormesh(*edges, drawn.colors[::-1])
    for role, points in drawn.lines:
        if role.split()[0] in STILL:
            axes.plot(points[:, 0], points[:, 1], **_line_style(role, about["kind"], theme))
    if drawn.equal:
        axes.set_aspect("equal", adjustable="box")
    for axis, (start, end), log in zip(
        (axes.xaxis, axes.yaxis), ((left, right), (low, high)), drawn.log, strict=True
    ):
        if log and end < FEW_DECADES * start:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(about["x_label"], color=theme["muted"])
    axes.set_ylabel(about["y_label"], color=theme["muted"])
    axes.tick_params(colors=theme["muted"], which="both", labelsize=8)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme["muted"])


def _moving(axes: "Axes", drawn: Picture, theme: Mapping[str, Any]) -> Iterator["Artist"]:
    """What is another at each step."""
    for role, points in drawn.lines:
        if role.split()[0] not in STILL:
            yield from axes.plot(points[:, 0], points[:, 1], **_line_style(role, "", theme))
    for role, points in drawn.dots:
        yield from axes.plot(points[:, 0], points[:, 1], linestyle="", **_dot_style(role, theme))


def _legend(figure: "Figure", shown: Shown, theme: Mapping[str, Any]) -> None:
    """The names of runs beside one another, in their colors."""
    if not shown.role(shown.runs()[0], "", "").startswith("run-"):
        return
    for i, label in enumerate(shown.axis(shown.overlay)["labels"]):
        figure.text(
            0.99, 0.94 - 0.05 * i, label, color=theme["runs"][i], fontsize=9, ha="right", va="top",
            weight="bold",
        )  # fmt: skip


def _line_style(role: str, kind: str, theme: Mapping[str, Any]) -> dict[str, Any]:
    if role.startswith("run-"):
        return {"color": theme["runs"][int(role[4:])], "linewidth": 1.8}
    first = role.split()[0]
    toned = {"tone-1": theme["slope"], "tone-2": theme["other"]}.get(role.split()[-1])
    white = "#ffffff" if kind == "map" else theme["ink"]
    return {
        "ground": {"color": theme["ink"], "linewidth": 2.2},
        "contour": {"color": theme["contour"], "linewidth": 0.8},
        "path": {"color": theme["path"], "linewidth": 1.5, "marker": ".", "markersize": 5},
        "seen": {"color": toned or theme["path"], "linewidth": 1.8},
        "ahead": {"color": toned or theme["path"], "linewidth": 0.8, "alpha": 0.25},
        "tangent": {"color": theme["slope"], "linewidth": 2.0},
        "slope-arrow": {"color": theme["slope"], "linewidth": 2.0, "marker": "."},
        "theory": {"color": white, "linewidth": 1.2, "linestyle": "--"},
        "reference": {"color": theme["ink"], "linewidth": 1.0, "linestyle": "--"},
    }[first]


def _dot_style(role: str, theme: Mapping[str, Any]) -> dict[str, Any]:
    edge = {"markeredgecolor": theme["surface"], "marker": "o", "zorder": 5}
    if role.startswith("run-"):
        return {**edge, "color": theme["runs"][int(role[4:])], "markersize": 9}
    toned = {"tone-1": theme["slope"], "tone-2": theme["other"]}.get(role.split()[-1])
    return {
        "ball": {**edge, "color": theme["ball"], "markersize": 12},
        "now": {**edge, "color": theme["ball"], "markersize": 8},
        "chosen": {"marker": "o", "markersize": 10, "markerfacecolor": "none",
                   "markeredgecolor": "#ffffff", "markeredgewidth": 2},
        "other": {"color": theme["other"], "marker": "o", "markersize": 4, "alpha": 0.6},
        "point": {**edge, "color": theme["path"], "markersize": 8},
        "measured": {"color": toned or theme["path"], "marker": "o", "markersize": 3},
        "minimum": {"color": theme["ink"], "marker": "+", "markersize": 9},
    }[role.split()[0]]  # fmt: skip
