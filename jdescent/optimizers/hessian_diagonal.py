"""Steps by the diagonal of the Hessian, estimated by products with random vectors."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import jax.numpy as jnp

from jdescent.core import (
    Base,
    Coefficient,
    Count,
    Decay,
    DType,
    Fraction,
    Inner,
    Key,
    Mask,
    NonNegative,
    Optimizer,
    Positive,
    Rate,
    Scheduled,
    Vector,
    each,
    normals,
    optimizer,
    treewise,
    vector,
)
from jdescent.numerics import ratio, root


@optimizer
def adahessian(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Annotated[NonNegative, "outside the root"] = 1e-4,
    weight_decay: Annotated[Scheduled, "decoupled, multiplied by lr"] = 0.0,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
    hessian_power: Annotated[Fraction, "k; 0 is momentum alone"] = 1.0,
    spatial_averaging: Annotated[bool, "average over the window of kernels of convolution"] = True,
    *,
    key: Annotated[Key, "of the random signs"],
) -> Optimizer:
    """AdaHessian: Adam with the diagonal of the Hessian in the place of the gradient's size.

        z ← random signs
        D ← z·(H·z)                     its mean is the diagonal of H
        D ← its mean over the window    arrays (window …, in, out) of 3 axes and more
        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·D²
        m̂ ← m/(1 − β₁ᵗ)
        v̂ ← v/(1 − β₂ᵗ)
        x ← x − lr·(m̂/((√v̂)ᵏ + ε) + w·x)

    Differs from: the authors' code averages |D|, the paper D itself. Their windows are
    the last axes of a kernel, as torch's are; here the first, as JAX's are.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.adahessian(1.0, eps=0.0, key=jax.random.key(0))
        >>> bowl = jd.losses.bowl((2.0, 40.0))                         # a diagonal Hessian
        >>> print(jd.descend(bowl, jnp.array([2.0, 1.0]), optimizer, steps=1).params)
        [0. 0.]

    Reference: Z. Yao et al., 2021, ADAHESSIAN: An Adaptive Second Order Optimizer for Machine
    Learning, Algorithm 1.
    """

    def averaged(D):
        window = tuple(range(D.ndim - 2))
        return jnp.broadcast_to(jnp.mean(D, window, keepdims=True), D.shape) if window else D

    def rule(lr, t, g, x, w, key, hvp, m, v):
        D = diagonal_estimate(key, hvp, g, "rademacher")
        D = each(averaged, D) if spatial_averaging else D
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * D**2
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        step = each(lambda m, v: ratio(m, root(v) ** hessian_power, eps), m_hat, v_hat)
        return -lr * (step + w * x), m, v

    w = Coefficient("weight_decay", weight_decay, mask)
    return treewise(rule, learning_rate, key=key, w=w, m=vector(), v=vector(wide=True))


@optimizer
def sophia(
    learning_rate: Rate,
    b1: Decay = 0.965,
    b2: Decay = 0.99,
    eps: Annotated[NonNegative, "the least denominator"] = 1e-8,
    weight_decay: Annotated[Scheduled, "decoupled, multiplied by lr"] = 1e-4,
    weight_decay_mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
    gamma: Annotated[NonNegative, "γ: a curvature h clips the step where |m| > γ·h"] = 0.01,
    clip_threshold: Annotated[Positive | None, "1 in the paper; no clipping if None"] = 1.0,
    update_interval: Annotated[Count, "k, the steps from one estimate to the next"] = 10,
    hessian_diagonal_fn: Annotated[
        Base | None, "what makes ĥ of a step, optax's as well; `hutchinson` with the key if None"
    ] = None,
    mu_dtype: Annotated[DType | None, "of m"] = None,
    *,
    debias: Annotated[bool, "divide m by 1 − β₁ᵗ, as optax does"] = False,
    late_curvature: Annotated[bool, "step before h is made anew, as optax does"] = False,
    key: Annotated[Key | None, "needed without hessian_diagonal_fn"] = None,
) -> Optimizer:
    """Sophia-H: the mean gradient over a mean curvature, no coordinate by more than lr.

        m ← β₁·m + (1 − β₁)·g
        every k steps: h ← β₂·h + (1 − β₂)·ĥ         ĥ ← u·(H·u), u normal
        x ← x − lr·(clip(m/max(γ·h, ε), ±1) + w·x)

    Where the curvature is negative or not yet known the step is lr·sign(m).

    Differs from: optax.contrib.sophia, which is had with ``debias=True, late_curvature=True``: it
    corrects the bias of m, makes h after the step, and draws signs, as
    ``hutchinson(key, "rademacher")`` does. Sophia-G's estimate needs labels drawn from the model:
    give it as `hessian_diagonal_fn`.

    Raises:
        TypeError, ValueError: an argument that is not what the table says; neither a key nor a
            hessian_diagonal_fn.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.sophia(0.1, weight_decay=0.0, key=jax.random.key(0))
        >>> print(jd.descend(jd.losses.bowl(), jnp.array([2.0, 1.0]), optimizer, steps=3).params)
        [1.7 0.7]

    Reference: H. Liu et al., 2023, Sophia: A Scalable Stochastic Second-order Optimizer for
    Language Model Pre-training, Algorithm 3 with Algorithm 1.
    """
    if hessian_diagonal_fn is None and key is None:
        raise TypeError("sophia needs key=, for the estimates of its curvature, as in key(0)")
    diagonal = Inner(hutchinson(key) if hessian_diagonal_fn is None else hessian_diagonal_fn)

    def clipped(m, h):
        step = ratio(m, jnp.maximum(gamma * h, eps))
        return step if clip_threshold is None else jnp.clip(step, -clip_threshold, clip_threshold)

    def rule(lr, t, steps, g, x, w, params, extra, m, h, estimate):
        m = b1 * m + (1 - b1) * g
        due = steps % update_interval == 0
        extra = {"obj_fn": extra["value_fn"], **extra}  # optax's name for it
        h_hat, estimate = diagonal.step_if(due, g, estimate, params, extra)
        h_new = each(lambda h, new: jnp.where(due, b2 * h + (1 - b2) * new, h), h, h_hat)
        m_hat = m / (1 - b1**t) if debias else m
        step = each(clipped, m_hat, h if late_curvature else h_new)
        return -lr * (step + w * x), m, h_new, estimate

    w = Coefficient("weight_decay", weight_decay, weight_decay_mask)
    memories = {"m": vector(dtype=mu_dtype), "h": vector(wide=True), "estimate": diagonal.state}
    return treewise(rule, learning_rate, w=w, **memories)


@optimizer
def hutchinson(
    key: Key,
    distribution: Annotated[
        Literal["normal", "rademacher"], "of z; signs have the smaller variance"
    ] = "normal",
) -> Optimizer:
    """An estimate of the diagonal of the Hessian in the place of the gradient.

        g ← z·(H·z)                     z drawn anew for every step

    Its mean is the diagonal Hᵢᵢ; its variance Σⱼ Hᵢⱼ² over j ≠ i with signs, and 2·Hᵢᵢ² more with
    normals.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> diagonal = jd.hutchinson(jax.random.key(0), "rademacher")
        >>> x, bowl = jnp.array([2.0, 1.0]), jd.losses.bowl((2.0, 40.0))
        >>> print(diagonal.update(x, diagonal.init(x), x, value_fn=bowl)[0])
        [ 2. 40.]

    Reference: C. Bekas, E. Kokiopoulou and Y. Saad, 2007, An Estimator for the Diagonal of a
    Matrix; H. Liu et al., 2023, Sophia, Algorithm 1.
    """
    return treewise(lambda g, key, hvp: diagonal_estimate(key, hvp, g, distribution), key=key)


def diagonal_estimate(key: Any, hvp: Callable, like: Vector, distribution: str) -> Vector:
    """z·(H·z) with z drawn anew."""
    z = normals(key, like)
    z = each(jnp.sign, z) if distribution == "rademacher" else z
    return z * hvp(z)
