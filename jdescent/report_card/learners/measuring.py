"""What a card says of the learners: findings, failures and a table."""

from collections.abc import Sequence

import numpy as np

from jdescent.report_card.findings import Effort, Failure, Finding, Part, Table
from jdescent.report_card.learners.runs import Outcomes, outcomes, reproduce
from jdescent.report_card.learners.task import EVALUATIONS
from jdescent.report_card.learners.tuning import Tuned, excess_of, interval, solved, tuned
from jdescent.report_card.subject import Subject
from jdescent.trajectory import Status

LEAST_EXCESS = 1e-4  # less is as good


def measure(subject: Subject, effort: Effort) -> Part:
    """Each learner at the same rates, from the same seeds."""
    runs = outcomes(subject, effort)
    if not runs.tasks:
        return Part(failures=runs.failures)
    best = tuned(runs)
    return Part(
        findings=[*_of_all(runs, best), *_of_each(runs, best)],
        failures=[*runs.failures, *_failures(subject, effort, runs, best)],
        tables=[_table(runs, best)],
        series=_series(runs, best),
    )


def _set_up(runs: Outcomes) -> str:
    rates, seeds = runs.rates, runs.status.shape[-1]
    if len(rates) == 1:
        return f"at the rate that it has; {seeds} seeds, over which the interval is"
    return (
        f"{len(rates)} rates from {rates[0]:.3g} to {rates[-1]:.3g}, the same for all optimizers; "
        f"{seeds} seeds, the rate of each chosen on the others; the interval is over seeds, of "
        "these very tasks"
    )


def _of_all(runs: Outcomes, best: Tuned) -> list[Finding]:
    count = best.solved.sum(axis=0)
    trials = solved(runs).mean(axis=(0, 1))
    left = np.exp(np.log(np.maximum(best.excess, LEAST_EXCESS)).mean(axis=0))
    steps = np.median(best.steps / _steps(runs)[:, None], axis=0)
    n, note = len(runs.tasks), _set_up(runs)
    return [
        Finding(
            "solved", f"learners whose threshold is reached at a tuned rate, of {n}",
            float(count.mean()), interval=interval(count, n), better="higher", note=note,
        ),
        Finding(
            "solved trials", "share of all runs, of any rate, that end at the threshold or below",
            float(trials.mean()), interval=interval(trials, 1), better="higher", note=note,
        ),
        Finding(
            "left", "share of what can be learned that is left, the geometric mean over learners",
            float(left.mean()), interval=interval(left, 1), better="lower",
            note=f"shares below {LEAST_EXCESS:g} count as that; {note}",
        ),
        Finding(
            "steps", "median share of a run's steps until the threshold, infinite if unsolved",
            float(steps.mean()), interval=interval(steps), better="lower",
            note=f"looked at {EVALUATIONS} times a run; {note}",
        ),
    ]  # fmt: skip


def _of_each(runs: Outcomes, best: Tuned) -> list[Finding]:
    found = []
    for i, task in enumerate(runs.tasks):
        found += [
            Finding(
                f"loss: {task.name}",
                f"{task.name}: {task.metric_is}, after {task.program.steps} steps",
                float(best.metric[i].mean()), "bound", expected=task.floor,
                interval=interval(best.metric[i]), better="lower",
                note=f"solved at {task.threshold:.4g}, {task.why}",
            ),
            Finding(
                f"steps: {task.name}",
                f"{task.name}: steps until the threshold, the median over seeds",
                float(np.median(best.steps[i])), better="lower",
                note=f"looked at every {task.program.steps // EVALUATIONS} steps",
            ),
        ]  # fmt: skip
    return found


def _failures(subject: Subject, effort: Effort, runs: Outcomes, best: Tuned) -> list[Failure]:
    never_finite = np.all(runs.status == Status.NON_FINITE, axis=(1, 2))
    failed = []
    if np.any(never_finite):
        names = [t.name for t, never in zip(runs.tasks, never_finite, strict=True) if never]
        first = runs.tasks[int(np.argmax(never_finite))]
        failed.append(
            Failure(
                _listed(names),
                "no run stayed finite: parameters, memories or loss became infinite or NaN at "
                "every learning rate and seed",
                _line(subject, effort, runs, first.name, 0),
            )
        )
    for i, task in enumerate(runs.tasks):
        if never_finite[i] or np.mean(best.solved[i]) > 0.5:
            continue
        at = int(np.median(best.rate[i]))
        diverged = float(np.mean(~np.isin(runs.status[i], (Status.STEP_LIMIT, Status.CONVERGED))))
        why = (
            f"solved from {int(best.solved[i].sum())} of {best.solved.shape[1]} seeds: a run at "
            f"the rate {_rate(runs.rates, at)} leaves {best.excess[i].mean():.3g} of what can be "
            "learned "
            f"and ends at {best.metric[i].mean():.4g}, where {task.threshold:.4g} is asked, "
            f"{task.why}"
        )
        if diverged > 0:
            why += f"; {diverged:.0%} of all its runs diverged"
        failed.append(Failure(task.name, why, _line(subject, effort, runs, task.name, at)))
    return failed


def _line(subject: Subject, effort: Effort, runs: Outcomes, name: str, rate: int) -> str:
    task = next(task for task in runs.tasks if task.name == name)
    return reproduce(subject, task, float(runs.rates[rate]), seed=1000 * effort.seed)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"


def _table(runs: Outcomes, best: Tuned) -> Table:
    rows = []
    for i, task in enumerate(runs.tasks):
        ends = interval(best.metric[i])
        rows.append(
            [
                task.name,
                f"{best.metric[i].mean():.4g}",
                "" if ends is None else f"{ends[0]:.3g} … {ends[1]:.3g}",
                f"{task.threshold:.4g}",
                f"{task.floor:.4g}",
                f"{int(best.solved[i].sum())}/{best.solved.shape[1]}",
                _rate(runs.rates, int(np.median(best.rate[i]))),
                f"{np.median(best.steps[i]):.0f}" if np.isfinite(np.median(best.steps[i])) else "–",
            ]
        )
    columns = (
        "learner", "loss at the tuned rate", "interval", "threshold", "bound", "solved",
        "rate", "steps to threshold",
    )  # fmt: skip
    return Table("Learners at rates chosen on other seeds", columns, rows)


def _rate(rates: np.ndarray, at: int) -> str:
    """As it is printed: with ≤ or ≥ at the ends of the grid, beyond which it may do better."""
    if len(rates) == 1:
        return "its own"
    sign = "≤ " if at == 0 else "≥ " if at == len(rates) - 1 else ""
    return f"{sign}{rates[at]:.3g}"


def _steps(runs: Outcomes) -> np.ndarray:
    return np.array([task.program.steps for task in runs.tasks], float)


def _series(runs: Outcomes, best: Tuned) -> dict:
    asked = [float(task.excess(task.threshold)) for task in runs.tasks]
    return {
        "learner": [task.name for task in runs.tasks],
        "kind": [task.kind for task in runs.tasks],
        "rate": runs.rates.astype(float).tolist(),
        "excess": excess_of(runs).tolist(),
        "tuned excess": best.excess.tolist(),
        "threshold": asked,
        "solved": solved(runs).mean(axis=(0, 2)).tolist(),
        "tuned solved": float(best.solved.mean()),
    }
