"""The page that shows every figure with its caption and headline numbers, from the records."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from experiments import NAMES
from experiments.common import report
from experiments.common.number import KINDS, Number, expectation, from_record

HEAD = """# The figures of jdescent

Written by `python -m experiments` from the records beside the figures. A number agrees with its
theory within its tolerance, and keeps its bounds, or making the figure ends with an error; `make
check` makes all of them again and compares.
"""
COLUMNS = ("class", "number", "measured", "95 % interval", "expected")


def write_gallery(folder: Path) -> Path:
    """README.md in the folder, with the experiments that have a record there."""
    path = folder / "README.md"
    paths = [folder / f"{name}.json" for name in NAMES if (folder / f"{name}.json").exists()]
    numbers = [number for path in paths for number in numbers_of(path).values()]
    parts = [HEAD, class_table(numbers) + "\n", *map(section, paths)]
    report.write(path, lambda partial: partial.write_text("\n".join(parts), encoding="utf-8"))
    return path


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


def class_table(numbers: Iterable[Number]) -> str:
    """How many numbers there are of each class, and what the class says, in Markdown."""
    counts = Counter(number.kind for number in numbers)
    head = f"| class | of {counts.total()} numbers | which are |\n| --- | --- | --- |\n"
    return head + "\n".join(table_row((kind, str(counts[kind]), KINDS[kind])) for kind in KINDS)


def section(path: Path) -> str:
    """Title, picture, caption and numbers of the figure with this record, in Markdown."""
    record = record_of(path)
    name, provenance = record["experiment"], record["provenance"]
    title = name.replace("_", " ").capitalize()
    rows = map(number_row, numbers_of(path).values())
    table = "\n".join(map(table_row, [COLUMNS, ("---",) * len(COLUMNS), *rows]))
    pictures = [f"![{title}]({name}.png)"]
    if path.with_suffix(".gif").exists():
        pictures.append(f"![{title}, animated]({name}.gif)")
    shown = f"\n{text}\n" if (text := record.get("shown")) else ""
    return f"""## {title}

{" ".join(pictures)}

{record["caption"]}

{table}
{shown}
`python -m experiments {name}` · [PDF]({name}.pdf) · [numbers and settings]({name}.json) · made in
{provenance["seconds"]:.0f} s on {provenance["system"]}, {provenance["device"]}
"""


def number_row(number: Number) -> tuple[str, ...]:
    interval = "" if number.interval is None else "{:.5g} … {:.5g}".format(*number.interval)
    measured = f"{number.measured:.6g}"
    return number.kind, number.meaning, measured, interval, expectation(number)


def table_row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
