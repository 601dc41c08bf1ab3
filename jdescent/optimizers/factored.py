"""Squared gradients of a matrix remembered by their rows and columns."""

from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jdescent.core import (
    Coefficient,
    Count,
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
from jdescent.numerics import ratio, root


class Factors(NamedTuple):
    """Means of an array along each of two axes, which are kept with the length 1."""

    rows: Array
    columns: Array


def parts(square: Array, axes: tuple[int, int] | None) -> Any:
    """The means of an array that stand for it, or the array itself where axes is None."""
    if axes is None:
        return square
    return Factors(*(jnp.mean(square, axis, keepdims=True) for axis in axes))


def product(v: Any, axes: tuple[int, int] | None) -> Array:
    """The array of rank 1 that has these means: v̂ᵢⱼ = rowᵢ·columnⱼ/mean."""
    if axes is None:
        return v
    return ratio(v.rows, jnp.mean(v.rows, axes[1], keepdims=True)) * v.columns


def mixed(b: Any, old: Any, share: Any, new: Any) -> Any:
    """b·old + share·new, of factors or of arrays."""
    return jax.tree.map(lambda v, square: b * v + share * square, old, new)


def kept_squares(axes_of: Any) -> Memory:
    def start(x):
        return jax.tree.map(jnp.zeros_like, parts(x, axes_of(x)))

    return Memory(start, wide=True)


def rms(a: Array) -> Array:
    return root(jnp.mean(a**2))


def relative_step(steps: Any) -> Any:
    """ρ = min(0.01, 1/√t)."""
    return jnp.minimum(0.01, 1 / jnp.sqrt(1 + jnp.asarray(steps, float)))


@optimizer
def adafactor(
    learning_rate: Annotated[Rate | None, "ρ; the paper's min(0.01, 1/√t) if None"] = None,
    min_dim_size_to_factor: Annotated[Count, "of both axes of a matrix that is factored"] = 128,
    decay_rate: Annotated[NonNegative, "c of β = 1 − t⁻ᶜ"] = 0.8,
    decay_offset: Annotated[NonNegative, "steps that t is counted from"] = 0,
    multiply_by_parameter_scale: Annotated[bool, "steps relative to RMS(x)"] = True,
    clipping_threshold: Annotated[Positive | None, "d; not clipped if None"] = 1.0,
    momentum: Annotated[Decay | None, "none if None"] = None,
    dtype_momentum: Annotated[DType | None, "of the velocity"] = "float32",
    weight_decay_rate: Annotated[Scheduled | None, "not multiplied by lr; none if None"] = None,
    eps: Annotated[NonNegative, "added to g²"] = 1e-30,
    factored: Annotated[bool, "keep rows and columns in place of squares"] = True,
    weight_decay_mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
) -> Optimizer:
    """Adafactor: Adam's step without memory for squares, in units of the parameter.

        β ← 1 − t⁻ᶜ
        r ← β·r + (1 − β)·mean(g² + ε)  over the columns of a matrix
        c ← β·c + (1 − β)·mean(g² + ε)  over its rows
        v̂ ← r·cᵀ/mean(r)                v ← β·v + (1 − β)·(g² + ε), v̂ = v where not factored
        u ← g/√v̂
        û ← u/max(1, RMS(u)/d)
        step ← max(0.001, RMS(x))·lr·û
        velocity ← β₁·velocity − (1 − β₁)·step
        x ← x + velocity − w·x          without momentum x ← x − step − w·x

    Factored are the two longest axes, where both have min_dim_size_to_factor elements; vectors and
    scalars never are. As β is 0 at t = 1, no bias arises.

    Differs from: optax.adafactor takes 1 for a learning rate of None, and is NaN while
    t ≤ decay_offset; here t is 1 until then. torch.optim.Adafactor bounds lr by 1/√t, factors all
    matrices, and multiplies w by lr.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.bowl(), jnp.array([3.0, 4.0]), jd.adafactor(0.1), steps=1)
        >>> print(path.params)  # by 0.1·RMS(x)
        [2.6464467 3.6464467]

    Reference: N. Shazeer and M. Stern, 2018, Adafactor: Adaptive Learning Rates with Sublinear
    Memory Cost, Algorithms 4, 5 and 6.
    """

    def axes_of(x):
        if not factored or x.ndim < 2:
            return None
        *_, short, long = sorted(range(x.ndim), key=lambda axis: x.shape[axis])
        return (long, short) if x.shape[short] >= min_dim_size_to_factor else None

    def rule(lr, t, g, x, w, v, velocity=None):
        share = jnp.maximum(t - decay_offset, 1) ** -decay_rate
        v = mixed(1 - share, v, share, parts(g**2 + eps, axes_of(g)))
        u = ratio(g, root(product(v, axes_of(g))))
        u = u if clipping_threshold is None else u / jnp.maximum(1, rms(u) / clipping_threshold)
        step = lr * (jnp.maximum(1e-3, rms(x)) * u if multiply_by_parameter_scale else u)
        if momentum is None:
            return -step - w * x, v
        velocity = momentum * velocity - (1 - momentum) * step
        return velocity - w * x, v, velocity

    decay = 0.0 if weight_decay_rate is None else weight_decay_rate
    w = Coefficient("weight_decay_rate", decay, weight_decay_mask)
    velocity = {} if momentum is None else {"velocity": Memory(dtype=dtype_momentum)}
    lr = relative_step if learning_rate is None else learning_rate
    return leafwise(rule, lr, w=w, v=kept_squares(axes_of), **velocity)


@optimizer
def came(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    b3: Decay = 0.9999,
    eps: Annotated[NonNegative, "added to g²"] = 1e-30,
    eps_instability: Annotated[NonNegative, "added to (û − m)²"] = 1e-16,
    clip_threshold: Annotated[Positive, "d"] = 1.0,
    weight_decay: Annotated[Scheduled, "multiplied by lr"] = 0.0,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
) -> Optimizer:
    """CAME: Adafactor, slower where its steps differ from their mean.

        v ← β₂·v + (1 − β₂)·(g² + ε)    kept as means of rows and columns
        u ← g/√v̂                        v̂ᵢⱼ = rowᵢ·columnⱼ/mean
        û ← u/max(1, RMS(u)/d)
        m ← β₁·m + (1 − β₁)·û
        s ← β₃·s + (1 − β₃)·((û − m)² + ε₂)    kept as means of rows and columns
        x ← x − lr·(m/√ŝ + w·x)

    Factored are the last two axes. Of vectors and scalars v is whole, and their step is lr·m. No
    bias is corrected, so that the first step of a matrix is (1 − β₁)/(β₁·√(1 − β₃)) in size: 11·lr.

    Differs from: nothing known; the authors' code is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.came(0.1)
        >>> g = jnp.array([[1.0, -1.0], [1.0, 1.0]])
        >>> print(optimizer.update(g, optimizer.init(g), g)[0])
        [[-1.1111112  1.1111112]
         [-1.1111112 -1.1111112]]

    Reference: Y. Luo et al., 2023, CAME: Confidence-guided Adaptive Memory Efficient Optimization,
    Algorithm 2.
    """

    def axes_of(x):
        return (-1, -2) if x.ndim > 1 else None

    def rule(lr, g, x, w, v, m, s):
        axes = axes_of(g)
        v = mixed(b2, v, 1 - b2, parts(g**2 + eps, axes))
        u = ratio(g, root(product(v, axes)))
        u = u / jnp.maximum(1, rms(u) / clip_threshold)
        m = b1 * m + (1 - b1) * u
        if axes is None:
            return -lr * (m + w * x), v, m, s
        s = mixed(b3, s, 1 - b3, parts((u - m) ** 2 + eps_instability, axes))
        return -lr * (ratio(m, root(product(s, axes))) + w * x), v, m, s

    def instability(x):
        return () if x.ndim < 2 else kept_squares(axes_of).start(x)

    w = Coefficient("weight_decay", weight_decay, mask)
    s = Memory(instability, wide=True)
    return leafwise(rule, learning_rate, w=w, v=kept_squares(axes_of), m=0, s=s)
