"""Cards and their record as JSON, which has no number that is not finite: these are words."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encoded(content: Any) -> str:
    """The text of a file.

    Raises:
        TypeError: something else than numbers, words, lists and mappings.

    Example:
        >>> print(encoded([np.inf, np.arange(2)]).replace("\\n", ""))
        [ "Infinity", [  0,  1 ]]
    """
    return json.dumps(_plain(content), indent=1, ensure_ascii=False) + "\n"


def decoded(path: Path) -> Any:
    """What a file holds.

    Raises:
        ValueError: it is no JSON.
    """
    return _restored(json.loads(path.read_text(encoding="utf-8")))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else json.dumps(value)
    if isinstance(value, Iterable):
        return [_plain(inner) for inner in value]
    raise TypeError(f"a card holds numbers, words and lists, got {type(value).__name__}")


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _restored(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_restored(inner) for inner in value]
    return WORDS.get(value, value) if isinstance(value, str) else value
