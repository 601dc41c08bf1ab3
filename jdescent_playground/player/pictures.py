"""What each view shows of one run at one row, as lines, dots and colors that anything can draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jdescent_playground.player.runs import Numbers

Marks = list[tuple[str, np.ndarray]]
"""What each is for, as the page's style has it, and its points (n, 2)."""
Box = tuple[float, float, float, float]

ARROW = 0.14  # the length of −∇L, in widths of the picture
TANGENT = 1 / 9  # half its length, in widths
MOST_TRAILS = 8  # runs beside one another that all leave a trail


@dataclass(frozen=True)
class Picture:
    """One view, once.

    Attributes:
        box: left, right, bottom, top.
        lines, dots: in the order in which they are drawn.
        colors: (rows, columns, 3) bytes from the top that fill the box; None without.
        log: which of x and y are logarithmic.
        equal: whether both axes have one scale.
        scale: (low, high, what) of the colors.
    """

    box: Box
    lines: Marks
    dots: Marks = field(default_factory=list)
    colors: np.ndarray | None = None
    log: tuple[bool, bool] = (False, False)
    equal: bool = False
    scale: tuple[float, float, str] | None = None


@dataclass(frozen=True)
class Shown:
    """The numbers of a player at a setting and a row.

    Attributes:
        axes: descriptions of the axes, from the player's header.
        steps: of each row.
        numbers: by name.
        at: the index along each axis.
        row: of the runs, at most their last.
        overlay: the axis whose runs are all shown; "" for none.
    """

    axes: Sequence[Mapping[str, Any]]
    steps: np.ndarray
    numbers: Mapping[str, Numbers]
    at: Mapping[str, int]
    row: int
    overlay: str = ""

    def get(self, name: str, **others: int) -> np.ndarray:
        """The numbers of a name, at other settings of some axes."""
        at, found = {**self.at, **others}, self.numbers[name]
        return found.array[tuple(at[axis] for axis in found.axes)]

    def axis(self, name: str) -> Mapping[str, Any]:
        return next(axis for axis in self.axes if axis["name"] == name)

    def rows(self, **others: int) -> int:
        """How many rows of a run are seen."""
        return min(self.row, int(self.get("last", **others))) + 1

    def runs(self) -> list[dict[str, int]]:
        """Settings of the runs that are seen, the chosen one last."""
        if not self.overlay:
            return [{}]
        own = self.at[self.overlay]
        all_of_them = range(len(self.axis(self.overlay)["labels"]))
        return [{self.overlay: i} for i in (*(i for i in all_of_them if i != own), own)]

    def role(self, run: Mapping[str, int], usual: str, other: str) -> str:
        """What a run's mark is for: its number where few runs are beside one another."""
        if not run or len(self.axis(self.overlay)["labels"]) > MOST_TRAILS:
            return usual if not run or run[self.overlay] == self.at[self.overlay] else other
        return f"run-{run[self.overlay]}"


def picture(about: Mapping[str, Any], shown: Shown) -> Picture:
    """A view as it is shown.

    Args:
        about: the view's description in the player's header.
        shown: the player's numbers, and where it stands.
    """
    names = {name: name for name in shown.numbers} | about["arrays"]
    own = {name: shown.numbers[stored] for name, stored in names.items()}
    return _DRAWN[about["kind"]](about, Shown(**{**vars(shown), "numbers": own}))


def _curve(about: Mapping[str, Any], shown: Shown) -> Picture:
    curve = np.column_stack([shown.get("curve_x"), shown.get("curve_y")])
    left, right, low, high = _around(curve)
    box = left, right, *_padded(low, high)
    lines: Marks = [("ground", curve)]
    dots: Marks = []
    for run in shown.runs():
        x, y = shown.get("params", **run).reshape(len(shown.steps)), shown.get("loss", **run)
        seen = np.column_stack([x, y])[: shown.rows(**run)]
        role = shown.role(run, "ball", "other")
        if about["path"] and role != "other":
            lines.append((shown.role(run, "path", ""), seen))
        dots.append((role, seen[-1:]))
        if role == "ball":
            slope = float(shown.get("slope").reshape(len(shown.steps))[len(seen) - 1])
            steep = slope * (right - left) / (box[3] - box[2])
            reach = TANGENT * (right - left) / np.hypot(1, steep)
            lines.append(("tangent", seen[-1] + np.outer([-reach, reach], [1.0, slope])))
    return Picture(box, lines, dots)


def _contours(about: Mapping[str, Any], shown: Shown) -> Picture:
    contours = about["contours"]
    for name in about["contour_axes"]:
        contours = contours[shown.at[name]]
    lines: Marks = [("contour", np.reshape(line, (-1, 2))) for line in contours]
    dots: Marks = [("minimum", np.reshape(about["minima"], (-1, 2)))]
    for run in shown.runs():
        seen = shown.get("params", **run)[: shown.rows(**run)]
        role = shown.role(run, "ball", "other")
        if role != "other":
            lines.append((shown.role(run, "path", ""), seen))
        if about["arrow"] and role == "ball":
            slope = shown.get("slope")[len(seen) - 1].astype(float)
            size = float(np.linalg.norm(slope))
            if 0 < size < np.inf:
                length = ARROW * (about["box"][1] - about["box"][0])
                lines.append(
                    ("slope-arrow", np.stack([seen[-1], seen[-1] - length * slope / size]))
                )
        dots.append((role, seen[-1:]))
    return Picture(tuple(about["box"]), lines, dots, equal=True)


