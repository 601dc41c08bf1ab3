"""The linear map of what is odd, with what is even held, and its spectral radius.

F(0) = 0 and F is odd, so that F(δa)/δ is the derivative along a to within δ²: no difference is
taken, and no digit lost. With δ = 2⁻¹⁰⁰, whose square is below what optimizers add to second
moments, that is exact to rounding, and it says at once whether the map is linear there: derivatives
of a kink, a sign or 0/0 would not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from jdescent.analysis.stability import spectrum
from jdescent.analysis.stability.parity import RELATIVE_RATE, Parity
from jdescent.analysis.stability.resting import Holding, at_rest, counted_half, has_rest, pins_of
from jdescent.analysis.stability.system import Feed, Lanes, System

MOST_DENSE = 256
_TINY = 2.0**-100
_DRIFTS, _ROUNDED = 1e-3, 1e-14
_PERIODIC, _MATTERS, _OUTWEIGHED, _PROBES = 1e-7, 1e-9, 0.5, 8


@dataclass(frozen=True, eq=False)
class Linearization:
    """One period of an optimizer about the minimum.

    Attributes:
        hold: what the caller says of the state.
        max_period: the longest period that is looked for.
    """

    system: System
    parity: Parity
    hold: Holding
    max_period: int

    @property
    def unit(self) -> float:
        """Of rates."""
        return 1 / self.system.problem.scale

    @property
    def small_rate(self) -> float:
        return RELATIVE_RATE * self.unit

    @property
    def nothing(self) -> np.ndarray:
        """No noise for any lane."""
        return np.zeros((self.system.lanes, 2))

    @cached_property
    def odd(self) -> np.ndarray:
        return np.flatnonzero(self.parity.odd)

    # -- at rest -----------------------------------------------------------------------------------

    @cached_property
    def rests_at_any_rate(self) -> Lanes | None:
        """The state at rest, if it is the same whatever the rate."""
        rates = np.geomspace(1e-3, 1e3, self.system.lanes) * self.unit
        lanes = at_rest(self.system, self.parity, self.hold, rates)
        same = np.array_equal(lanes.z, np.broadcast_to(lanes.z[:1], lanes.z.shape), equal_nan=True)
        return lanes if same else None

    def rests(self, rates: np.ndarray) -> Iterator[Lanes]:
        """For each rate, all lanes at the minimum at that rate."""
        if self.rests_at_any_rate is not None:
            for rate in rates:
                yield self.rests_at_any_rate._replace(rates=np.full(self.system.lanes, rate))
            return
        for first in range(0, len(rates), self.system.lanes):
            some = np.resize(rates[first : first + self.system.lanes], self.system.lanes)
            lanes = at_rest(self.system, self.parity, self.hold, some)
            for lane in range(min(self.system.lanes, len(rates) - first)):
                yield self.system.spread(lanes, lane)

    def rest(self, rate: float) -> Lanes:
        return next(self.rests(np.array([rate])))

    @cached_property
    def has_rest(self) -> bool:
        """Whether `rests` are where no gradient ever was."""
        if self.hold.state is not None:
            return True
        rates = np.full(self.system.lanes, self.small_rate)
        return has_rest(self.system, self.parity, self.hold, rates)

    @cached_property
    def noise(self) -> bool:
        """x moves where there is no gradient."""
        after, _, _ = self.system.advance(self.rest(self.small_rate), 1)
        return bool(np.any(after.z[:, self.odd] != 0))

    @cached_property
    def tiny(self) -> float:
        """δ; 1 where noise is added, so that runs that share it differ in all digits."""
        return 1.0 if self.noise else _TINY

    # -- the map -----------------------------------------------------------------------------------

    def feeds(self, lanes: Lanes) -> Iterator[tuple[Feed, int]]:
        """What holds the steps of a period, and how many."""
        if not self.hold.held.any():
            yield self.system.feed(), self.period
            return
        for _ in range(self.period):
            pins = pins_of(self.system, self.parity, self.hold, lanes)
            feed = self.system.feed(pinned=self.hold.held, pins=pins)
            yield feed, 1
            lanes, _, _ = self.system.advance(lanes, 1, feed)
            lanes = lanes.with_z(np.where(self.parity.odd, 0.0, lanes.z))

    def images(self, rest: Lanes, vectors: np.ndarray, size: float | None = None) -> np.ndarray:
        """The map of one period, of vectors (count, odd), less the image of nothing."""
        size = self.tiny if size is None else size
        room, found, feeds = self.system.lanes - 1, [], list(self.feeds(rest))
        for first in range(0, len(vectors), room):
            some = vectors[first : first + room]
            z = np.array(rest.z)
            z[:, self.odd] = 0
            z[1 : 1 + len(some), self.odd] = size * some
            lanes = rest.with_z(z)
            for feed, steps in feeds:
                lanes, _, _ = self.system.advance(lanes, steps, feed)
            after = lanes.z[:, self.odd]
            found.append((after[1:] - after[:1])[: len(some)] / size)
        return np.concatenate(found)

    @cached_property
    def steps_from_rest(self) -> np.ndarray:
        """What each of two longest periods' steps makes of one small deviation, over its size."""
        return self._steps_from(self.rest(self.small_rate))

    @cached_property
    def drifts(self) -> bool:
        """Whether the map is another at half the count, as of a schedule without end."""
        if self.hold.step is not None or self.hold.state is not None:
            return False
        earlier = self._steps_from(counted_half(self.rest(self.small_rate), self.period or 1))
        changed = np.abs(self.steps_from_rest - earlier)
        moved = np.abs(self.steps_from_rest - np.cos(1.0 + np.arange(len(self.odd))))
        of_x = self.odd < self.system.problem.size  # means over all steps drift, and x is as before
        return bool(np.any((changed > _DRIFTS * moved + _ROUNDED)[:, of_x]))

    @cached_property
    def _of_one_deviation(self) -> Feed:
        """Nothing before each step of the first lane, and of the others a small deviation."""
        pins = np.zeros((self.system.lanes, self.system.size))
        pins[1:, self.odd] = self.tiny * np.cos(1.0 + np.arange(len(self.odd)))
        pins = np.where(self.hold.held, self.hold.values, pins)
        return self.system.feed(pinned=self.parity.odd | self.hold.held, pins=pins)

    def _steps_from(self, lanes: Lanes) -> np.ndarray:
        steps = []
        for _ in range(2 * self.max_period):
            lanes, _, _ = self.system.advance(lanes, 1, self._of_one_deviation)
            steps.append((lanes.z[1] - lanes.z[0])[self.odd] / self.tiny)
        return np.array(steps)

    @cached_property
    def period(self) -> int:
        """The fewest steps after which the map repeats; 0 if it does not."""
        seen = self.steps_from_rest
        close = _PERIODIC * np.abs(seen).max()
        repeats = [k for k in range(1, self.max_period + 1) if _apart(seen, k) <= close]
        if self.hold.step is not None or self.hold.state is not None:
            return repeats[0] if repeats else 1  # the map of that step alone
        return repeats[0] if repeats and _apart(self._long_of_x, repeats[0]) <= close else 0

    @cached_property
    def _long_of_x(self) -> np.ndarray:
        """What each of very many steps makes of the x of one small deviation, over its size; of one
        step alone where x is many numbers. It shows periods that are longer than is looked for."""
        rest = self.rest(self.small_rate)
        x = np.asarray(self.system.advance(rest, self.system.trace, self._of_one_deviation)[2])
        return (x[:, 1] - x[:, 0]) / self.tiny

    @cached_property
    def depends_on(self) -> list[str]:
        """Paths of what is even and not held, if the map depends on any of it."""
        free = self.parity.driven & ~self.hold.held
        if not free.any():
            return []
        ends = self._ends_at_rest_and_fed(self.small_rate, self.max_period)
        if _largest(ends[0] - ends[1]) <= _MATTERS * _largest(*ends):
            return []
        leaves = {self.system.path_of(int(i)) for i in np.flatnonzero(free)}
        return [self.system.float_paths[i] for i in sorted(leaves)]

    def is_outweighed(self, rate: float) -> bool:
        """Whether what it depends on changes by no more than half what the rate makes of x where
        gradients are of size 1, as beside a large ε; at a rate so small that deviations hardly
        change."""
        of_x = self.odd < self.system.problem.size
        ends, at_twice = (self._ends_at_rest_and_fed(r, self.period) for r in (rate, 2 * rate))
        at_rest, fed = ((b - a)[of_x] for a, b in zip(ends, at_twice, strict=True))
        return _largest(at_rest - fed) <= _OUTWEIGHED * _largest(at_rest, fed)

    def _ends_at_rest_and_fed(self, rate: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """What some steps make of a small deviation where no gradient ever was, and at what
        gradients of size 1 make of the state."""
        rest, free = self.rest(rate), self.parity.driven & ~self.hold.held
        start = self.tiny * np.cos(1.0 + np.arange(len(self.odd)))
        pins = np.where(self.hold.held, self.hold.values, rest.z)
        pins[:, self.odd] = 0
        pins[1, self.odd] = pins[3, self.odd] = start
        pins[2:, free] = self.parity.fed[free]
        lanes = rest.with_z(pins)
        feed = self.system.feed(pinned=self.hold.held, pins=pins)
        z = self.system.advance(lanes, steps, feed)[0].z[:, self.odd]
        return z[1] - z[0], z[3] - z[2]

    # -- its spectrum ------------------------------------------------------------------------------

    @property
    def is_exact(self) -> bool:
        """Whether its eigenvalues are those of matrices, and not Arnoldi's."""
        return len(self.odd) <= MOST_DENSE or self._falls_apart

    def radii(self, rates: np.ndarray) -> np.ndarray:
        """Spectral radii per step."""
        return np.array([self._radius(rest) for rest in self.rests(rates)]) ** (1 / self.period)

    def _radius(self, rest: Lanes) -> float:
        product, count = partial(self.images, rest), len(self.odd)
        found = (
            spectrum.of_blocks(product, count, self.system.problem) if self._falls_apart else None
        )
        if found is not None:
            return found
        if count <= MOST_DENSE:
            return spectrum.dense(product, count)
        return spectrum.arnoldi(product, count, f"at rate {rest.rates[0]:g}")

    @cached_property
    def _falls_apart(self) -> bool:
        rest = self.rest(self.small_rate)
        found = spectrum.of_blocks(partial(self.images, rest), len(self.odd), self.system.problem)
        return found is not None

    def defects(self, rate: float, size: float | None = None) -> tuple[float, float]:
        """How far the map is from homogeneous of degree 1, and from additive, in units of what it
        moves; of deviations of that size, the smallest by default."""
        size = self.tiny if size is None else size
        rest, of_x = self.rest(rate), self.odd < self.system.problem.size
        random = np.random.default_rng(0)
        # with velocities from far below to far above what a gradient adds to them
        sizes = np.where(of_x, 1.0, np.array([0.0, *np.geomspace(1e-3, 1e3, _PROBES - 1)])[:, None])
        a, b = random.standard_normal((2, _PROBES, len(self.odd))) * sizes
        images = self.images(rest, np.concatenate([a, b, a + b]), size)
        smaller = self.images(rest, a, 2.0**-12 * size) - a
        of_a, of_b, of_sum = images.reshape(3, *a.shape) - np.stack([a, b, a + b])
        if not (np.isfinite(images).all() and np.isfinite(smaller).all()):
            return np.nan, np.nan
        least = 1e-13 * (np.abs(a) + np.abs(b)).max(axis=1, keepdims=True)
        moved = np.abs(of_a) + np.abs(of_b) + np.abs(of_sum)
        moved = np.where(moved > 0, moved, 1)

        def largest(defect):
            return float(np.where(np.abs(defect) > least, np.abs(defect) / moved, 0).max())

        return largest(of_a - smaller), largest(of_a + of_b - of_sum)


def _largest(*arrays: np.ndarray) -> float:
    return float(np.abs(arrays).max())


def _apart(seen: np.ndarray, k: int) -> float:
    return float(np.abs(seen[k:] - seen[:-k]).max(initial=0))
