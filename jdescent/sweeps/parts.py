"""The part of a sweep's grid that one of its programs computes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jdescent.sweeps.axes import Axis
from jdescent.sweeps.choices import Choice
from jdescent.sweeps.memory import Memory
from jdescent.sweeps.store import Store


class Part:
    """A sink for the chunks of one choice, counted along the axes that are mapped alone.

    Args:
        sink: of the whole grid, whose chunks hold one entry of each axis of choices.
        axes: of the whole grid.
        chosen: the index on each axis of choices, by its name.
        wanted: which chunks of the whole grid are to be computed now.
    """

    def __init__(
        self,
        sink: Store | Memory,
        axes: Sequence[Axis | Choice],
        chosen: Mapping[str, int],
        wanted: np.ndarray | None = None,
    ) -> None:
        self._sink = sink
        self._axes, self._chosen = axes, chosen
        inside = tuple(chosen.get(axis.name, slice(None)) for axis in axes)
        done = sink.finished[inside] if wanted is None else (sink.finished | ~wanted)[inside]
        self.finished = np.array(done, ndmin=1)
        chunk = [step for axis, step in self._along(sink.chunk) if axis.name not in chosen]
        self.chunk = tuple(chunk) or (1,)

    def _along(self, values):
        return zip(self._axes, values, strict=True)

    def write(self, place: tuple[int, ...], values: Mapping[str, np.ndarray]) -> None:
        """Store one chunk; see `Store.write`."""
        mapped = iter(place)
        whole = tuple(
            self._chosen[axis.name] if axis.name in self._chosen else next(mapped)
            for axis in self._axes
        )
        self._sink.write(whole, {name: self._widened(value) for name, value in values.items()})
        self.finished[place] = True

    def _widened(self, value: np.ndarray) -> np.ndarray:
        """With the axes of choices, of one entry each."""
        sizes = iter(value.shape)
        region = [1 if axis.name in self._chosen else next(sizes) for axis in self._axes]
        own = value.shape[len(self.chunk) :]
        return value.reshape(*region, *own)


def whole_chunk(axes: Sequence[Axis | Choice], of_mapped: Sequence[int]) -> tuple[int, ...]:
    """The shape of a chunk of the whole grid, from that along the axes that are mapped."""
    steps = iter(of_mapped)
    return tuple(1 if isinstance(axis, Choice) else next(steps) for axis in axes)


def program_at(axes: Sequence[Axis | Choice], place: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """Which of the programs of all choices computes a chunk of the whole grid, and where therein.

    The chunk is at a place along each axis; so is what is returned, along those mapped alone.
    """
    number = 0
    for axis, index in zip(axes, place, strict=True):
        if isinstance(axis, Choice):
            number = number * axis.size + index
    along = zip(axes, place, strict=True)
    mapped = tuple(index for axis, index in along if isinstance(axis, Axis))
    return number, mapped or (0,)


def smallest(chunks: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """A chunk that is none of these's larger.

    Example:
        >>> smallest([(1, 30), (2, 30), (1, 17)])
        (1, 17)
    """
    return tuple(map(min, zip(*chunks, strict=True)))


def wanted_chunks(
    part: float | Mapping[str, Any],
    axes: Sequence[Axis | Choice],
    asked: Mapping[str, np.ndarray],
    sink: Store,
) -> np.ndarray:
    """Which chunks of a store hold a point of a part of the grid.

    Args:
        part: a fraction of the chunks, or a selection of some axes: a slice of indices, or values.
        axes: of the grid, in the store's order.
        asked: where the points of those axes are that were asked for in another order.
        sink: the store.

    Raises:
        TypeError, ValueError: a part that is none.
    """
    if not isinstance(part, Mapping):
        if isinstance(part, bool) or not isinstance(part, int | float) or not 0 < part <= 1:
            raise ValueError(
                f"part must be a fraction between 0 and 1, or select axes, as in "
                f"part={{'learning_rate': slice(0, 10)}}, got {part!r}"
            )
        first = np.arange(sink.finished.size) < part * sink.finished.size
        return first.reshape(sink.finished.shape)
    if unknown := part.keys() - {axis.name for axis in axes}:
        raise ValueError(f"part selects {', '.join(sorted(unknown))}, which is no axis")
    wanted = np.ones((), bool)
    for axis, step in zip(axes, sink.chunk, strict=True):
        points = np.ones(axis.size, bool)
        if axis.name in part:
            order = asked.get(axis.name, np.arange(axis.size))
            points = _selected(part[axis.name], axis, order)
        chunks = np.logical_or.reduceat(points, np.arange(0, axis.size, step))
        wanted = np.logical_and.outer(wanted, chunks)
    return wanted


def _selected(selection: Any, axis: Axis | Choice, order: np.ndarray) -> np.ndarray:
    """Which points of an axis: of a slice in the order that was asked for, or of these values."""
    points = np.zeros(axis.size, bool)
    if isinstance(selection, slice):
        points[order[selection]] = True
        if not points.any():
            raise ValueError(
                f"part selects {selection} of {axis.name}, in which none of its {axis.size} points "
                "is"
            )
        return points
    labels = np.asarray(axis.labels if isinstance(axis, Choice) else axis.index().values)
    values = selection if isinstance(selection, list | tuple | np.ndarray) else [selection]
    for value in values:
        found = labels == np.asarray(value, labels.dtype)
        if not found.any():
            raise ValueError(f"part selects {value!r} of {axis.name}, which is none of its values")
        points |= found
    return points
