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


def differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The name of each leaf that differs, with what to say of it."""
    for name in dict.fromkeys([*stored, *asked]):
        old, new = stored.get(name, "nothing"), asked.get(name, "nothing")
        if json.dumps(old) == json.dumps(new):
            continue
        if isinstance(old, list) and isinstance(new, list):
            yield name, f"{name}:\n" + textwrap.indent(_diff(old, new), "    ")
        else:
            yield name, f"{name}: {old} in the store, {new} asked for"


def _diff(old: Sequence[Any], new: Sequence[Any]) -> str:
    lines = list(
        difflib.unified_diff(
            list(map(str, old)), list(map(str, new)), "in the store", "asked for", lineterm="", n=1
        )
    )
    return "\n".join(lines[:DIFF_LINES] + ["…"] * (len(lines) > DIFF_LINES))
