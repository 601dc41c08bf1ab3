"""The page that shows every figure with its caption and headline numbers, from the records."""

import json
from pathlib import Path

from experiments import NAMES, report

HEAD = """# The figures of jdescent

Written by `python -m experiments` from the records beside the figures. A number agrees with its
theory within its tolerance, and keeps its bounds, or making the figure ends with an error; `make
check` makes all of them again and compares.
"""
COLUMNS = ("number", "measured", "95 % interval", "expected")


def write_gallery(folder: Path) -> Path:
    """README.md in the folder, with the experiments that have a record there."""
    path = folder / "README.md"
    records = [folder / f"{name}.json" for name in NAMES if (folder / f"{name}.json").exists()]
    parts = [HEAD, *map(section, records)]
    report.write(path, lambda partial: partial.write_text("\n".join(parts), encoding="utf-8"))
    return path


def section(path: Path) -> str:
    """Title, picture, caption and numbers of the figure with this record, in Markdown."""
    record = json.loads(path.read_text(encoding="utf-8"))
    name, provenance = record["experiment"], record["provenance"]
    title = name.replace("_", " ").capitalize()
    rows = [number_row(report.Number(**number)) for number in record["numbers"].values()]
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


def number_row(number: report.Number) -> tuple[str, ...]:
    interval = "" if number.interval is None else "{:.5g} … {:.5g}".format(*number.interval)
    return number.meaning, f"{number.measured:.6g}", interval, report.expectation(number)


def table_row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
