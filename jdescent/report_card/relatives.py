"""Whose paths are nearest: those of the library's optimizers, and of some mistakes, on record.

They are paths on the trial of `trial`, in relatives.npz, which ``python -m
jdescent.report_card.relatives`` writes anew, and only choose whom `matching` looks at closely.
"""

import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jdescent import optimizers
from jdescent._jax import enable_x64
from jdescent.core.hyperparameters import Real
from jdescent.core.kinds import Switch
from jdescent.core.signature import Hyperparameter, hyperparameters_of
from jdescent.report_card.slips import SLIPS
from jdescent.report_card.trial import RATE, STEPS, trial, walk

RECORD = Path(__file__).with_name("relatives.npz")
# Settings in which the paths of all that have them are on record, beside the usual.
VARIATIONS: tuple[dict[str, float], ...] = (
    {}, {"b1": 0.5}, {"b1": 0.8}, {"b1": 0.95}, {"b2": 0.9}, {"b2": 0.95}, {"b2": 0.99},
    {"b1": 0.5, "b2": 0.9}, {"b1": 0.95, "b2": 0.95}, {"b1": 0.95, "b2": 0.99},
    {"momentum": 0.5}, {"momentum": 0.7}, {"momentum": 0.9}, {"momentum": 0.97},
    {"decay": 0.99}, {"weight_decay": 0.1},
)  # fmt: skip
RECORDED = np.array([0, 1, 2, 3, 5, 8, 12, 17, STEPS - 1])  # steps
SMALLEST = -100.0  # the logarithm that stands for that of 0
NEEDED = {"momentum": 0.9, "b1": 0.9, "b2": 0.999, "dampening": 0.9}  # where there is no default
SCALES = {"eps_root": 1e-8, "eps": 1e-8}  # of numbers that are 0 by default; others 0.1

RATE_FACTOR = "rate_factor"  # what the subject's learning rate is multiplied by

Settings = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Relative:
    """An optimizer on record, or a mistake.

    Attributes:
        name: of the library's optimizer.
        factory: what makes it.
        switches: arguments that stay as they are.
        wrong: in words, of a mistake; empty otherwise.
    """

    name: str
    factory: Callable[..., Any]
    switches: Mapping[str, Any]
    wrong: str = ""

    @property
    def title(self) -> str:
        return self.written({})

    def written(self, settings: Settings) -> str:
        """In Python as far as it can be, and what is wrong in words."""
        numbers = dict(settings)
        factor = numbers.pop(RATE_FACTOR, None)
        given = [] if factor is None else [f"{factor:.6g} * rate"]
        given += [f"{name}={value}" for name, value in self.switches.items()]
        given += [f"{name}={value:.6g}" for name, value in numbers.items()]
        plain = f"jd.{self.name}({', '.join(given)})" if given else f"jd.{self.name}"
        return f"{plain}, but {self.wrong}" if self.wrong else plain

    @property
    def numbers(self) -> Mapping[str, "Number"]:
        """What can be set to another number."""
        known = hyperparameters_of(self.factory).items()
        found = {name: _number(one) for name, one in known if name not in self.switches}
        return {name: number for name, number in found.items() if number is not None}

    @property
    def size(self) -> int:
        """Of settings, switched ones counted twice."""
        return len(self.numbers) + 2 * len(self.switches)

    def path(self, settings: Settings) -> Any:
        """Its path on the trial; settings may be traced."""
        problem = trial()
        made = self.factory(**{**self.switches, **settings})
        return walk(made, problem.loss, problem.x0, STEPS)


class Number(NamedTuple):
    """A hyperparameter as a coordinate z in which settings are sought."""

    start: float
    encode: Callable[[float], float]
    decode: Callable[[Any], Any]
    is_free: bool  # whether z may be any number, or only ≥ 0


