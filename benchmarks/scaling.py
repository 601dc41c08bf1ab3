"""Throughput as the work grows: learning rates, steps, dimensions, devices.

Solid lines: million steps a second while running, tracing and compiling left out. Dashed lines: of
the first call, with both. Black: numba, the floor. (a–c) jdescent and numba use all cores, optax's
`vmap(scan)` runs as JAX's own settings have it. (d) optax's lanes are split by `shard_map`.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from benchmarks import floors, ours, peers
from benchmarks.problems import Problem
from benchmarks.sweep import FLOOR, workers
from benchmarks.timing import Entrant, Result, entrants, race
from benchmarks.workers import Worker
from experiments.common import report
from jdescent import plotting

RESULTS = Path(__file__).parent / "results"
LONGEST = 10.0  # seconds that one call may be expected to take
SHARDED = f"{peers.VMAP_SCAN} + shard_map"
COLORS = {
    ours.LOOP: plotting.COLORS["blue"],
    peers.VMAP_SCAN: plotting.COLORS["vermillion"],
    SHARDED: plotting.COLORS["vermillion"],
    FLOOR: "black",
}
LABELS = {ours.LOOP: "jd.sweep", peers.VMAP_SCAN: "optax vmap(scan)", FLOOR: "numba floor"}
AXES = {
    "lanes": "learning rates",
    "steps": "steps",
    "dimension": "dimensions",
    "devices": "devices (cores)",
}
TITLES = {
    "lanes": "adam on x² + 2y², 1,000 steps",
    "steps": "adam on x² + 2y², 16,384 rates",
    "dimension": "adam on Rosenbrock, 4,096 × 100",
    "devices": "adam on x² + 2y², 131,072 × 1,000",
}


class Measurement(NamedTuple):
    """One contestant at one size; throughputs in million steps a second."""

    axis: str
    size: int
    contestant: str
    running: float
    slowest: float
    fastest: float
    first_call: float


def measurement(axis: str, size: int, contestant: str, result: Result) -> Measurement:
    median, fastest, slowest = result.running
    seconds = median, slowest, fastest, result.first
    return Measurement(axis, size, contestant, *(result.steps / s / 1e6 for s in seconds))


def problems(quick: bool) -> dict[str, list[Problem]]:
    """The sizes along each axis but that of devices."""
    decades, most = (3, 100) if quick else (6, 1000)
    return {
        "lanes": [Problem("bowl", "adam", 10 ** (k + 2), 1_000) for k in range(decades)],
        "steps": [Problem("bowl", "adam", 16_384, 10 ** (k + 1)) for k in range(decades - 1)],
        "dimension": [
            Problem("rosenbrock", "adam", 4_096, 100, dimension)
            for dimension in (2, 4, 10, 32, 100, 316, 1000)
            if dimension <= most
        ],
    }


def main(quick: bool = False) -> None:
    began = time.perf_counter()
    with workers() as processes:
        measured = [
            point
            for axis, sizes in problems(quick).items()
            for point in along(axis, sizes, processes)
        ]
    measured += over_devices(Problem("bowl", "adam", 8_192 if quick else 131_072, 1_000))
    print(table(measured))
    if quick:
        return
    RESULTS.mkdir(exist_ok=True)
    record = {
        "caption": report.caption(sys.modules[__name__]),
        "measured": [point._asdict() for point in measured],
        "provenance": report.provenance(time.perf_counter() - began),
    }
    (RESULTS / "scaling.json").write_text(
        json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    with mpl.rc_context(plotting.STYLE):
        figure = plot(measured)
        for kind in ("png", "pdf"):
            figure.savefig(RESULTS / f"scaling.{kind}")


def along(
    axis: str, sizes: Sequence[Problem], processes: dict[str, Worker]
) -> Iterator[Measurement]:
    """The three contestants at each size, as long as a call is not expected to take too long."""
    speed: dict[str, float] = {}
    for problem in sizes:
        field = [
            *entrants(processes["ours"], ours.contestants, problem),
            *entrants(processes["peers"], peers.contestants, problem),
            *entrants(processes["floor"], floors.contestants, problem),
        ]
        in_time = [
            entrant
            for entrant in field
            if entrant.name in LABELS
            and problem.lane_steps <= 1e6 * LONGEST * speed.get(entrant.name, float("inf"))
        ]
        for name, result in race(in_time, turns=3).items():
            speed[name] = result.throughput
            yield measurement(axis, getattr(problem, axis), name, result)


def over_devices(problem: Problem) -> Iterator[Measurement]:
    """The lanes split over 1, 2, 4, … cores."""
    count = 1
    while count <= (os.cpu_count() or 1):
        with (
            Worker(ours.settle, (count,)) as mine,
            Worker(peers.split_host, (count,)) as theirs,
            Worker(floors.settle, (count,)) as floor,
        ):
            field: list[Entrant] = [
                *entrants(mine, ours.contestants, problem)[:1],
                *entrants(theirs, peers.on_all_devices, problem),
                *entrants(floor, floors.contestants, problem),
            ]
            for name, result in race(field, turns=3).items():
                yield measurement("devices", count, name, result)
        count *= 2


def table(measured: Sequence[Measurement]) -> str:
    """A Markdown table, one row a measurement."""
    head = "### scaling, million steps/s\n\n| | size | | running | range | first call |"
    rows = [
        f"| {AXES[m.axis]} | {m.size:,} | {m.contestant} | {m.running:,.3g} "
        f"| {m.slowest:,.3g}–{m.fastest:,.3g} | {m.first_call:,.3g} |"
        for m in measured
    ]
    return "\n".join([head, "|---|---|---|---|---|---|", *rows, ""])


def plot(measured: Sequence[Measurement]) -> Figure:
    with plotting.panels([["lanes", "steps"], ["dimension", "devices"]], height=4.2) as (
        figure,
        panels,
    ):
        for letter, (axis, axes) in zip("abcd", panels.items(), strict=True):
            draw(axes, [point for point in measured if point.axis == axis])
            axes.set(xlabel=AXES[axis], xscale="log", yscale="log")
            plotting.title(axes, letter, TITLES[axis])
        sizes = sorted({point.size for point in measured if point.axis == "devices"})
        panels["devices"].set_xticks(sizes, labels=[str(size) for size in sizes])
        panels["devices"].xaxis.set_minor_locator(NullLocator())
        figure.supylabel("million steps/s", fontsize=8)
        lines = [Line2D([], [], color=COLORS[name], label=LABELS[name]) for name in LABELS]
        first = Line2D([], [], color="gray", linestyle="--", label="first call, with compiling")
        figure.legend(handles=[*lines, first], loc="outside upper center", ncols=4)
        return figure


def draw(axes: Axes, measured: Sequence[Measurement]) -> None:
    """One line a contestant; a floor's first call would only show how slowly numba compiles."""
    for contestant in dict.fromkeys(point.contestant for point in measured):
        points = [point for point in measured if point.contestant == contestant]
        sizes, color = [point.size for point in points], COLORS[contestant]
        axes.plot(sizes, [point.running for point in points], "o-", color=color)
        if contestant != FLOOR:
            first = [point.first_call for point in points]
            axes.plot(sizes, first, "--", color=color, linewidth=0.8)
