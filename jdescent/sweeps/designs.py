"""Random and quasi-random designs: points that fill a box of hyperparameters, as one paired axis.

A grid of k values on each of d axes has kᵈ points, but tries only k values of each; n points of a
design try n. Each function here gives an axis for `sweep`, whose name is that of the samples::

    grid = jd.sweep(run, sample=jd.designs.sobol(
        64, learning_rate=jd.log_uniform(1e-4, 1.0), momentum=(0.0, 0.99)))

The result has the dimension ``sample`` and the coordinates ``learning_rate`` and ``momentum`` along
it. For one axis in even steps of the logarithm there is ``jnp.geomspace(1e-4, 1.0, 9)``.

A search that learns from what it tried asks for a batch of points, and is told what came out. With
Optuna, whose study can do both::

    space = {
        "learning_rate": optuna.distributions.FloatDistribution(1e-4, 1.0, log=True),
        "momentum": optuna.distributions.FloatDistribution(0.0, 0.99),
    }
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    for _ in range(4):
        trials = [study.ask(space) for _ in range(16)]
        batch = jd.paired({name: [trial.params[name] for trial in trials] for name in space})
        grid = jd.sweep(run, trial=batch, seed=range(4))
        median = jd.best(grid, over="seed", each="trial", by="median").verdict_loss
        for trial, loss in zip(trials, median.values.tolist()):
            if math.isfinite(loss):
                study.tell(trial, loss)
            else:  # it diverged
                study.tell(trial, state=optuna.trial.TrialState.FAIL)

The batches of one study are of one size, so that the function is compiled once for all of them.

Source: J. Bergstra and Y. Bengio, "Random search for hyper-parameter optimization" (2012); the
points are those of `scipy.stats.qmc`.
"""

import math
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jdescent.core.checks import positive_integer
from jdescent.sweeps.axes import Paired, paired


class LogUniform(NamedTuple):
    """A range of numbers whose logarithm is spread evenly."""

    low: float
    high: float


def log_uniform(low: float, high: float) -> LogUniform:
    """A range for a design, filled evenly in the logarithm: low (high/low)ᵘ for u in [0, 1).

    Raises:
        ValueError: low that is not above 0 or not below high.

    Example:
        >>> log_uniform(0.0, 1.0)
        Traceback (most recent call last):
        ValueError: log_uniform must have 0 < low < high < ∞, got 0.0 and 1.0
    """
    if not 0 < low < high < math.inf:
        raise ValueError(f"log_uniform must have 0 < low < high < ∞, got {low} and {high}")
    return LogUniform(float(low), float(high))


Range = LogUniform | tuple[float, float]


def sobol(
    n: int, ranges: Mapping[str, Range] | None = None, /, *, seed: int = 0, **more: Range
) -> Paired:
    """The first n points of a scrambled Sobol' sequence: far more even than random ones.

    Args:
        n: how many points: a power of two, as only then they are spread evenly.
        ranges: by the names of arguments, for a name that this function has an argument of.
        seed: of the scrambling, so that designs of several seeds are independent.
        **more: of each argument ``(low, high)``, filled evenly, or ``log_uniform(low, high)``.

    Raises:
        TypeError: no ranges, or one that is none; n that is no integer.
        ValueError: a range whose low is not below its high; n that is not a power of two.

    Example:
        >>> import jdescent as jd
        >>> design = jd.designs.sobol(8, rate=jd.log_uniform(1e-4, 1.0), momentum=(0.0, 1.0))
        >>> grid = jd.sweep(lambda rate, momentum: rate * momentum, sample=design)
        >>> np.histogram(grid.momentum, bins=8, range=(0, 1))[0]
        array([1, 1, 1, 1, 1, 1, 1, 1])
        >>> np.histogram(np.log10(grid.rate), bins=4, range=(-4, 0))[0]
        array([2, 2, 2, 2])
    """
    n = positive_integer("the number of points", n)
    if n & (n - 1):
        near = 1 << (n.bit_length() - 1)
        raise ValueError(
            f"sobol must be given a power of two, such as {near} or {2 * near}, got {n} points: "
            "designs.latin takes any number"
        )
    return _design("Sobol", n, seed, {**(ranges or {}), **more})


def latin(
    n: int, ranges: Mapping[str, Range] | None = None, /, *, seed: int = 0, **more: Range
) -> Paired:
    """A Latin hypercube: of n equal strips of every range, each holds one of the n points.

    The arguments are those of `sobol`, but for n, which may be any number.

    Example:
        >>> import jdescent as jd
        >>> design = jd.designs.latin(5, rate=jd.log_uniform(1e-5, 1.0), momentum=(0.0, 1.0))
        >>> np.histogram(np.log10(design.arguments["rate"]), bins=5, range=(-5, 0))[0]
        array([1, 1, 1, 1, 1])
    """
    return _design("LatinHypercube", n, seed, {**(ranges or {}), **more})


def uniform(
    n: int, ranges: Mapping[str, Range] | None = None, /, *, seed: int = 0, **more: Range
) -> Paired:
    """Independent random points.

    The arguments are those of `sobol`, but for n, which may be any number.

    Example:
        >>> import jdescent as jd
        >>> jd.designs.uniform(3, {"seed": (0.0, 1.0)}, seed=1)
        paired(seed)
    """
    return _design(None, n, seed, {**(ranges or {}), **more})


def _design(kind: str | None, n: int, seed: int, ranges: Mapping[str, Any]) -> Paired:
    n = positive_integer("the number of points", n)
    if not ranges:
        raise TypeError("a design needs ranges: designs.sobol(64, momentum=(0.0, 0.99))")
    scales = [_scale(name, given) for name, given in ranges.items()]
    columns = _unit(kind, n, len(ranges), np.random.default_rng(seed)).T
    return paired(
        {name: scale(column) for name, scale, column in zip(ranges, scales, columns, strict=True)}
    )


def _unit(kind: str | None, n: int, dimensions: int, rng: np.random.Generator) -> np.ndarray:
    """(n, dimensions) points of [0, 1)."""
    if kind is None:
        return rng.random((n, dimensions))
    from scipy.stats import qmc

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer SciPy calls it rng
        return getattr(qmc, kind)(dimensions, seed=rng).random(n)


def _scale(name: str, given: Any) -> Any:
    """From [0, 1) to the range."""
    if isinstance(given, LogUniform):
        low, high = math.log(given.low), math.log(given.high)
        return lambda u: np.exp((1 - u) * low + u * high)
    pair = isinstance(given, tuple | list) and len(given) == 2
    if not pair or not all(isinstance(end, int | float | np.number) for end in given):
        raise TypeError(f"the range of {name} must be (low, high) or log_uniform, got {given!r}")
    low, high = map(float, given)
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"the range of {name} must have low < high, both finite, got {given!r}")
    return lambda u: (1 - u) * low + u * high
