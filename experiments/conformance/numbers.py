"""What the matrix says in numbers and in words."""

from collections.abc import Iterable

from experiments.common import number
from experiments.common.number import Numbers
from experiments.conformance.catalog import catalog
from experiments.conformance.config import Config
from experiments.conformance.references.rows import LIBRARIES
from experiments.conformance.simulate import OPTAX, PAPER, Measured

SINGLE = 1e-6  # of what optax computes in float32: singular vectors, powers of t
ROUNDING = 1e-9  # of paths: some square roots and matrix functions amplify float64's 1e-16
CONTRADICT = ("rprop", "adan", "acprop")
AGAINST = (PAPER, OPTAX, *LIBRARIES)


def numbers(found: list[Measured], config: Config) -> Numbers:
    del config
    summary: Numbers = {}
    for against in AGAINST:
        rows = [row for row in found if row.against == against]
        alike = [row for row in rows if not row.why and not row.is_of_defaults]
        if alike:
            summary[f"largest_distance_from_{against}"] = number.exact(
                max(row.distance for row in alike),
                0.0,
                SINGLE if against == OPTAX else ROUNDING,
                "rounding, of single precision where a library computes some of it so",
                f"largest distance from {against}, at equal settings and where no cause is known "
                "to part, in units of the path",
                scale=1.0,
            )
        if against == PAPER:
            summary["optimizers_beside_their_paper"] = _count(
                rows, "beside their paper's algorithm"
            )
    for name in CONTRADICT:
        twins = [r for r in found if (r.optimizer, r.against) == (name, OPTAX)]
        apart = [row.distance for row in twins if row.why and not row.is_of_defaults]
        if apart:
            summary[f"{name}_of_optax_from_paper"] = number.bound(
                max(apart),
                "a hundred thousand times the rounding; the same algorithm would miss it",
                f"how far optax's {name} is from the paper's algorithm, in units of the path",
                at_least=1e-4,
                missed_by=0.0,
                tolerance=0.02 * max(apart),
            )
    return summary


def _count(rows: Iterable[Measured], what: str) -> number.Number:
    names = {row.optimizer for row in rows}
    return number.regression(
        float(len(names)), f"optimizers {what}", tolerance=0.0, why="a count of those that are here"
    )


def shown(found: list[Measured], config: Config) -> str:
    """The optimizers, and the whole matrix with the cause of every distance above rounding."""
    del config
    return f"{catalog(found, in_words)}\n\n{matrix(found)}"


def matrix(found: list[Measured]) -> str:
    lines = [
        "| optimizer | beside | settings | distance | cause |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for row in sorted(found, key=lambda row: (row.optimizer, AGAINST.index(row.against))):
        settings = f"`{row.settings}`" if row.settings else "defaults of each"
        lines.append(
            f"| {row.optimizer} | {row.against} | {settings} | {in_words(row.distance)} | "
            f"{row.why} |"
        )
    return "\n".join(lines)


def in_words(distance: float) -> str:
    return "rounding" if distance < ROUNDING else f"{distance:.2g}"
