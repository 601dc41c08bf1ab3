"""The optimizer on trial: made of a name, a file, an expression or a function."""

import ast
import dataclasses
import functools
import hashlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jdescent import optimizers
from jdescent.core import OptimizerLike
from jdescent.core.contract import accept_extra
from jdescent.core.hyperparameters import Real
from jdescent.core.signature import Hyperparameter, RandomKey, hyperparameters_of
from jdescent.report_card.naming import LIBRARY, named

RATE_NAMES = ("learning_rate", "lr", "step_size", "eta")


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """An optimizer as a function of the learning rate.

    Attributes:
        name: what the card calls it.
        make: from the learning rate to an (init, update) pair; of those without one, from anything.
        code: Python that makes it, with ``{rate}`` where the learning rate stands.
        imports: lines that `code` needs before it.
        takes_rate: whether there is a learning rate.
        default_rate: the learning rate it has by default, if any.
        fingerprint: of the code behind it, as far as that can be read; empty where it cannot.
        settings: its hyperparameters by name, as far as they are numbers.
    """

    name: str
    make: Callable[[Any], OptimizerLike]
    code: str
    imports: str = LIBRARY
    takes_rate: bool = True
    default_rate: float | None = None
    fingerprint: str = ""
    settings: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def python(self, rate: float | str = "rate", then: str = "") -> str:
        """Lines that make it, as an `optimizer`, and what is done with it then."""
        shown = rate if isinstance(rate, str) else f"{rate:.6g}"
        made = f"{self.imports}\noptimizer = {self.code.replace('{rate}', shown)}"
        return f"{made}\n{then}" if then else made

    @property
    def is_of_library(self) -> bool:
        return self.code.startswith("jd.")

    @functools.cached_property
    def rate_traces(self) -> bool:
        """Whether a traced learning rate makes it, so that many rates run as one program."""

        def one_update(rate):
            optimizer, x = self.make(rate), jnp.ones(2)
            extra = {"value": jnp.sum(x), "grad": x, "value_fn": jnp.sum}
            return accept_extra(optimizer.update)(x, optimizer.init(x), x, **extra)[0]

        try:
            jax.eval_shape(one_update, jnp.float32(0.1))
        except Exception:
            return False
        return True

    def over_rates(self, function: Callable[..., PyTree], rates: Any, *others: Any) -> PyTree:
        """``function(rate, *others)`` of each rate, stacked: in one program, or one by one.

        Args:
            function: of a rate, and of one element of each of the others, which may be trees.
            rates: (n,).
            others: arrays, or trees of arrays, whose first axis is as long.
        """
        if self.rate_traces:
            return jax.jit(jax.vmap(function))(jnp.asarray(rates), *others)
        compiled = jax.jit(function, static_argnums=0)
        each = [
            compiled(float(rate), *jax.tree.map(lambda x, i=i: x[i], others))
            for i, rate in enumerate(np.asarray(rates))
        ]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)

    def rates(self, low: float = 1e-5, high: float = 10.0, a_decade: int = 2) -> np.ndarray:
        """Learning rates to try, evenly spaced in logarithms; a single one where there is none."""
        if not self.takes_rate:
            return np.ones(1)
        return np.geomspace(low, high, round(a_decade * np.log10(high / low)) + 1)


def tried(rates: np.ndarray) -> str:
    """Words for the rates of which the best counts."""
    if len(rates) == 1:
        return "it has no learning rate to choose"
    return f"best of {len(rates)} rates from {rates[0]:g} to {rates[-1]:g}"


def subject_of(
    what: Any, settings: Mapping[str, Any] | None = None, name: str | None = None
) -> Subject:
    """The optimizer that is meant.

    Args:
        what: an optimizer of the library by name, ``"adam"``; one of any module, ``"optax:lion"``,
            or of a file, ``"mine.py:my_optimizer"``; an expression in which jd, jax, jnp and optax
            are known, ``"lambda lr: jd.lookahead(jd.sgd(lr), 5, 0.5)"``; a function from the
            learning rate to an (init, update) pair; or such a pair, with the rate that it has.
        settings: keyword arguments of the function.
        name: what the card is to call it.

    Raises:
        ValueError: there is no such optimizer, it lacks settings, or has none of such names.
        TypeError: what is there makes no (init, update) pair.

    Example:
        >>> subject_of("adam", {"b1": 0.5}).python(0.1)
        'import jdescent as jd\\noptimizer = jd.adam(0.1, b1=0.5)'
    """
    settings = dict(settings or {})
    if isinstance(what, str):
        found, code, imports, usual_name, source = named(what)
    else:
        found, usual_name, imports, source = what, _name_of(what), LIBRARY, ""
        code = f"jd.{usual_name}" if _unwrapped(what) in vars(optimizers).values() else usual_name
    while isinstance(found, functools.partial) and not found.args:
        settings = {**found.keywords, **settings}
        found = found.func
    usual_name += f"({_written(settings)})" if settings else ""
    if (key := _key_of(found, settings)) is not None:
        settings["key"], imports = key, f"{imports}, jax"
    subject = _made(found, code, settings)
    fingerprint = source or _source_of(found)
    subject = dataclasses.replace(
        subject, name=name or usual_name, imports=imports, fingerprint=_hash(fingerprint)
    )
    _require_pair(subject)
    return subject