def _number(one: Hyperparameter) -> Number | None:
    if not isinstance(one.kind, Real):
        return None
    start = NEEDED.get(one.name) if one.default is inspect.Parameter.empty else one.default
    if one.name == "learning_rate":
        start = RATE
    if start is None and one.name == "momentum":
        start = 0.0
    if not isinstance(start, float | int) or isinstance(start, bool):
        return None
    if one.kind.decays:  # z = ln 1/(1 − β)
        return Number(start, lambda b: -np.log1p(-b), lambda z: -jnp.expm1(-z), False)
    if start > 0:
        return Number(start, lambda x: math.log(x) if x > 0 else SMALLEST, jnp.exp, True)
    scale = SCALES.get(one.name, 0.1)
    return Number(start, lambda x: x / scale, lambda z: scale * z, False)


@functools.cache
def relatives() -> tuple[Relative, ...]:
    """All that are on record; simple ones first."""
    return tuple(_relatives())


def _relatives() -> Iterator[Relative]:
    for name in optimizers.__all__:
        factory = vars(optimizers)[name]
        if not callable(factory):
            continue
        parameters = inspect.signature(factory).parameters.items()
        needed = {n for n, p in parameters if p.default is p.empty}
        if needed - {"learning_rate", *NEEDED}:
            continue  # a wrapper, or one that needs data
        yield Relative(name, factory, {})
        for switch, one in hyperparameters_of(factory).items():
            if isinstance(one.kind, Switch) and isinstance(one.default, bool):
                yield Relative(name, factory, {switch: not one.default})
    for slip in SLIPS:
        yield Relative(slip.of, slip.factory, {}, slip.wrong)


class Candidate(NamedTuple):
    """A relative, and settings with which its path on record is near."""

    relative: Relative
    settings: Settings


def nearest(path: np.ndarray, count: int, wrong: bool = False) -> list[Candidate]:
    """Those on record whose paths are nearest, scaled as suits best; each relative once.

    With `wrong` only mistakes. Of those that are as near as half precision tells, the ones with
    fewer settings come first.
    """
    recorded = np.load(RECORD)
    known = {one.title: one for one in relatives()}
    moves = (path - recorded["start"])[RECORDED].ravel()
    rows = zip(recorded["titles"], recorded["variations"], recorded["moves"], strict=True)
    found = []
    for title, variation, other in rows:
        if title in known and (known[title].wrong or not wrong):
            apart = round(_apart(moves, other.astype(np.float64).ravel()), 3)
            found.append((apart, Candidate(known[title], VARIATIONS[variation])))
    found.sort(key=lambda row: (row[0], row[1].relative.size))
    chosen: dict[str, Candidate] = {}
    for _, candidate in found:
        chosen.setdefault(candidate.relative.title, candidate)
    return list(chosen.values())[:count]


def _apart(moves: np.ndarray, others: np.ndarray) -> float:
    """How far two paths from one start part, the other's steps all a factor longer or shorter."""
    size = np.vdot(others, others)
    if not (np.isfinite(size) and size > 0):
        return np.inf
    factor = np.vdot(moves, others) / size
    return float(np.abs(moves - factor * others).max() / np.abs(moves).max())


def write_record() -> None:
    """Walk all relatives in all variations and write their moves, each in units of its largest."""
    titles, variations, moves = [], [], []
    with enable_x64(True):
        start = np.asarray(trial().x0)
        for relative in relatives():
            numbers = relative.numbers
            usual = {name: number.start for name, number in numbers.items()}
            own = [n for n, one in enumerate(VARIATIONS)
                   if set(one) <= set(usual) and (n == 0 or usual | one != usual)]  # fmt: skip
            settings = [usual | VARIATIONS[n] for n in own]
            stacked = {name: jnp.array([one[name] for one in settings]) for name in usual}
            try:
                paths = np.asarray(jax.jit(jax.vmap(relative.path))(stacked))
            except TypeError as error:  # it needs a key, or the number of steps
                print(f"left out: {relative.title}: {error}", flush=True)
                continue
            for n, path in zip(own, paths, strict=True):
                move = (path - start)[RECORDED]
                if np.isfinite(move).all() and np.abs(move).max() > 0:
                    titles.append(relative.title)
                    variations.append(n)
                    moves.append((move / np.abs(move).max()).astype(np.float16))
            print(relative.title, len(own), flush=True)
    np.savez_compressed(
        RECORD, titles=np.array(titles), variations=np.array(variations, np.int8),
        moves=np.stack(moves), start=start,
    )  # fmt: skip


if __name__ == "__main__":
    write_record()
