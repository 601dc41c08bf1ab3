"""Momentum at a minimum: what one step multiplies the error by, over learning rate and momentum.

Near a minimum a loss is a bowl, and on each curvature λ a momentum method obeys
x ← T·x − D·x₋₁ in its last two positions: it multiplies the error by the roots of r² − T·r + D.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jdescent import analysis
from jdescent.analysis.rates import SHORTEST_RECORD
from jdescent_playground.catalog import METHODS, looks_ahead, stability_limit
from jdescent_playground.runs import Run

RATES, MOMENTA = 72, 50
LARGEST_MOMENTUM = 0.98
ROUNDING = 1e-6  # of the distance at the start: float32 comes no nearer

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class RateMap:
    """The factor a step over learning rate and momentum, the slowest curvature's.

    Attributes:
        rates: (RATES,), rising.
        momenta: (MOMENTA,), rising.
        factor: (MOMENTA, RATES); 1 or more where the method diverges.
        limit: (MOMENTA,) the largest stable learning rate.
        tuned: the learning rate and the momentum where the factor is least, and that factor.
    """

    rates: np.ndarray
    momenta: np.ndarray
    factor: np.ndarray
    limit: np.ndarray
    tuned: analysis.Tuning


def has_momentum(method: str, settings: Settings) -> bool:
    """Whether the factors of a method are known in closed form.

    Example:
        >>> has_momentum("heavy_ball", {}), has_momentum("adam", {})
        (True, False)
    """
    return stability_limit(method, {**settings, "momentum": 0.0}, 1.0) is not None


def factor(method: str, settings: Settings, rate: Any, momentum: Any, curvature: float) -> Any:
    """What a step multiplies the error along one curvature by, in the long run.

    Example:
        >>> print(f"{factor('heavy_ball', {}, 0.1, 0.81, 2.0):.2f}")
        0.90
    """
    whole = {**METHODS[method].defaults, **settings}
    if looks_ahead(method, whole):
        return analysis.nesterov_rate(rate, curvature, momentum)
    return analysis.heavy_ball_rate(_undampened(rate, whole), curvature, momentum)


def eigenvalues(
    method: str, settings: Settings, rate: float, momentum: float, curvatures: Sequence[float]
) -> np.ndarray:
    """The roots of r² − T·r + D for each curvature, (2 · curvatures,), complex.

    The heavy ball has T = 1 + β − ηλ and D = β; Nesterov's momentum, (1 + β)(1 − ηλ) and
    β(1 − ηλ).

    Example:
        >>> print(abs(eigenvalues("heavy_ball", {}, 0.1, 0.81, [2.0])).round(2))
        [0.9 0.9]
    """
    whole = {**METHODS[method].defaults, **settings}
    left = 1 - _undampened(rate, whole) * np.asarray(curvatures, float)
    if looks_ahead(method, whole):
        trace, determinant = (1 + momentum) * left, momentum * left
    else:
        trace, determinant = momentum + left, np.full_like(left, momentum)
    roots = [np.roots([1.0, -t, d]) for t, d in zip(trace, determinant, strict=True)]
    return np.concatenate([np.pad(each, (0, 2 - len(each))) for each in roots]).astype(complex)


def rate_map(method: str, settings: Settings, curvatures: Sequence[float]) -> RateMap:
    """The factor a step on a bowl of these curvatures.

    Args:
        method: one that `has_momentum`.
        settings: its switches and its dampening; learning rate and momentum are the map's axes.
        curvatures: eigenvalues of the Hessian, positive.

    Example:
        >>> found = rate_map("heavy_ball", {}, (1.0, 10.0))
        >>> print(f"{found.factor.min():.2f} {found.tuned.rate:.2f}")
        0.53 0.52
    """
    kept = {k: v for k, v in settings.items() if k not in ("learning_rate", "momentum")}
    return _rate_map(method, tuple(sorted(kept.items())), tuple(curvatures))


@functools.lru_cache(maxsize=64)
def _rate_map(
    method: str, settings: tuple[tuple[str, Any], ...], curvatures: tuple[float, ...]
) -> RateMap:
    given, flattest, steepest = dict(settings), min(curvatures), max(curvatures)
    momenta = np.linspace(0.0, LARGEST_MOMENTUM, MOMENTA)
    limit = np.array(
        [stability_limit(method, {**given, "momentum": m}, steepest) for m in momenta], float
    )
    rates = np.linspace(0.0, 1.05 * limit.max(), RATES + 1)[1:]
    factors = [factor(method, given, rates, momenta[:, None], c) for c in curvatures]
    if looks_ahead(method, given):
        tuned = analysis.tuned_nesterov(flattest, steepest)
    else:
        tuned = analysis.tuned_heavy_ball(flattest, steepest)
        tuned = tuned._replace(learning_rate=tuned.learning_rate / _undampened(1.0, given))
    return RateMap(rates, momenta, np.max(factors, axis=0), limit, tuned)


def measured_factor(run: Run, minimum: Sequence[float]) -> float:
    """The factor a step at which a run came nearer to a minimum; NaN where it cannot be told.

    Example:
        >>> from jdescent_playground.runs import Setup, compute
        >>> from jdescent_playground.surfaces import SURFACES
        >>> bowl = SURFACES["bowl-2-4"]
        >>> setup = Setup(bowl.task, "sgd", {"learning_rate": 0.1}, (-2.0, 2.0), bowl.parameters)
        >>> print(f"{measured_factor(compute(setup), (0.0, 0.0)):.3f}")
        0.800
    """
    seen = run.x[: run.last + 1].astype(float)
    distance = np.linalg.norm(seen - np.asarray(minimum, float), axis=-1)
    if len(distance) < SHORTEST_RECORD:
        return np.nan
    return float(analysis.contraction_rate(distance, floor=ROUNDING * distance[0]))


def _undampened(rate: Any, settings: Settings) -> Any:
    """The rate of the undampened method that takes the same steps in the long run."""
    return rate * (1 - float(settings.get("dampening") or 0.0))
