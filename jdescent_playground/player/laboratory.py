"""The address at which the live playground shows a player's run, in its state."""

import inspect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np

from jdescent_playground.address import written
from jdescent_playground.player.runs import Axis
from jdescent_playground.runs import LIMIT

SERVER = "http://localhost:5006"
COMMAND = "jdescent play"


@dataclass(frozen=True)
class Part:
    """One value of an address, at every setting of the axes it hangs on.

    Attributes:
        name: in the address.
        axes: their names.
        counts: how many settings each has.
        texts: the value, the last axis changing fastest.
    """

    name: str
    axes: tuple[str, ...]
    counts: tuple[int, ...]
    texts: tuple[str, ...]

    def text(self, at: Mapping[str, int]) -> str:
        """The value at a setting, by its axes' indices."""
        where = [at[axis] for axis in self.axes]
        return self.texts[np.ravel_multi_index(where, self.counts) if where else 0]


@dataclass(frozen=True)
class Laboratory:
    """Where the live pages show what a player shows.

    Attributes:
        path: of the page, "/" or "/two".
        parts: of the query, in order.
    """

    path: str
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, path: str, query: Mapping[str, Any], axes: Sequence[Axis]) -> "Laboratory":
        """An address whose values may be functions of axes, by the names of their parameters.

        Raises:
            ValueError: a function reads what is no axis.

        Example:
            >>> rates = Axis("learning_rate", ("0.10", "0.40"), np.array([0.1, 0.4]))
            >>> there = Laboratory.of("/", {"learning_rate": lambda learning_rate: learning_rate,
            ...                             "start": -2.5}, [rates])
            >>> there.address({"learning_rate": 1}, step=3)
            'http://localhost:5006/?learning_rate=0.4&start=-2.5&step=3'
        """
        known = {axis.name: axis for axis in axes}
        return cls(path, tuple(_part(name, value, known) for name, value in query.items()))

    def address(self, at: Mapping[str, int], step: int = 0) -> str:
        """The whole address at a setting and a step."""
        query = {part.name: part.text(at) for part in self.parts}
        return f"{SERVER}{self.path}?{urlencode({**query, 'step': min(step, LIMIT)})}"

    def described(self) -> dict[str, Any]:
        """For the player's script."""
        return {
            "where": SERVER + self.path,
            "command": COMMAND,
            "limit": LIMIT,
            "parts": [vars(part) for part in self.parts],
        }


def _part(name: str, value: Any, axes: Mapping[str, Axis]) -> Part:
    if not callable(value):
        return Part(name, (), (), (_text(value),))
    names = tuple(inspect.signature(value).parameters)
    if unknown := set(names) - set(axes):
        raise ValueError(
            f"{name} of the laboratory's address reads {', '.join(sorted(unknown))}; "
            f"the axes are {', '.join(axes)}"
        )
    settings = [_settings(axes[axis]) for axis in names]
    texts = tuple(_text(value(*each)) for each in itertools.product(*settings))
    return Part(name, names, tuple(map(len, settings)), texts)


def _settings(axis: Axis) -> Sequence[Any]:
    """Numbers as they were typed, 0.4 where float32 holds 0.4000000059604645; or words."""
    if axis.values is None:
        return axis.labels
    return [float(f"{value:.6g}") for value in axis.values]


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    if isinstance(value, str | bool | int | None):
        return written(value)
    return written(float(f"{float(value):.9g}"))
