"""What a Dask worker does for a sweep: trace the function it was sent, check it, compute chunks.

One chunk at a time is computed in a process, on all its devices together; of two threads, one
computes while the other writes.
"""

import errno
import hashlib
import pickle
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import jax
from distributed import get_worker

from jdescent.sweeps.chunks import Engine, Place, engine_for, engine_within
from jdescent.sweeps.differences import differences, leaves
from jdescent.sweeps.grid import mapping
from jdescent.sweeps.jobs import Job
from jdescent.sweeps.parts import Part, program_at, smallest, whole_chunk
from jdescent.sweeps.programs import mapped_axes, traced
from jdescent.sweeps.provenance import identity_of
from jdescent.sweeps.running import Counted, counted
from jdescent.sweeps.store import Store
from jdescent.sweeps.surroundings import (
    ON_THE_CLIENT,
    Devices,
    Surroundings,
    without_devices,
)

REMEMBERED = 4  # sweeps


class Ask(NamedTuple):
    """What each task is sent, small and made of plain values.

    Attributes:
        file: the path of the pickled `Job`.
        digest: of its bytes.
        surroundings: of the client.
        topic: where Dask announces what a worker does.
    """

    file: str
    digest: str
    surroundings: Surroundings
    topic: str


class Plan(NamedTuple):
    """How a sweep is cut, by the worker that was asked first."""

    chunk: tuple[int, ...] | None
    devices: Devices
    seconds: float


class Target(NamedTuple):
    """The store that chunks are written to, and what they are computed on."""

    folder: str
    token: str
    devices: Devices


class Report(NamedTuple):
    """A chunk that was computed and written, and the seconds that the longer part of it took."""

    counted: Counted
    seconds: float


def plan_sweep(ask: Ask, bound: float, parts: int | None) -> Plan:
    """Check that this worker can take part; the shape of chunks, unless the store has one."""
    began = time.monotonic()
    with _COMPUTING:
        _announce(ask, "plan")
        _settle(ask.surroundings)
        with ask.surroundings.active():
            task = _task(ask)
            chunk = None if parts is None else task.chunk_within(bound, parts)
        return Plan(chunk, Devices.of_this_process(), time.monotonic() - began)


def compute_chunk(ask: Ask, target: Target, place: Place) -> Report:
    """Compute the chunk at this place of the grid, and write it to the store."""
    label = label_of(place)
    with _COMPUTING:
        began = time.monotonic()
        _announce(ask, label)
        _settle(ask.surroundings)
        with ask.surroundings.active():
            task = _task(ask)
            part, engine, at = task.prepare(target, place)
            compiled = time.monotonic()
            _announce(ask, label)
            outputs = jax.block_until_ready(engine.start([at]))
    (arrays,) = engine.collect(outputs, [at])
    values = dict(zip(task.names, arrays, strict=True))
    part.write(at, values)
    seconds = max(compiled - began, time.monotonic() - compiled)
    return Report(counted(values, len(at)), seconds)


def label_of(place: Place) -> str:
    return ",".join(map(str, place))


def place_of(label: str) -> Place:
    return tuple(map(int, label.split(",")))


class _Task:
    """A sweep on this worker, traced and found to be that of the client."""

    def __init__(self, job: Job) -> None:
        self._axes = job.axes
        self._programs = traced(job.run, job.axes)
        asked = job.identity
        found = identity_of(job.axes, self._programs, job.options)
        if not asked["settings"]["platform"] == found["settings"]["platform"] == "cpu":
            asked, found = without_devices(asked), without_devices(found)
        asked, found = leaves(asked), leaves(found)
        _refuse(differences(asked, found, ON_THE_CLIENT))
        self._mapping = mapping(job.options["kernel"], job.options["scalarize"])
        self._target: Target | None = None
        self.names = [variable.name for variable in self._programs[0].variables]

    def chunk_within(self, bound: float, parts: int) -> tuple[int, ...]:
        along = mapped_axes(self._axes)
        engines = (
            engine_within(
                each.program,
                each.identity,
                along,
                bound,
                self._mapping,
                split=True,
                parts=-(-parts // len(self._programs)),
            )
            for each in self._programs
        )
        return whole_chunk(self._axes, smallest([engine.chunk for engine in engines]))

    def prepare(self, target: Target, place: Place) -> tuple[Part, Engine, Place]:
        """For a chunk of the store, once it is sure that it is the client's.

        Returns:
            The part of the grid that its program computes, the engine, and where it is therein.
        """
        if self._target != target:
            _refuse(
                differences(
                    target.devices._asdict(),
                    Devices.of_this_process()._asdict(),
                    ("on the worker that was asked first", "on this one"),
                )
            )
            self._store = _store_of_the_client(target)
            self._engines: dict[int, Engine] = {}
            self._target = target
        number, at = program_at(self._axes, place)
        each = self._programs[number]
        part = Part(self._store, self._axes, each.chosen)
        if number not in self._engines:
            self._engines[number] = engine_for(
                each.program,
                each.identity,
                mapped_axes(self._axes),
                part.chunk,
                self._mapping,
                split=True,
            )
        return part, self._engines[number], at


_COMPUTING = threading.Lock()
_TASKS: dict[str, _Task] = {}


def _task(ask: Ask) -> _Task:
    """The task that was asked for; the last few are remembered."""
    if ask.digest not in _TASKS:
        job = _job(ask)
        while len(_TASKS) >= REMEMBERED:
            _TASKS.pop(next(iter(_TASKS)))
        _TASKS[ask.digest] = _Task(job)
    return _TASKS[ask.digest]


def _job(ask: Ask) -> Job:
    try:
        pickled = Path(ask.file).read_bytes()
    except OSError as error:
        raise _not_seen(ask.file, error.strerror or "it cannot be read") from error
    if hashlib.sha256(pickled).hexdigest() != ask.digest:
        raise _not_seen(ask.file, "another file is there")
    try:
        return pickle.loads(pickled)
    except ImportError as error:
        error.add_note(
            f"{_this_worker()} lacks a module that the swept function is from: install it there, "
            "send it with client.upload_file, or have it travel with the function by "
            "cloudpickle.register_pickle_by_value(module)"
        )
        raise


def _store_of_the_client(target: Target) -> Store:
    try:
        store = Store(Path(target.folder), checked=False)
    except (OSError, ValueError) as error:
        raise _not_seen(target.folder, "no stored sweep is there") from error
    if store.token != target.token:
        raise _not_seen(target.folder, "another sweep is there")
    return store


def _not_seen(path: str, why: str) -> FileNotFoundError:
    return FileNotFoundError(
        errno.ENOENT,
        f"{_this_worker()} does not see what the client wrote: {why}. Give store= a folder that "
        "the client and all workers see under the same name",
        path,
    )


def _settle(surroundings: Surroundings) -> None:
    """Make this process like the client's where that is possible, and refuse where it is not."""
    _refuse(surroundings.what_differs_here())
    surroundings.settle(get_worker().state.nthreads)


def _refuse(found: Iterable[tuple[str, str]]) -> None:
    lines = [text for _, text in found]
    if lines:
        raise ValueError(
            f"{_this_worker()} would not compute what the client asks for:\n"
            + "".join(f"  {line}\n" for line in lines)
            + "make it like the client, or end it; what was finished before is safe"
        )


def _announce(ask: Ask, label: str) -> None:
    worker = get_worker()
    worker.log_event(ask.topic, {"label": label, "worker": worker.address})


def _this_worker() -> str:
    worker = get_worker()
    return f"the worker {worker.name} at {worker.address}"
