"""The one loop: a loss, a start, an optimizer and a number of steps make a trajectory."""

from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, PRNGKeyArray, PyTree

from jdescent import absorption
from jdescent.core import OptimizerLike, Params, Scalar, apply_updates, global_norm
from jdescent.core.checks import (
    positive_integer,
    real_number,
    require_arrays,
    require_floating,
    require_function,
    require_key,
    require_optimizer,
)
from jdescent.core.contract import accept_extra
from jdescent.core.tracing import traced
from jdescent.core.trees import as_arrays, common_dtype
from jdescent.loop import (
    MAX_STEPS,
    RUNNING,
    Loop,
    Place,
    Run,
    at_its_own_step,
    best_stride,
    counters_of,
    ended,
    soundness,
    status_of,
    steps_of,
    take_steps,
    take_steps_and_record,
)
from jdescent.numerics import LAST_STEP
from jdescent.trajectory import Point, Status, Trajectory, Verdict

_RECORDS: dict[str, Callable[[Point], PyTree]] = {
    "loss": lambda point: point.loss,
    "params": lambda point: point.params,
    "gradient": lambda point: point.gradient,
    "gradient_norm": lambda point: global_norm(point.gradient),
    "state": lambda point: point.state,
}


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

    Pure JAX, one `lax.scan`: it jits, and maps with `jax.vmap` over anything it is given (learning
    rates, momenta, starts, keys). A run that ends early keeps its point while other lanes go on;
    nothing in one lane touches another. Arrays keep their sharding, and memories that of the
    parameters where the optimizer's `init` gives it to them.

    It differentiates: `jax.grad` through a run is the derivative of the steps that were taken. A
    run that ended early is frozen, and its last step does not move with what is differentiated:
    the derivative is that of the run with so many steps; NaN, though, where several steps are taken
    between two checks and the run overflows among them: pass every=1. Where a coordinate's
    gradient has been zero all along, the root of a second moment has a kink: there jdescent's
    optimizers take the derivative 0, and others may give NaN (`optax.adam` needs its `eps_root`).

    What is recorded are the points after 0, every, 2·every, … steps and after the last one, so
    every=1 gives steps + 1 rows; after a run has ended, its rows repeat its last point. The rows'
    numbers are `Trajectory.steps`.

    Args:
        loss: ``loss(params)``, or ``loss(params, batch)`` with `batches`; returns a scalar.
        start: a tree of floating-point arrays, or a `Trajectory` to go on from: same parameters,
            optimizer state, step count and verdict, so that 60 steps and then 40 equal 100. The
            loss, the learning rate and the other options may be others than before. The optimizer
            must be one whose states are made as the trajectory's are, which is all that is known
            of the one before: adamw goes on from adam's memories, sgd does not.
        optimizer: any (init, update) pair, jdescent's or optax's. `update` also receives ``value``,
            ``grad`` and ``value_fn`` where it takes extra arguments.
        steps: how many steps to take, ≥ 1.
        batches: a sampler ``(key, step) -> batch``, see `jdescent.batches`.
        key: the random key `batches` draws from.
        record: what to keep of each recorded point beside the loss: names among "loss" (nothing
            more), "params", "gradient", "gradient_norm" and "state", one or several, which makes
            `Trajectory.record` a dictionary; or a function of a `Point`, which makes it the tree
            that it returns; None keeps nothing, not even the loss.
        every: the record interval in steps, and how often at least the loss is compared with its
            bound. By default every step, or every √(steps/2) where nothing is recorded.
        tolerance: converged once ‖∇L‖₂ ≤ tolerance (of the batch's gradient where there are
            batches); None never stops for it. Note that a run with momentum can pass a point of
            zero gradient at speed.
        divergence: diverged once |loss| > divergence·max(1, |first loss|). The default of 1e8
            leaves room for momentum's transient: a stable heavy ball may first grow its loss by up
            to ((1 + β)/(1 − β))². ``jnp.inf`` lets runs grow until they overflow. Where a check
            finds a run beyond the bound or not finite, the steps since the last check are taken
            again one by one, so that the verdict names the very step; a run that leaves the
            bound between two checks and returns is not called diverged, nor one whose loss alone,
            and not its gradient, is not finite there: every=1 looks at each.
        stop: a function of a `Point` returning a boolean; the run is stopped where it is True.
            With `tolerance` or `stop`, every step is checked.

    Returns:
        A `Trajectory`. Its verdict's step is the first step whose point met the condition; it is
        non-finite if the loss there is not finite, or if the gradient that led to that step was
        not, or made a parameter or a memory of the optimizer so (then parameters and memories are
        those of the step before). That holds of a gradient whose infinity or NaN an optimizer
        bounds or leaves out, too. Memories that begin non-finite, such as a best value so far, are
        exempt.

    Raises:
        TypeError: parameters that are not floating-point; a loss or a sampler that is no function;
            a loss that is not a real scalar; a key that is no random key; a stop that is not a
            boolean; a record that is neither names nor a function of arrays.
        ValueError: steps or every < 1, or 2²⁷ steps and more, or 2³¹ with those of the trajectory;
            a key that is missing, that no sampler draws from, or a batch of keys; a tolerance or
            divergence that is negative or NaN; a trajectory of many runs, or whose optimizer state
            is not like this optimizer's.

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
    if every is not None:
        every = positive_integer("every", every, at_most=LAST_STEP)
    elif record is None:
        every = best_stride(steps)
    else:
        every = 1
    _check_bound("divergence", divergence)
    if tolerance is not None:
        _check_bound("tolerance", tolerance)
    names = _names(record)
    keep = _recorder(record, names)
    loss_at = _loss_at_step(loss, batches, key)
    require_optimizer(optimizer)
    if stop is not None:
        require_function("stop", stop)
    previous = start if isinstance(start, Trajectory) else None
    if previous is None:
        require_floating(start)
        params = as_arrays(start)
        first, state = _known(0), optimizer.init(params)
        require_arrays(state, "the optimizer's state")
        state = as_arrays(state)
        memories_are_sound = soundness(state)
    else:
        _require_one_run(previous)
        params, state = as_arrays((previous.params, previous.state))
        fresh_state = optimizer.init(params)
        _require_fit(state, fresh_state)
        first, memories_are_sound = _known(previous.step), soundness(fresh_state)
    count, last = _counter(first), _last_step(first, steps)
    loss_type = _require_scalar(loss_at, params, first)
    if previous is None:
        end, begin = jnp.asarray(RUNNING), first
    else:
        before = previous.verdict
        ended_before = before.status != Status.STEP_LIMIT
        end = jnp.where(ended_before, ended(0, before.status), RUNNING)
        begin = jnp.where(ended_before, before.step, first)

    loss_here = jnp.asarray(loss_at(begin)(params), loss_type)
    start_loss = loss_here if previous is None else jnp.asarray(previous.start_loss)
    wide = common_dtype(loss_type, jnp.float32)  # the default bound overflows float16
    limit = jnp.asarray(divergence, wide) * jnp.maximum(1, jnp.abs(start_loss).astype(wide))
    moved = _one_step(optimizer, loss_at)
    gradient_shows = False
    interval = min(every, steps)
    if interval > 1 and stop is None and tolerance is None:
        program, moved = traced(moved, params, state, params, loss_here, begin)
        init = jax.make_jaxpr(optimizer.init)(params)
        gradient_shows = absorption.gradient_shows(program, init, params, state)
    loop = Loop(
        loss_at=loss_at,
        moved=moved,
        gradient_shows=gradient_shows,
        since_the_start=count,
        limit=jnp.minimum(limit, jnp.finfo(wide).max),
        memories_are_sound=memories_are_sound,
        stop=stop,
        tolerance=tolerance,
        loss_dtype=loss_type,
        draws_batches=batches is not None,
        steps=steps,
    )
    first_point = Point(begin, params, loss_here, None, state)
    if not loop.is_checked_at_every_step:
        end = loop.check_termination(first_point, 0, end)
    run = Run(Place(params, state), counters_of(state), end)
    if record is None:
        (run, seen), (losses, kept) = take_steps(loop, run, interval), (None, None)
    else:
        if callable(record) or not {"gradient", "gradient_norm"}.isdisjoint(names):
            gradient = _first_gradient(loss_at, params, begin)
            first_point = first_point._replace(gradient=gradient)
        (run, seen), (losses, kept) = take_steps_and_record(loop, run, first_point, interval, keep)

    runs = run.end == RUNNING
    stop_step = jnp.where(runs, last, count(steps_of(run.end)))
    if previous is not None:
        stop_step = jnp.where(ended_before, before.step, stop_step)
    status = jnp.where(runs, Status.STEP_LIMIT, status_of(run.end)).astype(jnp.int8)
    params, state = at_its_own_step(run)
    verdict = Verdict(status, stop_step, seen.loss, global_norm(seen.gradient))
    return Trajectory(
        params, state, last, verdict, start_loss, first, losses, kept,
        every=1 if record is None else every, names_loss="loss" in names,
    )  # fmt: skip


