"""What a part of a report card says: findings, failures, tables, and what its pictures draw."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Kind = Literal["theory", "exact", "bound", "measured"]
Better = Literal["higher", "lower", ""]

KINDS: Mapping[str, str] = {
    "theory": "a measurement beside an independent prediction",
    "exact": "an identity that holds to rounding or does not",
    "bound": "a measurement beside what theory allows",
    "measured": "what these runs gave; no theory stands beside it",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was measured of an optimizer.

    Attributes:
        name: a key within its part, the same for every optimizer, by which cards are compared.
        meaning: one line that says what it is, with its unit.
        value: a number, a yes or no, or words. A number may be infinite or NaN.
        kind: its class, one of `KINDS`.
        expected: what theory says, or the bound.
        interval: a 95 % confidence interval, where the number is statistical.
        better: which end of the scale a rank counts from; empty where neither is.
        note: the set-up that a reader needs, such as sizes and seeds.
    """

    name: str
    meaning: str
    value: float | bool | str
    kind: Kind = "measured"
    expected: float | None = None
    interval: tuple[float, float] | None = None
    better: Better = ""
    note: str = ""


@dataclass(frozen=True)
class Failure:
    """What did not work, in words.

    Attributes:
        where: the trial.
        why: what went wrong, and what was expected.
        reproduce: Python that shows it, if one line or a few do.
    """

    where: str
    why: str
    reproduce: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells, each as it is printed."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Part:
    """What one part of a card measured.

    Attributes:
        series: what its panels draw: numbers, words, lists and arrays by name.
    """

    findings: Sequence[Finding] = ()
    failures: Sequence[Failure] = ()
    tables: Sequence[Table] = ()
    series: Mapping[str, Any] = field(default_factory=dict)


class Panel(NamedTuple):
    """One picture of a part: ``draw(axes, series)`` draws its series on matplotlib's axes.

    Attributes:
        height: in usual panels.
        wide: whether it takes the whole width.
    """

    title: str
    draw: Callable[[Any, Mapping[str, Any]], None]
    height: float = 1.0
    wide: bool = False


class Effort(NamedTuple):
    """How much is run: the usual two minutes, or more; and of which seed."""

    thorough: bool = False
    seed: int = 0


USUAL = Effort()
SEEDS = 2**31


def effort_of(thorough: bool, seed: int) -> Effort:
    """What is meant, checked.

    Raises:
        ValueError: a seed that no random numbers are drawn from.
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < SEEDS:
        raise ValueError(f"a seed is an integer from 0 to {SEEDS - 1}, got {seed!r}")
    return Effort(thorough, seed)
