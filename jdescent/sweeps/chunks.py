"""A sweep in pieces: chunks of the grid that fit in memory, compiled once, run on every device."""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import core
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from jdescent._jax import NumberCheckFailed, shard_map
from jdescent.core.identity import Identity
from jdescent.core.remembered import REMEMBERED, once
from jdescent.sweeps import devices
from jdescent.sweeps.axes import Axis
from jdescent.sweeps.lanes import map_lanes
from jdescent.sweeps.lanes.costs import carried_bytes, forget
from jdescent.sweeps.lanes.programs import largest_value_bytes, names_devices, value_bytes

MIB = 2**20
CHUNK_LANES = {"cpu": 2**16}  # lanes of a chunk at most, so that long work is seen to advance
OTHER_CHUNK_LANES = 2**20

Place = tuple[int, ...]


def chunk_within(shape: Sequence[int], lanes: int, whole: bool = False) -> tuple[int, ...]:
    """The shape of equal chunks that cut a grid into runs of at most so many lanes.

    The last along an axis may reach beyond the grid, unless they are to lie within it as a whole.

    Example:
        >>> chunk_within((10, 100), 250), chunk_within((10, 100), 40)
        ((2, 100), (1, 34))
        >>> chunk_within((10, 100), 40, whole=True)
        (1, 25)
    """
    chunk: list[int] = []
    for size in reversed(shape):
        pieces = -(-size // max(1, lanes // math.prod(chunk)))
        if whole:
            pieces = next(count for count in range(pieces, size + 1) if size % count == 0)
        chunk.append(-(-size // pieces))
        if pieces > 1:
            break
    return (1,) * (len(shape) - len(chunk)) + tuple(reversed(chunk))


def runs_of_chunks(shape: Sequence[int], chunk: Sequence[int]) -> np.ndarray:
    """How many points of the grid each chunk covers; the last along an axis may be smaller.

    Example:
        >>> runs_of_chunks((5, 2), (2, 2)).tolist()
        [[4], [4], [2]]
    """
    widths = [
        np.minimum(step, size - np.arange(0, size, step))
        for size, step in zip(shape, chunk, strict=True)
    ]
    return functools.reduce(np.multiply.outer, widths)


@dataclass(frozen=True)
class Engine:
    """A program compiled for one chunk on each device, or for one chunk split over all of them."""

    compiled: Any
    axes: Sequence[Axis]
    chunk: tuple[int, ...]
    lanes: int  # those of a chunk, and some that repeat the last to fill blocks
    values: list[jax.Array]  # the arrays of all axes, on every device
    at_once: int  # how many chunks are computed side by side

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(axis.size for axis in self.axes)

    def start(self, at: Sequence[Place]) -> list[jax.Array]:
        """Begin to compute the chunks at these places, at most `at_once`; returns at once."""
        at = [*at, *[at[-1]] * (self.at_once - len(at))]
        indices = [self._indices(place) for place in at]
        along_axes = tuple(np.concatenate(axis) for axis in zip(*indices, strict=True))
        try:
            return self.compiled(along_axes, self.values)
        except NumberCheckFailed as error:
            raise FloatingPointError(
                f"a run of this sweep gives {error.args[-1]}, which jax.debug_nans or "
                "jax.debug_infs forbids: to find where, call the function alone, at one point of "
                "the axes after another; or sweep outside of them, and look at what comes out"
            ) from None

    def _indices(self, place: Place) -> list[np.ndarray]:
        """Along each axis, the index of every lane of a chunk; spare ones repeat the last."""
        axes = [
            np.minimum(i * step + np.arange(step, dtype=np.int32), size - 1)
            for i, step, size in zip(place, self.chunk, self.shape, strict=True)
        ]
        grids = np.meshgrid(*axes, indexing="ij")
        spare = self.lanes - grids[0].size
        return [np.pad(grid.ravel(), (0, spare), mode="edge") for grid in grids]

    def collect(self, outputs: list[jax.Array], at: Sequence[Place]) -> Iterator[list[np.ndarray]]:
        """For each place, every output on its region: (*region, *its own shape)."""
        if self.at_once == 1:
            yield [self._chunk_of(np.asarray(output), at[0]) for output in outputs]
            return
        of_devices = [
            sorted(output.addressable_shards, key=lambda shard: shard.index[-1].start or 0)
            for output in outputs
        ]
        for device, place in enumerate(at):
            yield [self._chunk_of(np.asarray(shards[device].data), place) for shards in of_devices]

    def _chunk_of(self, lanes_last: np.ndarray, place: Place) -> np.ndarray:
        own = lanes_last.shape[:-1]
        lanes = lanes_last[..., : math.prod(self.chunk)].reshape(*own, *self.chunk)
        inside = [
            slice(min(step, size - i * step))
            for i, step, size in zip(place, self.chunk, self.shape, strict=True)
        ]
        grid = lanes[(..., *inside)]  # type: ignore[arg-type]
        axes = range(len(own), grid.ndim)
        return np.moveaxis(grid, axes, range(len(axes)))


def engine_within(
    program: core.ClosedJaxpr,
    identity: Identity,
    axes: Sequence[Axis],
    bound: float | int,
    mapped: Callable = map_lanes,
    *,
    split: bool = False,
    parts: int = 1,
) -> Engine:
    """The program compiled for chunks whose memory, on all devices together, fits the bound.

    Args:
        program: what computes one lane.
        identity: of the program.
        axes: of the grid.
        bound: bytes.
        mapped: takes the program to many lanes.
        split: whether all devices compute one chunk together, rather than one chunk each; it is
            then of whole blocks, so that any number of devices rounds alike.
        parts: how many chunks are wished for.
    """
    shape = [axis.size for axis in axes]
    count = 1 if program.effects else len(jax.local_devices())
    spread = count if _spreads(program, identity) else 1
    on_all, at_once = (spread, 1) if split else (1, spread)
    most = on_all * CHUNK_LANES.get(jax.default_backend(), OTHER_CHUNK_LANES)
    of_a_lane = sum(value_bytes(variable) for variable in program.jaxpr.outvars)
    produced = 2 * (1 if split else count) * of_a_lane
    total = math.prod(shape)
    kept = _kept_together(program, identity, total, on_all if split else None)
    share = max(-(-total // max(parts, at_once)), kept)
    lanes = max(1, int(min(most, share, bound // max(produced, 1))))
    while True:
        chunk = chunk_within(shape, lanes, whole=bool(program.effects))
        engine = engine_for(program, identity, axes, chunk, mapped, split=split)
        memory = _memory_of(engine.compiled)
        # Two rounds are under way at a time: one is computed while the other is collected.
        used = count * (
            memory.argument_size_in_bytes
            + memory.temp_size_in_bytes
            + 2 * memory.output_size_in_bytes
        )
        if used <= bound:
            return engine
        if math.prod(chunk) == 1:
            several = f"{FEWEST_ON_EACH} lanes on each of {count} devices need"
            raise ValueError(
                f"{several if count > 1 else 'one lane needs'} {used / MIB:.3g} MiB, more than "
                f"max_memory={bound / MIB:.3g}: raise it, or record less (every=, record=None)"
            )
        lanes = max(1, min(math.prod(chunk) - 1, int(0.9 * math.prod(chunk) * bound / used)))


def engine_for(
    program: core.ClosedJaxpr,
    identity: Identity,
    axes: Sequence[Axis],
    chunk: tuple[int, ...],
    mapped: Callable = map_lanes,
    *,
    split: bool = False,
) -> Engine:
    """The program compiled for chunks of this shape; `mapped` takes it to many lanes.

    The last few are remembered, for sweeps of one function over other values.
    """
    mesh = _mesh() if _spreads(program, identity) else None
    total = math.prod(axis.size for axis in axes)
    runs = _power_of_two_from(total)
    lanes = math.prod(chunk)
    if mesh is not None:
        lanes = max(lanes, FEWEST_ON_EACH)
    sharing = mesh.size if mesh is not None and split else 1
    lanes = -(-lanes // sharing)
    block = (
        lanes
        if program.effects
        else min(_block(program, identity, runs), _power_of_two_from(lanes))
    )
    lanes = -(-lanes // block) * block
    if split and total > FEWEST_DEVICES * block:
        lanes = max(lanes, SEVERAL_BLOCKS * block)
    trees = [axis.tree for axis in axes]
    structures = tuple(axis.structure for axis in axes)
    shapes = tuple((leaf.dtype, leaf.shape) for leaf in jax.tree.leaves(trees))
    compiled = once(
        _COMPILED,
        (identity, structures, shapes, lanes, block, mapped, mesh, runs),
        lambda: _compile(program, trees, lanes, block, functools.partial(mapped, runs=runs), mesh),
    )
    forget()
    values = [jnp.asarray(leaf, _carrier(leaf.dtype)) for leaf in jax.tree.leaves(trees)]
    if mesh is None:
        return Engine(compiled, axes, chunk, lanes, values, at_once=1)
    values = jax.device_put(values, NamedSharding(mesh, PartitionSpec()))
    at_once = 1 if split else mesh.size
    return Engine(compiled, axes, chunk, sharing * lanes, values, at_once)


def _spreads(program: core.ClosedJaxpr, identity: Identity) -> bool:
    """Whether a sweep may put a chunk on each device.

    A program that itself spreads over devices is given them all for one chunk, and so is all that
    runs under a mesh of the user's. Effects happen once for each point, and in one place.
    """
    names = once(_NAMES_DEVICES, identity, lambda: names_devices(program))
    return not (names or program.effects or _is_under_a_mesh())


def _is_under_a_mesh() -> bool:
    current: Any = getattr(jax.sharding, "get_abstract_mesh", lambda: None)()
    return current is not None and not current.empty


def _carrier(dtype: Any) -> Any:
    """The dtype that a compiled program is given values in: none that shares its bytes."""
    for kind, wider, info in (
        (jnp.integer, jnp.int8, jnp.iinfo),
        (jnp.floating, jnp.float32, jnp.finfo),
    ):
        if jnp.issubdtype(dtype, kind) and info(dtype).bits < 8:
            return wider
    return dtype


def _mesh() -> Mesh:
    return Mesh(np.array(jax.local_devices()), ("lanes",), axis_types=(AxisType.Auto,))


# XLA gives some programs of a single lane on each of several devices other numbers than to the same
# lane alone (seen with jaxlib 0.10: a gather by index, then an update in place).
FEWEST_ON_EACH = 2

# XLA rounds a loop over blocks of lanes alike whatever their number is, from two on; one block is
# compiled without the loop (seen with jaxlib 0.10: a mean over data, outside the loops of a run).
SEVERAL_BLOCKS = 2
FEWEST_DEVICES = 2  # that a sweep in one process runs on, after `use_all_cores`


@functools.lru_cache(maxsize=REMEMBERED)
def _memory_of(compiled: Any) -> Any:
    """What XLA says it takes, which it looks for anew each time it is asked."""
    return compiled.memory_analysis()


# What was found of the last few programs, by all that it depends on.
_COMPILED: dict[tuple, Any] = {}
_CARRIED_BYTES: dict[tuple[Identity, int], int | None] = {}
_NAMES_DEVICES: dict[Identity, bool] = {}


def _carried_bytes(program: core.ClosedJaxpr, identity: Identity, runs: int) -> int | None:
    return once(_CARRIED_BYTES, (identity, runs), lambda: carried_bytes(program, runs))


def _compile(
    program: core.ClosedJaxpr,
    trees: Sequence[PyTree],
    lanes: int,
    block: int,
    mapped: Callable,
    mesh: Mesh | None,
) -> Any:
    """A function of the indices of every lane along each axis, and the arrays of all axes."""
    counts, given = [len(jax.tree.leaves(tree)) for tree in trees], jax.tree.leaves(trees)

    def of_block(indices, values):
        places = [i for i, count in zip(indices, counts, strict=True) for _ in range(count)]
        points = [
            jnp.moveaxis(leaf[place], 0, -1).astype(own.dtype)
            for leaf, place, own in zip(values, places, given, strict=True)
        ]
        return mapped(program, *points)

    def on_one_device(indices, values):
        if lanes == block:
            return of_block(indices, values)
        blocks = tuple(index.reshape(-1, block) for index in indices)
        outputs = lax.map(lambda here: of_block(here, values), blocks)
        lanes_last = [jnp.moveaxis(output, 0, -2) for output in outputs]
        return [output.reshape(*output.shape[:-2], lanes) for output in lanes_last]

    leaves = [jax.ShapeDtypeStruct(leaf.shape, _carrier(leaf.dtype)) for leaf in given]
    index = jax.ShapeDtypeStruct((lanes * (mesh.size if mesh else 1),), jnp.int32)
    if mesh is None:
        return jax.jit(on_one_device).lower((index,) * len(trees), leaves).compile()
    ranks = [len(variable.aval.shape) for variable in program.jaxpr.outvars]
    on_all = shard_map(
        on_one_device,
        mesh=mesh,
        in_specs=(PartitionSpec("lanes"), PartitionSpec()),
        out_specs=[PartitionSpec(*[None] * rank, "lanes") for rank in ranks],
        check_vma=False,
    )
    return jax.jit(on_all).lower((index,) * len(trees), leaves).compile()


def _block(program: core.ClosedJaxpr, identity: Identity, runs: int) -> int:
    """How many lanes run side by side on one device, so that they stay in its cache."""
    if jax.default_backend() != "cpu":
        return OTHER_CHUNK_LANES
    carried = _carried_bytes(program, identity, runs)
    if carried is not None:
        cached = _power_of_two_from(devices.CACHED_BYTES // max(carried, 16))
        return min(1024, max(64, cached)) if devices.loops_stay_in_cache() else 8192
    largest = largest_value_bytes(program)
    return min(1024, max(8, _power_of_two_from(devices.UNSPLIT_BYTES // largest)))


def _kept_together(
    program: core.ClosedJaxpr, identity: Identity, total: int, sharing: int | None
) -> int:
    """How many lanes are not parted further: XLA's rounding depends on the size of a block.

    Where devices share a chunk, each has several blocks. Else, what XLA is not given as vectors of
    lanes is parted all the same.
    """
    runs = _power_of_two_from(total)
    if jax.default_backend() != "cpu":
        return 1
    if sharing is not None:
        return min(SEVERAL_BLOCKS * sharing * _block(program, identity, runs), total)
    if _carried_bytes(program, identity, runs) is None:
        return 1
    return min(_block(program, identity, runs), runs)


def _power_of_two_from(number: int) -> int:
    return 1 << max(0, number - 1).bit_length()
