"""What a sweep found: which runs kept finite, and the best point of its axes over seeds."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jdescent.sweeps.layout import MARKER
from jdescent.trajectory import Status

if TYPE_CHECKING:
    import xarray

DIVERGED = [str(Status.DIVERGED), str(Status.NON_FINITE)]


def finite(grid: "xarray.Dataset") -> "xarray.DataArray":
    """Which runs of a sweep kept finite: ``grid.where(jd.finite(grid))`` masks the others.

    Where the runs have verdicts (``verdict``, ``…_verdict``), those of which none says "diverged"
    or "non-finite"; where they have none, those whose numbers are all finite. Runs of a store that
    are not finished are not finite.

    Args:
        grid: what `sweep` or `open_sweep` gave, or a selection of it.

    Returns:
        bool, along the sweep's axes: the dimensions that all its variables share.

    Raises:
        ValueError: a dataset of no variables.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> grid = jd.sweep(
        ...     lambda rate: jd.descend(lambda x: x**2, jnp.float32(1), jd.sgd(rate), 500),
        ...     rate=[0.5, 0.9, 1.1])
        >>> jd.finite(grid).values
        array([ True,  True, False])
        >>> grid.verdict_step.where(jd.finite(grid)).values
        array([500., 500.,  nan])
    """
    import xarray

    arrays = {name: array for name, array in grid.data_vars.items() if name != MARKER}
    if not arrays:
        raise ValueError("finite needs the variables of a sweep, got a dataset without any")
    verdicts = [array for name, array in arrays.items() if f"_{name}".endswith("_verdict")]
    axes = [dim for dim in grid.dims if all(dim in array.dims for array in arrays.values())]
    first, *others = (
        [~array.isin([*DIVERGED, ""]) for array in verdicts]
        if verdicts
        else [
            xarray.apply_ufunc(np.isfinite, array).all(
                dim=[dim for dim in array.dims if dim not in axes]
            )
            for array in arrays.values()
        ]
    )
    for other in others:
        first = first & other
    if MARKER in grid:
        first = first & grid[MARKER]
    assert isinstance(first, xarray.DataArray)
    return first.rename(None)


def best(
    grid: "xarray.Dataset",
    variable: str = "verdict_loss",
    over: str | Sequence[str] = (),
    *,
    each: str | Sequence[str] = (),
    by: str | float = "mean",
    level: float = 0.95,
    largest: bool = False,
) -> "xarray.Dataset":
    """The best point of a sweep's axes: the least mean or quantile of a variable over its seeds.

    Runs that diverged (see `finite`), and numbers that are not finite, count as +∞ (with `largest`
    as −∞): a point of which one seed diverged has an infinite mean, and a finite median as long as
    fewer than half did.

    The interval is of the point alone: a mean m of n values with standard deviation s lies within
    m ± t s/√n, where t is a quantile of Student's distribution with n − 1 degrees of freedom; a
    quantile q between the order statistics x₍ₗ₎ and x₍ᵤ₎, where the number of values below q is
    binomial (n, q), so that it holds for every distribution, and is infinite where n is too small
    (for a median, below 6 at level 0.95). The best of many noisy points looks better than it is:
    run it again with seeds of its own to tell how good.

    Args:
        grid: what `sweep` gave, or a selection of it.
        variable: the name of what is to be small, with one number a run.
        over: the axes to average over, such as ``"seed"``.
        each: the axes to find the best point for each entry of, such as ``"optimizer"``; of those
            left, the best point is found.
        by: ``"mean"``, ``"median"``, or which quantile, between 0 and 1.
        level: of the interval, between 0 and 1.
        largest: find the largest instead, as for an accuracy.

    Returns:
        Along `each`: the variable, ``low`` and ``high`` (its interval), ``runs`` (how many it is
        over), ``diverged`` (which fraction of them counts as infinite) and ``ties`` (how many
        points are as good; the first of them is given). The best point's place on the searched
        axes is in the coordinates.

    Raises:
        ValueError: a variable or an axis that the grid does not have; a variable that is along
            something else than the sweep's axes; a store that is not finished; `by` or `level` out
            of range.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> grid = jd.sweep(
        ...     lambda optimizer, rate, seed: jd.descend(
        ...         lambda x: jnp.sum(x**2), jax.random.normal(jax.random.key(seed), 3),
        ...         optimizer(rate), steps=20, record=None),
        ...     optimizer={"sgd": jd.sgd, "adam": jd.adam}, rate=[0.1, 0.4, 2.0], seed=range(8))
        >>> found = jd.best(grid, "verdict_loss", over="seed", each="optimizer", by="median")
        >>> print(found.rate.values, found.diverged.values, found.ties.values)
        [0.4 0.1] [0. 0.] [1 1]
        >>> bool((found.low < found.verdict_loss).all())
        True

    Source: W. J. Conover, "Practical Nonparametric Statistics", 3rd ed. (1999), section 3.2, for
    the interval of a quantile.
    """
    import xarray

    over, each = _names(over), _names(each)
    quantile = _quantile(by)
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level!r}")
    values = _values(grid, variable, over, each, np.inf if not largest else -np.inf)
    shape = [dim for dim in values.dims if dim not in over]
    samples = values.transpose(*shape, *over).values.astype(np.float64)
    numbers = np.sort(samples.reshape(*samples.shape[: len(shape)], -1), axis=-1)
    estimate, low, high = (
        _mean(numbers, level) if quantile is None else _of_quantile(numbers, quantile, level)
    )
    table = xarray.Dataset(
        {
            variable: (shape, estimate),
            "low": (shape, low),
            "high": (shape, high),
            "runs": (shape, np.full(estimate.shape, numbers.shape[-1])),
            "diverged": (shape, np.isinf(numbers).mean(axis=-1)),
        },
        coords={name: label for name, label in values.coords.items() if {*label.dims} <= {*shape}},
    )
    return _first_of_best(table, variable, each, largest)


def _listed(names: Iterable[Hashable]) -> str:
    return ", ".join(map(str, names))


def _names(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _quantile(by: str | float) -> float | None:
    """Which quantile; None for the mean."""
    if by == "mean":
        return None
    quantile = 0.5 if by == "median" else by
    if isinstance(quantile, str | bool) or not 0 < quantile < 1:
        raise ValueError(f"by must be 'mean', 'median' or a quantile between 0 and 1, got {by!r}")
    return float(quantile)


def _values(
    grid: "xarray.Dataset", variable: str, over: list[str], each: list[str], worst: float
) -> "xarray.DataArray":
    """The variable, with the worst there is where a run diverged."""
    if variable not in grid.data_vars:
        raise ValueError(
            f"the grid has no variable {variable!r}, but {', '.join(map(str, grid.data_vars))}"
        )
    values = grid[variable]
    if unknown := [name for name in [*over, *each] if name not in values.dims]:
        raise ValueError(f"{variable} has no axis {unknown[0]!r}, but {_listed(values.dims)}")
    if set(over) & set(each):
        raise ValueError(f"over and each share {_listed(set(over) & set(each))}")
    kept = finite(grid)
    if beside := [dim for dim in values.dims if dim not in kept.dims]:
        raise ValueError(
            f"{variable} has more than one number a run, along {_listed(beside)}: select or "
            f"reduce first, as in grid.assign(final=grid.{variable}.isel({beside[0]}=-1))"
        )
    _require_finished(grid)
    return values.where(kept & np.isfinite(values), worst)


def _require_finished(grid: "xarray.Dataset") -> None:
    left = ~grid[MARKER] if MARKER in grid else grid["verdict"] == "" if "verdict" in grid else None
    if left is not None and (count := int(left.sum())):
        raise ValueError(
            f"{count} of {left.size} runs are not finished, which says nothing of how good they "
            "are: call sweep again to go on, or select the finished ones"
        )


def _mean(numbers: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    """The mean over the last axis, and Student's interval."""
    from scipy import stats

    count = numbers.shape[-1]
    infinite = np.isinf(numbers).any(-1)
    calm = np.where(infinite[..., None], 0.0, numbers)
    mean = calm.mean(-1)
    unknown = infinite | (count == 1)
    student = stats.t.ppf((1 + level) / 2, max(count - 1, 1))
    reach = student * calm.std(-1, ddof=min(count - 1, 1)) / np.sqrt(count)
    worst = numbers.sum(-1, where=np.isinf(numbers))
    return (
        np.where(infinite, worst, mean),
        np.where(unknown, -np.inf, mean - reach),
        np.where(unknown, np.inf, mean + reach),
    )


