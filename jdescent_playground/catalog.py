"""Every optimizer of jdescent, and optax's where it is installed, with sliders for their numbers.

Hyperparameters, defaults, kinds and ranges are read from the signatures; what is added here is how
far a slider goes where the range has no end.
"""

import functools
import importlib.util
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jdescent import analysis, core, optimizers

Value = float | bool | None

_OPTAX = (
    "adabelief", "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamaxw", "adamw", "adan",
    "amsgrad", "fromage", "lamb", "lars", "lion", "nadam", "nadamw", "novograd",
    "optimistic_gradient_descent", "radam", "rmsprop", "rprop", "sgd", "sign_sgd", "signum", "yogi",
)  # fmt: skip
_LABELS = {
    "sgd": "gradient descent", "heavy_ball": "heavy ball", "nesterov": "Nesterov",
    "adagrad": "AdaGrad", "rmsprop": "RMSProp", "adadelta": "AdaDelta", "adam": "Adam",
    "adamw": "AdamW", "nadam": "Nadam", "adamax": "AdaMax", "amsgrad": "AMSGrad",
    "sign_sgd": "sign descent", "lion": "Lion",
}  # fmt: skip
"""jdescent's, in the order of the list; one that is not here stands behind, by its own name."""


@dataclass(frozen=True)
class Hyperparameter:
    """One number, or switch, of a method.

    Attributes:
        name: the keyword.
        default: its value in the signature (for the learning rate, which has none, 0.1).
        low, high: the ends of its slider.
        scale: "log"; "linear"; "near one", for averages over a memory of 1/(1 − β) steps; or
            "switch", on or off.
        optional: whether None is a value: the slider's lowest point, 0, stands for it.
    """

    name: str
    default: Value
    low: float = 0.0
    high: float = 1.0
    scale: str = "linear"
    optional: bool = False

    @property
    def label(self) -> str:
        """The name as papers write it."""
        return _GREEK.get(self.name, self.name.replace("_", " "))

    def value(self, position: float) -> Value:
        """The value at a position of the slider, 0 (left) to 1 (right), to three digits.

        Example:
            >>> Hyperparameter("learning_rate", 0.1, 1e-3, 10.0, "log").value(0.5)
            0.1
            >>> Hyperparameter("b1", 0.9, scale="near one").value(0.5)
            0.968
        """
        position = min(max(position, 0.0), 1.0)
        if self.scale == "switch":
            return position >= 0.5
        if position == 0.0 and (self.optional or self.low == 0.0):
            return None if self.optional else 0.0
        if self.scale == "log":
            low = self.low or _SMALLEST
            return _rounded(low * (self.high / low) ** position)
        if self.scale == "near one":
            return round(1 - 10 ** (-self._nines * position), self._nines)
        return _rounded(self.low + (self.high - self.low) * position)

    def position(self, value: Value) -> float:
        """Where on the slider a value stands, clamped to its ends."""
        if value is None or value is False:
            return 0.0
        number = float(value)
        if self.scale == "switch":
            return 1.0
        if self.scale == "log":
            low = self.low or _SMALLEST
            share = math.log(max(number, low) / low) / math.log(self.high / low)
        elif self.scale == "near one":
            share = -math.log10(max(1 - number, 0.1**self._nines)) / self._nines
        else:
            share = (number - self.low) / (self.high - self.low)
        return min(max(share, 0.0), 1.0)

    @property
    def _nines(self) -> int:
        """How many a factor near one may have: three, or four where its default has."""
        return 4 if 0.999 < self.high < 1 else 3

    @property
    def wanted(self) -> str:
        """What its values are, as a sentence says it of its name.

        Example:
            >>> Hyperparameter("learning_rate", 0.1, 1e-4, 10.0, "log").wanted
            'must be between 0.0001 and 10'
        """
        if self.scale == "switch":
            return "must be on or off"
        none = " or none" if self.optional else ""
        return f"must be between {self.low:g} and {self.high:g}{none}"

    def checked(self, value: Value) -> Value:
        """The value if it is one of this hyperparameter's; for what comes from an address.

        Raises:
            ValueError: it is not.
        """
        if self.scale == "switch":
            if isinstance(value, bool):
                return value
            raise ValueError(f"{self.name} must be on or off, got {value!r}")
        if value is None and self.optional:
            return None
        if value is None or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ValueError(
                f"{self.name} must be a number from {self.low:g} to {self.high:g}, got {value!r}"
            )
        return float(value)


