"""Learning rates that change: each schedule is a pure function, step -> rate.

Steps count from 0, the steps already taken, as in optax, so either library's schedules fit the
other's optimizers. A schedule also takes an array of steps: ``schedule(jnp.arange(100))`` draws it.
Rates come in JAX's default float dtype, within a few roundings of the schedule's largest rate at
every step to 2³¹ − 1, the last that is counted.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any

import jax.numpy as jnp
from jaxtyping import Array

from jdescent.core import (
    Checked,
    Each,
    NonNegative,
    Positive,
    Rate,
    Real,
    Whole,
    checked_arguments,
)
from jdescent.core.checks import require_function
from jdescent.core.hyperparameters import require_schedule
from jdescent.core.trees import common_dtype
from jdescent.numerics import LAST_STEP, logarithm

Length = Annotated[int, Whole(most=LAST_STEP)]
Boundaries = Annotated[Any, Each(Whole(most=LAST_STEP)), "increasing"]


def _a_schedule(name: str, value: Any) -> Any:
    """The value, which is a schedule."""
    require_function(name, value)
    require_schedule(name, value)
    return value


Schedules = Annotated[Any, Each(Checked(_a_schedule, ((0.1, TypeError),))), "of schedules"]


Rates = Callable[[Any], Array]


@checked_arguments
def constant(rate: NonNegative) -> Rates:
    """r(t) = rate.

    Example:
        >>> print(constant(0.1)(7))
        0.1
    """
    return lambda step: jnp.full(jnp.shape(step), rate, float)


@checked_arguments
def linear(start: NonNegative, end: NonNegative, steps: Length) -> Rates:
    """r(t) = start + (end − start)·min(t/steps, 1).

    Example:
        >>> print(linear(1.0, 0.0, 4)(jnp.arange(6)))
        [1.   0.75 0.5  0.25 0.   0.  ]
    """
    return polynomial(start, end, steps, power=1.0)


@checked_arguments
def polynomial(
    start: NonNegative, end: NonNegative, steps: Length, power: NonNegative = 2.0
) -> Rates:
    """r(t) = end + (start − end)·(1 − min(t/steps, 1))^power.

    Example:
        >>> print(polynomial(1.0, 0.0, 4)(jnp.arange(6)))
        [1.     0.5625 0.25   0.0625 0.     0.    ]
    """
    return _between(start, end, steps, lambda left: left**power)


@checked_arguments
def cosine(start: NonNegative, steps: Length, end: NonNegative = 0.0) -> Rates:
    """r(t) = end + ½(start − end)·(1 + cos(π·min(t/steps, 1))): half a cosine, then constant.

    Example:
        >>> print(cosine(1.0, 4)(jnp.arange(0, 6, 2)))
        [1.  0.5 0. ]

    Reference: I. Loshchilov and F. Hutter, 2017, SGDR: Stochastic Gradient Descent with Warm
    Restarts, eq. (5), without restarts.
    """
    # ½(1 + cos(π·t/n)) = sin²(½π·(n − t)/n), which does not cancel towards the end
    return _between(start, end, steps, lambda left: jnp.sin(jnp.pi / 2 * left) ** 2)


@checked_arguments
def exponential(
    start: NonNegative, factor: NonNegative, every: Length = 1, staircase: bool = False
) -> Rates:
    """r(t) = start·factor^(t/every); with staircase ⌊t/every⌋, a drop every so many steps.

    Example:
        >>> print(exponential(1.0, 0.5, every=2, staircase=True)(jnp.arange(5)))
        [1.   1.   0.5  0.5  0.25]
    """
    log = logarithm(factor)

    def schedule(step):
        drops = _float(_counted(step) // every) if staircase else _float(step) / every
        return start * jnp.exp(log * drops)

    return schedule


@checked_arguments
def piecewise(rates: Annotated[Any, Each(Real())], boundaries: Boundaries) -> Rates:
    """r(t) = rates[i] while i boundaries are ≤ t: one constant rate between each two boundaries.

    Raises:
        ValueError: boundaries that are not positive or do not increase, or not one rate more than
            boundaries.

    Example:
        >>> print(piecewise([1.0, 0.1, 0.01], [2, 4])(jnp.arange(6)))
        [1.   1.   0.1  0.1  0.01 0.01]
    """
    return join([constant(rate) for rate in rates], boundaries)


@checked_arguments
def inverse_square_root(peak: NonNegative, steps: Length) -> Rates:
    """r(t) = peak·√(steps/max(t, steps)): constant for `steps` steps, then falling as 1/√t.

    Example:
        >>> print(inverse_square_root(1.0, 100)(jnp.array([0, 100, 400])))
        [1.  1.  0.5]

    Reference: A. Vaswani et al., 2017, Attention Is All You Need, eq. (3), with `warm_up`.
    """
    return lambda step: peak * jnp.sqrt(steps / jnp.maximum(_float(step), steps))


@checked_arguments
def warm_up(schedule: Rate, steps: Length, start: NonNegative = 0.0) -> Rates:
    """Rise linearly from `start` to the schedule's first rate, then follow the schedule from its 0.

    Example:
        >>> print(warm_up(cosine(1.0, 4), steps=2)(jnp.arange(7)).round(3))
        [0.    0.5   1.    0.854 0.5   0.146 0.   ]
    """
    if not callable(schedule):
        schedule = constant(schedule)
    return join([linear(start, schedule(0), steps), schedule], [steps])


@checked_arguments
def one_cycle(
    peak: Annotated[NonNegative, "the largest rate"],
    steps: Annotated[Length, "of the cycle; the rate stays at its end afterwards"],
    rise: Annotated[Any, Real(high=1), "the fraction of the steps spent rising"] = 0.3,
    start_divisor: Annotated[Positive, "the peak over the first rate"] = 25.0,
    end_divisor: Annotated[Positive, "the first rate over the last"] = 1e4,
) -> Rates:
    """Half a cosine up to the peak over rise·steps, half a cosine down over the rest.

    Starts at peak/start_divisor and ends at peak/(start_divisor·end_divisor).

    Example:
        >>> print(one_cycle(1.0, 10)(jnp.array([0, 3, 10])))
        [4.e-02 1.e+00 4.e-06]

    Reference: L. N. Smith and N. Topin, 2018, Super-Convergence: Very Fast Training of Neural
    Networks Using Large Learning Rates; with cosines as in torch.optim.lr_scheduler.OneCycleLR.
    """
    top = int(rise * steps)
    if not 0 < top < steps:
        raise ValueError(f"rise must leave steps on both sides of the peak, got {rise} of {steps}")
    start = peak / start_divisor
    return join(
        [cosine(start, top, end=peak), cosine(peak, steps - top, end=start / end_divisor)], [top]
    )


@checked_arguments
def join(schedules: Schedules, boundaries: Boundaries) -> Rates:
    """One schedule after another, each from its own step 0; schedule i + 1 begins at boundary i.

    Raises:
        ValueError: boundaries that are not positive or do not increase, or not one schedule more
            than boundaries.

    Example:
        >>> print(join([constant(1.0), linear(1.0, 0.0, 2)], [3])(jnp.arange(6)))
        [1.  1.  1.  1.  0.5 0. ]
    """
    if len(schedules) != len(boundaries) + 1:
        raise ValueError(
            f"{len(schedules)} schedules need {len(schedules) - 1} boundaries, "
            f"got {len(boundaries)}"
        )
    if any(b <= a for a, b in pairwise(boundaries)):
        raise ValueError(f"boundaries must increase, got {list(boundaries)}")

    def schedule(step):
        step = _counted(step)
        rate = schedules[0](step)
        for begin, later in zip(boundaries, schedules[1:], strict=True):
            rate = jnp.where(step < begin, rate, later(jnp.maximum(step - begin, 0)))
        return rate

    return schedule


def _between(start, end, steps, weight) -> Rates:
    """From start to end, whose weights are w and 1 − w: weight(1) = 1, …, weight(0) = 0."""

    def schedule(step):
        left = steps - jnp.clip(_counted(step), 0, steps)  # of an integer exactly
        w = weight(_float(left) / steps)
        return start * w + end * jnp.maximum(1 - w, 0)  # compiled, n·(1/n) may be above 1

    return schedule


def _counted(step):
    """The step in a dtype that holds every length: integers stay exact."""
    step = jnp.asarray(step)
    integer = jnp.issubdtype(step.dtype, jnp.integer)
    return step.astype(common_dtype(step, jnp.int32)) if integer else _float(step)


def _float(step):
    return jnp.asarray(step, float)
