"""The largest stable learning rate of any optimizer."""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jdescent._jax import enable_x64
from jdescent.analysis.stability.cycles import Oscillation, oscillation
from jdescent.analysis.stability.linearization import Linearization
from jdescent.analysis.stability.measuring import STEPS, require_search
from jdescent.analysis.stability.parity import RELATIVE_RATE, Parity, parity
from jdescent.analysis.stability.problem import quadratic, require_memory
from jdescent.analysis.stability.resting import holding
from jdescent.analysis.stability.result import Kind, StableRate
from jdescent.analysis.stability.searching import first_loss
from jdescent.analysis.stability.system import (
    System,
    require_concrete,
    require_function_of_the_rate,
)
from jdescent.core.checks import positive_integer

__all__ = ["Oscillation", "StableRate", "largest_stable_rate", "measured_largest_stable_rate"]

_LINEAR = 1e-6
_DENSE_RATES = np.geomspace(1e-10, 1e10, 121)
_SPARSE_RATES = np.geomspace(2.0**-4, 2.0**14, 19)


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
    max_memory: float | int = 2.0**31,
) -> StableRate:
    """The learning rate at which an optimizer, any at all, stops contracting on a quadratic.

    On ½⟨x, Hx⟩ an update is a map of x and the state. What flips its sign with the gradients, x and
    velocities, is *odd*; what does not, second moments and counters, is *even*. At odd = 0, with
    what is even held, the map of what is odd is linear, and the limit is the first η at which its
    spectral radius is 1:

        ρ(∂ odd′/∂ odd at odd = 0) = 1

    Counters are taken to where bias corrections are over and schedules end, unless `step` or
    `state` says otherwise. Where the map repeats every k steps, as with `lookahead`, it is that of
    k. Second moments that nobody holds follow the gradients, so that such methods have no limit:
    they settle to an oscillation in proportion to the rate, as Adam does, or to the minimum at
    every rate, as AdaGrad. All is computed in float64, but for memories that an optimizer keeps
    narrower, on which the limit is then as exact as they are. Noise, as of `sgld`, is common to the
    runs that are compared and does not count.

    Of an instability that comes and goes between two of the rates tried, six a decade, nothing is
    seen; in a problem of more than 256 odd numbers these are two an octave, near 1/curvature, and
    the spectral radius is ARPACK's.

    Args:
        make: from the learning rate, a traced number, to an (init, update) pair: `jd.adam`,
            `optax.adam`, ``functools.partial(jd.sgd, momentum=0.9)`` or your own.
        curvature: H as a number λ, a spectrum (n,) or a symmetric matrix (n, n); some eigenvalue
            must be positive. Zeros stand still and do not count; at a negative one x leaves at
            every rate, unless a decay holds it.
        loss: in place of it, a loss of the parameters, whose Hessian at `params` H is.
        params: where that is; beside `curvature`, a tree of the shapes that the optimizer sees.
        state: the run's own state, whose even part is held, as it is to come out of a step.
        held: in place of it, even parts by name, ``{"v": 49.0}``: numbers, or arrays.
        step: how many steps went before, for what a schedule is then.
        max_period: the longest period that is looked for.
        max_memory: in bytes, for copies of parameters and state.

    Returns:
        A `StableRate`: the rate, its kind, the parity of each leaf, ρ(η), and runs that measure it.

    Raises:
        TypeError: a make that is no function, or needs a rate that is not traced; what is traced; a
            state of complex numbers, or of changing shapes; numbers that are not real.
        ValueError: neither or both of curvature and loss; a matrix that is not symmetric; no
            positive curvature; `held` or `state` that do not fit; more memory than allowed.

    Example:
        >>> import functools, jdescent as jd
        >>> found = largest_stable_rate(functools.partial(jd.sgd, momentum=0.9), curvature=3.0)
        >>> print(found)
        1.26667 (linear)
        >>> print(f"{found.measured():.3f}")
        1.267
        >>> adam = functools.partial(jd.adam, eps=0.0)
        >>> print(largest_stable_rate(adam, 3.0, held={"v": 49.0}))
        88.6667 (frozen preconditioner)
        >>> print(f"{largest_stable_rate(adam, 3.0).oscillation.amplitude:.6f}")
        0.026316

    Reference: Cohen et al., 2022, Adaptive Gradient Methods at the Edge of Stability, section 2 and
    appendix A, for the frozen preconditioner; parity makes it a property of any update.
    """
    max_period = positive_integer("max_period", max_period)
    require_function_of_the_rate(make)
    require_memory(max_memory)
    with enable_x64(True):
        require_concrete(jnp.zeros(()))
        system = System(make, quadratic(curvature, loss, params, max_memory), max_memory)
        found = parity(system)
        reason = _no_map(system, found)
        if reason:
            return StableRate(np.nan, "none", reason, found.leaves)
        return _limit(
            Linearization(system, found, holding(system, found, held, state, step), max_period)
        )


