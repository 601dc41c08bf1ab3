"""A table of numbers from a CSV file, with errors that name the line and the column."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

LARGEST = 1e100  # a sum of squares of these is finite
CONSTANT = 1e-12


class Table(NamedTuple):
    """Features and the target they are to predict, one row an example."""

    features: tuple[str, ...]
    target: str
    x: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]


def read_table(path: str | Path, target: str, features: Sequence[str] = ()) -> Table:
    """The named columns of a CSV file whose first line has their names.

    Cells are separated by commas, may be quoted, and may have spaces around them; the text is
    UTF-8, with or without a byte-order mark; lines that hold nothing are passed over.

    Args:
        path: the file.
        target: the column to predict.
        features: the columns to predict it from; if none is named, all others.

    Raises:
        ValueError: a file that is not there, is empty or is no UTF-8 text; a column that is
            missing, unnamed, double or constant, or a combination of others; a line of more or
            fewer cells than the header; a cell that is blank, no number or not finite; fewer rows
            than a linear model has parameters.
    """
    lines = _lines(path)
    header = next(lines, (0, []))[1]
    if not header:
        raise ValueError(f"{path} is empty: its first line must name the columns")
    features = _chosen(path, header, target, features)
    rows = [
        [_number(path, line, name, cells[header.index(name)]) for name in (*features, target)]
        for line, cells in _of_length(path, lines, len(header))
    ]
    parameters = len(features) + 1
    if len(rows) < max(parameters, 2):
        raise ValueError(
            f"{path} has {len(rows)} rows of numbers, but a linear model of {len(features)} "
            f"features has {parameters} parameters: give at least as many rows, or fewer --features"
        )
    numbers = np.array(rows)
    table = Table(features, target, numbers[:, :-1], numbers[:, -1])
    _require_information(path, table)
    return table


def _lines(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, its cells stripped of spaces) of every line that is not blank."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValueError(
            f"cannot read {path}: {error.strerror}; name another file with --data"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}, line {line} is not UTF-8 text: save the file as CSV in UTF-8"
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if cells not in ([], [""]):
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from error


def _chosen(
    path: str | Path, header: list[str], target: str, features: Sequence[str]
) -> tuple[str, ...]:
    """The feature columns, once all columns are known to be there once."""
    features = tuple(features) or tuple(name for name in header if name != target)
    for name in (target, *features):
        if not name:
            raise ValueError(
                f"{path}, line 1: column {header.index(name) + 1} has no name: name it, or choose "
                "columns with --features"
            )
        if name not in header:
            hint = "; separate the cells by commas" if len(header) == 1 else ""
            raise ValueError(
                f"{path}, line 1: no column is called {name!r}, there are "
                f"{', '.join(map(repr, header))}{hint}: name others with --target and --features"
            )
        if header.count(name) > 1:
            places = [str(i) for i, other in enumerate(header, start=1) if other == name]
            raise ValueError(
                f"{path}, line 1: columns {' and '.join(places)} are both called {name!r}: "
                "rename all but one"
            )
        if (target, *features).count(name) > 1:
            raise ValueError(f"{name!r} is named twice: give each column one role, once")
    if not features:
        raise ValueError(f"{path}, line 1: there is no column but {target!r} to predict it from")
    return features


def _of_length(
    path: str | Path, lines: Iterator[tuple[int, list[str]]], length: int
) -> Iterator[tuple[int, list[str]]]:
    for line, cells in lines:
        if len(cells) != length:
            raise ValueError(
                f"{path}, line {line} has {len(cells)} cells, the header has {length}: give every "
                "line one cell a column"
            )
        yield line, cells


def _number(path: str | Path, line: int, column: str, cell: str) -> float:
    place = f"{path}, line {line}, column {column!r}"
    if not cell:
        raise ValueError(f"{place} is blank: fill it in, or leave the line out")
    try:
        number = float(cell)
    except ValueError:
        shown = cell if len(cell) <= 30 else cell[:30] + "…"
        raise ValueError(
            f"{place}: {shown!r} is not a number: write 1234.5, without signs of money or "
            "thousands, or choose other columns with --features"
        ) from None
    if not abs(number) <= LARGEST:
        raise ValueError(
            f"{place}: {cell} is not finite, or above {LARGEST:g}: fill in a number, or leave the "
            "line out"
        )
    return number


def _require_information(path: str | Path, table: Table) -> None:
    """Refuse columns without which the others predict as well: θ would not be one point."""
    for name, column in zip((*table.features, table.target), (*table.x.T, table.y), strict=True):
        if np.ptp(column) <= CONSTANT * np.max(np.abs(column)):
            raise ValueError(
                f"{path}, column {name!r} is {column[0]:g} in every row: there is nothing to learn "
                "from it, choose other columns with --features"
            )
    standard = (table.x - table.x.mean(axis=0)) / table.x.std(axis=0)
    for count, name in enumerate(table.features, start=1):
        if np.linalg.matrix_rank(standard[:, :count], tol=1e-9 * math.sqrt(len(standard))) < count:
            raise ValueError(
                f"{path}, column {name!r} is a combination of those before it: many θ fit equally "
                "well, leave one of them out with --features"
            )
