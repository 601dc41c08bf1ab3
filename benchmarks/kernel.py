"""On a GPU: loops as kernels beside the same sweeps as XLA runs them, and beside `vmap(scan)`.

All contestants run in one process, which alone holds the GPU's memory.
"""

import jax

from benchmarks import ours, peers
from benchmarks.problems import Contestant, Problem
from benchmarks.sweep import require_agreement
from benchmarks.timing import entrants, race, race_table
from benchmarks.workers import Worker

PROBLEMS = [
    Problem("bowl", optimizer, lanes, 1_000)
    for lanes in (16_384, 1_048_576)
    for optimizer in ("sgd", "momentum", "adam")
]
SAMPLES = [Problem("bowl", optimizer, 64, 20) for optimizer in ("sgd", "momentum", "adam")]


def contestants(problem: Problem) -> dict[str, Contestant]:
    """`vmap(scan)`, and each of our sweeps without kernels and with them."""

    def swept(name: str, kernel: bool) -> Contestant:
        make, final_loss = ours.RUNS[name]
        run = make(problem)
        return Contestant(
            lambda: ours.sweep(run, problem, kernel=kernel)[final_loss].values, problem.lane_steps
        )

    field = {peers.VMAP_SCAN: peers.contestants(problem)[peers.VMAP_SCAN]}
    for name in ours.RUNS:
        field |= {name: swept(name, kernel=False), in_kernels(name): swept(name, kernel=True)}
    return field


def in_kernels(name: str) -> str:
    return f"{name}, kernel=True"


def on_gpu(problem: Problem) -> dict[str, Contestant]:
    """The contestants where there is a GPU; none elsewhere."""
    return contestants(problem) if jax.default_backend() == "gpu" else {}


def main(quick: bool = False) -> None:
    with Worker() as worker:
        if not worker.prepare(on_gpu, SAMPLES[0]):
            print("kernel: not measured, as JAX finds no GPU here\n")
            return
        for problem in SAMPLES:
            field = entrants(worker, on_gpu, problem)
            require_agreement({entry.name: worker.losses(entry.name) for entry in field})
        for problem in SAMPLES if quick else PROBLEMS:
            results = race(entrants(worker, on_gpu, problem), turns=3 if quick else 7)
            print(race_table(str(problem), results, peers.VMAP_SCAN, ours.LOOP), flush=True)
