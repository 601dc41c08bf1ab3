"""The optimizers by family, from the record of the conformance matrix."""

import importlib
import inspect
from collections import defaultdict
from pathlib import Path

import jdescent as jd
from experiments.common.markdown import rows_of, table
from experiments.common.records import record_of

NAME = "OPTIMIZERS.md"
HEAD = """# The optimizers, by family

Written by `python -m experiments` from the record of the conformance matrix. *Reads*: beside the
gradient. *Memory*: numbers kept for each parameter of a 64 × 64 matrix, in float32. *Largest
stable ηλ*: on ½λx², in the settings of the first case in `experiments.common.papers`; *by its ε*
where the step follows the gradient's size until an ε outweighs it, none where nothing does. *Beside
its paper*: how far its path is from that of the paper's algorithm, transcribed in NumPy, in units
of the path; *optax beside it*: optax's from ours, set alike.
"""


def page(record: Path) -> str:
    """A table a family, in Markdown."""
    families = defaultdict(list)
    for row in rows_of(record_of(record)["shown"], "source"):
        families[family_of(row["optimizer"])].append(row)
    return "\n".join([HEAD, *(section(family, families[family]) for family in sorted(families))])


def family_of(name: str) -> str:
    """The module of `jdescent.optimizers` that the optimizer is written in."""
    return inspect.unwrap(getattr(jd, name)).__module__.rpartition(".")[2]


def section(family: str, rows: list[dict[str, str]]) -> str:
    module = importlib.import_module(f"jdescent.optimizers.{family}")
    first_line = (inspect.getdoc(module) or "").partition("\n\n")[0].replace("\n", " ")
    code = f"[`{family}.py`](../jdescent/optimizers/{family}.py)"
    cells = (list(row.values()) for row in rows)
    return f"## {first_line}\n\n{code}\n\n{table(list(rows[0]), cells)}\n"
