"""Distances between paths, each in units of the path."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from experiments.common.threads import in_threads
from experiments.common.walking import our_path
from experiments.conformance.config import Config
from experiments.conformance.references.rows import ROWS, Row
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
    wanted = [case for case in cases() if _wanted(case.optimizer, config)]
    with stage("papers and optax at equal settings"):
        of_cases = _in_float64(lambda case: list(_of_case(case, problem)), wanted)
        found = [row for rows in of_cases for row in rows]
    with stage("optax with its defaults"):
        found += _of_optax_defaults(problem, config)
    with stage("other libraries, from the paths on record"):
        found += _of_references(problem, config)
    return found


def _in_float64(function: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
    def one(argument):
        with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
            return function(argument)

    return in_threads(one, arguments)


def _of_case(case: Case, problem: Problem) -> Iterator[Measured]:
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
    known = {case.optimizer: case.differs for case in cases() if case.differs}

    def beside(name: str) -> Measured:
        ours, twin = (our_path(made, problem) for made in _by_default(name))
        apart = distance(ours, twin, problem.x0)
        return Measured(name, OPTAX, "", apart, known.get(name, "") if apart > 1e-9 else "")

    names = (name for name in optimizers.__all__ if _wanted(name, config))
    return _in_float64(beside, [name for name in names if _by_default(name)])


def _by_default(name: str) -> list[Any]:
    """Ours and optax's, as they come at one learning rate; empty where there are not both."""
    twin = vars(optax).get(name, getattr(contrib, name, None))  # getattr warns of moved ones
    ours = getattr(optimizers, name)
    first, *others = inspect.signature(ours).parameters.values()
    needed = {p.name for p in (first, *others) if p.default is p.empty}
    if twin is None or name in NOT_HERE or not needed <= {"learning_rate"}:
        return []
    given = (DEFAULT_RATE,) if first.name == "learning_rate" else ()
    both = [factory(*given) for factory in (ours, twin)]
    if name in SCALE_UPDATES:
        return [jd.chain(jd.sgd(DEFAULT_RATE), made) for made in both]
    return both


def _of_references(problem: Problem, config: Config) -> list[Measured]:
    paths = np.load(PATHS)

    def beside(row: Row) -> Measured:
        ours = getattr(optimizers, row.optimizer)(row.rate, **row.our_settings)
        apart = distance(our_path(ours, problem), paths[row.key], problem.x0)
        settings = "" if row.is_of_defaults else row.key.partition(":")[2]
        return Measured(row.optimizer, row.library, settings, apart, row.why)

    return _in_float64(beside, [row for row in ROWS if _wanted(row.optimizer, config)])


def _wanted(name: str, config: Config) -> bool:
    return not config.optimizers or name in config.optimizers


def _in_words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_value_in_words(value)}" for name, value in settings.items())


def _value_in_words(value: Any) -> str:
    if isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        high, low = jax.random.key_data(value).tolist()
        return f"key({high << 32 | low})"
    if inspect.isfunction(value):
        return value.__name__
    return " ".join(str(value).split())
