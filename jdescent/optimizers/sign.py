"""Steps of one size in every coordinate, whatever the gradient's."""

from typing import Annotated

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    DType,
    Mask,
    Memory,
    NonNegative,
    Optimizer,
    Positive,
    Rate,
    Scheduled,
    leafwise,
    optimizer,
)


@optimizer
def sign_sgd(learning_rate: Annotated[Rate, "in the units of the parameter"]) -> Optimizer:
    """Sign descent.

        x ← x − lr·sign(g)              sign(0) = 0, sign(±∞) = ±1, NaN stays NaN

    Near a minimum it ends in a cycle of two points lr apart, whatever the curvature.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.25), jd.sign_sgd(0.5), steps=7, record="params")
        >>> print(path.record["params"])
        [0.25 0.75 1.25 1.75 2.25 2.75 3.25 2.75]

    Reference: J. Bernstein et al., 2018, signSGD: Compressed Optimisation for Non-Convex Problems,
    Algorithm 1.
    """
    return leafwise(lambda lr, g: -lr * jnp.sign(g), learning_rate)


@optimizer
def signum(
    learning_rate: Annotated[Rate, "in the units of the parameter"],
    beta: Decay = 0.9,
    accumulator_dtype: Annotated[DType | None, "of m"] = None,
) -> Optimizer:
    """Signum: the sign of the mean gradient.

        m ← β·m + (1 − β)·g
        x ← x − lr·sign(m)

    The bias of m does not matter to its sign. With β = 0 it is `sign_sgd`.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.25), jd.signum(0.5), steps=7, record="params")
        >>> print(path.record["params"])
        [0.25 0.75 1.25 1.75 2.25 2.75 3.25 3.75]

    Reference: J. Bernstein et al., 2018, signSGD: Compressed Optimisation for Non-Convex Problems,
    Algorithm 2.
    """

    def rule(lr, g, m):
        m = beta * m + (1 - beta) * g
        return -lr * jnp.sign(m), m

    return leafwise(rule, learning_rate, m=Memory(dtype=accumulator_dtype))


@optimizer
def tiger(
    learning_rate: Annotated[Rate, "in the units of the parameter"],
    beta: Decay = 0.965,
    weight_decay: Annotated[Scheduled, "decoupled, multiplied by lr"] = 0.01,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
) -> Optimizer:
    """Tiger: `lion` with one β, so `signum` with decoupled weight decay.

        m ← β·m + (1 − β)·g
        x ← x − lr·(sign(m) + w·x)

    Differs from: the author's Keras code can also multiply lr by the root mean square of each
    weight matrix, and accumulates gradients in m itself.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.tiger(0.1), steps=1)
        >>> print(f"{path.params:.1f}")
        0.1

    Reference: J. Su, 2023, Tiger: A Tight-Fisted Optimizer, https://github.com/bojone/tiger.
    """

    def rule(lr, g, x, w, m):
        m = beta * m + (1 - beta) * g
        return -lr * (jnp.sign(m) + w * x), m

    return leafwise(rule, learning_rate, w=Coefficient("weight_decay", weight_decay, mask), m=0)


@optimizer
def rprop(
    learning_rate: Annotated[NonNegative, "Δ₀, the first step of every coordinate"],
    eta_minus: Annotated[Positive, "η⁻ < 1"] = 0.5,
    eta_plus: Annotated[Positive, "η⁺ > 1"] = 1.2,
    min_step_size: Annotated[NonNegative, "Δ_min"] = 1e-6,
    max_step_size: Annotated[NonNegative, "Δ_max"] = 50.0,
) -> Optimizer:
    """iRprop⁻: each coordinate's step grows while its gradient keeps its sign and shrinks else.

        Δ ← min(η⁺·Δ, Δ_max)            where g·g_before > 0
        Δ ← max(η⁻·Δ, Δ_min), g ← 0     where g·g_before < 0
        x ← x − sign(g)·Δ
        g_before ← g

    For full-batch gradients: noise in their signs shrinks every step. Only the signs of gradients
    matter, so all steps stay as they are if the loss is multiplied by a number > 0.

    Differs from: optax.rprop remembers a step where g_before belongs and returns the one before, so
    that its first update is 0 and each comes one step late. torch.optim.Rprop is as here (but
    holds Δ₀, too, between Δ_min and Δ_max).

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.0), jd.rprop(1.0), steps=5, record="params")
        >>> print(path.record["params"])
        [0.   1.   2.2  3.64 3.64 2.92]

    Reference: C. Igel and M. Hüsken, 2000, Improving the Rprop Learning Algorithm, iRprop⁻;
    M. Riedmiller and H. Braun, 1993, A Direct Adaptive Method for Faster Backpropagation Learning.
    """

    def rule(g, delta, g_before):
        agree = jnp.sign(g) * jnp.sign(g_before)
        grown = jnp.minimum(eta_plus * delta, max_step_size)
        shrunk = jnp.maximum(eta_minus * delta, min_step_size)
        delta = jnp.where(agree > 0, grown, jnp.where(agree < 0, shrunk, delta))
        g = jnp.where(agree < 0, 0, g)
        return -jnp.sign(g) * delta, delta, g

    return leafwise(rule, delta=Memory(learning_rate), g_before=0)


@optimizer
def lion(
    learning_rate: Annotated[Rate, "in the units of the parameter"],
    b1: Annotated[Decay, "of the step"] = 0.9,
    b2: Annotated[Decay, "of the memory"] = 0.99,
    mu_dtype: Annotated[DType | None, "of m"] = None,
    weight_decay: Annotated[Scheduled, "decoupled, multiplied by lr; optax's 1e-3"] = 1e-3,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
) -> Optimizer:
    """Lion: the sign of a fast mean of gradients, kept by a slow one.

        c ← β₁·m + (1 − β₁)·g
        m ← β₂·m + (1 − β₂)·g
        x ← x − lr·(sign(c) + w·x)

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.lion(0.1), steps=1)
        >>> print(f"{path.params:.1f}")
        0.1

    Reference: X. Chen et al., 2023, Symbolic Discovery of Optimization Algorithms, Algorithm 2.
    """

    def rule(lr, g, x, w, m):
        c = b1 * m + (1 - b1) * g
        m = b2 * m + (1 - b2) * g
        return -lr * (jnp.sign(c) + w * x), m

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=Memory(dtype=mu_dtype))
