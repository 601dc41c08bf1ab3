"""Steps that whiten a matrix's gradients from both sides, otherwise than Shampoo does."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from jdescent.core import (
    Coefficient,
    Count,
    Decay,
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
from jdescent.numerics import after, each_in_turn
from jdescent.optimizers.averaging import ema_params
from jdescent.optimizers.bases import eigenvectors
from jdescent.optimizers.preconditioned import along_axes, gram, power, transposed


@optimizer
def splus(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    weight_decay: Annotated[Scheduled, "multiplied by the array's own rate"] = 0.01,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
    *,
    ema_rate: Annotated[Decay, "γ, of the average of the parameters"] = 0.999,
    inverse_steps: Annotated[Count, "T, steps from one basis to the next"] = 100,
    nonstandard_constant: Annotated[
        NonNegative, "in place of 2/(inputs + outputs), of arrays that are no such matrices"
    ] = 1e-3,
    max_dim: Annotated[Count, "longer axes are left as they are"] = 10000,
) -> Optimizer:
    """SPlus: sign steps in the basis in which Shampoo's matrices are diagonal.

        m ← β₁·m + (1 − β₁)·g
        u ← Q_L·sign(Q_Lᵀ·m·Q_R)·Q_Rᵀ               of a matrix; sign(m) of other arrays
        L ← β₂·L + (1 − β₂)·g·gᵀ
        R ← β₂·R + (1 − β₂)·gᵀ·g
        Q_L, Q_R ← eigenvectors of L and R          after the first step, and every T-th
        x ← x − lr·2/(inputs + outputs)·(u + w·x)   lr·0.001 for other arrays
        average ← γ·average + (1 − γ)·x             free of its bias; `averaged_params` reads it

    All singular values of a step are of one order, as those of its square signs are, so that a
    basis may grow old without steps growing large. At the first step the basis is that of x. Where
    eigenvalues are equal any basis of theirs would do, and sign steps tell which one came.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, x = jd.splus(1.0, weight_decay=0.0), jnp.zeros((2, 2))
        >>> updates, state = optimizer.update(jnp.array([[3.0, 0.0], [0.0, -0.1]]),
        ...                                   optimizer.init(x), x)
        >>> print(updates, jd.averaged_params(state)[0])
        [[-0.5 -0. ]
         [-0.   0.5]] [-0.5  0. ]

    Reference: K. Frans, S. Levine and P. Abbeel, 2025, A Stable Whitening Optimizer for Efficient
    Neural Network Training, Algorithm 1; the order of the first step as in the authors' code.
    """

    def rule(lr, t, g, x, w, m, H, Q):
        m = b1 * m + (1 - b1) * g
        u = along_axes(Q, jnp.sign(along_axes(transposed(Q), m)))
        H = tuple(None if h is None else b2 * h + (1 - b2) * gram(g, i) for i, h in enumerate(H))
        is_due = (t == 1) | (t % inverse_steps == 0)
        Q = each_in_turn(lambda h, q: renewed(is_due, h, q), H, Q)
        is_matrix = g.ndim == 2 and max(g.shape) <= max_dim
        own_rate = 2 / sum(g.shape) if is_matrix else nonstandard_constant
        return -lr * own_rate * (u + w * x), m, H, Q

    def statistics(x, of_length=jnp.zeros):
        if x.ndim != 2:
            return ()
        return tuple(of_length((n, n), dtype=x.dtype) if n <= max_dim else None for n in x.shape)

    def bases(x):
        return statistics(x, lambda shape, dtype: jnp.eye(shape[0], dtype=dtype))

    w = Coefficient("weight_decay", weight_decay, mask)
    H, Q = Memory(statistics, wide=True), Memory(bases, wide=True)
    return ema_params(leafwise(rule, learning_rate, in_turn=True, w=w, m=0, H=H, Q=Q), ema_rate)


@jax.jit
def renewed(is_due: Any, h: Array, q: Array) -> Array:
    return lax.cond(is_due, lambda: eigenvectors(h), lambda: q)


@optimizer
def kl_shampoo(
    learning_rate: Rate,
    b1: Annotated[Decay, "of the mean gradient"] = 0.95,
    b2: Annotated[Decay, "of L and R"] = 0.95,
    eps: Annotated[Positive, "added to the eigenvalues of L and R"] = 1e-8,
    weight_decay: Annotated[Scheduled, "multiplied by lr"] = 0.0,
    mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
    *,
    initial_scale: Annotated[Positive, "L and R are this times I at first"] = 1.0,
) -> Optimizer:
    """KL-Shampoo: the Kronecker product nearest to the gradients' covariance in Kullback-Leibler.

        L₊ ← β₂·L + (1 − β₂)·g·R⁻¹·gᵀ/columns       of a matrix, from L = R = I
        R₊ ← β₂·R + (1 − β₂)·gᵀ·L⁻¹·g/rows
        m ← β₁·m + (1 − β₁)·g
        x ← x − lr·(L₊^(−½)·m·R₊^(−½) + w·x)

    L⊗R moves to where the divergence of N(0, L⊗R) from N(0, E[g·gᵀ]) is least, where g stands for
    all its elements as a vector; no other optimizer need give the step its length. An array of k
    axes has a factor for each, and is whitened by the others along theirs; a vector's one is the
    mean of g·gᵀ, and a scalar's that of g². Roots are exact and of every step, in float32 or wider.

    Differs from: the authors' code keeps a basis that a QR step turns every few steps, and
    estimates the eigenvalues in it, as `soap` does.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.kl_shampoo(1.0, b1=0.0, b2=0.0)
        >>> g = jnp.array([[3.0, 0.0], [0.0, -0.5]])
        >>> print(optimizer.update(g, optimizer.init(g), g)[0].round(3))
        [[-0.667 -0.   ]
         [-0.     4.   ]]

    Reference: W. Lin et al., 2025, Understanding and Improving Shampoo and SOAP via
    Kullback-Leibler Minimization, the moving averages of its idealized KL-Shampoo.
    """

    def rule(lr, g, x, w, m, H):
        m = b1 * m + (1 - b1) * g
        a = jnp.atleast_1d(g)
        roots = inverse_roots(H)

        def seen_by_the_others(axis):
            others = tuple(None if i == axis else r for i, r in enumerate(roots))
            return gram(along_axes(others, a), axis) * (a.shape[axis] / a.size)

        H = tuple(b2 * h + (1 - b2) * seen_by_the_others(i) for i, h in enumerate(H))
        step = along_axes(inverse_roots(tuple(after(h, roots) for h in H)), jnp.atleast_1d(m))
        return -lr * (step.reshape(g.shape) + w * x), m, H

    def inverse_roots(H):
        return each_in_turn(lambda h: power(h, -0.5, eps), H)

    def factors(x):
        return tuple(initial_scale * jnp.eye(n, dtype=x.dtype) for n in jnp.atleast_1d(x).shape)

    w = Coefficient("weight_decay", weight_decay, mask)
    return leafwise(rule, learning_rate, in_turn=True, w=w, m=0, H=Memory(factors, wide=True))
