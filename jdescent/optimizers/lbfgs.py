"""Quasi-Newton steps of limited memory."""

from typing import Annotated

import jax.numpy as jnp
from jax import lax

from jdescent.core import (
    Base,
    Count,
    Optimizer,
    Rate,
    Vector,
    chain,
    dot,
    each,
    norm,
    optimizer,
    quotient,
    treewise,
    vector,
)
from jdescent.numerics import ratio
from jdescent.optimizers.linesearch import zoom_linesearch


@optimizer
def lbfgs(
    learning_rate: Annotated[Rate | None, "before the line search; 1 if None"] = None,
    memory_size: Annotated[Count, "m, the pairs that are kept"] = 10,
    scale_init_precond: Annotated[bool, "begin with γ·I, not with I"] = True,
    linesearch: Annotated[
        Base | None, "what follows the step, optax's as well; none if None"
    ] = zoom_linesearch(20),  # noqa: B008
) -> Optimizer:
    """L-BFGS: Newton's step with an inverse Hessian H made of the last m changes of the gradient.

        s ← x − x_previous, y ← g − g_previous
        keep the pair if sᵀy > ε·‖s‖·‖y‖        ε of the dtype; the oldest of m + 1 is dropped
        γ ← sᵀy/yᵀy                             of the last pair; min(1, 1/‖g‖) before there is one
        q ← g
        for each pair, the last first:          a ← sᵀq/sᵀy,  q ← q − a·y
        r ← γ·q
        for each pair, the first first:         b ← yᵀr/sᵀy,  r ← r + (a − b)·s
        x ← x − lr·r                            as far along it as the line search goes

    Pairs are kept in units of ‖s‖, which changes no H and holds gradients of any size. On a
    quadratic in n dimensions with exact line searches it ends in n steps, with the iterates of
    conjugate gradients. The loss should be the same at every step: on changing batches y is noise.

    Differs from: optax.lbfgs keeps pairs whatever the sign of sᵀy, so that without a line search
    the step may ascend; as long as every sᵀy is positive the steps are the same.
    torch.optim.LBFGS begins with min(1, 1/‖g‖₁) and takes up to 20 steps a call.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> start = jnp.array([-1.2, 1.0])
        >>> path = jd.descend(jd.losses.rosenbrock(), start, jd.lbfgs(), steps=60, tolerance=1e-3)
        >>> print(path.verdict.converged, path.verdict.step < 50)
        True True

    Reference: D. C. Liu and J. Nocedal, 1989, On the Limited Memory BFGS Method for Large Scale
    Optimization; J. Nocedal and S. J. Wright, 2006, Numerical Optimization, Algorithms 7.4 and 7.5.
    """

    def rule(lr, steps, g, x, x_previous, g_previous, S, Y):
        size = norm(x - x_previous)
        pair = (quotient(change, size) for change in (x - x_previous, g - g_previous))
        S, Y = _with_pair(S, Y, *pair, steps > 0)
        s, y = _latest(S), _latest(Y)
        length = norm(y)
        gamma = ratio(dot(s, quotient(y, length)), length)
        gamma = jnp.where(length > 0, gamma, jnp.minimum(1, 1 / norm(g)))
        gamma = gamma if scale_init_precond else 1
        return -lr * two_loops(g, S, Y, gamma), x, g, S, Y

    pairs = vector(lambda x: jnp.stack([jnp.zeros_like(x)] * memory_size), wide=True)
    step = treewise(
        rule,
        1.0 if learning_rate is None else learning_rate,
        x_previous=vector(wide=True),
        g_previous=vector(wide=True),
        S=pairs,
        Y=pairs,
    )
    return step if linesearch is None else chain(step, linesearch)


def two_loops(g: Vector, S: Vector, Y: Vector, gamma) -> Vector:
    """H·g; a pair of zeros, which stands for one not yet there, leaves it as it is."""

    def backward(q, pair):
        s, y = pair
        a = ratio(dot(s, q), dot(s, y))
        return q - a * y, a

    def forward(r, row):
        s, y, a = row
        b = ratio(dot(y, r), dot(s, y))
        return r + (a - b) * s, None

    q, a = lax.scan(backward, g, (S, Y), reverse=True)
    return lax.scan(forward, gamma * q, (S, Y, a))[0]


def _with_pair(S: Vector, Y: Vector, s: Vector, y: Vector, is_one) -> tuple[Vector, Vector]:
    """The memories with this pair as the last, if it has positive curvature."""
    sy = dot(s, y)
    keeps = is_one & (sy > jnp.finfo(sy.dtype).eps * norm(s) * norm(y))

    def shifted(pairs, new):
        return jnp.where(keeps, jnp.concatenate([pairs[1:], new[None]]), pairs)

    return each(shifted, S, s), each(shifted, Y, y)


def _latest(pairs: Vector) -> Vector:
    return each(lambda array: array[-1], pairs)
