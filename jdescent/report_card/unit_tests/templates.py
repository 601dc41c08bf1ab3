"""The 75 templates of Schaul et al. (2013), and the 3,944 tests that they stand for.

The paper names the prototypes and how they combine; which combinations are run is a list in the
authors' code, and stands here. Of the tests in one dimension 244 are another one by another name:
noise that drifts, where there is none or none with a size. So 3,700 are distinct.
"""

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class Noise(NamedTuple):
    """What is done to a loss and its gradient g, by a standard normal z or Cauchy c each step:
    g ← g·exp(log_normal·z) + normal·z + cauchy·c, and all is 0 with the probability masked."""

    words: str
    normal: float = 0.0
    cauchy: float = 0.0
    log_normal: float = 0.0
    masked: float = 0.0

    @property
    def has_size(self) -> bool:
        return self.normal + self.cauchy + self.log_normal > 0


class Scale(NamedTuple):
    """Slope and value at the start."""

    slope: float
    start: float


NOISES: Mapping[str, Noise] = {
    "none": Noise("no noise"),
    "additive_low": Noise("additive noise of 0.01", normal=0.01),
    "additive": Noise("additive noise of 0.1", normal=0.1),
    "additive_high": Noise("additive noise of 10", normal=10),
    "multiplicative_low": Noise("multiplicative noise of 0.1", log_normal=0.1),
    "multiplicative": Noise("multiplicative noise of 1", log_normal=1),
    "multiplicative_high": Noise("multiplicative noise of 10", log_normal=10),
    "mask_low": Noise("a tenth masked out", masked=0.1),
    "mask_high": Noise("nine tenths masked out", masked=0.9),
    "cauchy": Noise("additive Cauchy noise", cauchy=1),
}
SCALES: Mapping[str, Scale] = {
    "normal": Scale(-1, 200),
    "steep": Scale(-10, 200),
    "saddle": Scale(1, 200),
    "flat": Scale(-0.1, 2),
}
DRIFTS: Mapping[str, str] = {
    "none": "",
    "slope": "the slope drifts",
    "noise": "the noise drifts",
    "shift": "the place drifts",
}


class UnitTest(NamedTuple):
    """One test in names: a chain of shapes, a scale and a noise for each dimension, and more."""

    chains: tuple[str, ...]
    scales: tuple[str, ...]
    noises: tuple[str, ...]
    rotated: bool = False
    curled: bool = False
    drift: str = "none"

    @property
    def dimensions(self) -> int:
        return len(self.chains)

    @property
    def is_distinct(self) -> bool:
        return self.drift != "noise" or NOISES[self.noises[0]].has_size

    @property
    def prototype(self) -> str:
        """Its shapes and scales in words."""
        return f"{_of_dimensions(self.chains)}, {_of_dimensions(self.scales)}"

    @property
    def words(self) -> str:
        noise = _of_dimensions([NOISES[noise].words for noise in self.noises])
        more = ["rotated"] * self.rotated + ["with curl"] * self.curled
        more += [DRIFTS[self.drift]] * (self.drift != "none")
        return ", ".join([self.prototype, noise, *more])


def _of_dimensions(words: Sequence[str]) -> str:
    counted = [(word, len(list(same))) for word, same in itertools.groupby(words)]
    if len(counted) == 1:
        return counted[0][0] + (f" in {len(words)} dimensions" if len(words) > 1 else "")
    return " + ".join(f"{count} × {word}" if count > 1 else word for word, count in counted)


ADDITIVE = ("additive_low", "additive", "additive_high")
MULTIPLICATIVE = ("multiplicative_low", "multiplicative", "multiplicative_high")
MIXED = ("none", "additive", "additive_low additive_high", "additive_high additive_low")
BEGINNINGS = (
    "quad_convex", "gauss_nonconvex", "gauss_convex", "laplace_nonconvex", "laplace_convex",
)  # fmt: skip
ALONE = ("line", "quad_bowl", "abs", "bend", "relu", "gauss_bowl", "cliff", "ridge")
CHAINS = (
    "exponential",
    *(f"{a} {b}" for b in ("line", "exponential") for a in BEGINNINGS),
    *(f"{a} relu" for a in ("quad_convex", "gauss_nonconvex", "gauss_convex", "laplace_convex")),
    "line exponential",
    *(f"{a}_nonconvex {a}_convex {a}_bowl {a}_convex {a}_nonconvex" for a in ("gauss", "laplace")),
    "line quad_bowl line",
    *(f"quad_convex {a} quad_convex" for a in ("abs", "cliff")),
    *(f"quad_convex {a} gauss_nonconvex" for a in ("abs", "cliff", "quad_bowl")),
    *(f"{a} exponential" for a in ("cliff", "quad_bowl cliff")),
    *(f"{a} quad_bowl" for a in ("cliff", "quad_convex cliff")),
    *(f"{a}relu bend {b}"
      for a in ("", "quad_convex ")
      for b in ("line", "quad_bowl", "exponential")),
    "gauss_nonconvex relu line",
    *(f"gauss_nonconvex relu bend {a}" for a in ("quad_bowl", "exponential")),
)  # fmt: skip

