"""The largest stable rate of every optimizer, predicted and measured, ours and optax's."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case
from experiments.common.papers import cases
from experiments.common.threads import in_threads
from experiments.stability_of_optimizers.config import Config
from jdescent.analysis import Oscillation, largest_stable_rate

OURS, OPTAX = "jdescent", "optax"
HAVE_A_MAP = ("linear", "periodic map", "frozen preconditioner")
SLOPE = 1e-3
Job = tuple[str, str, Callable[..., Any], dict[str, float] | None]  # name, library, made by, held


class Row(NamedTuple):
    """One optimizer of one library.

    Attributes:
        name: ours, or that of the twin's original.
        library: whose it is.
        kind, reason, oscillation: as in `StableRate`.
        predicted, measured: the limit times the curvature; NaN where there is none.
        expected_error: relative, of what is measured: growth by e, over how fast it grows above the
            limit, and the digits of the search.
    """

    name: str
    library: str
    kind: str
    reason: str
    oscillation: Oscillation | None
    predicted: float
    measured: float
    expected_error: float

    @property
    def has_limit(self) -> bool:
        return self.kind in HAVE_A_MAP

    @property
    def error(self) -> float:
        return abs(self.measured / self.predicted - 1)


# Adam and its kin with v = 1 held: name, factory, what is held of the state
FROZEN: dict[tuple[str, str], tuple[Callable[..., Any], dict[str, float]]] = {
    ("rmsprop", OURS): (partial(jd.rmsprop, eps=0.0), {"v": 1.0}),
    ("rmsprop", OPTAX): (partial(optax.rmsprop, eps=0.0), {"nu": 1.0}),
    ("adam", OURS): (partial(jd.adam, eps=0.0), {"v": 1.0}),
    ("adam", OPTAX): (partial(optax.adam, eps=0.0), {"nu": 1.0}),
    ("adamw", OURS): (partial(jd.adamw, eps=0.0, weight_decay=0.1), {"v": 1.0}),
    ("adamw", OPTAX): (partial(optax.adamw, eps=0.0, weight_decay=0.1), {"nu": 1.0}),
    ("nadam", OURS): (partial(jd.nadam, eps=0.0), {"v": 1.0}),
    ("nadam", OPTAX): (partial(optax.nadam, eps=0.0), {"nu": 1.0}),
    ("adagrad", OURS): (partial(jd.adagrad, eps=0.0), {"s": 1.0}),
    ("adagrad", OPTAX): (partial(optax.adagrad, eps=0.0), {"sum_of_squares": 1.0}),
}


def whole_library(config: Config) -> list[Row]:
    """Those with what they do of their own, and Adam's kin with a held second moment."""
    return in_threads(partial(row_of, config=config), jobs(config))


def jobs(config: Config) -> Iterator[Job]:
    for name, case in first_cases().items():
        if not config.optimizers or name in config.optimizers:
            yield name, OURS, case.build, None
            twin = twin_case(name)
            if twin is not None:
                yield name, OPTAX, twin.build_twin, None
    for (name, library), (make, held) in FROZEN.items():
        if name in config.frozen:
            yield name, library, make, held


def first_cases() -> dict[str, Case]:
    """Each optimizer as its first case has it."""
    return {case.optimizer: case for case in reversed(cases())}


def twin_case(name: str) -> Case | None:
    twins = (case for case in cases() if case.optimizer == name and case.twin is not None)
    return next(twins, None)


def row_of(job: Job, config: Config) -> Row:
    name, library, make, held = job
    found = largest_stable_rate(make, config.curvature, held=held)
    measured, error = np.nan, np.nan
    if found.kind in HAVE_A_MAP:
        measured = found.measured(config.growth_steps)
    if np.isfinite(found.rate):
        above = np.log(found.spectral_radius(found.rate * (1 + SLOPE))) / SLOPE
        error = 1e-4 + 1 / (config.growth_steps * above)
    return Row(
        name, library, found.kind, found.reason, found.oscillation,
        found.rate * config.curvature, measured * config.curvature, float(error),
    )  # fmt: skip
