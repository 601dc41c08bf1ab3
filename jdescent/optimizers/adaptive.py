"""Steps divided by the root of squared gradients: AdaGrad, RMSProp, AdaDelta."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from jdescent.core import (
    Optimizer,
    Params,
    Scalar,
    ScalarOrSchedule,
    check_hyperparameters,
    leafwise,
)


class AdaGradState(NamedTuple):
    """Steps taken; sum of squared gradients s."""

    t: Array
    s: Params


def adagrad(
    learning_rate: ScalarOrSchedule, initial_accumulator_value: Scalar = 0.1, eps: Scalar = 1e-7
) -> Optimizer:
    """AdaGrad: every coordinate's rate falls with the gradients it has seen.

        s ← s + g²
        x ← x − lr·g/√(s + ε)           (no step where s = 0)

    Converges on a quadratic for every lr: s grows until √s exceeds lr·λ/2.

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule.
        initial_accumulator_value: s₀ ≥ 0; optax's 0.1.
        eps: ε ≥ 0, inside the root.

    Differs from: the paper and torch.optim.Adagrad put ε = 1e-10 outside the root and start at
    s₀ = 0, so their first step is lr·sign(g); optax.adagrad is as here.

    Raises:
        ValueError: a negative or NaN hyperparameter.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.adagrad(1.0), steps=100)
        >>> print(f"{path.params:.4f}")
        3.0000

    Reference: J. Duchi, E. Hazan and Y. Singer, 2011, Adaptive Subgradient Methods for Online
    Learning and Stochastic Optimization, section 1.1 (diagonal matrices).
    """
    check_hyperparameters(initial_accumulator_value=initial_accumulator_value, eps=eps)

    def rule(lr, t, g, x, s):
        s = s + g**2
        step = jnp.where(s > 0, g / jnp.sqrt(s + eps), 0)
        return -lr * step, s

    return leafwise(rule, AdaGradState, learning_rate, initial={"s": initial_accumulator_value})


class RMSPropState(NamedTuple):
    """Steps taken; mean of squared gradients v."""

    t: Array
    v: Params


class RMSPropMomentumState(NamedTuple):
    """Steps taken; mean of squared gradients v; velocity."""

    t: Array
    v: Params
    velocity: Params


class CenteredRMSPropState(NamedTuple):
    """Steps taken; mean of squared gradients v; mean gradient m."""

    t: Array
    v: Params
    m: Params


class CenteredRMSPropMomentumState(NamedTuple):
    """Steps taken; mean of squared gradients v; mean gradient m; velocity."""

    t: Array
    v: Params
    m: Params
    velocity: Params


_RMSPROP_STATES = {
    (False, False): RMSPropState,
    (False, True): RMSPropMomentumState,
    (True, False): CenteredRMSPropState,
    (True, True): CenteredRMSPropMomentumState,
}


def rmsprop(
    learning_rate: ScalarOrSchedule,
    decay: Scalar = 0.9,
    eps: Scalar = 1e-8,
    initial_scale: Scalar = 0.0,
    eps_in_sqrt: bool = True,
    centered: bool = False,
    momentum: Scalar | None = None,
    nesterov: bool = False,
    bias_correction: bool = False,
) -> Optimizer:
    """RMSProp: the gradient over the root of its running mean square.

        v ← α·v + (1 − α)·g²
        m ← α·m + (1 − α)·g             centered only; m = 0 otherwise
        v̂, m̂ ← v/(1 − αᵗ), m/(1 − αᵗ)   bias_correction only
        u ← −lr·g/√(v̂ − m̂² + ε)         or −lr·g/(√(v̂ − m̂²) + ε) with eps_in_sqrt=False
        velocity ← β·velocity + u       momentum only, then u ← velocity,
                                        or u ← u + β·velocity with nesterov
        x ← x + u

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule.
        decay: α in [0, 1).
        eps: ε ≥ 0.
        initial_scale: v₀ ≥ 0.
        eps_in_sqrt: ε inside the root (optax's default) or outside it (torch).
        centered: whether to divide by the standard deviation rather than the root mean square.
        momentum: β ≥ 0, or None for none; lr is inside the velocity.
        nesterov: whether to look the velocity ahead by one step.
        bias_correction: whether to divide the means by 1 − αᵗ, as Adam does.

    Without bias correction the first step is lr/√(1 − α) long: 3.162·lr at the default α.

    Differs from: torch.optim.RMSprop has ε outside the root and lr outside the velocity;
    TensorFlow has ε inside the root and v₀ = 1. optax.rmsprop is as here.

    Raises:
        ValueError: a hyperparameter that is negative, NaN or (α) not below 1; nesterov without
            momentum.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.rmsprop(0.01), steps=1)
        >>> print(f"{path.params:.5f}")
        0.03162

    Reference: T. Tieleman and G. Hinton, 2012, Lecture 6.5 - RMSProp; centered as in A. Graves,
    2013, Generating Sequences with Recurrent Neural Networks, eqs. (38)-(41).
    """
    check_hyperparameters(eps=eps, initial_scale=initial_scale)
    check_hyperparameters(decay=decay, below=1)
    if momentum is not None:
        check_hyperparameters(momentum=momentum)
    elif nesterov:
        raise ValueError("nesterov acts on the velocity: give momentum as well")
    state_type = _RMSPROP_STATES[centered, momentum is not None]

    def rule(lr, t, g, x, v, *others):
        others = dict(zip(state_type._fields[2:], others, strict=True))
        correction = 1 - decay**t if bias_correction else 1
        v = decay * v + (1 - decay) * g**2
        variance = v / correction
        if centered:
            others["m"] = decay * others["m"] + (1 - decay) * g
            variance = variance - (others["m"] / correction) ** 2
        root = jnp.sqrt(variance + eps) if eps_in_sqrt else jnp.sqrt(variance) + eps
        u = -lr * (g / root)
        if momentum is not None:
            others["velocity"] = momentum * others["velocity"] + u
            u = u + momentum * others["velocity"] if nesterov else others["velocity"]
        return u, v, *others.values()

    return leafwise(rule, state_type, learning_rate, initial={"v": initial_scale})


class AdaDeltaState(NamedTuple):
    """Steps taken; mean of squared gradients v; mean of squared steps s."""

    t: Array
    v: Params
    s: Params


def adadelta(learning_rate: ScalarOrSchedule, rho: Scalar = 0.9, eps: Scalar = 1e-6) -> Optimizer:
    """AdaDelta: RMSProp whose step carries the units of the parameter.

        v ← ρ·v + (1 − ρ)·g²
        u ← (√(s + ε)/√(v + ε))·g
        s ← ρ·s + (1 − ρ)·u²
        x ← x − lr·u

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule; 1 in the paper.
        rho: ρ in [0, 1).
        eps: ε ≥ 0, inside both roots; it sets the size of the first steps, √ε.

    Differs from: the paper has no lr. optax.adadelta is as here, but its weight decay is left to
    `add_decayed_weights`.

    Raises:
        ValueError: a hyperparameter that is negative, NaN or (ρ) not below 1.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.adadelta(1.0), steps=1)
        >>> print(f"{path.params:.5f}")
        0.00316

    Reference: M. D. Zeiler, 2012, ADADELTA: An Adaptive Learning Rate Method, Algorithm 1.
    """
    check_hyperparameters(eps=eps)
    check_hyperparameters(rho=rho, below=1)

    def rule(lr, t, g, x, v, s):
        v = rho * v + (1 - rho) * g**2
        u = jnp.sqrt(s + eps) / jnp.sqrt(v + eps) * g
        s = rho * s + (1 - rho) * u**2
        return -lr * u, v, s

    return leafwise(rule, AdaDeltaState, learning_rate)
