"""The one loop: a loss, a start, an optimizer and a number of steps make a trajectory."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, PRNGKeyArray, PyTree

from jdescent.core import (
    OptimizerLike,
    Params,
    Scalar,
    accept_extra,
    apply_updates,
    as_arrays,
    common_dtype,
    global_norm,
    positive_integer,
    real_number,
    require_floating,
    require_optimizer,
)
from jdescent.trajectory import Point, Status, Trajectory, Verdict

_RECORDS: dict[str, Callable[[Point], PyTree]] = {
    "loss": lambda point: point.loss,
    "params": lambda point: point.params,
    "gradient": lambda point: point.gradient,
    "gradient_norm": lambda point: global_norm(point.gradient),
    "state": lambda point: point.state,
}


class _Carry(NamedTuple):
    params: Params
    state: Any
    end: Array  # int32: _RUNNING, or where and why the run ended, see _ended


_RUNNING = np.int32(np.iinfo(np.int32).max)
_STATUS_BITS = 3  # of an end, the low bits that hold the status
MAX_STEPS = int(_RUNNING) >> (_STATUS_BITS + 1)  # leaves room to go on from there

LONGEST_STRIDE = 64  # steps between looks at a run of which nothing is recorded


def _ended(step, status) -> Array:
    """One integer for a step and a status: a loop that carries less is faster."""
    return (step << _STATUS_BITS) | jnp.asarray(status, jnp.int32)


def descend(
    loss: Callable[..., Array],
    start: Params | Trajectory,
    optimizer: OptimizerLike,
    steps: SupportsIndex,
    *,
    batches: Callable[[Any, Any], PyTree] | None = None,
    key: PRNGKeyArray | Array | None = None,
    record: str | Sequence[str] | Callable[[Point], PyTree] | None = "loss",
    every: SupportsIndex | None = None,
    tolerance: Scalar | None = None,
    divergence: Scalar = 1e8,
    stop: Callable[[Point], Array] | None = None,
) -> Trajectory:
    """Descend a loss: at every step read the gradient, ask the optimizer, move.

    Pure JAX, one `lax.scan`: it jits, differentiates, and maps with `jax.vmap` over anything it is
    given (learning rates, momenta, starts, keys). A run that ends early keeps its point while
    other lanes go on; nothing in one lane touches another.

    Row n of what is recorded is the point after n steps, so `steps` steps give steps + 1 rows (the
    start is row 0); after a run has ended, its rows repeat its last point.

    Args:
        loss: ``loss(params)``, or ``loss(params, batch)`` with `batches`; returns a scalar.
        start: a tree of floating-point arrays, or a `Trajectory` to go on from: same parameters,
            optimizer state, step count and verdict, so that 60 steps and then 40 equal 100.
        optimizer: any (init, update) pair, jdescent's or optax's. `update` also receives ``value``,
            ``grad`` and ``value_fn`` where it takes extra arguments.
        steps: how many steps to take, ≥ 1.
        batches: a sampler ``(key, step) -> batch``, see `jdescent.batches`.
        key: the random key `batches` draws from.
        record: what to keep of each recorded point beside the loss: "loss" (nothing more),
            "params", "gradient", "gradient_norm", "state", several of these (a dict), or a function
            of a `Point`; None keeps nothing, not even the loss.
        every: look every so many steps: keep what is recorded, and see whether the run has
            diverged. By default every step, or every 16 to 64 where nothing is recorded.
        tolerance: converged once ‖∇L‖₂ ≤ tolerance (of the batch's gradient where there are
            batches); None never stops for it. Note that a run with momentum can pass a point of
            zero gradient at speed.
        divergence: diverged once |loss| > divergence·max(1, |first loss|). The default of 1e8
            leaves room for momentum's transient: a stable heavy ball may first grow its loss by up
            to ((1 + β)/(1 − β))². ``jnp.inf`` lets runs grow until they overflow. Where a look
            finds a run beyond the bound or not finite, the steps since the last look are walked
            again one by one, so that the verdict names the very step; a run that leaves the bound
            and returns between two looks is not called diverged.
        stop: a function of a `Point` returning a boolean; the run is stopped where it is True.
            With `tolerance` or `stop`, every step is looked at.

    Returns:
        A `Trajectory`. Its verdict's step is the first step whose point met the condition; it is
        non-finite if the loss there is not finite, or if the update into that step is not (then the
        parameters are those of the step before).

    Raises:
        TypeError: parameters that are not floating-point; a loss that is not a real scalar; a
            stop that is not a boolean.
        ValueError: steps or every < 1, or more than 2²⁷ steps; a key that is missing; a tolerance
            or divergence that is negative or NaN.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, 1.0])
        >>> path = jd.descend(bowl, x0, jd.sgd(1 / 3), steps=100, tolerance=1e-5)
        >>> print(path.verdict)
        converged at step 13: loss 2.36047e-12, gradient norm 3.55e-06
        >>> rates = jnp.array([0.4, 0.49, 0.51])
        >>> paths = jax.vmap(lambda lr: jd.descend(bowl, x0, jd.sgd(lr), steps=2000))(rates)
        >>> print([str(jd.Status(int(s))) for s in paths.verdict.status])
        ['step limit', 'step limit', 'diverged']
    """
    steps = positive_integer("steps", steps, at_most=MAX_STEPS)
    if every is None:
        every = _unrecorded_stride(steps) if record is None else 1
    every = positive_integer("every", every)
    _check_bound("divergence", divergence)
    if tolerance is not None:
        _check_bound("tolerance", tolerance)
    keep = _recorder(record)
    loss_at = _loss_at_step(loss, batches, key)
    require_optimizer(optimizer)
    update = accept_extra(optimizer.update)

    previous = start if isinstance(start, Trajectory) else None
    if previous is None:
        require_floating(start)
        start = as_arrays(start)
        first, params, state = jnp.zeros((), jnp.int32), start, optimizer.init(start)
    else:
        first, params, state = previous.step, previous.params, previous.state
    last = first + steps
    loss_type = _require_scalar(loss_at, params, first)
    if previous is None:
        end = jnp.asarray(_RUNNING)
        start_loss = jnp.asarray(loss_at(first)(params), loss_type)
    else:
        verdict = previous.verdict
        ended = _ended(verdict.step, verdict.status.astype(jnp.int32))
        end = jnp.where(verdict.status == Status.STEP_LIMIT, _RUNNING, ended)
        start_loss = previous.start_loss
    wide = common_dtype(loss_type, jnp.float32)  # the default bound overflows float16
    limit = jnp.asarray(divergence, wide) * jnp.maximum(1, jnp.abs(start_loss).astype(wide))
    limit = jnp.minimum(limit, jnp.finfo(wide).max)

    def within_limit(value):
        return jnp.abs(value).astype(wide) <= limit  # false for infinity and NaN too

    def look(params, state, step):
        value, gradient = jax.value_and_grad(loss_at(step))(params)
        return Point(step, params, value, gradient, state)

    def move(point: Point):
        params, state, step = point.params, point.state, point.step
        updates, state = update(
            point.gradient, state, params,
            value=point.loss, grad=point.gradient, value_fn=loss_at(step),
        )  # fmt: skip
        return apply_updates(params, updates), state

    def judge(point: Point, end):
        """Where and why the run ends, if it ends at this point."""
        fine, status = within_limit(point.loss), jnp.asarray(Status.DIVERGED, jnp.int32)
        if stop is not None:
            stops = _boolean(stop(point))
            fine, status = fine & ~stops, jnp.where(stops, Status.STOPPED, status)
        if tolerance is not None:
            flat = global_norm(point.gradient) <= tolerance
            fine, status = fine & ~flat, jnp.where(flat, Status.CONVERGED, status)
        status = jnp.where(jnp.isfinite(point.loss), status, Status.NON_FINITE)
        event = _ended(point.step, status)
        return jnp.where(fine | (end != _RUNNING), end, event)

    def visit(carry: _Carry, step) -> tuple[_Carry, Point]:
        """Look at the point of this step, judge it, and move on if the run goes on."""
        point = look(carry.params, carry.state, step)
        params, state = move(point)
        end = judge(point, carry.end)
        overflows = (end == _RUNNING) & ~_all_finite(params)
        end = jnp.where(overflows, _ended(step + 1, Status.NON_FINITE), end)
        moves = end == _RUNNING
        state = _where_floating(moves, state, carry.state)
        return _Carry(_where_floating(moves, params, carry.params), state, end), point

    def walk(carry: _Carry, begin, length) -> _Carry:
        steps = begin + jnp.arange(length, dtype=jnp.int32)
        return lax.scan(lambda carry, step: (visit(carry, step)[0], None), carry, steps)[0]

    def glide(carry: _Carry, begin, length) -> tuple[_Carry, Point]:
        """The same moves, but judged at their two ends, and walked again if one is not fine."""
        point = look(carry.params, carry.state, begin)
        steps = begin + 1 + jnp.arange(length - 1, dtype=jnp.int32)

        def move_on(place, step):
            return move(look(*place, step)), None

        (params, state), _ = lax.scan(move_on, move(point), steps)
        there = _Carry(params, state, carry.end)
        fine = within_limit(loss_at(begin + length)(params)) & _all_finite(params)
        fine &= within_limit(point.loss)  # what the last look found, if only its end was beyond
        running = carry.end == _RUNNING

        def hold_or_walk() -> _Carry:
            held = _where_floating(running, there, carry)
            return lax.cond(running & ~fine, lambda: walk(carry, begin, length), lambda: held)

        there = lax.cond(~(running & fine), hold_or_walk, lambda: there)
        return there._replace(state=_with_floating_of(there.state, state)), point

    def stride(carry: _Carry, begin, length) -> tuple[_Carry, Point]:
        """From one recorded point towards the next."""
        if length > 1 and stop is None and tolerance is None:
            return glide(carry, begin, length)
        carry, point = visit(carry, begin)
        return (walk(carry, begin + 1, length - 1) if length > 1 else carry), point

    carry = _Carry(params, state, end)
    strides, rest = divmod(steps, every)
    begins = first + every * jnp.arange(strides, dtype=jnp.int32)

    def recorded_stride(carry, begin):
        carry, point = stride(carry, begin, every)
        return carry, keep(point)

    carry, rows = lax.scan(recorded_stride, carry, begins)
    final = look(carry.params, carry.state, first + every * strides)
    rows = jax.tree.map(lambda many, one: jnp.concatenate([many, one[None]]), rows, keep(final))
    if rest:
        carry, _ = stride(carry, first + every * strides, rest)

    runs = carry.end == _RUNNING
    stop_step = jnp.where(runs, last, carry.end >> _STATUS_BITS)
    there = look(carry.params, carry.state, stop_step)
    end = judge(there, carry.end)
    runs = end == _RUNNING
    status = jnp.where(runs, Status.STEP_LIMIT, end & (2**_STATUS_BITS - 1)).astype(jnp.int8)
    end_loss = jnp.asarray(there.loss, loss_type)
    verdict = Verdict(status, stop_step, end_loss, global_norm(there.gradient))
    losses, kept = rows
    return Trajectory(carry.params, carry.state, last, verdict, start_loss, losses, kept, every)


def _recorder(record) -> Callable[[Point], tuple[Array | None, PyTree]]:
    """A function from a point to (loss kept, whatever else is kept)."""
    if record is None:
        return lambda point: (None, None)
    if callable(record):
        return lambda point: (point.loss, record(point))
    names = [record] if isinstance(record, str) else list(record)
    unknown = [name for name in names if name not in _RECORDS]
    if unknown:
        raise ValueError(
            f"record does not know {unknown}: name some of {sorted(_RECORDS)}, "
            "or give a function of a Point"
        )
    if record == "loss":
        return lambda point: (point.loss, None)
    if isinstance(record, str):
        return lambda point: (point.loss, _RECORDS[record](point))
    return lambda point: (point.loss, {name: _RECORDS[name](point) for name in names})


def _loss_at_step(loss, batches, key) -> Callable[[Array], Callable[[Params], Array]]:
    """A function from the step to the loss as a function of the parameters alone."""
    if batches is None:
        return lambda step: loss
    if not callable(batches):
        raise TypeError(
            f"batches must be a sampler (key, step) -> batch, got {type(batches).__name__}: "
            "wrap the data, as in batches.full(data)"
        )

    def loss_at(step):
        batch = batches(key, step)
        return lambda params: loss(params, batch)

    return loss_at


def _require_scalar(loss_at, params, step):
    """The loss's dtype; an error if it is not a real scalar."""
    value = jax.eval_shape(lambda params, step: loss_at(step)(params), params, step)
    if not hasattr(value, "shape"):
        raise TypeError(f"loss must return one real scalar, got {jax.tree.structure(value)}")
    if value.shape != ():
        raise TypeError(
            f"loss must return one real scalar, got shape {value.shape}: take its mean or sum"
        )
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(f"loss must return one real scalar, got dtype {value.dtype}")
    return value.dtype


