"""Kinds of hyperparameters, and the annotations that name them.

A kind refuses what it is not (`checked`), says what it is (`described`), and knows values that are
an error (`refused`), for tests. `Real` is in `hyperparameters`.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from jdescent.core.checks import (
    floating_dtype,
    integer,
    is_integer,
    require_boolean,
    require_function,
    require_key,
    require_optimizer,
)
from jdescent.core.hyperparameters import Real, require_schedule
from jdescent.core.masks import require_mask


@dataclasses.dataclass(frozen=True)
class Whole:
    """A Python integer from `least` to `most`: a size, an interval, a number of rounds."""

    least: int = 1
    most: float | int = math.inf
    schedule: bool = False  # or a function of the number of steps taken

    def checked(self, name: str, value: Any) -> Any:
        if self.schedule and callable(value):
            require_schedule(name, value)
            return value
        return integer(name, value, self.least, self.most)

    def described(self, symbol: str, words: str) -> str:
        schedule = "or a schedule of them" if self.schedule else ""
        most = f" and ≤ {self.most}" if self.most < math.inf else ""
        return _joined(f"{symbol}, an integer ≥ {self.least}{most}", schedule, words)

    def refused(self) -> list[tuple[Any, type[Exception]]]:
        too_many = [(self.most + 1, ValueError)] if isinstance(self.most, int) else []
        return [
            *too_many,
            (self.least - 1, ValueError),
            (self.least - 2, ValueError),
            (1.5, TypeError),
            (True, TypeError),
            ("1", TypeError),
        ]


@dataclasses.dataclass(frozen=True)
class Switch:
    """True or False."""

    def checked(self, name: str, value: Any) -> bool:
        require_boolean(name, value)
        return bool(value)

    def described(self, symbol: str, words: str) -> str:
        return _joined("True or False", words)

    def refused(self) -> list[tuple[Any, type[Exception]]]:
        return [(1, TypeError), ("yes", TypeError), (None, TypeError)]


@dataclasses.dataclass(frozen=True)
class OneOf:
    """One of some names."""

    names: tuple[str, ...]

    def checked(self, name: str, value: Any) -> str:
        if value not in self.names:
            raise ValueError(f"{name} must be one of {list(self.names)}, got {value!r}")
        return value

    def described(self, symbol: str, words: str) -> str:
        return _joined(" or ".join(map(repr, self.names)), words)

    def refused(self) -> list[tuple[Any, type[Exception]]]:
        return [("something else", ValueError), (0, ValueError)]


@dataclasses.dataclass(frozen=True)
class FloatingDType:
    """The dtype that a memory is kept in."""

    def checked(self, name: str, value: Any) -> Any:
        return floating_dtype(name, value)

    def described(self, symbol: str, words: str) -> str:
        return _joined(f"the floating-point dtype {words}", "the parameter's if None")

    def refused(self) -> list[tuple[Any, type[Exception]]]:
        return [("flot", TypeError), ("int32", TypeError), (1.0, TypeError)]


@dataclasses.dataclass(frozen=True)
class RandomKey:
    """A random key."""

    seeds: bool = False  # or an integer, which may be traced, to make one of

    def checked(self, name: str, value: Any) -> Any:
        if self.seeds and is_integer(value):
            return jax.random.key(value)
        require_key(name, value)
        return value

    def described(self, symbol: str, words: str) -> str:
        seed = "or the integer that seeds one" if self.seeds else ""
        return _joined("a JAX random key", seed, words)

    def refused(self) -> list[tuple[Any, type[Exception]]]:
        return [(0.5 if self.seeds else 0, TypeError), (jnp.zeros(3), TypeError)]


@dataclasses.dataclass(frozen=True)
class Booleans:
    """A tree of booleans like the parameters, a prefix of it, or a function from them to it."""

    def checked(self, name: str, value: Any) -> Any:
        require_mask(name, value)
        return value

    def described(self, symbol: str, words: str) -> str:
        return _joined("booleans like the parameters, a prefix, or a function to them", words)

    def refused(self) -> list[tuple[Any, type[Exception]]]:
        return [(1, TypeError), ({"w": 0.5}, TypeError)]


@dataclasses.dataclass(frozen=True)
class AnOptimizer:
    """Any (init, update) pair."""

    def checked(self, name: str, value: Any) -> Any:
        require_optimizer(value, name)
        return value

    def described(self, symbol: str, words: str) -> str:
        return _joined("any (init, update) pair", words)

    def refused(self) -> list[tuple[Any, type[Exception]]]:
        return [(0.1, TypeError), (lambda: None, TypeError)]


@dataclasses.dataclass(frozen=True)
class Checked:
    """Whatever a function of its name and value returns, which refuses the rest."""

    check: Callable[[str, Any], Any]
    wrong: tuple[tuple[Any, type[Exception]], ...] = ()  # values that are an error, for tests

    def checked(self, name: str, value: Any) -> Any:
        return self.check(name, value)

    def described(self, symbol: str, words: str) -> str:
        return words

    def refused(self) -> list[tuple[Any, type[Exception]]]:
        return list(self.wrong)


@dataclasses.dataclass(frozen=True)
class Several:
    """A tuple of a value of each kind."""

    kinds: tuple[Any, ...]

    def checked(self, name: str, value: Any) -> tuple:
        if not isinstance(value, tuple | list):
            raise TypeError(f"{name} must be a tuple of {len(self.kinds)}, got {value!r}")
        if len(value) != len(self.kinds):
            raise ValueError(f"{name} must be a tuple of {len(self.kinds)}, got {len(value)}")
        rows = enumerate(zip(self.kinds, value, strict=True))
        return tuple(kind.checked(f"{name}[{i}]", one) for i, (kind, one) in rows)

    def described(self, symbol: str, words: str) -> str:
        parts = (kind.described(f"{symbol}[{i}]", "") for i, kind in enumerate(self.kinds))
        return _joined(f"a tuple ({'; '.join(parts)})", words)

    def refused(self) -> list[tuple[Any, type[Exception]]]:
        first, error = self.kinds[0].refused()[0]
        rest = [None] * (len(self.kinds) - 1)
        return [(0.5, TypeError), (None, TypeError), ((), ValueError), ((first, *rest), error)]


@dataclasses.dataclass(frozen=True)
class Each:
    """A sequence of values of one kind."""

    kind: Any

    def checked(self, name: str, value: Any) -> tuple:
        if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray | jax.Array):
            raise TypeError(f"{name} must be a sequence, got {value!r}")
        return tuple(self.kind.checked(f"{name}[{i}]", one) for i, one in enumerate(value))

    def described(self, symbol: str, words: str) -> str:
        return _joined("a sequence", words, self.kind.described(f"each {symbol}[i]", ""))

    def refused(self) -> list[tuple[Any, type[Exception]]]:
        return [
            (0.5, TypeError),
            (None, TypeError),
            ("text", TypeError),
            *(([wrong], error) for wrong, error in self.kind.refused()),
        ]


def a_function(name: str, value: Any) -> Any:
    """The value, which is a function."""
    require_function(name, value)
    return value


Kind = (
    Real
    | Whole
    | Switch
    | OneOf
    | FloatingDType
    | RandomKey
    | Booleans
    | AnOptimizer
    | Checked
    | Several
    | Each
)

Rate = Annotated[Any, Real(schedule=True)]
Decay = Annotated[Any, Real(high=1, decays=True)]
NonNegative = Annotated[Any, Real()]
Positive = Annotated[Any, Real(includes_low=False)]
Fraction = Annotated[Any, Real(high=1, includes_high=True)]
Finite = Annotated[Any, Real(low=-math.inf)]
Scheduled = Annotated[Any, Real(schedule=True)]
Count = Annotated[int, Whole()]
Seed = Annotated[int, Whole(least=0)]
DType = Annotated[Any, FloatingDType()]
Key = Annotated[Any, RandomKey()]
KeyOrSeed = Annotated[Any, RandomKey(seeds=True)]
Mask = Annotated[Any, Booleans()]
Base = Annotated[Any, AnOptimizer()]
Function = Annotated[Any, Checked(a_function, ((0.1, TypeError),))]


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))
