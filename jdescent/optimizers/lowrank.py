"""Steps and memories of low rank."""

import functools
import math
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from jdescent._jax import laid_like, whole
from jdescent.core import (
    Base,
    Coefficient,
    Count,
    Decay,
    Key,
    Mask,
    Memory,
    NonNegative,
    Optimizer,
    Rate,
    Real,
    Scheduled,
    Vector,
    each,
    leafwise,
    norm,
    optimizer,
    treewise,
    vector,
)
from jdescent.core.contract import accept_extra
from jdescent.core.trees import common_dtype
from jdescent.numerics import ratio, root
from jdescent.optimizers.adam import adam, adamw
from jdescent.optimizers.bases import orthonormal, singular_vectors
from jdescent.optimizers.matrices import matrices_and_others
from jdescent.optimizers.orthogonal import MatrixDecay, MatrixMask, Others


@optimizer
def dion(
    learning_rate: Rate,
    rank: Annotated[Count | None, "r; all of them if None"] = None,
    momentum: Annotated[Decay, "μ"] = 0.95,
    eps: NonNegative = 1e-8,
    weight_decay: MatrixDecay = 0.01,
    weight_decay_mask: MatrixMask = None,
    *,
    key: Annotated[Key | None, "of Q's start; jax.random.key(0) if None"] = None,
    others: Others = None,
) -> Optimizer:
    """Dion: orthogonal steps of low rank; momentum keeps what they leave out.

        M ← M + g                       of a matrix, transposed to outputs × inputs
        P ← orth(M·Q)                   by QR: one step of power iteration
        R ← Mᵀ·P
        M ← M − (1 − μ)·P·Rᵀ
        Q ← R/(‖R‖ + ε)                 each column
        x ← x − lr·(√(outputs/inputs)·P·Qᵀ + w·x)

    At rank r = min(outputs, inputs) and in its limit P·Qᵀ is Muon's orthogonal step. Q starts at
    normals. Matrices are arrays of two axes, inputs × outputs; other parameters go to `others`.
    Where M lacks rank r, the rest of P is any, and the step has no derivative in directions that
    raise the rank (as |x| has none at 0): the one that comes leaves the rest of P as it is.

    Differs from: microsoft/dion takes rows for outputs, and may transpose the smaller axis first;
    a column of R that is 0 keeps its Q for the next step here, and steps by 0.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.dion(1.0, rank=1)
        >>> g = jnp.array([[3.0, 0.0], [4.0, 0.0]])
        >>> print(optimizer.update(g, optimizer.init(g), 0 * g)[0])
        [[-0.6 -0. ]
         [-0.8 -0. ]]

    Reference: K. Ahn et al., 2025, Dion: Distributed Orthonormalized Updates, Algorithm 1.
    """
    key = jax.random.key(0) if key is None else key

    def of_matrices(numbers, mask):
        def rule(lr, g, x, w, M, Q):
            M = M + g
            B = whole(M).T
            P = orthonormal(B @ Q)
            R = B.T @ P
            M = M - (1 - momentum) * laid_like(g, (P @ R.T).T)
            lengths = root(jnp.sum(R**2, 0, keepdims=True))
            columns = ratio(R, lengths, eps)
            Q = jnp.where(lengths == 0, Q, columns)
            scale = math.sqrt(g.shape[1] / g.shape[0])
            return -lr * (scale * laid_like(g, (P @ columns.T).T) + w * x), M, Q

        def normals(x):
            r = min(x.shape) if rank is None else min(rank, *x.shape)
            return jax.random.normal(key, (x.shape[0], r), common_dtype(jnp.float32, x))

        w = Coefficient("weight_decay", weight_decay, mask)
        return leafwise(rule, learning_rate, in_turn=True, w=w, M=0, Q=Memory(normals))

    others = adamw(learning_rate, weight_decay=0.0) if others is None else others
    return matrices_and_others(of_matrices, others, None, weight_decay_mask)


