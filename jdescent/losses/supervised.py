"""The squared error of a model on labelled data, two such models, and least squares as a truth.

A model is any pure function (params, x) -> predictions; a loss takes a model and gives a pure
function ``loss(params, (x, y))``, which `jdescent.descend` descends.
"""

from collections.abc import Callable, Mapping

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from jdescent.core.trees import common_dtype
from jdescent.losses.inputs import as_floating, as_indices


def linear_model(params: Mapping[str, ArrayLike], x: ArrayLike) -> Float[Array, " n"]:
    """A linear model: ŷᵢ = Σⱼ xᵢⱼ wⱼ + b.

    Args:
        params: {"w": shape (d,), "b": shape ()}; for one feature, w may have shape ().
        x: the features, shape (n, d), or (n,) with a w of shape (); integers are read as numbers of
            the dtype of w.

    Returns:
        The predictions ŷ, shape (n,).

    Raises:
        ValueError: the shapes of w, b and x do not fit.

    Example:
        >>> print(linear_model({"w": 2.0, "b": 1.0}, jnp.array([1.0, 2.0, 3.0])))
        [3. 5. 7.]
    """
    w, b = as_floating(params["w"]), as_floating(params["b"])
    x = as_floating(x, w)
    if x.ndim not in (1, 2) or w.shape != x.shape[1:] or b.shape != ():
        raise ValueError(
            f"x has shape {x.shape}, w {w.shape}, b {b.shape}: they must be (n, d), (d,), (), "
            "or for one feature (n,), (), ()"
        )
    if x.ndim == 1:
        return x * w + b
    # "highest": by default a GPU or TPU multiplies float32 matrices in lower precision
    return jnp.matmul(x, w, precision="highest") + b


def matrix_factorization(params: Mapping[str, ArrayLike], pairs: ArrayLike) -> Float[Array, " n"]:
    """A recommender: the rating of item i by user u is r̂ᵤᵢ = μ + bᵤ + cᵢ + pᵤ·qᵢ.

    Args:
        params: {"mean": μ of shape (), "user_bias": b (users,), "item_bias": c (items,),
            "user": p (users, k), "item": q (items, k)}.
        pairs: integers of shape (n, 2), one row (u, i) for each rating. As everywhere in JAX, an
            index past the end is read as the last one.

    Returns:
        The predicted ratings r̂, shape (n,).

    Raises:
        ValueError: the shapes of the parameters or the pairs do not fit.
        TypeError: pairs that are not integers.

    Example:
        >>> params = {"mean": 3.0, "user_bias": jnp.array([0.5, 0.0]), "item_bias": jnp.zeros(3),
        ...           "user": jnp.ones((2, 1)), "item": jnp.array([[0.0], [1.0], [-1.0]])}
        >>> print(matrix_factorization(params, jnp.array([[0, 1], [1, 2]])))
        [4.5 2. ]

    Reference:
        Koren, Bell & Volinsky 2009, "Matrix Factorization Techniques for Recommender Systems",
        equations 3 and 4.
    """
    mean, b, c, p, q = (
        as_floating(params[name]) for name in ("mean", "user_bias", "item_bias", "user", "item")
    )
    pairs = as_indices(pairs)
    if not jnp.issubdtype(pairs.dtype, jnp.integer):
        raise TypeError(f"pairs are of dtype {pairs.dtype}: give integer rows (user, item)")
    if pairs.shape[1:] != (2,):
        raise ValueError(f"pairs have shape {pairs.shape}: they must be (n, 2), rows (user, item)")
    k = p.shape[1:]
    if mean.shape or len(k) != 1 or p.shape != b.shape + k or q.shape != c.shape + k:
        raise ValueError(
            f"mean has shape {mean.shape}, user_bias {b.shape}, item_bias {c.shape}, "
            f"user {p.shape}, item {q.shape}: they must be "
            "(), (users,), (items,), (users, k), (items, k)"
        )
    u, i = pairs[:, 0], pairs[:, 1]
    return mean + b[u] + c[i] + jnp.sum(p[u] * q[i], axis=-1)


def mean_squared_error(model: Callable[..., Array]) -> Callable[..., Float[Array, ""]]:
    """The mean squared error of a model: J(θ) = (1/n) Σᵢ (model(θ, x)ᵢ − yᵢ)².

    Args:
        model: a pure function (params, x) -> predictions, such as `linear_model`.

    Returns:
        loss(params, (x, y)), a scalar of the predictions' dtype; integer targets are read in it.
        It raises ValueError where the predictions and the targets y differ in shape (they are never
        broadcast against each other) or are empty.

    Example:
        >>> loss = mean_squared_error(linear_model)
        >>> theta = {"w": jnp.array(0.0), "b": jnp.array(0.0)}
        >>> x = jnp.arange(1.0, 6.0)
        >>> print(loss(theta, (x, 2 * x)))
        44.0
    """

    def loss(params: PyTree, batch: tuple) -> Float[Array, ""]:
        x, y = batch
        predictions = as_floating(model(params, x))
        targets = as_floating(y, predictions)
        if predictions.shape != targets.shape:
            raise ValueError(
                f"the model predicts shape {predictions.shape}, the targets y have shape "
                f"{targets.shape}: give x and y equal lengths, and flatten an (n, 1) with [:, 0]"
            )
        if targets.size == 0:
            raise ValueError("x and y are empty: a mean needs one example or more")
        errors = predictions - targets
        wide = errors.astype(common_dtype(errors, jnp.float32))  # squares overflow float16
        return jnp.mean(wide**2).astype(errors.dtype)

    return loss


def least_squares(x: ArrayLike, y: ArrayLike) -> dict[str, Array]:
    """The parameters of `linear_model` that minimize its mean squared error, by algebra.

    θ = (X₁ᵀX₁)⁻¹ X₁ᵀ y with X₁ = [X 1], found in float64 from the singular values of X₁. Where its
    columns are dependent many θ are best; this is the one of least ‖θ‖, at which gradient descent
    from zero also arrives.

    Args:
        x: the features, shape (n, d) or (n,). Concrete, not traced.
        y: the targets, shape (n,).

    Returns:
        {"w": shape (d,) or (), "b": shape ()} of the dtype of x (the default float for integers).

    Raises:
        ValueError: x is neither (n, d) nor (n,), y is not (n,), n differs or is 0.

    Example:
        >>> theta = least_squares(jnp.array([1.0, 2.0, 3.0]), jnp.array([3.0, 5.0, 7.0]))
        >>> print(theta["w"].round(4), theta["b"].round(4))
        2.0 1.0

    Reference:
        Golub & Van Loan 2013, "Matrix Computations", §5.5.
    """
    given = jnp.asarray(x)
    features, targets = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if features.ndim not in (1, 2) or targets.shape != features.shape[:1] or not targets.size:
        raise ValueError(
            f"x has shape {features.shape}, y {targets.shape}: they must be (n, d) or (n,), and "
            "(n,), with n ≥ 1"
        )
    columns = np.column_stack([features, np.ones_like(targets)])
    solution = np.linalg.lstsq(columns, targets)[0]
    dtype = given.dtype if jnp.issubdtype(given.dtype, jnp.floating) else float
    *w, b = solution
    return {
        "w": jnp.asarray(np.reshape(w, features.shape[1:]), dtype),
        "b": jnp.asarray(b, dtype),
    }
