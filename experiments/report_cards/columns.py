"""What the table shows of each optimizer, as numbers from 0, the best, to 1."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from experiments.report_cards.simulate import Cards

SYMMETRIES: Mapping[str, str] = {
    "loss_scale": "scale of the loss",
    "parameter_scale": "scale of all parameters",
    "coordinate_scales": "scales of each",
    "shift": "shift",
    "sign": "signs",
    "permutation": "order",
    "rotation": "rotation of a vector",
    "rows": "of a matrix's rows",
    "columns": "of its columns",
}
HOLDS = {"exactly": 0.0, "nearly": 0.5, "no": 1.0}
RANKED: Mapping[str, str] = {
    "speed.steps_10": "steps at κ = 10",
    "speed.steps_1000": "steps at κ = 1,000",
    "speed.rotation": "cost of a rotation",
    "speed.saddle": "steps at a saddle",
    "speed.rosenbrock": "Rosenbrock's valley",
    "noise.stationary": "stationary x²",
    "noise.heavy_tails": "heavy tails",
    "noise.spike": "after a spike",
    "contract.memory": "memory",
    "unit_tests.good": "unit tests",
    "learners.solved": "learners solved",
    "learners.steps": "steps of learners",
    "robustness.width of the range": "range of rates",
    "robustness.transfer regret": "rates of others",
}
MORE_IS_BETTER = {"unit_tests.good", "learners.solved", "robustness.width of the range"}


class Table(NamedTuple):
    """What is shown: rows are optimizers in the order of the tree."""

    names: Sequence[str]
    holds: Float[np.ndarray, "optimizers symmetries"]
    ranks: Float[np.ndarray, "optimizers ranked"]


def table(cards: Cards) -> Table:
    """All columns of all optimizers."""
    names = list(cards["failures"])
    holds = np.column_stack([symmetry(cards, key, names) for key in SYMMETRIES])
    ranks = np.column_stack([rank_share(cards, key, names) for key in RANKED])
    order = leaves(np.nan_to_num(np.hstack([holds, ranks]), nan=0.5))
    return Table([names[i] for i in order], holds[order], ranks[order])


def symmetry(cards: Cards, key: str, names: Sequence[str]) -> np.ndarray:
    """How far it holds, with whatever learning rate; NaN where it was not measured."""
    row = cards.get(f"symmetries.{key}", {})
    words = [str(row[name]).partition(",")[0] if name in row else "" for name in names]
    return np.array([HOLDS.get(word, np.nan) for word in words])


def rank_share(cards: Cards, key: str, names: Sequence[str]) -> np.ndarray:
    """Of those that have a number, the share that is better; equal ones share a place."""
    row = cards.get(key, {})
    values = np.array([float(row.get(name, np.nan)) for name in names])
    values = -values if key in MORE_IS_BETTER else values
    known = ~np.isnan(values)
    better = np.array([np.sum(values[known] < value) for value in values], float)
    return np.where(known, better / max(known.sum() - 1, 1), np.nan)


def leaves(rows: Float[np.ndarray, "optimizers columns"]) -> list[int]:
    """An order in which neighbours are alike."""
    from scipy.cluster import hierarchy

    if len(rows) < 3:
        return list(range(len(rows)))
    tree = hierarchy.linkage(rows, "average", optimal_ordering=True)
    return hierarchy.leaves_list(tree).tolist()
