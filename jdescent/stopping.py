"""Stopping rules: what ends a run, and what such a rule remembers on the way."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from jdescent.core import Params, Scalar
from jdescent.core.checks import (
    difference,
    is_array,
    positive_integer,
    real_number,
    require_arrays,
    require_function,
)
from jdescent.core.trees import as_arrays
from jdescent.trajectory import Point


class StoppingRule(NamedTuple):
    """A rule with a memory: ``memory = init(point)`` of the first point, then, of each point that
    it is asked about, the first one too, ``memory, stops = step(memory, point)``.

    The memory is a tree of arrays: each run of a batch has its own, `Trajectory.stopping` holds it,
    and a run that is resumed goes on from it.
    """

    init: Callable[[Point], PyTree]
    step: Callable[[Any, Point], tuple[Any, Array]]


class Best(NamedTuple):
    """The point of the best value that `patience` has seen."""

    params: Params
    model_state: Any
    step: Int[Array, "*lanes"]
    value: Float[Array, "*lanes"]


class Patience(NamedTuple):
    """What `patience` remembers."""

    best: Best
    reference: Float[Array, "*lanes"]  # the last value that was better than the one before it
    waited: Int[Array, "*lanes"]  # how often it has been asked since


def patience(
    evaluations: Scalar,
    *,
    of: str | Callable[[Point], Array] | None = None,
    min_delta: Scalar = 0.0,
    maximize: bool = False,
) -> StoppingRule:
    """Early stopping: at the evaluation that is the n-th in a row to bring nothing better.

    The best parameters are kept: `Trajectory.best` holds ``params``, ``model_state``, ``step`` and
    ``value`` of the lowest (or highest) value, the first of several alike. NaN is never better.

    Args:
        evaluations: n ≥ 1; of steps, where `descend` has no ``evaluate=``. ``math.inf`` never
            stops, and keeps the best.
        of: the value: a function of a `Point`, such as ``lambda point: point.loss``, or the name of
            an entry of what ``evaluate`` returns. By default what it returns, if that is one
            number; the loss where nothing is evaluated.
        min_delta: ≥ 0: better is what is better by more than this than the last that was. (The
            best that is kept is the best, by however little.)
        maximize: whether higher is better, as of an accuracy.

    Raises:
        TypeError: what is no number, name or function; later, a value that is no real scalar.
        ValueError: fewer than 1 evaluation, a min_delta below 0; later, a name that is not there.

    Differs from flax's EarlyStopping, which stops one evaluation later; counts as Keras does.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> train, held_out = jd.losses.parabola(), lambda point: (point.params - 2.0) ** 2
        >>> path = jd.descend(
        ...     train, 0.0, jd.sgd(0.01), 1000, evaluate=(held_out, 10), stop=jd.patience(3))
        >>> print(path.verdict.step, path.best.step, f"{path.best.params:.3f}")
        80 50 1.907
    """
    never = not isinstance(evaluations, jax.core.Tracer) and evaluations == math.inf
    if not never and not isinstance(evaluations, jax.core.Tracer):
        count: Any = evaluations
        evaluations = positive_integer("evaluations", count)
    least = real_number("min_delta", min_delta)
    if least is not None and not least >= 0:
        raise ValueError(f"min_delta must be ≥ 0, got {least}")
    if of is not None and not isinstance(of, str):
        require_function("of, unless it is a name,", of)
    sign = -1 if maximize else 1

    def value_at(point: Point) -> Array:
        value = _measured(of, point)
        if not is_array(value) or jnp.shape(value) != () or not _is_real(value):
            raise TypeError(
                f"patience needs one floating-point number to compare, got {_told(value)}: say of "
                "what, as in patience(5, of='loss') or of=lambda point: point.loss"
            )
        return jnp.asarray(value)

    def init(point: Point) -> Patience:
        worst = jnp.full_like(value_at(point), sign * jnp.inf)
        best = Best(point.params, point.model_state, jnp.asarray(point.step), worst)
        return Patience(best, worst, jnp.int32(0))

    def step(memory: Patience, point: Point) -> tuple[Patience, Array]:
        value = value_at(point)
        here = Best(point.params, point.model_state, jnp.asarray(point.step), value)
        is_best = sign * value < sign * memory.best.value
        best = jax.tree.map(lambda n, o: jnp.where(is_best, n, o), here, memory.best)
        delta = jnp.asarray(min_delta, value.dtype)
        is_better = sign * value < sign * memory.reference - delta
        reference = jnp.where(is_better, value, memory.reference)
        waited = jnp.where(is_better, 0, memory.waited + 1)
        stops = jnp.array(False) if never else waited >= evaluations
        return Patience(best, reference, waited), stops

    return StoppingRule(init, step)


def _measured(of: str | Callable[[Point], Array] | None, point: Point) -> Any:
    if callable(of):
        return of(point)
    if of is None:
        return point.loss if point.evaluated is None else point.evaluated
    if not isinstance(point.evaluated, Mapping) or of not in point.evaluated:
        raise ValueError(
            f"patience is of {of!r}, but what is evaluated is {_told(point.evaluated)}: give "
            f"evaluate=, a function that returns a dictionary with {of!r}, or a function of a Point"
        )
    return point.evaluated[of]


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a dictionary of {sorted(map(str, value))}"
    if is_array(value):
        return f"{jnp.result_type(value)} of shape {jnp.shape(value)}"
    return repr(value)


def _is_real(value: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(value), jnp.floating)


def as_rule(stop: Any) -> StoppingRule | None:
    """What ``stop=`` is given, as a rule; that of a plain function remembers nothing."""
    if stop is None:
        return None
    if isinstance(stop, tuple) and len(stop) == 2 and all(map(callable, stop)):
        return StoppingRule(*stop)
    if not callable(stop):
        raise TypeError(
            f"stop must be a function, got {stop!r}: give one of a Point, or a rule with a memory, "
            "as patience(5) or two functions (init, step)"
        )
    return StoppingRule(_nothing, lambda memory, point: (memory, stop(point)))


def _nothing(point: Point) -> None:
    """What a plain function remembers."""


def remembers(rule: StoppingRule | None) -> bool:
    return rule is not None and rule.init is not _nothing


def memory_of(rule: StoppingRule, point: Point, before: PyTree) -> PyTree:
    """The rule's memory before it is asked of the first point: the one before, if there is one."""
    memory = rule.init(point)
    require_arrays(memory, "the stopping rule's memory")
    memory = as_arrays(memory)
    if before is None:
        return memory
    told = difference("stopping", before, "the trajectory", memory, "the rule's memory")
    if told is not None:
        raise ValueError(
            f"the trajectory's stopping rule remembered otherwise: {told}; go on with that rule, "
            "or begin with this one, path._replace(stopping=None)"
        )
    return as_arrays(before)


def ask(rule: StoppingRule, memory: PyTree, point: Point) -> tuple[PyTree, Array]:
    """The rule's memory after it has been asked, and whether it stops the run."""
    answer = rule.step(memory, point)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TypeError(f"a stopping rule's step must return (memory, stops), got {answer!r}")
    after, stops = answer
    told = difference("memory", memory, "what it was asked with", after, "what step returns")
    if told is not None:
        raise ValueError(f"a stopping rule's memory must keep its shapes and dtypes: {told}")
    return after, _boolean(stops)


def _boolean(stops: Any) -> Array:
    if not is_array(stops):
        raise TypeError(f"stop must return one boolean, got {stops!r}")
    stops = jnp.asarray(stops)
    if stops.shape != () or stops.dtype != bool:
        raise TypeError(f"stop must return one boolean, got {stops.dtype} of shape {stops.shape}")
    return stops
