"""Run one function over the grid of named axes, and get the results back with their names."""

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree
from tqdm import tqdm

from jdescent.descend import Status, Trajectory, Verdict

if TYPE_CHECKING:
    import xarray

MIB = 2**20


def sweep(
    run: Callable[..., PyTree],
    *,
    max_memory: float | int = 1024,
    progress: bool | None = None,
    **axes: Any,
) -> "xarray.Dataset":
    """Call ``run(**point)`` at every point of the grid of axes, many points at a time.

    The grid is the product of the axes. Its points are flattened into lanes and mapped with
    `jax.vmap` in chunks that fit `max_memory`; the function is compiled once (twice when it turns
    out that it must be chunked). A lane gives what the same call alone gives, to rounding.

    Args:
        run: a function of one keyword argument per axis that jits and vmaps, for instance one that
            builds an optimizer and calls `descend`; it returns any tree of arrays.
        max_memory: bound on the memory of one chunk's inputs, outputs and temporaries, in MiB.
        progress: show a bar of lanes done; by default where standard error is a terminal and there
            is more than one chunk.
        **axes: one per argument of `run`: an array (or list) whose first axis is mapped, with at
            least one entry. Starts, keys and other arrays with further axes are welcome; their
            coordinate is then the index 0, 1, ….

    Returns:
        An `xarray.Dataset`: one variable per array that `run` returned, named by its path in the
        tree, with the sweep's axes first. A `Trajectory` gives ``loss`` and ``record…`` (with the
        dimension ``step``), ``params…``, ``verdict`` (as text), ``verdict_step``, ``verdict_loss``
        and ``verdict_gradient_norm``; its optimizer state stays out, and so do random keys.

    Raises:
        TypeError: no axes; an axis that cannot be made an array; a run that is not a function.
        ValueError: an axis that is empty, a scalar or holds NaN; an axis and a result, or two
            results, of one name; a memory bound below one lane.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, 1.0])
        >>> grid = jd.sweep(
        ...     lambda learning_rate, momentum: jd.descend(
        ...         bowl, x0, jd.sgd(learning_rate, momentum), steps=200),
        ...     learning_rate=[0.1, 0.3, 0.6],
        ...     momentum=[0.0, 0.5],
        ... )
        >>> dict(grid.loss.sizes)
        {'learning_rate': 3, 'momentum': 2, 'step': 201}
        >>> print(grid.verdict.sel(momentum=0.0).values)
        ['step limit' 'step limit' 'diverged']
    """
    import xarray

    if not callable(run):
        raise TypeError(f"run must be a function of the axes, got {run!r}")
    if not axes:
        raise TypeError("sweep needs at least one axis: sweep(run, learning_rate=rates)")
    values = {name: _axis(name, value) for name, value in axes.items()}
    shape = tuple(len(value) for value in values.values())

    def point(index):
        places = jnp.unravel_index(index, shape)
        return {name: value[i] for (name, value), i in zip(values.items(), places, strict=True)}

    def lane(index):
        return [variable.value for variable in _variables(run(**point(index)))]

    one_result = jax.eval_shape(lambda index: run(**point(index)), jnp.zeros((), jnp.int32))
    variables = _variables(one_result)
    _require_distinct_names(axes, variables)

    lanes = math.prod(shape)
    compiled, chunk = _compile_within(jax.vmap(lane), lanes, max_memory * MIB)
    results = _run_chunks(compiled, lanes, chunk, progress)

    coordinates = {
        name: np.asarray(value) if _is_plain(value) else np.arange(len(value))
        for name, value in values.items()
    }
    data = {}
    for variable, array in zip(variables, results, strict=True):
        array = array.reshape(shape + array.shape[1:])
        data[variable.name] = (*axes, *variable.dims), variable.decode(array)
        coordinates |= variable.coordinate
    return xarray.Dataset(data, coords=coordinates)


class _Variable(NamedTuple):
    """One array of a run's result: its name, its own dimensions and how it is read back."""

    name: str
    value: Any
    dims: tuple[str, ...]
    coordinate: Mapping[str, np.ndarray] = MappingProxyType({})
    decode: Callable[[np.ndarray], np.ndarray] = lambda array: array


def _variables(result: PyTree, prefix: str = "") -> list[_Variable]:
    """Every array of a run's result with its name; trajectories and verdicts by their parts."""
    special = (Trajectory, Verdict)
    found = []
    leaves = jax.tree_util.tree_leaves_with_path(result, is_leaf=lambda x: isinstance(x, special))
    for path, leaf in leaves:
        name = "_".join(
            filter(None, [prefix, jax.tree_util.keystr(path, simple=True, separator="_")])
        )
        if isinstance(leaf, Trajectory):
            found += _trajectory_variables(leaf, name)
        elif isinstance(leaf, Verdict):
            found += _verdict_variables(leaf, name)
        elif not _is_key(leaf):
            name = name or "result"
            dims = tuple(f"{name}_dim{i}" for i in range(len(jnp.shape(leaf))))
            found.append(_Variable(name, leaf, dims))
    return found


