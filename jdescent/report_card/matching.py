"""Whether an optimizer is a relative in other settings: those that bring its path nearest."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy.optimize import least_squares

from jdescent._jax import enable_x64
from jdescent.report_card.relatives import RATE_FACTOR, Candidate, Number, Relative, Settings
from jdescent.report_card.trial import RATE, distance, length, trial

EQUAL = 1e-9  # units of the path, in float64
TO_THE_LAST_DIGIT: dict[str, Any] = {"max_nfev": 60, "xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
ALIKE = 0.1  # units of the path, beyond which settings that were sought mean nothing
DECADES = 4  # that a learning rate may be off
FAR = 1e3  # lengths of the path, for what leaves


class Match(NamedTuple):
    """A relative, the settings that bring it nearest, and how near: in units of the path."""

    relative: Relative
    settings: Settings
    distance: float

    @property
    def is_equal(self) -> bool:
        return self.distance <= EQUAL

    @property
    def complexity(self) -> int:
        """How many settings it takes."""
        return len(self.settings) + len(self.relative.switches)

    def order(self) -> tuple[float, ...]:
        """Of those that are equal, the plainest comes first; of others the nearest, no mistakes."""
        if self.is_equal:
            return (0, self.complexity, self.relative.size)
        return (1, bool(self.relative.wrong), self.distance)

    def __str__(self) -> str:
        return self.relative.written(self.settings)


def matched(
    path: np.ndarray, candidate: Candidate, given: Settings, takes_rate: bool = True
) -> Match:
    """The settings of a relative that bring its path nearest to a path of float64.

    Args:
        path: on the trial.
        candidate: whose numbers are sought, from where its path on record is near.
        given: those that the subject has by the same name, from which the search starts instead.
        takes_rate: whether the path is of a learning rate, of which the relative's is a multiple.
    """
    with enable_x64(True):
        return _matched(path, candidate, given, takes_rate)


def _matched(path: np.ndarray, candidate: Candidate, given: Settings, takes_rate: bool) -> Match:
    relative = candidate.relative
    numbers = relative.numbers
    start = np.asarray(trial().x0)
    begin: Settings = {name: given.get(name, number.start) for name, number in numbers.items()}
    begin = {**begin, **{n: value for n, value in candidate.settings.items() if n not in given}}

    run, slope = _walks(relative)
    size = float(length(path, start))

    def encoded(settings: Settings) -> np.ndarray:
        return np.array([number.encode(settings[name]) for name, number in numbers.items()])

    def residual(z: np.ndarray) -> np.ndarray:
        apart = (np.asarray(run(z)) - path) / size
        return np.clip(np.nan_to_num(apart, nan=FAR), -FAR, FAR).ravel()

    def apart(settings: Settings) -> float:
        return distance(np.asarray(run(encoded(settings))), path, start)

    def match(settings: Settings) -> Match:
        plain = _plainest(settings, numbers, apart)
        return Match(relative, _shown(plain, numbers, takes_rate), apart(plain))

    def longer(settings: Settings) -> Settings:
        """With another learning rate alone, such as of an optimizer that has none of its own."""

        def of_rate(z: np.ndarray) -> np.ndarray:
            return residual(encoded({**settings, "learning_rate": float(np.exp(z[0]))}))

        best = least_squares(of_rate, [np.log(settings["learning_rate"])], **TO_THE_LAST_DIGIT)
        return {**settings, "learning_rate": float(np.exp(best.x[0]))}

    if apart(begin) <= EQUAL:
        return match(begin)
    if "learning_rate" in numbers and apart(other := longer(begin)) <= EQUAL:
        return match(other)

    def jacobian(z: np.ndarray) -> np.ndarray:
        steep = np.nan_to_num(np.asarray(slope(z)) / size, posinf=FAR, neginf=-FAR)
        return np.clip(steep, -FAR, FAR).reshape(path.size, len(z))

    lowest = [-np.inf if number.is_free else 0.0 for number in numbers.values()]
    found = least_squares(
        residual, np.maximum(encoded(begin), lowest), jacobian, bounds=(lowest, np.inf),
        **TO_THE_LAST_DIGIT,
    )  # fmt: skip
    decoded = {
        name: float(number.decode(c))
        for (name, number), c in zip(numbers.items(), found.x, strict=True)
    }
    best = min((begin, decoded), key=apart)
    return match(best if apart(best) <= ALIKE and _means_something(best) else begin)


@functools.lru_cache(maxsize=100)
def _walks(relative: Relative) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A relative's path as a function of its numbers' coordinates, and its derivative."""
    numbers = relative.numbers

    def walked(z: Any) -> Any:
        coordinates = zip(numbers.items(), z, strict=True)
        return relative.path({name: number.decode(c) for (name, number), c in coordinates})

    return jax.jit(walked), jax.jit(jax.jacfwd(walked))


def _means_something(settings: Settings) -> bool:
    """Whether the learning rate is within some decades of the usual."""
    factor = settings.get("learning_rate", RATE) / RATE
    return 10.0**-DECADES < factor < 10.0**DECADES


def _plainest(
    settings: Settings, numbers: Mapping[str, Number], apart: Callable[[Settings], float]
) -> Settings:
    """With those that may as well be what they are by default, or 0, being that."""
    limit = max(EQUAL, apart(settings) * 1.001)
    kept = dict(settings)
    for name, number in numbers.items():
        for value in (number.start, 0.0):
            plain = kept | {name: value}
            if apart(plain) <= limit:
                kept = plain
                break
    return kept


def _shown(settings: Settings, numbers: Mapping[str, Number], takes_rate: bool) -> Settings:
    """The settings that are not the usual ones, and the learning rate, or the factor of it."""
    rate = {name: settings[name] for name in ("learning_rate",) if name in settings}
    return {
        name: value
        for name, value in settings.items()
        if name != "learning_rate" and not np.isclose(value, numbers[name].start, rtol=1e-9)
    } | (_rate_factor(settings) if takes_rate else rate)


def _rate_factor(settings: Settings) -> dict[str, float]:
    rate = settings.get("learning_rate", RATE)
    return {} if np.isclose(rate, RATE, rtol=1e-9) else {RATE_FACTOR: rate / RATE}
