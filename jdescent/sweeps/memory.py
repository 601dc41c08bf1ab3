"""A sweep that is kept in memory alone."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from jdescent.sweeps.encoding import Coordinate, Variable, kept_dtype, kept_labels

if TYPE_CHECKING:
    import xarray


class Memory:
    """Collects the chunks of a sweep, as a `Store` does, without a disk."""

    def __init__(
        self,
        axes: Mapping[str, int],
        chunk: tuple[int, ...],
        variables: Sequence[Variable],
        coordinates: Mapping[str, np.ndarray | Coordinate],
        attrs: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._axes, self.chunk, self._coordinates, self._attrs = axes, chunk, coordinates, attrs
        self._variables = {variable.name: variable for variable in variables}
        self._arrays = {name: self._empty(variable) for name, variable in self._variables.items()}
        grid = [-(-size // step) for size, step in zip(axes.values(), chunk, strict=True)]
        self.finished = np.zeros(grid, bool)

    def _empty(self, variable: Variable) -> np.ndarray:
        """The axes first, as one reads them; in memory they are last, as they are computed."""
        axes, own = tuple(self._axes.values()), variable.shape
        lanes_last = np.empty(own + axes, kept_dtype(variable.dtype))
        return np.moveaxis(lanes_last, range(len(own), lanes_last.ndim), range(len(axes)))

    def write(self, place: tuple[int, ...], values: Mapping[str, np.ndarray]) -> None:
        steps = zip(place, self.chunk, self._axes.values(), strict=True)
        region = tuple(slice(i * step, min((i + 1) * step, size)) for i, step, size in steps)
        for name, value in values.items():
            self._arrays[name][region] = value
        self.finished[place] = True

    def dataset(self) -> "xarray.Dataset":
        import xarray

        from jdescent.sweeps.reading import decoded

        data = {}
        for name, variable in self._variables.items():
            dims = (*self._axes, *variable.dims)
            data[name] = decoded(xarray.Variable(dims, self._arrays[name], variable.described()))
        coordinates = {
            name: decoded(xarray.Variable(label.dims, label.values, label.attrs))
            for name, label in kept_labels(self._coordinates)
        }
        return xarray.Dataset(data, coords=coordinates, attrs=dict(self._attrs))
