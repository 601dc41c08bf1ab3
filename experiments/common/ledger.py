"""The ledger: every published claim on record, what was measured of it, and the verdict."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from experiments.common.claims import VERDICTS, Claim, from_record, measured_in_words
from experiments.common.markdown import table
from experiments.common.number import Numbers
from experiments.common.records import numbers_of, record_of

NAME = "CLAIMS.md"
HEAD = """# Published claims, and what came out here

Written by `python -m experiments` from the records beside the figures. Each claim says in advance
which numbers decide it and in which range they must lie; the verdict is computed from what was
measured. *Reproduced*: all of them lie there. *Bound holds*: the claim is an inequality, and it is
kept. *Not reproduced here*: one does not, in the set-up that is named; it says nothing of others.

The command in the last column measures the row again; with `--check` it compares with the record.
"""
COLUMNS = ("claim", "source", "tried on", "measured (claimed)", "verdict", "again")


class Row(NamedTuple):
    """A claim with the figure that measured it."""

    figure: str
    claim: Claim
    verdict: str
    numbers: Numbers


def rows_of(paths: Iterable[Path]) -> list[Row]:
    """The claims of the figures with these records, in order."""
    return [
        Row(path.stem, claim, verdict, numbers_of(path))
        for path in paths
        for claim, verdict in map(from_record, record_of(path).get("claims", []))
    ]


def page(rows: Iterable[Row]) -> str:
    """The whole ledger, in Markdown."""
    rows = list(rows)
    counts = Counter(row.verdict for row in rows)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    return f"{HEAD}\n{len(rows)} claims: {summary}.\n\n{table(COLUMNS, map(cells, rows))}\n"


def cells(row: Row) -> tuple[str, ...]:
    claim = row.claim
    says = claim.says + (f" *{claim.remark}*" if claim.remark else "")
    measured = measured_in_words(claim, row.numbers)
    again = f"`python -m experiments {row.figure}`"
    return says, str(claim.source), claim.tried, measured, f"**{row.verdict}**", again
