"""The page that shows every figure with its caption and headline numbers, from the records."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from experiments import NAMES
from experiments.common import ledger, optimizers, report
from experiments.common.markdown import table
from experiments.common.number import KINDS, Number, expectation
from experiments.common.records import numbers_of, record_of

HEAD = """# The figures of jdescent

Written by `python -m experiments` from the records beside the figures. A number agrees with its
theory within its tolerance, and keeps its bounds, or making the figure ends with an error; `make
check` makes all of them again and compares. The published claims that they settle stand in
[CLAIMS.md](CLAIMS.md), the optimizers by family in [OPTIMIZERS.md](OPTIMIZERS.md).
"""
COLUMNS = ("class", "number", "measured", "95 % interval", "expected")


def write_gallery(folder: Path) -> Path:
    """README.md in the folder, with the experiments that have a record there, the ledger, and the
    optimizers by family."""
    paths = [folder / f"{name}.json" for name in NAMES if (folder / f"{name}.json").exists()]
    numbers = [number for path in paths for number in numbers_of(path).values()]
    parts = [HEAD, class_table(numbers) + "\n", *map(section, paths)]
    gallery = folder / "README.md"
    report.write_text(gallery, "\n".join(parts))
    report.write_text(folder / ledger.NAME, ledger.page(ledger.rows_of(paths)))
    if (record := folder / "conformance.json").exists():
        report.write_text(folder / optimizers.NAME, optimizers.page(record))
    return gallery


def class_table(numbers: Iterable[Number]) -> str:
    """How many numbers there are of each class, and what the class says, in Markdown."""
    counts = Counter(number.kind for number in numbers)
    head = ("class", f"of {counts.total()} numbers", "which are")
    return table(head, ((kind, str(counts[kind]), KINDS[kind]) for kind in KINDS))


def section(path: Path) -> str:
    """Title, picture, caption and numbers of the figure with this record, in Markdown."""
    record = record_of(path)
    name, provenance = record["experiment"], record["provenance"]
    title = name.replace("_", " ").capitalize()
    numbers = table(COLUMNS, map(number_row, numbers_of(path).values()))
    pictures = [f"![{title}]({name}.png)"]
    if path.with_suffix(".gif").exists():
        pictures.append(f"![{title}, animated]({name}.gif)")
    shown = f"\n{text}\n" if (text := record.get("shown")) else ""
    return f"""## {title}

{" ".join(pictures)}

{record["caption"]}

{numbers}
{shown}
`python -m experiments {name}` · [PDF]({name}.pdf) · [numbers and settings]({name}.json) · made in
{provenance["seconds"]:.0f} s on {provenance["system"]}, {provenance["device"]}
"""


def number_row(number: Number) -> tuple[str, ...]:
    interval = "" if number.interval is None else "{:.5g} … {:.5g}".format(*number.interval)
    measured = f"{number.measured:.6g}"
    return number.kind, number.meaning, measured, interval, expectation(number)
