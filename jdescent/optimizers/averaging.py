"""Averages of the parameters that an optimizer walks through, kept beside its own walk.

Each takes any (init, update) pair, whose steps it does not change; `averaged_params` reads the
average.
"""

from typing import Annotated, Any

import jax
import jax.numpy as jnp

from jdescent.core import (
    Base,
    Count,
    Decay,
    Inner,
    Optimizer,
    Params,
    State,
    optimizer,
    treewise,
    vector,
)
from jdescent.core.kinds import Whole

AVERAGE = vector(lambda x: x, wide=True)  # begins where the parameters begin


@optimizer
def polyak_average(optimizer: Base) -> Optimizer:
    """Polyak-Ruppert averaging: the mean of all parameters where a gradient was read.

        average ← average + (x − average)/t        the mean of x₀, x₁, …, xₜ₋₁
        x ← x + u                                  u of the optimizer

    With steps that shrink slower than 1/t the average reaches the error of the best scaling of each
    direction, σ²/(λ²·t), without knowing λ.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.polyak_average(jd.sgd(0.5))
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=4)
        >>> print(path.params, jd.averaged_params(path.state))    # 0, 3, 3, 3 were visited
        3.0 2.25

    Reference: B. T. Polyak and A. B. Juditsky, 1992, Acceleration of Stochastic Approximation by
    Averaging.
    """
    base = Inner(optimizer)

    def rule(g, t, x, params, extra, inner, average):
        average = average + (x - average) / t
        u, inner = base.step(g, inner, params, extra)
        return u, inner, average

    return treewise(rule, inner=base.state, average=AVERAGE)


@optimizer
def ema_params(
    optimizer: Base,
    decay: Annotated[Decay, "of the average"] = 0.999,
    debias: Annotated[bool, "average what the steps led to alone, not x₀"] = True,
) -> Optimizer:
    """The exponential moving average of the parameters.

        x ← x + u                                        u of the optimizer
        average ← decay·average + (1 − decay)·x          from x₀ on

    With debias it is the mean over x₁, …, xₜ alone, with the weights decayᵗ⁻ⁱ, kept such that no
    division by 1 − decayᵗ is left to the reader.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.ema_params(jd.sgd(0.5), decay=0.5, debias=False)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=2)
        >>> print(path.params, jd.averaged_params(path.state))
        3.0 2.25

    Reference: D. P. Kingma and J. Ba, 2015, Adam: A Method for Stochastic Optimization, section
    7.2, with its correction of the bias; without it as torch's AveragedModel with get_ema_avg_fn.
    """
    base = Inner(optimizer)

    def rule(g, t, x, params, extra, inner, average):
        u, inner = base.step(g, inner, params, extra)
        x = x + u
        if debias:
            return u, inner, decay.unbiased_mean(average, x, t)
        return u, inner, decay * average + (1 - decay) * x

    return treewise(rule, inner=base.state, average=AVERAGE)


@optimizer
def swa(
    optimizer: Base,
    swa_start: Annotated[int, Whole(least=0), "steps before the averaging begins"] = 0,
    swa_freq: Annotated[Count, "c, the steps from one model of the average to the next"] = 1,
) -> Optimizer:
    """Stochastic weight averaging: the mean of every c-th iterate after the start.

        x ← x + u                                        u of the optimizer
        t ≤ start:                average ← x, n ← 1
        each c steps after it:    average ← (average·n + x)/(n + 1), n ← n + 1

    Give the optimizer the cyclical or high constant schedule of the paper yourself.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.swa(jd.sgd(0.5), swa_start=1)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=4)
        >>> print(path.params, jd.averaged_params(path.state))
        3.0 3.0

    Reference: P. Izmailov et al., 2018, Averaging Weights Leads to Wider Optima and Better
    Generalization, Algorithm 1; the start as in torchcontrib's SWA.
    """
    base = Inner(optimizer)

    def rule(g, steps, x, params, extra, inner, average, n):
        u, inner = base.step(g, inner, params, extra)
        x = x + u
        waits = steps < swa_start
        due = ~waits & ((steps + 1 - swa_start) % swa_freq == 0)
        weight = jnp.where(waits, 1, jnp.where(due, 1 / (n + 1), 0))
        n = jnp.where(waits, 1, jnp.where(due, n + 1, n))
        return u, inner, average + weight * (x - average), n

    return treewise(rule, inner=base.state, average=AVERAGE, n=1)


def averaged_params(state: Any) -> Params:
    """The average that `polyak_average`, `ema_params` or `swa` keeps, in float32 or wider.

    Args:
        state: the state of one of these, or of a chain or a wrapper with one of them in it.

    Raises:
        ValueError: a state that holds no average, or several.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.chain(jd.clip(1.0), jd.ema_params(jd.sgd(0.1)))
        >>> print(jd.averaged_params(optimizer.init(jnp.array(2.0))))
        2.0
    """
    found = _averages(state)
    if len(found) != 1:
        raise ValueError(
            f"the state of one optimizer that averages is read, got {len(found)} averages in it: "
            "wrap an optimizer once, as in ema_params(adam(0.1)), or give the state of that part"
        )
    return found[0]


def _averages(state: Any) -> list:
    def is_ours(node):
        return isinstance(node, State)

    found = []
    for node in jax.tree.leaves(state, is_leaf=is_ours):
        if is_ours(node):
            own = [node.memory["average"]] if "average" in node.memory else []
            found += own + _averages({k: v for k, v in node.memory.items() if k != "average"})
    return found
