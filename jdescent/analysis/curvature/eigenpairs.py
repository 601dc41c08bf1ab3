"""The ends of a spectrum, by Lanczos' method, with what bounds their error."""

from collections.abc import Callable
from typing import Any, NamedTuple, SupportsIndex

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PyTree

from jdescent.analysis.curvature.lanczos import Krylov, Map, combined, lanczos, power_of_two
from jdescent.analysis.curvature.products import Operator, hessian_operator
from jdescent.core import Params, Vector, dot, norm, normals
from jdescent.core.checks import (
    integer,
    positive_integer,
    require_floating,
    require_function,
    require_key,
    require_same_tree,
)
from jdescent.core.trees import as_arrays, common_dtype

RANDOM_SHARE = 0.1  # of a warm start; it finds what has turned up beside the last eigenvectors


class Eigenpairs(NamedTuple):
    """Eigenvalues in descending order, the k largest and then those of the bottom.

    Attributes:
        values: the Rayleigh quotients λ of the vectors.
        vectors: eigenvectors x of length 1, stacked along a first axis of each leaf.
        residuals: ‖A·x − λ·x‖. An eigenvalue lies no farther than that from each value; how near
            it is to one apart from all others, by γ, goes with residual²/γ.
    """

    values: Float[Array, " k"]
    vectors: PyTree
    residuals: Float[Array, " k"]


def top_eigenpairs(
    operator: Operator,
    like: Params,
    k: SupportsIndex = 1,
    *,
    bottom: SupportsIndex = 0,
    iterations: SupportsIndex = 30,
    start: PyTree | None = None,
    key: Any = None,
    metric: Operator | None = None,
) -> Eigenpairs:
    """The k largest eigenvalues of a symmetric operator, and some from the bottom, with vectors.

    Lanczos' method with full reorthogonalization, a fixed number of iterations in one `lax.scan`.
    Values approach from within: the largest from below. From a random start the largest is short by
    O((ln n/iterations)²) of the width of the spectrum in the mean, whatever the spectrum, and by
    far less where it stands apart, as a sharpness does; the residuals say how far. After n
    iterations all is exact to rounding, equal eigenvalues included. That a value is the largest is
    as sure as the start has a part along its vector: the random start has; a warm start is given
    one.

    With a metric P ≥ 0 the eigenvalues are those of P^½·A·P^½, which are P·A's: its vectors obey
    A·P·x = λ·x and x·P·x = 1, and the residual is in this length. P may be singular.

    Derivatives of the values are those of eigenvalues apart from all others, x·∂A·x; the vectors
    count as constant.

    Args:
        operator: A, from a tree like the parameters to another; symmetric.
        like: the parameters, or a tree like them.
        k: how many of the largest, ≥ 0.
        bottom: how many of the least (of an indefinite Hessian the most negative), ≥ 0.
        iterations: of the method, ≥ k + bottom; no more than n, of n parameters, are taken.
        start: the vectors of the last call, for a warm start: where A has changed little, a third
            of the iterations does. They are stacked as in `Eigenpairs.vectors`.
        key: the random key of the start; one key for all calls if None.
        metric: P, as the operator is given; 1 if None.

    Returns:
        `Eigenpairs`, in float32 or wider. An operator with NaN gives NaN.

    Raises:
        TypeError: parameters that are not floating-point; counts that are no integers; an operator
            that is no function.
        ValueError: k + bottom of 0, above n or above the iterations; vectors to start from that are
            no stack of trees like the parameters; an operator (or metric) that is not symmetric, or
            whose trees are not like the parameters. Where it is traced, the values are NaN then.

    Cost: 1 + iterations + k + bottom products, and memory for iterations trees like the parameters,
    twice that with a metric.

    Example:
        >>> A = jnp.diag(jnp.arange(-3.0, 100.0))
        >>> pairs = top_eigenpairs(lambda v: A @ v, jnp.zeros(103), k=2, bottom=1, iterations=80)
        >>> print(pairs.values, pairs.vectors.shape)
        [99. 98. -3.] (3, 103)

    Reference: C. Lanczos, 1950, An Iteration Method for the Solution of the Eigenvalue Problem; of
    a random start: J. Kuczyński and H. Woźniakowski, 1992, Estimating the Largest Eigenvalue by the
    Power and Lanczos Algorithms with a Random Start.
    """
    require_floating(like)
    require_function("operator", operator)
    x = wide(as_arrays(like))
    n = size(x)
    k, bottom = integer("k", k, 0), integer("bottom", bottom, 0)
    steps = min(positive_integer("iterations", iterations), n)
    _require_counts(k, bottom, steps, n)
    key = jax.random.key(0) if key is None else key
    require_key("key", key)
    A = on_vectors("operator", operator, like)
    P = None if metric is None else on_vectors("metric", metric, like)
    random = normals(key, x)
    A, scale = of_size_one(A, random if P is None else P(random))
    spanned = lanczos(A, _first_direction(start, random), steps, random, P)
    turned = jnp.linalg.eigh(spanned.T)[1].T
    chosen = [steps - 1 - i for i in range(k)] + list(range(bottom))[::-1]
    vectors = lax.stop_gradient(combined(turned[jnp.array(chosen)], spanned.basis))
    values, residuals = lax.map(lambda x: _rayleigh(A, P or (lambda v: v), x), vectors)
    values = _if_symmetric(spanned, like, values)
    return Eigenpairs(scale * values, vectors.tree, scale * residuals)


