"""What a linear map, or that there is none, says of the largest stable rate."""

from dataclasses import replace

import numpy as np

from jdescent.analysis.stability.cycles import oscillation
from jdescent.analysis.stability.linearization import Linearization
from jdescent.analysis.stability.result import Kind, StableRate
from jdescent.analysis.stability.searching import first_loss

_LINEAR = 1e-6
_SMALL, _BEYOND = 1e-3, 100  # of a limit
_NEAR_NOTHING = 1e-3  # of 1/curvature
_DENSE_RATES = np.geomspace(1e-10, 1e10, 121)
_STABLE_AT_ALL = {  # by whether x stands still
    False: "it contracts at all rates tried",
    True: "near the minimum x stands still at all rates tried: nothing grows and nothing decays",
}
_SPARSE_RATES = np.geomspace(2.0**-4, 2.0**14, 19)


def limit_of(linear: Linearization) -> StableRate:
    """The limit of the map; of what scales steps and follows the gradients, what is beyond it."""
    follows = linear.depends_on
    if not follows:
        found = _of_map(linear)
        return _and_beyond(linear, found) if _is_of_an_epsilon(linear, found) else found
    if linear.hold.held.any():
        raise ValueError(f"held must name these as well: {follows}")
    at_rest = _while_outweighed(linear)
    if np.isfinite(at_rest) and linear.is_outweighed(_SMALL * at_rest):
        words = (
            f"while {follows}, which follow the gradients, are small beside what is added to them"
        )
        return replace(_of_map(linear), reason=words)
    reason = f"the step is scaled by {follows}, which follow the gradients"
    return replace(_bounded(linear, reason, at_rest), rate=at_rest)


def _is_of_an_epsilon(linear: Linearization, found: StableRate) -> bool:
    """Whether deviations must be small beside an ε to meet the limit, as those of Muon's matrices
    beside that in a norm."""
    is_small = found.rate < _NEAR_NOTHING * linear.unit
    return is_small and not linear.defects(linear.small_rate, size=1.0)[0] <= _LINEAR


def _and_beyond(linear: Linearization, found: StableRate) -> StableRate:
    reason = "the step shrinks in proportion to x only where x is small beside an ε"
    return replace(_bounded(linear, reason, found.rate), rate=found.rate)


def _while_outweighed(linear: Linearization) -> float:
    """The limit of deviations so small that second moments vanish beside an ε; NaN if none."""
    if not (linear.has_rest and _is_linear(linear, linear.small_rate)):
        return np.nan
    return _of_map(linear).rate


def _of_map(linear: Linearization) -> StableRate:
    parity, unit = linear.parity, linear.unit
    words = parity.leaves

    def none(reason: str) -> StableRate:
        return StableRate(np.nan, "none", reason, words, linear.period, None, linear)

    if not np.isfinite(linear.steps_from_rest).all():
        return none(_why_not_finite(linear))
    if not linear.period:
        no_period = f"the map differs from step to step, with no period up to {linear.max_period}"
        hint = "where there is a longer one, raise max_period="
        if linear.drifts:
            hint += "; where the rate changes without end, pass step=, or state="
        return none(f"{no_period}; {hint}")
    if linear.drifts:
        return none("the rate changes with the step without end: pass step=, or state=")
    if not _shrinks(linear, linear.small_rate):
        return _bounded(linear, _why_not_linear(linear, linear.small_rate))
    if not _is_linear(linear, linear.small_rate):
        return none(_why_not_linear(linear, linear.small_rate))
    if parity.ignores_the_rate:
        radius = float(linear.radii(np.array([linear.unit]))[0])
        return none(
            f"the rate changes nothing: the spectral radius is {radius:.6g} at every one, "
            f"{'stable' if radius < 1 else 'not stable'}"
        )
    rates, digits = (_DENSE_RATES, 1e-13) if linear.is_exact else (_SPARSE_RATES, 1e-6)
    rate = first_loss(linear, rates * unit, digits)
    if np.isnan(rate):
        return none(
            "it grows at every rate, however small, as along a negative curvature; to leave that "
            "out, as of a network, give the largest curvature as a number"
        )
    if np.isfinite(rate) and not _is_linear(linear, 0.9 * rate):
        return none(_why_not_linear(linear, 0.9 * rate))
    stands_still = not np.isfinite(rate) and linear.radii(np.array([unit]))[0] >= 1 - _LINEAR
    if stands_still and linear.noise:
        return none("x moves as it does without a gradient: nothing draws it to the minimum")
    kind: Kind = "linear"
    if linear.hold.held.any():
        kind = "frozen preconditioner"
    if linear.period > 1:
        kind = "periodic map"
    reason = "" if np.isfinite(rate) else _STABLE_AT_ALL[stands_still]
    return StableRate(rate, kind, reason, words, linear.period, None, linear)


def _bounded(linear: Linearization, reason: str, limit: float = np.nan) -> StableRate:
    """Of what has no linear map, or none beyond a limit: what it settles to."""
    words = linear.parity.leaves
    beyond = _BEYOND * limit if np.isfinite(limit) else 0.0
    found = oscillation(linear, max(linear.unit, beyond))
    if isinstance(found, str):
        return StableRate(np.nan, "none", f"{reason}; {found}", words, 1, None, linear)
    return StableRate(np.nan, "cycle", reason, words, 1, found, linear)


def _shrinks(linear: Linearization, rate: float) -> bool:
    return linear.defects(rate)[0] <= _LINEAR


def _is_linear(linear: Linearization, rate: float) -> bool:
    return all(defect <= _LINEAR for defect in linear.defects(rate))


def _why_not_finite(linear: Linearization) -> str:
    negative = linear.hold.negative_paths(linear.system)
    if negative:
        raise ValueError(
            f"held at {negative} must not be negative: with it x becomes NaN or infinite in a step"
        )
    return "the step is NaN or infinite at the minimum"


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