def _check_bound(name: str, bound: Scalar) -> None:
    number = real_number(name, bound)
    if number is not None and not number >= 0:
        raise ValueError(f"{name} must be ≥ 0, got {number}")


def _unrecorded_stride(steps: int) -> int:
    """The longest stride that divides the steps, if one does: what is left over costs a loop."""
    divisors = [stride for stride in range(16, LONGEST_STRIDE + 1) if steps % stride == 0]
    return max(divisors, default=min(LONGEST_STRIDE, steps))


def _boolean(stops) -> Array:
    stops = jnp.asarray(stops)
    if stops.shape != () or stops.dtype != bool:
        raise TypeError(f"stop must return one boolean, got {stops.dtype} of shape {stops.shape}")
    return stops


def _all_finite(tree: PyTree) -> Array:
    finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]
    return functools.reduce(jnp.logical_and, finite, jnp.array(True))


def _is_floating(leaf) -> bool:
    return jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)


def _where_floating(moves, new: PyTree, old: PyTree) -> PyTree:
    """The new leaves, but the old floating-point ones where the run does not move.

    Counters and keys thus stay equal in all lanes, and what depends on them alone (a schedule, a
    bias correction) is computed once for all lanes and not once for each.
    """
    return jax.tree.map(lambda n, o: jnp.where(moves, n, o) if _is_floating(n) else n, new, old)


def _with_floating_of(floating: PyTree, other: PyTree) -> PyTree:
    return jax.tree.map(lambda f, o: f if _is_floating(f) else o, floating, other)
