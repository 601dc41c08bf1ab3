"""Adam and its kin: running means of the gradient and of its square, freed of their bias."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array

from jdescent.core import (
    Optimizer,
    Params,
    Scalar,
    ScalarOrSchedule,
    as_held,
    check_hyperparameters,
    floating_dtype,
    leafwise,
)
from jdescent.numerics import RunningMean, ratio, root


class AdamState(NamedTuple):
    """Steps taken; mean gradient m; mean squared gradient v (float32 or wider).

    `adam`, `adamw` and `nadam` mean the same by it: a run of one can be gone on with by another.
    """

    t: Array
    m: Params
    v: Params


def adam(
    learning_rate: ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    eps_root: Scalar = 0.0,
    mu_dtype: DTypeLike | None = None,
) -> Optimizer:
    """Adam: the mean gradient over the root of the mean squared gradient.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·m̂/(√(v̂ + ε_root) + ε)

    The first step is −lr·sign(g). With a frozen preconditioner P = 1/(√v̂ + ε) it is stable on
    curvature λ while P·λ < (2 + 2β₁)/((1 − β₁)·lr), 38/lr at the default β₁.

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule.
        b1: β₁ in [0, 1).
        b2: β₂ in [0, 1).
        eps: ε ≥ 0, outside the root.
        eps_root: ε_root ≥ 0, inside the root.
        mu_dtype: the dtype m is kept in; the parameter's if None.

    Differs from: TensorFlow and the paper's text after Algorithm 1 fold the corrections into lr,
    which amounts to ε·√(1 − β₂ᵗ) outside the root. optax.adam and torch.optim.Adam are as here.

    Raises:
        TypeError: a mu_dtype that is not floating.
        ValueError: a hyperparameter that is negative, NaN or (β) not below 1.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, -1.0])
        >>> print(jd.descend(bowl, x0, jd.adam(0.1), steps=1).params)
        [ 1.9 -0.9]

    Reference: D. P. Kingma and J. Ba, 2015, Adam: A Method for Stochastic Optimization,
    Algorithm 1.
    """
    eps, eps_root = check_hyperparameters(eps=eps, eps_root=eps_root)
    b1, b2 = check_hyperparameters(b1=b1, b2=b2, below=1)
    first, second = RunningMean(b1), RunningMean(b2)

    def rule(lr, t, g, x, m, v):
        m = first.update(m, g)
        v = second.update(v, g**2)
        m_hat = m / first.bias(t)
        v_hat = v / second.bias(t)
        return -lr * ratio(m_hat, root(v_hat, eps_root), eps), m, v

    return leafwise(
        rule,
        AdamState,
        learning_rate,
        dtypes={"m": floating_dtype("mu_dtype", mu_dtype)},
        wide=["v"],
    )


def adamw(
    learning_rate: ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    eps_root: Scalar = 0.0,
    mu_dtype: DTypeLike | None = None,
    weight_decay: Scalar = 1e-4,
) -> Optimizer:
    """Adam with decoupled weight decay.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·(m̂/(√(v̂ + ε_root) + ε) + w·x)

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule.
        b1: β₁ in [0, 1).
        b2: β₂ in [0, 1).
        eps: ε ≥ 0, outside the root.
        eps_root: ε_root ≥ 0, inside the root.
        mu_dtype: the dtype m is kept in; the parameter's if None.
        weight_decay: w ≥ 0; 0 is `adam`. torch's default is 1e-2, optax's 1e-4.

    Differs from: the paper's Algorithm 2 multiplies w by the schedule but not by the base rate;
    here, in optax and in torch, w is multiplied by the whole lr. To decay only some parameters,
    give them `adamw` and the others `adam` with optax.partition.

    Raises:
        TypeError: a mu_dtype that is not floating.
        ValueError: a hyperparameter that is negative, NaN or (β) not below 1; `update` without
            parameters.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.adamw(0.1, weight_decay=0.01)
        >>> x = jnp.array(10.0)
        >>> updates, _ = optimizer.update(jnp.array(1.0), optimizer.init(x), x)
        >>> print(f"{updates:.2f}")
        -0.11

    Reference: I. Loshchilov and F. Hutter, 2019, Decoupled Weight Decay Regularization,
    Algorithm 2.
    """
    eps, eps_root = check_hyperparameters(eps=eps, eps_root=eps_root)
    (weight_decay,) = check_hyperparameters(weight_decay=weight_decay)
    b1, b2 = check_hyperparameters(b1=b1, b2=b2, below=1)
    first, second = RunningMean(b1), RunningMean(b2)

    def rule(lr, t, g, x, m, v):
        m = first.update(m, g)
        v = second.update(v, g**2)
        m_hat = m / first.bias(t)
        v_hat = v / second.bias(t)
        w = as_held("weight_decay", weight_decay, x.dtype)
        return -lr * (ratio(m_hat, root(v_hat, eps_root), eps) + w * x), m, v

    return leafwise(
        rule,
        AdamState,
        learning_rate,
        reads_params=True,
        dtypes={"m": floating_dtype("mu_dtype", mu_dtype)},
        wide=["v"],
    )


def nadam(
    learning_rate: ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    eps_root: Scalar = 0.0,
    mu_dtype: DTypeLike | None = None,
) -> Optimizer:
    """Adam with Nesterov's look-ahead in the mean gradient.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← β₁·m/(1 − β₁ᵗ⁺¹) + (1 − β₁)·g/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·m̂/(√(v̂ + ε_root) + ε)

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule.
        b1: β₁ in [0, 1).
        b2: β₂ in [0, 1).
        eps: ε ≥ 0, outside the root.
        eps_root: ε_root ≥ 0, inside the root.
        mu_dtype: the dtype m is kept in; the parameter's if None.

    Differs from: torch.optim.NAdam and the paper's Algorithm 8 let β₁ follow a warm-up schedule;
    here, as in optax.nadam, β₁ is constant.

    Raises:
        TypeError: a mu_dtype that is not floating.
        ValueError: a hyperparameter that is negative, NaN or (β) not below 1.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.nadam(0.1), steps=1)
        >>> print(f"{path.params:.4f} {0.1 * (0.9 * 0.1 / (1 - 0.9**2) + 1):.4f}")
        0.1474 0.1474

    Reference: T. Dozat, 2016, Incorporating Nesterov Momentum into Adam, Algorithm 8.
    """
    eps, eps_root = check_hyperparameters(eps=eps, eps_root=eps_root)
    b1, b2 = check_hyperparameters(b1=b1, b2=b2, below=1)
    first, second = RunningMean(b1), RunningMean(b2)

    def rule(lr, t, g, x, m, v):
        m = first.update(m, g)
        v = second.update(v, g**2)
        m_hat = b1 * (m / first.bias(t + 1)) + first.share * (g / first.bias(t))
        v_hat = v / second.bias(t)
        return -lr * ratio(m_hat, root(v_hat, eps_root), eps), m, v

    return leafwise(
        rule,
        AdamState,
        learning_rate,
        dtypes={"m": floating_dtype("mu_dtype", mu_dtype)},
        wide=["v"],
    )


class AdamaxState(NamedTuple):
    """Steps taken; mean gradient m; decayed largest gradient u (float32 or wider)."""

    t: Array
    m: Params
    u: Params


def adamax(
    learning_rate: ScalarOrSchedule, b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8
) -> Optimizer:
    """Adam in the infinity norm: the mean gradient over the decayed largest one.

        m ← β₁·m + (1 − β₁)·g
        u ← max(β₂·u, |g| + ε)
        m̂ ← m/(1 − β₁ᵗ)
        x ← x − lr·m̂/u

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule.
        b1: β₁ in [0, 1).
        b2: β₂ in [0, 1).
        eps: ε ≥ 0, added to |g|; the paper has none.

    Differs from: the paper has no ε; optax.adamax and torch.optim.Adamax are as here.

    Raises:
        ValueError: a hyperparameter that is negative, NaN or (β) not below 1.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.adamax(0.1), steps=1)
        >>> print(f"{path.params:.1f}")
        0.1

    Reference: D. P. Kingma and J. Ba, 2015, Adam: A Method for Stochastic Optimization,
    Algorithm 2.
    """
    (eps,) = check_hyperparameters(eps=eps)
    b1, b2 = check_hyperparameters(b1=b1, b2=b2, below=1)
    first = RunningMean(b1)

    def rule(lr, t, g, x, m, u):
        m = first.update(m, g)
        u = jnp.maximum(b2 * u, jnp.abs(g) + eps)
        m_hat = m / first.bias(t)
        return -lr * ratio(m_hat, u), m, u

    return leafwise(rule, AdamaxState, learning_rate, wide=["u"])


class AMSGradState(NamedTuple):
    """Steps taken; mean gradient m; mean square v, largest v̂ so far (float32 or wider)."""

    t: Array
    m: Params
    v: Params
    v_max: Params


def amsgrad(
    learning_rate: ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    eps_root: Scalar = 0.0,
    mu_dtype: DTypeLike | None = None,
) -> Optimizer:
    """Adam whose denominator never shrinks.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← m/(1 − β₁ᵗ)
        v_max ← max(v_max, v/(1 − β₂ᵗ))
        x ← x − lr·m̂/(√(v_max + ε_root) + ε)

    Args:
        learning_rate: lr ≥ 0, a scalar or a schedule.
        b1: β₁ in [0, 1).
        b2: β₂ in [0, 1).
        eps: ε ≥ 0, outside the root.
        eps_root: ε_root ≥ 0, inside the root.
        mu_dtype: the dtype m is kept in; the parameter's if None.

    Differs from: the paper corrects no bias; torch takes the largest v and corrects it afterwards;
    here, as in optax.amsgrad, the largest of the corrected v̂ is kept.

    Raises:
        TypeError: a mu_dtype that is not floating.
        ValueError: a hyperparameter that is negative, NaN or (β) not below 1.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.amsgrad(0.1), steps=1)
        >>> print(f"{path.params:.1f}")
        0.1

    Reference: S. J. Reddi, S. Kale and S. Kumar, 2018, On the Convergence of Adam and Beyond,
    Algorithm 2.
    """
    eps, eps_root = check_hyperparameters(eps=eps, eps_root=eps_root)
    b1, b2 = check_hyperparameters(b1=b1, b2=b2, below=1)
    first, second = RunningMean(b1), RunningMean(b2)

    def rule(lr, t, g, x, m, v, v_max):
        m = first.update(m, g)
        v = second.update(v, g**2)
        m_hat = m / first.bias(t)
        v_max = jnp.maximum(v_max, v / second.bias(t))
        return -lr * ratio(m_hat, root(v_max, eps_root), eps), m, v, v_max

    return leafwise(
        rule,
        AMSGradState,
        learning_rate,
        dtypes={"m": floating_dtype("mu_dtype", mu_dtype)},
        wide=["v", "v_max"],
    )
