"""Cross-entropies of a model that tells classes apart, and its accuracy.

A model is any pure function (params, x) -> logits; a loss takes a model and gives a pure function
``loss(params, (x, y))``, which `jdescent.descend` descends.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from jdescent.losses.inputs import as_floating, as_indices


def cross_entropy(model: Callable[..., Array]) -> Callable[..., Float[Array, ""]]:
    """The cross-entropy of a classifier, in nats: J(θ) = −(1/n) Σᵢ log softmax(model(θ, x)ᵢ)[yᵢ].

    Chance on k equally frequent classes scores log k.

    Args:
        model: a pure function (params, x) -> logits of shape (..., k), one row of k logits for each
            label: (n, k) for a classifier, (n, length, k) for a model of sequences.

    Returns:
        loss(params, (x, y)), a scalar, with integer labels y of shape (...). A label outside
        0 … k−1 makes it NaN: labels may be traced, so that no error can be raised. It raises
        ValueError if logits and labels do not fit or there are none, TypeError if labels are not
        integers.

    Example:
        >>> loss = cross_entropy(lambda theta, x: x @ theta)
        >>> print(loss(jnp.zeros((3, 10)), (jnp.ones((4, 3)), jnp.arange(4))).round(4))  # log 10
        2.3026
    """

    def loss(params: PyTree, batch: tuple) -> Float[Array, ""]:
        x, y = batch
        logits = as_floating(model(params, x))
        labels = as_indices(y)
        _require_classes(logits, labels)
        log_probability = jax.nn.log_softmax(logits)
        labels = jnp.where(_is_class(labels, logits), labels, logits.shape[-1])  # filled with NaN
        chosen = jnp.take_along_axis(
            log_probability, labels[..., None], axis=-1, mode="fill", fill_value=jnp.nan
        )
        return -jnp.mean(chosen)

    return loss


def binary_cross_entropy(model: Callable[..., Array]) -> Callable[..., Float[Array, ""]]:
    """The cross-entropy of logistic regression and other two-class models, in nats.

    With z = model(θ, x) and p = 1/(1 + e⁻ᶻ) the probability of class 1,

        J(θ) = −(1/n) Σᵢ yᵢ log pᵢ + (1 − yᵢ) log(1 − pᵢ)
             = (1/n) Σᵢ yᵢ log(1 + e^−zᵢ) + (1 − yᵢ) log(1 + e^zᵢ)

    in the second form, which neither overflows nor rounds the loss of a confident model to zero.

    Args:
        model: a pure function (params, x) -> logits z of the labels' shape, such as
            `jdescent.losses.linear_model`.

    Returns:
        loss(params, (x, y)), a scalar, with labels y of 0 and 1 (or probabilities between). A label
        outside, such as the −1 of labels ±1, makes it NaN: labels may be traced. It raises
        ValueError where logits and labels differ in shape or there are none.

    Example:
        >>> loss = binary_cross_entropy(lambda theta, x: theta * x)
        >>> x, y = jnp.array([-1.0, 1.0]), jnp.array([0, 1])
        >>> print(loss(0.0, (x, y)).round(4))  # log 2
        0.6931
        >>> print(loss(1000.0, (x, y)))
        0.0

    Reference:
        Bishop 2006, "Pattern Recognition and Machine Learning", equation 4.90.
    """

    def loss(params: PyTree, batch: tuple) -> Float[Array, ""]:
        x, y = batch
        logits, labels = as_floating(model(params, x)), jnp.asarray(y)
        if logits.shape != labels.shape:
            raise ValueError(
                f"the model gives logits of shape {logits.shape}, the labels y have shape "
                f"{labels.shape}: they must be equal; with two logits an example use cross_entropy"
            )
        if labels.size == 0:
            raise ValueError("x and y are empty: a mean needs one example or more")
        y = labels.astype(logits.dtype)
        y = jnp.where((y >= 0) & (y <= 1), y, jnp.nan)
        return jnp.mean(y * jax.nn.softplus(-logits) + (1 - y) * jax.nn.softplus(logits))

    return loss


def accuracy(model: Callable[..., Array]) -> Callable[..., Float[Array, ""]]:
    """The share of labels that a classifier gives its highest logit; of logits with NaN, none is.

    Args:
        model: a pure function (params, x) -> logits of shape (..., k), as for `cross_entropy`.

    Returns:
        score(params, (x, y)), a scalar from 0 to 1, with integer labels y of shape (...). A label
        outside 0 … k−1 makes it NaN, as it does `cross_entropy`, and it raises as that does. It is
        constant between jumps: nothing to descend.

    Example:
        >>> score = accuracy(lambda theta, x: x * theta)
        >>> print(score(1.0, (jnp.array([[3.0, 1.0], [2.0, 5.0]]), jnp.array([0, 0]))))
        0.5
    """

    def score(params: PyTree, batch: tuple) -> Float[Array, ""]:
        x, y = batch
        logits = as_floating(model(params, x))
        labels = as_indices(y)
        _require_classes(logits, labels)
        best = jnp.argmax(logits, axis=-1).astype(labels.dtype)
        found = (best == labels) & ~jnp.any(jnp.isnan(logits), axis=-1)
        known = jnp.all(_is_class(labels, logits))
        return jnp.where(known, jnp.mean(found, dtype=logits.dtype), jnp.nan)

    return score


def _is_class(labels: Array, logits: Array) -> Array:
    return (labels >= 0) & (labels < logits.shape[-1])


def _require_classes(logits: Array, labels: Array) -> None:
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(
            f"labels y are of dtype {labels.dtype}: give integers, the index of each one's class"
        )
    if logits.ndim == 0 or logits.shape[:-1] != labels.shape:
        raise ValueError(
            f"the model gives logits of shape {logits.shape}, the labels y have shape "
            f"{labels.shape}: logits must be the labels' shape and one more axis, the classes"
        )
    if labels.size == 0:
        raise ValueError("x and y are empty: a mean needs one example or more")
    if logits.shape[-1] == 0:
        raise ValueError(
            f"the model gives logits of shape {logits.shape}: one class or more is needed"
        )