@optimizer
def galore(
    learning_rate: Rate,
    rank: Annotated[Count, "r"] = 128,
    update_proj_gap: Annotated[Count, "T, steps from one subspace to the next"] = 200,
    scale: Annotated[NonNegative, "α"] = 1.0,
    base_optimizer: Annotated[Base | None, "with rate 1; adam(1.0) if None"] = None,
    weight_decay: Annotated[Scheduled, "multiplied by lr"] = 0.0,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
    *,
    proj_type: Annotated[
        Literal["std", "reverse_std"], "project the shorter axis (the paper) or the longer (optax)"
    ] = "std",
) -> Optimizer:
    """GaLore: another optimizer, given a matrix's gradient in a subspace of low rank.

        P ← the first r columns of U    every T steps, of g = U·S·Vᵀ
        r ← Pᵀ·g
        n ← the step of the base, given r
        x ← x + lr·(α·P·n − w·x)

    of a matrix with no more rows than columns; of others P are columns of V, r ← g·P and the step
    is n·Pᵀ. Vectors, scalars and arrays of more axes go to the base as they are, without α. The
    memories of the base stay as they are when P changes. Where a gradient lacks rank r, rounding
    chooses the rest of P, and a base like Adam makes steps of full length of what is rounding
    there; derivatives hold that rest of P as it is.

    Differs from: optax.contrib.galore projects the longer axis (here ``proj_type="reverse_std"``),
    takes base optimizers that ascend, and matrices of more axes.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.galore(0.5, rank=1, base_optimizer=jd.sgd(1.0))
        >>> g = jnp.array([[4.0, 0.0], [0.0, 1.0]])
        >>> print(optimizer.update(g, optimizer.init(g), g)[0])
        [[-2. -0.]
         [-0. -0.]]

    Reference: J. Zhao et al., 2024, GaLore: Memory-Efficient LLM Training by Gradient Low-Rank
    Projection, Algorithm 2.
    """
    base = adam(1.0) if base_optimizer is None else base_optimizer
    update = accept_extra(base.update)

    def rule(lr, steps, g, x, w, P, inner):
        is_due = steps % update_proj_gap == 0
        P = each(lambda p, g: subspace(is_due, p, g), P, g)
        n, inner = update(each(projected, P, g).tree, inner)
        step = each(back, P, Vector.of(n), g)
        return lr * (step - w * x), P, inner

    def projects_rows(x):
        return (x.shape[0] <= x.shape[1]) == (proj_type == "std")

    def subspace(is_due, p, g):
        return p if g.ndim != 2 else next_subspace(is_due, p, g, of_rows=projects_rows(g))

    def projected(p, g):
        if g.ndim != 2:
            return g
        return p.T @ whole(g) if projects_rows(g) else whole(g) @ p

    def back(p, n, g):
        if g.ndim != 2:
            return n
        return scale * laid_like(g, p @ n if projects_rows(g) else n @ p.T)

    def empty(x):
        # files of checkpoints hold no arrays without elements
        shape = () if x.ndim != 2 else (x.shape[not projects_rows(x)], min(rank, *x.shape))
        return jnp.zeros(shape, x.dtype)

    def begun(x):
        return base.init(each(lambda a: projected(empty(a), a), x).tree)

    w = Coefficient("weight_decay", weight_decay, mask)
    return treewise(rule, learning_rate, w=w, P=vector(empty), inner=Memory(begun))