def _one_step(optimizer: OptimizerLike, loss_at: Callable) -> Callable[..., Place]:
    update = accept_extra(optimizer.update)

    def moved(params, state, gradient, loss, step):
        updates, state = update(
            gradient, state, params, value=loss, grad=gradient, value_fn=loss_at(step)
        )
        return Place(apply_updates(params, updates), state)

    return moved


def _first_gradient(loss_at, params: Params, step) -> Params:
    """In a loop of one turn, whose constants are arguments and stay where they lie: eager gradients
    on an explicit mesh need `jax.set_mesh`."""

    def turn(_, step):
        return None, jax.grad(loss_at(step))(params)

    return jax.tree.map(lambda row: row[0], lax.scan(turn, None, jnp.asarray(step)[None])[1])


def _names(record) -> list[str]:
    """The names that are to be recorded; none for a function or None."""
    if record is None or callable(record):
        return []
    try:
        names = [record] if isinstance(record, str) else list(record)
    except TypeError as error:
        raise TypeError(
            f"record must be names, a function of a Point or None, got {record!r}"
        ) from error
    unknown = [name for name in names if not (isinstance(name, str) and name in _RECORDS)]
    if unknown:
        raise ValueError(
            f"record does not know {unknown}: name some of {sorted(_RECORDS)}, "
            "or give a function of a Point"
        )
    return [str(name) for name in names]  # NumPy's text too


