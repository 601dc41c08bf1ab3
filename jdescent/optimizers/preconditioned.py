"""Steps multiplied by a matrix along every axis of a parameter: Shampoo, and Adam in its basis."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from jdescent._jax import laid_like, whole
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
from jdescent.numerics import each_in_turn, ratio, root
from jdescent.optimizers.bases import eigenvectors, orthonormal

Matrices = tuple  # one for each axis, or None for an axis that is left alone


def gram(g: Array, axis: int) -> Array:
    """G·Gᵀ of an array unfolded along an axis: the inner products of its slices."""
    unfolded = jnp.moveaxis(whole(g), axis, 0).reshape(g.shape[axis], -1)
    return unfolded @ unfolded.T


def along_axes(matrices: Matrices, g: Array) -> Array:
    """The array multiplied by a matrix along each axis: L·g·Rᵀ of (L, R)."""
    result = whole(g)
    for axis, matrix in enumerate(matrices):
        if matrix is not None:
            result = jnp.moveaxis(jnp.tensordot(matrix, result, (1, axis)), 0, axis)
    return laid_like(g, result)


def transposed(matrices: Matrices) -> Matrices:
    return tuple(None if a is None else a.T for a in matrices)


@jax.custom_jvp
@jax.jit
def power(h: Array, exponent: Any, eps: Any) -> Array:
    """(H + ε·I)ᵖ of a symmetric H ≥ 0, by its eigenvalues.

    Those that are rounding are taken for the largest that rounding makes: of one taken for 0 the
    root would magnify what is rounding in the gradient as well.
    """
    values, vectors = _resolved(h, eps)
    return (vectors * values[None] ** exponent) @ vectors.T


@power.defjvp
@jax.jit
def _(primals, tangents):
    """By divided differences of λᵖ, which have limits where eigenvalues are equal."""
    (h, p, eps), (dh, dp, d_eps) = primals, tangents
    values, vectors = _resolved(h, eps)
    column, row = values[:, None], values[None]
    gaps = column - row
    are_near = jnp.abs(gaps) <= jnp.cbrt(jnp.finfo(h.dtype).eps) * (column + row)
    quotients = (column**p - row**p) / jnp.where(are_near, 1, gaps)
    slopes = jnp.where(are_near, p * ((column + row) / 2) ** (p - 1), quotients)
    turned = slopes * (vectors.T @ dh @ vectors)
    own = p * values ** (p - 1) * d_eps + values**p * jnp.log(values) * dp
    return (vectors * row**p) @ vectors.T, vectors @ (turned + jnp.diag(own)) @ vectors.T


def _resolved(h: Array, eps: Any) -> tuple[Array, Array]:
    values, vectors = jnp.linalg.eigh(h)
    least = len(h) * jnp.finfo(h.dtype).eps * values[-1]
    return jnp.maximum(values, least) + eps, vectors


@optimizer
def shampoo(
    learning_rate: Rate,
    eps: Annotated[Positive, "what the statistics start at"] = 1e-4,
    decay: Annotated[Decay | None, "β of running means; sums if None"] = None,
    exponent: Annotated[Positive | None, "p; 1/(2k) for an array of k axes if None"] = None,
) -> Optimizer:
    """Shampoo: AdaGrad with a full matrix for every axis of a parameter.

        L ← L + g·gᵀ                    from L = R = 0; or L ← β·L + (1 − β)·g·gᵀ
        R ← R + gᵀ·g
        x ← x − lr·(L + ε·I)⁻ᵖ·g·(R + ε·I)⁻ᵖ    p = 1/4 for a matrix

    An array of k axes has a statistic of the products along each, and p = 1/(2k); so a vector has
    AdaGrad's full matrix, and a scalar AdaGrad itself. Every matrix is as large as its axis is long
    squared, and is decomposed at every step, in float32 or wider.

    Differs from: pytorch_optimizer and torch_optimizer take p = 1/k (here ``exponent=0.5`` for
    matrices); Anil et al. and others take running means, change the roots every few steps, and
    give the step another optimizer's length.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.shampoo(1.0)
        >>> g = jnp.array([[3.0, 0.0], [0.0, -0.5]])
        >>> print(jnp.round(optimizer.update(g, optimizer.init(g))[0], 3))
        [[-1. -0.]
         [-0.  1.]]

    Reference: V. Gupta, T. Koren and Y. Singer, 2018, Shampoo: Preconditioned Stochastic Tensor
    Optimization, Algorithms 1 and 2.
    """

    def rule(lr, g, H):
        grams = [gram(jnp.atleast_1d(g), axis) for axis in range(len(H))]
        if decay is None:
            H = tuple(h + new for h, new in zip(H, grams, strict=True))
        else:
            H = tuple(decay * h + (1 - decay) * new for h, new in zip(H, grams, strict=True))
        p = 1 / (2 * len(H)) if exponent is None else exponent
        step = along_axes(each_in_turn(lambda h: power(h, -p, eps), H), jnp.atleast_1d(g))
        return -lr * step.reshape(g.shape), H

    def statistics(x):
        return tuple(jnp.zeros((n, n), x.dtype) for n in jnp.atleast_1d(x).shape)

    return leafwise(rule, learning_rate, in_turn=True, H=Memory(statistics, wide=True))


@optimizer
def soap(
    learning_rate: Rate,
    b1: Decay = 0.95,
    b2: Decay = 0.95,
    eps: Annotated[NonNegative, "outside the root"] = 1e-8,
    weight_decay: Annotated[Scheduled, "multiplied by lr"] = 0.01,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
    mu_dtype: Annotated[DType | None, "of m"] = None,
    *,
    shampoo_beta: Annotated[Decay | None, "β of L and R; β₂ if None"] = None,
    precondition_frequency: Annotated[Count, "f, steps from one basis to the next"] = 10,
    max_precondition_dim: Annotated[Count, "longer axes are left as they are"] = 10000,
    precondition_1d: Annotated[bool, "give a basis to vectors as well"] = False,
    sort_basis: Annotated[bool, "by the eigenvalues, with v, before each QR"] = False,
) -> Optimizer:
    """SOAP: Adam in the basis in which Shampoo's matrices are diagonal.

        g' ← Q_Lᵀ·g·Q_R
        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g'²
        m' ← Q_Lᵀ·m·Q_R
        x ← x − lr·(Q_L·(m̂'/(√v̂ + ε))·Q_Rᵀ + w·x)
        L ← β·L + (1 − β)·g·gᵀ
        R ← β·R + (1 − β)·gᵀ·g
        Q_L ← QR(L·Q_L), Q_R ← QR(R·Q_R)    every f steps

    m̂' and v̂ are free of their bias. At the first call there is no basis yet: it only fills L and R,
    whose eigenvectors Q_L and Q_R become, and x stays; Adam counts from the second. Vectors and
    scalars, and axes that are too long, keep their basis: all that is left there is Adam. An array
    of more axes has a basis for each. Decompositions are made in float32 or wider.

    Within a space of equal eigenvalues, as that of zeros is where gradients lack rank, any basis
    would do: derivatives are those of one that does not turn there, and what depends on which one
    came has none.

    Differs from: the paper's Algorithm 3 leaves out the start, the bias and the decay; they are as
    in the authors' code. That, as most that follow it, sorts the basis and v before each QR (here
    ``sort_basis=True``: a tenth to a third of a path away); it corrects lr rather than v̂, so that
    its ε is ε/√(1 − β₂ᵗ), and decays x after the step.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> g = jnp.array([[3.0, 4.0]])
        >>> optimizer = jd.soap(0.1, weight_decay=0.0)
        >>> nothing, state = optimizer.update(g, optimizer.init(g), g)
        >>> print(nothing, optimizer.update(g, state, g)[0])
        [[-0. -0.]] [[-0.06 -0.08]]

    Reference: N. Vyas et al., 2024, SOAP: Improving and Stabilizing Shampoo using Adam,
    Algorithms 3 and 4.
    """
    b, f = b2 if shampoo_beta is None else shampoo_beta, precondition_frequency

    def rule(lr, t, steps, g, x, w, m, v, H, Q):
        begun, n = jnp.minimum(t - 1, 1), jnp.maximum(t - 1, 1)
        g_basis = along_axes(transposed(Q), begun * g)
        m = b1 * m + (1 - b1) * (begun * g)
        v = b2 * v + (1 - b2) * g_basis**2
        m_hat = along_axes(transposed(Q), m) / (1 - b1**n)
        v_hat = v / (1 - b2**n)
        roots = root(v_hat)
        if any(q is not None for q in Q):  # what turns from 0 is rounding, in m_hat and in v_hat
            roots = jnp.maximum(roots, g.size * jnp.finfo(g.dtype).eps * jnp.max(roots))
        step = along_axes(Q, ratio(m_hat, roots, eps))
        H = tuple(None if h is None else b * h + (1 - b) * gram(g, i) for i, h in enumerate(H))
        v, Q = in_order(steps, f, v, H, Q) if sort_basis else (v, Q)
        Q = each_in_turn(lambda h, q: next_basis(steps, f, h, q), H, Q)
        return -lr * (step + begun * w * x), m, v, H, Q

    def statistics(x, of_length=jnp.zeros):
        if x.ndim < (1 if precondition_1d else 2):
            return ()
        return tuple(
            of_length((n, n), dtype=x.dtype) if n <= max_precondition_dim else None for n in x.shape
        )

    def bases(x):
        return statistics(x, lambda shape, dtype: jnp.eye(shape[0], dtype=dtype))

    w = Coefficient("weight_decay", weight_decay, mask)
    m, v = Memory(dtype=mu_dtype), Memory(wide=True)
    H, Q = Memory(statistics, wide=True), Memory(bases, wide=True)
    return leafwise(rule, learning_rate, in_turn=True, w=w, m=m, v=v, H=H, Q=Q)


@jax.jit
def next_basis(steps: Any, frequency: Any, h: Array, q: Array) -> Array:
    """Eigenvectors of H, by falling eigenvalues; later one power iteration from Q if due."""

    def later():
        return lax.cond(steps % frequency == 0, lambda: orthonormal(h @ q), lambda: q)

    return lax.cond(steps == 0, lambda: eigenvectors(h), later)


@jax.jit
def in_order(
    steps: Any, frequency: Any, v: Array, H: Matrices, Q: Matrices
) -> tuple[Array, Matrices]:
    """v and Q with each axis by falling eigenvalues, qᵀ·H·q, where a new basis is due."""
    is_due = (steps > 0) & (steps % frequency == 0)
    result, bases = whole(v), []
    for axis, (h, q) in enumerate(zip(H, Q, strict=True)):
        if h is not None:
            order = jnp.argsort(-jnp.sum(q * (h @ q), 0))
            order = jnp.where(is_due, order, jnp.arange(len(h), dtype=order.dtype))
            result, q = jnp.take(result, order, axis), q[:, order]
        bases.append(q)
    return laid_like(v, result), tuple(bases)
