"""What a player shows: runs of `descend` or `sweep`, each number with the axes it varies over."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from jdescent.trajectory import Status
from jdescent_playground.numbers import shown

Values = np.ndarray | None


@dataclass(frozen=True)
class Axis:
    """A setting that chooses among runs.

    Attributes:
        name: of the sweep's axis.
        labels: its values as they are shown.
        values: as numbers, ascending, where they are numbers.
    """

    name: str
    labels: tuple[str, ...]
    values: Values = None

    @property
    def logarithmic(self) -> bool:
        """Whether its values grow by about the same factor rather than the same difference."""
        if self.values is None or len(self.values) < 3 or self.values[0] <= 0:
            return False
        return _spread(np.diff(np.log(self.values))) < _spread(np.diff(self.values))

    def index(self, value: Any) -> int:
        """Where a value stands.

        Raises:
            ValueError: it is none of the axis's.
        """
        if self.values is None:
            found = [i for i, label in enumerate(self.labels) if label == str(value)]
        else:
            nearest = int(np.argmin(abs(self.values - float(value))))
            same = np.isclose(self.values[nearest], float(value), rtol=1e-5, atol=0.0)
            found = [nearest] if same else []
        if not found:
            raise ValueError(
                f"{self.name} = {value} was not computed; there are {', '.join(self.labels)}"
            )
        return found[0]


@dataclass(frozen=True)
class Numbers:
    """An array whose first dimensions are some of the axes, in their order.

    Attributes:
        array: the numbers, dimensions of axes first.
        axes: their names.
    """

    array: np.ndarray
    axes: tuple[str, ...] = ()

    @property
    def inner(self) -> tuple[int, ...]:
        """Its shape at one setting."""
        return self.array.shape[len(self.axes) :]


@dataclass(frozen=True)
class Runs:
    """Runs and all that is shown of them.

    Attributes:
        axes: what chooses among them.
        steps: (rows,) the step of each row.
        status: how each ended (`jdescent.Status`), over all axes.
        numbers: by name; "loss" and "params" at every row, what else was recorded, "last", the
            row at which a run ended, and "ended", its step.
    """

    axes: tuple[Axis, ...]
    steps: np.ndarray
    status: np.ndarray
    numbers: dict[str, Numbers] = field(default_factory=dict)

    def axis(self, name: str) -> Axis:
        """The axis of that name.

        Raises:
            ValueError: there is none.
        """
        for axis in self.axes:
            if axis.name == name:
                return axis
        known = ", ".join(axis.name for axis in self.axes) or "none"
        raise ValueError(f"no axis is called {name!r}; there are: {known}")

    def recorded(self, name: str) -> Numbers:
        """Numbers of that name.

        Raises:
            ValueError: nothing of that name was recorded.
        """
        if name not in self.numbers:
            raise ValueError(
                f"{name!r} was not recorded; there are {', '.join(self.numbers)}: "
                "name it in descend(record=…)"
            )
        return self.numbers[name]

    def read_by(self, function: Callable[..., Any], skip: int = 0) -> list[Axis]:
        """The axes that a function's parameters name, after the first few.

        A parameter with a default that names no axis keeps it.

        Raises:
            ValueError: a parameter without a default names no axis.
        """
        known = [axis.name for axis in self.axes]
        parameters = list(inspect.signature(function).parameters.values())[skip:]
        return [
            self.axis(parameter.name)
            for parameter in parameters
            if parameter.name in known or parameter.default is inspect.Parameter.empty
        ]

    def over(self, function: Callable[..., Any], *first: Any) -> Numbers:
        """A function's values for every setting that its parameters name, after the first ones."""
        axes = self.read_by(function, len(first))
        shape = tuple(len(axis.labels) for axis in axes)
        rows = [
            np.asarray(
                function(*first, **{a.name: _value(a, i) for a, i in zip(axes, at, strict=True)})
            )
            for at in np.ndindex(*shape)
        ]
        array = np.array(rows, np.float64).reshape(*shape, *rows[0].shape)
        return Numbers(array, tuple(axis.name for axis in axes))