@dataclass(frozen=True)
class Method:
    """An optimizer by name.

    Attributes:
        name: the key in `METHODS`; ``optax.`` in front of optax's.
        label: for people.
        factory: ``factory(learning_rate, **settings)``.
        hyperparameters: learning_rate first.
        equations: the indented block of its docstring; empty for optax's.
    """

    name: str
    label: str
    factory: Callable
    hyperparameters: tuple[Hyperparameter, ...]
    equations: str

    def hyperparameter(self, name: str) -> Hyperparameter:
        return next(one for one in self.hyperparameters if one.name == name)

    @property
    def defaults(self) -> dict[str, Value]:
        return {one.name: one.default for one in self.hyperparameters}

    @property
    def code(self) -> str:
        """How a script calls the factory."""
        return self.name if self.name.startswith("optax.") else f"jd.{self.name}"


def split(
    method: Method, settings: Mapping[str, Any]
) -> tuple[dict[str, float], tuple[tuple[str, Value], ...]]:
    """A method's whole settings as (numbers, switches); switches and None are compiled in."""
    whole = {**method.defaults, **settings}
    unknown = set(whole) - set(method.defaults)
    if unknown:
        raise ValueError(
            f"{method.name} has no {', '.join(sorted(unknown))}: "
            f"it has {', '.join(method.defaults)}"
        )
    fixed = {
        name: value for name, value in whole.items() if value is None or isinstance(value, bool)
    }
    numbers = {name: float(value) for name, value in whole.items() if name not in fixed}
    return numbers, tuple(sorted(fixed.items()))


def stability_limit(method: str, settings: Mapping[str, Any], curvature: float) -> float | None:
    """The largest stable learning rate at a minimum of this curvature, from `jdescent.analysis`.

    None where no closed form holds: methods that rescale their gradients, settings outside a
    theorem's range, curvatures that are not positive.

    Example:
        >>> stability_limit("sgd", {}, 2.0)
        1.0
        >>> stability_limit("heavy_ball", {"momentum": 0.5}, 2.0)
        1.5
    """
    if method not in ("sgd", "heavy_ball", "nesterov", "optax.sgd") or not curvature > 0:
        return None
    whole = {**METHODS[method].defaults, **settings}
    momentum = whole.get("momentum") or 0.0
    dampening = whole.get("dampening") or 0.0
    ahead = looks_ahead(method, whole)
    if momentum >= 1 or (ahead and dampening):
        return None
    if ahead:
        return float(analysis.nesterov_limit(curvature, momentum))
    return float(analysis.heavy_ball_limit(curvature, momentum, dampening))


def looks_ahead(method: str, settings: Mapping[str, Any]) -> bool:
    """Whether its momentum is Nesterov's."""
    return method == "nesterov" or bool(settings.get("nesterov"))


def limit_formula(method: str, settings: Mapping[str, Any]) -> str:
    """How people write `stability_limit`.

    Example:
        >>> limit_formula("sgd", {}), limit_formula("heavy_ball", {})
        ('2/λ', '2(1 + β)/λ')
    """
    whole = {**METHODS[method].defaults, **settings}
    if not whole.get("momentum"):
        return "2/λ"
    if looks_ahead(method, whole):
        return "2(1 + β)/((1 + 2β)λ)"
    return "2(1 + β)/((1 − d)λ)" if whole.get("dampening") else "2(1 + β)/λ"


_SMALLEST = 1e-12
_LEARNING_RATE = 0.1
_GREEK = {
    "learning_rate": "η",
    "b1": "β₁",
    "b2": "β₂",
    "b3": "β₃",
    "eps": "ε",
    "eps_root": "ε in the root",
    "eps_in_sqrt": "ε in the root",
    "momentum": "momentum β",
    "decay": "decay α",
    "rho": "decay ρ",
}
_NEAR_ONE = {"b1", "b2", "b3", "momentum", "decay", "rho", "beta", "decay_rate"}
_RANGES = {
    "learning_rate": (1e-4, 10.0, "log"),
    "dampening": (0.0, 0.99, "linear"),
    "weight_decay": (0.0, 1.0, "log"),
    "weight_decay_rate": (0.0, 1.0, "log"),
    "clipping_threshold": (0.0, 10.0, "linear"),
    "eta_minus": (0.1, 0.9, "linear"),
    "eta_plus": (1.0, 2.0, "linear"),
    "max_step_size": (1e-3, 100.0, "log"),
    "threshold": (4.0, 10.0, "linear"),
    "alpha": (0.0, 2.0, "linear"),
    "beta": (0.0, 2.0, "linear"),
    "kappa": (1.0, 1e4, "log"),
    "xi": (0.1, 100.0, "log"),
    "t0": (0.0, 1e6, "log"),
    "integral": (0.0, 20.0, "linear"),
    "derivative": (0.0, 20.0, "linear"),
    "initial_scale": (0.0, 2.0, "linear"),
    "initial_accumulator_value": (0.0, 2.0, "linear"),
}


