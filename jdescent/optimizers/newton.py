"""Steps by the whole Hessian or Gauss and Newton's, dense: for some hundreds of parameters."""

from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jdescent.core import (
    Coefficient,
    Function,
    Optimizer,
    Positive,
    Rate,
    Scheduled,
    Vector,
    norm,
    optimizer,
    treewise,
)
from jdescent.core.trees import as_arrays
from jdescent.numerics import or_infinite, ratio, root

Damping = Annotated[Scheduled, "δ, in the units of the curvature"]


@optimizer
def newton(
    learning_rate: Annotated[Rate, "1 is Newton's own step"] = 1.0, damping: Damping = 0.0
) -> Optimizer:
    """Newton's method: to the stationary point of the quadratic model, be it minimum or saddle.

        x ← x − lr·(H + δ·I)⁻¹·g

    On a quadratic one step of lr = 1 arrives. Near a minimum the error is squared at each step. It
    is invariant to linear changes of the parameters. Chained with `zoom_linesearch` it stays where
    its step ascends. Memory n², time n³ and n products with the Hessian.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> bowl = jd.losses.bowl((2.0, 40.0))
        >>> print(jd.descend(bowl, jnp.array([2.0, 1.0]), jd.newton(), steps=1).params)
        [0. 0.]

    Reference: J. Nocedal and S. J. Wright, 2006, Numerical Optimization, eq. (3.30); damped as in
    K. Levenberg, 1944, A Method for the Solution of Certain Non-linear Problems in Least Squares.
    """

    def rule(lr, g, hvp, damping):
        H = hessian(hvp, g)
        step = solved(H + damping * jnp.eye(len(H), dtype=H.dtype), g.flat)
        return -lr * g.with_flat(step)

    return treewise(rule, learning_rate, damping=Coefficient("damping", damping))


@optimizer
def saddle_free_newton(
    learning_rate: Annotated[Rate, "1 is Newton's own step where H is positive"] = 1.0,
    damping: Damping = 0.0,
) -> Optimizer:
    """Saddle-free Newton: as far as Newton goes, but always downhill.

        H = Q·diag(λ)·Qᵀ
        x ← x − lr·Q·diag(1/(|λ| + δ))·Qᵀ·g        0/0 = 0

    With lr = 1 a direction of positive curvature is done in one step, and along one of negative
    curvature the distance from the saddle doubles, whatever the curvature is.

    Differs from: the paper takes the |λ| of a Krylov subspace where there are many parameters, and
    searches δ at every step.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> saddle = lambda x: x[0] ** 2 - 3 * x[1] ** 2
        >>> optimizer = jd.saddle_free_newton()
        >>> print(jd.descend(saddle, jnp.array([1.0, 0.1]), optimizer, steps=1).params)
        [0.  0.2]

    Reference: Y. Dauphin et al., 2014, Identifying and Attacking the Saddle Point Problem in
    High-Dimensional Non-Convex Optimization, Algorithm 1.
    """

    def rule(lr, g, hvp, damping):
        return -lr * g.with_flat(solved_by_absolute(hessian(hvp, g), g.flat, damping))

    return treewise(rule, learning_rate, damping=Coefficient("damping", damping))


