"""The axes of a sweep: arrays, or trees of them, that are mapped over, one or several together."""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from jdescent.core.identity import describe, is_key, on_host
from jdescent.sweeps.choices import Choice, Static, is_choice
from jdescent.sweeps.encoding import Coordinate
from jdescent.sweeps.values import as_tree, keys_in_order, require_mappable


class Paired:
    """Arguments that vary together along one axis of a sweep; `paired` makes it."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.arguments = dict(arguments)

    def __repr__(self) -> str:
        return f"paired({', '.join(self.arguments)})"


def paired(arguments: Mapping[str, Any] | None = None, /, **more: Any) -> Paired:
    """An axis along which several arguments of `run` vary together: point k has the k-th of each.

    Args:
        arguments: by their names, for names that are no words of Python.
        **more: the values of each, as for an axis of `sweep`: all of one length.

    Returns:
        An axis for `sweep`, which names the dimension: ``sweep(run, sample=paired(…))`` calls
        ``run(learning_rate=…, momentum=…)``, and the result has the dimension ``sample``, with the
        values as coordinates along it. It may be named as one of them, which then labels it.

    Raises:
        TypeError: no arguments; one that is a choice or is paired itself.

    Example:
        >>> import jdescent as jd
        >>> line = jd.paired(learning_rate=[0.1, 0.2], momentum=[0.9, 0.8])
        >>> grid = jd.sweep(lambda learning_rate, momentum: learning_rate / (1 - momentum),
        ...                 sample=line)
        >>> print(grid.result.round(3).values, grid.momentum.values)
        [1. 1.] [0.9 0.8]
    """
    given = {**(arguments or {}), **more}
    if not given:
        raise TypeError("paired needs the arguments that vary together: paired(learning_rate=…)")
    for name, value in given.items():
        if isinstance(value, Static | Paired) or is_choice(name, value):
            raise TypeError(
                f"{name} cannot be paired, as it is {value!r}: arrays and trees of them can; give "
                "a choice of Python objects an axis of its own"
            )
    return Paired(given)


class Axis:
    """One named axis that is mapped over: what its points give to a run, and their labels."""

    def __init__(self, name: str, value: Any):
        self.name, self._paired = name, isinstance(value, Paired)
        with keys_in_order(f"axis {name}"):
            if isinstance(value, Paired):
                self.tree = {each: as_tree(each, given) for each, given in value.arguments.items()}
            else:
                self.tree = as_tree(name, value)
        leaves = jax.tree.leaves(self.tree)
        if not leaves:
            raise ValueError(f"axis {name} is empty: give it at least one value")
        for member, tree in self._members.items():
            for leaf in jax.tree.leaves(tree):
                require_mappable(member, leaf)
        sizes = sorted({len(leaf) for leaf in leaves})
        if len(sizes) > 1:
            raise ValueError(f"axis {name} has arrays of different lengths: {self._lengths(sizes)}")
        self.size: int = sizes[0]

    @property
    def _members(self) -> dict[str, PyTree]:
        """The arguments that it gives, each with its tree."""
        return self.tree if self._paired else {self.name: self.tree}

    def _lengths(self, sizes: list[int]) -> str:
        if not self._paired:
            return str(sizes)
        each = ((name, jax.tree.leaves(tree)) for name, tree in self._members.items())
        return ", ".join(f"{name} {len(leaves[0])}" for name, leaves in each if leaves)

    @property
    def arguments(self) -> list[str]:
        """The names of the function's arguments that it gives."""
        return [*self._members]

    def given(self, point: PyTree) -> dict[str, PyTree]:
        """What one of its points gives to the function, by the names of its arguments."""
        return point if self._paired else {self.name: point}

    @property
    def one_point(self) -> PyTree:
        """The shapes of what the function is given."""
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), self.tree
        )

    def coordinates(self) -> dict[str, Coordinate]:
        """Its values, or where these are not one number each 0, 1, …, with the values beside."""
        return {self.name: self.index(), **self.values()}

    def index(self) -> Coordinate:
        """What labels its dimension."""
        return self.values().get(self.name) or self._labels(np.arange(self.size))

    def values(self) -> dict[str, Coordinate]:
        """What its points are, array by array."""
        found: dict[str, Coordinate] = {}
        for member, tree in self._members.items():
            plain = _is_plain(tree)
            found |= (
                {member: self._labels(np.asarray(tree))} if plain else self._of_tree(member, tree)
            )
        return found

    def take(self, indices: np.ndarray) -> "Axis":
        """The same axis of these of its points."""
        taken = copy.copy(self)
        taken.tree = jax.tree.map(lambda leaf: leaf[indices], self.tree)
        taken.size = len(indices)
        return taken

    def _labels(self, values: np.ndarray) -> Coordinate:
        return Coordinate((self.name,), values)

    def _of_tree(self, member: str, tree: PyTree) -> dict[str, Coordinate]:
        found: dict[str, Coordinate] = {}
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
            place = jax.tree_util.keystr(path, simple=True, separator="_")
            name = re.sub(r"[/\\]", "_", f"{member}_values{place and '_'}{place}")
            while name in found:
                name += "_"
            attrs = {"key_impl": str(jax.random.key_impl(leaf))} if is_key(leaf) else {}
            numbers = on_host(jax.random.key_data(leaf) if attrs else leaf)
            own = (f"{name}_dim{i}" for i in range(numbers.ndim - 1))
            found[name] = Coordinate((self.name, *own), numbers, attrs)
        return found

    def identity(self) -> dict[str, Any]:
        """What tells this axis from another one: its tree, and a digest of every array."""
        paths = jax.tree_util.tree_leaves_with_path(self.tree)
        arrays = {jax.tree_util.keystr(path) or "values": describe(leaf) for path, leaf in paths}
        return arrays if len(arrays) == 1 else {"tree": str(self.structure), **arrays}

    @property
    def structure(self) -> Any:
        return jax.tree.structure(self.tree)


def _is_plain(tree: PyTree) -> bool:
    """Whether each point is one number."""
    return isinstance(tree, jax.Array) and tree.ndim == 1 and not is_key(tree)


class OnePoint(Axis):
    """What a sweep over choices alone is mapped over: one point, which gives nothing to a run."""

    def __init__(self) -> None:
        super().__init__("one point", [0])

    def given(self, point: PyTree) -> dict[str, PyTree]:
        return {}


def named_axes(
    axes: Mapping[str, Any] | None, more_axes: Mapping[str, Any]
) -> Sequence[Axis | Choice]:
    """The axes that `sweep` was given, in order.

    Raises:
        TypeError: axes that are no mapping, none, or two that give one argument.
    """
    if axes is not None and not isinstance(axes, Mapping):
        raise TypeError(
            f"axes must be a mapping from names to values, got {type(axes).__name__}: "
            "sweep(run, learning_rate=rates) or sweep(run, {'learning_rate': rates})"
        )
    given = dict(axes or {})
    if repeated := given.keys() & more_axes.keys():
        raise TypeError(f"axes named twice: {', '.join(sorted(repeated))}")
    given |= more_axes
    if not given:
        raise TypeError("sweep needs at least one axis: sweep(run, learning_rate=rates)")
    named = [
        Choice(name, value) if is_choice(name, value) else Axis(name, value)
        for name, value in given.items()
    ]
    arguments = [argument for axis in named for argument in axis.arguments]
    if twice := sorted({name for name in arguments if arguments.count(name) > 1}):
        raise TypeError(f"axes named twice: {', '.join(twice)}")
    return named
