"""Optimizers around any optimizer: what it is given, when it steps, and what becomes of its step.

Each takes jdescent's, optax's, or any (init, update) pair.
"""

from typing import Annotated, Any

import jax
import jax.numpy as jnp

from jdescent.core import (
    Base,
    Count,
    Decay,
    DType,
    Fraction,
    Inner,
    Mask,
    Memory,
    NonNegative,
    Optimizer,
    each,
    leafwise,
    optimizer,
    partition,
    treewise,
    vector,
)
from jdescent.core.kinds import Whole
from jdescent.core.masks import spread
from jdescent.numerics import next_step

COUNTER = Memory(lambda x: jnp.zeros((), jnp.int32))


@optimizer
def lookahead(
    fast_optimizer: Base,
    sync_period: Annotated[Count, "k, the steps from one synchronization to the next"],
    slow_step_size: Annotated[Fraction, "α; 1 is the optimizer alone"],
    reset_state: Annotated[bool, "begin the optimizer anew after each synchronization"] = False,
) -> Optimizer:
    """Lookahead: k steps forward, one step back.

        x ← x + u                       u of the fast optimizer
        every k steps:
            slow ← slow + α·(x − slow)
            x ← slow

    Differs from: optax.lookahead walks a pair of parameters, LookaheadParams; here the parameters
    are the fast ones and the slow ones are ``state.slow``. The path is the same.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.lookahead(jd.sgd(0.5), sync_period=2, slow_step_size=0.5)
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.0), optimizer, steps=2, record="params")
        >>> print(path.record["params"])
        [0.  3.  1.5]

    Reference: M. R. Zhang et al., 2019, Lookahead Optimizer: k Steps Forward, 1 Step Back,
    Algorithm 1.
    """
    base = Inner(fast_optimizer)

    def rule(g, steps, x, params, extra, fast, slow):
        u, fast = base.step(g, fast, params, extra)
        synchronizes = steps % sync_period == sync_period - 1
        nearer = slow + slow_step_size * (x + u - slow)
        u = _either(synchronizes, nearer - x, u)
        slow = _either(synchronizes, nearer, slow)
        if reset_state:
            fast = _either(synchronizes, base.init(params), fast)
        return u, fast, slow

    return treewise(rule, fast=base.state, slow=vector(lambda x: x, wide=True))


@optimizer
def multi_steps(
    opt: Base,
    every_k_schedule: Annotated[
        Any, Whole(schedule=True), "k, the gradients to a step, by the steps made so far"
    ],
    use_grad_mean: Annotated[bool, "step along the mean of the gradients, not their sum"] = True,
) -> Optimizer:
    """Accumulate gradients: one step of the optimizer for every k of them.

        n ← n + 1
        mean ← mean + (g − mean)/n      or mean ← mean + g
        n < k:  x ← x
        n = k:  x ← x + u               u of the optimizer for the mean; then n ← 0, mean ← 0

    Schedules of the optimizer count its own steps. It is given the loss of the last batch.

    Differs from: optax.MultiSteps is a class that can also skip gradients (see `apply_if_finite`);
    equal without.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.multi_steps(jd.sgd(1.0), 2)
        >>> x = jnp.array(0.0)
        >>> state = optimizer.init(x)
        >>> for g in (1.0, 3.0):
        ...     u, state = optimizer.update(jnp.array(g), state, x)
        ...     print(u)
        0.0
        -2.0

    Reference: no paper; the mean by B. P. Welford, 1962, Note on a Method for Calculating Corrected
    Sums of Squares and Products.
    """
    base = Inner(opt)

    def rule(g, params, extra, inner, mean, n, steps_made):
        k = every_k_schedule(steps_made) if callable(every_k_schedule) else every_k_schedule
        n = next_step(n)
        mean = mean + (g - mean) / n if use_grad_mean else mean + g
        due = n >= k
        u, inner = base.step_if(due, mean, inner, params, extra)
        mean = _either(due, each(jnp.zeros_like, mean), mean)
        return (
            u,
            inner,
            mean,
            jnp.where(due, 0, n),
            jnp.where(due, next_step(steps_made), steps_made),
        )

    return treewise(rule, inner=base.state, mean=vector(wide=True), n=COUNTER, steps_made=COUNTER)


@optimizer
def apply_if_finite(
    inner: Base,
    max_consecutive_errors: Annotated[
        int, Whole(least=0), "so many gradients in a row are passed over"
    ],
) -> Optimizer:
    """Pass over gradients that are not finite, unless too many come in a row.

        errors ← 0 if all of g is finite, else errors + 1
        x ← x + u                       if all of g is finite or errors > max_consecutive_errors
        x ← x                           otherwise; the optimizer's state stays as well

    What is passed over is not hidden: ``state.unfit`` is g's sum, NaN or ±∞, after a step that was
    passed over, and 0 after others; ``state.errors`` and ``state.all_errors`` count.

    Differs from: optax.apply_if_finite calls these notfinite_count and total_notfinite.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.apply_if_finite(jd.sgd(1.0), max_consecutive_errors=5)
        >>> x = jnp.array(0.0)
        >>> u, state = optimizer.update(jnp.array(jnp.nan), optimizer.init(x), x)
        >>> print(u, state.errors, state.unfit)
        0.0 1 nan

    Reference: no paper; as in optax.
    """
    base = Inner(inner)

    def rule(g, params, extra, inner, errors, all_errors, unfit):
        del unfit
        finite = jnp.all(jnp.isfinite(g.flat))
        errors = jnp.where(finite, 0, next_step(errors))
        all_errors = jnp.where(finite, all_errors, next_step(all_errors))
        u, inner = base.step_if(finite | (errors > max_consecutive_errors), g, inner, params, extra)
        return u, inner, errors, all_errors, jnp.where(finite, 0, jnp.sum(g.flat))

    return treewise(rule, inner=base.state, errors=COUNTER, all_errors=COUNTER, unfit=0)


