"""A page's state as the query of its address, and back, whatever nonsense stands there.

Only what differs from the defaults is written. A value that cannot be read is left at its default,
and a sentence says so.
"""

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from jdescent_playground.catalog import METHODS, Value
from jdescent_playground.fields import Read, parsed, quoted

LONGEST = 2000


class RefusedError(ValueError):
    """What a text is not, as a whole sentence."""


def read(
    query: Mapping[str, str], readers: Mapping[str, Read], prefix: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """The values in a query, and a sentence for each that cannot be read.

    Args:
        query: text by name; names that have no reader are left alone.
        readers: a function of the text for each name; it raises ValueError saying what it
            expected, or `RefusedError`.
        prefix: what stands before the names in the address.

    Example:
        >>> read({"x": "-2.5", "n": "many"}, {"x": number(-10, 10), "n": whole(0, 1000)})
        ({'x': -2.5}, ['the address says n=many: a whole number from 0 to 1000 was expected'])
    """
    values, complaints = {}, []
    for name, reader in readers.items():
        if name not in query:
            continue
        text = query[name]
        try:
            if len(text) > LONGEST:
                raise ValueError("something shorter")
            values[name] = reader(text)
        except (ValueError, OverflowError) as error:
            told = str(error) if isinstance(error, RefusedError) else f"{error} was expected"
            complaints.append(complaint(prefix + name, text, told))
    return values, complaints


def complaint(name: str, text: str, told: str) -> str:
    """What is wrong with one value of an address."""
    return f"the address says {name}={quoted(text)}: {told}"


def write(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """The query for some values, without those that are at their defaults.

    Example:
        >>> write({"x": -2.5, "n": 0, "curve": "bowl"}, {"n": 0, "curve": "parabola"})
        'x=-2.5&curve=bowl'
    """
    return urlencode(
        {
            name: written(value)
            for name, value in values.items()
            if name not in defaults or value != defaults[name]
        }
    )


def written(value: Any) -> str:
    """A value as the readers here read it, with all its digits."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "on", False: "off"}[value]
    if isinstance(value, tuple):
        return ",".join(written(entry) for entry in value)
    if isinstance(value, float):
        value += 0.0  # −0 is 0
        short = f"{value:.6g}"
        return short if float(short) == value else repr(value)
    return str(value)


def number(low: float, high: float) -> Read:
    """A reader of a number from low to high."""

    def reader(text: str) -> float:
        try:
            value = parsed(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"a number from {low:,.12g} to {high:,.12g}")
        return value

    return reader


def numbers(count: int, low: float, high: float) -> Read:
    """A reader of several numbers with commas between, as a tuple."""

    def reader(text: str) -> tuple[float, ...]:
        parts = text.split(",")
        if len(parts) != count:
            raise ValueError(f"{count} numbers with commas between")
        return tuple(number(low, high)(part) for part in parts)

    return reader


def whole(low: int, high: int) -> Read:
    """A reader of a whole number from low to high."""

    def reader(text: str) -> int:
        if (
            not text.isascii()
            or not text.isdigit()
            or len(text) > 9
            or not low <= int(text) <= high
        ):
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return reader


def choice(options: Any) -> Read:
    """A reader of one of some words."""

    def reader(text: str) -> str:
        if text not in options:
            raise ValueError("one of " + ", ".join(options))
        return text

    return reader


def optional(reader: Read) -> Read:
    """A reader that also takes ``none``."""
    return lambda text: None if text == "none" else reader(text)


_WORDS: Mapping[str, Value] = {"on": True, "off": False, "none": None}


def setting_readers(method: str) -> dict[str, Read]:
    """A reader for every hyperparameter of a method."""

    def reader_of(hyperparameter) -> Read:
        def reader(text: str) -> Value:
            try:
                return hyperparameter.checked(_WORDS[text] if text in _WORDS else parsed(text))
            except ValueError:
                wanted = hyperparameter.wanted
                raise RefusedError(f"{hyperparameter.name} {wanted}, got {quoted(text)}") from None

        return reader

    return {one.name: reader_of(one) for one in METHODS[method].hyperparameters}
