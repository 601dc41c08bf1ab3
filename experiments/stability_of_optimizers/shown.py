"""The whole library in a table."""

import numpy as np

from experiments.stability_of_optimizers.config import Config
from experiments.stability_of_optimizers.library import OPTAX, OURS, Row


def shown(data: dict, config: Config) -> str:
    """Every optimizer, as its first case in `experiments.common.papers` has it."""
    lines = [
        f"On ½λx² with λ = {config.curvature:g}: the largest stable ηλ, or what there is in its "
        "place; *by its ε*: of deviations so small that an ε outweighs the second moments.",
        "",
        "| optimizer | largest stable ηλ | measured | of optax's twin | measured | in words |",
        "|---|---|---|---|---|---|",
    ]
    rows = {(row.name, is_frozen(row), row.library): row for row in data["rows"]}
    for name, frozen in sorted({key[:2] for key in rows}):
        ours, twin = (rows.get((name, frozen, library)) for library in (OURS, OPTAX))
        cells = [name + ", v = 1" * frozen, *in_numbers(ours), *in_numbers(twin), in_words(ours)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def is_frozen(row: Row) -> bool:
    return row.kind == "frozen preconditioner"


def in_numbers(row: Row | None) -> tuple[str, str]:
    if row is None:
        return "", ""
    if row.has_limit:
        return number(row.predicted), number(row.measured)
    beyond = ""
    limit = "none" if np.isnan(row.predicted) else f"{number(row.predicted)} by its ε"
    if row.oscillation is not None:
        beyond = "" if np.isnan(row.predicted) else "beyond, "
        beyond += f"it stays within {row.oscillation.largest:.3g} η"
    return limit, beyond


def number(value: float) -> str:
    return "∞" if np.isinf(value) else f"{value:.5g}"


def in_words(row: Row | None) -> str:
    if row is None:
        return ""
    return f"{row.kind}: {row.reason}" if row.reason else row.kind
