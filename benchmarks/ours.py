"""The sweeps with jdescent: whole calls of `jd.sweep`, labelled results included."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

import jdescent as jd
from benchmarks.problems import EVERY, Contestant, Problem, function_of, scanned

if TYPE_CHECKING:
    import xarray

OPTIMIZERS: dict[str, Callable] = {
    "sgd": jd.sgd,
    "momentum": partial(jd.sgd, momentum=0.9),
    "adam": jd.adam,
}


def settle(devices: int | None = None) -> None:
    """Let sweeps use so many cores, all by default; before JAX starts."""
    jd.use_all_cores(devices)


def bare_scan(problem: Problem) -> Callable:
    return scanned(problem, OPTIMIZERS[problem.optimizer])


def descent(problem: Problem, **recording: Any) -> Callable:
    """A function from the rate to the trajectory."""
    loss, start = function_of(problem), jax.tree.map(jnp.asarray, problem.start)

    def run(learning_rate):
        optimizer = OPTIMIZERS[problem.optimizer](learning_rate)
        return jd.descend(loss, start, optimizer, problem.steps, **recording)

    return run


def with_verdict(problem: Problem) -> Callable:
    run = descent(problem, record=None)
    return lambda learning_rate: run(learning_rate).verdict


def with_losses(problem: Problem) -> Callable:
    run = descent(problem, every=EVERY)

    def losses_and_verdict(learning_rate):
        path = run(learning_rate)
        return {"losses": path.loss, "verdict": path.verdict}

    return losses_and_verdict


def sweep(run: Callable, problem: Problem, **options: Any) -> "xarray.Dataset":
    return jd.sweep(run, learning_rate=problem.rates, progress=False, **options)


LOOP = "jd.sweep of a bare scan"
VERDICT = "jd.sweep of descend, verdict"
RECORD = f"jd.sweep of descend, verdict, every {EVERY}th loss"
RUNS = {
    LOOP: (bare_scan, "result"),
    VERDICT: (with_verdict, "verdict_loss"),
    RECORD: (with_losses, "verdict_loss"),
}


def contestants(problem: Problem) -> dict[str, Contestant]:
    """The engine alone; with the verdict; with the verdict and every 10th loss."""

    def contestant(name: str) -> Contestant:
        make, final_loss = RUNS[name]
        run = make(problem)
        return Contestant(lambda: sweep(run, problem)[final_loss].values, problem.lane_steps)

    return {name: contestant(name) for name in RUNS}
