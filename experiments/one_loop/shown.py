"""The table in words and numbers, and what the first seed of each learned."""

import platform

import numpy as np

from experiments.common import markdown
from experiments.one_loop import corpus
from experiments.one_loop.config import Config
from experiments.one_loop.simulate import Learned

HEAD = ("", "parameters", "loss", "optimizer", "held-out score", "best simple method")


def table_rows(data: Learned) -> list[tuple[str, ...]]:
    """A row of words and numbers for each thing learned."""
    cells: list[tuple[str, ...]] = []
    for trained in data.rows:
        row, results = trained.row, trained.results
        score = np.mean([result.score for result in results])
        cells.append(
            (
                row.name,
                f"{trained.parameters:,}",
                row.loss.__name__.replace("_", " "),
                row.method,
                f"{score:.3g} {results[0].unit}",
                f"{results[0].best.score:.3g} {results[0].best.name}",
            )
        )
    return cells


def shown(data: Learned, config: Config) -> str:
    """The table with steps and seconds, and what the first seed of each learned, in Markdown."""
    head = (*HEAD, "with little or no learning", "steps", "seconds")
    lines = [markdown.table_row(head), markdown.table_row(("---",) * len(head))]
    for trained, cells in zip(data.rows, table_rows(data), strict=True):
        least = f"{trained.results[0].baseline:.3g} {trained.results[0].against}"
        cells = (*cells, least.replace("-0", "−0"), f"{trained.steps:,}", f"{trained.seconds:.0f}")
        lines.append(markdown.table_row(cells))
    for trained in data.rows:
        result = trained.results[0]
        lines += ["", f"**{trained.row.name}**", ""]
        lines += [f"- `{text!r}`" if "\n" in text else f"- {text}" for text in result.shown]
        lines += [
            f"- {name.replace('_', ' ')}: {value:.4g}"
            for name, value in (result.more or {}).items()
        ]
    lines += ["", f"Text: SHA-256 {corpus.text_hash()}, Python {platform.python_version()}."]
    return "\n".join(lines)
