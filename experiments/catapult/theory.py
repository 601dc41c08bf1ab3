"""The whole of gradient descent on f = v·u/√n with one example, as a map of two numbers.

With the kernel λ = (‖u‖² + ‖v‖²)/n, in units a = ηλ and y = η²f²/n,

    y ← y(1 − a + y)²        a ← a − y(4 − a)

and 2√y ≤ a. Hence, for every width and start but those of measure zero:

- a < 4 stays below 4 and falls, so that Σ y(4 − a) is finite, y → 0 and a ends at 2 or below.
- a > 4 rises without end.
- a = 4 stays: with y = 4cos²θ the map is θ ← 3θ, chaos on [0, 4]. The distance |4 − a| grows by
  1 + y a step, whose logarithm has the mean ln φ² there, φ the golden ratio.
- From a = 2 + δ and a small y, with terms up to δ³: y = (δ² − z²)/2 + (δ³ − z³)/3 at a = 2 + z. It
  peaks at δ²/2 + δ³/3, and a ends at 2 − δ − ⅔δ².

Reference: A. Lewkowycz, Y. Bahri, E. Dyer, J. Sohl-Dickstein and G. Gur-Ari, 2020, The large
learning rate phase of deep learning: the catapult mechanism, arXiv 2003.02218, section 2.1 (the
map, and its phases for large widths); the rest is derived here.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

CRITICAL, DIVERGENT = 2.0, 4.0
LEAVING = math.log((3 + math.sqrt(5)) / 2)  # ln φ², the mean of ln(1 + 4cos²θ)
SMALL = 1e-9  # y at the start of a run of infinite width
PHASES = 1_000
LONGEST = 1_000

Values = Float[np.ndarray, "*runs"]


class Catapult(NamedTuple):
    """Where a run ends, and its peak.

    Attributes:
        curvature: ηλ at the end.
        peak: the largest η²f²/n, which is 2η²L/n.
    """

    curvature: Values
    peak: Values


def step(a: Values, y: Values) -> tuple[Values, Values]:
    return a - y * (4 - a), y * (1 - a + y) ** 2


def follow(a: Values, y: Values, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """a and y at steps 0, 1, …, along a last axis."""
    rows = [(np.asarray(a, float), np.asarray(y, float))]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            rows.append(step(*rows[-1]))
    curvatures, sizes = zip(*rows, strict=True)
    return np.stack(curvatures, axis=-1), np.stack(sizes, axis=-1)


def wide(a: float) -> Catapult:
    """Runs from 2 < a < 4 as n → ∞, one for each phase of ln y within a period of 2 ln(a − 1).

    A start of size y = O(1/n) comes to each of them as often, whatever n.
    """
    period = 2 * math.log(a - 1)
    y = SMALL * np.exp(period * (np.arange(PHASES) + 0.5) / PHASES)
    curvature, peak = np.full_like(y, a), y
    for _ in range(LONGEST):
        curvature, y = step(curvature, y)
        peak = np.maximum(peak, y)
    return Catapult(curvature, peak)


def near_critical(a: float | np.ndarray) -> Catapult:
    """The same for a = 2 + δ with a small δ > 0, up to δ²; the peak up to δ³."""
    delta = a - CRITICAL
    return Catapult(
        np.asarray(CRITICAL - delta - 2 / 3 * delta**2), np.asarray(delta**2 / 2 + delta**3 / 3)
    )


def lazy_change(a: float, y: Values) -> Values:
    """What ηλ loses below 2, to first order in y = O(1/n): (4 − a)·Σ y(1 − a)²ᵗ."""
    return y * (4 - a) / (a * (2 - a))


def chaotic(y: float, steps: int) -> np.ndarray:
    """y at steps 0, 1, … where a = 4."""
    return 4 * np.cos(3.0 ** np.arange(steps + 1) * math.acos(math.sqrt(y) / 2)) ** 2


def steps_per_width(a: float) -> float:
    """By how many steps the peak is later for each unit of ln n."""
    return 1 / (2 * math.log(a - 1))
