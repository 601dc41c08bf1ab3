"""What one chains with an optimizer: clipping, centralizing, coupled weight decay, noise."""

from typing import Annotated

import jax.numpy as jnp

from jdescent._jax import normal_like
from jdescent.core import (
    Coefficient,
    Key,
    Mask,
    NonNegative,
    Optimizer,
    Rate,
    Scheduled,
    Whole,
    leafwise,
    optimizer,
    treewise,
)
from jdescent.core.trees import scaled_norm


@optimizer
def clip(max_delta: Annotated[NonNegative, "c, in the units of the gradient"]) -> Optimizer:
    """Clip every element: g ← min(max(g, −c), c). ±∞ becomes ±c, NaN stays NaN.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> transform = jd.clip(1.0)
        >>> print(transform.update(jnp.array([-3.0, 0.5]), transform.init(jnp.zeros(2)))[0])
        [-1.   0.5]
    """
    return leafwise(lambda g, c: jnp.clip(g, -c, c), c=Coefficient("max_delta", max_delta))


@optimizer
def clip_by_global_norm(
    max_norm: Annotated[NonNegative, "c, in the units of the gradient"],
) -> Optimizer:
    """Scale all gradients together so that their norm is at most c: g ← g·min(1, c/‖g‖₂).

    The norm runs over every element of every leaf. A zero gradient stays zero; one with an infinite
    or NaN element becomes NaN (it is not hidden).

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> transform = jd.clip_by_global_norm(1.0)
        >>> print(transform.update(jnp.array([3.0, 4.0]), transform.init(jnp.zeros(2)))[0])
        [0.6 0.8]

    Reference: R. Pascanu, T. Mikolov and Y. Bengio, 2013, On the Difficulty of Training Recurrent
    Neural Networks, Algorithm 1.
    """

    def rule(g, c):
        scale, norm = scaled_norm(g)
        fits = scale * norm <= c
        scale = jnp.where(fits, 1, scale)
        factor = jnp.where(fits, 1, c / jnp.where(fits, 1, norm))
        factor = jnp.where(jnp.isfinite(norm), factor, jnp.nan)
        return g / scale * factor

    return treewise(rule, c=Coefficient("max_norm", max_norm))


@optimizer
def centralize(
    output_axis: Annotated[int, Whole(least=-32), "the axis whose slices have mean 0"] = -1,
) -> Optimizer:
    """Gradient centralization: take from the weights of every output the mean of their gradients.

        g ← g − mean(g)                 over all axes but that of the outputs

    Arrays of fewer than two axes stay as they are. JAX's layers keep inputs × outputs.

    Differs from: optax.centralize takes the first axis for the outputs, as torch's layers have it
    (here ``output_axis=0``).

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> transform = jd.centralize()
        >>> g = jnp.array([[1.0, 5.0], [3.0, 5.0]])
        >>> print(transform.update(g, transform.init(g))[0])
        [[-1.  0.]
         [ 1.  0.]]

    Reference: H. Yong, J. Huang, X. Hua and L. Zhang, 2020, Gradient Centralization: A New
    Optimization Technique for Deep Neural Networks, eq. (1).
    """

    def rule(g):
        if g.ndim < 2:
            return g
        others = tuple(axis for axis in range(g.ndim) if axis != output_axis % g.ndim)
        return g - jnp.mean(g, others, keepdims=True)

    return leafwise(rule)


@optimizer
def add_decayed_weights(
    weight_decay: Scheduled = 0.0,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
) -> Optimizer:
    """Add w·x to the gradient: put before an optimizer, this is L2 regularization ½·w·‖x‖².

    Chained before an optimizer the decay passes through its memories (coupled decay); `adamw` and
    `lion` decay decoupled from them.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> transform = jd.add_decayed_weights(0.1)
        >>> x = jnp.array(5.0)
        >>> print(transform.update(jnp.array(1.0), transform.init(x), x)[0])
        1.5
    """
    return leafwise(lambda g, x, w: g + w * x, w=Coefficient("weight_decay", weight_decay, mask))


@optimizer
def add_noise(
    key: Annotated[Key, "map over keys for independent runs"],
    standard_deviation: Annotated[
        Rate, "σ, in the units of the gradient (a standard deviation, not a variance)"
    ],
) -> Optimizer:
    """Add white noise to the gradient: g ← g + σ·z, z standard normal, fresh for each step.

    The noise of step t on leaf i is drawn from fold_in(fold_in(key, t), i): equal keys give equal
    paths. At t = 2³¹ − 1, where the counter stays, the key moves on instead.

    Differs from: optax.add_noise takes a variance η/(1 + t)^γ.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> noisy = jd.chain(jd.add_noise(jax.random.key(0), 0.1), jd.sgd(0.5))
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), noisy, steps=100)
        >>> print(bool(abs(path.params - 3) < 0.5))
        True
    """
    return leafwise(
        lambda g, key, sigma: g + sigma * normal_like(key, g),
        key=key,
        sigma=Coefficient("standard_deviation", standard_deviation),
    )