def _of_quantile(ordered: np.ndarray, quantile: float, level: float) -> tuple[np.ndarray, ...]:
    """The quantile over the last axis, ordered, and the interval between two order statistics."""
    from scipy import stats

    count = ordered.shape[-1]
    estimate = _interpolated(ordered, quantile * (count - 1))
    below = stats.binom(count, quantile)
    tail = (1 - level) / 2
    # it is below x₍ₗ₎ where fewer than l values are below it, and above x₍ᵤ₎ where u or more are
    lower, upper = int(below.ppf(tail)), int(below.isf(tail)) + 1
    padded = np.pad(ordered, [(0, 0)] * (ordered.ndim - 1) + [(1, 1)])
    padded[..., 0], padded[..., -1] = -np.inf, np.inf
    return estimate, padded[..., lower], padded[..., upper]


def _interpolated(ordered: np.ndarray, place: float) -> np.ndarray:
    """Between two neighbours linearly, where neither is infinite; else the worse."""
    before, after = ordered[..., int(np.floor(place))], ordered[..., int(np.ceil(place))]
    with np.errstate(invalid="ignore"):
        between = before + (place - np.floor(place)) * (after - before)
    unknown = np.isinf(before) | np.isinf(after)
    worse = np.where(np.isinf(before), before, after)
    return np.where(unknown, worse, between)


def _first_of_best(
    table: "xarray.Dataset", variable: str, each: list[str], largest: bool
) -> "xarray.Dataset":
    import xarray

    searched = [dim for dim in table[variable].dims if dim not in each]
    if not searched:
        return table.assign(ties=(table[variable].dims, np.ones(table[variable].shape, int)))
    estimate: Any = table[variable].transpose(*each, *searched)
    flat = estimate.values.reshape(*(table.sizes[dim] for dim in each), -1)
    extreme = flat.max(-1) if largest else flat.min(-1)
    ties = flat == extreme[..., None]
    places = np.unravel_index(ties.argmax(-1), [table.sizes[dim] for dim in searched])
    chosen = {
        dim: xarray.DataArray(at, dims=each) for dim, at in zip(searched, places, strict=True)
    }
    return table.isel(chosen).assign(ties=(each, ties.sum(-1)))
