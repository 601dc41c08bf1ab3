"""How far a process grows beside a sweep's results, whatever the sweep's size (Linux alone)."""

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from benchmarks import ours
from benchmarks.problems import EVERY, Problem
from benchmarks.workers import Worker

BOUND = 64  # MiB, given to jd.sweep
MIB = 2**20


class Growth(NamedTuple):
    """MiB that a sweep's results take, and MiB that the process held at most beside them."""

    lanes: int
    results: float
    beside: float


def main(quick: bool = False) -> None:
    """Sweeps of growing size, with every 10th loss, each in a fresh process."""
    sizes = (4_096, 16_384) if quick else (65_536, 262_144, 1_048_576)
    print(f"### memory of a sweep of adam, 1,000 steps, every {EVERY}th loss, max_memory={BOUND}\n")
    print("| learning rates | results, MiB | beside them at the peak, MiB |\n|---|---|---|")
    for lanes in sizes:
        with Worker(ours.settle) as worker:
            grown = worker.do(growth, Problem("bowl", "adam", lanes, 1_000))
        print(f"| {grown.lanes:,} | {grown.results:.0f} | {grown.beside:.0f} |", flush=True)
    print()


def growth(problem: Problem) -> Growth:
    """Of this process in one sweep, after a small one has loaded and started everything."""
    ours.sweep(ours.with_losses(replace(problem, steps=20)), replace(problem, lanes=16))
    before = status("VmRSS")
    run = ours.with_losses(problem)
    results = ours.sweep(run, problem, max_memory=BOUND).nbytes / MIB
    return Growth(problem.lanes, results, status("VmHWM") - before - results)


def status(field: str) -> float:
    """A size of this process in MiB, as Linux counts it: VmRSS now, VmHWM at its highest."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.M)
    if found is None:
        raise OSError(f"/proc/self/status has no {field}: this measurement needs Linux")
    return int(found[1]) * 1024 / MIB
