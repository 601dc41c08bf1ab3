"""What a hyperparameter may be, said once: in the annotation of the factory that takes it.

`checked_arguments`, and with it `optimizer`, checks every argument against its annotation, and
writes the table of arguments and of errors into the docstring; tests, documentation and sliders
read `hyperparameters_of`.
"""

import dataclasses
import functools
import inspect
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, get_args, get_origin, get_type_hints

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
from jdescent.core.contract import Optimizer
from jdescent.core.hyperparameters import Real, require_schedule
from jdescent.core.masks import require_mask

P = ParamSpec("P")

SYMBOLS = {
    "learning_rate": "lr",
    "b1": "β₁",
    "b2": "β₂",
    "b3": "β₃",
    "eps": "ε",
    "eps_root": "ε_root",
    "weight_decay": "w",
    "momentum": "β",
    "beta": "β",
    "alpha": "α",
    "gamma": "γ",
    "rho": "ρ",
    "nu": "ν",
    "kappa": "κ",
    "xi": "ξ",
    "delta": "δ",
}


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


@dataclasses.dataclass(frozen=True)
class Hyperparameter:
    """What a factory's signature says of one argument."""

    name: str
    kind: Kind
    optional: bool  # None is allowed
    default: Any  # inspect.Parameter.empty where there is none
    words: str = ""

    @property
    def symbol(self) -> str:
        return SYMBOLS.get(self.name, self.name)

    def checked(self, value: Any) -> Any:
        return None if value is None and self.optional else self.kind.checked(self.name, value)

    def described(self) -> str:
        described = self.kind.described(self.symbol, self.words)
        return described if not self.optional or "None" in described else f"{described}, or None"


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))


Made = TypeVar("Made")


def checked_arguments(function: Callable[P, Made]) -> Callable[P, Made]:
    """Check every argument of a function against its annotation, and document it.

    `Rate` (≥ 0 or a schedule), `Decay` (in [0, 1), given to the rule as a `Beta`), `NonNegative`,
    `Positive`, `Fraction` (in [0, 1]), `Finite`, `Count`, `Seed`, `DType`, `Key`, `Mask`, `bool`, a
    ``Literal`` of names, a ``tuple`` of such, each alone or ``| None``; words are added by
    ``Annotated[NonNegative, "inside the root"]``. The function is called with what was checked:
    Python floats, traced arrays that are NaN out of their range, schedules as they are.

    Example:
        >>> @checked_arguments
        ... def half(share: Fraction) -> float:
        ...     return share / 2
        >>> half(1)
        0.5
        >>> half(2)
        Traceback (most recent call last):
        ...
        ValueError: share must be ≥ 0 and ≤ 1, got 2.0
    """
    signature = inspect.signature(function)
    described = hyperparameters_of(function)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Made:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            takes = ", ".join(signature.parameters)
            raise TypeError(f"{function.__name__}({takes}): {error}") from None
        bound.apply_defaults()
        for name, hyperparameter in described.items():
            bound.arguments[name] = hyperparameter.checked(bound.arguments[name])
        return function(*bound.args, **bound.kwargs)

    call.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            parameter.replace(annotation=described[name].described())
            if name in described
            else parameter
            for name, parameter in signature.parameters.items()
        ]
    )
    call.__doc__ = _documented(function.__doc__ or "", described)
    return call


def optimizer(factory: Callable[P, Optimizer]) -> Callable[P, Optimizer]:
    """An optimizer's factory, whose every argument is checked as `checked_arguments` does it.

    What it makes says in its `repr` how it was made.

    Example:
        >>> import jax.numpy as jnp
        >>> from jdescent.core import Decay, Rate, leafwise, optimizer
        >>> @optimizer
        ... def signum(learning_rate: Rate, beta: Decay = 0.9):
        ...     def rule(lr, g, m):
        ...         m = beta * m + (1 - beta) * g
        ...         return -lr * jnp.sign(m), m
        ...     return leafwise(rule, learning_rate, m=0)
        >>> print(signum(0.5).update(jnp.array([2.0, -3.0]), signum(0.5).init(jnp.zeros(2)))[0])
        [-0.5  0.5]
        >>> signum(0.5, beta=1.0)
        Traceback (most recent call last):
        ...
        ValueError: beta must be ≥ 0 and < 1, got 1.0
    """
    make, signature = checked_arguments(factory), inspect.signature(factory)

    @functools.wraps(make)
    def named(*args: P.args, **kwargs: P.kwargs) -> Optimizer:
        made = make(*args, **kwargs)
        given = signature.bind(*args, **kwargs).arguments
        made.update.made_by = _call_of(factory.__name__, given)  # type: ignore[attr-defined]
        return made

    return named


def hyperparameters_of(factory: Callable) -> Mapping[str, Hyperparameter]:
    """What the signature says of each argument that has a kind.

    Example:
        >>> import jdescent as jd
        >>> print(hyperparameters_of(jd.adam)["b1"].described())
        β₁ in [0, 1)
    """
    factory = inspect.unwrap(factory)
    hints = get_type_hints(factory, include_extras=True)
    found = {}
    for name, parameter in inspect.signature(factory).parameters.items():
        kind, words, optional = _read(hints.get(name))
        if kind is not None:
            found[name] = Hyperparameter(name, kind, optional, parameter.default, words)
    return found


def _read(hint: Any) -> tuple[Kind | None, str, bool]:
    """The kind, the words and whether None is allowed, of an annotation."""
    if hint is bool:
        return Switch(), "", False
    if get_origin(hint) is Annotated:
        inner, *metadata = get_args(hint)
        kinds = [m for m in metadata if isinstance(m, Kind)]
        words = " ".join(m for m in metadata if isinstance(m, str))
        kind, _, optional = (kinds[0], "", False) if kinds else _read(inner)
        return kind, words, optional
    if get_origin(hint) is Literal:
        return OneOf(get_args(hint)), "", False
    if get_origin(hint) is tuple:
        each = tuple(_read(part)[0] for part in get_args(hint))
        return (Several(each) if all(each) else None), "", False
    parts = get_args(hint)
    if type(None) in parts:
        for part in parts:
            kind, words, _ = _read(part)
            if kind is not None:
                return kind, words, True
    return None, "", False


_SECTION = re.compile(r"^    (Differs from|Note|Raises|Example|Reference)", re.MULTILINE)


def _documented(doc: str, described: Mapping[str, Hyperparameter]) -> str:
    """The docstring with a table of arguments before its first section."""
    if not described or "    Args:" in doc:
        return doc
    rows = "".join(
        textwrap.fill(
            f"{name}: {row.described()}.", 100, initial_indent=" " * 8, subsequent_indent=" " * 12
        )
        + "\n"
        for name, row in described.items()
    )
    section = _SECTION.search(doc)
    at = section.start() if section else len(doc.rstrip())
    before, after = doc[:at].rstrip(), doc[at:].rstrip()
    table = f"\n\n    Args:\n{rows}"
    usual = "TypeError, ValueError: an argument that is not what the table says."
    errors = "" if "    Raises:" in doc else f"\n    Raises:\n        {usual}\n"
    return f"{before}{table}{errors}\n{after}\n    "


def _call_of(name: str, given: Mapping[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in given.items())})"
