"""What a string means: an optimizer of the library, of a module or a file, or an expression."""

import difflib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jdescent import optimizers

LIBRARY = "import jdescent as jd"
RAISED = (Exception, SystemExit)  # by code that is not ours, and that may call sys.exit


def said(error: BaseException) -> str:
    """An error in words: its first line, and what that announces."""
    first, *others = [line.strip() for line in str(error).splitlines() if line.strip()] or [
        "no message"
    ]
    return " ".join([f"{type(error).__name__}: {first}", *others[: first.endswith(":")]])


class Named(NamedTuple):
    """An object, how it is written in Python and imported, its name, and its source if known."""

    found: Any
    code: str
    imports: str
    name: str
    source: str = ""


def named(what: str) -> Named:
    """The object that is meant.

    Raises:
        ValueError: there is none, or its file fails.
    """
    if what.lstrip().startswith("lambda"):
        imports = f"{LIBRARY}, jax, jax.numpy as jnp, optax"
        return Named(_evaluated(what), what.strip(), imports, what.strip(), what)
    place, colon, attribute = what.rpartition(":")
    if not colon:
        if what not in optimizers.__all__:
            raise ValueError(
                f"the library has no optimizer {what!r}: `jd.optimizers` has "
                f"{_near(what)}; others are named as MODULE:NAME or FILE.py:NAME"
            )
        return Named(vars(optimizers)[what], f"jd.{what}", LIBRARY, what)
    if place.endswith(".py"):
        path = Path(place).expanduser().resolve()
        found = _attribute(_of_file(path), attribute, place)
        imports = f"import runpy\nmine = runpy.run_path({str(path)!r})"
        source = path.read_text(encoding="utf-8")
        return Named(found, f"mine[{attribute!r}]", imports, f"{path.stem}.{attribute}", source)
    module = _imported(place, attribute)
    found = _attribute(module, attribute, place)
    source = f"{place} {getattr(sys.modules[place.partition('.')[0]], '__version__', '')}"
    code = f"{place}.{attribute}"
    return Named(found, code, f"import {place}", code, source)


def _imported(place: str, attribute: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ImportError as error:
        raise ValueError(
            f"there is no module {place!r} to take {attribute} from: {error}"
        ) from None
    except RAISED as error:
        raise ValueError(f"{place} fails: {type(error).__name__}: {error}") from error


def _near(what: str) -> str:
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
    except RAISED as error:
        raise ValueError(f"{expression!r} fails: {type(error).__name__}: {error}") from error


def _of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    own_name = f"on_trial_{path.stem}"  # apart from a library that has the file's name
    spec = importlib.util.spec_from_file_location(own_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[own_name] = module  # where dataclasses look for their own
    folder = str(path.parent)
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)  # as Python does for a script
    try:
        spec.loader.exec_module(module)
    except RAISED as error:
        raise ValueError(f"{path} fails: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)
        sys.path.append(folder)  # for what it imports later, behind all libraries
    return module


def _attribute(module: ModuleType, name: str, place: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        here = [n for n, value in vars(module).items() if callable(value) and n[0] != "_"]
        raise ValueError(
            f"{place} has no {name!r}; it has {', '.join(sorted(here)[:12])}"
        ) from None