def measured_largest_stable_rate(
    make: Callable[[Any], Any],
    curvature: Any = None,
    *,
    steps: int = STEPS,
    digits: float = 1e-4,
    **problem: Any,
) -> float:
    """The rate at which small deviations of the optimizer itself begin to grow when it is run.

    The companion of `largest_stable_rate` that knows of no eigenvalue: 61 rates over 20 decades are
    run, then rates between the last that decays and the first that grows.

    Args:
        make: from the learning rate to an optimizer, as for `largest_stable_rate`.
        curvature: as there.
        steps: after as many to forget the start, growth by more than e counts.
        digits: relative, of the search; the growth that counts adds about 1/(2·steps).
        **problem: what else `largest_stable_rate` takes.

    Returns:
        The rate; infinity if nothing grows, NaN if all rates do.

    Raises:
        ValueError: what is odd is not defined, or as `largest_stable_rate`.

    Example:
        >>> import jdescent as jd
        >>> print(f"{measured_largest_stable_rate(jd.nesterov, 3.0):.3f}")
        0.452
    """
    require_search(steps, digits)
    return largest_stable_rate(make, curvature, **problem).measured(steps, digits)


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
        return StableRate(np.nan, "none", reason, words, linear.period, None, linear)

    if linear.depends_on:
        if linear.hold.held.any():
            raise ValueError(f"held must name these as well: {linear.depends_on}")
        return _bounded(
            linear, f"the step is scaled by {linear.depends_on}, which follow the gradients"
        )
    if not np.isfinite(linear.steps_from_rest).all():
        return none(_why_not_finite(linear))
    endless = "the rate changes with the step without end: pass step=, or state="
    if not linear.period:
        no_period = f"the map differs from step to step, with no period up to {linear.max_period}"
        return none(f"{no_period}; {endless}" if linear.drifts else no_period)
    if linear.drifts:
        return none(endless)
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
    rates, digits = (_DENSE_RATES, 1e-13) if linear.is_dense else (_SPARSE_RATES, 1e-6)
    rate = first_loss(linear, rates * unit, digits)
    if np.isnan(rate):
        return none("it grows at every rate, however small, as along a negative curvature")
    if np.isfinite(rate) and not _is_linear(linear, 0.9 * rate):
        return none(_why_not_linear(linear, 0.9 * rate))
    kind: Kind = "linear"
    if linear.hold.held.any():
        kind = "frozen preconditioner"
    if linear.period > 1:
        kind = "periodic map"
    reason = "" if np.isfinite(rate) else _why_always(linear)
    return StableRate(rate, kind, reason, words, linear.period, None, linear)


def _bounded(linear: Linearization, reason: str) -> StableRate:
    """Of what has no linear map: what it settles to."""
    words = linear.parity.leaves
    found = oscillation(linear)
    if isinstance(found, str):
        return StableRate(np.nan, "none", f"{reason}; {found}", words, 1, None, linear)
    return StableRate(np.nan, "cycle", reason, words, 1, found, linear)


def _why_always(linear: Linearization) -> str:
    radius = float(linear.radii(np.array([linear.unit]))[0])
    if radius < 1 - _LINEAR:
        return "it contracts at all rates tried"
    return "near the minimum x stands still at all rates tried: nothing grows and nothing decays"


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
