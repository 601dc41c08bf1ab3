"""Orthonormal bases made from a matrix, whose derivatives exist as far as mathematics gives them.

A basis has a derivative where its vectors are told apart: by eigenvalues, singular values or pivots
that differ. Where some are equal, as the zeros of a matrix that lacks rank are, any basis of their
space would do, and which one comes is rounding's choice. There the derivative is that of the basis
that turns no more than it must: with its space, and not within it. So what is computed from the
space alone has its true derivative, and what depends on the choice has none to give.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jdescent.numerics import root


@jax.custom_jvp
@jax.jit
def eigenvectors(h: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Those of a symmetric matrix, by falling eigenvalues.

    Example:
        >>> print(jax.jvp(eigenvectors, (jnp.diag(jnp.array([2.0, 1.0])),), (jnp.ones((2, 2)),))[1])
        [[ 0. -1.]
         [ 1.  0.]]
    """
    return jnp.linalg.eigh(h)[1][:, ::-1]


@eigenvectors.defjvp
def _(primals, tangents):
    """dQ = Q·Ω, Ωᵢⱼ = qᵢᵀ·dH·qⱼ/(λⱼ − λᵢ)."""
    (h,), (dh,) = primals, tangents
    q = eigenvectors(h)
    values = jnp.sum(q * (h @ q), 0)
    return q, q @ _apart(q.T @ dh @ q, values, values)


@jax.custom_jvp
@jax.jit
def orthonormal(a: Float[Array, "m n"]) -> Float[Array, "m n"]:
    """Q of a = Q·R with orthonormal columns, n ≤ m: those of a, one after another.

    Example:
        >>> print(abs(orthonormal(jnp.array([[3.0], [4.0]]))).round(1))
        [[0.6]
         [0.8]]
    """
    return jnp.linalg.qr(a)[0]


@orthonormal.defjvp
def _(primals, tangents):
    """dQ = Q·Ω + (I − Q·Qᵀ)·X of X = dA·R⁻¹, where Ω = −Ωᵀ has below its diagonal what QᵀX has."""
    (a,), (da,) = primals, tangents
    q = orthonormal(a)
    r = jnp.triu(q.T @ a)
    pivots = jnp.diag(r)
    is_lost = jnp.abs(pivots) <= _rounding(a) * jnp.max(jnp.abs(r), initial=0.0)
    r = r + jnp.diag(jnp.where(is_lost, jnp.inf, 0))
    x = jax.scipy.linalg.solve_triangular(r, da.T, trans="T").T
    inner = q.T @ x
    below = jnp.tril(inner, -1)
    return q, q @ (below - below.T - inner) + x


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
@functools.partial(jax.jit, static_argnums=1)
def singular_vectors(a: Float[Array, "m n"], of_rows: bool) -> Float[Array, "_ k"]:
    """U of a = U·S·Vᵀ, or V where not `of_rows`: k = min(m, n) columns by falling singular values.

    Example:
        >>> print(abs(singular_vectors(jnp.array([[0.0, 2.0], [1.0, 0.0]]), False)))
        [[0. 1.]
         [1. 0.]]
    """
    u, _, v = jnp.linalg.svd(a, full_matrices=False)
    return u if of_rows else v.T


@singular_vectors.defjvp
def _(of_rows, primals, tangents):
    """Those of a are eigenvectors of a·aᵀ: dU = U·Ω + (I − U·Uᵀ)·da·aᵀ·U·S⁻²."""
    u = singular_vectors(*primals, of_rows)
    a, da = (x if of_rows else x.T for x in (*primals, *tangents))
    weighted = a.T @ u  # V·S
    s = root(jnp.sum(weighted**2, 0, keepdims=True))
    moved = da @ weighted
    inner = u.T @ moved
    is_lost = s <= _rounding(a) * jnp.max(s, initial=0.0)
    outside = jnp.where(is_lost, 0, (moved - u @ inner) / jnp.where(is_lost, 1, s**2))
    return u, u @ _apart(inner + inner.T, s[0], s[0] ** 2) + outside


def _apart(numerators: Array, told_by: Array, values: Array) -> Array:
    """Nᵢⱼ/(vⱼ − vᵢ), and 0 where those that tell them apart are equal up to rounding."""
    gaps, own_gaps = (v[None] - v[:, None] for v in (told_by, values))
    are_equal = jnp.abs(gaps) <= _rounding(numerators) * jnp.max(jnp.abs(told_by), initial=0.0)
    return jnp.where(are_equal, 0, numerators / jnp.where(are_equal, 1, own_gaps))


def _rounding(a: Array) -> Any:
    return max(a.shape) * jnp.finfo(a.dtype).eps
