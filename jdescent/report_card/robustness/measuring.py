"""What a card says of the choice of the learning rate."""

from typing import Any

import numpy as np
from jaxtyping import Float

from jdescent.report_card.findings import Effort, Failure, Finding, Part, Table
from jdescent.report_card.learners.perceptrons import NARROW, WIDE
from jdescent.report_card.learners.runs import Outcomes, outcomes
from jdescent.report_card.learners.tuning import excess_of, interval
from jdescent.report_card.robustness.ranges import LEAST_SCORE, Range, range_within, transfer_regret
from jdescent.report_card.robustness.scheduled import measure_schedules
from jdescent.report_card.subject import Subject

Scores = Float[np.ndarray, "tasks rates seeds"]


def measure(subject: Subject, effort: Effort) -> Part:
    """From the runs of the learners, which are made unless they just were."""
    if not subject.takes_rate:
        reason = "there is no learning rate to vary: it is an optimizer that is made already"
        return Part(failures=[Failure("learning rates", reason)])
    runs = outcomes(subject, effort)
    scores = 1 - excess_of(runs) if runs.tasks else np.zeros((0, len(runs.rates), 1))
    if not np.any(np.max(scores.mean(axis=-1), axis=1, initial=0) >= LEAST_SCORE):
        reason = "nothing was learned at any rate, so that none is better than another"
        return Part(failures=[*runs.failures, Failure("learning rates", reason)])
    shaped, failures = measure_schedules(subject, effort, runs)
    findings = [*_ranges(runs, scores), *_transfer(runs, scores), *_widths(runs, scores), *shaped]
    middles = [range_within(runs.rates, curve) for curve in scores.mean(axis=-1)]
    series = {
        "learner": [task.name for task in runs.tasks],
        "kind": [task.kind for task in runs.tasks],
        "rate": runs.rates.astype(float).tolist(),
        "score": scores.mean(axis=-1).tolist(),
        "middle": [r.middle for r in middles],
        "width": [r.width for r in middles],
        "factor": {f.name: [float(f.value), *(f.interval or (f.value,) * 2)] for f in shaped},
    }
    return Part(findings, failures, [_table(runs, scores)], series)


def _over_seeds(
    name: str, meaning: str, samples: Any, better: Any = "", note: str = "", most: float = np.inf
) -> Finding:
    samples = np.asarray(samples, float)
    n = f"{len(samples)} seeds"
    return Finding(
        name, meaning, float(np.mean(samples)), interval=interval(samples, most), better=better,
        note=f"{note}; {n}" if note else n,
    )  # fmt: skip


def _ranges(runs: Outcomes, scores: Scores) -> list[Finding]:
    each = [[range_within(runs.rates, c) for c in scores[..., s]] for s in range(scores.shape[-1])]
    widths = [np.nanmedian([r.width for r in ranges]) for ranges in each]
    spread = [np.nanstd([r.middle for r in ranges]) for ranges in each]
    n_open = float(np.mean([[r.is_open for r in ranges] for ranges in each]))
    note = f"of {len(runs.tasks)} learners; {n_open:.0%} of the ranges reach an end of the grid"
    return [
        _over_seeds(
            "width of the range", "decades of rates within 10 % of the best, the median learner",
            widths, "higher", note,
        ),
        _over_seeds(
            "spread of best rates", "standard deviation of log₁₀ of the best rate over learners",
            spread, "lower", note,
        ),
    ]  # fmt: skip


def _transfer(runs: Outcomes, scores: Scores) -> list[Finding]:
    each = np.array([transfer_regret(scores[..., s]) for s in range(scores.shape[-1])])
    worst = int(np.argmax(each.mean(axis=0)))
    return [
        _over_seeds(
            "transfer regret", "share of what can be learned that is lost at the rate best for "
            "the other learners, the mean over learners", each.mean(axis=1), "lower",
            f"worst: {runs.tasks[worst].name}, {each.mean(axis=0)[worst]:.2f}", 1,
        )
    ]  # fmt: skip


def _widths(runs: Outcomes, scores: Scores) -> list[Finding]:
    """Between nets of one kind and two widths, the mean over kinds."""
    names = [task.name for task in runs.tasks]
    pairs = [
        (names.index(name), names.index(f"{name}, wide"))
        for name in names
        if f"{name}, wide" in names
    ]
    if not pairs:
        return []
    shifts, regrets = [], []
    for seed in range(scores.shape[-1]):
        middles = [range_within(runs.rates, curve).middle for curve in scores[..., seed]]
        shifts.append(np.mean([middles[wide] - middles[narrow] for narrow, wide in pairs]))
        at = [np.argmax(scores[narrow, :, seed]) for narrow, _ in pairs]
        regrets.append(
            np.mean(
                [
                    scores[wide, :, seed].max() - scores[wide, i, seed]
                    for (_, wide), i in zip(pairs, at, strict=True)
                ]
            )
        )
    note = f"{', '.join(names[narrow] for narrow, _ in pairs)}; widths {NARROW} and {WIDE}"
    return [
        _over_seeds(
            "width shift", "log₁₀ of the best rate of a net over that of one a quarter as wide",
            shifts, "", note,
        ),
        _over_seeds(
            "width regret", "share of what can be learned that is lost at the rate best for a net "
            "a quarter as wide", regrets, "lower", note, 1,
        ),
    ]  # fmt: skip


def _table(runs: Outcomes, scores: Scores) -> Table:
    mean = scores.mean(axis=-1)
    regrets = transfer_regret(mean)
    rows = [
        [
            task.name,
            f"{curve.max():.3f}",
            *_written(range_within(runs.rates, curve)),
            f"{regret:.3f}",
        ]
        for task, curve, regret in zip(runs.tasks, mean, regrets, strict=True)
    ]
    columns = (
        "learner", "best score", "best rate", "decades within 10 %", "lost at others' rate",
    )  # fmt: skip
    return Table("Learning rates within 10 % of the best", columns, rows)


def _written(found: Range) -> list[str]:
    if np.isnan(found.width):
        return ["–", "–"]
    return [f"{10**found.middle:.2g}", f"{'≥ ' if found.is_open else ''}{found.width:.2f}"]
