"""Sweeps of learning rates: jdescent beside optax, NumPy, Python loops and a numba floor.

All contestants do the same descents, and are refused if they do not arrive at the same final
losses. jdescent is timed by whole calls of `jd.sweep`, in a process that called
`jd.use_all_cores()`; peers run in processes with JAX's own settings.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import floors, ours, peers
from benchmarks.problems import Problem
from benchmarks.timing import Entrant, Result, entrants, race, race_table
from benchmarks.workers import Worker

PROBLEMS = [
    Problem("bowl", optimizer, lanes, 1_000)
    for lanes in (16_384, 1_048_576)
    for optimizer in ("sgd", "momentum", "adam")
] + [
    Problem("rosenbrock", "adam", 16_384, 1_000, dimension=10),
    Problem("network", "sgd", 1_024, 100),
]
FLOOR = "numba"
AGREEMENT = 1e-4  # of the largest final loss; Adam's 1 − β₂ᵗ in float32 is what differs most


@dataclass(frozen=True)
class Goal:
    """A ratio that a sweep is to reach, from above or from below."""

    meaning: str
    measured: float
    bound: float
    at_least: bool

    def __str__(self) -> str:
        met = self.measured >= self.bound if self.at_least else self.measured < self.bound
        sign = "≥" if self.at_least else "<"
        return (
            f"| {self.meaning} | {self.measured:.2f} | {sign} {self.bound:g} "
            f"| {'yes' if met else 'no'} |"
        )


@contextmanager
def workers(devices: int = 2) -> Iterator[dict[str, Worker]]:
    """A process for each kind of settings; they end with the block."""
    with ExitStack() as stack:
        made = {
            "peers": Worker(),
            "peers on all devices": Worker(peers.split_host, (devices,)),
            "ours": Worker(ours.settle),
            "floor": Worker(floors.settle, environment={"OPENBLAS_NUM_THREADS": "1"}),
        }
        for worker in made.values():
            stack.enter_context(worker)
        yield made


def field_of(problem: Problem, processes: dict[str, Worker]) -> list[Entrant]:
    """All contestants of a problem."""
    return [
        *entrants(processes["peers"], peers.contestants, problem),
        *entrants(processes["peers on all devices"], peers.on_all_devices, problem),
        *entrants(processes["ours"], ours.contestants, problem),
        *entrants(processes["floor"], floors.contestants, problem),
    ]


def check(problem: Problem, processes: dict[str, Worker]) -> None:
    """Run every contestant once on a small problem, and refuse those that do other work."""
    field = field_of(problem, processes)
    require_agreement({entry.name: entry.worker.losses(entry.name) for entry in field})


def require_agreement(losses: dict[str, np.ndarray]) -> None:
    """Refuse to compare contestants whose final losses differ; a single run is the middle one."""
    name, *others = losses
    expected = losses[name]
    for other in others:
        found = losses[other]
        against = expected if len(found) > 1 else expected[[len(expected) // 2]]
        if not np.allclose(found, against, rtol=0, atol=AGREEMENT * np.max(expected)):
            raise ValueError(f"{other} and {name} end at different losses: {found} and {against}")


def goals(problem: Problem, results: dict[str, Result]) -> list[Goal]:
    if problem.loss != "bowl":
        return []
    speed = {name: result.throughput for name, result in results.items()}
    times = 3 if problem.optimizer == "adam" else 2
    ratios = [
        Goal(f"speed × {peers.VMAP_SCAN}", speed[ours.LOOP] / speed[peers.VMAP_SCAN], times, True),
        Goal("cost of the verdict, ×", speed[ours.LOOP] / speed[ours.VERDICT], 1.15, False),
        Goal("cost of every 10th loss, ×", speed[ours.VERDICT] / speed[ours.RECORD], 1.3, False),
    ]
    if problem.optimizer == "adam":
        ratios.append(Goal("speed × floor", speed[ours.LOOP] / speed[FLOOR], 0.6, True))
    size = f"{problem.lanes:,} × {problem.steps:,}, {problem.optimizer}"
    return [replace(goal, meaning=f"{size}: {goal.meaning}") for goal in ratios]


def main(quick: bool = False) -> None:
    problems = PROBLEMS
    if quick:
        problems = [replace(p, lanes=p.lanes // 16, steps=p.steps // 10) for p in PROBLEMS[:3]]
        problems += [replace(p, lanes=64, steps=20) for p in PROBLEMS[-2:]]
    reached: list[Goal] = []
    checked: set[Problem] = set()
    with workers() as processes:
        for problem in problems:
            sample = replace(problem, lanes=16, steps=20)
            if sample not in checked:
                check(sample, processes)
                checked.add(sample)
            results = race(field_of(problem, processes), turns=3 if quick else 5)
            print(race_table(str(problem), results, peers.VMAP_SCAN, FLOOR), flush=True)
            reached += goals(problem, results)
    if quick:
        return
    print("### goals\n\n| | measured | goal | met |\n|---|---|---|---|")
    print("\n".join(map(str, reached)), end="\n\n")
