"""Published claims beside what was measured of them: rows of the ledger.

A claim says in advance which headline numbers decide it and in which range they must then lie. The
verdict is computed from the measurement: nobody writes it.

Example:
    >>> from experiments.common.number import theory
    >>> title = "Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability"
    >>> hovers = Claim(
    ...     Source("Cohen et al.", 2021, title, "arXiv 2103.00065", "figure 1"),
    ...     "the sharpness of gradient descent hovers at 2/η",
    ...     "an MLP on 500 digits",
    ...     {"sharpness": between(0.98, 1.08)})
    >>> measured = {"sharpness": theory(1.03, 1.0, 0.05, "its spread", "sharpness over 2/η")}
    >>> hovers.verdict(measured)
    'reproduced'
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from experiments.common.number import Number, Numbers

REPRODUCED = "reproduced"
BOUND_HOLDS = "bound holds"
NOT_REPRODUCED = "not reproduced here"
VERDICTS = (REPRODUCED, BOUND_HOLDS, NOT_REPRODUCED)


@dataclass(frozen=True)
class Source:
    """Where a claim stands.

    Attributes:
        authors, year, title: of the paper, the book or the program.
        found: where it is to be had: "arXiv 2103.00065", a journal, a publisher; may be empty.
        place: the equation, theorem, figure or section; may be empty.
    """

    authors: str
    year: int
    title: str
    found: str = ""
    place: str = ""

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.found, self.place) if part)
        return f"{self.authors} {self.year}, *{self.title}*" + (f" ({where})" if where else "")


@dataclass(frozen=True)
class Range:
    """Where a number must lie for the claim to hold; with one end it is a bound."""

    at_least: float = -math.inf
    at_most: float = math.inf

    def __post_init__(self) -> None:
        if not self.at_least <= self.at_most:
            raise ValueError(f"a range that no number is in: {self}")
        if self.at_least == -math.inf and self.at_most == math.inf:
            raise ValueError("a range that no number can miss decides nothing: give it an end")

    def __contains__(self, value: float) -> bool:
        return self.at_least <= value <= self.at_most

    @property
    def is_bound(self) -> bool:
        return math.isinf(self.at_least) or math.isinf(self.at_most)

    def __str__(self) -> str:
        if math.isinf(self.at_least):
            return f"≤ {self.at_most:.4g}"
        if math.isinf(self.at_most):
            return f"≥ {self.at_least:.4g}"
        return f"{self.at_least:.4g} … {self.at_most:.4g}"


def between(at_least: float, at_most: float) -> Range:
    return Range(at_least, at_most)


def within(value: float, tolerance: float) -> Range:
    return Range(value - tolerance, value + tolerance)


def at_least(value: float) -> Range:
    return Range(at_least=value)


def at_most(value: float) -> Range:
    return Range(at_most=value)


@dataclass(frozen=True)
class Claim:
    """A published claim, and what decides it.

    Attributes:
        source: where it stands.
        says: the claim in numbers, one sentence.
        tried: the set-up that it was tried on, as far as it matters to the verdict.
        decided_by: headline numbers of the figure by their keys, and the range in which each must
            be for the claim to hold. Where all ranges have one end, the claim is a bound.
        remark: what else was seen, such as how loose a bound is; may be empty.

    Raises:
        ValueError: nothing decides it.
    """

    source: Source
    says: str
    tried: str
    decided_by: Mapping[str, Range]
    remark: str = ""

    def __post_init__(self) -> None:
        if not self.decided_by:
            raise ValueError(f"nothing decides the claim that {self.says}")

    def verdict(self, numbers: Numbers) -> str:
        """One of `VERDICTS`, from what was measured.

        Raises:
            KeyError: the figure has no number that decides it.
        """
        if not all(numbers[key].measured in holds for key, holds in self.decided_by.items()):
            return NOT_REPRODUCED
        is_bound = all(holds.is_bound for holds in self.decided_by.values())
        return BOUND_HOLDS if is_bound else REPRODUCED

    def record(self, numbers: Numbers) -> dict[str, Any]:
        """Its JSON form, with the verdict."""
        decided_by = {
            key: [_finite(holds.at_least), _finite(holds.at_most)]
            for key, holds in self.decided_by.items()
        }
        return {
            "source": asdict(self.source),
            "says": self.says,
            "tried": self.tried,
            "decided_by": decided_by,
            "remark": self.remark,
            "verdict": self.verdict(numbers),
        }


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None


def from_record(fields: Mapping[str, Any]) -> tuple[Claim, str]:
    """A claim from its JSON form, and the verdict on record."""
    decided_by = {
        key: Range(
            -math.inf if low is None else low,
            math.inf if high is None else high,
        )
        for key, (low, high) in fields["decided_by"].items()
    }
    claim = Claim(
        Source(**fields["source"]), fields["says"], fields["tried"], decided_by, fields["remark"]
    )
    return claim, fields["verdict"]


def measured_in_words(claim: Claim, numbers: Numbers) -> str:
    """Each deciding number with its interval, and the range that it was to be in."""
    return "; ".join(
        f"{numbers[key].meaning}: {_with_interval(numbers[key])} ({holds})"
        for key, holds in claim.decided_by.items()
    )


def _with_interval(number: Number) -> str:
    text = f"{number.measured:.4g}"
    return text if number.interval is None else text + " [{:.4g}, {:.4g}]".format(*number.interval)
