"""The gallery, the ledger of claims and the conformance matrix, from the records of the figures."""

from pathlib import Path

from docs import families
from docs.including import linked
from docs.tables import text_of
from experiments import NAMES
from experiments.common import gallery, ledger
from experiments.common.claims import measured_in_words
from experiments.common.markdown import table
from experiments.common.records import numbers_of, record_of
from experiments.common.report import FIGURES, ROOT

FOLDER, PICTURES = "figures", "assets/figures"
INDEX, CLAIMS, CONFORMANCE = f"{FOLDER}/index.md", "claims.md", "conformance.md"
HEAD = """# Figures

Each is made by one command, `jdescent figures NAME`, and checks itself: its headline numbers stand
beside what theory says, within a tolerance that has a reason. Its page has the caption, the
numbers and the code.

"""
ICONS = {"reproduced": "success", "bound holds": "info"}


def names() -> list[str]:
    return [name for name in NAMES if record_path(name).exists()]


def record_path(name: str) -> Path:
    return FIGURES / f"{name}.json"


def title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def pages() -> dict[str, str]:
    found = {f"{FOLDER}/{name}.md": page(name) for name in names()}
    return {INDEX: index(), CLAIMS: claims(), CONFORMANCE: conformance()} | found


def navigation() -> list[str | dict[str, str]]:
    return [INDEX, *({title(name): f"{FOLDER}/{name}.md"} for name in names())]


def pictures() -> dict[str, Path]:
    """What the pages show, and where it lies."""
    kinds = (".png", ".gif", ".pdf", ".json")
    files = (FIGURES / f"{name}{kind}" for name in names() for kind in kinds)
    return {f"{PICTURES}/{path.name}": path for path in files if path.exists()}


def index() -> str:
    cards = (
        f"-   [![{title(name)}](../{PICTURES}/{name}.png)]({name}.md)\n\n    "
        f"**[{title(name)}]({name}.md)**. {first_sentence(name)}\n"
        for name in names()
    )
    body = "\n".join(cards)
    return f'{HEAD}{classes()}\n\n<div class="grid cards gallery" markdown>\n\n{body}\n</div>\n'


def classes() -> str:
    """How many headline numbers there are of each class."""
    found = (n for name in names() for n in numbers_of(record_path(name)).values())
    return gallery.class_table(found)


def first_sentence(name: str) -> str:
    """Of the caption."""
    return f"{record_of(record_path(name))['caption'].partition('. ')[0].rstrip('.')}."


def page(name: str) -> str:
    record = record_of(record_path(name))
    made, folder = record["provenance"], f"../{PICTURES}"
    moving = (FIGURES / f"{name}.gif").exists()
    pictures = f"[![{title(name)}]({folder}/{name}.png)]({folder}/{name}.png)"
    pictures += f"\n\n![{title(name)}, animated]({folder}/{name}.gif)" * moving
    rows = map(gallery.number_row, numbers_of(record_path(name)).values())
    shown = "" if name == "conformance" else families.linked(text_of(name), "../")
    return f"""# {title(name)}

{pictures}

{linked(record["caption"], "")}

```console
$ jdescent figures {name}
```

[PDF]({folder}/{name}.pdf) · [numbers and settings]({folder}/{name}.json) · made in
{made["seconds"]:.0f} s on {made["system"]}, {made["device"]}

## Numbers

{table(gallery.COLUMNS, rows)}

{shown}

## Code

{sources(name)}"""


def sources(name: str) -> str:
    """The files of an experiment, to unfold."""
    files = sorted((ROOT / "experiments" / name).glob("*.py"))
    return "\n".join(map(source, files))


def source(path: Path) -> str:
    code = "\n".join(f"    {line}".rstrip() for line in path.read_text("utf-8").splitlines())
    return f'??? example "`{path.relative_to(ROOT)}`"\n\n    ```python\n{code}\n    ```\n'


def claims() -> str:
    """The ledger, a section a figure and a box a claim."""
    rows = ledger.rows_of(map(record_path, names()))
    counts = ", ".join(
        f"{sum(row.verdict == verdict for row in rows)} {verdict}" for verdict in ledger.VERDICTS
    )
    title_and_words = "\n\n".join(ledger.HEAD.split("\n\n")[:2])
    parts = [f"{title_and_words}\n\n{len(rows)} claims: {counts}.\n"]
    for figure in dict.fromkeys(row.figure for row in rows):
        own = (row for row in rows if row.figure == figure)
        parts.append(f"\n## [{title(figure)}]({FOLDER}/{figure}.md)\n\n{''.join(map(claim, own))}")
    return "".join(parts)


def claim(row: ledger.Row) -> str:
    says, remark = row.claim.says, row.claim.remark
    lines = [
        f'!!! {ICONS.get(row.verdict, "warning")} "{row.verdict.capitalize()}"\n',
        f"    **{says[:1].upper()}{says[1:]}.**\n",
        f"    {row.claim.source}\n",
        f"    *Tried on* {row.claim.tried}.\n",
        *([f"    *{remark}*\n"] if remark else []),
        *(
            f"    - {measured}"
            for measured in measured_in_words(row.claim, row.numbers).split("; ")
        ),
        "\n",
    ]
    return "\n".join(lines)


def conformance() -> str:
    record = record_of(record_path("conformance"))
    picture = f"{PICTURES}/conformance.png"
    matrix = "| optimizer | beside |"
    heading = f"## Every distance, and its cause\n\n{matrix}"
    return f"""# Conformance

{record["caption"]}

[![Conformance]({picture})]({picture})

{families.linked(text_of("conformance").replace(matrix, heading), "")}
"""
