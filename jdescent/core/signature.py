"""What a hyperparameter may be, said once: in the annotation of the factory that takes it.

`checked_arguments`, and with it `optimizer`, checks every argument against its annotation, and
writes the table of arguments and of errors into the docstring; tests, documentation and sliders
read `hyperparameters_of`. The annotations are in `kinds`.
"""

import dataclasses
import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, get_args, get_origin, get_type_hints

from jdescent.core.contract import Optimizer
from jdescent.core.kinds import Kind, OneOf, Several, Switch

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


Made = TypeVar("Made")


def checked_arguments(function: Callable[P, Made]) -> Callable[P, Made]:
    """Check every argument of a function against its annotation, and document it.

    `Rate` (≥ 0 or a schedule), `Decay` (in [0, 1), given to the rule as a `Beta`), `NonNegative`,
    `Positive`, `Fraction` (in [0, 1]), `Finite`, `Count`, `Seed`, `DType`, `Key`, `Mask`, `bool`, a
    ``Literal`` of names, a ``tuple`` of such, each alone or ``| None``; words are added by
    ``Annotated[NonNegative, "inside the root"]``. The function is called with what was checked:
    Python floats, traced arrays that are NaN out of their range, schedules as they are.

    Example:
        >>> from jdescent.core import Fraction
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
