"""What becomes of a run at every learning rate: the strip beneath the slider, and the presets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jdescent_playground.catalog import METHODS
from jdescent_playground.runs import Setup, ends

POINTS = 81
PRESETS = ("too small", "just right", "too big", "diverges")
_SHARES = {"too small": 0.005, "just right": 0.2, "too big": 0.95, "diverges": 1.1}


@dataclass(frozen=True)
class Outcomes:
    """How one run ends at rates from the slider's left end to its right.

    Attributes:
        rates: (POINTS,), rising.
        steps: (POINTS,) steps until it ended, or the limit.
        converged, diverged: (POINTS,) booleans; where neither, the steps ran out.
    """

    rates: np.ndarray
    steps: np.ndarray
    converged: np.ndarray
    diverged: np.ndarray


def outcomes(setup: Setup) -> Outcomes:
    """Descend at `POINTS` rates.

    Example:
        >>> from jdescent_playground.curves import CURVES
        >>> found = outcomes(Setup(CURVES["bowl"].task, "sgd", {}, -2.5))
        >>> bool(found.converged[found.rates < 1.9].any()), float(found.rates[found.diverged].min())
        (True, 2.05)
    """
    slider = METHODS[setup.method].hyperparameter("learning_rate")
    rates = [float(slider.value(position) or 0.0) for position in np.linspace(0, 1, POINTS)]
    step, converged, diverged = zip(*ends(setup, rates), strict=True)
    return Outcomes(np.array(rates), np.array(step), np.array(converged), np.array(diverged))


def presets(found: Outcomes, limit: float | None = None) -> dict[str, float | None]:
    """A rate for each of `PRESETS`; None where this run has no such rate.

    Args:
        found: what happens at each rate.
        limit: the largest stable rate where theory knows it for the whole curve (a parabola); the
            presets are shares of it. Otherwise they are chosen by what happens.

    Example:
        >>> from jdescent_playground.curves import CURVES
        >>> presets(outcomes(Setup(CURVES["bowl"].task, "sgd", {}, -2.5)), limit=2.0)
        {'too small': 0.01, 'just right': 0.4, 'too big': 1.9, 'diverges': 2.2}
    """
    arrives = np.flatnonzero(found.converged & (found.steps > 0))
    leaves = np.flatnonzero(found.diverged)
    stays = found.diverged[::-1].cumprod()[::-1].astype(bool)  # and so at every larger rate
    best = arrives[np.argmin(found.steps[arrives])] if arrives.size else None
    slow = np.flatnonzero(~found.converged & ~found.diverged)
    small = slow[slow < best] if best is not None else slow
    large = np.flatnonzero(~found.diverged)
    large = large[large > best] if best is not None else large[:0]
    beyond = np.flatnonzero(stays) if stays.any() else leaves
    tried = {
        "too small": _rate(found, small[-1:]),
        "just right": _rate(found, [] if best is None else [best]),
        "too big": _rate(found, large[-1:]),
        "diverges": _rate(found, beyond[1:2] if beyond.size > 1 else beyond[:1]),
    }
    if limit is None:
        return tried
    known: dict[str, float | None] = {
        name: float(f"{share * limit:.3g}") for name, share in _SHARES.items()
    }
    if found.converged[found.rates >= _SHARES["too small"] * limit][
        0
    ]:  # momentum arrives at any rate
        return {**known, "too small": tried["too small"], "just right": tried["just right"]}
    return known


def _rate(found: Outcomes, index: Sequence[int] | np.ndarray) -> float | None:
    return float(found.rates[index[0]]) if len(index) else None