def _recorder(record, names: Sequence[str]) -> Callable[[Point], tuple[Array | None, PyTree]]:
    """A function from a point to (loss kept, whatever else is kept)."""
    if record is None:
        return lambda point: (None, None)
    if callable(record):

        def keep(point):
            kept = record(point)
            require_arrays(kept, "what record returns")
            return point.loss, kept

        return keep
    beside_loss = [name for name in names if name != "loss"]
    return lambda point: (point.loss, {name: _RECORDS[name](point) for name in beside_loss})


def _known(step) -> Any:
    """A step as a NumPy integer, unless it is traced."""
    return step if isinstance(step, jax.core.Tracer) else np.int32(step)


def _counter(first) -> Callable:
    """The step that comes so many after the first; the last that int32 holds, if it is traced."""
    if isinstance(first, jax.core.Tracer):
        return lambda steps: first + jnp.minimum(steps, LAST_STEP - first)
    return lambda steps: first + steps


def _last_step(first, steps: int) -> Any:
    if isinstance(first, jax.core.Tracer):
        return _counter(first)(steps)
    if int(first) + steps > LAST_STEP:
        raise ValueError(
            f"steps={steps} after the {first} of this trajectory are more than the {LAST_STEP} "
            "that int32 counts: begin anew from its params, descend(loss, path.params, …)"
        )
    return np.int32(int(first) + steps)


def _require_one_run(path: Trajectory) -> None:
    lanes = jnp.shape(path.step)
    if lanes:
        raise ValueError(
            f"this trajectory holds a batch of runs, of shape {lanes}: go on from each with "
            "jax.vmap(lambda path: descend(loss, path, …))(paths)"
        )


def _require_fit(state: PyTree, fresh: PyTree) -> None:
    """Refuse to go on with an optimizer whose states are made otherwise, naming the difference."""
    difference = _difference(state, fresh)
    if difference is not None:
        raise ValueError(
            f"the trajectory's optimizer state is not one of this optimizer's: {difference}; go on "
            "with the optimizer that began it, or begin anew: descend(loss, path.params, …)"
        )


def _difference(state: PyTree, fresh: PyTree) -> str | None:
    own, other = (
        {
            f"state{jax.tree_util.keystr(path)}": f"{jnp.result_type(x)}{list(jnp.shape(x))}"
            for path, x in jax.tree_util.tree_leaves_with_path(tree)
        }
        for tree in (state, fresh)
    )
    for name, leaf in own.items():
        if name not in other:
            return f"{name} ({leaf}) is in the trajectory's alone"
        if leaf != other[name]:
            return f"{name} is {leaf} in the trajectory and {other[name]} in the optimizer's"
    for name, leaf in other.items():
        if name not in own:
            return f"{name} ({leaf}) is in the optimizer's alone"
    nodes: Any = map(jax.tree.structure, (state, fresh))
    return _node_difference(*nodes)


def _node_difference(own, other) -> str | None:
    """The first two nodes that differ, of two trees of the same leaves."""
    if own.node_data() != other.node_data():
        told = (
            node[0].__name__ if (node := tree.node_data()) else "a leaf" for tree in (own, other)
        )
        return "a node is {} in the trajectory and {} in the optimizer's".format(*told)
    children = zip(own.children(), other.children(), strict=True)
    return next(filter(None, (_node_difference(*pair) for pair in children)), None)


def _loss_at_step(loss, batches, key) -> Callable[[Array], Callable[[Params], Array]]:
    """A function from the step to the loss as a function of the parameters alone."""
    require_function("loss", loss)
    if batches is None:
        if key is not None:
            raise ValueError(
                "key is given, but nothing draws from it: pass batches=, a sampler, as well, or no "
                "key (noise of an optimizer has a key of its own, as in add_noise)"
            )
        return lambda step: loss
    if not callable(batches):
        raise TypeError(
            f"batches must be a sampler (key, step) -> batch, got {type(batches).__name__}: "
            "wrap the data, as in batches.full(data)"
        )

    if key is not None:
        require_key("key", key)

    def loss_at(step):
        batch = batches(key, step)
        return lambda params: loss(params, batch)

    return loss_at


def _require_scalar(loss_at, params, step):
    """The loss's dtype; an error if it is not a real scalar."""

    def returned(params, step):
        value = loss_at(step)(params)
        require_arrays(value, "what the loss returns")
        return value

    try:
        value = jax.eval_shape(returned, params, step)
    except Exception as error:
        error.add_note(
            "This came of the first call of the loss, as loss(params), or as loss(params, batch) "
            "with batches=. Of a factory pass what it makes, as in losses.bowl()."
        )
        raise
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
