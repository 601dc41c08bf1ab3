"""Headline numbers, each of a class that says what could prove it wrong.

Example:
    >>> half = theory(0.487, 0.5, 0.047, "3 standard errors of 1,000 runs", "share to the right")
    >>> print(half.kind, half.agrees, describe(half), sep="; ")
    theory; True; 0.487, theory 0.5, tolerance 0.047 (3 standard errors of 1,000 runs)
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.common.statistics import Estimate

KINDS = {
    "theory": "a measurement beside an independent prediction, within the error that is expected",
    "exact": "an identity, to rounding",
    "bound": "reaches, or stays below, what was measured beside it or derived",
    "regression": "the same as before; no theory stands beside it",
}
ROUNDING = 1e-4  # of what is compared: float32's, after hundreds of steps that amplify it
ERRORS = 3  # standard errors that a measurement may lie from theory
OF_RERUNS = f"{ERRORS} standard errors of the difference from a mean of other runs"


@dataclass(frozen=True)
class Baseline:
    """The best simple method on the same data: its name and its score."""

    name: str
    score: float


@dataclass(frozen=True)
class Number:
    """A headline number of a figure. `theory`, `exact`, `bound` and `regression` make them.

    Attributes:
        kind: its class, one of `KINDS`; "class" in the record.
        measured: what the run gave.
        meaning: one line that says what the number is, with its unit.
        theory: what it should be; of the classes theory and exact alone.
        tolerance: how far, in absolute terms, `measured` may lie from `theory`, and from the
            committed `measured` when the figure is made again. Of a theory at most half its size,
            of an identity at most `ROUNDING` of `scale`, of others at most half the number. A
            bound may do without: it need only be kept.
        why: where the tolerance, or the bound, comes from; never empty.
        at_least, at_most: of a bound: what the number must reach or stay below.
        missed_by: of a bound: what the number would be, were the claim wrong: it breaks the bound.
        interval: a 95 % confidence interval, where the number is statistical.
        scale: of an identity whose right-hand side is 0: the size of what is compared.
        signed: whether it may be negative; others have intervals above 0.
        baseline: of a learner's score: the best simple method on the same data.

    Raises:
        ValueError: a number that could not fail, or an interval of nothing random.
    """

    kind: str
    measured: float
    meaning: str
    theory: float | None = None
    tolerance: float | None = None
    why: str = ""
    at_least: float | None = None
    at_most: float | None = None
    missed_by: float | None = None
    interval: tuple[float, float] | None = None
    scale: float | None = None
    signed: bool = False
    baseline: Baseline | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"class {self.kind!r} of a number is none of {', '.join(KINDS)}")
        if not self.why:
            raise ValueError(
                f"{self.kind} number “{self.meaning}”: say in `why` where its tolerance, or its "
                "bound, comes from"
            )
        for complaint in (*_CHECKS[self.kind](self), *_interval_complaints(self)):
            raise ValueError(f"{self.kind} number “{self.meaning}”: {complaint}")

    @property
    def agrees(self) -> bool:
        """Whether it agrees with theory within the tolerance, and keeps its bounds."""
        is_near = self.theory is None or abs(self.measured - self.theory) <= (self.tolerance or 0)
        return math.isfinite(self.measured) and is_near and self.keeps(self.measured)

    def keeps(self, value: float) -> bool:
        """Whether a value keeps the number's bounds."""
        return _keeps(value, self.at_least, self.at_most)


Numbers = dict[str, Number]


def theory(
    measured: float | Estimate,
    predicted: float,
    tolerance: float,
    why: str,
    meaning: str,
    **also: Any,
) -> Number:
    """A measurement beside what was predicted without it.

    Where sizes are so small that the tolerance is more than half of theory, it tests nothing: the
    number is one of class regression, and its meaning says so.
    """
    if not tolerance <= abs(predicted) / 2:
        untested = f"{meaning}; theory, {predicted:.6g}, is not tested by this: {why}"
        return regression(measured, untested, tolerance=tolerance, why=why, **also)
    value, interval = _value_and_interval(measured)
    return Number(
        "theory", value, meaning,
        theory=predicted, tolerance=tolerance, why=why, interval=interval, **also,
    )  # fmt: skip


