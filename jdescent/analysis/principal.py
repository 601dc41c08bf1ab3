"""Principal axes of examples whose features may differ in size by any factor, such as by units.

A matrix computed to a rounding of its largest entry leaves a small column without digits. Rotations
of one pair of columns at a time (one-sided Jacobi) keep each column's own.

Reference:
    Demmel & Veselić, *Jacobi's Method is More Accurate than QR*, 1992.
"""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jdescent.analysis.inputs import binary_scale

SWEEPS = 30  # it takes 5 to 10, the last of which turns nothing


class Principal(NamedTuple):
    """The examples along their principal axes, x·V = directions · sizes.

    The directions' columns are orthogonal and have the mean square 1.
    """

    directions: Float[np.ndarray, "n d"]
    sizes: Float[np.ndarray, " d"]


def principal(x: Float[np.ndarray, "n d"]) -> Principal:
    """The principal axes of examples about 0.

    Raises:
        ValueError: columns of x that depend on one another.
    """
    unit = np.array([binary_scale(column) for column in x.T])
    columns = x / unit
    lengths = np.linalg.norm(columns, axis=0)
    columns = columns / np.where(lengths > 0, lengths, 1)
    _require_independent(columns)
    sizes = lengths / np.sqrt(len(x)) * unit
    order = np.argsort(-sizes)
    columns, sizes = columns[:, order], sizes[order]
    for _ in range(SWEEPS):
        pairs = itertools.combinations(range(sizes.size), 2)
        if not sum(_turn(columns, sizes, *pair) for pair in pairs):
            break
    return Principal(columns * np.sqrt(len(x)), sizes)


def _turn(columns: np.ndarray, sizes: np.ndarray, i: int, j: int) -> bool:
    """Rotate two columns, in place, until they are orthogonal; whether they were not.

    With unit columns q, ρ = sizeⱼ/sizeᵢ and c = qᵢ·qⱼ the tangent of the angle is ρl,
    l = 1/(k + sign(k)·√(ρ² + k²)), k = (1−ρ²)/(2c).
    """
    cosine = columns[:, i] @ columns[:, j]
    if abs(cosine) <= (len(columns) + 8) * np.finfo(float).eps:
        return False
    ratio = sizes[j] / sizes[i]
    apart = (1 - ratio**2) / (2 * cosine)
    tangent = 1 / (apart + np.copysign(np.hypot(ratio, apart), apart))
    turned = columns[:, [i, j]] @ np.array([[1.0, -tangent], [tangent * ratio**2, 1.0]])
    lengths = np.linalg.norm(turned, axis=0)
    columns[:, [i, j]] = turned / lengths
    sizes[[i, j]] *= lengths / np.hypot(1.0, tangent * ratio)
    return True


def _require_independent(columns: np.ndarray) -> None:
    rank = np.linalg.matrix_rank(columns)
    if rank < columns.shape[1]:
        raise ValueError(
            f"x has {columns.shape[1]} columns of rank {rank}: remove those that depend on the "
            "others, as along them the noise is never undone"
        )
