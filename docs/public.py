"""The names that jdescent and its playground offer, each of which has a place on the site."""

import importlib
import inspect
import operator
import types
from collections.abc import Mapping
from typing import Any

import jdescent as jd
import jdescent_playground
from jdescent import numerics, optimizers, plotting, sweeps, testing
from jdescent_playground import export, player, runs

TOP = "jdescent"
BESIDE = (numerics, plotting, sweeps, testing)
PLAYGROUND = (jdescent_playground, player, export, runs)


def modules() -> dict[str, types.ModuleType]:
    """Every public module by the name it is imported with, the package itself aside."""
    of_the_package = {name: getattr(jd, name) for name in jd.__all__}
    found = {
        f"{TOP}.{name}": thing
        for name, thing in of_the_package.items()
        if isinstance(thing, types.ModuleType)
    }
    return found | {thing.__name__: thing for thing in (*BESIDE, *PLAYGROUND)}


def names_of(module: types.ModuleType) -> list[str]:
    """Those of `__all__`, or what is defined in the module and does not begin with _."""
    listed = getattr(module, "__all__", None)
    return list(listed) if listed is not None else sorted(_defined_in(module))


def _defined_in(module: types.ModuleType) -> list[str]:
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(thing) or inspect.isclass(thing))
        and thing.__module__ == module.__name__
    ]


def families() -> Mapping[str, list[str]]:
    """The optimizers of each module of `jdescent.optimizers`, both in alphabetical order."""
    found: dict[str, list[str]] = {}
    for name in optimizers.__all__:
        found.setdefault(module_of(getattr(jd, name)), []).append(name)
    return {family: sorted(found[family]) for family in sorted(found)}


def module_of(thing: Any) -> str:
    """The last part of the name of the module that a thing is defined in."""
    return thing.__module__.rpartition(".")[2]


def thing_of(name: str) -> Any:
    """What a public name stands for."""
    package, _, inner = name.partition(".")
    return operator.attrgetter(inner)(importlib.import_module(package))


def defined_as(name: str) -> str:
    """Where a public name is defined, ``jdescent.optimizers.adam.adam`` of ``jdescent.adam``."""
    thing = thing_of(name)
    is_ours = getattr(thing, "__module__", "").startswith(TOP) and hasattr(thing, "__qualname__")
    return f"{thing.__module__}.{thing.__qualname__}" if is_ours else name


def entry(name: str) -> str:
    """What mkdocstrings makes of a name, at the places ``jdescent.adam`` and ``adam``."""
    own = name.rpartition(".")[2]
    return f'<a id="{own}"></a><a id="{name}"></a>\n\n::: {defined_as(name)}\n'


def at_the_top() -> list[str]:
    """What `jdescent` offers itself: neither an optimizer nor a module."""
    mine = (name for name in jd.__all__ if name not in optimizers.__all__)
    return [name for name in mine if not isinstance(getattr(jd, name), types.ModuleType)]


def is_at_the_top(name: str) -> bool:
    """Whether the same thing is offered by `jdescent` itself."""
    own = name.rpartition(".")[2]
    return own in at_the_top() and thing_of(name) is getattr(jd, own)


def every_name() -> list[str]:
    """All of them as one writes them, ``jdescent.analysis.gd_limit``."""
    inner = (f"{name}.{one}" for name, module in modules().items() for one in names_of(module))
    top = (f"{TOP}.{name}" for name in jd.__all__)
    return [*top, *inner]