def sampled_theory(
    estimate: Estimate, predicted: float, of: str, meaning: str, *, error: float | None = None,
    **also: Any,
) -> Number:  # fmt: skip
    """A mean over random runs beside its exact value, within `ERRORS` standard errors.

    `of` says what the errors are of, such as "5,000 runs"; `error` is the standard error where
    theory knows it, by default that of the estimate.
    """
    tolerance = ERRORS * (estimate.error if error is None else error)
    return theory(
        estimate, predicted, tolerance, f"{ERRORS} standard errors of {of}", meaning, **also
    )


def exact(
    measured: float,
    expected: float,
    tolerance: float,
    why: str,
    meaning: str,
    **also: Any,
) -> Number:
    """One side of an identity beside the other; where the latter is 0, `scale` says of what."""
    return Number(
        "exact", float(measured), meaning, theory=expected, tolerance=tolerance, why=why, **also
    )


def bound(
    measured: float | Estimate,
    why: str,
    meaning: str,
    *,
    missed_by: float,
    at_least: float | None = None,
    at_most: float | None = None,
    tolerance: float | None = None,
    **also: Any,
) -> Number:
    """A number with a bound, and the value by which a wrong claim would miss it.

    Where sizes are so small that even this keeps the bound, the number is one of class regression,
    and its meaning says so.
    """
    value, interval = _value_and_interval(measured)
    if tolerance is None and isinstance(measured, Estimate):
        tolerance = _rerun_tolerance(measured)
    if _keeps(missed_by, at_least, at_most):
        untested = f"{meaning}; its bound tests nothing, as {missed_by:.6g} keeps it: {why}"
        return regression(measured, untested, tolerance=tolerance or 0.0, why=why, **also)
    return Number(
        "bound", value, meaning,
        tolerance=tolerance, why=why, missed_by=missed_by, interval=interval,
        at_least=at_least, at_most=at_most, **also,
    )  # fmt: skip


def above(estimate: Estimate, limit: float, meaning: str, **also: Any) -> Number:
    """A mean above a limit that its 95 % interval does not reach; at the limit, the claim fails.

    Where so few ran that the interval does reach it, the mean itself must be above, and it is said.
    """
    return _told_from(estimate, limit, 0, meaning, **also)


def below(estimate: Estimate, limit: float, meaning: str, **also: Any) -> Number:
    """A mean below a limit that its 95 % interval does not reach, as in `above`."""
    return _told_from(estimate, limit, 1, meaning, **also)


def _told_from(
    estimate: Estimate, limit: float, end: int, meaning: str, why: str = "", **also: Any
) -> Number:
    """The bound is where the interval's end would be at the limit, were it as wide there."""
    side, word, away = (("at_least", "above", math.inf), ("at_most", "below", -math.inf))[end]
    reached = estimate.interval and not (estimate.interval[end] - limit) * away > 0
    reason = f"{word} {limit:.4g}" + (f", {why}" if why else "")
    if estimate.interval is None or reached:
        edge = math.nextafter(limit, away)
        reason += "; its 95 % interval reaches that" if reached else ""
    else:
        reason = f"95 % interval {reason}"
        outer = estimate.interval[end]
        edge = (
            limit + estimate.value - outer if also.get("signed") else limit * estimate.value / outer
        )
    return bound(estimate, reason, meaning, missed_by=limit, **{side: edge}, **also)


def regression(
    measured: float | Estimate,
    meaning: str,
    *,
    tolerance: float | None = None,
    why: str = "",
    **also: Any,
) -> Number:
    """A number that need only be what it was, within the tolerance, at most half of itself.

    A mean over random runs may move as `_rerun_tolerance` says. Any other tolerance has its reason.
    """
    value, interval = _value_and_interval(measured)
    if tolerance is None:
        assert isinstance(measured, Estimate), "a number that is no estimate needs a tolerance"
        tolerance, why = _rerun_tolerance(measured), OF_RERUNS
    tolerance = min(tolerance, abs(value) / 2)
    return Number(
        "regression", value, meaning, tolerance=tolerance, why=why, interval=interval, **also
    )


def _rerun_tolerance(estimate: Estimate) -> float:
    """Rounding may send runs elsewhere on another machine: `ERRORS` errors of a difference."""
    return min(ERRORS * math.sqrt(2) * estimate.error, abs(estimate.value) / 2)


def record_of(number: Number) -> dict[str, Any]:
    """Its JSON form, in which `kind` is "class"."""
    fields = dataclasses.asdict(number)
    return {"class": fields.pop("kind"), **fields}


