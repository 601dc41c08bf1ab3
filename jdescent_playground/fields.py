"""What people type into fields and addresses: read as it is written, or refused in words.

A number is never silently another one: what is no number, out of range, too small for a float or
written in two senses (1,000) is refused with what came and what is taken.
"""

import math
import re
from collections.abc import Callable
from typing import Any

from jdescent_playground.numbers import shown

Read = Callable[[str], Any]

FAR = 1e6  # how far a range may reach
NARROWEST = 1e-3

_NUMBER = re.compile(r"[+-]?(?P<digits>\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_POWER = re.compile(r"\s*[·*×]\s*10(?:(?:\^|\*\*)(?=[-−\d])|(?=[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]))")
_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−–", "-0123456789--")


def parsed(text: str) -> float:
    """The number that a text is, as people and `numbers.shown` write it.

    Raises:
        ValueError: it is none, in words that follow on the name of what was expected.

    Example:
        >>> parsed("−2,5"), parsed("4.21·10⁻⁷"), parsed("1e400")
        (-2.5, 4.21e-07, inf)
    """
    plain = _POWER.sub("e", text.strip()).translate(_LOWERED)
    if _THOUSANDS.fullmatch(plain):
        raise ValueError(f"may not hold commas between thousands, got {quoted(text)}")
    found = _NUMBER.fullmatch(plain.replace(",", "."))
    if found is None:
        raise ValueError(f"must be a number, got {quoted(text)}")
    value = float(found.group())
    if value == 0 and re.search("[1-9]", found["digits"]):
        raise ValueError(f"is too close to zero to be told from it, got {quoted(text)}")
    return value


def number(what: str, low: float, high: float) -> Read:
    """A reader of a number from low to high.

    Example:
        >>> number("the learning rate", 1e-4, 10.0)("NaN")
        Traceback (most recent call last):
        ValueError: the learning rate must be between 0.0001 and 10, got NaN
    """

    def read(text: str) -> float:
        try:
            value = parsed(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(
                f"{what} must be between {low:,.12g} and {high:,.12g}, got {quoted(text)}"
            )
        return value

    return read


def whole(what: str, low: int, high: int) -> Read:
    """A reader of a whole number from low to high."""

    def read(text: str) -> int:
        digits = text.strip().translate(_LOWERED)
        if not _WHOLE.fullmatch(digits) or not low <= int(digits) <= high:
            raise ValueError(
                f"{what} must be a whole number between {low:,} and {high:,}, got {quoted(text)}"
            )
        return int(digits)

    return read


def optional(read: Read) -> Read:
    """A reader that takes an empty field for None."""
    return lambda text: read(text) if text.strip() else None


def interval(low: str, high: str) -> tuple[float, float]:
    """Two ends of a range.

    Raises:
        ValueError: they are none.
    """
    try:
        ends = parsed(low), parsed(high)
    except ValueError:
        ends = math.nan, math.nan
    came = f"got {quoted(low)} and {quoted(high)}"
    if any(map(math.isnan, ends)):
        raise ValueError(f"from and to are numbers, such as −4 and 4; {came}")
    if not (-FAR <= ends[0] < ends[1] <= FAR and ends[1] - ends[0] >= NARROWEST):
        raise ValueError(
            f"from must be less than to, by {NARROWEST:g} at least, and both within a million; "
            f"{came}"
        )
    return ends


def exact(value: float) -> str:
    """A number as people write it, with all of its digits where it has more than are shown.

    Example:
        >>> exact(0.4), exact(0.123456), exact(-3e-5)
        ('0.40', '0.123456', '−3.00·10⁻⁵')
    """
    text = shown(value)
    return text if parsed(text) == value else repr(value).replace("-", "−")


def quoted(text: str) -> str:
    """What came, as it can be said: not too long, and ``nothing`` where nothing came."""
    text = " ".join(text.split())
    return (text if len(text) <= 40 else text[:37] + "…") or "nothing"
