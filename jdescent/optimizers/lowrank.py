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
)
from jdescent.core.contract import accept_extra
from jdescent.core.trees import common_dtype
from jdescent.numerics import each_in_turn, ratio, root
from jdescent.optimizers.adam import adam, adamw
from jdescent.optimizers.bases import orthonormal, singular_vectors
from jdescent.optimizers.matrices import (
    MuonDimensionNumbers,
    as_array,
    as_matrices,
    matrices_and_others,
)
from jdescent.optimizers.matrices import numbers_of as numbers_of_leaves
from jdescent.optimizers.orthogonal import DimensionNumbers, MatrixDecay, MatrixMask, Others


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
    weight_dimension_numbers: DimensionNumbers = None,
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
    normals. Parameters that are no matrices go to `others`. Where M lacks rank r, the rest of P is
    any, and the step has no derivative in directions that raise the rank (as |x| has none at 0):
    the one that comes leaves the rest of P as it is.

    Differs from: microsoft/dion takes rows for outputs (here
    ``weight_dimension_numbers=MuonDimensionNumbers(1, 0)``), and may transpose the smaller axis
    first; a column of R that is 0 keeps its Q for the next step here, and steps by 0.

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
            B = as_matrices(M, numbers)
            P = jnp.vectorize(orthonormal, signature="(m,n)->(m,n)")(B @ Q)
            R = B.mT @ P
            M = M - (1 - momentum) * as_array(P @ R.mT, g, numbers)
            lengths = root(jnp.sum(R**2, -2, keepdims=True))
            columns = ratio(R, lengths, eps)
            Q = jnp.where(lengths == 0, Q, columns)
            outputs, inputs = numbers.sizes(g.shape)
            step = math.sqrt(outputs / inputs) * as_array(P @ columns.mT, g, numbers)
            return -lr * (step + w * x), M, Q

        def normals(x):
            *batch, outputs, inputs = as_matrices(x, numbers).shape
            r = min(outputs, inputs) if rank is None else min(rank, outputs, inputs)
            Q = jax.random.normal(key, (inputs, r), common_dtype(jnp.float32, x))
            return jnp.broadcast_to(Q, (*batch, inputs, r))

        w = Coefficient("weight_decay", weight_decay, mask)
        return leafwise(rule, learning_rate, in_turn=True, w=w, M=0, Q=Memory(normals))

    others = adamw(learning_rate, weight_decay=0.0) if others is None else others
    return matrices_and_others(of_matrices, others, weight_dimension_numbers, weight_decay_mask)


@optimizer
def galore(
    learning_rate: Rate,
    rank: Annotated[Count, "r"] = 128,
    update_proj_gap: Annotated[Count, "T, steps from one subspace to the next"] = 200,
    scale: Annotated[NonNegative, "α"] = 1.0,
    base_optimizer: Annotated[Base | None, "with rate 1; adam(1.0) if None"] = None,
    weight_decay: Annotated[Scheduled, "multiplied by lr"] = 0.0,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
    weight_dimension_numbers: Annotated[
        Any,
        "`MuonDimensionNumbers` of each parameter, or optax's, and None for those that are not "
        "projected, as a tree, a prefix or a function to it; one for all arrays of two axes or "
        "more; None for all of two axes, inputs × outputs",
    ] = None,
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

    of a matrix with no more rows, its inputs, than columns; of others P are columns of V, r ← g·P
    and the step is n·Pᵀ. Vectors, scalars and other arrays go to the base as they are, without α,
    and a matrix of more than two axes, or a batch of them, by its two. The memories of the base
    stay as they are when P changes. Where a gradient lacks rank r, rounding chooses the rest of P,
    and a base like Adam makes steps of full length of what is rounding there; derivatives hold that
    rest of P as it is.

    Differs from: optax.contrib.galore projects the longer axis (here ``proj_type="reverse_std"``),
    takes base optimizers that ascend, and no batches; the authors' code projects columns of square
    matrices with proj_type="std".

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
        is_due, numbers = steps % update_proj_gap == 0, numbers_of(g)
        G = each(in_rows, g, numbers)
        columns = (G.leaves, Vector.of(P).leaves, numbers.leaves)
        P = Vector(each_in_turn(lambda a, p, n: subspace(is_due, p, a, n), *columns), G.structure)
        n, inner = update(each(projected, G, P, numbers).tree, inner)
        step = each(back, g, Vector.of(n), P, numbers)
        return lr * (step - w * x), P, inner

    def numbers_of(x):
        return Vector(tuple(numbers_of_leaves(x.tree, of_matrices)), x.structure)

    def projects_rows(a):
        rows, columns = a.shape[-2:]
        return rows <= columns if proj_type == "std" else rows >= columns

    def subspace(is_due, p, a, numbers):
        p = p.astype(a.dtype)
        return p if numbers is None else next_subspace(is_due, p, a, projects_rows(a))

    def projected(a, p, numbers):
        if numbers is None:
            return a
        return p.mT @ a if projects_rows(a) else a @ p

    def back(g, n, p, numbers):
        if numbers is None:
            return n
        a = p @ n if projects_rows(in_rows(g, numbers)) else n @ p.mT
        return scale * as_array(a.mT, g, numbers)

    def empty(a, numbers):
        if numbers is None:
            return jnp.zeros((), a.dtype)  # files of checkpoints hold no arrays without elements
        *batch, rows, columns = a.shape
        side = rows if projects_rows(a) else columns
        return jnp.zeros((*batch, side, min(rank, rows, columns)), a.dtype)

    def no_subspaces(x):
        numbers = numbers_of(x)
        return each(empty, each(in_rows, x, numbers), numbers)

    def begun(x):
        numbers = numbers_of(x)
        return base.init(each(projected, each(in_rows, x, numbers), no_subspaces(x), numbers).tree)

    of_matrices = of_all_matrices(weight_dimension_numbers)
    w = Coefficient("weight_decay", weight_decay, mask)
    P = Memory(lambda x: no_subspaces(x).tree)
    return treewise(rule, learning_rate, w=w, P=P, inner=Memory(begun))


def of_all_matrices(numbers: Any) -> Any:
    """Those of a single matrix are of all arrays of two axes or more; others as they are."""
    if not hasattr(numbers, "output_axis"):
        return numbers
    return lambda params: jax.tree.map(lambda x: numbers if x.ndim > 1 else None, params)


def in_rows(x: Array, numbers: MuonDimensionNumbers | None) -> Array:
    """The matrices in an array, inputs × outputs; the array itself where it is none."""
    return x if numbers is None else as_matrices(x, numbers).mT


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
        s = ratio(lengths(n, axis), lengths(r, axis))
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
    return leafwise(rule, learning_rate, key=key, w=w, **memories)


def lengths(a: Array, axis: int | None) -> Array:
    """‖·‖ along an axis, or of the whole; in units of the largest element no square vanishes."""
    largest = lax.stop_gradient(jnp.max(jnp.abs(a)))
    unit = jnp.where(largest == 0, 1, largest)
    return unit * root(jnp.sum((a / unit) ** 2, axis, keepdims=True))


@functools.partial(jax.jit, static_argnames="of_rows")
def next_subspace(is_due: Any, p: Array, g: Array, of_rows: bool) -> Array:
    """As many left or right singular vectors of g as p has, where they are due; p otherwise."""
    of_each = jnp.vectorize(lambda a: singular_vectors(a, of_rows), signature="(m,n)->(j,k)")
    return lax.cond(is_due, lambda: of_each(g)[..., : p.shape[-1]], lambda: p)
