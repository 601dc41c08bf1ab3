"""How two descriptions differ, in words."""

import difflib
import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DIFF_LINES = 12


def leaves(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """What stands in a tree of mappings, by dotted paths."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        path = f"{prefix}{name}"
        found |= leaves(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return found


def differences(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    whose: tuple[str, str] = ("in the store", "asked for"),
) -> Iterator[tuple[str, str]]:
    """The name of each leaf that differs, with what to say of it."""
    for name in dict.fromkeys([*first, *second]):
        old, new = first.get(name, "nothing"), second.get(name, "nothing")
        if json.dumps(old) == json.dumps(new):
            continue
        if isinstance(old, list) and isinstance(new, list):
            yield name, f"{name}:\n" + textwrap.indent(_diff(old, new, whose), "    ")
        else:
            yield name, f"{name}: {old} {whose[0]}, {new} {whose[1]}"


def _diff(old: Sequence[Any], new: Sequence[Any], whose: tuple[str, str]) -> str:
    lines = list(
        difflib.unified_diff(list(map(str, old)), list(map(str, new)), *whose, lineterm="", n=1)
    )
    return "\n".join(lines[:DIFF_LINES] + ["…"] * (len(lines) > DIFF_LINES))
