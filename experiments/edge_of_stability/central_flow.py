"""The time-averaged path of GD and RMSProp at the edge of stability, from a differential equation.

With p what an update moves for each unit of the gradient, and δ the deviation of the iterates from
their average w, of covariance Σ = U X Uᵀ in the span U of the unstable directions,

    dw/dt = −p ⊙ [∇L(w) + ½ ∇⟨Σ, H(w)⟩]          p = η/√(ν + ε), or η
    dν/dt = ((1 − β₂)/β₂) · [∇L(w)² + (4/p²) ⊙ diag Σ − ν]

X ≥ 0 is such that no eigenvalue of p·H passes 2, and 0 in the directions where it stays below. The
stable flow is the same with Σ = 0; for GD it is gradient flow.

Reference: J. Cohen, A. Damian, A. Talwalkar, J. Z. Kolter and J. Lee, 2024, Understanding
Optimization in Deep Learning with Central Flows, arXiv 2410.24206, the flows of GD and RMSProp and
the semidefinite complementarity problem that determines Σ.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jdescent import analysis

EDGE = 2.0
PROJECTIONS = 40

Vector = Float[Array, " parameters"]


class Averaging(NamedTuple):
    """How the second moments ν move, and what they make of the rate.

    Attributes:
        step: from ν to p.
        pace: (1 − β₂)/β₂; 0 where there are no second moments.
    """

    step: Callable[[Vector], Vector]
    pace: float


class Flow(NamedTuple):
    """Rows of a flow, one for each step of the optimizer.

    Attributes:
        w: the predicted average of the iterates.
        loss: there.
        sharpness: λmax(p·H) there; the optimizer's edge is at 2.
        variance: tr Σ, the predicted mean of ‖δ‖².
        excess: ½⟨Σ, H⟩, by which the iterates' mean loss is above that at w.
    """

    w: Float[Array, "steps parameters"]
    loss: Float[Array, " steps"]
    sharpness: Float[Array, " steps"]
    variance: Float[Array, " steps"]
    excess: Float[Array, " steps"]


class _Place(NamedTuple):
    w: Vector
    v: Vector
    vectors: Float[Array, "k parameters"]
    X: Float[Array, "k k"]


def central_flow(
    loss: Callable[[Vector], Array],
    start: Vector,
    v: Vector,
    averaging: Averaging,
    *,
    steps: int,
    substeps: int,
    directions: int,
    oscillates: Array | float = 1.0,
) -> Flow:
    """Euler's method with so many substeps a step; directions: how many may be unstable at once.

    With oscillates = 0 it is the stable flow.
    """
    iterations, dt = 3 * directions, 1 / substeps

    def substep(place: _Place, _):
        w, v = place.w, place.v
        p = averaging.step(v)
        value, gradient = jax.value_and_grad(loss)(w)
        top = analysis.top_eigenpairs(
            analysis.hessian_operator(loss, w), w, directions,
            metric=lambda x: p * x, start=place.vectors, iterations=iterations,
        )  # fmt: skip
        U = p[None] * top.vectors
        bends, squares = _bends(loss, w, U), EDGE**2 * U[:, None] * U[None] / p[None, None] ** 2
        still = _Motion(-p * gradient, averaging.pace * (gradient**2 - v))
        turned = _Motion(-p[None, None] * bends / 2, averaging.pace * squares)
        slack, slope = _slack(top.values, U, bends, averaging, v, still, turned, dt)
        X = oscillates * complementary(slack, slope, place.X)
        w = w + dt * (still.w + jnp.tensordot(X, turned.w))
        moved = _Place(w, v + dt * (still.v + jnp.tensordot(X, turned.v)), top.vectors, X)
        variance = jnp.sum(X * (U @ U.T))
        row = Flow(place.w, value, top.values[0], variance, jnp.sum(jnp.diag(X) * top.values) / 2)
        return moved, row

    def step(place: _Place, _):
        place, rows = lax.scan(substep, place, length=substeps)
        return place, jax.tree.map(lambda row: row[0], rows)

    random = jax.random.normal(jax.random.key(0), (directions, *start.shape))
    place = _Place(start, v, random, jnp.zeros((directions, directions)))
    return lax.scan(step, place, length=steps)[1]


class _Motion(NamedTuple):
    w: Array
    v: Array


def _bends(loss: Callable, w: Vector, U: Array) -> Float[Array, "k k parameters"]:
    """∇(uᵢ·H·uⱼ), from the third derivative."""

    def along(u: Vector, f: Callable) -> Callable:
        return lambda x: jax.jvp(f, (x,), (u,))[1]

    def bend(i: int, j: int) -> Vector:
        return jax.grad(along(U[i], along(U[j], loss)))(w)

    k = len(U)
    upper = {(i, j): bend(i, j) for i in range(k) for j in range(i, k)}
    return jnp.stack([jnp.stack([upper[min(i, j), max(i, j)] for j in range(k)]) for i in range(k)])


def _slack(values, U, bends, averaging, v, still, turned, dt) -> tuple[Array, Array]:
    """Uᵀ(2/p − H)U after dt, where it must be ≥ 0: without X, and what each element of X adds."""
    inverse_slope = jax.jvp(lambda v: 1 / averaging.step(v), (v,), (jnp.ones_like(v),))[1]
    by_v = EDGE * U[:, None] * U[None] * inverse_slope[None, None]

    def rate(motion: _Motion) -> Array:
        return jnp.tensordot(by_v, motion.v, (-1, -1)) - jnp.tensordot(bends, motion.w, (-1, -1))

    return jnp.diag(EDGE - values) + dt * rate(still), dt * rate(turned)


def complementary(A: Array, B: Array, guess: Array) -> Float[Array, "k k"]:
    """X ≥ 0 with A + B[X] ≥ 0 and ⟨X, A + B[X]⟩ = 0: where ½⟨X, B[X]⟩ + ⟨A, X⟩ is least.

    By projected gradients with Nesterov's momentum.
    """
    k = len(A)
    norm = jnp.linalg.norm(B.reshape(k * k, k * k))
    largest = jnp.where(norm > 0, norm, 1.0)

    def project(X: Array) -> Array:
        values, vectors = jnp.linalg.eigh((X + X.T) / 2)
        return (vectors * jnp.maximum(values, 0)[None]) @ vectors.T

    def turn(t, carry):
        X, ahead = carry
        new = project(ahead - (A + jnp.tensordot(B, ahead)) / largest)
        return new, new + (t / (t + 3)) * (new - X)

    return lax.fori_loop(0, PROJECTIONS, turn, (guess, guess))[0]
