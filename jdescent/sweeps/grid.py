"""Run one function over the grid of named axes, and get the results back with their names."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import PyTree

from jdescent.sweeps.axes import Axis, named_axes
from jdescent.sweeps.choices import Choice
from jdescent.sweeps.chunks import MIB, Engine, engine_for, engine_within
from jdescent.sweeps.extending import Arranged, arranged
from jdescent.sweeps.jobs import Job, crew_of, require_one_process
from jdescent.sweeps.lanes import map_batched, map_lanes
from jdescent.sweeps.layout import Arrays, folder_of, is_free
from jdescent.sweeps.memory import Memory
from jdescent.sweeps.parts import Part, smallest, wanted_chunks, whole_chunk
from jdescent.sweeps.programs import Program, coordinates_of, mapped_axes, traced
from jdescent.sweeps.provenance import identity_of, provenance, require_told_apart
from jdescent.sweeps.running import Progress, run_here
from jdescent.sweeps.store import Store

if TYPE_CHECKING:
    import xarray


def sweep(
    run: Callable[..., PyTree],
    axes: Mapping[str, Any] | None = None,
    /,
    *,
    store: str | os.PathLike | None = None,
    cluster: Any = None,
    chunk_timeout: float | int | None = None,
    part: float | Mapping[str, Any] | None = None,
    version: str | None = None,
    max_memory: float | int = 1024,
    progress: bool | None = None,
    kernel: bool = False,
    scalarize: bool = True,
    **more_axes: Any,
) -> "xarray.Dataset":
    """Call ``run(**point)`` at every point of the grid of axes, many points at a time.

    The grid is the product of the axes. It is cut into chunks that fit `max_memory`, which run on
    every device that JAX sees (see `use_all_cores`). The function is compiled once, or once for
    each combination of choices. A lane gives what the same call alone gives, to rounding. On CPU,
    small problems give the same bits on any number of devices from two on, and of workers of a
    cluster. A run that calls Python back for its effect (``jax.debug.print``, ``io_callback``) does
    so once for each point that is computed, on one device, in no promised order, or within a chunk
    with ``ordered=True`` point by point.

    Args:
        run: a function of one keyword argument per axis that jits and vmaps, for instance one that
            builds an optimizer and calls `descend`; it returns any tree of arrays. One that jits
            alone (``lax.composite``, an exported function) is run point after point.
        axes: axes by their names, for names that this function has arguments of:
            ``sweep(run, {"store": sizes})``.
        store: a folder, ``"runs/name.zarr"``, that each finished chunk is written to. The same call
            goes on from what is there; it can be killed at any moment. The result is then read
            from there as it is used, and `open_sweep` opens it again. The call with more values of
            its axes, in any order, computes those alone; chunks keep their size.
        cluster: a ``distributed.Client`` of Dask, whose workers compute the chunks and write them
            to the store, which all of them see: see `jdescent.sweeps.cluster`. `run` and what it
            closes over are pickled with cloudpickle. It needs ``pip install 'jdescent[cluster]'``.
        chunk_timeout: seconds that a worker may take to compile the program, or to compute and
            write a chunk, before it is restarted and its work given to others; at least twice the
            longest that this took so far. By default ten times that, at least 60 s, and no limit
            before the first is finished.
        part: which part of a stored sweep to compute now, in whole chunks: of the grid the first
            fraction (0.1), or a selection of axes, each a slice of indices or the values themselves
            (``{"learning_rate": slice(0, 10), "optimizer": "sgd"}``). The result then says in
            ``finished`` which runs are there, as that of `open_sweep`.
        version: a name of what `run` computes, for a store. It is needed where `run` calls Python
            back as it runs (`jax.pure_callback`, `jax.debug.print` excepted) or has batching rules
            of its own, whose code no store can tell from another: give it another name whenever
            that code, or data that it reads, changes.
        max_memory: bound in MiB on what is being computed and collected, on all devices together,
            of each worker where there is a cluster. Without a store, the result itself is held in
            memory besides.
        progress: show runs done, runs a second, time left and how many have diverged; by default
            where standard error is a terminal.
        kernel: make each loop one GPU kernel, one thread a lane, instead of some kernels a step.
            For small problems whose loops are arithmetic alone: no random numbers, little data. It
            differs in rounding, as Triton divides and takes roots approximately. On a CPU, kernels
            are interpreted, which is slow and meant for tests.
        scalarize: where it is faster, give a loop on small arrays to XLA as arithmetic on vectors,
            one for each number of each array, with one entry a run; with False, `jax.vmap` does
            all. The two differ in rounding.
        **more_axes: one per argument of `run`: an array (or list) whose first axis is mapped, with
            at least one entry; or a tree of such arrays, or a list of trees. Starts, keys and other
            arrays with further axes are welcome; their coordinate is then the index 0, 1, …, with
            the values beside it (``start_values``, of keys their ``key_values``). A list becomes an
            array of one dtype, as by ``jnp.asarray``, and its entries reach `run` as arrays of that
            dtype. A dictionary from labels to Python objects, or `static`, is a choice: the
            function is compiled for each of them, and given it as it is. `paired` gives several
            arguments one axis; `designs` makes such axes. What is no axis is fixed beforehand:
            ``sweep(functools.partial(run, steps=100), …)``.

    Returns:
        An `xarray.Dataset`: one variable per array that `run` returned, named by its path in the
        tree, with the sweep's axes first. A `Trajectory` gives ``loss`` and ``record_…`` (along
        ``step``, counted from the very first start; where runs began at steps of their own, along
        ``row``, with ``step`` as a variable), ``params…``, ``verdict`` (as text),
        ``verdict_step``, ``verdict_loss`` and ``verdict_gradient_norm``; its optimizer state stays
        out, and so do random keys. What has a dtype that NumPy lacks is given, exactly, in a wider
        one, with the attribute ``computed_as``: bfloat16 and float8 as float32, int4 as int8, uint4
        as uint8. Its `attrs` hold a digest of what was computed and the versions it was computed
        with, which equal calls have equal; a store also has the date and the command that made it.

    Raises:
        TypeError: no axes; an axis that cannot be made an array; a run that is not a function,
            returns what is no array, reads or writes a reference made outside (``jax.new_ref``), or
            does what no compiled function can (returns shapes that depend on the values); with
            `kernel`, one that no kernel can do.
        ValueError: an axis that is empty, a scalar, of unequal trees or lengths, holds NaN, or
            holds a number that JAX's dtype does not (2³² in int32, 1e-50 in float32); an axis and a
            result, or two results, of one name; a memory bound below one lane; a store that is no
            folder, that holds another sweep, which is shown by what differs, or that needs a
            `version`; a cluster, no store; a worker whose versions, settings or devices give other
            numbers; several processes of ``jax.distributed``.
        ConnectionError, RuntimeError, TimeoutError: the scheduler was lost; workers died, or were
            late, again and again over one chunk. What was finished before is safe.
        FloatingPointError: a run gives NaN under ``jax.debug_nans``.
        OSError: a store that cannot be written to; what was finished before is safe there.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, 1.0])
        >>> grid = jd.sweep(
        ...     lambda learning_rate, momentum: jd.descend(
        ...         bowl, x0, jd.sgd(learning_rate, momentum), steps=200),
        ...     learning_rate=[0.1, 0.3, 0.6],
        ...     momentum=[0.0, 0.5],
        ... )
        >>> dict(grid.loss.sizes)
        {'learning_rate': 3, 'momentum': 2, 'step': 201}
        >>> print(grid.verdict.sel(momentum=0.0).values)
        ['step limit' 'step limit' 'diverged']
        >>> grid = jd.sweep(
        ...     lambda optimizer, learning_rate: jd.descend(
        ...         bowl, x0, optimizer(learning_rate), steps=200),
        ...     optimizer={"sgd": jd.sgd, "adam": jd.adam}, learning_rate=[0.1, 0.3, 0.6])
        >>> print(grid.verdict.sel(learning_rate=0.6, method="nearest").values)
        ['diverged' 'step limit']
    """
    if not callable(run):
        raise TypeError(f"run must be a function of the axes, got {run!r}")
    if jax.config.values["jax_disable_jit"]:
        raise ValueError(
            "a sweep is compiled, which jax.disable_jit forbids: to look into a run, call it "
            "yourself at one point; to sweep, do so outside jax.disable_jit"
        )
    mapped = mapping(kernel, scalarize)
    _check_options(version, max_memory, progress)
    folder = None if store is None else folder_of(store)
    require_one_process()
    crew = None if cluster is None else crew_of(cluster, folder, chunk_timeout)
    if crew is None and chunk_timeout is not None:
        raise ValueError("chunk_timeout is for workers: give cluster=, or leave it out")
    _check_part(part, folder, crew is not None)
    there = arranged(named_axes(axes, more_axes), folder)
    named = there.axes
    programs = traced(run, named)
    if folder is not None and version is None:
        require_told_apart(programs)
    options = {"version": version, "kernel": kernel, "scalarize": scalarize}
    identity, result = identity_of(named, programs, options), _result(named, programs)
    bound = max_memory * MIB
    if folder is not None and there.grows:
        _extend(folder, there, programs, options)
    if crew is not None:
        assert folder is not None
        stored = partial(Store.create_or_resume, folder, **result)
        job = Job(run, named, options, identity)
        return there.as_asked(crew.sweep(job, folder, stored, bound, progress))
    engines: list[Engine] = []
    if folder is None or is_free(folder):
        engines = [
            engine_within(each.program, each.identity, mapped_axes(named), bound, mapped)
            for each in programs
        ]
    chunk = whole_chunk(named, smallest([engine.chunk for engine in engines])) if engines else ()
    if folder is None:
        memory = Memory(chunk=chunk, attrs=provenance(identity), **result)
        _compute(named, programs, engines, mapped, memory, None, progress)
        return memory.dataset()
    store_there = Store.create_or_resume(folder, identity=identity, chunk=chunk, **result)
    wanted = None if part is None else wanted_chunks(part, named, there.asked, store_there)
    _compute(named, programs, engines, mapped, store_there, wanted, progress)
    return there.as_asked(store_there.dataset() if part is None else store_there.opened())


def _result(axes: Sequence[Axis | Choice], programs: Sequence[Program]) -> dict[str, Any]:
    """What the result is made of."""
    return {
        "axes": {axis.name: axis.size for axis in axes},
        "variables": programs[0].variables,
        "coordinates": coordinates_of(axes, programs),
    }


def _extend(
    folder: Path, there: Arranged, programs: Sequence[Program], options: Mapping[str, Any]
) -> None:
    """Make a stored sweep one of more points."""
    before = there.before()
    sizes = {axis.name: axis.size for axis in before}
    old = [each for each in programs if all(k < sizes[name] for name, k in each.chosen.items())]
    Store.extend(
        folder,
        before=(identity_of(before, old, options), Arrays(chunk=(), **_result(before, old))),
        after=(
            identity_of(there.axes, programs, options),
            Arrays(chunk=(), **_result(there.axes, programs)),
        ),
    )


def _compute(
    axes: Sequence[Axis | Choice],
    programs: Sequence[Program],
    engines: Sequence[Engine],
    mapped: Callable,
    sink: Store | Memory,
    wanted: np.ndarray | None,
    progress: bool | None,
) -> None:
    """Compute what is not finished, the chunks of one program after those of another."""
    names = [variable.name for variable in programs[0].variables]
    try:
        with Progress([axis.size for axis in axes], sink, progress) as shown:
            for number, each in enumerate(programs):
                part = Part(sink, axes, each.chosen, wanted)
                if part.finished.all():
                    continue
                engine = engines[number] if engines else None
                if engine is None or engine.chunk != part.chunk:  # or another process was first
                    along = mapped_axes(axes)
                    engine = engine_for(each.program, each.identity, along, part.chunk, mapped)
                run_here(engine, part, names, shown)
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(_how_to_go_on(sink))
        raise


def _how_to_go_on(sink: Store | Memory) -> str:
    if isinstance(sink, Store):
        return sink.what_is_safe()
    done = f"{np.count_nonzero(sink.finished)} of {sink.finished.size} chunks"
    return (
        f"{done} were computed, and are lost; with sweep(…, store='runs/name.zarr') the same call "
        "would go on from them"
    )


def _check_options(version: Any, max_memory: Any, progress: Any) -> None:
    if not (version is None or (isinstance(version, str) and version)):
        raise TypeError(_not_an_option("version", "a text or None", version))
    if not (progress is None or isinstance(progress, bool)):
        raise TypeError(_not_an_option("progress", "True, False or None", progress))
    if isinstance(max_memory, bool) or not isinstance(max_memory, int | float | np.number):
        raise TypeError(_not_an_option("max_memory", "a number of MiB", max_memory))
    if not max_memory > 0:
        raise ValueError(f"max_memory must be > 0 MiB, got {max_memory}")


def _check_part(part: Any, folder: Path | None, on_a_cluster: bool) -> None:
    if part is None:
        return
    if isinstance(part, bool) or not isinstance(part, int | float | Mapping):
        raise TypeError(_not_an_option("part", "a fraction, or a mapping from axes", part))
    if folder is None:
        raise ValueError("part= leaves the rest for another call, which store= is needed for")
    if on_a_cluster:
        raise ValueError("part= is for a sweep on this machine: leave it out, or cluster=")


def _not_an_option(name: str, expected: str, given: Any) -> str:
    return (
        f"{name} must be {expected}, got {given!r}: an axis of that name is given as "
        f"sweep(run, {{{name!r}: values}})"
    )


def mapping(kernel: bool, scalarize: bool) -> Callable:
    """What takes the program of one lane to many lanes."""
    for name, value in {"kernel": kernel, "scalarize": scalarize}.items():
        if not isinstance(value, bool):
            raise TypeError(_not_an_option(name, "True or False", value))
    if kernel and not scalarize:
        raise ValueError("kernel=True is a way to scalarize loops: leave scalarize=False out")
    if not kernel:
        return map_lanes if scalarize else map_batched
    from jdescent.sweeps.kernel import map_lanes_in_kernels

    return map_lanes_in_kernels