def _history(about: Mapping[str, Any], shown: Shown) -> Picture:
    lines: Marks = []
    dots: Marks = []
    levels = [float(shown.get(reference["array"])) for reference in about["references"]]
    ends = np.array([shown.steps[0], shown.steps[-1]], float)
    lines += [("reference", np.column_stack([ends, [level, level]])) for level in levels]
    whole = []
    for run in shown.runs():
        for which, name in enumerate(about["names"]):
            role = shown.role(run, f"seen tone-{which}", "other")
            ahead = "ahead" if role.startswith("run-") else f"ahead tone-{which}"
            stop = int(shown.get("last", **run)) + 1
            values = np.column_stack([shown.steps, shown.get(name, **run)])[:stop].astype(float)
            values[-1, 0] = min(values[-1, 0], float(shown.get("ended", **run)))
            whole.append(values)
            lines.append((ahead + (" other" if role == "other" else ""), values))
            if role != "other":
                seen = values[: shown.rows(**run)]
                lines.append((role, seen))
                dots.append((role if role.startswith("run-") else "now", seen[-1:]))
    seen = np.concatenate([*whole, *(line for role, line in lines if role == "reference")])
    if about["y_log"]:
        seen = seen[seen[:, 1] > 0]
    left, right, low, high = _around(seen)
    right = float(shown.steps[-1]) if about["whole"] else right
    if about["range"]:
        low, high = about["range"]
    elif about["y_log"]:
        low, high = low / 1.5, high * 1.5
    else:
        low, high = _padded(low, high)
    return Picture((left, right, low, high), lines, dots, log=(False, about["y_log"]))


def _map(about: Mapping[str, Any], shown: Shown) -> Picture:
    across, up = shown.axis(about["across"]), shown.axis(about["up"])
    count = len(across["values"]), len(up["values"])
    values = np.array(
        [
            [float(shown.get(about["array"], **{about["across"]: i, about["up"]: j}))
             for i in range(count[0])]
            for j in reversed(range(count[1]))
        ]
    )  # fmt: skip
    low, high = about["range"]
    share = np.clip(np.nan_to_num((values - low) / (high - low)), 0, 1)
    palette = np.array([_rgb(color) for color in about["colors"]], np.uint8)
    colors = palette[np.round(share * (len(palette) - 1)).astype(int)]
    colors[~np.isfinite(values)] = _rgb(about["missing"])
    here = across["values"][shown.at[about["across"]]], up["values"][shown.at[about["up"]]]
    lines = [("theory", shown.get(line["array"]).reshape(-1, 2)) for line in about["lines"]]
    return Picture(
        (*_edges(across), *_edges(up)), lines, [("chosen", np.array([here]))], colors,
        (bool(across["log"]), bool(up["log"])), scale=(low, high, about["legend"]),
    )  # fmt: skip


def _plane(about: Mapping[str, Any], shown: Shown) -> Picture:
    turn = np.linspace(0, 2 * np.pi, 121)
    circle: Marks = [("theory", np.column_stack([np.cos(turn), np.sin(turn)]))]
    points = shown.get(about["array"]).reshape(-1, 2)
    lines = circle if about["circle"] else []
    return Picture(tuple(about["box"]), lines, [("point", points)], equal=True)


def _sweep(about: Mapping[str, Any], shown: Shown) -> Picture:
    along = shown.axis(about["along"])
    x, places = np.asarray(along["values"], float), range(len(along["values"]))

    def values(name: str) -> np.ndarray:
        y = [float(shown.get(name, **{about["along"]: i})) for i in places]
        return np.column_stack([x, y])

    measured = [values(name) for name in about["names"]]
    lines = [("theory", values(name)) for name in about["theory"]]
    dots: Marks = [(f"measured tone-{which}", points) for which, points in enumerate(measured)]
    dots += [("now", points[[shown.at[about["along"]]]]) for points in measured]
    seen = np.concatenate([*measured, *(line for _, line in lines)])
    if about["y_log"]:
        seen = seen[seen[:, 1] > 0]
    left, right, low, high = _around(seen)
    left, right = (left / 1.05, right * 1.05) if along["log"] else _padded(left, right)
    if about["range"]:
        low, high = about["range"]
    elif about["y_log"]:
        low, high = low / 1.3, high * 1.3
    else:
        low, high = _padded(low, high)
    return Picture((left, right, low, high), lines, dots, log=(bool(along["log"]), about["y_log"]))


_DRAWN = {
    "curve": _curve, "contours": _contours, "history": _history, "map": _map, "plane": _plane,
    "sweep": _sweep,
}  # fmt: skip


def _around(points: np.ndarray) -> Box:
    finite = points[np.isfinite(points).all(axis=1)].astype(float)
    if not len(finite):
        return 0.0, 1.0, 0.1, 1.0
    (left, low), (right, high) = finite.min(axis=0).tolist(), finite.max(axis=0).tolist()
    return left, right if right > left else left + 1, low, high if high > low else low + 1


def _padded(low: float, high: float) -> tuple[float, float]:
    air = 0.06 * (high - low)
    return low - air, high + air


def _edges(axis: Mapping[str, Any]) -> tuple[float, float]:
    """The outer edges of the first and the last cell."""
    v = np.asarray(axis["values"], float)
    if axis["log"]:
        return float(v[0] * np.sqrt(v[0] / v[1])), float(v[-1] * np.sqrt(v[-1] / v[-2]))
    return float(v[0] - (v[1] - v[0]) / 2), float(v[-1] + (v[-1] - v[-2]) / 2)


def _rgb(color: str) -> list[int]:
    return [int(color[at : at + 2], 16) for at in (1, 3, 5)]
