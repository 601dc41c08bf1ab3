"""The optimizers in a table, and the whole matrix in words."""

from experiments.common import markdown
from experiments.conformance.catalog import catalog
from experiments.conformance.config import Config
from experiments.conformance.references.rows import LIBRARIES
from experiments.conformance.simulate import OPTAX, PAPER, Measured

ROUNDING = 1e-9  # of paths: some square roots and matrix functions amplify float64's 1e-16
AGAINST = (PAPER, OPTAX, *LIBRARIES)


def shown(found: list[Measured], config: Config) -> str:
    """The optimizers, and the whole matrix with the cause of every distance above rounding."""
    del config
    return f"{catalog(found, in_words)}\n\n{matrix(found)}"


def matrix(found: list[Measured]) -> str:
    ordered = sorted(found, key=lambda row: (row.optimizer, AGAINST.index(row.against)))
    return markdown.table(
        ("optimizer", "beside", "settings", "distance", "cause"), map(cells, ordered)
    )


def cells(row: Measured) -> tuple[str, ...]:
    settings = f"`{row.settings}`" if row.settings else "defaults of each"
    return row.optimizer, row.against, settings, in_words(row.distance), row.why


def in_words(distance: float) -> str:
    return "rounding" if distance < ROUNDING else f"{distance:.2g}"