@optimizer
def cubic_newton(
    lipschitz: Annotated[Positive, "M ≥ ‖H(x) − H(y)‖/‖x − y‖; smaller steps the larger it is"],
) -> Optimizer:
    """Newton's method with cubic regularization: to the minimum of a model that bounds the loss.

        s = argmin g·s + ½·sᵀ·H·s + M/6·‖s‖³
        x ← x + s

    The minimum is s = −(H + ½M·r·I)⁻¹·g with r = ‖s‖ and H + ½M·r·I without negative curvature; r
    is found by bisection in the eigenbasis of H. Where g has no part along the lowest, negative
    curvature, that part of s makes up ‖s‖ = r (the hard case); so it leaves even an exact saddle.

    With M as large as the Lipschitz constant of H the loss never rises, by M/12·‖s‖³ at least each
    step it falls, and ‖∇L(x + s)‖ ≤ M·‖s‖².

    Differs from: the paper's algorithm may look for M from step to step; here it is given.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> saddle = lambda x: x[0] ** 2 - x[1] ** 2
        >>> path = jd.descend(saddle, jnp.array([0.0, 0.0]), jd.cubic_newton(4.0), steps=1)
        >>> print(jnp.abs(path.params))                                       # 2·|λ|/M
        [0. 1.]

    Reference: Y. Nesterov and B. T. Polyak, 2006, Cubic Regularization of Newton Method and Its
    Global Performance, sections 2 and 5.
    """

    def rule(g, hvp):
        M = jnp.asarray(lipschitz, g.flat.dtype)
        return g.with_flat(cubic_minimum(hessian(hvp, g), g.flat, M))

    return treewise(rule)


@optimizer
def gauss_newton(
    residuals: Annotated[Function, "r, from the parameters to an array, of the loss ½·‖r‖²"],
    learning_rate: Annotated[Rate, "1 is Gauss and Newton's own step"] = 1.0,
    damping: Annotated[Scheduled, "δ, in the units of JᵀJ; Levenberg and Marquardt's"] = 0.0,
) -> Optimizer:
    """Gauss–Newton, damped as Levenberg's: to the minimum of the loss with r made linear.

        J = ∂r/∂x
        x ← x − lr·(JᵀJ + δ·I)⁻¹·g      g = Jᵀ·r

    If r is linear, one step of lr = 1 and δ = 0 arrives. Near a minimum where r = 0 the error is
    squared at each step; elsewhere it falls by a factor, the smaller the less r is or bends there.
    With δ = 0 the path is invariant to linear changes of the parameters; where J has not full rank
    the inverse is Moore and Penrose's, and the step the shortest; where that rank changes from
    place to place the step jumps, and derivatives through it are those of the rank that is there. A
    large δ makes steps of gradient descent at the rate lr/δ. Memory m·n and time m·n², of m
    residuals and n parameters.

    The step is that of the gradient it is given, which may have more parts than Jᵀ·r, such as that
    of a regularization; of a loss c·‖r‖² give √(2c)·r. The residuals are those of all data,
    whatever the batch, and get the parameters as the optimizer does: in a partition, its part's.

    Differs from: Marquardt's damping is in units of the diagonal of JᵀJ, and Levenberg's and his
    change δ from step to step: give a schedule, or `zoom_linesearch` in a chain behind it.
    scipy.optimize.least_squares keeps to a region of trust instead.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> residuals = lambda x: jnp.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])   # Rosenbrock's
        >>> loss = lambda x: jnp.sum(residuals(x) ** 2) / 2
        >>> path = jd.descend(loss, jnp.array([-1.2, 1.0]), jd.gauss_newton(residuals), steps=3)
        >>> print(path.params)
        [1. 1.]

    Reference: J. Nocedal and S. J. Wright, 2006, Numerical Optimization, eqs. (10.23) and (10.35);
    K. Levenberg, 1944, A Method for the Solution of Certain Non-linear Problems in Least Squares.
    """

    def rule(lr, g, x, params, damping):
        J = jacobian(residuals, params, x)
        stacked = jnp.vstack([J, root(damping) * jnp.eye(J.shape[1], dtype=J.dtype)])
        inverse = jnp.linalg.pinv(stacked)  # of J, not JᵀJ, whose digits are half as many
        return -lr * g.with_flat(inverse @ (inverse.T @ g.flat))

    return treewise(rule, learning_rate, damping=Coefficient("damping", damping))


def hessian(hvp: Callable, like: Vector) -> Float[Array, "n n"]:
    """The whole matrix, a column at a time, in the order of `Vector.flat`."""
    elements = like.flat
    columns = jax.vmap(lambda e: hvp(like.with_flat(e)).flat)
    return columns(jnp.eye(elements.size, dtype=elements.dtype))


