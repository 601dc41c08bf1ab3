"""What a sweep runs: for each combination of its choices, a program of the axes that are mapped."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend import core
from jaxtyping import PyTree

from jdescent.core.identity import Identity, identify, is_key, on_host
from jdescent.sweeps.axes import Axis, OnePoint
from jdescent.sweeps.choices import Choice
from jdescent.sweeps.encoding import Coordinate, Variable
from jdescent.sweeps.labels import Labelled, labelled, require_distinct_names, with_known_steps
from jdescent.sweeps.lanes.programs import is_reference
from jdescent.sweeps.values import OUTSIDE


class Program(NamedTuple):
    """From a point on each mapped axis to every array of the result, at one choice of the others.

    Attributes:
        chosen: the index on each axis of choices, by its name.
        title: that choice in words; empty where there is nothing to choose.
        program: as JAX traced it.
        labels: the names of what it gives.
        identity: of the program.
    """

    chosen: Mapping[str, int]
    title: str
    program: core.ClosedJaxpr
    labels: Sequence[Labelled]
    identity: Identity

    @property
    def variables(self) -> list[Variable]:
        return [label.variable for label in self.labels]

    @property
    def coordinates(self) -> dict[str, np.ndarray]:
        """Of the dimensions that the result has beside the axes."""
        return {name: array for label in self.labels for name, array in label.coordinate.items()}


def mapped_axes(axes: Iterable[Axis | Choice]) -> list[Axis]:
    """Those that a program has for arguments."""
    return [axis for axis in axes if isinstance(axis, Axis)] or [OnePoint()]


def traced(run: Callable[..., PyTree], axes: Sequence[Axis | Choice]) -> list[Program]:
    """The program of each combination of choices, in the order of the grid.

    Raises:
        TypeError: a run that returns what is no array, or does what no compiled function can.
        ValueError: two things of one name; results that differ in more than their numbers.
    """
    choices = [axis for axis in axes if isinstance(axis, Choice)]
    mapped, programs, names = mapped_axes(axes), [], _names(axes)
    for place in itertools.product(*(range(axis.size) for axis in choices)):
        chosen = {axis.name: index for axis, index in zip(choices, place, strict=True)}
        values = {axis.name: axis.values[chosen[axis.name]] for axis in choices}
        title = ", ".join(axis.label(chosen[axis.name]) for axis in choices)
        try:
            program, labels = _trace(run, mapped, values)
        except Exception as error:
            if title:
                error.add_note(f"this happened at {title}")
            raise
        require_distinct_names(names, labels)
        programs.append(Program(chosen, title, program, labels, identify(program)))
    _require_alike(programs)
    return programs


def _names(axes: Sequence[Axis | Choice]) -> list[str]:
    """Of the dimensions and coordinates that the axes give to the result."""
    names: list[str] = []
    for axis in axes:
        coordinates = axis.coordinates()
        dims = {dim for label in coordinates.values() for dim in label.dims}
        names += [*coordinates, *(dims - coordinates.keys())]
    return names


def coordinates_of(
    axes: Sequence[Axis | Choice], programs: Sequence[Program]
) -> dict[str, np.ndarray | Coordinate]:
    """Everything that labels the result."""
    found: dict[str, np.ndarray | Coordinate] = {}
    for axis in axes:
        found |= axis.coordinates()
    return found | programs[0].coordinates


def _trace(
    run: Callable[..., PyTree], axes: Sequence[Axis], values: Mapping[str, Any]
) -> tuple[core.ClosedJaxpr, list[Labelled]]:
    """The program of one lane, from its point on each axis to every array of its result."""
    labels: list[Labelled] = []

    def lane(*point):
        given = dict(values)
        for axis, at in zip(axes, point, strict=True):
            given |= axis.given(at)
        results = labelled(run(**given))
        labels[:] = [result.without_value() for result in results]
        return [result.value for result in results]

    try:
        program = jax.make_jaxpr(lane)(*(axis.one_point for axis in axes))
    except (TypeError, IndexError) as error:
        if "concrete" not in str(error):
            raise
        raise TypeError(
            "run must do the same for every point of an axis that is mapped over, as it is "
            "compiled once for all of them; a Python if, a range or a shape depends on such a "
            "value: use jnp.where or lax.cond, or make the axis a choice, as in "
            f"width=jd.static([16, 32]), which is compiled for each.\n{str(error).splitlines()[0]}"
        ) from error
    if not labels:
        raise TypeError("run must return at least one array")
    program, labels = with_known_steps(program, labels)
    if any(isinstance(const, jax.core.Tracer) for const in program.consts):
        raise TypeError(f"run reads a traced value: {OUTSIDE}")
    if any(map(is_reference, program.jaxpr.constvars)):
        raise TypeError(
            "run reads or writes a reference that was made outside of it, but runs are computed "
            "side by side, each from the point that it is given alone: make it inside run, with "
            "jax.new_ref, and return its value"
        )
    consts = [const if is_key(const) else on_host(const) for const in program.consts]
    return core.ClosedJaxpr(program.jaxpr, consts), labels


def _require_alike(programs: Sequence[Program]) -> None:
    """Refuse results that cannot lie in one grid."""
    first, *others = programs
    for other in others:
        here, there = _described(first), _described(other)
        lines = [
            f"  {name}: {here.get(name, 'nothing')} at {first.title}, "
            f"{there.get(name, 'nothing')} at {other.title}"
            for name in dict.fromkeys([*here, *there])
            if here.get(name) != there.get(name)
        ]
        if lines:
            raise ValueError(
                "run returns arrays that differ from choice to choice in more than their numbers, "
                "so that no array holds them all:\n" + "\n".join(lines) + "\nreturn what all have "
                "in common: of a trajectory path._replace(params=None), which leaves out the "
                "parameters, or path.verdict; pad in run what you want padded; or call sweep once "
                "for each choice"
            )


def _described(program: Program) -> dict[str, str]:
    """What must be equal of each array that it gives, by its name."""
    arrays = {
        each.name: " ".join(
            [f"{each.dtype}{list(each.shape)}", *each.dims, *map(str, each.attrs.values())]
        )
        for each in program.variables
    }
    return arrays | {
        name: ", ".join(map(str, [*values[:2], "…", *values[-1:], f"{len(values)} in all"]))
        for name, values in program.coordinates.items()
    }