def _trajectory_variables(path: Trajectory, name: str) -> list[_Variable]:
    under = f"{name}_" if name else ""
    rows = []
    if path.loss is not None:
        step = f"{under}step"
        count = path.loss.shape[-1]
        coordinate = {step: path.every * np.arange(count)}
        for record in _variables({"loss": path.loss, "record": path.record}, name):
            rows.append(record._replace(dims=(step, *record.dims[1:]), coordinate=coordinate))
    params = _variables({"params": path.params}, name)
    return rows + params + _verdict_variables(path.verdict, f"{under}verdict")


def _verdict_variables(verdict: Verdict, name: str) -> list[_Variable]:
    name = name or "verdict"
    words = np.array([str(status) for status in Status])
    return [
        _Variable(name, verdict.status, (), decode=lambda codes: words[codes]),
        _Variable(f"{name}_step", verdict.step, ()),
        _Variable(f"{name}_loss", verdict.loss, ()),
        _Variable(f"{name}_gradient_norm", verdict.gradient_norm, ()),
    ]


def _axis(name: str, value: Any) -> jax.Array:
    try:
        array = value if isinstance(value, jax.Array) else jnp.asarray(np.asarray(value))
    except (TypeError, ValueError) as error:
        raise TypeError(f"axis {name} must be an array of values, got {value!r}") from error
    if array.ndim == 0:
        raise ValueError(f"axis {name} must have a first axis to map over, got a scalar {value!r}")
    if len(array) == 0:
        raise ValueError(f"axis {name} is empty: give it at least one value")
    if jnp.issubdtype(array.dtype, jnp.inexact) and bool(jnp.any(jnp.isnan(array))):
        where = ", ".join(str(i) for i in np.argwhere(np.isnan(array))[0])
        raise ValueError(f"axis {name} holds NaN at index {where}")
    return array


def _is_plain(array: jax.Array) -> bool:
    """Whether the values can be a coordinate: one number each, and no random keys."""
    return array.ndim == 1 and not _is_key(array)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key)


def _require_distinct_names(axes: Iterable[str], variables: Sequence[_Variable]) -> None:
    dims = {dim for variable in variables for dim in variable.dims}
    names = Counter([*axes, *dims, *(variable.name for variable in variables)])
    repeated = [name for name, count in names.items() if count > 1]
    if repeated:
        raise ValueError(
            f"{', '.join(repeated)} would name two things in the result: rename the axis, or what "
            "run returns"
        )


def _compile_within(mapped: Callable, lanes: int, bound: float | int) -> tuple[Callable, int]:
    """The mapped function compiled for as many lanes as the bound in bytes allows."""
    chunk = lanes
    while True:
        indices = jax.ShapeDtypeStruct((chunk,), jnp.int32)
        compiled = jax.jit(mapped).lower(indices).compile()
        memory = compiled.memory_analysis()
        used = sum(
            getattr(memory, f"{kind}_size_in_bytes") for kind in ("argument", "output", "temp")
        )
        if used <= bound:
            return compiled, chunk
        if chunk == 1:
            raise ValueError(
                f"one lane needs {used / MIB:.3g} MiB, more than max_memory={bound / MIB:.3g}: "
                "raise it, or record less (every=, record=None)"
            )
        chunk = max(1, min(chunk - 1, int(0.9 * chunk * bound / used)))


def _run_chunks(
    compiled: Callable, lanes: int, chunk: int, progress: bool | None
) -> list[np.ndarray]:
    """Run all lanes chunk by chunk; each leaf comes back as one NumPy array of all lanes."""
    if progress is None:
        progress = sys.stderr.isatty() and chunk < lanes
    leaves: list[np.ndarray] = []
    with tqdm(total=lanes, unit="run", unit_scale=True, disable=not progress) as bar:
        for begin in range(0, lanes, chunk):
            count = min(chunk, lanes - begin)
            indices = jnp.minimum(begin + jnp.arange(chunk, dtype=jnp.int32), lanes - 1)
            parts = [np.asarray(part) for part in jax.tree.leaves(compiled(indices))]
            if not leaves:
                leaves = [np.empty((lanes, *part.shape[1:]), part.dtype) for part in parts]
            for leaf, part in zip(leaves, parts, strict=True):
                leaf[begin : begin + count] = part[:count]
            bar.update(count)
    return leaves
