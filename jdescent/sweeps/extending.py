"""More values along the axes of a stored sweep: what is there comes first, and stays as it is."""

import contextlib
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jdescent.sweeps.axes import Axis
from jdescent.sweeps.choices import Choice
from jdescent.sweeps.encoding import LABELS, kept_labels
from jdescent.sweeps.layout import MARKER, is_free, open_group

if TYPE_CHECKING:
    import xarray


class Arranged(NamedTuple):
    """The axes that were asked for, as a store has them.

    Attributes:
        axes: in the store's order: what it has, then what is new.
        held: how many points of each the store has; None where it has no such axes.
        asked: along each axis that was asked for in another order, where each point now is.
    """

    axes: Sequence[Axis | Choice]
    held: tuple[int, ...] | None = None
    asked: Mapping[str, np.ndarray] = {}

    @property
    def grows(self) -> bool:
        """Whether there is more than the store has."""
        return self.held is not None and self.held != tuple(axis.size for axis in self.axes)

    def before(self) -> list[Axis | Choice]:
        """What the store has of the axes."""
        held = self.held or ()
        return [axis.take(np.arange(size)) for axis, size in zip(self.axes, held, strict=True)]

    def as_asked(self, grid: "xarray.Dataset") -> "xarray.Dataset":
        """A result in the order that was asked for."""
        return grid.isel(dict(self.asked)) if self.asked else grid


def arranged(axes: Sequence[Axis | Choice], folder: Path | None) -> Arranged:
    """The axes in the order of the store there, if what they have includes what it has."""
    if folder is None or is_free(folder):
        return Arranged(axes)
    with contextlib.suppress(OSError, ValueError, KeyError):  # told when the store is opened
        return _after_what_is_held(axes, folder)
    return Arranged(axes)


def _after_what_is_held(axes: Sequence[Axis | Choice], folder: Path) -> Arranged:
    group: Any = open_group(folder)
    mark = group[MARKER]
    if tuple(mark.metadata.dimension_names) != tuple(axis.name for axis in axes):
        return Arranged(axes)
    identities = group.attrs["identity"]["axes"]
    orders: list[np.ndarray] = []
    for axis, size in zip(axes, mark.shape, strict=True):
        if axis.identity() == identities[axis.name] and axis.size == size:
            orders.append(np.arange(size))
            continue
        order = _order_after(_points_held(group, axis, size), _points(axis))
        if order is None:
            return Arranged(axes)
        orders.append(order)
    return Arranged(
        [axis.take(order) for axis, order in zip(axes, orders, strict=True)],
        tuple(mark.shape),
        {
            axis.name: np.argsort(order)
            for axis, order in zip(axes, orders, strict=True)
            if np.any(np.diff(order) < 0)
        },
    )


def _points(axis: Axis | Choice) -> Sequence[Hashable]:
    """What each point of an axis is, to be compared."""
    if isinstance(axis, Choice):
        return list(map(repr, axis.labels))
    return _rows([label.values for _, label in kept_labels(axis.values())])


def _points_held(group: Any, axis: Axis | Choice, size: int) -> Sequence[Hashable]:
    if isinstance(axis, Axis):
        return _rows([group[name][...][:size] for name in axis.values()])
    array = group[axis.name]
    labels = array.attrs[LABELS] if LABELS in array.attrs else array[...].tolist()
    return list(map(repr, labels))[:size]


def _rows(arrays: Sequence[np.ndarray]) -> Sequence[Hashable]:
    flat = [np.ascontiguousarray(array).reshape(len(array), -1) for array in arrays]
    return [b"".join(array[k].tobytes() for array in flat) for k in range(len(flat[0]))]


def _order_after(held: Sequence[Hashable], asked: Sequence[Hashable]) -> np.ndarray | None:
    """Indices of what is asked for, what is held first; None if that lacks some of it.

    Example:
        >>> _order_after(["b", "d"], ["a", "b", "c", "d"])
        array([1, 3, 0, 2])
    """
    if [*asked[: len(held)]] == [*held]:
        return np.arange(len(asked))
    places = {point: place for place, point in enumerate(asked)}
    if len(places) < len(asked) or len({*held}) < len(held) or not {*held} <= places.keys():
        return None
    first = [places[point] for point in held]
    return np.array([*first, *sorted({*places.values()} - {*first})])
