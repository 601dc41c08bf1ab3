"""Contestants in processes of their own, so that each runs under the settings it would choose.

Flags of XLA and the number of devices hold for a whole process. So each group of contestants has a
worker that stays alive, with its compiled functions; the parent gives them turns, one at a time.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from multiprocessing import get_context
from typing import Any, NamedTuple


class Turn(NamedTuple):
    """Seconds of one call, those of them in which JAX traced or compiled, and of the processor."""

    seconds: float
    compiling: float
    processor: float


class Worker(AbstractContextManager):
    """A process that holds contestants and runs one of them when told.

    Args:
        settle: called in the process with `settings` before anything else: sets devices, threads.
        environment: variables that are set before the process imports anything.
    """

    def __init__(
        self,
        settle: Callable[..., Any] | None = None,
        settings: tuple = (),
        environment: Mapping[str, str] | None = None,
    ):
        self._pool = ProcessPoolExecutor(
            1, get_context("spawn"), initializer=_set_environment, initargs=(environment or {},)
        )
        if settle:
            self.do(settle, *settings)

    def do(self, function: Callable, *arguments: Any) -> Any:
        """What the function returns there; an error there is an error here."""
        return self._pool.submit(function, *arguments).result()

    def prepare(self, make: Callable[..., Mapping], *arguments: Any) -> dict[str, int]:
        """Hold the contestants that `make` makes there; how many steps each one takes."""
        return self.do(_prepare, make, *arguments)

    def turn(self, name: str, at_least: float = 0.0) -> Turn:
        """Calls of a contestant until so many seconds have passed, one at least; their mean."""
        return self.do(_turn, name, at_least)

    def losses(self, name: str) -> Any:
        """The final losses of a contestant."""
        return self.do(_losses, name)

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)


def _set_environment(variables: Mapping[str, str]) -> None:
    os.environ.update(variables)


_held: dict[str, Any] = {}
_compiling: list[tuple[float, float]] = []


def _prepare(make, *arguments):
    if not _held:
        _watch_compiler()
    _held.clear()
    _held.update(make(*arguments))
    return {name: contestant.steps for name, contestant in _held.items()}


def _turn(name: str, at_least: float) -> Turn:
    import numpy as np

    _compiling.clear()
    calls, seconds, began, computing = 0, 0.0, time.perf_counter(), time.process_time()
    while not calls or seconds < at_least:
        np.asarray(_held[name].run())
        calls, seconds = calls + 1, time.perf_counter() - began
    computed = time.process_time() - computing
    return Turn(seconds / calls, covered(_compiling) / calls, computed / calls)


def _losses(name: str):
    import numpy as np

    return np.array(_held[name].run())


def _watch_compiler() -> None:
    import jax

    def note(event: str, start_time: float, end_time: float, **details: str | int) -> None:
        del details
        if event.startswith("/jax/core/compile"):
            _compiling.append((start_time, end_time))

    jax.monitoring.register_event_time_span_listener(note)


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """Length of the union of intervals: traces nest, and compilations may overlap.

    Example:
        >>> covered([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0)])
        4.0
    """
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total
