"""The one loop: a loss, a start, an optimizer and a number of steps make a trajectory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, SupportsIndex

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PRNGKeyArray, PyTree

from jdescent import absorption
from jdescent.core import OptimizerLike, Params, Scalar, apply_updates, global_norm
from jdescent.core.checks import (
    positive_integer,
    real_number,
    require_boolean,
    require_optimizer,
)
from jdescent.core.contract import accept_extra
from jdescent.core.remembered import compiled_once
from jdescent.core.tracing import inlined, program_of
from jdescent.core.trees import common_dtype
from jdescent.loop import Evaluation, Loop
from jdescent.numerics import LAST_STEP
from jdescent.objective import LossAt, loss_of_steps, types_of, with_gradient
from jdescent.progress import on_a_bar
from jdescent.recording import evaluation_of, record_of
from jdescent.rows import best_stride
from jdescent.runs import MAX_STEPS, RUNNING, Place, Run, counters_of, soundness, status_of
from jdescent.starting import started
from jdescent.stopping import StoppingRule, as_rule, memory_of, remembers
from jdescent.taking import take_all
from jdescent.trajectory import Point, Status, Trajectory, Verdict


def descend(
    loss: Callable[..., Any],
    start: Params | Trajectory,
    optimizer: OptimizerLike,
    steps: SupportsIndex,
    *,
    batches: Callable[[Any, Any], PyTree] | None = None,
    key: PRNGKeyArray | Array | None = None,
    model_state: PyTree = None,
    has_aux: bool = False,
    state: Any = None,
    first_step: Any = None,
    record: str | Sequence | Mapping | Callable[[Point], PyTree] | None = "loss",
    every: SupportsIndex | None = None,
    evaluate: tuple[Callable[[Point], PyTree], SupportsIndex] | None = None,
    tolerance: Scalar | None = None,
    divergence: Scalar = 1e8,
    stop: Callable[[Point], Array] | StoppingRule | tuple[Callable, Callable] | None = None,
    checkpoint: bool = False,
    progress: bool = False,
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

    Each call outside `jax.jit` is traced anew, some hundredths of a second, so that it reads data
    and globals as they are now. What is compiled, half a second or more, is remembered for the last
    few programs: a call that makes the same one, of other arrays it may be, is not compiled again.
    Another number that is no array, as in adam(0.1) and adam(0.2), makes another program: to call
    it often, compile it once, ``run = jax.jit(lambda lr, start: …)``, with all that changes from
    call to call among its arguments. Not remembered are programs with effects or callbacks, on
    several devices, with more than 16 MiB of data within a jitted loss, or under `jax.debug_nans`.

    Args:
        loss: ``loss(params)``, or ``loss(params, batch)`` with `batches`; returns a scalar. With
            `model_state` it is ``loss(params, model_state[, batch])`` and returns the value and the
            next model state; what it returns beside the value is what
            ``jax.value_and_grad(loss, has_aux=True)`` leaves alone.
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
        model_state: what the model keeps beside its parameters, as a tree of arrays: flax's
            ``batch_stats``, equinox's ``State``, a key to draw dropout from. Each step is given the
            one that the step before returned. It ends with its run, goes on in a trajectory, and
            makes a run non-finite as an optimizer's memories do.
        has_aux: whether loss returns (value, aux), as in `jax.grad`; (value, (model_state, aux))
            with `model_state`. A `Point` has it as ``point.aux``, a record as "aux".
        state: the optimizer's state to begin with, as restored from a checkpoint; by default a
            fresh one, ``optimizer.init(params)``, which it must be like.
        first_step: the step to begin at, an integer ≥ 0: that of the first batch, and what
            `Trajectory.steps` count from. The bound on the loss is that of the loss there.
        record: what to keep of each recorded point beside the loss: names among "loss" (nothing
            more), "params", "gradient", "gradient_norm", "state", "model_state" and "aux", and
            functions of a `Point`, which are recorded under their own names; one or several, or a
            dictionary {name: name or function}. `Trajectory.record` is then a dictionary; for one
            function by itself it is the tree that it returns. None keeps nothing, nor the loss.
        every: the record interval in steps, and how often at least the loss is compared with its
            bound. By default every step, or every √(steps/2) where nothing is recorded.
        evaluate: a function of a `Point` that returns a tree of arrays, such as metrics of held-out
            data, and its interval in steps: rows of the points after 0, interval, 2·interval, …
            steps and the last one are `Trajectory.evaluated`, their steps `evaluated_steps`. It
            costs the steps between nothing; least is kept and compiled where the interval is a
            multiple of `every`. Steps are those of this call: to go on with a `stop`, take whole
            intervals in each.
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
            ``point.evaluated`` is what `evaluate` returned last. Or a rule with a memory, such as
            `jdescent.patience`, or a pair (init, step), see `StoppingRule`: with `evaluate` it is
            asked at each evaluation, otherwise at every step. With `tolerance`, or a stop that is
            not asked at evaluations alone, every step is checked.
        checkpoint: whether gradients through the run keep O(√steps) points in the place of all of
            them, and take the steps between again (Griewank and Walther, 2000; `jax.checkpoint`).
            Values and gradients are the same to rounding. Checks every step by default.
        progress: whether a bar shows steps and loss while the run is computed, moved on at most a
            hundred times or so; one bar, with the lowest loss, for a batch of runs. A program that
            calls back is one that no store of a sweep knows again; `sweep` has its own bar.

    Returns:
        A `Trajectory`. Its verdict's step is the first step whose point met the condition; it is
        non-finite if the loss there is not finite, or if the gradient that led to that step was
        not, or made a parameter or a memory of the optimizer so (then parameters and memories are
        those of the step before). That holds of a gradient whose infinity or NaN an optimizer
        bounds or leaves out, too. Memories that begin non-finite, such as a best value so far, are
        exempt.

    Raises:
        TypeError: parameters that are not floating-point; a loss or a sampler that is no function;
            a loss that is not a real scalar, or returns no pair where it is to; a key that is no
            random key; a stop that is not a boolean; a record that is neither names nor functions
            of arrays; an evaluate that is no function and interval, or returns no arrays.
        ValueError: steps or every < 1, or 2²⁷ steps and more, or 2³¹ with those of the trajectory;
            a key that is missing, that no sampler draws from, or a batch of keys; a tolerance or
            divergence that is negative or NaN; a trajectory of many runs, or with `evaluate` and
            `stop` one that ends within an interval; a state, given or a trajectory's, that is not
            like this optimizer's; a model state that changes its shapes; two things of one name in
            a record.

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

        Early stopping on held-out data, with the best parameters kept:

        >>> x = jnp.linspace(-1, 1, 24)
        >>> y = jnp.sin(3 * x) + 0.3 * jax.random.normal(jax.random.key(0), x.shape)
        >>> def error(params, x, y):
        ...     return jnp.mean((jnp.polyval(params, x) - y) ** 2)
        >>> path = jd.descend(
        ...     lambda params: error(params, x[::2], y[::2]), jnp.zeros(9), jd.adam(0.03), 5000,
        ...     evaluate=(lambda point: error(point.params, x[1::2], y[1::2]), 50),
        ...     stop=jd.patience(5))
        >>> print(path.evaluated.shape, path.verdict.step, path.best.step)
        (101,) 600 350

        The derivative of the loss after training by Adam's learning rate and decay:

        >>> def trained(rate, decay):
        ...     run = jd.descend(bowl, x0, jd.adam(rate, b1=decay), 100, checkpoint=True)
        ...     return run.verdict.loss
        >>> by_rate, by_decay = jax.grad(trained, argnums=(0, 1))(0.01, 0.9)
        >>> print(f"{by_rate:.1f} {by_decay:.1f}")
        -218.3 -1.2

        Batch statistics, as of flax: ``loss(params, model_state, batch)``:

        >>> def loss(params, batch_stats, batch):
        ...     batch_stats = {"mean": 0.9 * batch_stats["mean"] + 0.1 * batch.mean()}
        ...     return jnp.mean((params - batch) ** 2), batch_stats
        >>> path = jd.descend(
        ...     loss, 0.0, jd.sgd(0.1), 50, model_state={"mean": 0.0},
        ...     batches=jd.batches.full(jnp.array([1.0, 3.0])))
        >>> print(f"{path.params:.2f} {path.model_state['mean']:.2f}")
        2.00 1.99
    """
    steps = positive_integer("steps", steps, at_most=MAX_STEPS)
    if every is not None:
        every = positive_integer("every", every, at_most=LAST_STEP)
    elif record is None and not checkpoint:
        every = best_stride(steps)
    else:
        every = 1
    _check_bound("divergence", divergence)
    if tolerance is not None:
        _check_bound("tolerance", tolerance)
    for name, option in (("has_aux", has_aux), ("checkpoint", checkpoint), ("progress", progress)):
        require_boolean(name, option)
    previous = start if isinstance(start, Trajectory) else None
    has_model_state = (model_state if previous is None else previous.model_state) is not None
    absent = [*["aux"] * (not has_aux), *["model_state"] * (not has_model_state)]
    recording, evaluation, rule = record_of(record, absent), evaluation_of(evaluate), as_rule(stop)
    if previous is not None and evaluation is not None and rule is not None:
        _require_whole_intervals(previous)
    loss_at = loss_of_steps(loss, batches, key, has_model_state, has_aux)
    require_optimizer(optimizer)
    begun = started(start, optimizer, steps, state, model_state, first_step)
    params, state, model_state = place = begun.place
    seen_types = types_of(loss_at, params, model_state, begun.first)
    loss_type = seen_types.loss.dtype

    end, begin = begun.end, begun.begin
    loss_here, (_, aux) = loss_at(begin, model_state)(params)
    loss_here = jnp.asarray(loss_here, loss_type)
    start_loss = loss_here if previous is None else jnp.asarray(previous.start_loss)
    moved = _one_step(optimizer, loss_at)
    gradient_shows = False
    interval = min(every, steps)
    asked_of_evaluations = evaluation is not None and remembers(rule)
    if interval > 1 and tolerance is None and (rule is None or asked_of_evaluations):
        program, _ = program_of(moved, params, state, params, loss_here, begin, model_state)
        gradient_shows = absorption.gradient_shows(program, optimizer.init, params, state)
    loop = Loop(
        loss_at=loss_at,
        looked=with_gradient(loss_at),
        moved=moved,
        gradient_shows=gradient_shows,
        since_the_start=begun.step_after,
        step_of_end=begun.step_of_end,
        ended_before=begun.ended_before,
        limit=_limit(divergence, start_loss, loss_type),
        memories_are_sound=soundness((begun.fresh_state, model_state)),
        rule=None if asked_of_evaluations else rule,
        was_asked=remembers(rule) and getattr(previous, "stopping", None) is not None,
        evaluation=_within(steps, evaluation, rule if asked_of_evaluations else None),
        tolerance=tolerance,
        seen_types=seen_types,
        draws_batches=batches is not None,
        steps=steps,
        checkpoint=checkpoint,
        report=on_a_bar(steps, max(2 * best_stride(steps), steps // 100)) if progress else None,
    )
    point = Point(begin, params, loss_here, None, state, model_state, aux)
    if not loop.is_checked_at_every_step:
        end = loop.check_termination(point, 0, end)
    run = Run(place, counters_of(state), end)
    if recording.reads_gradient or evaluation is not None or remembers(rule):
        gradient = compiled_once(partial(_first_gradient, loop), place, begin)
        point = point._replace(gradient=gradient)
    if evaluation is not None or remembers(rule):
        run = _first_asked(loop, run, point, rule, previous)

    def take(run, point, limit, first, last):
        counted = begun._replace(first=first, last=last)
        here = replace(
            loop,
            limit=limit,
            since_the_start=counted.step_after,
            step_of_end=counted.step_of_end,
        )
        return take_all(here, run, point, interval, recording.keep)

    run, point, rows, evaluated = compiled_once(
        take, run, point, loop.limit, begun.first, begun.last
    )

    status = jnp.where(run.end == RUNNING, Status.STEP_LIMIT, status_of(run.end)).astype(jnp.int8)
    verdict = Verdict(status, point.step, point.loss, global_norm(point.gradient))
    losses, kept = (None, None) if rows is None else rows
    return Trajectory(
        point.params,
        point.state,
        begun.last,
        verdict,
        start_loss,
        begun.first,
        losses,
        kept,
        every=1 if record is None else every,
        names_loss=recording.names_loss,
        model_state=point.model_state,
        evaluated=evaluated,
        stopping=run.memory,
        evaluated_every=1 if evaluation is None else evaluation[1],
        evaluated_rest=0 if evaluation is None else steps % evaluation[1],
    )


def _within(steps: int, evaluation: Any, rule: StoppingRule | None) -> Evaluation | None:
    if evaluation is None:
        return None
    function, every = evaluation
    return Evaluation(function, min(every, steps), rule)


def _require_whole_intervals(path: Trajectory) -> None:
    """Refuse to let a rule go on where evaluations would fall on other steps than in one call."""
    if path.evaluated_rest:
        raise ValueError(
            f"the trajectory ends {path.evaluated_rest} steps after the last evaluation of its "
            f"interval, {path.evaluated_every}, so that a stop which is asked of evaluations would "
            "see others than in one run of all steps: take a multiple of the interval in each "
            "call, or begin anew, descend(loss, path.params, …)"
        )


def _one_step(optimizer: OptimizerLike, loss_at: LossAt) -> Callable[..., tuple[Params, Any]]:
    update = accept_extra(optimizer.update)

    @inlined
    def moved(params, state, gradient, loss, step, model_state):
        of_params = loss_at(step, model_state)
        updates, state = update(
            gradient,
            state,
            params,
            value=loss,
            grad=gradient,
            value_fn=lambda params: of_params(params)[0],
        )
        return apply_updates(params, updates), state

    return moved


def _limit(divergence: Scalar, start_loss: Array, loss_type: Any) -> Array:
    """Beyond which a run has diverged; finite, so that infinity always is."""
    wide = common_dtype(loss_type, jnp.float32)  # the default bound overflows float16
    return _times_at_least_one(jnp.asarray(divergence, wide), start_loss)


@inlined
def _times_at_least_one(divergence: Array, start_loss: Array) -> Array:
    limit = divergence * jnp.maximum(1, jnp.abs(start_loss).astype(divergence.dtype))
    return jnp.minimum(limit, jnp.finfo(limit.dtype).max)


def _first_gradient(loop: Loop, place: Place, begin: Any) -> Params:
    """In a loop of one turn, whose constants are arguments and stay where they lie: eager gradients
    on an explicit mesh need `jax.set_mesh`."""

    def turn(_, step):
        return None, loop.look_at(place, step)[0].gradient

    return jax.tree.map(lambda row: row[0], lax.scan(turn, None, jnp.asarray(begin)[None])[1])


def _first_asked(
    loop: Loop, run: Run, point: Point, rule: StoppingRule | None, previous: Trajectory | None
) -> Run:
    """The run with what is evaluated at its first point, and what its rule remembers there."""
    if loop.evaluation is not None:
        point = point._replace(evaluated=loop.evaluation.function(point))
    if rule is not None:
        before = getattr(previous, "stopping", None) if remembers(rule) else None
        run = run._replace(memory=memory_of(rule, point, before))
    if loop.evaluation is None:
        return run
    return loop.evaluate(run, point, 0, goes=not loop.was_asked)


def _check_bound(name: str, bound: Scalar) -> None:
    number = real_number(name, bound)
    if number is not None and not number >= 0:
        raise ValueError(f"{name} must be ≥ 0, got {number}")
