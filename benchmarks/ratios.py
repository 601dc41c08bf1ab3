"""The table of ratios to optax: the plain way, sweeps, what a verdict and recording cost, goals.

Every contestant descends one loss at many learning rates. optax's update stands in a scan written
by hand, which keeps the last parameters alone, under `jax.jit(jax.vmap(…))`; it and the plain way,
`jax.jit(jax.vmap(descend))`, run under JAX's own settings, sweeps in a process that called
`jd.use_all_cores()`. They take turns, one computing at a time. Warm calls are whole calls, medians
by the clock; optax's is compiled already, a sweep traces its function in each.
"""

import functools
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

import jdescent as jd
from benchmarks import loop, ours, problems
from benchmarks.problems import Contestant, Problem
from benchmarks.timing import Result, entrants, race
from benchmarks.workers import Worker
from experiments.common import report

RESULTS = Path(__file__).parent / "results"
OPTAX, PLAIN = "optax", "jit(vmap(descend))"
BARE, SWEEP, RECORDED = "sweep of a bare scan", "sweep", "sweep, every 10th loss"
RUNS = (100, 1_000, 16_384, 262_144, 1_048_576)
SPEED_OF_ADAM = {16_384: 1.0, 262_144: 2.0, 1_048_576: 3.0}
SPEED_OF_OTHERS = {16_384: 0.7, 262_144: 1.3, 1_048_576: 2.0}


@dataclass(frozen=True)
class Case:
    """Descents of a loss by one optimizer, so many runs of so many steps."""

    loss: str
    optimizer: str
    runs: int
    steps: int
    speed: float | None = None  # that a sweep is to reach, × optax's
    first: float = 2.0  # that a sweep's first call may take, × that of `jit(vmap(descend))`
    plain: float = 1.5  # that the plain way may take, × optax's

    @property
    def rates(self) -> np.ndarray:
        slowest, fastest = problems.RATES.get((self.loss, self.optimizer), loop.RATES)
        return np.geomspace(slowest, fastest, self.runs).astype(np.float32)


def cases(quick: bool) -> list[Case]:
    """Those of the goals; a few runs of a few steps, for trying out."""
    small = [
        Case("bowl", optimizer, runs, 1_000, speeds.get(runs))
        for optimizer, speeds in (
            ("adam", SPEED_OF_ADAM), ("sgd", SPEED_OF_OTHERS), ("momentum", SPEED_OF_OTHERS)
        )
        for runs in RUNS
    ]  # fmt: skip
    network = Case("network", "sgd", 1_024, 100, speed=4.0)
    digits = Case("digits", "adam", 64, loop.NETWORK_STEPS, speed=1.0, first=1.5, plain=1.2)
    if quick:
        return [replace(case, runs=8, steps=20) for case in (small[0], small[5], network, digits)]
    return [*small, network, digits]


@functools.cache
def task(loss: str) -> tuple[Callable, Any, dict[str, Any]]:
    """The loss, its start, and the batches that it takes."""
    if loss == "digits":
        return loop.network()
    problem = Problem(loss, "sgd", lanes=1, steps=1)
    return problems.function_of(problem), jax.tree.map(jax.numpy.asarray, problem.start), {}


def descents(case: Case) -> dict[str, Callable]:
    """From the rate to the last parameters, in a row, and what else is kept."""
    loss, start, options = task(case.loss)
    mine, theirs = loop.OPTIMIZERS[case.optimizer]

    def by_hand(make: Callable) -> Callable:
        run = loop.by_hand(loss, start, make, case.steps, **options)
        return lambda learning_rate: {"params": ravel_pytree(run(learning_rate))[0]}

    def descent(**recording: Any) -> Callable:
        def run(learning_rate):
            path = jd.descend(loss, start, mine(learning_rate), case.steps, **options, **recording)
            kept = {} if path.loss is None else {"loss": path.loss}
            return {"params": ravel_pytree(path.params)[0], "verdict": path.verdict, **kept}

        return run

    return {
        OPTAX: by_hand(theirs),
        PLAIN: descent(record=None),
        BARE: by_hand(mine),
        SWEEP: descent(record=None),
        RECORDED: descent(every=10),
    }


def mapped(case: Case) -> dict[str, Contestant]:
    """optax and the plain way."""

    def contestant(run: Callable) -> Contestant:
        call = jax.jit(jax.vmap(run))
        return Contestant(lambda: jax.block_until_ready(call(case.rates))["params"], case.runs)

    return {name: contestant(run) for name, run in descents(case).items() if name in (OPTAX, PLAIN)}


def swept(case: Case) -> dict[str, Contestant]:
    """Whole calls of `jd.sweep`."""

    def contestant(run: Callable) -> Contestant:
        def call() -> np.ndarray:
            return jd.sweep(run, learning_rate=case.rates, progress=False)["params"].values

        return Contestant(call, case.runs)

    runs = descents(case)
    return {name: contestant(runs[name]) for name in (BARE, SWEEP, RECORDED)}


class Goal(NamedTuple):
    """A ratio, and what it is to be at least, or at most."""

    measured: float
    bound: float
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