def _value(axis: Axis, index: int) -> Any:
    return axis.labels[index] if axis.values is None else float(axis.values[index])


def _spread(differences: np.ndarray) -> float:
    return float(np.std(differences) / max(abs(np.mean(differences)), 1e-300))


def runs_of(source: Any) -> Runs:
    """The runs of a `Trajectory`, of several by name, or of a sweep's dataset.

    Several by name have one axis, called "run", and what all of them recorded in one shape.

    Raises:
        TypeError: it is none of these.
        ValueError: the loss was not recorded; a trajectory of many runs, which have no names; runs
            of other steps beside one another.
    """
    if isinstance(source, Runs):
        return source
    if isinstance(source, jd.Trajectory):
        return _of_trajectory(source)
    if isinstance(source, Mapping) and source and not hasattr(source, "data_vars"):
        return _side_by_side({str(k): _of_trajectory(path) for k, path in source.items()})
    if hasattr(source, "data_vars"):
        return _of_dataset(source)
    raise TypeError(
        f"a player shows a Trajectory, several by name, or a sweep's dataset, got "
        f"{type(source).__name__}: give what jd.descend or jd.sweep returned"
    )


def _of_trajectory(path: Any) -> Runs:
    if not isinstance(path, jd.Trajectory):
        raise TypeError(f"each run by name is a Trajectory, got {type(path).__name__}")
    if np.ndim(path.step):
        raise ValueError(
            f"these are {np.shape(path.step)[0]} runs without names: map descend with jd.sweep, "
            "whose axes have names, or give one of them"
        )
    if path.loss is None:
        raise ValueError("the loss was not recorded: call descend with record='loss' or more")
    recorded = path.record if isinstance(path.record, Mapping) else {"record": path.record}
    steps = np.asarray(path.steps)
    numbers = {name: Numbers(plain) for name, plain in _flat(recorded).items()}
    numbers["loss"] = Numbers(_plain(path.loss))
    return ended(Runs((), steps, np.asarray(int(path.verdict.status)), numbers), path.verdict.step)


def _side_by_side(runs: Mapping[str, Runs]) -> Runs:
    first, *others = runs.values()
    for name, other in runs.items():
        if not np.array_equal(other.steps, first.steps):
            raise ValueError(
                f"{name!r} was recorded at other steps than {next(iter(runs))!r}: runs beside one "
                "another take the same number of steps, with the same every="
            )
    shared = {
        name: Numbers(np.stack([run.numbers[name].array for run in runs.values()]), ("run",))
        for name, numbers in first.numbers.items()
        if all(
            name in other.numbers and other.numbers[name].inner == numbers.inner for other in others
        )
    }
    status = np.array([int(run.status) for run in runs.values()])
    return Runs((Axis("run", tuple(runs)),), first.steps, status, shared)


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers by the names that a sweep has for them: ``params_w`` of the parameter "w"."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="_"): _plain(leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(dict(record))
        if _is_numeric(leaf)
    }


def _is_numeric(leaf: Any) -> bool:
    """Whether it holds real numbers, and not keys or words."""
    return jnp.issubdtype(leaf.dtype, jnp.floating) or leaf.dtype.kind in "iub"


def _plain(leaf: Any) -> np.ndarray:
    """A NumPy array; of narrow floats, which NumPy does not reckon with, in float32."""
    narrow = jnp.issubdtype(leaf.dtype, jnp.floating) and leaf.dtype != np.float64
    return np.asarray(leaf, np.float32 if narrow else None)


