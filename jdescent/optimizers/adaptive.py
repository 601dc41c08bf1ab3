"""Steps divided by the root of squared gradients: AdaGrad, RMSProp, AdaDelta."""

from typing import NamedTuple

from jaxtyping import Array

from jdescent.core import (
    Optimizer,
    Params,
    Scalar,
    ScalarOrSchedule,
    check_hyperparameters,
    leafwise,
    require_boolean,
)
from jdescent.numerics import RunningMean, ratio, root


class AdaGradState(NamedTuple):
    """Steps taken; sum of squared gradients s (float32 or wider)."""

    t: Array
    s: Params


def adagrad(
    learning_rate: ScalarOrSchedule, initial_accumulator_value: Scalar = 0.1, eps: Scalar = 1e-7
) -> Optimizer:
    """AdaGrad: every coordinate's rate falls with the gradients it has seen.

        s ← s + g²
        x ← x − lr·g/√(s + ε)           0/0 = 0

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
    start, eps = check_hyperparameters(initial_accumulator_value=initial_accumulator_value, eps=eps)

    def rule(lr, t, g, x, s):
        s = s + g**2
        return -lr * ratio(g, root(s, eps)), s

    return leafwise(rule, AdaGradState, learning_rate, initial={"s": start}, wide=["s"])


class RMSPropState(NamedTuple):
    """Steps taken; mean of squared gradients v (float32 or wider)."""

    t: Array
    v: Params


class RMSPropMomentumState(NamedTuple):
    """Steps taken; mean of squared gradients v (float32 or wider); velocity."""

    t: Array
    v: Params
    velocity: Params


class CenteredRMSPropState(NamedTuple):
    """Steps taken; mean square v of deviations from the mean gradient m (float32 or wider)."""

    t: Array
    v: Params
    m: Params


class CenteredRMSPropMomentumState(NamedTuple):
    """Steps taken; v and m as in `CenteredRMSPropState`; velocity."""

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
        v̂ ← v/(1 − αᵗ)                  bias_correction only; v̂ = v otherwise
        u ← −lr·g/√(v̂ + ε)              or −lr·g/(√v̂ + ε) with eps_in_sqrt=False
        velocity ← β·velocity + u       momentum only, then u ← velocity,
                                        or u ← u + β·velocity with nesterov
        x ← x + u

    Centered, v̂ is the variance: the mean square v̂ of the equations above, less the square of the
    mean m̂ of g taken alike. A difference of two large numbers loses what it is about, so v is the
    mean of squared deviations itself, which is equal and never negative:

        w ← 1 − α                       with bias_correction (1 − α)/(1 − αᵗ)
        v ← α·v + (1 − α)·(1 − w)·(g − m)²
        m ← m + w·(g − m)

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
        TypeError: an option that is no boolean.
        ValueError: a hyperparameter that is negative, NaN or (α) not below 1; nesterov without
            momentum.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.rmsprop(0.01), steps=1)
        >>> print(f"{path.params:.5f}")
        0.03162

    Reference: T. Tieleman and G. Hinton, 2012, Lecture 6.5 - RMSProp; centered as in A. Graves,
    2013, Generating Sequences with Recurrent Neural Networks, eqs. (38)-(41), the variance by
    D. H. D. West, 1979, Updating Mean and Variance Estimates: An Improved Method.
    """
    options = {
        "eps_in_sqrt": eps_in_sqrt,
        "centered": centered,
        "nesterov": nesterov,
        "bias_correction": bias_correction,
    }
    for name, value in options.items():
        require_boolean(name, value)
    eps, initial_scale = check_hyperparameters(eps=eps, initial_scale=initial_scale)
    (decay,) = check_hyperparameters(decay=decay, below=1)
    if momentum is not None:
        (momentum,) = check_hyperparameters(momentum=momentum)
    elif nesterov:
        raise ValueError("nesterov acts on the velocity: give momentum as well")
    state_type = _RMSPROP_STATES[centered, momentum is not None]
    mean = RunningMean(decay)

    def rule(lr, t, g, x, v, *others):
        others = dict(zip(state_type._fields[2:], others, strict=True))
        if centered:
            m, weights = others["m"], mean.unbiased_weights(t) if bias_correction else None
            old_weight = weights[0] if weights else decay
            v = mean.update(v, old_weight * (g - m) ** 2)
            others["m"] = mean.update(m, g, weights)
        else:
            v = mean.update(v, g**2)
        v_hat = v / mean.bias(t) if bias_correction else v
        step = ratio(g, root(v_hat, eps)) if eps_in_sqrt else ratio(g, root(v_hat), eps)
        u = -lr * step
        if momentum is not None:
            others["velocity"] = momentum * others["velocity"] + u
            u = u + momentum * others["velocity"] if nesterov else others["velocity"]
        return u, v, *others.values()

    return leafwise(
        rule,
        state_type,
        learning_rate,
        initial={"v": initial_scale},
        wide=["v", "m"] if centered else ["v"],
    )


class AdaDeltaState(NamedTuple):
    """Steps taken; mean of squared gradients v, mean of squared steps s (float32 or wider)."""

    t: Array
    v: Params
    s: Params


def adadelta(learning_rate: ScalarOrSchedule, rho: Scalar = 0.9, eps: Scalar = 1e-6) -> Optimizer:
    """AdaDelta: RMSProp whose step carries the units of the parameter.

        v ← ρ·v + (1 − ρ)·g²
        u ← √(s + ε)·g/√(v + ε)
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
    (eps,) = check_hyperparameters(eps=eps)
    (rho,) = check_hyperparameters(rho=rho, below=1)
    mean = RunningMean(rho)

    def rule(lr, t, g, x, v, s):
        v = mean.update(v, g**2)
        u = root(s, eps) * ratio(g, root(v, eps))
        s = mean.update(s, u**2)
        return -lr * u, v, s

    return leafwise(rule, AdaDeltaState, learning_rate, wide=["v", "s"])
