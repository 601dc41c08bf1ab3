"""All runs of an optimizer on the learners: each task at the same rates, from the same seeds."""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jdescent.report_card.findings import Effort, Failure
from jdescent.report_card.learners.deep_linear import deep_nets
from jdescent.report_card.learners.digits import digits
from jdescent.report_card.learners.landscapes import landscapes
from jdescent.report_card.learners.matrices import matrices
from jdescent.report_card.learners.perceptrons import NARROW, WIDE, perceptrons
from jdescent.report_card.learners.sequences import sequences
from jdescent.report_card.learners.tables import tables
from jdescent.report_card.learners.task import Task
from jdescent.report_card.subject import Subject

LOWEST, HIGHEST = 1e-4, 10.0
DECOMPOSING = threading.Lock()
COMPILED_QUICKLY = {"xla_backend_optimization_level": 1}  # it takes most of the time
KINDS: tuple[Callable[[], list[Task]], ...] = (
    sequences,
    functools.partial(perceptrons, WIDE),
    functools.partial(perceptrons, NARROW),
    digits,
    matrices,
    deep_nets,
    tables,
    landscapes,
)


@dataclass(frozen=True)
class Outcomes:
    """What came of all runs.

    Attributes:
        tasks: those that were run.
        rates: the learning rates.
        metric: of each task, rate and seed the metric at every twentieth of the run, the first at
            its start.
        status: how each run ended, a `jdescent.Status`.
        failures: what could not be run.
    """

    tasks: Sequence[Task]
    rates: Float[np.ndarray, " rates"]
    metric: Float[np.ndarray, "tasks rates seeds evaluations"]
    status: Int[np.ndarray, "tasks rates seeds"]
    failures: Sequence[Failure]


@functools.cache
def tasks() -> tuple[tuple[Task, ...], tuple[Failure, ...]]:
    """All tasks that this installation can run, and why others are left out."""
    found: list[Task] = []
    failures: list[Failure] = []
    for kind in KINDS:
        try:
            found += kind()
        except ImportError as error:
            failures.append(
                Failure(
                    "digits", f"left out: {error}", 'pip install "jdescent[figures]" brings them'
                )
            )
    return tuple(found), tuple(failures)


def task(name: str) -> Task:
    """A task by its name.

    Raises:
        ValueError: there is none of that name.

    Example:
        >>> print(task("linear regression").why)
        0.002 of the way from the minimum, by Newton's method in float64, to having learned nothing
    """
    by_name = {task.name: task for task in tasks()[0]}
    if name not in by_name:
        raise ValueError(f"there is no task {name!r}: there are {', '.join(by_name)}")
    return by_name[name]


def seeds(effort: Effort) -> np.ndarray:
    """Three, or with more effort five."""
    return 1000 * effort.seed + np.arange(5 if effort.thorough else 3)


def rates(subject: Subject, effort: Effort) -> np.ndarray:
    """From 10⁻⁴ to 10, two a decade, or with more effort four: the same for every optimizer.

    One a decade where each rate has to be compiled by itself.
    """
    a_decade = (4 if effort.thorough else 2) if subject.rate_traces else 1
    return np.asarray(subject.rates(LOWEST, HIGHEST, a_decade), np.float32)


@functools.lru_cache(maxsize=2)
def outcomes(subject: Subject, effort: Effort) -> Outcomes:
    """The runs of all tasks; remembered, as more than one part of a card reads them."""
    all_tasks, failures = tasks()
    groups = [list(group) for _, group in groupby(all_tasks, lambda task: id(task.program))]
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        results = list(pool.map(lambda group: run(subject, effort, group), groups))
    done = [(group, r) for group, r in zip(groups, results, strict=True) if not _failed(r)]
    failures += tuple(r for r in results if isinstance(r, Failure))
    return Outcomes(
        [task for group, _ in done for task in group],
        rates(subject, effort),
        _joined([metric for _, (metric, _) in done]),
        _joined([status for _, (_, status) in done]),
        failures,
    )


def _failed(result) -> bool:
    return isinstance(result, Failure)


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros((0, 0, 0, 0))


def run(subject: Subject, effort: Effort, group: Sequence[Task]):
    """The metric and status of tasks that share a program; or why there are none."""
    try:
        metric, status = run_program(subject, group, effort)
        return metric[0], status[0]
    except Exception as error:
        said = str(error).partition("\n")[0][:300]
        return Failure(
            ", ".join(task.name for task in group),
            f"the runs could not be made: {type(error).__name__}: {said}",
            reproduce(subject, group[0], 0.01),
        )


def run_program(
    subject: Subject,
    group: Sequence[Task],
    effort: Effort,
    schedule: Callable[[Any, Any], Any] = lambda rate, shape: rate,
    shapes: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """The metric and status of each shape of the schedule, task, rate and seed.

    It is one program where the rate may be traced.
    """
    program = group[0].program
    data = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(task.data for task in group))
    keys = jax.vmap(jax.random.key)(seeds(effort))

    def of_rate(rate):
        def one(shape, data, key):
            run = program.run(subject.make(schedule(rate, shape)), data, key)
            return run.metric, run.verdict.status

        of_seeds = jax.vmap(one, (None, None, 0))
        of_tasks = jax.vmap(of_seeds, (None, 0, None))
        return jax.vmap(of_tasks, (0, None, None))(jnp.arange(shapes), data, keys)

    if subject.rate_traces:
        mapped = jax.jit(jax.vmap(of_rate), compiler_options=COMPILED_QUICKLY)
        metric, status = run_alone_if_it_decomposes(mapped, rates(subject, effort))
    else:
        with DECOMPOSING:
            metric, status = subject.over_rates(of_rate, rates(subject, effort))
    return np.moveaxis(np.asarray(metric, float), 0, 2), np.moveaxis(np.asarray(status), 0, 2)


def run_alone_if_it_decomposes(program: Any, *arguments: Any) -> Any:
    """What a jitted function gives, in one thread at a time if it decomposes matrices.

    Compiling is left to all threads. See `jdescent.numerics.after` for what two at a time may do.
    """
    compiled = program.lower(*arguments).compile()
    with DECOMPOSING if "lapack" in compiled.as_text() else contextlib.nullcontext():
        return jax.block_until_ready(compiled(*arguments))


def reproduce(subject: Subject, task: Task, rate: float, seed: int = 0) -> str:
    """Python that makes one run of the subject."""
    return subject.python(
        rate,
        "from jdescent.report_card.learners import task\n"
        f"print(task({task.name!r}).run(optimizer, seed={seed}))",
    )