@dataclass(frozen=True)
class Row:
    """What was measured of a case, by the contestants' names."""

    case: Case
    results: Mapping[str, Result]

    def ratio(self, slower: str, faster: str) -> float:
        return self.results[slower].call.median / self.results[faster].call.median

    def first(self, name: str, other: str) -> float:
        return self.results[name].first / self.results[other].first

    @property
    def processor(self) -> float:
        """optax's time of the processor × that of a sweep."""
        return self.results[OPTAX].processor / self.results[SWEEP].processor

    @property
    def goals(self) -> dict[str, Goal]:
        """By name; a few runs are computed sooner than a sweep is traced."""
        found = {
            "plain": Goal(self.ratio(PLAIN, OPTAX), self.case.plain),
            "plain, first": Goal(self.first(PLAIN, OPTAX), 2.0),
            "sweep, first": Goal(self.first(SWEEP, PLAIN), self.case.first),
        }
        if self.case.speed is not None:
            found |= {
                "sweep": Goal(self.ratio(OPTAX, SWEEP), self.case.speed, at_least=True),
                "verdict": Goal(self.ratio(SWEEP, BARE), 1.15),
                "every 10th loss": Goal(self.ratio(RECORDED, SWEEP), 1.3),
            }
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self.case),
            "seconds": {
                name: {
                    "first": result.first,
                    "warm": result.call._asdict(),
                    "tracing and compiling in it": result.compiling,
                    "of the processor": result.processor,
                }
                for name, result in self.results.items()
            },
            "goals": {
                name: {**goal._asdict(), "is_met": goal.is_met} for name, goal in self.goals.items()
            },
        }

    def __str__(self) -> str:
        optax, sweep = self.results[OPTAX], self.results[SWEEP]
        missed = [
            f"{name} {'≥' if goal.at_least else '≤'} {goal.bound:g}"
            for name, goal in self.goals.items()
            if not goal.is_met
        ]
        cells = [
            f"{self.case.optimizer}, {self.case.loss}",
            f"{self.case.runs:,}",
            f"{1e3 * optax.call.median:.3g} ({optax.first:.2f} s)",
            f"{self.ratio(PLAIN, OPTAX):.2f} ({self.first(PLAIN, OPTAX):.1f})",
            f"{1e3 * sweep.call.median:.3g}, {1e3 * sweep.compiling:.2g} tracing",
            f"{self.ratio(OPTAX, SWEEP):.2f} ({self.processor:.2f})",
            f"{self.first(SWEEP, PLAIN):.2f}",
            f"{self.ratio(SWEEP, BARE):.2f}",
            f"{self.ratio(RECORDED, SWEEP):.2f}",
            "; ".join(missed) or "none",
        ]
        return f"| {' | '.join(cells)} |"


HEAD = (
    "",
    "runs",
    "optax, ms (first call)",
    "`jit(vmap(descend))` ÷ optax (first call)",
    "`jd.sweep`, ms",
    "optax ÷ sweep (of the processor)",
    "first call, sweep ÷ `jit(vmap(descend))`",
    "verdict ÷ bare scan",
    "every 10th loss ÷ none",
    "goals missed",
)


def measured(case: Case, peers: Worker, mine: Worker, turns: int = 5) -> Row:
    """All contestants of a case, in turn."""
    field = [*entrants(peers, mapped, case), *entrants(mine, swept, case)]
    return Row(case, race(field, turns=turns))


def check(case: Case, peers: Worker, mine: Worker) -> None:
    """Run every contestant for a few steps, and refuse those that do other work.

    Of more steps at the largest rates, rounding alone may make other ends.
    """
    sample = replace(case, runs=4, steps=10)
    field = [*entrants(peers, mapped, sample), *entrants(mine, swept, sample)]
    require_same_ends({entrant.name: entrant.worker.losses(entrant.name) for entrant in field})


def require_same_ends(ends: Mapping[str, np.ndarray]) -> None:
    """Refuse to compare contestants that end elsewhere than optax, but for rounding.

    Raises:
        ValueError: more than one in a hundred of a contestant's parameters differ.
    """
    expected = np.asarray(ends[OPTAX])
    close = 1e-3 * np.max(np.abs(expected))  # Adam's 1 − β₂ᵗ in float32 differs, and adds up
    for name, end in ends.items():
        off = np.abs(np.asarray(end) - expected) > close
        if np.mean(off) > 0.01:  # Adam's step of a gradient of nearly 0 is that of its rounding
            raise ValueError(f"{name} and {OPTAX} end at different parameters")


def table(rows: Sequence[Row]) -> str:
    return "\n".join([f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|", *map(str, rows)])


def write(rows: Sequence[Row], path: Path, seconds: float) -> None:
    record = {
        "caption": report.caption(sys.modules[__name__]),
        "measured": [row.as_json() for row in rows],
        "provenance": report.provenance(seconds),
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(quick: bool = False) -> None:
    began = time.perf_counter()
    rows: list[Row] = []
    checked: set[tuple[str, str]] = set()
    print(table([]), flush=True)
    with Worker() as peers, Worker(ours.settle) as mine:
        for case in cases(quick):
            if (case.loss, case.optimizer) not in checked:
                check(case, peers, mine)
                checked.add((case.loss, case.optimizer))
            rows.append(measured(case, peers, mine, turns=1 if quick else 5))
            print(rows[-1], flush=True)
    print()
    if not quick:
        write(rows, RESULTS / "ratios.json", time.perf_counter() - began)
