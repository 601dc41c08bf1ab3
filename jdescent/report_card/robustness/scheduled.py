"""The same runs with a rate that warms up, or decays."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jdescent import schedules
from jdescent.report_card.findings import Effort, Failure, Finding
from jdescent.report_card.learners.perceptrons import NARROW
from jdescent.report_card.learners.runs import Outcomes, run_program
from jdescent.report_card.learners.tuning import Excess, chosen_on_others, excess_of, interval
from jdescent.report_card.subject import Subject

LEAST_EXCESS = 1e-3  # less is as good
SHAPES = ("warm-up", "decay")
SCHEDULED = ("table", f"MLP of width {NARROW}")


def _shaped(rate: Any, which: Any, steps: int) -> Any:
    shapes = (schedules.warm_up(1.0, steps // 10), schedules.linear(1.0, 0.0, steps))
    return lambda step: rate * jnp.stack([shape(step) for shape in shapes])[which]


def measure_schedules(
    subject: Subject, effort: Effort, runs: Outcomes
) -> tuple[list[Finding], list[Failure]]:
    """The excess at tuned rates with each shape, over that at constant rates."""
    groups = [[t for t in runs.tasks if t.program.name == program] for program in SCHEDULED]
    groups = [group for group in groups if group]

    def run(group):
        steps = group[0].program.steps
        return run_program(
            subject, group, effort, lambda rate, which: _shaped(rate, which, steps), len(SHAPES)
        )[0]

    try:
        with ThreadPoolExecutor(2) as pool:
            metric = np.concatenate(list(pool.map(run, groups)), axis=1)
    except Exception as error:
        said = str(error).partition("\n")[0][:300]
        schedule = "jd.schedules.linear(0.1, 0.0, 100)"
        code = subject.python(schedule, "print(optimizer.init(1.0))")
        why = f"it takes no schedule for its learning rate: {type(error).__name__}: {said}"
        return [], [Failure("schedules", why, code)]
    tasks = [task for group in groups for task in group]
    at = [runs.tasks.index(task) for task in tasks]
    constant = _tuned_excess(excess_of(runs)[at])
    status = np.zeros(metric.shape[1:-1], int)
    found = []
    for shape, its_metric in zip(SHAPES, metric, strict=True):
        shaped = excess_of(Outcomes(tasks, runs.rates, its_metric, status, ()))
        factor = np.exp(np.log(_tuned_excess(shaped) / constant).mean(axis=0))
        found.append(
            Finding(
                shape, f"what is left with {shape}, over that at a constant rate, both tuned",
                float(factor.mean()), interval=interval(factor), better="",
                note=f"geometric mean over {len(tasks)} tables and nets; shares below "
                f"{LEAST_EXCESS:g} count as that; {len(factor)} seeds",
            )
        )  # fmt: skip
    return found, []


def _tuned_excess(excess: Excess) -> Float[np.ndarray, "tasks seeds"]:
    chosen = chosen_on_others(excess)
    return np.maximum(np.take_along_axis(excess, chosen[:, None], axis=1)[:, 0], LEAST_EXCESS)
