"""Averages of the iterates in the place of schedules and of momentum."""

from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from jdescent.core import (
    Base,
    Coefficient,
    Count,
    Decay,
    DType,
    Memory,
    NonNegative,
    Optimizer,
    Params,
    Rate,
    Real,
    Scheduled,
    leafwise,
    optimizer,
    treewise,
    vector,
)
from jdescent.core.contract import accept_extra
from jdescent.core.vector import Vector
from jdescent.numerics import Beta, ratio, root

Interpolation = Annotated[
    Any, Real(high=1, includes_low=False), "β, the share of x in y, in the place of momentum"
]
Power = Annotated[NonNegative, "p, of the rate in the weights; 0 is the plain average"]
WarmUp = Annotated[Count | None, "T, the rate rises as t/T over the first steps; none if None"]
ZDType = Annotated[DType | None, "of z"]


@optimizer
def schedule_free(
    base_optimizer: Annotated[Base, "makes the steps of z; without momentum"],
    learning_rate: Annotated[Rate, "the base's, which weighs the average"],
    b1: Interpolation = 0.9,
    weight_lr_power: Power = 2.0,
    state_dtype: ZDType = None,
) -> Optimizer:
    """Schedule-free learning: gradients at y between a base's iterates z and their average x.

        z ← z + u(g(y))                 the update u of the base
        γ ← max(γ, lr)
        c ← γᵖ/Σ γᵖ                     1/t for a constant rate
        x ← (1 − c)·x + c·z
        y ← (1 − β)·z + β·x

    The parameters are y; x, which is to be used when all is done, is what
    `schedule_free_eval_params` returns. Only z is stored, as x = (y − (1 − β)·z)/β, and y moves by
    c·(z − y + β·u) + (1 − β)·u.

    Differs from: optax.contrib.schedule_free reads a schedule of the rate one step ahead of its
    base; equal for a constant rate.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.schedule_free(jd.sgd(0.3), 0.3)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=100)
        >>> print(f"{jd.schedule_free_eval_params(path.state, path.params):.2f}")
        3.00

    Reference: A. Defazio et al., 2024, The Road Less Scheduled, eqs. (3)-(5).
    """
    update = accept_extra(base_optimizer.update)

    def rule(lr, g, x, extra, z, base, weight_sum, largest, b1):
        u, base = update(g.tree, base, x.tree, **extra)
        u = Vector.of(u)
        largest = jnp.maximum(largest, lr)
        weight = largest**weight_lr_power
        weight_sum = weight_sum + weight
        c = ratio(weight, weight_sum)
        moved = c * (z - x + b1 * u) + (1 - b1) * u
        return moved, z + u, base, weight_sum, largest, b1

    return treewise(
        rule,
        learning_rate,
        z=vector(jnp.array, dtype=state_dtype),
        base=Memory(lambda x: base_optimizer.init(x.tree)),
        weight_sum=0,
        largest=0,
        b1=b1,
    )


def schedule_free_eval_params(state: Any, params: Params) -> Params:
    """The average x of a `schedule_free` optimizer at the parameters y: what to evaluate and keep.

    Args:
        state: the state of a schedule-free optimizer.
        params: its parameters.

    Raises:
        AttributeError: the state of another optimizer.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.schedule_free_sgd(0.1), jnp.array(1.0)
        >>> print(schedule_free_eval_params(optimizer.init(x), x))
        1.0
    """

    def average(y, z):
        beta, z = state.b1.astype(y.dtype), z.astype(y.dtype)
        return (y - (1 - beta) * z) / beta

    return jax.tree.map(average, params, state.z)


