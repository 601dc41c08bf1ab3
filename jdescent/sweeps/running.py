"""The chunks of a sweep, one round after another, on this process's devices; and a bar of it."""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from jdescent.sweeps.chunks import Engine, runs_of_chunks
from jdescent.sweeps.memory import Memory
from jdescent.sweeps.parts import Part
from jdescent.sweeps.store import Store
from jdescent.trajectory import Status


class Counted(NamedTuple):
    """How many runs ended, and of those with a verdict how many diverged."""

    runs: int
    diverged: int | None


def counted(values: Mapping[str, np.ndarray], dimensions: int) -> Counted:
    """What a chunk of that many dimensions holds.

    Example:
        >>> counted({"verdict": np.array([[0, 1, 3]])}, dimensions=2).runs
        3
    """
    runs = math.prod(next(iter(values.values())).shape[:dimensions])
    status = values.get("verdict")
    if status is None:
        return Counted(runs, None)
    ended = (status == Status.DIVERGED) | (status == Status.NON_FINITE)
    return Counted(runs, int(np.count_nonzero(ended)))


def run_here(
    engine: Engine, sink: Store | Memory | Part, names: Sequence[str], progress: "Progress"
) -> None:
    """Compute every chunk that is not finished; while one round is computed, write the last."""

    def write(at, outputs):
        for place, arrays in zip(at, engine.collect(outputs, at), strict=True):
            values = dict(zip(names, arrays, strict=True))
            sink.write(place, values)
            progress.add(counted(values, len(engine.shape)))

    todo = list(map(tuple, np.argwhere(~sink.finished).tolist()))
    under_way = None
    for first in range(0, len(todo), engine.at_once):
        at = todo[first : first + engine.at_once]
        started = at, engine.start(at)
        if under_way is not None:
            write(*under_way)
        under_way = started
    if under_way is not None:
        write(*under_way)


class Progress:
    """A bar of runs done, runs a second, time left, and how many runs diverged."""

    def __init__(self, shape: Sequence[int], sink: Store | Memory, shown: bool | None):
        delay = 0.5 if shown is None else 0.0
        shown = sys.stderr.isatty() if shown is None else shown
        self._diverged = 0
        runs = runs_of_chunks(shape, sink.chunk)
        self._bar = tqdm(
            total=int(runs.sum()),
            initial=int(runs[sink.finished].sum()),
            unit="run",
            unit_scale=True,
            disable=not shown,
            delay=delay,
        )

    def add(self, chunk: Counted) -> None:
        """Count the runs of a chunk that is finished."""
        if chunk.diverged is not None:
            self._diverged += chunk.diverged
            self._bar.set_postfix_str(f"{self._diverged} diverged", refresh=False)
        self._bar.update(chunk.runs)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()