@optimizer
def apollo(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: Annotated[NonNegative, "outside the root"] = 1e-6,
    weight_decay: Annotated[Scheduled, "multiplied by lr"] = 0.0,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
    *,
    rank: Annotated[Count, "r"] = 128,
    update_proj_gap: Annotated[Count, "T, steps from one projection to the next"] = 200,
    scale: Annotated[NonNegative, "α"] = 1.0,
    scale_type: Annotated[
        Literal["channel", "tensor"], "a scale for each channel, or one for the matrix"
    ] = "channel",
    growth: Annotated[Any, Real(low=1.0), "γ, by which a step may be longer than the last"] = 1.01,
    key: Annotated[Key | None, "of P; jax.random.key(0) if None"] = None,
) -> Optimizer:
    """APOLLO: SGD whose channels are as long as Adam's would be, told by a random projection.

        P ← normals/√r                  r × rows, every T steps
        r ← P·g                         of a matrix with no more rows than columns
        n ← the step of Adam for r, from m and v of r
        s ← ‖n‖/‖r‖                     each column; of the whole with scale_type="tensor"
        u ← √α·g·s
        u ← u·min(1, γ·‖u₋‖/‖u‖)        u₋ of the step before
        x ← x − lr·(u + w·x)

    of other matrices r ← g·Pᵀ, and s is of each row. Vectors, scalars and arrays of more axes are
    Adam's. APOLLO-Mini is ``rank=1, scale=128.0, scale_type="tensor"``. m and v stay as they are
    when P changes. Beside m and v, which are r long, P is kept here.

    Differs from: the authors' code keeps the seed of P, adds 1e-8 to ‖r‖ and to ‖u₋‖, and does not
    limit a step after one of length 0; nor is one limited here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.apollo(0.1, rank=1)
        >>> g = jnp.array([[4.0, 0.0], [0.0, 1.0]])
        >>> updates, _ = optimizer.update(g, optimizer.init(g), g)
        >>> print(bool(updates[0, 0] < 0), updates[0, 1] == 0)
        True True

    Reference: H. Zhu et al., 2025, APOLLO: SGD-like Memory, AdamW-level Performance, Algorithm 1;
    the limit on growth, X. Chen et al., 2024, Fira, eq. (8).
    """
    key = jax.random.key(0) if key is None else key

    def adam_step(t, g, m, v):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        return ratio(m / (1 - b1**t), root(v / (1 - b2**t)), eps), m, v

    def rule(lr, t, steps, g, x, w, key, m, v, P, length):
        if g.ndim != 2:
            n, m, v = adam_step(t, g, m, v)
            return -lr * (n + w * x), m, v, P, length
        is_wide = g.shape[0] <= g.shape[1]
        G = whole(g) if is_wide else whole(g).T
        P = lax.cond(steps % update_proj_gap == 0, lambda: normals(key, P), lambda: P)
        r = P @ G
        n, m, v = adam_step(t, r, m, v)
        axis = 0 if scale_type == "channel" else None
        s = ratio(*(root(jnp.sum(a**2, axis, keepdims=True)) for a in (n, r)))
        u = scale**0.5 * G * s
        size = norm(u)
        limit = jnp.where(length == 0, size, growth * length)
        factor = jnp.where(size > limit, ratio(limit, size), 1)
        u = factor * (u if is_wide else u.T)
        return -lr * (laid_like(g, u) + w * x), m, v, P, factor * size

    def normals(key, P):
        return jax.random.normal(key, P.shape, P.dtype) / math.sqrt(len(P))

    def projection(x):
        return jnp.zeros((min(rank, *x.shape), min(x.shape)) if x.ndim == 2 else (), x.dtype)

    def projected(x):
        return jnp.zeros_like(x, shape=(min(rank, *x.shape), max(x.shape)) if x.ndim == 2 else None)

    w = Coefficient("weight_decay", weight_decay, mask)
    memories = {"m": Memory(projected), "v": Memory(projected, wide=True)}
    memories |= {"P": Memory(projection), "length": Memory(lambda x: jnp.zeros((), x.dtype))}
    return leafwise(rule, learning_rate, key=key, in_turn=True, w=w, **memories)


@functools.partial(jax.jit, static_argnames="of_rows")
def next_subspace(is_due: Any, p: Array, g: Array, of_rows: bool) -> Array:
    """As many left or right singular vectors of g as p has, where they are due; p otherwise."""
    return lax.cond(is_due, lambda: singular_vectors(whole(g), of_rows)[:, : p.shape[1]], lambda: p)