WELL = "laplace_convex laplace_nonconvex quad_convex"
ALL = tuple(SCALES)
PLAIN, TURNED = ((False, False),), tuple(itertools.product((False, True), (False, True)))
ROTATED = ((False, False), (True, False))

Composed = tuple[str, str, tuple[str, ...], tuple[tuple[bool, bool], ...]]
"""Chains of the first and of the other dimensions, their scales, whether rotated and curled."""

TWO: Sequence[Composed] = (
    ("quad_bowl", "quad_bowl", ALL, ROTATED),
    ("abs", "quad_bowl", ("steep normal", "normal steep"), TURNED),
    ("quad_bowl", "line", ("normal", "steep normal"), PLAIN),
    ("line", "line", ("normal",), PLAIN),
    ("relu", "line", ("normal",), PLAIN),
    ("exponential", "line", ("normal", "steep normal"), PLAIN),
    ("abs", "line", ("normal", "steep normal"), PLAIN),
    ("abs", "abs", ("normal",), TURNED),
    ("cliff", "abs", ("normal", "steep normal"), PLAIN),
    ("cliff", "line", ("normal",), TURNED),
    ("cliff", "quad_bowl", ("normal",), TURNED),
    ("exponential", "quad_bowl", ("normal",), PLAIN),
    ("gauss_nonconvex", "abs", ("saddle normal",), PLAIN),
    ("gauss_nonconvex", "quad_bowl", ("saddle normal",), PLAIN),
    (WELL, WELL, ("normal", "saddle normal"), PLAIN),
)
TEN: Sequence[Composed] = (
    ("quad_bowl", "quad_bowl", ALL, PLAIN),
    (WELL, WELL, ("normal", "saddle normal"), PLAIN),
    ("abs", "quad_bowl", ("normal saddle", "normal steep"), PLAIN),
    ("quad_bowl", "line", ("steep normal",), PLAIN),
    ("line", "line", ("normal",), PLAIN),
    ("relu", "line", ("normal",), PLAIN),
    ("exponential", "line", ("normal", "steep normal"), PLAIN),
    ("abs", "line", ("steep normal",), PLAIN),
    ("abs", "abs", ("normal",), TURNED),
    ("cliff", "abs", ("steep normal",), PLAIN),
    ("cliff", "line", ("normal",), TURNED),
    ("cliff", "quad_bowl", ("normal",), ROTATED),
    ("exponential", "quad_bowl", ("normal",), PLAIN),
    ("gauss_nonconvex", "abs", ("saddle normal",), PLAIN),
    ("gauss_nonconvex", "quad_bowl", ("saddle normal",), PLAIN),
)
TEMPLATES = len(ALONE) + len(CHAINS) + len(TWO) + len(TEN)


def _of_one_dimension() -> Iterator[UnitTest]:
    few = ("none", *ADDITIVE)
    for chain in (*ALONE, *CHAINS):
        noises = tuple(NOISES) if chain in ALONE else few
        for noise, scale, drift in itertools.product(noises, SCALES, DRIFTS):
            yield UnitTest((chain,), (scale,), (noise,), drift=drift)


def _composed(templates: Sequence[Composed], dimensions: int) -> Iterator[UnitTest]:
    def spread(names: str) -> tuple[str, ...]:
        first, last = names.split()[0], names.split()[-1]
        return (first, *[last] * (dimensions - 1))

    for first, rest, scales, turns in templates:
        noises: tuple[str, ...] = MIXED if dimensions == 2 else ("none", *ADDITIVE)
        if dimensions == 10 and first == rest == "quad_bowl":
            noises = (*noises, *MULTIPLICATIVE)
        for noise, scale, turn in itertools.product(noises, scales, turns):
            yield UnitTest((first, *[rest] * (dimensions - 1)), spread(scale), spread(noise), *turn)


@functools.cache
def all_tests() -> tuple[UnitTest, ...]:
    """The 3,944: 3,648 of one dimension, 172 of two and 124 of ten.

    Example:
        >>> tests = all_tests()
        >>> len(tests), sum(test.is_distinct for test in tests)
        (3944, 3700)
        >>> tests[1].words
        'line, normal, no noise, the slope drifts'
    """
    return (*_of_one_dimension(), *_composed(TWO, 2), *_composed(TEN, 10))
