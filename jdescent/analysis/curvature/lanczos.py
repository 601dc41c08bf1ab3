"""Lanczos' method on trees of arrays: a small tridiagonal matrix that stands for a large one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PyTree

from jdescent.core import Vector, dot
from jdescent.core.trees import common_dtype

Map = Callable[[Vector], Vector]


class Krylov(NamedTuple):
    """Directions q₁ … qₘ with qᵢ·P·qⱼ = δᵢⱼ, and the operator A seen in them.

    Attributes:
        basis: the qᵢ, stacked along a first axis of every leaf.
        dual: the P·qᵢ; for P = 1 the same.
        T: (P·qᵢ)·A·(P·qⱼ), tridiagonal; with a 0 beside the diagonal where the method began anew.
        asymmetry: how far that is from symmetric, over its largest entry.
    """

    basis: Vector
    dual: Vector
    T: Float[Array, "m m"]
    asymmetry: Float[Array, ""]


class _Direction(NamedTuple):
    q: Vector
    dual: Vector


def lanczos(A: Map, start: Vector, count: int, random: Vector, metric: Map | None = None) -> Krylov:
    """Directions that span start, A·P·start, (A·P)²·start, …, each orthogonal to all before.

    A is symmetric and the metric P ≥ 0 as well, 1 if None, so A·P is symmetric in the inner product
    q·P·r. Where A·P·q lies in the span already (of an invariant subspace, such as that of a start
    without a part along some eigenvectors) the method goes on from another direction, made of the
    random vector, whereby no eigenvalue is hidden and equal ones are found as often as they occur.
    Where P is exhausted as well, directions are 0.

    Reference: G. H. Golub and C. F. Van Loan, 2013, Matrix Computations, sections 10.1 and 10.3;
    B. N. Parlett, 1998, The Symmetric Eigenvalue Problem, chapter 15 (in another inner product).
    """
    dtype = common_dtype(*start.leaves)
    eps = 32 * float(jnp.finfo(dtype).eps)
    P = metric or (lambda v: v)

    def unit(v: Vector) -> _Direction:
        """The direction of v in the metric; 0 for one that P takes to 0."""
        dual = P(v)
        length = jnp.sqrt(dot(v, dual))
        inverse = jnp.where(length == 0, 0, 1 / jnp.where(length == 0, 1, length))
        return _Direction(inverse * v, inverse * dual)

    def against(basis: Vector, dual: Vector, v: Vector) -> tuple[Vector, Array]:
        """v without its parts along the basis, and those; twice is enough."""
        parts = along(dual, v)
        v = v - combined(parts, basis)
        rest = along(dual, v)
        return v - combined(rest, basis), parts + rest

    def beginning_anew(i, basis, dual) -> _Direction:
        fresh = unit(another(random, i)).q
        left, _ = against(basis, dual, fresh)
        length = jnp.sqrt(dot(left, P(left)))
        return unit(jnp.where(length > eps, 1.0, 0.0).astype(dtype) * left)

    def step(carry, i):
        basis, dual, direction, largest = carry
        basis, dual = with_row(basis, i, direction.q), with_row(dual, i, direction.dual)
        w, column = against(basis, dual, A(direction.dual))
        beta = jnp.sqrt(dot(w, P(w)))
        largest = jnp.maximum(largest, jnp.maximum(jnp.max(jnp.abs(column)), beta))
        is_invariant = beta <= eps * largest
        direction = lax.cond(
            is_invariant,
            lambda: beginning_anew(i, basis, dual),
            lambda: unit(against(basis, dual, w / beta)[0]),
        )
        beta = jnp.where(is_invariant, 0, beta)
        return (basis, dual, direction, largest), (column, beta)

    nothing = start.map(lambda a: jnp.zeros((count, *a.shape), a.dtype))
    carry = (nothing, nothing, unit(start), jnp.zeros((), dtype))
    (basis, dual, _, largest), (columns, betas) = lax.scan(step, carry, jnp.arange(count))
    T = jnp.diag(jnp.diag(columns)) + jnp.diag(betas[:-1], 1) + jnp.diag(betas[:-1], -1)
    apart = jnp.max(jnp.abs(jnp.tril(columns - T, -1)), initial=0.0)
    return Krylov(basis, dual, T, apart / jnp.where(largest == 0, 1, largest))


def power_of_two(tree: PyTree) -> Array:
    """That next below the largest entry, by which to divide is exact; 1 if that is 0 or no number.

    Squares of what is divided by it neither overflow nor vanish.
    """
    leaves = jax.tree.leaves(lax.stop_gradient(tree))
    dtype = common_dtype(jnp.float32, *leaves)
    sizes = [jnp.max(jnp.abs(leaf), initial=0.0).astype(dtype) for leaf in leaves]
    largest = jnp.max(jnp.stack(sizes))
    exponent = jnp.maximum(jnp.frexp(largest)[1] - 1, jnp.finfo(dtype).minexp)
    power = jnp.ldexp(jnp.ones_like(largest), exponent)
    return jnp.where((largest > 0) & jnp.isfinite(largest), power, 1)


def another(random: Vector, i: Any) -> Vector:
    """The i-th of vectors made of a random one, odd in it: drawing anew is long to compile."""
    return random.map(lambda a: jnp.sin((i + 2).astype(a.dtype) * a))


def along(rows: Vector, v: Vector) -> Float[Array, " m"]:
    """The inner product of each row with v."""
    dtype = common_dtype(*v.leaves)
    parts = [
        jnp.tensordot(row, leaf, axes=leaf.ndim, precision="highest").astype(dtype)
        for row, leaf in zip(rows.leaves, v.leaves, strict=True)
    ]
    return sum(parts[1:], parts[0])


def combined(coefficients: Array, rows: Vector) -> Vector:
    """Σ coefficientᵢ·rowᵢ; for a matrix of coefficients one sum for each of its rows."""
    return rows.map(
        lambda row: jnp.tensordot(coefficients.astype(row.dtype), row, 1, precision="highest")
    )


def with_row(rows: Vector, i: Any, v: Vector) -> Vector:
    return rows.map(lambda row, leaf: row.at[i].set(leaf), v)
