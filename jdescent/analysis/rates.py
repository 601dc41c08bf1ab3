"""Measured quantities: the contraction factor of a recorded run, the edge of a stable region."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Num

from jdescent.analysis.inputs import (
    FINITE,
    NON_NEGATIVE,
    Range,
    Reals,
    checked,
    namespace,
    number,
    require,
    require_known,
)

SHORTEST_RECORD = 8
TANGENT_PASSES = 8
A_DISTANCE = Range(
    "zero or positive",
    lambda d: ~(d < 0),
    finite=False,
    hint="pass a norm or absolute values; NaN or inf ends the record",
)


def contraction_rate(
    distance: Float[Array, "*runs steps"] | Float[np.ndarray, "*runs steps"],
    floor: Reals = 0.0,
) -> Reals:
    """Asymptotic factor per step of a recorded distance to the minimum (or gradient norm).

    ρ̂ = (d_q / d_p)^(1/(q−p)), p in the second quarter of the record, q in its last

    p and q are where the line t ↦ c·ρ̂ᵗ touches the record from above in each quarter, so an
    oscillating record is measured peak to peak and its zeros do no harm. The record ends at its
    last entry above `floor` and before its first non-finite one; where a stopped run was held at
    its last state, overwrite the held entries with 0 (it converged) or inf (it diverged).

    With n entries the error of ln ρ̂ is exponentially small for a single largest root, 1.62/n for
    a double root (where d ~ t·ρᵗ), and below 3/n for every heavy ball tried near it.

    Args:
        distance: d ≥ 0, shape (..., steps), steps ≥ 8; any leading shape is a batch of runs.
        floor: entries at or below it are rounding, not contraction: use a few eps·|x*| when the
            minimum x* is not 0.

    Returns:
        ρ̂ of shape (...), in the record's dtype. 0 where fewer than 8 entries precede the floor
        (the run arrived at once), inf where fewer than 8 are finite, NaN where the second quarter
        of a record has none above the floor.

    Raises:
        ValueError: fewer than 8 steps are recorded, or an entry or `floor` is negative.

    Example:
        >>> print(f"{contraction_rate(3.0 * 0.8 ** np.arange(50)):.6f}")
        0.800000
    """
    distance, floor = number("distance", distance), number("floor", floor)
    length = (1, *np.shape(distance))[-1]
    if length < SHORTEST_RECORD:
        raise ValueError(
            f"distance must hold at least {SHORTEST_RECORD} steps on its last axis, "
            f"got shape {np.shape(distance)}"
        )
    require_known("floor", floor, NON_NEGATIVE)
    require_known("distance", distance, A_DISTANCE)
    xp = namespace(distance)
    step = xp.broadcast_to(xp.arange(length), distance.shape)
    finite = xp.min(xp.where(xp.isfinite(distance), length, step), axis=-1, keepdims=True)
    above = (distance > floor) & (step < finite)
    usable = xp.max(xp.where(above, step + 1, 0), axis=-1, keepdims=True)
    height = xp.log(xp.where(above, distance, xp.finfo(distance.dtype).tiny))
    early = above & (4 * step >= usable) & (2 * step < usable)
    late = above & (4 * step >= 3 * usable)
    with np.errstate(over="ignore"):
        rate = xp.exp(_tangent_slope(height, step, early, late))
    rate = xp.where(xp.any(early, axis=-1, keepdims=True), rate, xp.nan)
    rate = xp.where(usable < SHORTEST_RECORD, 0.0, rate)
    return xp.where(finite < SHORTEST_RECORD, xp.inf, rate)[..., 0]


def _tangent_slope(
    height: Array | np.ndarray,
    step: Array | np.ndarray,
    early: Array | np.ndarray,
    late: Array | np.ndarray,
) -> Array | np.ndarray:
    """Slope of the line that touches the record from above in each of the two windows.

    Each pass tilts the record by the slope so far and joins the two highest points.
    """
    xp = namespace(height)
    time = step.astype(height.dtype)
    slope = xp.zeros_like(height[..., :1])
    for _ in range(TANGENT_PASSES):
        tilted = height - slope * time
        p, q = (
            xp.argmax(xp.where(window, tilted, -xp.inf), axis=-1, keepdims=True)
            for window in (early, late)
        )
        rise = xp.take_along_axis(height, q, axis=-1) - xp.take_along_axis(height, p, axis=-1)
        slope = rise / xp.maximum(q - p, 1).astype(height.dtype)
    return slope


class Crossing(NamedTuple):
    """A measured boundary: it lies within position ± half_width."""

    position: np.ndarray | np.floating
    half_width: np.ndarray | np.floating


@checked
def crossing(
    parameter: Num[Array, " n"] | Num[np.ndarray, " n"],
    is_stable: Bool[Array, "..."] | Bool[np.ndarray, "..."],
    axis: int = -1,
) -> Crossing:
    """Boundary between stable and unstable runs along one parameter.

    position = (last stable + first unstable)/2, half-width = (first unstable − last stable)/2

    Args:
        parameter: strictly ascending values, shape (n,).
        is_stable: the outcome of each run, boolean, with n entries along `axis`; the other axes
            (one boundary each) are kept in order.
        axis: the axis of `is_stable` along which the parameter varies.

    Returns:
        The boundary and its uncertainty, float64 NumPy arrays of `is_stable`'s shape without
        `axis`.

    Raises:
        ValueError: the parameter is not ascending, the lengths differ, or a line of runs does not
            change exactly once (none: widen the range; several: the region is not an interval, or
            the runs are too short near the boundary).
        TypeError: `is_stable` is not boolean.

    Example:
        >>> rates = np.linspace(0.5, 1.5, 11)
        >>> edge = crossing(rates, rates < 1.04)
        >>> f"{edge.position:.2f} ± {edge.half_width:.2f}"
        '1.05 ± 0.05'
    """
    values, outcome = np.asarray(parameter, np.float64), np.asarray(is_stable)
    require("parameter", values, FINITE)
    if values.ndim != 1:
        raise ValueError(f"parameter must have shape (n,), got {values.shape}")
    if outcome.dtype != np.bool_:
        raise TypeError(f"is_stable must be boolean, got {outcome.dtype}: pass a comparison")
    if not -outcome.ndim <= axis < outcome.ndim:
        raise ValueError(f"axis must be one of the {outcome.ndim} of is_stable, got {axis}")
    if outcome.shape[axis] != values.size:
        raise ValueError(
            f"is_stable must have {values.size} entries along axis {axis}, one per parameter, "
            f"got shape {outcome.shape}"
        )
    if not np.all(np.diff(values) > 0):
        raise ValueError("parameter must be strictly ascending: sort it and its runs first")
    outcome = np.moveaxis(outcome, axis, -1)
    changes = outcome[..., 1:] != outcome[..., :-1]
    count = np.atleast_1d(changes.sum(axis=-1))
    if np.any(count != 1):
        line = tuple(int(i) for i in np.argwhere(count != 1)[0])
        raise ValueError(
            f"is_stable must change exactly once along the parameter, but line {line} changes "
            f"{count[line]} times over [{values[0]}, {values[-1]}]"
        )
    half, last = values / 2, np.argmax(changes, axis=-1)
    return Crossing(half[last] + half[last + 1], half[last + 1] - half[last])