def sharpness(
    loss: Callable[..., Any],
    params: Params,
    *rest: Any,
    iterations: SupportsIndex = 30,
    key: Any = None,
) -> Float[Array, ""]:
    """The sharpness of a loss: the largest eigenvalue of its Hessian, λmax(∂²L/∂θ²).

    Gradient descent at the rate η is linearly stable where it is below 2/η; on a network it climbs
    to that edge and stays there.

    Args:
        loss: a function that returns a scalar, twice differentiable by JAX.
        params: θ, a tree of floating-point arrays.
        rest: what else the loss is given, such as a batch.
        iterations: as for `top_eigenpairs`, which also gives the residual.
        key: the random key of the start; one key for all calls if None.

    Raises:
        TypeError, ValueError: as `hessian_operator` and `top_eigenpairs`.

    Cost: iterations + 2 Hessian products, each of about a gradient. To follow it at less along a
    run, with warm starts, see the module.

    Example:
        >>> import jdescent as jd
        >>> print(sharpness(jd.losses.bowl((2.0, 4.0)), jnp.ones(2)).round(4))
        4.0

    Reference: J. Cohen et al., 2021, Gradient Descent on Neural Networks Typically Occurs at the
    Edge of Stability, section 2.
    """
    H = hessian_operator(loss, params, *rest)
    return top_eigenpairs(H, params, iterations=iterations, key=key).values[0]


def wide(tree: PyTree) -> Vector:
    """The tree as a vector in float32 or wider."""
    return Vector.of(tree).map(lambda a: a.astype(common_dtype(a, jnp.float32)))


def size(v: Vector) -> int:
    return sum(leaf.size for leaf in v.leaves)


def on_vectors(name: str, operator: Operator, like: Params) -> Map:
    """The operator between wide vectors; refused where its trees are not like the parameters."""
    params = as_arrays(like)

    def of_vector(v: Vector) -> Vector:
        narrow = jax.tree.map(lambda a, x: a.astype(x.dtype), v.tree, params)
        product = operator(narrow)
        require_same_tree(f"what the {name} returns", product, "parameters", params)
        return wide(as_arrays(product)).map(lambda a, b: a.astype(b.dtype), v)

    return of_vector


def of_size_one(A: Map, v: Vector) -> tuple[Map, Array]:
    """A over a power of two of about its size, and that; so no square of a length overflows."""
    scale = power_of_two(A(v).tree)
    return lambda v: A(v).map(lambda a: a / scale.astype(a.dtype)), scale


def _rayleigh(A: Map, P: Map, x: Vector) -> tuple[Array, Array]:
    """The quotient of a vector, and the length of what A·P·x has across it."""
    dual = P(x)
    image = A(dual)
    value = dot(dual, image) / dot(dual, x)
    across = image - value * x
    return value, jnp.sqrt(jnp.maximum(dot(across, P(across)), 0))


def _first_direction(start: PyTree | None, random: Vector) -> Vector:
    """The sum of the vectors to start from and some of a random one, or that alone."""
    if start is None:
        return random
    one = jax.tree.map(lambda a: jnp.sum(jnp.asarray(a), 0) if jnp.ndim(a) else a, start)
    require_same_tree("a vector of start", one, "parameters", random.tree)
    warm = Vector.of(one).map(lambda a, b: a.astype(b.dtype), random)
    length = norm(warm)
    share = jnp.where(length == 0, 1, RANDOM_SHARE * length / norm(random))
    return warm + share * random


def _require_counts(k: int, bottom: int, steps: int, n: int) -> None:
    if k + bottom == 0:
        raise ValueError("k and bottom are both 0: ask for one eigenvalue or more")
    if k + bottom > n:
        raise ValueError(
            f"k={k} and bottom={bottom} are more eigenvalues than the {n} that there are, one for "
            "each parameter"
        )
    if k + bottom > steps:
        raise ValueError(
            f"iterations={steps} give as many eigenvalues, but k={k} and bottom={bottom} are asked "
            "for: take more iterations, some three times as many as eigenvalues"
        )


def _if_symmetric(spanned: Krylov, like: Params, values: Array) -> Array:
    """The values; an error unless the operator is symmetric to rounding, NaN where traced."""
    coarsest = max(float(jnp.finfo(jnp.result_type(a)).eps) for a in jax.tree.leaves(like))
    is_apart = spanned.asymmetry > coarsest**0.25
    if isinstance(is_apart, jax.core.Tracer):
        return jnp.where(is_apart, jnp.nan, values)
    if is_apart:
        raise ValueError(
            f"the operator (or its metric) is not symmetric: products differ by "
            f"{float(spanned.asymmetry):.2g} of its size from those with its transpose. A Hessian "
            "is so where the loss has a custom_vjp that is no gradient: give the loss itself"
        )
    return values
