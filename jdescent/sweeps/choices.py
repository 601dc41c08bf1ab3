"""Axes of Python objects: optimizers, widths, batch sizes, anything that a program is made of."""

import math
import re
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import jax
import numpy as np

from jdescent.sweeps.encoding import Coordinate, labels_of
from jdescent.sweeps.values import is_leaf

Label = bool | int | float | str


class Static:
    """Python objects by their labels, for an axis of a sweep; `static` makes it."""

    def __init__(self, choices: Mapping[Label, Any]) -> None:
        self.choices = dict(choices)

    def __repr__(self) -> str:
        return f"static({', '.join(map(str, self.choices))})"


def static(values: Mapping[Any, Any] | Sequence[Any] | np.ndarray) -> Static:
    """An axis of Python objects, each of which `run` is given as it is and compiled for.

    A list or an array of numbers is mapped over: `run` gets traced arrays, which no Python ``if``,
    ``range`` or shape can depend on, and is compiled once. A choice is compiled once for each of
    its values (for several choices, of each combination), and `run` may do anything with them.

    `sweep` takes a dictionary for a choice by itself where none of its entries has a first axis to
    map over: ``optimizer={"sgd": jd.sgd, "adam": jd.adam}``, ``clip={"none": None, "at 1": 1.0}``.
    Dictionaries of arrays, lists or tuples are trees, which are mapped over; with `static`, they
    too are choices.

    Args:
        values: objects by their labels; or a list, whose labels are its numbers, or else texts: of
            a word itself, of a function its name, of anything else its ``repr``.

    Raises:
        TypeError: values that are neither; an object without a label of its own.
        ValueError: none; two of one label; a label that is NaN.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> grid = jd.sweep(lambda width, scale: scale * jnp.ones(width).sum(),
        ...                 width=jd.static([16, 32]), scale=[1.0, 2.0])
        >>> grid.result.sel(width=32).values
        array([32., 64.], dtype=float32)
        >>> jd.static([jnp.tanh, None, "relu"])
        static(tanh, None, relu)
    """
    if isinstance(values, Mapping):
        pairs = list(values.items())
    elif isinstance(values, np.ndarray) and values.ndim == 1:
        pairs = [(value, value) for value in values.tolist()]
    elif isinstance(values, Sequence) and not isinstance(values, str | bytes):
        pairs = [(value, value) for value in values]
    else:
        raise TypeError(
            f"static must be given a list of values, or a dictionary from labels to them, got "
            f"{values!r}"
        )
    if not pairs:
        raise ValueError("static is empty: give it at least one value")
    labels = _labels([key for key, _ in pairs])
    if repeated := sorted({str(label) for label in labels if labels.count(label) > 1}):
        raise ValueError(
            f"static has two values of one label, {', '.join(repeated)}: give each its own, as in "
            "jd.static({'first': …, 'second': …})"
        )
    return Static(dict(zip(labels, (value for _, value in pairs), strict=True)))


def _labels(keys: Sequence[Any]) -> list[Label]:
    """Numbers where all are of one kind, else texts."""
    numbers = [_number(key) for key in keys]
    kinds = {type(number) for number in numbers}
    if kinds in ({bool}, {int}, {float}, {int, float}):
        if any(math.isnan(number) for number in numbers):
            raise ValueError("static has NaN for a label, which equals nothing: name it by a text")
        return numbers
    return [_text(key) for key in keys]


def _number(key: Any) -> Any:
    """As Python's own number; None where it is none, or an integer beyond 64 bits."""
    if isinstance(key, np.generic):
        key = key.item()
    if not isinstance(key, Real) or (isinstance(key, int) and not -(2**63) <= key < 2**63):
        return None
    return key if isinstance(key, int) else float(key)


def _text(key: Any) -> str:
    if isinstance(key, str):
        return str(key)
    name = getattr(key, "__name__", None)
    text = name if isinstance(name, str) else repr(key)
    if re.search(r" at 0x[0-9a-f]+", text):
        raise TypeError(
            f"static needs a label for {text}: give it one, as in jd.static({{'name': value}})"
        )
    return text


def is_choice(name: str, value: Any) -> bool:
    """Whether an axis is a choice of Python objects, rather than arrays to map over.

    Raises:
        ValueError: a dictionary of which a part could be mapped over.
    """
    if isinstance(value, Static):
        return True
    if not isinstance(value, Mapping):
        return False
    mapped = {key: _has_a_first_axis(entry) for key, entry in value.items() if entry is not None}
    if len(set(mapped.values())) > 1:
        scalars = ", ".join(repr(key) for key, has in mapped.items() if not has)
        raise ValueError(
            f"axis {name} must have a first axis to map over in every array, but has none in "
            f"{scalars}: give all of them one; or, where each entry is a choice, not a part of a "
            f"tree, write jd.static({{…}})"
        )
    return bool(value) and not any(mapped.values())


def _has_a_first_axis(entry: Any) -> bool:
    leaves = jax.tree.leaves(entry, is_leaf=is_leaf)
    return bool(leaves) and all(
        isinstance(leaf, list | tuple | range) or getattr(leaf, "ndim", 0) for leaf in leaves
    )


class Choice:
    """One named axis of Python objects: a program of its own for each."""

    def __init__(self, name: str, value: Static | Mapping[Any, Any]):
        choices = value.choices if isinstance(value, Static) else static(value).choices
        self.name, self.labels, self.values = name, list(choices), list(choices.values())
        self.size = len(self.labels)

    @property
    def arguments(self) -> list[str]:
        return [self.name]

    def coordinates(self) -> dict[str, Coordinate]:
        """Its labels."""
        return {self.name: labels_of(self.name, self.labels)}

    def identity(self) -> dict[str, Any]:
        """Its labels; what they stand for shows in the programs."""
        return {"labels": list(map(repr, self.labels))}

    def take(self, indices: np.ndarray) -> "Choice":
        """The same axis of these of its points."""
        return Choice(self.name, Static({self.labels[k]: self.values[k] for k in indices}))

    def label(self, index: int) -> str:
        """One of its points in words."""
        return f"{self.name}={self.labels[index]!r}"