def _of_dataset(grid: Any) -> Runs:
    if "verdict" not in grid or "step" not in grid.dims:
        raise ValueError(
            "a player shows runs of descend with their record: let the swept function return "
            "jd.descend(…, record='loss' or more)"
        )
    names = tuple(map(str, grid["verdict"].dims))
    if 0 in grid["verdict"].shape:
        raise ValueError("this part of the sweep has no runs")
    missing = int((grid["verdict"] == "").sum())
    if missing:
        raise ValueError(
            f"{missing} runs of this sweep are not computed: finish it, or select what is"
        )
    grid = grid.sortby([name for name in names if grid[name].dtype.kind in "fiu"])
    axes = tuple(_axis(grid, name) for name in names)
    numbers = {}
    for name, variable in grid.data_vars.items():
        if "step" in variable.dims and _is_numeric(variable):
            own = tuple(axis for axis in names if axis in variable.dims)
            inner = [dim for dim in variable.dims if dim not in (*own, "step")]
            array = _plain(variable.transpose(*own, "step", *inner).values)
            numbers[str(name).removeprefix("record_")] = Numbers(array, own)
    words = {str(status): int(status) for status in Status}
    status = np.vectorize(lambda word: words[str(word)])(grid["verdict"].values)
    runs = Runs(axes, grid["step"].values, np.asarray(status), numbers)
    return ended(runs, grid["verdict_step"].values)


def _axis(grid: Any, name: str) -> Axis:
    values = grid[name].values
    if values.dtype.kind in "fiu":
        return Axis(name, told_apart(values), values.astype(float))
    return Axis(name, tuple(map(str, values)))


def written(value: Any, digits: int = 3) -> str:
    """Whole numbers as they are, others to so many digits."""
    whole = float(value).is_integer() and abs(value) < 1e6
    return str(int(value)) if whole else shown(value, digits)


def told_apart(values: np.ndarray) -> tuple[str, ...]:
    """Values as they are written, in three digits or as many as tell neighbors well apart."""
    gaps = np.diff(np.unique(values.astype(float)))
    room = 0.05 * gaps.min() if gaps.size else np.inf
    for digits in range(3, 10):
        rounded = [float(f"{value:.{digits - 1}e}") for value in values]
        if np.max(np.abs(np.array(rounded) - values)) <= room:
            break
    return tuple(written(value, digits) for value in values)


RESERVED = ("last", "ended", "outcome", "slope")


def ended(runs: Runs, step: Any) -> Runs:
    """With the row and the step at which each run had ended.

    Raises:
        ValueError: the record has a name that the player needs.
    """
    for name in RESERVED:
        if name in runs.numbers:
            raise ValueError(
                f"{name!r} is recorded, a name that a player has for its own: record it under "
                "another"
            )
    at = np.asarray(step)
    last = np.searchsorted(runs.steps, at).clip(max=len(runs.steps) - 1)
    names = tuple(axis.name for axis in runs.axes)
    own = {"last": Numbers(last, names), "ended": Numbers(at, names)}
    return Runs(runs.axes, runs.steps, runs.status, runs.numbers | own)


def slopes_along(function: Callable[..., Any], runs: Runs) -> Numbers:
    """The gradient of a loss at every row of every run.

    Args:
        function: of the parameters, and of axes that its further parameters name.
        runs: with "params".

    Raises:
        ValueError: it reads an axis that has no numbers.
    """
    params, axes = runs.recorded("params"), runs.axes
    read = runs.read_by(function, skip=1)
    count = [len(axis.labels) for axis in axes]
    settings = []
    for axis in read:
        if axis.values is None:
            raise ValueError(f"the loss reads {axis.name}, whose values are no numbers")
        shape = [size if axis is other else 1 for other, size in zip(axes, count, strict=True)]
        settings.append(np.broadcast_to(axis.values.reshape(shape), count).ravel())

    def at_point(x: Any, *values: Any) -> Any:
        return function(x, **dict(zip([axis.name for axis in read], values, strict=True)))

    flat = jnp.asarray(params.array.reshape(-1, *params.inner))
    of_run = jax.vmap(jax.grad(at_point), in_axes=(0, *(None for _ in read)))
    found = jax.jit(jax.vmap(of_run))(flat, *(jnp.asarray(s, flat.dtype) for s in settings))
    slopes = np.asarray(found).reshape(*count, *found.shape[1:])
    return Numbers(slopes, tuple(axis.name for axis in axes))
