"""What is kept of a point: names, functions, or both."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, SupportsIndex

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from jdescent.core import global_norm
from jdescent.core.checks import positive_integer, require_arrays
from jdescent.numerics import LAST_STEP
from jdescent.trajectory import Point

_NAMES: dict[str, Callable[[Point], PyTree]] = {
    "loss": lambda point: point.loss,
    "params": lambda point: point.params,
    "gradient": lambda point: point.gradient,
    "gradient_norm": lambda point: global_norm(point.gradient),
    "state": lambda point: point.state,
    "model_state": lambda point: point.model_state,
    "aux": lambda point: point.aux,
}


class Record(NamedTuple):
    """What ``record=`` asks for."""

    keep: Callable[[Point], tuple[Any, PyTree]] | None  # the loss, and whatever else is kept
    names_loss: bool
    reads_gradient: bool


def record_of(asked: Any, lacking: Iterable[str] = ()) -> Record:
    """What is asked for.

    Args:
        asked: the argument `record` of `descend`.
        lacking: names of what the loss does not return.
    """
    if asked is None:
        return Record(None, False, False)
    if callable(asked):
        return Record(lambda point: (point.loss, _arrays(asked(point))), False, True)
    entries = _entries(asked)
    _require_known(entries, lacking)
    beside = {name: entry for name, entry in entries.items() if name != "loss"}
    functions = {name: _function(entry) for name, entry in beside.items()}
    reads_gradient = any(
        callable(entry) or entry in ("gradient", "gradient_norm") for entry in beside.values()
    )

    def keep(point):
        return point.loss, {name: _arrays(function(point)) for name, function in functions.items()}

    return Record(keep, "loss" in entries, reads_gradient)


def _function(entry: Any) -> Callable[[Point], PyTree]:
    return entry if callable(entry) else _NAMES[entry]


def _arrays(kept: PyTree) -> PyTree:
    require_arrays(kept, "what record returns")
    return kept


def _entries(asked: Any) -> dict[str, Any]:
    """Each name in the record, and what it is of: a name that is known, or a function."""
    if isinstance(asked, str):
        return {str(asked): str(asked)}
    if isinstance(asked, Mapping):
        return dict(asked)
    try:
        listed = list(asked)
    except TypeError as error:
        raise TypeError(
            "record must be names, functions of a Point, a dictionary of them or None, "
            f"got {asked!r}"
        ) from error
    entries: dict[str, Any] = {}
    for entry in listed:
        name = _name_of(entry)
        if name in entries and (callable(entry) or callable(entries[name])):
            raise ValueError(
                f"record holds two things of the name {name!r}: give them names of their own in a "
                f"dictionary, record={{{name!r}: …, 'other': …}}"
            )
        entries[name] = entry if callable(entry) else name
    return entries


def _name_of(entry: Any) -> Any:
    if not callable(entry):
        return str(entry) if isinstance(entry, str) else entry  # NumPy's text too
    name = getattr(entry, "__name__", "<lambda>")
    if not name.isidentifier():
        raise ValueError(
            f"record holds a function without a name, {entry!r}: give it one in a dictionary, "
            "record={'name': function}"
        )
    return name


def _require_known(entries: Mapping[Any, Any], lacking: Iterable[str]) -> None:
    wrong = [name for name in entries if not isinstance(name, str)]
    unknown = wrong + [
        e
        for e in entries.values()
        if not callable(e) and e not in wrong and not (isinstance(e, str) and e in _NAMES)
    ]
    if unknown:
        raise ValueError(
            f"record does not know {unknown}: name some of {sorted(_NAMES)}, "
            "or give a function of a Point"
        )
    for name, entry in entries.items():
        if name in _NAMES and entry != name:
            raise ValueError(
                f"record calls {name!r} what is not the {name}: give {entry!r} another name"
            )
        if entry in set(lacking):
            raise ValueError(
                f"record asks for {entry!r}, which this loss has not: pass "
                + {"aux": "has_aux=True", "model_state": "model_state="}[entry]
            )


def evaluation_of(asked: Any) -> tuple[Callable[[Point], PyTree], int] | None:
    """What ``evaluate=`` asks for: the function, and its interval."""
    if asked is None:
        return None
    if not (isinstance(asked, tuple | list) and len(asked) == 2 and callable(asked[0])):
        raise TypeError(
            "evaluate must be a function of a Point and its interval in steps, as in "
            f"(lambda point: accuracy(point.params), 100), got {asked!r}"
        )
    function, every = asked

    def evaluate(point: Point) -> PyTree:
        values = function(point)
        require_arrays(values, "what evaluate returns")
        if not jax.tree.leaves(values):
            raise TypeError(f"evaluate must return numbers or arrays, got {values!r}")
        return jax.tree.map(jnp.asarray, values)

    interval: SupportsIndex = every
    return evaluate, positive_integer("evaluate's interval", interval, at_most=LAST_STEP)
