"""The optimizer on trial: made of a name, a file, an expression or a function."""

import ast
import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jdescent import optimizers
from jdescent.core import Optimizer, OptimizerLike
from jdescent.core.contract import accept_extra
from jdescent.report_card.calling import key_of, numbers_of, rate_parameter
from jdescent.report_card.fingerprint import fingerprint
from jdescent.report_card.naming import LIBRARY, RAISED, named
from jdescent.report_card.surroundings import as_on_record


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
        fingerprint: of its source and of the programs that it makes; empty where these cannot be
            told from others.
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
        return self.code.startswith("jd.") and not self.code.startswith("jd.Optimizer(")

    def is_same(self, other: "Subject") -> bool:
        """Whether it is made by the same code, as far as can be told."""
        return self is other or (
            (self.python(), self.fingerprint) == (other.python(), other.fingerprint)
            and bool(self.fingerprint)
        )

    @functools.cached_property
    def rate_traces(self) -> bool:
        """Whether a traced learning rate makes it, so that many rates run as one program."""

        def one_update(rate):
            optimizer, x = self.make(rate), jnp.ones(2)
            extra = {"value": jnp.sum(x), "grad": x, "value_fn": jnp.sum}
            return accept_extra(optimizer.update)(x, optimizer.init(x), x, **extra)[0]

        try:
            jax.eval_shape(one_update, jnp.float32(0.1))
        except RAISED:
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


@as_on_record()
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
    if isinstance(what, Subject):
        return what
    settings = dict(settings or {})
    if isinstance(what, str):
        found, code, imports, usual_name, source = named(what)
    else:
        found, usual_name, imports, source = what, _name_of(what), LIBRARY, ""
        code = _code_of(what, usual_name)
    while isinstance(found, functools.partial) and not found.args:
        settings = {**found.keywords, **settings}
        found = found.func
    usual_name += f"({_written(settings)})" if settings else ""
    if (key := key_of(found, settings)) is not None:
        settings["key"], imports = key, f"{imports}, jax"
    subject = _made(found, code, settings)
    subject = dataclasses.replace(subject, name=name or usual_name, imports=imports)
    subject = _of_pairs(subject)
    return dataclasses.replace(subject, fingerprint=fingerprint(subject.make, found, source))


def _made(found: Any, code: str, settings: Mapping[str, Any]) -> Subject:
    if pair_of(found) is not None:
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
    rate = rate_parameter(found, code, settings)
    arguments = [] if rate is None else [rate.written]
    written = ", ".join([*arguments, _written(settings)] if settings else arguments)
    return Subject(
        code,
        lambda value: _called(found, rate.given(value) if rate else ((), {}), settings),
        f"({code})({written})" if code.startswith("lambda") else f"{code}({written})",
        takes_rate=rate is not None,
        default_rate=None if rate is None else rate.default,
        settings=numbers_of(found, settings, rate),
    )


def _called(found: Callable, given: tuple[tuple, dict], settings: Mapping[str, Any]) -> Any:
    return found(*given[0], **given[1], **settings)


def pair_of(made: Any) -> OptimizerLike | None:
    """What has an init and an update, also as a plain tuple of these two; else None."""
    if isinstance(made, OptimizerLike) and not inspect.isclass(made):
        return made
    if isinstance(made, tuple) and len(made) == 2 and all(map(callable, made)):
        return Optimizer(*made)
    return None


def _of_pairs(subject: Subject) -> Subject:
    """The subject, whose plain tuples become optimizers with an init and an update."""
    try:
        made = subject.make(0.1)
    except RAISED as error:
        raise ValueError(
            f"{subject.name} cannot be made: {type(error).__name__}: {error}"
        ) from error
    if pair_of(made) is None:
        raise TypeError(
            f"{subject.name} must make an (init, update) pair, but it makes "
            f"{type(made).__name__}: {made!r:.80}"
        )
    if isinstance(made, OptimizerLike):
        return subject
    make, imports = subject.make, subject.imports
    return dataclasses.replace(
        subject,
        make=lambda rate: pair_of(make(rate)),
        code=f"jd.Optimizer(*{subject.code})",
        imports=imports if imports.startswith(LIBRARY) else f"{LIBRARY}\n{imports}",
    )


def _unwrapped(what: Any) -> Any:
    while isinstance(what, functools.partial):
        what = what.func
    return what


def _name_of(what: Any) -> str:
    what = _unwrapped(what)
    made_by = getattr(getattr(what, "update", None), "made_by", None)
    return made_by or getattr(what, "__name__", type(what).__name__).replace("<lambda>", "lambda")


def _code_of(what: Any, name: str) -> str:
    """How it is written; what has no name of its own is called `make`."""
    if isinstance(what, functools.partial) and what.args:
        return "make"
    is_own = any(_unwrapped(what) is one for one in vars(optimizers).values())
    if is_own or hasattr(getattr(what, "update", None), "made_by"):
        return f"jd.{name}"
    return name if name.isidentifier() and name != "lambda" else "make"


def _written(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_literal(value)}" for name, value in settings.items())


def _literal(value: Any) -> str:
    is_key = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    if is_key:
        return f"jax.random.key({jax.random.key_data(value)[-1]})"
    if callable(value):  # such as a schedule, whose address in memory says nothing
        return getattr(value, "__name__", type(value).__name__).replace("<lambda>", "lambda")
    return repr(value)


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