def from_record(fields: Mapping[str, Any]) -> Number:
    """A number from its JSON form.

    Raises:
        ValueError: the record is from before numbers had a class, or could not fail.
    """
    if "class" not in fields:
        raise ValueError(f"its numbers have no class, such as {', '.join(KINDS)}: it is older")
    restored: dict[str, Any] = {**fields, "kind": fields["class"]}
    del restored["class"]
    if interval := restored.get("interval"):
        restored["interval"] = tuple(interval)
    if baseline := restored.get("baseline"):
        restored["baseline"] = Baseline(**baseline)
    return Number(**restored)


def describe(number: Number) -> str:
    """What was measured, and what was expected."""
    text = f"{number.measured:.6g}"
    if number.interval:
        text += " [{:.5g}, {:.5g}]".format(*number.interval)
    return ", ".join(part for part in (text, expectation(number)) if part)


def expectation(number: Number) -> str:
    """Theory, bounds and the baseline in words; empty where there are none."""
    parts = []
    if number.theory is not None:
        word = "theory" if number.kind == "theory" else "exactly"
        parts.append(f"{word} {number.theory:.7g}")
        if number.tolerance:
            parts.append(f"tolerance {number.tolerance:.3g}")
    if number.at_least is not None:
        parts.append(f"at least {number.at_least:.6g}")
    if number.at_most is not None:
        parts.append(f"at most {number.at_most:.6g}")
    text = ", ".join(parts) + (f" ({number.why})" if parts and number.why else "")
    beside = f"{number.baseline.name}: {number.baseline.score:.4g}" if number.baseline else ""
    return "; ".join(part for part in (text, beside) if part)


def _value_and_interval(
    measured: float | Estimate,
) -> tuple[float, tuple[float, float] | None]:
    if isinstance(measured, Estimate):
        return measured.value, measured.interval
    return float(measured), None


def _keeps(value: float, at_least: float | None, at_most: float | None) -> bool:
    return (at_least is None or value >= at_least) and (at_most is None or value <= at_most)


def _theory_complaints(number: Number) -> list[str]:
    if number.theory is None or not math.isfinite(number.theory) or _has_bound(number):
        return [f"it needs a finite theory and no bound, got {number.theory}"]
    tolerance, half = number.tolerance, abs(number.theory) / 2
    found = []
    if tolerance is None or not 0 < tolerance <= half:
        found.append(
            f"tolerance {tolerance} must be above 0 and at most {half:.6g}, half of theory; a "
            "theory of 0 is an identity (exact) or a bound"
        )
    return found


def _exact_complaints(number: Number) -> list[str]:
    if number.theory is None or not math.isfinite(number.theory) or _has_bound(number):
        return [f"it needs the other side of the identity and no bound, got {number.theory}"]
    tolerance = number.tolerance
    largest = ROUNDING * max(abs(number.theory), number.scale or 0.0)
    found = []
    if tolerance is None or not 0 <= tolerance <= largest:
        found.append(
            f"tolerance {tolerance} must be rounding, at most {largest:.3g}; where 0 is expected, "
            "`scale` is the size of what is compared"
        )
    return found


def _bound_complaints(number: Number) -> list[str]:
    if not _has_bound(number) or number.theory is not None:
        return ["it needs at_least or at_most, and no theory"]
    found = []
    if number.missed_by is None or number.keeps(number.missed_by):
        found.append(f"missed_by={number.missed_by} must break the bound: what else could?")
    return found + ([] if number.tolerance is None else _rerun_complaints(number))


def _regression_complaints(number: Number) -> list[str]:
    if number.theory is not None or _has_bound(number):
        return ["it has neither theory nor bounds"]
    return _rerun_complaints(number)


def _rerun_complaints(number: Number) -> list[str]:
    tolerance, half = number.tolerance, abs(number.measured) / 2
    if tolerance is None or tolerance < 0 or tolerance > half:
        return [f"tolerance {tolerance} must be from 0 to {half:.6g}, half of what was measured"]
    return []


def _interval_complaints(number: Number) -> list[str]:
    if number.interval is None:
        return []
    low, high = number.interval
    if not low < high:
        return [f"interval {number.interval} has no width: a deterministic number has none"]
    if not number.signed and not low > 0:
        return [f"interval {number.interval} of a positive quantity must be: take it of logarithms"]
    return []


def _has_bound(number: Number) -> bool:
    return number.at_least is not None or number.at_most is not None


_CHECKS = {
    "theory": _theory_complaints,
    "exact": _exact_complaints,
    "bound": _bound_complaints,
    "regression": _regression_complaints,
}
