"""Where a finding stands among those of the library's optimizers, from the cards on record."""

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jdescent.report_card.encoding import decoded
from jdescent.report_card.findings import Finding

RECORD = Path(__file__).with_name("library.json")


class Rank(NamedTuple):
    """A place among so many; equal values share the better place."""

    place: int
    among: int

    def __str__(self) -> str:
        return f"{self.place} of {self.among}"


@functools.cache
def library() -> Mapping[str, Mapping[str, float]]:
    """The findings on record that are ranked: ``part.name`` → optimizer → value."""
    if not RECORD.exists():
        return {}
    return {key: _numbers(row) for key, row in decoded(RECORD).items()}


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """Those that are numbers, which words and booleans are not."""
    return {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def rank(key: str, finding: Finding, name: str) -> Rank | None:
    """Among all on record and this one, which does not count twice; None where none is due.

    Example:
        >>> one = Finding("time", "time of an update", 2.0, better="lower")
        >>> rank("no.such", one, "mine") is None
        True
    """
    value = finding.value
    if not finding.better or isinstance(value, bool | str) or math.isnan(value):
        return None
    others = [v for other, v in library().get(key, {}).items() if other != name and v == v]
    if not others:
        return None
    ahead = sum((v < value) if finding.better == "lower" else (v > value) for v in others)
    return Rank(ahead + 1, len(others) + 1)
