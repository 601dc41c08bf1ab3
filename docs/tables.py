"""Rows of the tables in Markdown that are on record, by the name in their first column."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from experiments.common.records import record_of
from experiments.common.report import FIGURES

CELL = re.compile(r"(?<!\\)\|")
Rows = dict[str, list[dict[str, str]]]


def shown(figure: str, head: str) -> Rows:
    """The rows, by optimizer, of that table of a figure's record whose columns begin with `head`.

    Raises:
        ValueError: the record has no such table.
    """
    text = text_of(figure)
    rows: Rows = defaultdict(list)
    for columns, cells in tables(text):
        if columns[:2] == ["optimizer", head]:
            rows[cells[0].partition(",")[0]].append(dict(zip(unique(columns), cells, strict=True)))
    if not rows:
        raise ValueError(f"{figure}.json has no table of optimizers with the column {head!r}")
    return rows


def text_of(figure: str) -> str:
    """What a figure shows in words."""
    return record_of(Path(FIGURES, f"{figure}.json")).get("shown") or ""


def tables(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Each row of each table, with the heads of its columns."""
    columns: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            columns = []
        elif not columns:
            columns = split(line)
        elif not set(line) <= set("|-: "):
            yield columns, split(line)


def split(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in CELL.split(line)[1:-1]]


def unique(columns: list[str]) -> list[str]:
    """A second column of one head is that of what stands before it."""
    seen: list[str] = []
    for at, column in enumerate(columns):
        seen.append(f"{column} {columns[at - 1]}" if column in seen else column)
    return seen
