"""The optimizer on trial: made of a name, a file, an expression or a function."""

import ast
import dataclasses
import functools
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jdescent import optimizers
from jdescent.core import OptimizerLike
from jdescent.core.contract import accept_extra

RATE_NAMES = ("learning_rate", "lr", "step_size", "eta")
LIBRARY = "import jdescent as jd"


@dataclasses.dataclass(frozen=True)
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
        found, code, imports, usual_name, source = _named(what)
    else:
        found, usual_name, imports, source = what, _name_of(what), LIBRARY, ""
        code = f"jd.{usual_name}" if _unwrapped(what) in vars(optimizers).values() else usual_name
    while isinstance(found, functools.partial) and not found.args:
        settings = {**found.keywords, **settings}
        found = found.func
    usual_name += f"({_written(settings)})" if settings else ""
    subject = _made(found, code, settings)
    fingerprint = source or _source_of(found)
    subject = dataclasses.replace(
        subject, name=name or usual_name, imports=imports, fingerprint=_hash(fingerprint)
    )
    _require_pair(subject)
    return subject


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
    elif rate is None and needed and needed[0] not in ("optimizer", "fast_optimizer", "key"):
        rate = needed[0]
    missing = [name for name in needed if name != rate]
    if missing:
        raise ValueError(
            f"{code} needs {', '.join(missing)}: give it with --set {missing[0]}=…, or as "
            f'"lambda lr: …" in Python'
        )
    return rate


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


def _named(what: str) -> tuple[Any, str, str, str, str]:
    """What a string means, how it is written and imported, its name, and its source if a file's."""
    if what.lstrip().startswith("lambda"):
        imports = f"{LIBRARY}, jax, jax.numpy as jnp, optax"
        return _evaluated(what), what.strip(), imports, "lambda", what
    place, colon, attribute = what.rpartition(":")
    if not colon:
        if what not in optimizers.__all__:
            raise ValueError(
                f"the library has no optimizer {what!r}: `jd.optimizers` has "
                f"{_near(what)}; others are named as MODULE:NAME or FILE.py:NAME"
            )
        return vars(optimizers)[what], f"jd.{what}", LIBRARY, what, ""
    if place.endswith(".py"):
        path = Path(place).expanduser().resolve()
        found = _attribute(_of_file(path), attribute, place)
        imports = f"import runpy\nmine = runpy.run_path({str(path)!r})"
        return found, f"mine[{attribute!r}]", imports, attribute, path.read_text(encoding="utf-8")
    try:
        module = importlib.import_module(place)
    except ImportError as error:
        raise ValueError(
            f"there is no module {place!r} to take {attribute} from: {error}"
        ) from None
    found = _attribute(module, attribute, place)
    source = f"{place} {getattr(sys.modules[place.partition('.')[0]], '__version__', '')}"
    return found, f"{place}.{attribute}", f"import {place}", f"{place}.{attribute}", source


def _near(what: str) -> str:
    import difflib

    near = difflib.get_close_matches(what, optimizers.__all__, n=3)
    return ", ".join(near) if near else f"{len(optimizers.__all__)}, such as adam and muon"


def _evaluated(expression: str) -> Any:
    names = {"jd": importlib.import_module("jdescent"), "jax": jax, "jnp": jnp}
    if importlib.util.find_spec("optax") is not None:
        names["optax"] = importlib.import_module("optax")
    try:
        return eval(expression, names)
    except SyntaxError as error:
        raise ValueError(f"{expression!r} is no Python expression: {error.msg}") from None


def _of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # as Python does for a script
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ValueError(f"{path} fails: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _attribute(module: ModuleType, name: str, place: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        here = [n for n, value in vars(module).items() if callable(value) and n[0] != "_"]
        raise ValueError(
            f"{place} has no {name!r}; it has {', '.join(sorted(here)[:12])}"
        ) from None


def _unwrapped(what: Any) -> Any:
    while isinstance(what, functools.partial):
        what = what.func
    return what


def _name_of(what: Any) -> str:
    what = _unwrapped(what)
    return getattr(what, "__name__", type(what).__name__).replace("<lambda>", "lambda")


def _written(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in settings.items())


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
