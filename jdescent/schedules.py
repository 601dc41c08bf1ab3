"""Learning rates that change: each schedule is a pure function, step -> rate.

Steps count from 0, the steps already taken, as in optax, so either library's schedules fit the
other's optimizers. A schedule also takes an array of steps: ``schedule(jnp.arange(100))`` draws it.
Rates come in JAX's default float dtype, within a few roundings of the schedule's largest rate at
every step to 2³¹ − 1, the last that is counted.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, SupportsIndex

import jax.numpy as jnp
from jaxtyping import Array

from jdescent.core import Scalar, Schedule
from jdescent.core.checks import positive_integer, real_number, require_boolean
from jdescent.core.hyperparameters import check_hyperparameters
from jdescent.core.trees import common_dtype
from jdescent.numerics import LAST_STEP, logarithm

Rates = Callable[[Any], Array]


def constant(rate: Scalar) -> Rates:
    """r(t) = rate.

    Example:
        >>> print(constant(0.1)(7))
        0.1
    """
    (rate,) = check_hyperparameters(rate=rate)
    return lambda step: jnp.full(jnp.shape(step), rate, float)


def linear(start: Scalar, end: Scalar, steps: SupportsIndex) -> Rates:
    """r(t) = start + (end − start)·min(t/steps, 1).

    Example:
        >>> print(linear(1.0, 0.0, 4)(jnp.arange(6)))
        [1.   0.75 0.5  0.25 0.   0.  ]
    """
    return polynomial(start, end, steps, power=1.0)


def polynomial(start: Scalar, end: Scalar, steps: SupportsIndex, power: Scalar = 2.0) -> Rates:
    """r(t) = end + (start − end)·(1 − min(t/steps, 1))^power.

    Example:
        >>> print(polynomial(1.0, 0.0, 4)(jnp.arange(6)))
        [1.     0.5625 0.25   0.0625 0.     0.    ]
    """
    (power,) = check_hyperparameters(power=power)
    return _between(start, end, steps, lambda left: left**power)


def cosine(start: Scalar, steps: SupportsIndex, end: Scalar = 0.0) -> Rates:
    """r(t) = end + ½(start − end)·(1 + cos(π·min(t/steps, 1))): half a cosine, then constant.

    Example:
        >>> print(cosine(1.0, 4)(jnp.arange(0, 6, 2)))
        [1.  0.5 0. ]

    Reference: I. Loshchilov and F. Hutter, 2017, SGDR: Stochastic Gradient Descent with Warm
    Restarts, eq. (5), without restarts.
    """
    # ½(1 + cos(π·t/n)) = sin²(½π·(n − t)/n), which does not cancel towards the end
    return _between(start, end, steps, lambda left: jnp.sin(jnp.pi / 2 * left) ** 2)


def exponential(
    start: Scalar, factor: Scalar, every: SupportsIndex = 1, staircase: bool = False
) -> Rates:
    """r(t) = start·factor^(t/every); with staircase ⌊t/every⌋, a drop every so many steps.

    Example:
        >>> print(exponential(1.0, 0.5, every=2, staircase=True)(jnp.arange(5)))
        [1.   1.   0.5  0.5  0.25]
    """
    require_boolean("staircase", staircase)
    start, factor = check_hyperparameters(start=start, factor=factor)
    every = _length("every", every)
    log = logarithm(factor)

    def schedule(step):
        drops = _float(_counted(step) // every) if staircase else _float(step) / every
        return start * jnp.exp(log * drops)

    return schedule


def piecewise(rates: Sequence[Scalar], boundaries: Sequence[SupportsIndex]) -> Rates:
    """r(t) = rates[i] while i boundaries are ≤ t: one constant rate between each two boundaries.

    Raises:
        ValueError: boundaries that are not positive or do not increase, or not one rate more than
            boundaries.

    Example:
        >>> print(piecewise([1.0, 0.1, 0.01], [2, 4])(jnp.arange(6)))
        [1.   1.   0.1  0.1  0.01 0.01]
    """
    return join([constant(rate) for rate in rates], boundaries)


def inverse_square_root(peak: Scalar, steps: SupportsIndex) -> Rates:
    """r(t) = peak·√(steps/max(t, steps)): constant for `steps` steps, then falling as 1/√t.

    Example:
        >>> print(inverse_square_root(1.0, 100)(jnp.array([0, 100, 400])))
        [1.  1.  0.5]

    Reference: A. Vaswani et al., 2017, Attention Is All You Need, eq. (3), with `warm_up`.
    """
    (peak,) = check_hyperparameters(peak=peak)
    steps = _length("steps", steps)
    return lambda step: peak * jnp.sqrt(steps / jnp.maximum(_float(step), steps))


def warm_up(schedule: Schedule | Scalar, steps: SupportsIndex, start: Scalar = 0.0) -> Rates:
    """Rise linearly from `start` to the schedule's first rate, then follow the schedule from its 0.

    Example:
        >>> print(warm_up(cosine(1.0, 4), steps=2)(jnp.arange(7)).round(3))
        [0.    0.5   1.    0.854 0.5   0.146 0.   ]
    """
    if not callable(schedule):
        schedule = constant(schedule)
    return join([linear(start, schedule(0), steps), schedule], [steps])


def one_cycle(
    peak: Scalar,
    steps: SupportsIndex,
    rise: float = 0.3,
    start_divisor: float | int = 25.0,
    end_divisor: float | int = 1e4,
) -> Rates:
    """Half a cosine up to the peak over rise·steps, half a cosine down over the rest.

    Starts at peak/start_divisor and ends at peak/(start_divisor·end_divisor).

    Args:
        peak: largest rate.
        steps: length of the cycle; the rate stays at its end afterwards.
        rise: fraction of the steps spent rising, in (0, 1).
        start_divisor: peak over first rate.
        end_divisor: first rate over last.

    Example:
        >>> print(one_cycle(1.0, 10)(jnp.array([0, 3, 10])))
        [4.e-02 1.e+00 4.e-06]

    Reference: L. N. Smith and N. Topin, 2018, Super-Convergence: Very Fast Training of Neural
    Networks Using Large Learning Rates; with cosines as in torch.optim.lr_scheduler.OneCycleLR.
    """
    peak, start_divisor, end_divisor = check_hyperparameters(
        peak=peak, start_divisor=start_divisor, end_divisor=end_divisor
    )
    if any(real_number("divisor", divisor) == 0 for divisor in (start_divisor, end_divisor)):
        raise ValueError("start_divisor and end_divisor must not be 0: rates are divided by them")
    steps = _length("steps", steps)
    (rise,) = check_hyperparameters(rise=rise, below=1)
    top = int(rise * steps)
    if not 0 < top < steps:
        raise ValueError(f"rise must leave steps on both sides of the peak, got {rise} of {steps}")
    start = peak / start_divisor
    return join(
        [cosine(start, top, end=peak), cosine(peak, steps - top, end=start / end_divisor)], [top]
    )


def join(schedules: Sequence[Schedule], boundaries: Sequence[SupportsIndex]) -> Rates:
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
    begins = [_length("boundaries", boundary) for boundary in boundaries]
    if any(b <= a for a, b in pairwise(begins)):
        raise ValueError(f"boundaries must increase, got {begins}")

    def schedule(step):
        step = _counted(step)
        rate = schedules[0](step)
        for begin, later in zip(begins, schedules[1:], strict=True):
            rate = jnp.where(step < begin, rate, later(jnp.maximum(step - begin, 0)))
        return rate

    return schedule


def _between(start, end, steps, weight) -> Rates:
    """From start to end, whose weights are w and 1 − w: weight(1) = 1, …, weight(0) = 0."""
    start, end = check_hyperparameters(start=start, end=end)
    steps = _length("steps", steps)

    def schedule(step):
        left = steps - jnp.clip(_counted(step), 0, steps)  # of an integer exactly
        w = weight(_float(left) / steps)
        return start * w + end * jnp.maximum(1 - w, 0)  # compiled, n·(1/n) may be above 1

    return schedule


def _length(name: str, steps: SupportsIndex) -> int:
    return positive_integer(name, steps, at_most=LAST_STEP)


def _counted(step):
    """The step in a dtype that holds every length: integers stay exact."""
    step = jnp.asarray(step)
    integer = jnp.issubdtype(step.dtype, jnp.integer)
    return step.astype(common_dtype(step, jnp.int32)) if integer else _float(step)


def _float(step):
    return jnp.asarray(step, float)
