"""Distances between paths, each in units of the path."""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from optax import contrib

import jdescent as jd
from experiments.common.case import Case
from experiments.common.papers import cases
from experiments.common.problem import Problem, distance
from experiments.common.report import stage
from experiments.common.walking import our_path
from experiments.conformance.config import Config
from experiments.conformance.references.rows import ROWS
from jdescent import optimizers

PATHS = Path(__file__).parent / "references" / "paths.npz"
PAPER, OPTAX = "paper", "optax"
DEFAULT_RATE = 0.02
# optax's fail with these parameters as they come: a scalar among them, or no key
NOT_HERE = ("sm3", "sophia", "noisy_sgd", "dpsgd")
SCALE_UPDATES = ("reduce_on_plateau",)  # of another optimizer, which they follow


class Measured(NamedTuple):
    """How far one path of ours is from another's.

    Attributes:
        optimizer: the name of ours.
        against: "paper", "optax" or one of the libraries in `references.rows`.
        settings: how both were set, in words; empty for defaults.
        distance: in units of the path.
        why: the cause, where it is above rounding.
    """

    optimizer: str
    against: str
    settings: str
    distance: float
    why: str

    @property
    def is_of_defaults(self) -> bool:
        return not self.settings


def simulate(config: Config) -> list[Measured]:
    problem = Problem()
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        with stage("papers and optax at equal settings"):
            found = [row for case in cases() for row in _of_case(case, problem, config)]
        with stage("optax with its defaults"):
            found += _of_optax_defaults(problem, config)
        with stage("other libraries, from the paths on record"):
            found += _of_references(problem, config)
    return found


def _of_case(case: Case, problem: Problem, config: Config) -> Iterator[Measured]:
    if not _wanted(case.optimizer, config):
        return
    ours = our_path(case.build(case.rate), problem)
    settings = _in_words(case.settings) or "as by default"
    if case.paper is not None:
        apart = distance(ours, case.walk_paper(problem), problem.x0)
        yield Measured(case.optimizer, PAPER, settings, apart, "")
    if case.twin is not None:
        twin = our_path(case.build_twin(case.rate), problem)
        apart = distance(ours, twin, problem.x0)
        yield Measured(case.optimizer, OPTAX, settings, apart, case.differs)


def _of_optax_defaults(problem: Problem, config: Config) -> list[Measured]:
    found = []
    known = {case.optimizer: case.differs for case in cases() if case.differs}
    for name in optimizers.__all__:
        twin = vars(optax).get(name, getattr(contrib, name, None))  # getattr warns of moved ones
        ours = getattr(optimizers, name)
        first, *others = inspect.signature(ours).parameters.values()
        needed = {p.name for p in (first, *others) if p.default is p.empty}
        if twin is None or name in NOT_HERE or not needed <= {"learning_rate"}:
            continue
        if not _wanted(name, config):
            continue
        given = (DEFAULT_RATE,) if first.name == "learning_rate" else ()
        both = [factory(*given) for factory in (ours, twin)]
        if name in SCALE_UPDATES:
            both = [jd.chain(jd.sgd(DEFAULT_RATE), made) for made in both]
        paths = [our_path(made, problem) for made in both]
        apart = distance(paths[0], paths[1], problem.x0)
        found.append(Measured(name, OPTAX, "", apart, known.get(name, "") if apart > 1e-9 else ""))
    return found


def _of_references(problem: Problem, config: Config) -> list[Measured]:
    paths = np.load(PATHS)
    found = []
    for row in ROWS:
        if _wanted(row.optimizer, config):
            ours = our_path(
                getattr(optimizers, row.optimizer)(row.rate, **row.our_settings), problem
            )
            apart = distance(ours, paths[row.key], problem.x0)
            settings = "" if row.is_of_defaults else row.key.partition(":")[2]
            found.append(Measured(row.optimizer, row.library, settings, apart, row.why))
    return found


def _wanted(name: str, config: Config) -> bool:
    return not config.optimizers or name in config.optimizers


def _in_words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_value_in_words(value)}" for name, value in settings.items())


def _value_in_words(value: Any) -> str:
    if isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        high, low = jax.random.key_data(value).tolist()
        return f"key({high << 32 | low})"
    return " ".join(str(value).split())
