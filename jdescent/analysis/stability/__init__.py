"""The largest stable learning rate of any optimizer."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jdescent._jax import enable_x64
from jdescent.analysis.stability.linearization import Linearization
from jdescent.analysis.stability.parity import RELATIVE_RATE, Parity, parity
from jdescent.analysis.stability.problem import quadratic
from jdescent.analysis.stability.resting import holding
from jdescent.analysis.stability.result import Kind, StableRate
from jdescent.analysis.stability.searching import first_loss
from jdescent.analysis.stability.system import System

__all__ = ["StableRate", "largest_stable_rate"]

_LINEAR = 1e-6
_DENSE_RATES = np.geomspace(1e-10, 1e10, 121)
_SPARSE_RATES = np.geomspace(2.0**-8, 2.0**14, 23)


def largest_stable_rate(
    make: Callable[[Any], Any],
    curvature: Any = None,
    *,
    loss: Callable[[Any], Any] | None = None,
    params: Any = None,
    state: Any = None,
    held: Mapping[str, Any] | None = None,
    step: int | None = None,
    max_period: int = 64,
    max_memory: float = 2.0**31,
) -> StableRate:
    """The learning rate at which an optimizer stops contracting on a quadratic."""
    with enable_x64(True):
        system = System(make, quadratic(curvature, loss, params), max_memory)
        found = parity(system)
        reason = _no_map(system, found)
        if reason:
            return StableRate(np.nan, "none", reason, found.leaves)
        hold = holding(system, found, held, state, step)
        linearization = Linearization(system, found, hold, max_period)
        return _limit(linearization)


def _no_map(system: System, found: Parity) -> str:
    if found.paths_that_are("not finite"):
        return (
            f"{found.paths_that_are('not finite')} become NaN or infinite in some hundred steps at "
            f"{RELATIVE_RATE} of 1/curvature"
        )
    if found.paths_that_are("neither"):
        return (
            f"{found.paths_that_are('neither')} neither flip their sign with the gradients nor "
            "keep their value: the step is not an odd function of the gradient, as where it has "
            "noise, clips example by example or rounds to one side"
        )
    if not found.odd[: system.problem.size].all():
        return "x does not move"
    return ""


def _limit(linear: Linearization) -> StableRate:
    parity, unit = linear.parity, linear.unit
    words = parity.leaves

    def none(reason: str) -> StableRate:
        return StableRate(np.nan, "none", reason, words, linear.period)

    if linear.depends_on:
        if linear.hold.held.any():
            raise ValueError(f"held must name these as well: {linear.depends_on}")
        return none(f"the step depends on {linear.depends_on}: say what is held")
    if not linear.period:
        return none(f"the map differs from step to step, with no period up to {linear.max_period}")
    if not _is_linear(linear, linear.small_rate):
        return none(_why_not_linear(linear, linear.small_rate))
    if parity.ignores_the_rate:
        radius = float(linear.radii(np.array([linear.unit]))[0])
        return none(
            f"the rate changes nothing: the spectral radius is {radius:.6g} at every one, "
            f"{'stable' if radius < 1 else 'not stable'}"
        )
    rates, digits = (_DENSE_RATES, 1e-13) if linear.is_dense else (_SPARSE_RATES, 1e-6)
    rate = first_loss(linear, rates * unit, digits)
    if np.isnan(rate):
        return none("it grows at every rate, however small: a negative curvature drives x away")
    if np.isfinite(rate) and not _is_linear(linear, 0.9 * rate):
        return none(_why_not_linear(linear, 0.9 * rate))
    kind: Kind = "linear"
    if linear.hold.held.any():
        kind = "frozen preconditioner"
    if linear.period > 1:
        kind = "periodic map"
    return StableRate(rate, kind, "", words, linear.period, linear)


def _is_linear(linear: Linearization, rate: float) -> bool:
    return all(defect <= _LINEAR for defect in linear.defects(rate))


def _why_not_linear(linear: Linearization, rate: float) -> str:
    homogeneous, additive = linear.defects(rate)
    if np.isnan(homogeneous):
        return "the step is NaN or infinite at the minimum"
    if homogeneous <= _LINEAR:
        return (
            "the step grows in proportion to x, but is not additive: it has no linear map, and "
            f"what it does depends on the direction (by {additive:.2g} of a step)"
        )
    return (
        "the step does not shrink in proportion to x: there is no linear map at the minimum "
        f"(it differs by {homogeneous:.2g} of a step)"
    )
