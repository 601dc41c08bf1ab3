"""Products with the Hessian and with Gauss and Newton's matrix: no matrix is ever made."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from jdescent.analysis.curvature.lanczos import power_of_two
from jdescent.core import Params, dot
from jdescent.core.checks import (
    require_arrays,
    require_floating,
    require_function,
    require_same_tree,
)
from jdescent.core.trees import as_arrays

Operator = Callable[[PyTree], PyTree]


def hessian_operator(loss: Callable[..., Any], params: Params, *rest: Any) -> Operator:
    """The function v ↦ H·v, with H = ∂²L/∂θ² of L = loss(params, *rest) in the parameters θ.

    Forward over reverse: the gradient is linearized once, when the operator is made, and what that
    keeps (about the memory of one gradient) serves every product. Where the second derivative does
    not exist, as at the kinks of a relu, it is that of the branches taken.

    Args:
        loss: a function that returns a scalar, twice differentiable by JAX. What it hides by
            `jax.lax.stop_gradient` counts as constant. A `jax.custom_vjp` that is no gradient makes
            H a matrix that is not symmetric, which `top_eigenpairs` refuses.
        params: θ, a tree of floating-point arrays.
        rest: what else the loss is given, such as a batch.

    Returns:
        A function from a tree like the parameters to another, in the parameters' dtypes.

    Raises:
        TypeError: a loss that is no function or does not return one real scalar; parameters that
            are not floating-point. Later, a v that is not floating-point.
        ValueError: later, a v that is not a tree like the parameters.

    Cost: one gradient and its linearization when it is made (about two gradients); a product then
    costs about one gradient.

    Example:
        >>> bowl = lambda x, scale: scale * (x[0] ** 2 + 3 * x[1] ** 2)
        >>> print(hessian_operator(bowl, jnp.ones(2), 0.5)(jnp.array([1.0, 2.0])))
        [1. 6.]

    Reference: B. A. Pearlmutter, 1994, Fast Exact Multiplication by the Hessian, eq. (1).
    """
    require_floating(params)
    at = as_arrays(params)
    gradient = jax.grad(scalar_function("loss", loss, at, *rest))
    return _taking_trees_like(at, jax.linearize(gradient, at)[1])


def hessian_product(loss: Callable[..., Any], params: Params, v: PyTree, *rest: Any) -> PyTree:
    """H·v, with H = ∂²L/∂θ² of L = loss(params, *rest): one product of `hessian_operator`.

    Args:
        loss: a function that returns a scalar, twice differentiable by JAX.
        params: θ, a tree of floating-point arrays.
        rest: what else the loss is given, such as a batch.
        v: a tree like the parameters.

    Raises:
        TypeError, ValueError: as `hessian_operator`.

    Cost: about three gradients; of many products at one point make the operator.

    Example:
        >>> cubic = lambda x: x["a"] ** 3 * x["b"]
        >>> at, v = {"a": jnp.array(1.0), "b": jnp.array(2.0)}, {"a": 1.0, "b": 0.0}
        >>> print(hessian_product(cubic, at, v))                     # 6ab, 3a²
        {'a': Array(12., dtype=float32...), 'b': Array(3., dtype=float32...)}
    """
    return hessian_operator(loss, params, *rest)(v)


def directional_curvature(
    loss: Callable[..., Any], params: Params, direction: PyTree, *rest: Any
) -> Float[Array, ""]:
    """The curvature along a direction, dᵀ·H·d/dᵀ·d; NaN for d = 0.

    It lies between the least and the largest eigenvalue of H; along the gradient it is what limits
    the loss's descent in the next step.

    Args:
        loss: a function that returns a scalar, twice differentiable by JAX.
        params: θ, a tree of floating-point arrays.
        rest: what else the loss is given, such as a batch.
        direction: d, a tree like the parameters, of any length.

    Raises:
        TypeError, ValueError: as `hessian_operator`.

    Cost: one Hessian product.

    Example:
        >>> bowl = lambda x: x[0] ** 2 + 3 * x[1] ** 2
        >>> print(directional_curvature(bowl, jnp.zeros(2), jnp.array([5.0, 5.0])))
        4.0
    """
    require_floating(direction, "direction")
    require_same_tree("direction", direction, "parameters", params)
    d = as_arrays(direction)
    scale = power_of_two(d)
    d = jax.tree.map(lambda a: a / scale.astype(a.dtype), d)
    return dot(d, hessian_product(loss, params, d, *rest)) / dot(d, d)


def gauss_newton_operator(
    model: Callable[..., PyTree], outer: Callable[..., Any], params: Params, *rest: Any
) -> Operator:
    """The function v ↦ G·v, with Gauss and Newton's generalized matrix of outer(model(θ)).

        G = Jᵀ·Λ·J        z = model(θ, *rest),  J = ∂z/∂θ,  Λ = ∂²outer(z, *rest)/∂z²

    It is H without what bends the model, Σ (∂outer/∂zᵢ)·∂²zᵢ/∂θ²: so G = H for a linear model, and
    where the outer loss is stationary; G ≥ 0 for a convex outer loss. Of the cross-entropy of a
    softmax it is Fisher's information matrix.

    Args:
        model: predictions z, any tree of floating-point arrays, from the parameters and the rest.
        outer: a scalar from the predictions and the rest. A loss of jdescent is made outer by the
            model that leaves predictions as they are.
        params: θ, a tree of floating-point arrays.
        rest: what else both are given, such as a batch.

    Returns:
        A function from a tree like the parameters to another, in the parameters' dtypes.

    Raises:
        TypeError, ValueError: as `hessian_operator`; predictions that are not floating-point.

    Cost: about two evaluations of the model when it is made; a product then costs about one
    gradient of the loss.

    Example:
        >>> import jdescent as jd
        >>> net = lambda params, batch: jnp.tanh(batch[0] * params)
        >>> outer = jd.losses.mean_squared_error(lambda z, x: z)
        >>> batch = jnp.array([0.5, 1.0]), jnp.array([0.0, 2.0])
        >>> G = gauss_newton_operator(net, outer, jnp.array(0.0), batch)
        >>> print(G(jnp.array(1.0)))                                        # Σ x²
        1.25

    Reference: N. N. Schraudolph, 2002, Fast Curvature Matrix-Vector Products for Second-Order
    Gradient Descent, section 3.
    """
    require_floating(params)
    require_function("model", model)
    at = as_arrays(params)
    predictions, J = jax.linearize(lambda params: model(params, *rest), at)
    require_floating(predictions, "predictions")
    transposed = jax.linear_transpose(J, at)
    of_outer = hessian_operator(outer, predictions, *rest)
    return _taking_trees_like(at, lambda v: transposed(of_outer(J(v)))[0])


def gauss_newton_product(
    model: Callable[..., PyTree],
    outer: Callable[..., Any],
    params: Params,
    v: PyTree,
    *rest: Any,
) -> PyTree:
    """G·v, with Gauss and Newton's generalized matrix: one product of `gauss_newton_operator`.

    Args:
        model: predictions, any tree of floating-point arrays, from the parameters and the rest.
        outer: a scalar from the predictions and the rest.
        params: θ, a tree of floating-point arrays.
        rest: what else both are given, such as a batch.
        v: a tree like the parameters.

    Raises:
        TypeError, ValueError: as `gauss_newton_operator`.

    Cost: about three gradients; of many products at one point make the operator.

    Example:
        >>> square = lambda z: jnp.sum(z**2) / 2
        >>> print(gauss_newton_product(jnp.sin, square, jnp.array([0.0, 1.5]), jnp.ones(2)))
        [1.    0.005]
    """
    return gauss_newton_operator(model, outer, params, *rest)(v)


def scalar_function(name: str, function: Callable, params: Params, *rest: Any) -> Callable:
    """The function of the parameters alone; refused unless it returns one real scalar."""
    require_function(name, function)

    def of_params(params):
        return function(params, *rest)

    def returned(params):
        value = of_params(params)
        require_arrays(value, f"what the {name} returns")
        return value

    value = jax.eval_shape(returned, params)
    if not hasattr(value, "shape") or value.shape != ():
        came = jax.tree.map(jnp.shape, value)
        raise TypeError(
            f"{name} must return one real scalar, got shape {came}: take its mean or sum"
        )
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(f"{name} must return one real scalar, got dtype {value.dtype}")
    return of_params


def _taking_trees_like(params: Params, product: Operator) -> Operator:
    def operator(v: PyTree) -> PyTree:
        require_floating(v, "v")
        require_same_tree("v", v, "parameters", params)
        return product(jax.tree.map(lambda a, x: jnp.asarray(a, x.dtype), v, params))

    return operator