@optimizer
def masked(
    inner: Base, mask: Annotated[Mask, "True where the optimizer acts; known at compile time"]
) -> Optimizer:
    """The optimizer where the mask is True; elsewhere the gradient passes as it is.

    The optimizer knows, remembers and norms the parameters of the mask alone, and reads the loss as
    a function of them.

    Differs from: optax.masked hides the other parameters as MaskedNodes; `partition`, of which this
    is a case, gives each part a dictionary of its own. Alone in front of `descend` it would ascend
    where the mask is False: chain it with an optimizer.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> decay = jd.masked(jd.add_decayed_weights(0.5), {"w": True, "b": False})
        >>> x = {"w": jnp.array(1.0), "b": jnp.array(1.0)}
        >>> g = {"w": jnp.array(0.0), "b": jnp.array(0.0)}
        >>> u, _ = decay.update(g, decay.init(x), x)
        >>> print(u["w"], u["b"])
        0.5 0.0

    Reference: no paper; as in optax.
    """

    def labels(params):
        parts = {True: "inner", False: "others"}
        return jax.tree.map(lambda m: parts[bool(m)], spread("mask", mask, params))

    return partition(labels, inner=inner, others=leafwise(lambda g: g))


@optimizer
def freeze(mask: Annotated[Mask, "True where nothing moves; known at compile time"]) -> Optimizer:
    """Hold parameters: no update where the mask is True; put it last in a chain.

        x ← x                           where the mask is True, even of a gradient that is NaN

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.chain(jd.sgd(0.5), jd.freeze({"w": True, "b": False}))
        >>> x = {"w": jnp.array(1.0), "b": jnp.array(1.0)}
        >>> u, _ = optimizer.update(x, optimizer.init(x), x)
        >>> print(u["w"], u["b"])
        0.0 -0.5

    Reference: no paper; as in optax.
    """
    return masked(leafwise(lambda g: jnp.zeros_like(g)), mask)


@optimizer
def cautious(
    optimizer: Base, xi: Annotated[NonNegative, "in the rescaling; 1 in the paper"] = 1.0
) -> Optimizer:
    """Cautious: no coordinate of a step goes against its gradient; the others make up for it.

        φ ← 1 where u·g < 0, else 0     u the step of the optimizer
        x ← x + u·φ·d/(Σφ + ξ)          d elements and Σφ of each array

    To first order every such step lowers the loss of its batch.

    Differs from: the authors' C-AdamW decays the weights outside of φ and divides by max(mean φ,
    10⁻³); here φ acts on the whole step, decay included, and the rescaling is the paper's.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.0), jd.cautious(jd.sgd(0.1)), steps=1)
        >>> print(f"{path.params:.1f}")
        0.3

    Reference: K. Liang et al., 2024, Cautious Optimizers: Improving Training with One Line of Code,
    Algorithm 1 and its note on α(·).
    """
    base = Inner(optimizer)

    def kept(u, g):
        phi = (jnp.sign(u) * jnp.sign(g) < 0).astype(u.dtype)
        return u * phi * (phi.size / (jnp.sum(phi) + xi))

    def rule(g, params, extra, inner):
        u, inner = base.step(g, inner, params, extra)
        return each(kept, u, g), inner

    return treewise(rule, inner=base.state)


@optimizer
def grokfast(
    optimizer: Base,
    alpha: Annotated[Decay, "of the slow mean"] = 0.98,
    lamb: Annotated[NonNegative, "λ, how much the slow mean is amplified"] = 2.0,
) -> Optimizer:
    """Grokfast-EMA: slow gradients amplified before the optimizer sees them.

        m ← α·m + (1 − α)·g             m = g at the first step
        x ← x + u                       u of the optimizer for g + λ·m

    The mean starts at the first gradient and not at 0, as in the authors' code: of a constant g the
    optimizer sees (1 + λ)·g from the first step on.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.0), jd.grokfast(jd.sgd(0.1)), steps=1)
        >>> print(f"{path.params:.1f}")
        1.8

    Reference: J. Lee, B. G. Kang, K. Kim and K. M. Lee, 2024, Grokfast: Accelerated Grokking by
    Amplifying Slow Gradients, Grokfast-EMA as in the authors' gradfilter_ema.
    """
    base = Inner(optimizer)

    def rule(g, steps, params, extra, inner, m):
        m = _either(steps == 0, g, alpha * m + (1 - alpha) * g)
        u, inner = base.step(g + lamb * m, inner, params, extra)
        return u, inner, m

    return treewise(rule, inner=base.state, m=vector())


@optimizer
def ema(
    decay: Decay,
    debias: Annotated[bool, "divide by 1 − βᵗ"] = True,
    accumulator_dtype: Annotated[DType | None, "of m"] = None,
) -> Optimizer:
    """The running mean of what comes in, to put into a chain.

        m ← decay·m + (1 − decay)·g
        g ← m/(1 − decayᵗ)              or m with debias=False

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> transform = jd.ema(0.9)
        >>> print(transform.update(jnp.array(2.0), transform.init(jnp.array(0.0)))[0])
        2.0

    Reference: no paper; as in optax, the first mean of D. P. Kingma and J. Ba, 2015.
    """

    def rule(t, g, m):
        m = decay * m + (1 - decay) * g
        return m / (1 - decay**t) if debias else m, m

    return leafwise(rule, m=Memory(dtype=accumulator_dtype))


def _either(condition: Any, this: Any, that: Any) -> Any:
    """One of two trees of arrays."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), this, that)
