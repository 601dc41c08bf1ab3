"""A sweep in pieces: boxes of the grid that fit in memory, compiled once, run on every device."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import core
from jax.sharding import AxisType, Mesh, PartitionSpec

from jdescent.sweeps import devices
from jdescent.sweeps.lanes import carried_bytes, largest_value_bytes, map_lanes, value_bytes

MIB = 2**20
CHUNK_LANES = {"cpu": 2**16}  # lanes of a chunk at most, so that long work is seen to advance
OTHER_CHUNK_LANES = 2**20

Place = tuple[int, ...]


def box_within(shape: Sequence[int], lanes: int) -> tuple[int, ...]:
    """The shape of equal boxes that cut a grid into runs of at most so many lanes.

    Example:
        >>> box_within((10, 100), 250), box_within((10, 100), 40)
        ((2, 100), (1, 34))
    """
    box: list[int] = []
    for size in reversed(shape):
        pieces = -(-size // max(1, lanes // math.prod(box)))
        box.append(-(-size // pieces))
        if pieces > 1:
            break
    return (1,) * (len(shape) - len(box)) + tuple(reversed(box))


def places(shape: Sequence[int], box: Sequence[int]) -> Iterator[Place]:
    """The index of every box along each axis."""
    return np.ndindex(*(-(-size // step) for size, step in zip(shape, box, strict=True)))


@dataclass(frozen=True)
class Engine:
    """A program compiled for the lanes of one box on each of this process's devices."""

    compiled: Any
    shape: tuple[int, ...]
    box: tuple[int, ...]
    lanes: int  # of one device: those of a box, and some that repeat the last to fill a block
    devices: int

    def start(self, at: Sequence[Place]) -> list[jax.Array]:
        """Begin to compute the boxes at these places, one a device; returns at once."""
        at = [*at, *[at[-1]] * (self.devices - len(at))]
        indices = [self._indices(place) for place in at]
        return self.compiled(*(np.concatenate(axis) for axis in zip(*indices, strict=True)))

    def _indices(self, place: Place) -> list[np.ndarray]:
        """Along each axis, the index of every lane of a box; spare ones repeat the last."""
        axes = [
            np.minimum(i * step + np.arange(step, dtype=np.int32), size - 1)
            for i, step, size in zip(place, self.box, self.shape, strict=True)
        ]
        grids = np.meshgrid(*axes, indexing="ij")
        spare = self.lanes - grids[0].size
        return [np.pad(grid.ravel(), (0, spare), mode="edge") for grid in grids]

    def collect(self, outputs: list[jax.Array], at: Sequence[Place]) -> Iterator[list[np.ndarray]]:
        """For each place, every output on its region: (*region, *its own shape)."""
        whole = [np.asarray(output) for output in outputs]
        for device, place in enumerate(at):
            yield [self._box_of(array, device, place) for array in whole]

    def _box_of(self, array: np.ndarray, device: int, place: Place) -> np.ndarray:
        blocks = array.shape[0] // self.devices
        lanes_last = np.moveaxis(array[device * blocks : (device + 1) * blocks], 0, -2)
        own = lanes_last.shape[:-2]
        lanes = lanes_last.reshape(*own, -1)[..., : math.prod(self.box)].reshape(*own, *self.box)
        inside = [
            slice(min(step, size - i * step))
            for i, step, size in zip(place, self.box, self.shape, strict=True)
        ]
        grid = lanes[(..., *inside)]  # type: ignore[arg-type]
        axes = range(len(own), grid.ndim)
        return np.moveaxis(grid, axes, range(len(axes)))


def engine_within(
    program: core.ClosedJaxpr,
    shape: tuple[int, ...],
    bound: float | int,
    mapped: Callable = map_lanes,
) -> Engine:
    """The program compiled for boxes whose memory, on all devices together, fits the bound."""
    count = len(jax.local_devices())
    total = math.prod(shape)
    most = CHUNK_LANES.get(jax.default_backend(), OTHER_CHUNK_LANES)
    produced = 2 * count * sum(value_bytes(variable) for variable in program.jaxpr.outvars)
    lanes = max(1, min(most, -(-total // jax.device_count()), int(bound // max(produced, 1))))
    while True:
        box = box_within(shape, lanes)
        engine = engine_for(program, shape, box, mapped)
        memory = engine.compiled.memory_analysis()
        # Two rounds are under way at a time: one is computed while the other is collected.
        used = count * (
            memory.argument_size_in_bytes
            + memory.temp_size_in_bytes
            + 2 * memory.output_size_in_bytes
        )
        if used <= bound:
            return engine
        if math.prod(box) == 1:
            on_each = f" on each of {count} devices" if count > 1 else ""
            raise ValueError(
                f"one lane{on_each} needs {used / MIB:.3g} MiB, more than "
                f"max_memory={bound / MIB:.3g}: raise it, or record less (every=, record=None)"
            )
        lanes = max(1, min(math.prod(box) - 1, int(0.9 * math.prod(box) * bound / used)))


def engine_for(
    program: core.ClosedJaxpr,
    shape: tuple[int, ...],
    box: tuple[int, ...],
    mapped: Callable = map_lanes,
) -> Engine:
    """The program compiled for boxes of this shape; `mapped` takes it to many lanes."""
    mesh = Mesh(np.array(jax.local_devices()), ("lanes",), axis_types=(AxisType.Auto,))
    block = min(_block(program), _power_of_two_from(math.prod(box)))
    lanes = -(-math.prod(box) // block) * block

    def on_one_device(*indices):
        if lanes == block:
            return [output[None] for output in mapped(program, *indices)]
        blocks = [index.reshape(-1, block) for index in indices]
        return lax.map(lambda here: mapped(program, *here), blocks)

    spread = PartitionSpec("lanes")
    on_all = jax.shard_map(
        on_one_device, mesh=mesh, in_specs=spread, out_specs=spread, check_vma=False
    )
    indices = [jax.ShapeDtypeStruct((lanes * mesh.size,), jnp.int32)] * len(shape)
    return Engine(jax.jit(on_all).lower(*indices).compile(), shape, box, lanes, mesh.size)


def _block(program: core.ClosedJaxpr) -> int:
    """How many lanes run side by side on one device, so that they stay in its cache."""
    if jax.default_backend() != "cpu":
        return OTHER_CHUNK_LANES
    carried = carried_bytes(program)
    if carried is not None:
        cached = _power_of_two_from(devices.CACHED_BYTES // max(carried, 16))
        return min(1024, max(64, cached)) if devices.loops_stay_in_cache() else 8192
    largest = largest_value_bytes(program)
    return min(1024, max(8, _power_of_two_from(devices.UNSPLIT_BYTES // largest)))


def _power_of_two_from(number: int) -> int:
    return 1 << max(0, number - 1).bit_length()