def jacobian(residuals: Callable, params: Any, x: Vector) -> Float[Array, "m n"]:
    """∂r/∂x of residuals that are given parameters like these, in the order of `Vector.flat`."""
    like = Vector.of(as_arrays(params))

    def flat(elements):
        r = residuals(like.with_flat(elements).tree)
        return jnp.ravel(r).astype(elements.dtype)

    return jax.jacfwd(flat)(x.flat)


def solved(H: Float[Array, "n n"], g: Float[Array, " n"]) -> Float[Array, " n"]:
    """H⁻¹·g; 0 for g = 0, whatever H is."""
    nothing = ~jnp.any(g != 0)
    return jnp.linalg.solve(jnp.where(nothing, jnp.eye(g.size, dtype=g.dtype), H), g)


@jax.custom_jvp
def solved_by_absolute(H: Float[Array, "n n"], g: Float[Array, " n"], damping: Any) -> Array:
    """(|H| + δ·I)⁻¹·g in the eigenbasis of H, where 0/0 = 0."""
    curvatures, Q = jnp.linalg.eigh(H)
    return Q @ ratio(Q.T @ g, jnp.abs(curvatures) + damping)


@solved_by_absolute.defjvp
def _(primals, tangents):
    """From (|H| + δ·I)·s = g; that of |H| needs no gaps between curvatures, which may be equal."""
    (H, g, damping), (dH, dg, d_damping) = primals, tangents
    curvatures, Q = jnp.linalg.eigh(H)
    sizes = jnp.abs(curvatures)
    s = ratio(Q.T @ g, sizes + damping)
    signs = ratio(curvatures[:, None] + curvatures[None], sizes[:, None] + sizes[None])
    rest = Q.T @ dg - (signs * (Q.T @ dH @ Q)) @ s - d_damping * s
    return Q @ s, Q @ (rest / or_infinite(sizes + damping))


@jax.custom_jvp
def cubic_minimum(H: Float[Array, "n n"], g: Float[Array, " n"], M: Any) -> Array:
    """The minimum of g·s + ½·sᵀ·H·s + M/6·‖s‖³."""
    curvatures, Q = jnp.linalg.eigh(H)
    return Q @ cubic_minimum_of_diagonal(curvatures, Q.T @ g, M)


@cubic_minimum.defjvp
def _(primals, tangents):
    """From g + H·s + ½·M·‖s‖·s = 0; 0 along what that leaves open."""
    (H, g, M), (dH, dg, dM) = primals, tangents
    s = cubic_minimum(H, g, M)
    r = norm(s)
    along = ratio(s, r)
    B = H + M / 2 * r * (jnp.eye(s.size, dtype=s.dtype) + along[:, None] * along[None])
    return s, -jnp.linalg.pinv(B, hermitian=True) @ (dg + dH @ s + dM / 2 * r * s)


def cubic_minimum_of_diagonal(
    curvatures: Float[Array, " n"], slopes: Float[Array, " n"], M: Any
) -> Float[Array, " n"]:
    """The minimum of Σ slope·s + ½·Σ curvature·s² + M/6·‖s‖³, of ascending curvatures."""
    lowest = jnp.minimum(curvatures[0], 0)
    least = -2 * lowest / M  # which r may not fall below

    def step(over):
        return -ratio(slopes, curvatures - lowest + M * over / 2)

    def halve(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        is_long = norm(step(middle)) > least + middle
        return jnp.where(is_long, middle, low), jnp.where(is_long, high, middle)

    most = jnp.sqrt(2 * norm(slopes) / M)
    halvings = 2 * (jnp.finfo(slopes.dtype).nmant + 2)
    over = lax.fori_loop(0, halvings, halve, (jnp.zeros_like(most), most))[1]
    shortest = step(jnp.zeros_like(most))
    is_hard = norm(shortest) < least
    missing = jnp.sqrt(jnp.where(is_hard, least - norm(shortest), 0))
    missing = missing * jnp.sqrt(least + norm(shortest))
    return jnp.where(is_hard, shortest.at[0].add(missing), step(over))
