"""Time several ways of doing the same work, in turn, so that a noisy machine is noisy for all."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple


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
    return {
        name: Timing(statistics.median(taken), min(taken), max(taken))
        for name, taken in seconds.items()
    }


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
