"""Which numbers of a state flip their sign with the gradients.

One optimizer is fed x and gradients, another −x and their negatives, a third nothing, a fourth
something else. On a quadratic F(−odd, even) = (−odd′, even′), so that at odd = 0 the Jacobian of
one update is block diagonal.
"""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from jdescent.analysis.stability.system import Lanes, System

STEPS, MORE_STEPS, TRIED = 300, 20_000, 40
RELATIVE_RATE = 0.01  # of 1/curvature
_SAME, _ROUNDED = 1e-9, 1e-14
_FED, _MIRRORED, _OTHER, _AT_REST, _AT_TWICE_THE_RATE = range(5)


class Parity(NamedTuple):
    """What each number of z and of the rest does.

    Attributes:
        odd: flips with the gradients: iterates, momenta.
        driven: even, and depends on the gradients: second moments.
        own: even, and goes its own way whatever the gradients are: counters, powers of β.
        leaves: "odd", "even" (driven), "neutral" (own), "neither" or "not finite", by path.
        driven_rest: paths of integers and flags that depend on the gradients.
        ignores_the_rate: twice the rate walks the same path.
        fed: z after those steps, as an example of what it may be.
    """

    odd: np.ndarray
    driven: np.ndarray
    own: np.ndarray
    leaves: dict[str, str]
    driven_rest: list[str]
    ignores_the_rate: bool
    fed: np.ndarray

    def paths_that_are(self, word: str) -> list[str]:
        return [path for path, words in self.leaves.items() if word in words]


def parity(system: System) -> Parity:
    """Guessed after some hundred steps, which forget most of how they began, and then tried.

    Where some numbers are neither, as a beginning that is not odd may be remembered for long, once
    more after 20,000 steps.
    """
    found = _after(system, STEPS)
    return _after(system, MORE_STEPS) if found.paths_that_are("neither") else found


def _after(system: System, steps: int) -> Parity:
    n, rate = system.problem.size, RELATIVE_RATE / system.problem.scale
    signs = np.zeros((system.lanes, 2))
    signs[_FED], signs[_MIRRORED], signs[_OTHER] = (1, 0), (-1, 0), (0, 2)
    signs[_AT_TWICE_THE_RATE] = (1, 0)
    starts = np.stack([np.cos(1.0 + np.arange(n)), 2 * np.sin(2.0 + np.arange(n))])
    rates = np.full(system.lanes, rate)
    rates[_AT_TWICE_THE_RATE] = 2 * rate
    feed = system.feed(noise=signs * system.problem.scale)
    lanes, _, _ = system.advance(system.start(rates, signs @ starts), steps, feed)
    ignores_the_rate = np.array_equal(
        lanes.z[_FED], lanes.z[_AT_TWICE_THE_RATE], equal_nan=True
    )  # fmt: skip
    before, _, _ = system.advance(_mirrored(lanes), TRIED, feed)
    # what is emptied every few steps may be empty at one of them, not at two in a row
    lanes, _, _ = system.advance(before, 1, feed)
    (flags, finite), (flags_after, finite_after) = _flags(before.z), _flags(lanes.z)
    odd, even, still = (a & b for a, b in zip(flags, flags_after, strict=True))
    odd &= ~still
    even &= ~odd
    parts = (odd, even, still, finite & finite_after)
    words = dict(zip(system.float_paths, _in_words(system, *parts), strict=True))
    of_rest, driven_rest = _of_rest(system, lanes)
    words |= of_rest
    return Parity(
        odd=odd,
        driven=even & ~still,
        own=still,
        leaves={path: words[path] for path in system.paths},
        driven_rest=driven_rest,
        ignores_the_rate=ignores_the_rate,
        fed=lanes.z[_FED],
    )


def _mirrored(lanes: Lanes) -> Lanes:
    """The mirror image made of the first lane: what is nearer to its negative there is negated."""
    z = np.array(lanes.z)
    rest = np.where(np.isfinite(z[_AT_REST]), z[_AT_REST], 0)
    fed, mirrored = z[_FED] - rest, z[_MIRRORED] - rest
    flips = np.abs(fed + mirrored) < np.abs(fed - mirrored)
    z[_MIRRORED] = rest + np.where(flips, -fed, fed)
    return lanes.with_z(z)


def _flags(z: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Whether each element is odd, is even, and stands still; and whether it is finite."""
    # without any gradient a step may be 0/0
    rest = np.where(np.isfinite(z[_AT_REST]), z[_AT_REST], 0)
    fed, mirrored, other = (z[i] - rest for i in (_FED, _MIRRORED, _OTHER))
    size, least = np.abs(fed) + np.abs(mirrored), _ROUNDED * np.abs(rest)
    with np.errstate(invalid="ignore"):  # what is infinite is neither, and not finite
        odd = np.abs(fed + mirrored) <= _SAME * size + least
        even = np.abs(fed - mirrored) <= _SAME * size + least
    still = (size <= least) & (np.abs(other) <= least)
    return [odd, even, still], np.isfinite(z[[_FED, _MIRRORED, _OTHER]]).all(axis=0)


def _in_words(system: System, odd, even, still, finite) -> list[str]:
    words = []
    for odd_, even_, still_, finite_ in zip(
        *map(system.parts, (odd, even, still, finite)), strict=True
    ):
        kinds = {
            "odd": odd_.any(),
            "even": (even_ & ~still_).any(),
            "neutral": still_.any() or not still_.size,
            "neither": not (odd_ | even_).all(),
        }
        found = " and ".join(kind for kind, there_is in kinds.items() if there_is)
        words.append(found if finite_.all() else "not finite")
    return words


def _of_rest(system: System, lanes: Lanes) -> tuple[dict[str, str], list[str]]:
    words, driven = {}, []
    for path, leaf in zip(system.rest_paths, lanes.rest, strict=True):
        numbers = plain(leaf)
        words[path] = "neutral"
        if not np.array_equal(numbers[_FED], numbers[_MIRRORED]):
            words[path] = "neither"
        elif not all(np.array_equal(numbers[_FED], numbers[i]) for i in (_OTHER, _AT_REST)):
            driven.append(path)
            words[path] = "even"
    return words, driven


def plain(leaf: Array) -> np.ndarray:
    """The numbers of an array that may be one of keys."""
    is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)
