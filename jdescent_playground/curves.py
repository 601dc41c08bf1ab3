"""The curves of the one-dimensional page, and what is known or found of their minima."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy

import jdescent as jd
from jdescent_playground.expressions import Expression
from jdescent_playground.numbers import shown
from jdescent_playground.runs import Task

POINTS = 801
DOMAIN = (-3.0, 3.0)  # of a typed curve
STARTS = ("far left", "near a minimum", "on a top", "far right")
VANISHING = 1e-6  # of its size beside it: what is so small is zero
EDGE = 0.04  # of the domain: how far "far left" is from its end


@dataclass(frozen=True)
class Curve:
    """A loss of a scalar x, as the page shows it.

    Attributes:
        name: the key in `CURVES`; empty for a typed one.
        formula: how people write it.
        task: the loss itself.
        domain: the x that are drawn.
        start: where the ball first lies.
        minima: (x, curvature λ) of each minimum within the domain, by x.
        parabola: whether the curvature is the same everywhere.
    """

    name: str
    formula: str
    task: Task
    domain: tuple[float, float]
    start: float
    minima: tuple[tuple[float, float], ...]
    parabola: bool = False

    def minimum_below(self, x: float) -> tuple[float, float] | None:
        """The (position, curvature) of the minimum that lies downhill of x, None if none is known.

        Example:
            >>> well = CURVES["double-well"]
            >>> well.minimum_below(-0.2), well.minimum_below(0.2)
            ((-1.0, 2.5), (1.5, 3.75))
        """
        if not self.minima or not np.isfinite(x):
            return None
        slope = self.slope(x)
        ahead = [one for one in self.minima if (one[0] - x) * slope < 0]
        return min(ahead or self.minima, key=lambda one: abs(one[0] - x))

    @functools.cached_property
    def lowest(self) -> float | None:
        """Where the lowest known minimum is."""
        return min((place for place, _ in self.minima), key=self.height, default=None)

    @functools.cached_property
    def least(self) -> float | None:
        """The loss at the lowest known minimum."""
        return None if self.lowest is None else self.height(self.lowest)

    @functools.cached_property
    def tops(self) -> tuple[float, ...]:
        """The maxima within the domain, by x: they part its valleys.

        Example:
            >>> [round(x, 3) for x in CURVES["rugged"].tops]
            [-2.661, -1.584, -0.527, 0.527, 1.584, 2.661]
        """
        return tuple(_turns(self.task.loss, self.domain, -1))

    @functools.cached_property
    def starts(self) -> dict[str, float]:
        """Places worth starting from, by the words of `STARTS`; those that there are.

        Example:
            >>> {words: round(x, 2) for words, x in CURVES["double-well"].starts.items()}
            {'far left': -1.82, 'near a minimum': 1.77, 'on a top': 0.0, 'far right': 2.32}
        """
        x, height, _ = _sampled(self.task.loss, self.domain)
        low, high = self.domain
        gentle = np.isfinite(height) & ~_poles(height)
        inside = x[gentle & (x >= low + EDGE * (high - low)) & (x <= high - EDGE * (high - low))]
        tops = [*self.tops]
        found: dict[str, float] = {}
        if inside.size:
            found |= {"far left": inside[0], "far right": inside[-1]}
        lowest = self.lowest
        if lowest is not None:
            found["near a minimum"] = lowest + 1.5 * EDGE * (high - low)
            tops.sort(key=lambda top: abs(top - lowest))
        if tops:
            found["on a top"] = tops[0]
        return {words: float(found[words]) for words in STARTS if words in found}

    def height(self, x: float) -> float:
        return float(_heights(self.task.loss)(jnp.asarray([x], float))[0][0])

    def slope(self, x: float) -> float:
        return float(_heights(self.task.loss)(jnp.asarray([x], float))[1][0])

    def drawn(self) -> tuple[np.ndarray, np.ndarray]:
        """(x, L(x)) at `POINTS` places over the domain; NaN where L is not finite."""
        x, height, _ = _sampled(self.task.loss, self.domain)
        return x, np.where(np.isfinite(height), height, np.nan)

    def remark(self) -> str:
        """In words, where in the domain the loss is not a number, has a pole or is too large."""
        x, height, _ = _sampled(self.task.loss, self.domain)
        undefined, infinite = np.isnan(height), np.isinf(height)
        remarks = []
        if undefined.all():
            return "L(x) is not a number anywhere here: try another range or formula."
        if undefined.any():
            remarks.append(f"L(x) is not a number {_where(x, undefined)}.")
        place = self._pole
        if place is not None:
            remarks.append(f"L(x) has a pole near x = {_number(place)}.")
        elif infinite.any():
            remarks.append(f"L(x) is too large for 32 bits {_where(x, infinite)}: it overflows.")
        elif _poles(height).any():
            remarks.append(self._steep(x, height))
        return " ".join(remarks)

    def _steep(self, x: np.ndarray, height: np.ndarray) -> str:
        """Where the loss is far above the rest, and whether it overflows a view further."""
        at = _steepest(height, _poles(height))
        low, high = self.domain
        wider, heights, _ = _sampled(self.task.loss, (2 * low - high, 2 * high - low))
        overflows = np.isinf(heights)
        told = f"L(x) reaches {shown(height[at])} near x = {_number(x[at])}, far beyond this view"
        if not overflows.any():
            return f"{told}."
        return f"{told}; {_where(wider, overflows)} it overflows: it is too large for 32 bits."

    @functools.cached_property
    def _pole(self) -> float | None:
        """Where the loss is steepest of all places where something that it divides by is zero."""
        x, height, _ = _sampled(self.task.loss, self.domain)
        candidates = _vanishes(self.task.loss, x)
        beyond = np.isinf(height) | _poles(height)
        steep = candidates & (beyond | _neighbor(beyond))
        return float(x[_steepest(height, steep)]) if steep.any() else None

    def range(self) -> tuple[float, float]:
        """The heights to draw, low and high, with some air; poles do not count."""
        _, height = self.drawn()
        finite = height[np.isfinite(height)]
        if not finite.size:
            return -1.0, 1.0
        low, high = finite.min(), finite.max()
        if _poles(height).any():
            low, high = np.quantile(finite, [0.05, 0.95])
        air = 0.08 * (high - low) or 1.0
        return float(low - 1.6 * air), float(high + air)


def typed(expression: Expression, domain: tuple[float, float] = DOMAIN) -> Curve:
    """The curve of a typed formula; its minima are found, not known.

    Example:
        >>> from jdescent_playground.expressions import parse
        >>> (place, curvature), = typed(parse("(x - 1)^2 * 3")).minima
        >>> print(f"{place:.3f} {curvature:.3f}")
        1.000 6.000
    """
    task = Task(expression, f"lambda x: {expression.source}")
    return _found("", expression.text, task, domain, start=_start(task, domain))


def _known(
    name: str, formula: str, landscape: jd.losses.Landscape, code: str,
    domain: tuple[float, float], start: float, parabola: bool = False, **examples: Any,
) -> Curve:  # fmt: skip
    minima = tuple((float(np.asarray(p.position)), p.curvatures[0]) for p in landscape.minima)
    return Curve(name, formula, Task(landscape, code, **examples), domain, start, minima, parabola)


def _found(name: str, formula: str, task: Task, domain: tuple[float, float], start: float) -> Curve:
    return Curve(name, formula, task, domain, start, _minima(task.loss, domain))


def _rugged(x):
    return _RASTRIGIN(x[None])


_RASTRIGIN = jd.losses.rastrigin(1, amplitude=1.0)


@functools.cache
def _curves() -> dict[str, Curve]:
    losses = jd.losses
    all_curves = [
        _known("bowl", "½(x − 1)² + ½", losses.parabola(1.0, 1.0, 0.5),
               "jd.losses.parabola(1.0, 1.0, 0.5)", (-3.2, 5.2), -2.5, True),
        _known("parabola", "(x − 3)²", losses.parabola(), "jd.losses.parabola()",
               (-0.6, 6.6), 0.0, True),
        _known("double-well", "x⁴/4 − x³/6 − 3x²/4", losses.double_well(),
               "jd.losses.double_well()", (-2.0, 2.5), -1.8,
               examples=losses.double_well_examples,
               examples_code="jd.losses.double_well_examples"),
        _found("rugged", "x² + 2 sin²(πx)",
               Task(_rugged, "lambda x: jd.losses.rastrigin(1, amplitude=1.0)(x[None])"),
               (-3.4, 3.4), 2.7),
    ]  # fmt: skip
    return {curve.name: curve for curve in all_curves}


def _start(task: Task, domain: tuple[float, float]) -> float:
    """A place a sixth of the way or further, where the loss is defined and not steep."""
    x, height, slope = _sampled(task.loss, domain)
    defined = np.isfinite(height) & np.isfinite(slope)
    moderate = defined & ~_poles(height)
    if moderate.any():
        moderate &= height <= np.quantile(height[moderate], 0.85)
    later = np.flatnonzero(moderate[POINTS // 6 :])
    at = later[0] + POINTS // 6 if later.size else np.argmax(defined)
    return float(f"{x[at]:.3g}")


@functools.lru_cache(maxsize=64)
def _heights(loss: Callable) -> Callable:
    return jax.jit(jax.vmap(jax.value_and_grad(loss)))


@functools.lru_cache(maxsize=64)
def _sampled(loss: Callable, domain: tuple[float, float]) -> tuple[np.ndarray, ...]:
    x = np.linspace(*domain, POINTS)
    height, slope = jax.device_get(_heights(loss)(jnp.asarray(x, float)))
    return x, height.astype(float), slope.astype(float)


def _minima(loss: Callable, domain: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """Where the slope turns from − to +, with L″ there."""
    curvature_at = jax.jit(jax.grad(jax.grad(loss)))
    found = []
    for place in _turns(loss, domain, 1):
        curvature = float(curvature_at(jnp.asarray(place, float)))
        if np.isfinite(curvature) and curvature > 0:
            found.append((place, curvature))
    return tuple(found)


def _turns(loss: Callable, domain: tuple[float, float], sign: int) -> list[float]:
    """Where the slope turns, without a jump, from −`sign` to `sign`, by bisection."""
    x, _, slope = _sampled(loss, domain)
    turns = np.flatnonzero((sign * slope[:-1] < 0) & (sign * slope[1:] >= 0))
    slope_at = jax.jit(jax.grad(loss))
    found = []
    for i in turns:
        steps = np.abs(np.diff(slope[max(i - 2, 0) : i + 4]))
        if not np.isfinite(steps).all() or abs(slope[i + 1] - slope[i]) > 3 * np.median(steps):
            continue  # a kink or a pole

        def slope_near(place: float) -> float:
            return float(slope_at(jnp.asarray(place, float)))

        ends = slope_near(x[i]), slope_near(x[i + 1])
        place = (
            x[i + 1]
            if ends[1] == 0
            else scipy.optimize.brentq(slope_near, x[i], x[i + 1], xtol=1e-7)
        )
        found.append(float(place))
    return found


def _vanishes(loss: Callable, x: np.ndarray) -> np.ndarray:
    """Where something that a typed formula divides by (or takes the logarithm of) is zero.

    It is where it changes its sign between two places, or where it is nothing beside what it is
    at the next place: a square does not change its sign.
    """
    found = np.zeros(len(x), bool)
    if not isinstance(loss, Expression) or not loss.vanishing:
        return found
    all_values = np.asarray(_divisors(loss)(jnp.asarray(x, float))).T.astype(float)
    for which, values in enumerate(all_values):
        signs = np.sign(values)
        changes = np.flatnonzero(signs[:-1] * signs[1:] < 0)
        found[changes] = found[changes + 1] = True
        zero = signs == 0  # alone: a stretch of them is what is too small for 32 bits
        found |= zero & ~_neighbor(zero)
        finite = np.where(np.isfinite(values), np.abs(values), np.inf)
        least = int(np.argmin(finite))
        if np.isfinite(finite[least]) and finite[least] > 0:
            ends = x[max(least - 1, 0)], x[min(least + 1, len(x) - 1)]
            beside = finite[[max(least - 1, 0), min(least + 1, len(x) - 1)]]
            beside = np.max(beside, where=np.isfinite(beside), initial=0.0)
            found[least] |= _least(loss, which, ends) <= VANISHING * beside
    return found


def _least(loss: Expression, which: int, ends: tuple[float, float]) -> float:
    """The smallest size of one of the divisors between two places."""
    low, high = ends
    for _ in range(4):
        x = np.linspace(low, high, POINTS)
        values = np.abs(np.asarray(_divisors(loss)(jnp.asarray(x, float)))[:, which])
        at = int(np.nanargmin(values)) if np.isfinite(values).any() else 0
        low, high = x[max(at - 1, 0)], x[min(at + 1, POINTS - 1)]
    return float(values[at])


@functools.lru_cache(maxsize=64)
def _divisors(loss: Expression) -> Callable:
    return jax.jit(jax.vmap(loss.divisors))


def _neighbor(places: np.ndarray) -> np.ndarray:
    """Those beside some places."""
    padded = np.pad(places, 1)
    return padded[:-2] | padded[2:]


def _poles(height: np.ndarray) -> np.ndarray:
    """Where the height is far beyond what the rest of the curve reaches."""
    finite = np.isfinite(height)
    if finite.sum() < 10:
        return np.zeros(len(height), bool)
    low, high = np.quantile(height[finite], [0.1, 0.9])
    with np.errstate(invalid="ignore"):
        beyond = (height > high + 20 * (high - low)) | (height < low - 20 * (high - low))
    return beyond & finite


def _steepest(height: np.ndarray, steep: np.ndarray) -> int:
    return int(np.argmax(np.where(steep, np.abs(height), 0)))


def _where(x: np.ndarray, there: np.ndarray) -> str:
    """In words, the first stretch or two of the places where something is so."""
    edges = np.flatnonzero(np.diff(np.pad(there.astype(int), 1)))
    stretches = [_stretch(x, first, last - 1) for first, last in edges.reshape(-1, 2)[:2]]
    return " and ".join(stretches)


def _stretch(x: np.ndarray, first: int, last: int) -> str:
    if first == last:
        return f"at x = {_number(x[first])}"
    if first == 0 and last == len(x) - 1:
        return "everywhere here"
    if first == 0:
        return f"left of x = {_number(x[last])}"
    if last == len(x) - 1:
        return f"right of x = {_number(x[first])}"
    return f"between x = {_number(x[first])} and {_number(x[last])}"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−").replace("−0.00", "0.00")


CURVES: Mapping[str, Curve] = _curves()
