"""A still picture of each view, for paper and for where scripts do not run."""

import base64
import html
import io
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from jdescent_playground.numbers import RAISED
from jdescent_playground.player.pictures import Box, Picture, Shown, picture
from jdescent_playground.player.runs import written

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 72, 26, 10, 44
TICKS = 4
ACROSS, UP = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
DOTS = {"ball": 7, "other": 4, "now": 5, "chosen": 7, "point": 5.5, "measured": 2.6}  # radii


def still(about: Mapping[str, Any], shown: Shown) -> str:
    """A view at one setting, its run whole, as SVG.

    Args:
        about: the view's description.
        shown: the player's numbers, and where it stands.
    """
    drawn = _toned(picture(about, shown))
    paths = "".join(
        f'<path class="{role}" d="{_line(drawn, points)}"/>' for role, points in drawn.lines
    )
    dots = "".join(_dots(drawn, role, points) for role, points in drawn.dots)
    bottom, (left, right, low, high) = HEIGHT - BOTTOM, _window(drawn)
    texts: list[tuple[float, float, str, str]] = [
        (LEFT + ACROSS / 2, HEIGHT - 8, "middle", about["x_label"])
    ]
    for x, label in _ticks(left, right, drawn.log[0]):
        texts.append((_place(drawn, x, low)[0], bottom + 18, "middle", label))
    for y, label in _ticks(low, high, drawn.log[1]):
        texts.append((LEFT - 6, _place(drawn, left, y)[1] + 4, "end", label))
    told = "".join(
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{html.escape(text)}</text>'
        for x, y, anchor, text in texts
    )
    middle = HEIGHT / 2 - 16
    told += (
        f'<text transform="translate(16 {middle:g}) rotate(-90)" text-anchor="middle">'
        f"{html.escape(about['y_label'])}</text>"
    )
    return (
        f'<figure class="view {about["kind"]}">{_caption(about["title"])}'
        f'<svg role="img" aria-label="{html.escape(about["label"])}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{_colors(drawn)}'
        f'<g class="frame"><line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>'
        f'<line x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{bottom}"/></g>{paths}{dots}{told}</svg>'
        f"{_scale(about, drawn)}</figure>"
    )


def _toned(drawn: Picture) -> Picture:
    """With the page's own tones for runs beside one another."""

    def tone(role: str, usual: str) -> str:
        return f"{usual} tone-{role.removeprefix('run-')}" if role.startswith("run-") else role

    return replace(
        drawn,
        lines=[(tone(role, "path"), points) for role, points in drawn.lines],
        dots=[(tone(role, "point"), points) for role, points in drawn.dots],
    )


def _ticks(low: float, high: float, log: bool) -> list[tuple[float, str]]:
    """Round numbers within an interval, about `TICKS` of them; powers of ten where it is wide."""
    if log and high >= 100 * low:
        first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
        powers = range(first, last + 1, (last - first) // TICKS + 1)
        return [(10.0**power, f"10{str(power).translate(RAISED)}") for power in powers]
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= 0.999 * raw)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    places = [float(f"{step * i:.9g}") for i in range(first, last + 1)]
    return [(place, written(place)) for place in places]


def _caption(title: str) -> str:
    return f"<figcaption>{html.escape(title)}</figcaption>" if title else ""


def _place(drawn: Picture, x: float, y: float) -> tuple[float, float]:
    left, right, low, high = _window(drawn)
    log_x, log_y = drawn.log
    return (
        LEFT + _share(x, left, right, log_x) * ACROSS,
        TOP + (1 - _share(y, low, high, log_y)) * UP,
    )


def _share(value: float, low: float, high: float, log: bool) -> float:
    if log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _window(drawn: Picture) -> Box:
    """The box, longer on one side where both axes have one scale."""
    left, right, low, high = drawn.box
    if not drawn.equal:
        return drawn.box
    scale = max((right - left) / ACROSS, (high - low) / UP)
    more_x, more_y = (scale * ACROSS - (right - left)) / 2, (scale * UP - (high - low)) / 2
    return left - more_x, right + more_x, low - more_y, high + more_y


def _inside(drawn: Picture, points: np.ndarray) -> list[bool]:
    left, right, low, high = _window(drawn)
    return [left <= x <= right and low <= y <= high for x, y in points.tolist()]


def _line(drawn: Picture, points: np.ndarray) -> str:
    """A path that is broken where it leaves the picture."""
    parts, pen = [], "M"
    for (x, y), inside in zip(points.tolist(), _inside(drawn, points), strict=True):
        if inside:
            a, b = _place(drawn, x, y)
            parts.append(f"{pen}{a:.1f} {b:.1f}")
        pen = "L" if inside else "M"
    return "".join(parts)


def _dots(drawn: Picture, role: str, points: np.ndarray) -> str:
    kept = [p for p, inside in zip(points.tolist(), _inside(drawn, points), strict=True) if inside]
    places = [_place(drawn, x, y) for x, y in kept]
    if role == "minimum":
        cross = "".join(f"M{a - 5:.1f} {b:.1f}h10M{a:.1f} {b - 5:.1f}v10" for a, b in places)
        return f'<path class="minimum" d="{cross}"/>'
    radius = DOTS[role.split()[0]]
    return "".join(f'<circle class="{role}" cx="{a:.1f}" cy="{b:.1f}" r="{radius:g}"/>'
                   for a, b in places)  # fmt: skip


def _colors(drawn: Picture) -> str:
    if drawn.colors is None:
        return ""
    file = io.BytesIO()
    Image.fromarray(drawn.colors).save(file, "PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return (
        f'<image href="data:image/png;base64,{data}" x="{LEFT}" y="{TOP}" width="{ACROSS}" '
        f'height="{UP}" preserveAspectRatio="none" style="image-rendering: pixelated"/>'
    )


def _scale(about: Mapping[str, Any], drawn: Picture) -> str:
    """The colors and what they stand for."""
    if drawn.scale is None:
        return ""
    low, high, what = drawn.scale
    return (
        f'<p class="scale"><span>{written(low)}</span>'
        f'<b style="background: linear-gradient(90deg, {",".join(about["colors"])})"></b>'
        f'<span>{written(high)}</span><span class="muted">{html.escape(what)}</span></p>'
    )
