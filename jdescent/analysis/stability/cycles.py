"""What takes the place of a limit: an oscillation about the minimum in proportion to the rate.

A cycle of two steps, x, −x, x, is a solution of S F(z) = z, S flipping what is odd; it attracts if
the eigenvalues of S·J, its multipliers, are below 1.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jdescent.analysis.stability.linearization import Linearization
from jdescent.analysis.stability.system import TRACE, Lanes

_BURN_IN, _SEEN = 20_000, 8 * TRACE  # steps
_MOST_NUMBERS = 64  # in which a cycle is sought
_NEWTON_STEPS, _SOLVED, _DIFFERENCE = 30, 1e-10, 1e-6
_NO_SQUARE, _GONE, _GROWN, _ALIKE = 1e-150, 1e-4, 1e4, 1.5  # of the rate
_SLOWER, _FEW, _MOST_RUNS = 8, 320, 8
_NEUTRAL = 1e-6


@dataclass(frozen=True)
class Oscillation:
    """How far from the minimum an optimizer stays, in units of the rate.

    Attributes:
        mean, rms, largest: of |xᵢ| over a long run, or of the spectral norm of matrices.
        amplitude: of the cycle x, −x; NaN if there is none, as where steps do not depend smoothly
            on the gradient.
        multipliers: of that cycle, |eigenvalues| from the largest.
    """

    mean: float
    rms: float
    largest: float
    amplitude: float = np.nan
    multipliers: tuple[float, ...] = ()

    @property
    def is_stable(self) -> bool:
        """Whether runs that begin near the cycle x, −x approach it; not so where it is neutral."""
        return bool(self.multipliers) and self.multipliers[0] < 1 - _NEUTRAL


class Sizes(NamedTuple):
    """Of x in one run, in units of the rate."""

    mean: float
    rms: float
    largest: float


def oscillation(linear: Linearization, rate: float) -> Oscillation | str:
    """What is left of x after long runs, or in words why it is not in proportion to the rate."""
    cycle = _cycle(linear, rate)
    runs = _runs(linear, rate, None if cycle is None else cycle[0])
    near, *others = runs
    found, slower = _pooled(others), _pooled(_runs(linear, rate / _SLOWER))
    if not all(run.largest <= _GROWN for run in (near, found, slower)):
        where = f"at the rate {rate:.4g}"
        if slower.largest <= _GROWN:
            return f"it leaves the minimum {where} and not at {rate / _SLOWER:.4g}"
        return f"it leaves the minimum {where} and at {rate / _SLOWER:.4g}"
    gone = max(found.largest, slower.largest) < _GONE
    if cycle is not None and not (gone and cycle[2][0] >= 1):
        _, amplitude, multipliers = cycle
        about = Oscillation(*near, amplitude, multipliers)
        # steps of one size go on from where a run began, also where a decay draws to the cycle
        if about.is_stable and linear.depends_on:
            return about
        return replace(about, **found._asdict())
    if gone:
        return f"it reaches the minimum at the rates {rate / _SLOWER:.4g} and {rate:.4g}"
    if max(slower.rms, found.rms) >= _ALIKE * min(slower.rms, found.rms):
        return (
            "what it leaves of x is not in proportion to the rate: its root mean square is "
            f"{found.rms:.3g} of the rate {rate:.4g}, {slower.rms:.3g} of {rate / _SLOWER:.4g}"
        )
    return Oscillation(*found)


def _pooled(runs: list[Sizes]) -> Sizes:
    """Of all runs; where x is so small that its square is 0, steps may be 0/0 and say nothing."""
    finite = [run for run in runs if np.isfinite(run.largest)]
    if finite and max(run.largest for run in finite) < _NO_SQUARE:
        runs = finite
    means, roots, largest = np.array(runs).T
    with np.errstate(over="ignore"):
        return Sizes(float(means.mean()), float(np.sqrt((roots**2).mean())), float(largest.max()))


def _runs(linear: Linearization, rate: float, cycle: np.ndarray | None = None) -> list[Sizes]:
    """Of some runs, the first from near the cycle if there is one; starts are in units of the
    rate."""
    system, n = linear.system, linear.system.problem.size
    starts = np.random.default_rng(0).standard_normal((system.lanes, n))
    rest = linear.rest(rate)
    z = np.array(rest.z)
    z[:, :n] = rate * starts
    if cycle is not None:
        z[0] = cycle
        z[0, :n] *= 1.01
    is_small = system.size <= _FEW
    burn_in, rows = (_BURN_IN, _SEEN) if is_small else (_BURN_IN // 8, TRACE)
    lanes, _, _ = system.advance(Lanes(np.full(system.lanes, rate), z, rest.rest), burn_in)
    seen = []
    for _ in range(max(1, rows // system.trace)):
        lanes, _, trace = system.advance(lanes, system.trace)
        seen.append(np.asarray(trace))
    xs = np.concatenate(seen)
    return [
        _summary(_sizes(linear, xs[:, lane]) / rate)
        for lane in range(min(system.lanes, _MOST_RUNS))
    ]


def _summary(sizes: np.ndarray) -> Sizes:
    with np.errstate(over="ignore"):
        return Sizes(float(sizes.mean()), float(np.sqrt((sizes**2).mean())), float(sizes.max()))


def _sizes(linear: Linearization, x: np.ndarray) -> np.ndarray:
    """Of every number, or the spectral norms of matrices; of x (steps, n), (steps, sizes)."""
    sizes = []
    for leaf in jax.tree.leaves(jax.vmap(linear.system.problem.unravel)(jnp.asarray(x))):
        leaf = np.asarray(leaf)
        if leaf.ndim == 3 and np.isfinite(leaf).all():
            sizes.append(np.linalg.norm(leaf, 2, (1, 2))[:, None])
        else:
            sizes.append(np.abs(leaf.reshape(len(leaf), -1)))
    return np.concatenate(sizes, axis=1)


# -- the cycle -------------------------------------------------------------------------------------


def _cycle(linear: Linearization, rate: float):
    """z on the cycle, its amplitude and multipliers; None where none is found."""
    system, parity, n = linear.system, linear.parity, linear.system.problem.size
    free = np.flatnonzero(parity.odd | parity.driven)
    if len(free) > _MOST_NUMBERS or linear.noise or linear.period > 1:
        return None
    rest = linear.rest(rate)
    z = np.where(parity.driven, parity.fed, rest.z[0])
    z[:n] = rate / 2
    flips = np.where(parity.odd, -1.0, 1.0)

    def images(points: np.ndarray) -> np.ndarray:
        """S F(z) of points (count, size)."""
        found = []
        for first in range(0, len(points), system.lanes):
            some = points[first : first + system.lanes]
            lanes = rest.with_z(np.resize(some, (system.lanes, system.size)))
            found.append(flips * system.advance(lanes, 1)[0].z[: len(some)])
        return np.concatenate(found)

    state = free[free >= n]
    for _ in range(4):  # the state at an x, and the x of that state, in turns
        settled = _solved(images, z, state)
        if settled is None:
            return None
        z = settled
        step = -images(z[None])[0, :n] - z[:n]
        if not np.all(step < 0):
            return None
        z[:n] = -step / 2
    solution = _solved(images, z, free)
    if solution is None or not np.all(np.abs(solution[:n]) > _GONE * rate):
        return None
    z = solution
    J = _jacobian(images, z, free)
    if not np.isfinite(J).all():
        return None
    multipliers = tuple(sorted(np.abs(np.linalg.eigvals(J)).tolist(), reverse=True))
    return z, float(_sizes(linear, z[None, :n]).max() / rate), multipliers


def _solved(images, z: np.ndarray, free: np.ndarray) -> np.ndarray | None:
    """S F(z) = z by Newton's method in some of its numbers; None if it does not converge."""
    z = z.copy()
    for _ in range(_NEWTON_STEPS):
        missing = (images(z[None])[0] - z)[free]
        if not np.isfinite(missing).all():
            return None
        if np.all(np.abs(missing) <= _SOLVED * np.abs(z[free])):
            return z
        J = _jacobian(images, z, free)
        try:
            z[free] += np.linalg.solve(np.eye(len(free)) - J, missing)
        except np.linalg.LinAlgError:
            return None
    return None


def _jacobian(images, z: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Of S F in some numbers, by central differences."""
    sizes = np.abs(z[free])
    largest = sizes.max() or 1.0
    steps = _DIFFERENCE * np.where(sizes > 0, sizes, 1e-3 * largest)
    moved = np.zeros((len(free), z.size))
    moved[np.arange(len(free)), free] = steps
    up, down = images(z + moved)[:, free], images(z - moved)[:, free]
    with np.errstate(all="ignore"):
        return ((up - down) / (2 * steps[:, None])).T
