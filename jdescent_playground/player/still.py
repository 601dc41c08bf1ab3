"""A still picture of each view, for paper and for where scripts do not run."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jdescent_playground.player.runs import Numbers, written

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 72, 14, 10, 44

Line = tuple[str, np.ndarray]


def still(
    about: Mapping[str, Any],
    numbers: Mapping[str, Numbers],
    steps: Sequence[int],
    at: Mapping[str, int],
) -> str:
    """A view at one setting, its run whole, as SVG; nothing for maps and the like.

    Args:
        about: the view's description.
        numbers: by name.
        steps: of each row.
        at: the index along each axis.
    """
    draw = {"curve": _curve, "contours": _contours, "history": _history}.get(about["kind"])
    if draw is None:
        return ""
    names = {name: name for name in numbers} | about["arrays"]
    chosen = {
        name: numbers[own].array[tuple(at[axis] for axis in numbers[own].axes)]
        for name, own in names.items()
    }
    lines, box, logarithmic = draw(about, chosen, np.asarray(steps), at)
    return _svg(about, lines, box, logarithmic)


def _curve(about: Mapping[str, Any], chosen: Mapping, steps: np.ndarray, at: Mapping) -> tuple:
    curve = np.column_stack([chosen["curve_x"], chosen["curve_y"]])
    rows = slice(int(chosen["last"]) + 1)
    run = np.column_stack([chosen["params"].reshape(len(steps)), chosen["loss"]])[rows]
    return [("ground", curve), ("path", run)], _around(curve), False


def _contours(about: Mapping[str, Any], chosen: Mapping, steps: np.ndarray, at: Mapping) -> tuple:
    contours = about["contours"]
    for name in about["contour_axes"]:
        contours = contours[at[name]]
    lines: list[Line] = [("contour", np.reshape(line, (-1, 2))) for line in contours]
    run = chosen["params"][: int(chosen["last"]) + 1]
    return [*lines, ("path", run)], about["box"], False


def _history(about: Mapping[str, Any], chosen: Mapping, steps: np.ndarray, at: Mapping) -> tuple:
    rows = slice(int(chosen["last"]) + 1)
    lines = [("path", np.column_stack([steps, chosen[name]])[rows]) for name in about["names"]]
    levels = [float(chosen[reference["array"]]) for reference in about["references"]]
    ends = np.array([steps[0], steps[-1]])
    lines += [("reference", np.column_stack([ends, [level, level]])) for level in levels]
    seen = np.concatenate([line for _, line in lines])
    if about["y_log"]:
        seen = seen[seen[:, 1] > 0]
    return lines, _around(seen), about["y_log"]


def _around(points: np.ndarray) -> list[float]:
    finite = points[np.isfinite(points).all(axis=1)]
    if not len(finite):
        return [0.0, 1.0, 0.1, 1.0]
    (left, low), (right, high) = finite.min(axis=0), finite.max(axis=0)
    return [left, right if right > left else left + 1, low, high if high > low else low + 1]


def _svg(
    about: Mapping[str, Any], lines: Sequence[Line], box: Sequence[float], logarithmic: bool
) -> str:
    left, right, low, high = box
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(x: float, y: float) -> str:
        up = math.log(y / low) / math.log(high / low) if logarithmic else (y - low) / (high - low)
        return f"{LEFT + (x - left) / (right - left) * width:.1f} {TOP + (1 - up) * height:.1f}"

    def drawn(points: np.ndarray) -> str:
        kept = [place(x, y) for x, y in points.tolist() if left <= x <= right and low <= y <= high]
        return "M" + "L".join(kept) if kept else ""

    paths = "".join(f'<path class="{name}" d="{drawn(points)}"/>' for name, points in lines)
    bottom, middle = HEIGHT - BOTTOM, HEIGHT / 2 - 20
    texts = [
        (LEFT, bottom + 18, "start", written(left)),
        (WIDTH - RIGHT, bottom + 18, "end", written(right)),
        (LEFT - 6, bottom, "end", written(low)), (LEFT - 6, TOP + 10, "end", written(high)),
        (LEFT + width / 2, HEIGHT - 8, "middle", about["x_label"]),
        (LEFT - 6, middle, "end", about["y_label"].split(",")[0]),
    ]  # fmt: skip
    told = "".join(
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{html.escape(text)}</text>'
        for x, y, anchor, text in texts
    )
    label = html.escape(about["label"])
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<g class="frame"><line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>'
        f'<line x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{bottom}"/></g>{paths}{told}</svg>'
    )
