"""What is on record of a figure."""

import json
from pathlib import Path
from typing import Any

from experiments.common.number import Number, from_record


def record_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def numbers_of(path: Path) -> dict[str, Number]:
    """The headline numbers on record.

    Raises:
        SystemExit: the record is from before numbers had a class.
    """
    try:
        return {key: from_record(fields) for key, fields in record_of(path)["numbers"].items()}
    except ValueError as error:
        raise SystemExit(
            f"{path} cannot be shown ({error}): run `python -m experiments {path.stem}` to write "
            "it again"
        ) from error
