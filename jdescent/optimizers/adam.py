"""Adam and its kin: running means of the gradient and of its square, freed of their bias."""

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
    Rate,
    Scheduled,
    leafwise,
    optimizer,
)
from jdescent.numerics import ratio, root

Outside = Annotated[NonNegative, "outside the root"]
Inside = Annotated[NonNegative, "inside the root"]
MeanDType = Annotated[DType | None, "of m"]
Decaying = Annotated[Mask | None, "True where to decay; everywhere if None"]
WeightDecay = Annotated[Scheduled, "decoupled, multiplied by lr"]
OnEveryLeaf = Memory(lambda x: jnp.zeros((), x.dtype), wide=True)  # one number for each array
Nesterov = Annotated[bool, "look m ahead by one step, as `nadam` does"]


@optimizer
def adam(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-8,
    eps_root: Inside = 0.0,
    mu_dtype: MeanDType = None,
    *,
    nesterov: Nesterov = False,
) -> Optimizer:
    """Adam: the mean gradient over the root of the mean squared gradient.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·m̂/(√(v̂ + ε_root) + ε)

    The first step is −lr·sign(g). With a frozen preconditioner P = 1/(√v̂ + ε) it is stable on
    curvature λ while P·λ < (2 + 2β₁)/((1 − β₁)·lr), 38/lr at the default β₁.

    Differs from: TensorFlow and the paper's text after Algorithm 1 fold the corrections into lr,
    which amounts to ε·√(1 − β₂ᵗ) outside the root. optax.adam and torch.optim.Adam are as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, -1.0])
        >>> print(jd.descend(bowl, x0, jd.adam(0.1), steps=1).params)
        [ 1.9 -0.9]

    Reference: D. P. Kingma and J. Ba, 2015, Adam: A Method for Stochastic Optimization,
    Algorithm 1.
    """

    def rule(lr, t, g, m, v):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = looked_ahead(b1, t, g, m) if nesterov else m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        return -lr * ratio(m_hat, root(v_hat, eps_root), eps), m, v

    return leafwise(rule, learning_rate, m=Memory(dtype=mu_dtype), v=Memory(wide=True))


def looked_ahead(b1, t, g, m):
    """Dozat's m̂: what m/(1 − β₁ᵗ) will be at the next step, with this gradient once more."""
    return b1 * (m / (1 - b1 ** (t + 1))) + (1 - b1) * (g / (1 - b1**t))


@optimizer
def adamw(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-8,
    eps_root: Inside = 0.0,
    mu_dtype: MeanDType = None,
    weight_decay: Annotated[Scheduled, "0 is `adam`; torch's default is 1e-2, optax's 1e-4"] = 1e-4,
    mask: Decaying = None,
    *,
    nesterov: Nesterov = False,
) -> Optimizer:
    """Adam with decoupled weight decay.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·(m̂/(√(v̂ + ε_root) + ε) + w·x)

    Differs from: the paper's Algorithm 2 multiplies w by the schedule but not by the base rate;
    here, in optax and in torch, w is multiplied by the whole lr.

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

    def rule(lr, t, g, x, w, m, v):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = looked_ahead(b1, t, g, m) if nesterov else m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        return -lr * (ratio(m_hat, root(v_hat, eps_root), eps) + w * x), m, v

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=Memory(dtype=mu_dtype), v=Memory(wide=True))


@optimizer
def adamax(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Annotated[NonNegative, "added to |g|; the paper has none"] = 1e-8,
) -> Optimizer:
    """Adam in the infinity norm: the mean gradient over the decayed largest one.

        m ← β₁·m + (1 − β₁)·g
        u ← max(β₂·u, |g| + ε)
        m̂ ← m/(1 − β₁ᵗ)
        x ← x − lr·m̂/u

    Differs from: the paper has no ε; optax.adamax and torch.optim.Adamax are as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.adamax(0.1), steps=1)
        >>> print(f"{path.params:.1f}")
        0.1

    Reference: D. P. Kingma and J. Ba, 2015, Adam: A Method for Stochastic Optimization,
    Algorithm 2.
    """

    def rule(lr, t, g, m, u):
        m = b1 * m + (1 - b1) * g
        u = jnp.maximum(b2 * u, jnp.abs(g) + eps)
        m_hat = m / (1 - b1**t)
        return -lr * ratio(m_hat, u), m, u

    return leafwise(rule, learning_rate, m=0, u=Memory(wide=True))


@optimizer
def adamaxw(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Annotated[NonNegative, "added to |g|"] = 1e-8,
    weight_decay: Annotated[Scheduled, "0 is `adamax`"] = 1e-4,
    mask: Decaying = None,
) -> Optimizer:
    """AdaMax with decoupled weight decay.

        m ← β₁·m + (1 − β₁)·g
        u ← max(β₂·u, |g| + ε)
        m̂ ← m/(1 − β₁ᵗ)
        x ← x − lr·(m̂/u + w·x)

    Differs from: torch.optim.Adamax adds w·x to the gradient. optax.adamaxw is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.adamaxw(0.1, weight_decay=0.01), jnp.array(10.0)
        >>> updates, _ = optimizer.update(jnp.array(1.0), optimizer.init(x), x)
        >>> print(f"{updates:.2f}")
        -0.11

    Reference: D. P. Kingma and J. Ba, 2015, Algorithm 2; the decay as in I. Loshchilov and
    F. Hutter, 2019, Decoupled Weight Decay Regularization.
    """

    def rule(lr, t, g, x, w, m, u):
        m = b1 * m + (1 - b1) * g
        u = jnp.maximum(b2 * u, jnp.abs(g) + eps)
        m_hat = m / (1 - b1**t)
        return -lr * (ratio(m_hat, u) + w * x), m, u

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, w=w, m=0, u=Memory(wide=True))


@optimizer
def amsgrad(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Outside = 1e-8,
    eps_root: Inside = 0.0,
    mu_dtype: MeanDType = None,
    bias_correction_mu: Annotated[bool, "divide m by 1 − β₁ᵗ"] = True,
    bias_correction_nu: Annotated[bool, "divide v by 1 − β₂ᵗ"] = True,
    *,
    max_of_raw: Annotated[bool, "keep the largest v and correct it afterwards, as torch"] = False,
) -> Optimizer:
    """Adam whose denominator never shrinks.

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        m̂ ← m/(1 − β₁ᵗ)
        v_max ← max(v_max, v/(1 − β₂ᵗ))
        x ← x − lr·m̂/(√(v_max + ε_root) + ε)

    Differs from: the paper corrects no bias, which is bias_correction_mu=bias_correction_nu=False;
    torch keeps the largest v, which is max_of_raw=True: the steps before v has filled are longer by
    up to 1/√(1 − β₂). optax.amsgrad is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.amsgrad(0.1), steps=1)
        >>> print(f"{path.params:.1f}")
        0.1

    Reference: S. J. Reddi, S. Kale and S. Kumar, 2018, On the Convergence of Adam and Beyond,
    Algorithm 2.
    """

    def rule(lr, t, g, m, v, v_max):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t) if bias_correction_mu else m
        unbiased = 1 - b2**t if bias_correction_nu else 1
        v_max = jnp.maximum(v_max, v if max_of_raw else v / unbiased)
        v_hat = v_max / unbiased if max_of_raw else v_max
        return -lr * ratio(m_hat, root(v_hat, eps_root), eps), m, v, v_max

    squares = Memory(wide=True)
    return leafwise(rule, learning_rate, m=Memory(dtype=mu_dtype), v=squares, v_max=squares)
