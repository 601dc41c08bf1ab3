"""Time several ways of doing the same work, in turn, so that a noisy machine is noisy for all."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.workers import Worker

SHORTEST_TURN = 0.1  # seconds; what takes less is called again and the mean taken


class Timing(NamedTuple):
    """Seconds of one contestant: the median of its turns, and the spread."""

    median: float
    fastest: float
    slowest: float


def interleaved(contestants: dict[str, Callable[[], object]], turns: int = 7) -> dict[str, Timing]:
    """Each one's seconds over `turns` rounds A B C A B C …, after one that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(turns + 1):
        for name, work in contestants.items():
            began = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return {name: spread(taken) for name, taken in seconds.items()}


def spread(seconds: Sequence[float]) -> Timing:
    return Timing(statistics.median(seconds), min(seconds), max(seconds))


def table(title: str, work: float, unit: str, timings: dict[str, Timing], against: str) -> str:
    """A Markdown table of throughputs and of ratios to one contestant."""
    reference = timings[against].median
    rows = [
        f"| {name} | {work / t.median:,.3g} | {work / t.slowest:,.3g}–{work / t.fastest:,.3g} "
        f"| {reference / t.median:.2f} |"
        for name, t in timings.items()
    ]
    head = [f"### {title}", "", f"| | {unit}, median | range | × {against} |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


class Entrant(NamedTuple):
    """A contestant of a race: the worker that holds it, its name, and the steps of one call."""

    worker: Worker
    name: str
    steps: int


class Result(NamedTuple):
    """Seconds of one entrant.

    Attributes:
        steps: of one call.
        first: the first call, which traces and compiles.
        call: the later calls.
        compiling: that part of a later call in which JAX traced and compiled again, the median.
        running: the later calls less that part.
        processor: seconds of the processor in a later call, the median.
    """

    steps: int
    first: float
    call: Timing
    compiling: float
    running: Timing
    processor: float

    @property
    def throughput(self) -> float:
        """Million steps a second while running."""
        return self.steps / self.running.median / 1e6


def entrants(worker: Worker, make: Callable[..., Mapping], *arguments: object) -> list[Entrant]:
    """Everything that `make` makes in the worker."""
    return [Entrant(worker, name, n) for name, n in worker.prepare(make, *arguments).items()]


def race(field: Sequence[Entrant], turns: int = 5, patience: float = 40.0) -> dict[str, Result]:
    """Turns A B C A B C … across processes, of which one computes at a time.

    After `patience` seconds there are no further rounds, but there are three at least.
    """
    first = {entrant.name: entrant.worker.turn(entrant.name).seconds for entrant in field}
    taken: dict[str, list] = {entrant.name: [] for entrant in field}
    began = time.perf_counter()
    for turn in range(turns):
        if turn >= 3 and time.perf_counter() - began > patience:
            break
        for entrant in field:
            taken[entrant.name].append(entrant.worker.turn(entrant.name, SHORTEST_TURN))
    return {
        entrant.name: Result(
            entrant.steps,
            first[entrant.name],
            spread([turn.seconds for turn in taken[entrant.name]]),
            statistics.median(turn.compiling for turn in taken[entrant.name]),
            spread([turn.seconds - turn.compiling for turn in taken[entrant.name]]),
            statistics.median(turn.processor for turn in taken[entrant.name]),
        )
        for entrant in field
    }


def race_table(title: str, results: Mapping[str, Result], peer: str, floor: str) -> str:
    """A Markdown table: throughput while running, ratios of it, and what whole calls take."""
    head = [
        f"### {title}",
        "",
        f"| | million steps/s, running | range | × {peer} | × {floor} | first call, s "
        "| later calls, s | compiling in them, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = [
        f"| {name} | {r.throughput:,.3g} | {r.steps / r.running.slowest / 1e6:,.3g}–"
        f"{r.steps / r.running.fastest / 1e6:,.3g} "
        f"| {r.throughput / results[peer].throughput:.2g} "
        f"| {r.throughput / results[floor].throughput:.2g} "
        f"| {r.first:.2f} | {r.call.median:.3f} | {r.compiling:.2f} |"
        for name, r in results.items()
    ]
    return "\n".join([*head, *rows, ""])