def _key_of(found: Any, settings: Mapping[str, Any]) -> Any:
    """The random key that one of the library's needs: of the seed given, or of 0."""
    known = _known(found).get("key")
    seed = settings.get("key", 0)
    if known is None or not isinstance(known.kind, RandomKey) or not isinstance(seed, int):
        return None
    return jax.random.key(seed)


def _made(found: Any, code: str, settings: Mapping[str, Any]) -> Subject:
    if isinstance(found, OptimizerLike) and not inspect.isclass(found):
        if settings:
            raise ValueError(
                f"{code} is an optimizer that is made already and takes no settings, got "
                f"{_written(settings)}: name the function that makes it"
            )
        return Subject(code, lambda rate: found, code, takes_rate=False)
    if not callable(found):
        raise TypeError(
            f"{code} must be a function from the learning rate to an (init, update) pair, or such "
            f"a pair, got {found!r}"
        )
    rate_name = _rate_parameter(found, code, settings)
    written = _written(settings)
    if rate_name is None:
        return Subject(code, lambda rate: found(**settings), f"{code}({written})", takes_rate=False)
    default = inspect.signature(found).parameters[rate_name].default
    number = isinstance(default, float | int) and not isinstance(default, bool)
    arguments = ", ".join(filter(None, ("{rate}", written)))
    if rate_name != next(iter(inspect.signature(found).parameters)):
        arguments = arguments.replace("{rate}", f"{rate_name}={{rate}}")
    return Subject(
        code,
        lambda rate: found(**{rate_name: rate}, **settings),
        f"({code})({arguments})" if code.startswith("lambda") else f"{code}({arguments})",
        default_rate=float(default) if number else None,
        settings=_numbers(found, settings, rate_name),
    )


def _numbers(found: Callable, settings: Mapping[str, Any], rate_name: str) -> dict[str, float]:
    """What the function is set with, by default or as given, as far as they are numbers."""
    parameters = inspect.signature(found).parameters.items()
    values = {name: p.default for name, p in parameters} | dict(settings)
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, float | int) and not isinstance(value, bool) and name != rate_name
    }


def _rate_parameter(found: Callable, code: str, settings: Mapping[str, Any]) -> str | None:
    """The name of the learning rate among the parameters; None where there is none."""
    try:
        parameters = inspect.signature(found).parameters
    except (TypeError, ValueError):
        return None
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    unknown = [name for name in settings if name not in parameters and not any_name]
    if unknown:
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
    return rate


def _may_be_a_rate(found: Callable, name: str) -> bool:
    """Whether a parameter of another name may be the learning rate, as far as is known of it."""
    known = _known(found).get(name)
    return known is None or isinstance(known.kind, Real)


def _known(found: Any) -> Mapping[str, Hyperparameter]:
    """What the library knows of the parameters of its own optimizers."""
    is_own = callable(found) and any(found is one for one in vars(optimizers).values())
    return hyperparameters_of(found) if is_own else {}


def _require_pair(subject: Subject) -> None:
    try:
        made = subject.make(0.1)
    except Exception as error:
        raise ValueError(
            f"{subject.name} cannot be made: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(made, OptimizerLike):
        raise TypeError(
            f"{subject.name} must make an (init, update) pair, but {subject.python(0.1)!r} gives "
            f"{type(made).__name__}"
        )


def _unwrapped(what: Any) -> Any:
    while isinstance(what, functools.partial):
        what = what.func
    return what


def _name_of(what: Any) -> str:
    what = _unwrapped(what)
    return getattr(what, "__name__", type(what).__name__).replace("<lambda>", "lambda")


def _written(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_literal(value)}" for name, value in settings.items())


def _literal(value: Any) -> str:
    is_key = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    return f"jax.random.key({jax.random.key_data(value)[-1]})" if is_key else repr(value)


def _source_of(found: Any) -> str:
    try:
        return inspect.getsource(inspect.unwrap(found) if callable(found) else type(found))
    except (OSError, TypeError):
        return ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def setting_of(text: str) -> tuple[str, Any]:
    """What is written ``NAME=VALUE``; the value a Python literal, or else a word.

    Raises:
        ValueError: it is not of that form.

    Example:
        >>> setting_of("b1=0.95"), setting_of("nesterov=True"), setting_of("mode=full")
        (('b1', 0.95), ('nesterov', True), ('mode', 'full'))
    """
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"a setting is written NAME=VALUE, such as b1=0.95, got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
