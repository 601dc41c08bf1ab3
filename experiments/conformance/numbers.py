"""The headline numbers: how far paths are apart, and whose papers optax contradicts."""

from collections.abc import Iterable

from experiments.common import number
from experiments.common.number import Numbers
from experiments.conformance.config import Config
from experiments.conformance.shown import AGAINST, ROUNDING
from experiments.conformance.simulate import OPTAX, PAPER, Measured

SINGLE = 1e-6  # of what optax computes in float32: singular vectors, powers of t
CONTRADICT = ("rprop", "adan", "acprop")


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
