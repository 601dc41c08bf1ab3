"""The part of a sweep's grid that one of its programs computes."""

from collections.abc import Mapping, Sequence

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
    """

    def __init__(
        self,
        sink: Store | Memory,
        axes: Sequence[Axis | Choice],
        chosen: Mapping[str, int],
    ) -> None:
        self._sink = sink
        self._axes, self._chosen = axes, chosen
        inside = tuple(chosen.get(axis.name, slice(None)) for axis in axes)
        done = sink.finished[inside].copy()
        self.finished = done if done.ndim else done.reshape(1)
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