def _own_hyperparameter(said: core.Hyperparameter) -> Hyperparameter | None:
    """A slider or switch for an argument of jdescent's; None for what is neither."""
    default = _LEARNING_RATE if said.default is inspect.Parameter.empty else said.default
    if isinstance(said.kind, core.Switch):
        return Hyperparameter(said.name, default, scale="switch")
    if not isinstance(said.kind, core.Real):
        return None
    low, high, scale = _range(said.name, default)
    if said.name not in _RANGES and said.kind.high < math.inf and scale != "near one":
        low, high, scale = max(said.kind.low, -1.0), said.kind.high, "linear"
    if low == said.kind.low and not said.kind.includes_low:
        low, scale = high / 1000, "linear" if scale == "near one" else scale
    if default is not None:
        low, high = min(low, default), max(high, default)
    return Hyperparameter(said.name, default, low, high, scale, said.optional)


def _hyperparameter(parameter: inspect.Parameter) -> Hyperparameter | None:
    """The same of another library's, whose signature says less."""
    name, default = parameter.name, parameter.default
    if name == "learning_rate":
        return Hyperparameter(name, _LEARNING_RATE, *_RANGES[name])
    if name.endswith("_mask"):
        return None
    if isinstance(default, bool):
        return Hyperparameter(name, default, scale="switch")
    if isinstance(default, int) or not (isinstance(default, float) or _may_be_number(parameter)):
        return None
    return Hyperparameter(name, default, *_range(name, default), optional=default is None)


def _range(name: str, default: Value) -> tuple[float, float, str]:
    if name in _NEAR_ONE and default != 1.0:
        return 0.0, 0.999, "near one"
    return _RANGES.get(name, (0.0, 1.0, "log"))


def _may_be_number(parameter: inspect.Parameter) -> bool:
    """Whether a parameter whose default is None is annotated as a number."""
    if parameter.default is not None:
        return False
    union = parameter.annotation
    return typing.get_origin(union) in (typing.Union, types.UnionType) and float in typing.get_args(
        union
    )


def _rounded(number: float) -> float:
    return float(f"{number:.3g}")


def _equations(factory: Callable) -> str:
    """The first indented block of a docstring."""
    paragraphs = inspect.cleandoc(factory.__doc__ or "").split("\n\n")
    block = next((text for text in paragraphs if text.startswith("    ")), "")
    return inspect.cleandoc("\n" + block)


def _own_method(name: str) -> Method:
    factory = getattr(optimizers, name)
    sliders = map(_own_hyperparameter, core.hyperparameters_of(factory).values())
    shown = tuple(one for one in sliders if one is not None)
    return Method(name, _LABELS.get(name, name), factory, shown, _equations(factory))


def _optax_method(key: str, factory: Callable) -> Method:
    sliders = map(_hyperparameter, inspect.signature(factory).parameters.values())
    return Method(key, key, factory, tuple(one for one in sliders if one is not None), "")


def _takes_a_rate_alone(factory: Callable) -> bool:
    """Whether an optimizer is made by its learning rate, without keys or other optimizers."""
    try:
        factory(learning_rate=_LEARNING_RATE)
    except TypeError:
        return False
    return True


@functools.cache
def _methods() -> dict[str, Method]:
    own = (*_LABELS, *(name for name in optimizers.__all__ if name not in _LABELS))
    methods = {
        name: _own_method(name) for name in own if _takes_a_rate_alone(getattr(optimizers, name))
    }
    if importlib.util.find_spec("optax") is not None:
        import optax

        for name in _OPTAX:
            if hasattr(optax, name):
                methods[f"optax.{name}"] = _optax_method(f"optax.{name}", getattr(optax, name))
    return methods


METHODS: Mapping[str, Method] = types.MappingProxyType(_methods())