@optimizer
def schedule_free_sgd(
    learning_rate: Annotated[NonNegative, "needs no schedule"] = 1.0,
    warmup_steps: WarmUp = None,
    b1: Interpolation = 0.9,
    weight_decay: Annotated[
        Scheduled | None, "coupled: added to the gradient; none if None"
    ] = None,
    weight_lr_power: Power = 2.0,
    state_dtype: ZDType = None,
) -> Optimizer:
    """Schedule-free gradient descent.

        γ ← lr·min(t/T, 1)
        z ← z − γ·(g(y) + w·y)
        c ← γᵖ/Σ γᵖ
        x ← (1 − c)·x + c·z
        y ← (1 − β)·z + β·x

    The parameters are y; evaluate x by `schedule_free_eval_params`. β = 0 would be gradient descent
    with Polyak and Ruppert's average, β = 1 primal averaging; at any β a convex loss at x falls as
    1/√t for every t, as with the best constant rate for it.

    Differs from: optax.contrib.schedule_free_sgd takes its first warm-up step with the rate 0, so
    that step t has the rate lr·(t − 1)/T and the weight of lr·t/T; equal without warm-up.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.schedule_free_sgd(0.3)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=100)
        >>> print(f"{jd.schedule_free_eval_params(path.state, path.params):.2f}")
        3.00

    Reference: A. Defazio et al., 2024, The Road Less Scheduled, eqs. (3)-(5); c as in Algorithm 1.
    """
    w = Coefficient("weight_decay", 0.0 if weight_decay is None else weight_decay)
    rate = _warmed_up(learning_rate, warmup_steps)
    base = leafwise(lambda lr, g, x, w: -lr * (g + w * x), rate, w=w)
    return schedule_free(base, rate, b1, weight_lr_power, state_dtype)


@optimizer
def schedule_free_adamw(
    learning_rate: Annotated[NonNegative, "needs no schedule; one to ten times Adam's"] = 0.0025,
    warmup_steps: WarmUp = None,
    b1: Interpolation = 0.9,
    b2: Decay = 0.999,
    eps: Annotated[NonNegative, "outside the root"] = 1e-8,
    weight_decay: Annotated[Scheduled, "decoupled, multiplied by the rate"] = 0.0,
    weight_lr_power: Power = 2.0,
    state_dtype: ZDType = None,
    *,
    corrects_rate: Annotated[bool, "γ ← √(1 − β₂ᵗ)·γ and no v̂, as in the paper"] = False,
) -> Optimizer:
    """Schedule-free AdamW: Adam without its momentum, averaged.

        γ ← lr·min(t/T, 1)
        v ← β₂·v + (1 − β₂)·g(y)²
        v̂ ← v/(1 − β₂ᵗ)
        z ← z − γ·(g(y)/(√v̂ + ε) + w·y)
        c ← γᵖ/Σ γᵖ
        x ← (1 − c)·x + c·z
        y ← (1 − β)·z + β·x

    The parameters are y; evaluate x by `schedule_free_eval_params`.

    Differs from: the paper corrects the bias of v in γ, so that early steps weigh less in x; its
    authors now do as here, as that may be unstable, and so does optax, but for its warm-up: see
    `schedule_free_sgd`.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.schedule_free_adamw(0.3)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=300)
        >>> print(f"{jd.schedule_free_eval_params(path.state, path.params):.2f}")
        3.00

    Reference: A. Defazio et al., 2024, The Road Less Scheduled, Algorithm 1.
    """

    def rule(lr, t, g, x, w, v):
        v = b2 * v + (1 - b2) * g**2
        v_hat = v if corrects_rate else v / (1 - b2**t)
        return -lr * (ratio(g, root(v_hat), eps) + w * x), v

    rate = _warmed_up(learning_rate, warmup_steps, b2 if corrects_rate else None)
    w = Coefficient("weight_decay", weight_decay)
    base = leafwise(rule, rate, w=w, v=Memory(wide=True))
    return schedule_free(base, rate, b1, weight_lr_power, state_dtype)


def _warmed_up(rate: Any, steps: int | None, b2: Beta | None = None) -> Callable[[Any], Any]:
    """The schedule rate·min(t/T, 1)·√(1 − β₂ᵗ), t = step + 1."""

    def schedule(step):
        t = 1 + jnp.asarray(step, float)
        warmed_up = rate * jnp.minimum(t / (steps or 1), 1)
        return warmed_up if b2 is None else warmed_up * root(1 - b2**t)

    return schedule
