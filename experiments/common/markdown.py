"""Tables in Markdown."""

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(map(table_row, [head, ["---"] * len(head), *rows]))


def table_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def rows_of(text: str, column: str) -> list[dict[str, str]]:
    """The rows of the first table that has this column, each by the names of its columns."""
    head: list[str] = []
    found = []
    for line in text.splitlines():
        if not line.startswith("|"):
            if head:
                break
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if set("".join(cells)) <= {"-"}:
            continue
        if head:
            found.append(dict(zip(head, cells, strict=True)))
        elif column in cells:
            head = cells
    return found
