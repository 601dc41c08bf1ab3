"""How fast an optimizer that is run leaves the minimum, or nears it."""

from collections.abc import Iterator

import numpy as np

from jdescent.analysis.stability.linearization import Linearization
from jdescent.analysis.stability.resting import at_rest, pins_of
from jdescent.analysis.stability.searching import first_that_grows
from jdescent.analysis.stability.system import Feed, Lanes
from jdescent.core.checks import integer, real_number

STEPS = 2000
MOST_DIGITS = 1e-12  # rates nearer to each other than that are rounded to one
_FORGOTTEN = 1e-10  # a difference of runs that share their noise, below which it is rounding
RATES = np.geomspace(1e-10, 1e10, 61)  # in units of 1/curvature


def require_search(steps: int, digits: float) -> None:
    """Refuse what no search ends with."""
    integer("steps", steps, 2)
    exact = real_number("digits", digits)
    if exact is None or not MOST_DIGITS <= exact < 1:
        raise ValueError(
            f"digits must be a relative precision from {MOST_DIGITS} to 1, got {digits!r}"
        )


def growths(linear: Linearization, rates: np.ndarray, steps: int) -> np.ndarray:
    """ln of the growth per step of small deviations, after as many steps to forget the start.

    The optimizer itself is run; only the length of what is odd is brought back to a small one after
    every step, and what is held is set before each.
    """
    if linear.noise:
        return np.concatenate([_of_differences(linear, rate, steps) for rate in rates])
    found = []
    for first in range(0, len(rates), linear.system.lanes):
        some = rates[first : first + linear.system.lanes]
        lanes = at_rest(
            linear.system, linear.parity, linear.hold, np.resize(some, linear.system.lanes)
        )
        z = np.array(lanes.z)
        z[:, linear.odd] = linear.tiny * np.cos(1.0 + np.arange(len(linear.odd)))
        lanes, _ = _run(linear, lanes.with_z(z), steps)
        _, growth = _run(linear, lanes, steps)
        found.append((growth / steps)[: len(some)])
    return np.concatenate(found)


def _run(linear: Linearization, lanes: Lanes, steps: int) -> tuple[Lanes, np.ndarray]:
    grown = np.zeros(linear.system.lanes)
    for feed, count in _feeds(linear, lanes, steps):
        lanes, growth, _ = linear.system.advance(lanes, count, feed)
        grown = grown + growth
    return lanes, grown


def _feeds(linear: Linearization, lanes: Lanes, steps: int) -> Iterator[tuple[Feed, int]]:
    system, odd = linear.system, linear.parity.odd
    if not linear.hold.held.any():
        yield system.feed(odd=odd, size=linear.tiny), steps
        return
    cycle = []
    at_rest = lanes.with_z(np.where(odd, 0.0, lanes.z))
    for _ in range(linear.period):
        pins = pins_of(system, linear.parity, linear.hold, at_rest)
        cycle.append(system.feed(linear.nothing, linear.hold.held, pins, odd, linear.tiny))
        at_rest, _, _ = system.advance(at_rest, 1, cycle[-1])
    if len(cycle) == 1:
        yield cycle[0], steps
        return
    for _ in range(steps // len(cycle)):
        for feed in cycle:
            yield feed, 1


def _of_differences(linear: Linearization, rate: float, steps: int) -> np.ndarray:
    """Of runs that share their noise and began apart, which a linear map has grow alike."""
    rest = linear.rest(rate)
    z = np.array(rest.z)
    z[1, linear.odd] = 1.0
    lanes, lengths = rest.with_z(z), []
    for _ in range(2):
        lanes, _, _ = linear.system.advance(lanes, steps // 2)
        lengths.append(np.abs((lanes.z[1] - lanes.z[0])[linear.odd]).max())
    if not np.isfinite(lengths).all():
        return np.array([np.inf])
    if min(lengths) < _FORGOTTEN:
        return np.array([np.log(_FORGOTTEN) / steps])
    return np.array([np.log(lengths[1] / lengths[0]) / (steps // 2)])


def measured_limit(linear: Linearization, steps: int, digits: float) -> float:
    """The first of many rates at which small deviations grow; see `first_that_grows`.

    What stands still, or grows as a power of the steps, is not counted: by less than e.
    """

    require_search(steps, digits)

    def grows(rates):
        return ~(growths(linear, rates, steps) <= 1 / steps)

    return first_that_grows(grows, linear.unit * RATES, digits, linear.system.lanes)
