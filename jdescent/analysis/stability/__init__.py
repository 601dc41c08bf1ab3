"""The largest stable learning rate of any optimizer."""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jdescent._jax import enable_x64
from jdescent.analysis.stability.cycles import Oscillation
from jdescent.analysis.stability.limits import limit_of
from jdescent.analysis.stability.linearization import Linearization
from jdescent.analysis.stability.measuring import STEPS, require_search
from jdescent.analysis.stability.parity import RELATIVE_RATE, Parity, parity
from jdescent.analysis.stability.problem import quadratic, require_memory
from jdescent.analysis.stability.resting import holding
from jdescent.analysis.stability.result import StableRate
from jdescent.analysis.stability.system import (
    System,
    require_concrete,
    require_function_of_the_rate,
)
from jdescent.core.checks import positive_integer

__all__ = ["Oscillation", "StableRate", "largest_stable_rate", "measured_largest_stable_rate"]


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
    k. Second moments that nobody holds follow the gradients to 0, where an ε alone is left of the
    denominator: the limit is then that of a step by g/ε, 38ε/λ for Adam. Beyond it such methods
    settle to an oscillation in proportion to the rate, as Adam does, or to the minimum at every
    rate, as AdaGrad; without an ε that is all they do, and there is no limit. All is computed in
    float64, but for memories that an optimizer keeps narrower, on which the limit is then as exact
    as they are. Noise, as of `sgld`, is common to the runs that are compared and does not count.

    Of an instability that comes and goes between two of the rates tried, six a decade, nothing is
    seen. What keeps the axes of H apart, as elementwise optimizers do on a spectrum, and those that
    do the same to each number on a matrix, is taken apart into them, however many they are; else,
    in a problem of more than 256 odd numbers, rates are two an octave, near 1/curvature, and the
    spectral radius is ARPACK's.

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
            loss without second derivatives; a state of complex numbers, or of changing shapes;
            numbers that are not real.
        ValueError: neither or both of curvature and loss; a matrix that is not symmetric; no
            positive curvature; a loss that rounds to less than float64; `held` or `state` that do
            not fit; more memory than allowed.

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
        >>> print(largest_stable_rate(functools.partial(jd.adam, eps=1e3), 3.0))
        12666.7 (linear)

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
        return limit_of(
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
