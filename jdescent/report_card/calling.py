"""How a function that makes an optimizer is called: which argument is its learning rate."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from jdescent import optimizers
from jdescent.core.kinds import RandomKey
from jdescent.core.signature import Hyperparameter, hyperparameters_of

RATE_NAMES = ("learning_rate", "lr", "step_size", "stepsize", "rate", "eta")


class RateParameter(NamedTuple):
    """The parameter that takes the learning rate.

    Attributes:
        name: of it; empty where only its place is known.
        is_first: whether it may be given without its name.
        is_named: whether it may be given by its name.
        default: a number, if it has one.
    """

    name: str
    is_first: bool
    is_named: bool
    default: float | None

    @property
    def written(self) -> str:
        """As an argument, with ``{rate}`` where the learning rate stands."""
        return "{rate}" if self.is_first else f"{self.name}={{rate}}"

    def given(self, rate: Any) -> tuple[tuple, dict[str, Any]]:
        """Arguments by place and by name."""
        return ((), {self.name: rate}) if self.is_named else ((rate,), {})


def rate_parameter(found: Callable, code: str, settings: Mapping[str, Any]) -> RateParameter | None:
    """The learning rate among the parameters; None where there is none.

    Raises:
        ValueError: a setting that the function has not, or one that it needs and is not given.
    """
    try:
        parameters = inspect.signature(found).parameters
    except (TypeError, ValueError):
        return None
    kinds = {p.kind for p in parameters.values()}
    unknown = [name for name in settings if name not in parameters]
    if unknown and inspect.Parameter.VAR_KEYWORD not in kinds:
        raise ValueError(
            f"{code} has no setting {', '.join(unknown)}: it has {', '.join(parameters)}"
        )
    needed = [
        name
        for name, p in parameters.items()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        and name not in settings
    ]  # fmt: skip
    rate = next((name for name in RATE_NAMES if name in parameters), None)
    if rate in settings:
        rate = None
    elif rate is None and needed and _may_be_a_rate(found, needed[0]):
        rate = needed[0]
    missing = [name for name in needed if name != rate]
    if missing:
        raise ValueError(
            f"{code} needs {', '.join(missing)}: give it with --set {missing[0]}=…, or as "
            f'"lambda lr: …" in Python'
        )
    if rate is not None:
        return _described(parameters[rate], is_first=rate == next(iter(parameters)))
    hands_on = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    if inspect.Parameter.VAR_POSITIONAL in kinds and kinds <= hands_on:
        return RateParameter("", True, False, None)  # as of a decorator that hands on what it gets
    return None


def _described(parameter: inspect.Parameter, is_first: bool) -> RateParameter:
    kind, default = parameter.kind, parameter.default
    is_number = isinstance(default, float | int) and not isinstance(default, bool)
    return RateParameter(
        parameter.name,
        is_first and kind is not parameter.KEYWORD_ONLY,
        kind is not parameter.POSITIONAL_ONLY,
        float(default) if is_number else None,
    )


def _may_be_a_rate(found: Callable, name: str) -> bool:
    """Whether a parameter of another name may be the learning rate, as far as is known of it."""
    return name not in _known(found)


def _known(found: Any) -> Mapping[str, Hyperparameter]:
    """What the library knows of the parameters of its own optimizers."""
    is_own = callable(found) and any(found is one for one in vars(optimizers).values())
    return hyperparameters_of(found) if is_own else {}


def key_of(found: Any, settings: Mapping[str, Any]) -> Any:
    """The random key that one of the library's needs: of the seed given, or of 0."""
    known = _known(found).get("key")
    seed = settings.get("key", 0)
    if known is None or not isinstance(known.kind, RandomKey) or not isinstance(seed, int):
        return None
    return jax.random.key(seed)


def numbers_of(
    found: Callable, settings: Mapping[str, Any], rate: RateParameter | None
) -> dict[str, float]:
    """What the function is set with, by default or as given, as far as they are numbers."""
    try:
        parameters = inspect.signature(found).parameters.items()
    except (TypeError, ValueError):
        return {}
    values = {name: p.default for name, p in parameters} | dict(settings)
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, float | int) and not isinstance(value, bool)
        and (rate is None or name != rate.name)
    }  # fmt: skip
