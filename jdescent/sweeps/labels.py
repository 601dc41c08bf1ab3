"""Names for every array that a run returns."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jaxtyping import PyTree

from jdescent.core.identity import is_key
from jdescent.sweeps.encoding import Variable, flags
from jdescent.sweeps.lanes.programs import constant_output, is_reference
from jdescent.sweeps.values import keys_in_order, require_kept
from jdescent.trajectory import (
    Status,
    Trajectory,
    Verdict,
    evaluated_steps,
    recorded_steps,
)


class Labelled(NamedTuple):
    """One array of a run's result, with the names it gets."""

    name: str
    value: Any
    dims: tuple[str, ...]
    coordinate: Mapping[str, np.ndarray] = MappingProxyType({})
    attrs: Mapping[str, Any] = MappingProxyType({})
    counts_rows: bool = False  # whether it is the steps of what was recorded

    @property
    def variable(self) -> Variable:
        shape, dtype = self.value.shape, np.dtype(self.value.dtype)
        return Variable(self.name, self.dims, shape, dtype, dict(self.attrs))

    def without_value(self) -> "Labelled":
        """With its shape alone: a traced value must not outlive its trace."""
        shape, dtype = jnp.shape(self.value), jnp.result_type(self.value)
        return self._replace(value=jax.ShapeDtypeStruct(shape, dtype))


def labelled(result: PyTree, prefix: str = "") -> list[Labelled]:
    """Every array of a run's result; trajectories and verdicts by their parts.

    Optimizer states and random keys stay out.
    """
    special = (Trajectory, Verdict)
    found = []
    with keys_in_order("what run returns"):
        leaves = jax.tree_util.tree_leaves_with_path(
            result, is_leaf=lambda x: isinstance(x, special)
        )
    for path, leaf in leaves:
        name = "_".join(
            filter(None, [prefix, jax.tree_util.keystr(path, simple=True, separator="_")])
        )
        if isinstance(leaf, Trajectory):
            found += _of_trajectory(leaf, name)
        elif isinstance(leaf, Verdict):
            found += _of_verdict(leaf, name)
        elif not _is_random_key(leaf):
            name = name or "result"
            array = _as_array(name, leaf)
            dims = tuple(f"{name}_dim{i}" for i in range(array.ndim))
            found.append(Labelled(name, array, dims))
    return found


def _as_array(name: str, leaf: Any) -> jax.Array:
    """The leaf as an array; an error if it is none, or if JAX holds it as another number."""
    if is_reference(leaf):
        raise TypeError(
            f"run must return arrays and numbers, but {name} is a reference: return its value, as "
            "in reference[...]"
        )
    try:
        if not isinstance(leaf, jax.Array):
            require_kept(f"run returns as {name}", np.asarray(leaf))
        return jnp.asarray(leaf)
    except (TypeError, OverflowError) as error:
        raise TypeError(
            f"run must return arrays and numbers, but {name} is {leaf!r}: leave it out, or return "
            "a number for it"
        ) from error


def _is_random_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and is_key(leaf)


def _of_trajectory(path: Trajectory, name: str) -> list[Labelled]:
    under = f"{name}_" if name else ""
    found = []
    if path.loss is not None:
        rows = {"loss": path.loss, "record": path.kept}
        found += _of_rows(recorded_steps(path), rows, name, under, "step", "row")
    if path.evaluated is not None:
        rows = {"evaluated": path.evaluated}
        steps = evaluated_steps(path)
        found += _of_rows(steps, rows, name, under, "evaluation_step", "evaluation")
    best = getattr(path.stopping, "best", None)
    ends = {"params": path.params, "model_state": path.model_state}
    if best is not None:
        ends["best"] = best._asdict()
    return found + labelled(ends, name) + _of_verdict(path.verdict, f"{under}verdict")


def _of_rows(
    steps: Any, rows: Mapping[str, PyTree], name: str, under: str, step: str, row: str
) -> list[Labelled]:
    """What has a row for each of these steps, along them; along the rows' numbers where only the
    finished run knows its steps."""
    found = labelled(rows, name)
    if isinstance(steps, np.ndarray):
        dim, along = f"{under}{step}", steps.astype(np.int64)
    else:
        dim, along = f"{under}{row}", np.arange(steps.size)
        found.append(Labelled(f"{under}{step}", steps, (dim,), counts_rows=True))
    return [each._replace(dims=(dim, *each.dims[1:]), coordinate={dim: along}) for each in found]


def with_known_steps(
    program: core.ClosedJaxpr, labels: Sequence[Labelled]
) -> tuple[core.ClosedJaxpr, list[Labelled]]:
    """The same, but steps that no input decides, as a compiled run's, become a coordinate."""
    known = {
        label.dims[0]: (number, label.name, np.asarray(steps, np.int64))
        for number, label in enumerate(labels)
        if label.counts_rows and (steps := constant_output(program, number)) is not None
    }
    if not known:
        return program, list(labels)
    left = sorted(set(range(len(labels))) - {number for number, *_ in known.values()})

    def run(*arguments):
        outputs = core.jaxpr_as_fun(program)(*arguments)
        return [outputs[number] for number in left]

    def along_steps(label: Labelled) -> Labelled:
        dim, *others = label.dims or ("",)
        if dim not in known:
            return label
        _, step, steps = known[dim]
        return label._replace(dims=(step, *others), coordinate={step: steps})

    return jax.make_jaxpr(run)(*program.in_avals), [along_steps(labels[k]) for k in left]


def _of_verdict(verdict: Verdict, name: str) -> list[Labelled]:
    name = name or "verdict"
    return [
        Labelled(name, verdict.status, (), attrs=flags([str(status) for status in Status])),
        Labelled(f"{name}_step", verdict.step, ()),
        Labelled(f"{name}_loss", verdict.loss, ()),
        Labelled(f"{name}_gradient_norm", verdict.gradient_norm, ()),
    ]


def require_distinct_names(axes: Iterable[str], found: Sequence[Labelled]) -> None:
    """Refuse two things of one name in the result."""
    dims = {dim for label in found for dim in label.dims}
    names = Counter([*axes, *dims, *(label.name for label in found)])
    repeated = [name for name, count in names.items() if count > 1]
    if repeated:
        raise ValueError(
            f"{', '.join(repeated)} would name two things in the result: rename the axis, or what "
            "run returns"
        )
