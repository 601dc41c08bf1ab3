"""What one chains with an optimizer: clipping, coupled weight decay, gradient noise."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree

from jdescent._jax import normal_like, tree_broadcast
from jdescent.core import (
    Optimizer,
    Scalar,
    ScalarOrSchedule,
    as_arrays,
    as_held,
    check_hyperparameters,
    checked_schedule,
    common_dtype,
    conversion,
    is_array,
    require_floating,
    require_key,
    require_state_type,
    scaled_norm,
    treewise,
)
from jdescent.numerics import LAST_STEP, next_step


def clip(max_delta: Scalar) -> Optimizer:
    """Clip every element: g ← min(max(g, −c), c). ±∞ becomes ±c, NaN stays NaN.

    Args:
        max_delta: c ≥ 0, in the units of the gradient.

    Raises:
        ValueError: a negative or NaN c; in use, one that is 0 or infinite in the dtype of the
            arithmetic.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> transform = jd.clip(1.0)
        >>> print(transform.update(jnp.array([-3.0, 0.5]), transform.init(jnp.zeros(2)))[0])
        [-1.   0.5]
    """
    (max_delta,) = check_hyperparameters(max_delta=max_delta)

    def clip_one(g):
        dtype = common_dtype(g, jnp.float32)
        bound = as_held("max_delta", max_delta, dtype)
        return jnp.clip(g.astype(dtype), -bound, bound)

    return treewise(lambda grads, params: jax.tree.map(clip_one, grads))


def clip_by_global_norm(max_norm: Scalar) -> Optimizer:
    """Scale all gradients together so that their norm is at most c: g ← g·min(1, c/‖g‖₂).

    The norm runs over every element of every leaf. A zero gradient stays zero; one with an infinite
    or NaN element becomes NaN (it is not hidden).

    Args:
        max_norm: c ≥ 0, in the units of the gradient.

    Raises:
        ValueError: a negative or NaN c; in use, one that is 0 or infinite in the dtype of the
            arithmetic.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> transform = jd.clip_by_global_norm(1.0)
        >>> print(transform.update(jnp.array([3.0, 4.0]), transform.init(jnp.zeros(2)))[0])
        [0.6 0.8]

    Reference: R. Pascanu, T. Mikolov and Y. Bengio, 2013, On the Difficulty of Training Recurrent
    Neural Networks, Algorithm 1.
    """
    (max_norm,) = check_hyperparameters(max_norm=max_norm)

    def transform(grads, params):
        scale, norm = scaled_norm(grads)
        limit = as_held("max_norm", max_norm, norm.dtype)
        fits = scale * norm <= limit
        scale = jnp.where(fits, 1, scale)
        factor = jnp.where(fits, 1, limit / jnp.where(fits, 1, norm))
        factor = jnp.where(jnp.isfinite(norm), factor, jnp.nan)
        return jax.tree.map(
            lambda g: (g.astype(factor.dtype) / scale * factor).astype(g.dtype), grads
        )

    return treewise(transform)


def add_decayed_weights(
    weight_decay: Scalar = 0.0, mask: Any | Callable[[Any], Any] | None = None
) -> Optimizer:
    """Add w·x to the gradient: put before an optimizer, this is L2 regularization ½·w·‖x‖².

    Chained before an optimizer the decay passes through its memories (coupled decay); `adamw` and
    `lion` decay decoupled from them.

    Args:
        weight_decay: w ≥ 0.
        mask: a tree of booleans shaped like the parameters (or a prefix of it), or a function from
            parameters to it: True where decay applies. None decays everything.

    Raises:
        TypeError: a mask of anything but booleans.
        ValueError: a negative or NaN w; in use, one that is 0 or infinite in the dtype of the
            arithmetic; `update` without parameters; a mask of another tree.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> transform = jd.add_decayed_weights(0.1)
        >>> x = jnp.array(5.0)
        >>> print(transform.update(jnp.array(1.0), transform.init(x), x)[0])
        1.5
    """
    (weight_decay,) = check_hyperparameters(weight_decay=weight_decay)
    mask = True if mask is None else mask
    if not callable(mask):
        _require_booleans(mask)

    def transform(grads, params):
        decays = _spread(mask(params) if callable(mask) else mask, params)

        def decay_one(g, x, decay):
            dtype = common_dtype(g, jnp.float32)
            w = jnp.where(decay, as_held("weight_decay", weight_decay, dtype), 0)
            return g.astype(dtype) + w * x.astype(dtype)

        return jax.tree.map(decay_one, grads, params, decays)

    return treewise(transform, reads_params=True)


def _require_booleans(mask: PyTree) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(mask):
        if not is_array(leaf) or jnp.result_type(leaf) != jnp.bool_:
            raise TypeError(
                f"mask must hold booleans: mask{jax.tree_util.keystr(path)} is {leaf!r}; give True "
                "where decay applies and False elsewhere"
            )


def _spread(mask: PyTree, params: PyTree) -> PyTree:
    """One boolean for each parameter."""
    _require_booleans(mask)
    try:
        return tree_broadcast(mask, params)
    except ValueError as error:
        structures: Any = jax.tree.structure(mask), jax.tree.structure(params)
        raise ValueError(
            "mask must be a tree like the parameters', or a prefix of it:\n"
            "  mask: {}\n  parameters: {}".format(*structures)
        ) from error


class NoiseState(NamedTuple):
    """Steps taken; the key all noise is drawn from."""

    t: Array
    key: PRNGKeyArray | Array


def add_noise(key: PRNGKeyArray | Array, standard_deviation: ScalarOrSchedule) -> Optimizer:
    """Add white noise to the gradient: g ← g + σ·z, z standard normal, fresh for each step.

    The noise of step t on leaf i is drawn from fold_in(fold_in(key, t), i): equal keys give equal
    paths. At t = 2³¹ − 1, where the counter stays, the key moves on instead.

    Args:
        key: a JAX random key; map over keys for independent runs.
        standard_deviation: σ ≥ 0 in the units of the gradient (a standard deviation, not a
            variance), a scalar or a schedule.

    Differs from: optax.add_noise takes a variance η/(1 + t)^γ.

    Raises:
        TypeError: a key that is no random key; a σ that is not a real number; gradients that are
            not floating; a state of another optimizer.
        ValueError: a batch of keys; a negative or NaN σ; in use, one that is 0 or infinite in the
            dtype of the arithmetic.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> noisy = jd.chain(jd.add_noise(jax.random.key(0), 0.1), jd.sgd(0.5))
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), noisy, steps=100)
        >>> print(bool(abs(path.params - 3) < 0.5))
        True
    """
    require_key("key", key)
    sigma_at = checked_schedule("standard_deviation", standard_deviation)
    sigma_in = conversion("standard_deviation", standard_deviation)

    def init(params):
        require_floating(params)
        return NoiseState(jnp.zeros((), jnp.int32), key)

    def update(grads, state, params=None, **extra):
        del params, extra
        require_state_type(NoiseState, state)
        require_floating(grads, "gradients")
        sigma = sigma_at(state.t)
        step_key = jax.random.fold_in(state.key, state.t)
        leaves, structure = jax.tree.flatten(as_arrays(grads))

        def add_to_one(i, g):
            dtype = common_dtype(g, jnp.float32)
            z = normal_like(jax.random.fold_in(step_key, i), g)
            noise = sigma_in(sigma, dtype) * z.astype(dtype)
            return (g.astype(dtype) + noise).astype(g.dtype)

        noisy = [add_to_one(i, g) for i, g in enumerate(leaves)]
        next_key = jnp.where(state.t == LAST_STEP, step_key, state.key)
        return structure.unflatten(noisy), NoiseState(next_step(state.t), next_key)

    return Optimizer(init, update)
