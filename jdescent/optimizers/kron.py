"""A preconditioner for every axis of a parameter, fitted by descent on a Lie group."""

from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from jdescent._jax import laid_like, normal_like, whole
from jdescent.core import (
    Coefficient,
    Count,
    Decay,
    DType,
    Key,
    Mask,
    Memory,
    Optimizer,
    Positive,
    Rate,
    Real,
    Scheduled,
    leafwise,
    optimizer,
)
from jdescent.numerics import root

Probability = Annotated[Any, Real(high=1, includes_high=True, schedule=True)]
Factors = tuple  # for each axis an upper triangular matrix, or the diagonal of one
Unfolded = Float[Array, "n k"]


def annealed(steps: Any) -> Array:
    """e^(½ − steps/1000), but at most 1 and at least 0.03."""
    return jnp.clip(jnp.exp(0.5 - jnp.asarray(steps, float) / 1000), 0.03, 1)


@optimizer
def psgd_kron(
    learning_rate: Rate = 1e-3,
    b1: Decay = 0.9,
    weight_decay: Annotated[Scheduled, "decoupled, multiplied by lr"] = 0.0,
    weight_decay_mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
    preconditioner_update_probability: Annotated[
        Probability | None, "p; all of 500 steps if None, then falling to 0.03 of step 4,000"
    ] = None,
    max_size_triangular: Annotated[Count, "longer axes have a diagonal factor"] = 8192,
    min_ndim_triangular: Annotated[Count, "arrays of fewer axes have diagonal factors"] = 2,
    momentum_into_precond_update: Annotated[bool, "whiten m̂, not g"] = True,
    preconditioner_lr: Annotated[Any, Real(high=1), "μ"] = 0.1,
    preconditioner_init_scale: Annotated[Positive, "what Q is at first, times I"] = 1.0,
    max_rms: Annotated[Positive | None, "of the step over lr; any if None"] = 1.1,
    mu_dtype: Annotated[DType | None, "of m"] = None,
    *,
    key: Annotated[Key, "of the probes v"],
) -> Optimizer:
    """PSGD Kron: the mean gradient whitened by P = QᵀQ, Q = Q₁⊗Q₂ of triangular factors.

        m ← β₁·m + (1 − β₁)·g
        m̂ ← m/(1 − β₁ᵗ)
        with probability p:             where m̂ ≠ 0
            A ← Q₁·m̂·Q₂ᵀ                of a matrix; a factor for each axis of an array
            B ← Q₁⁻ᵀ·v·Q₂⁻¹             v standard normal, fresh for each step
            Q₁ ← Q₁ − μ·triu(A·Aᵀ − B·Bᵀ)·Q₁/‖A·Aᵀ + B·Bᵀ‖
            Q₂ ← Q₂ − μ·triu(Aᵀ·A − Bᵀ·B)·Q₂/‖Aᵀ·A + Bᵀ·B‖
        u ← P·m̂
        x ← x − lr·(u·min(1, 1.1/rms(u)) + w·x)

    It descends on E[m̂ᵀ·P·m̂ + vᵀ·P⁻¹·v], whose minimum is P = E[m̂·m̂ᵀ]^(−½) where the factors can be
    that: one triangle, or diagonals and diagonal moments. Relative steps keep every Q invertible,
    with a positive diagonal, and make the path the same for c·L as for L from a Q₀ by √c smaller.
    The step jumps to that fit as m̂ leaves 0: a derivative at m̂ = 0 is that without it.
    ‖·‖ is a lower bound of the spectral norm, of two products with a vector.

    What is whose: the criterion, its descent on the group and the Kronecker products are Li's of
    2015, with a step of x for v and h = H·v for m̂, whereby P becomes |H|⁻¹; gradients whitened so
    are Li's of 2018. The momentum, the falling p, diagonals for vectors and for long axes, the norm
    of the sum below the step of Q and the bound on rms(u) are of the code, psgd_torch and
    kron_torch: ``b1=0.0, max_rms=None, preconditioner_update_probability=1.0,
    min_ndim_triangular=1`` leaves out all but that norm.

    Differs from: kron_torch and pytorch_optimizer decay only arrays of two and more axes (here a
    mask), count out the share p for all arrays at once (here each draws), balance the factors at
    random (here always, which no step shows), and fit Q to m̂ = 0 as well, where it has no end. With
    the same probes pytorch_optimizer's Kron is 8e-8 of a path away: it solves in float32.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> bowl, x0 = jd.losses.bowl((0.02, 200.0)), jnp.array([2.0, 1.0])
        >>> path = jd.descend(bowl, x0, jd.psgd_kron(0.05, key=jax.random.key(0)), steps=200)
        >>> print(bool(jnp.max(jnp.abs(path.params)) < 0.1))
        True

    Reference: X.-L. Li, 2015, Preconditioned Stochastic Gradient Descent; X.-L. Li, 2018,
    Preconditioner on Matrix Lie Group for SGD; update_precond_kron_eq of psgd_torch; kron_torch.
    """

    def rule(lr, t, g, x, w, p, key, m, Q):
        m = b1 * m + (1 - b1) * g
        m_hat = m / (1 - b1**t)
        chance, probe = jax.random.split(key)
        h = m_hat if momentum_into_precond_update else g
        due = (jax.random.uniform(chance, (), p.dtype) < p) & jnp.any(h != 0)
        v = normal_like(probe, g)
        now = tuple(map(whole, Q))
        now = lax.cond(due, lambda: balanced(fitted(now, h, v, preconditioner_lr)), lambda: now)
        u = preconditioned(now, m_hat)
        Q = tuple(map(laid_like, Q, now))
        return -lr * (bounded(u, max_rms) + w * x), m, Q

    def factors(x):
        shape = jnp.atleast_1d(x).shape
        scale = jnp.asarray(preconditioner_init_scale, x.dtype) ** (1 / len(shape))
        triangular = [x.ndim >= min_ndim_triangular and 1 < n <= max_size_triangular for n in shape]
        Q = [
            scale * (jnp.eye(n, dtype=x.dtype) if full else jnp.ones(n, x.dtype))
            for n, full in zip(shape, triangular, strict=True)
        ]
        return tuple(laid_like(x, q) if q.shape == x.shape else q for q in Q)

    w = Coefficient("weight_decay", weight_decay, weight_decay_mask)
    share = preconditioner_update_probability
    p = Coefficient("preconditioner_update_probability", annealed if share is None else share)
    m, Q = Memory(dtype=mu_dtype), Memory(factors, wide=True)
    return leafwise(rule, learning_rate, key=key, in_turn=True, w=w, p=p, m=m, Q=Q)


@jax.jit
def preconditioned(Q: Factors, g: Array) -> Array:
    """QᵀQ·g, of the Q that is the Kronecker product of the factors."""
    halfway = along(times, Q, jnp.atleast_1d(whole(g)))
    return laid_like(g, along(times, tuple(q.T for q in Q), halfway).reshape(g.shape))


@jax.jit
def fitted(Q: Factors, h: Array, v: Array, rate: Any) -> Factors:
    """One step down E[hᵀ·P·h + vᵀ·P⁻¹·v] for each factor."""
    A = along(times, Q, jnp.atleast_1d(whole(h)))
    B = along(over_transpose, Q, jnp.atleast_1d(whole(v)))

    def moved(axis, q):
        a, b = (second_moments(q, unfolded(each, axis)) for each in (A, B))
        step = rate / size(a + b) * (a - b)
        return q - (step * q if q.ndim == 1 else jnp.triu(step) @ q)

    return tuple(moved(axis, q) for axis, q in enumerate(Q))


def balanced(Q: Factors) -> Factors:
    """The factors with equal largest elements; their product is the same."""
    logs = [jnp.log(jnp.max(jnp.abs(q))) for q in Q]
    return tuple(q * jnp.exp(sum(logs) / len(Q) - log) for q, log in zip(Q, logs, strict=True))


def bounded(u: Array, max_rms: Any) -> Array:
    """u, but shorter where its root mean square is larger than that."""
    return u if max_rms is None else u / jnp.maximum(1, root(jnp.mean(u**2)) / max_rms)


# -- a factor and the slices along its axis ------------------------------------------------------


def along(act: Callable[[Array, Unfolded], Unfolded], Q: Factors, g: Array) -> Array:
    """The array after every factor has acted on the slices along its axis."""
    for axis, q in enumerate(Q):
        slices = act(q, unfolded(g, axis))
        g = jnp.moveaxis(slices.reshape(jnp.moveaxis(g, axis, 0).shape), 0, axis)
    return g


def unfolded(g: Array, axis: int) -> Unfolded:
    return jnp.moveaxis(g, axis, 0).reshape(g.shape[axis], -1)


def times(q: Array, slices: Unfolded) -> Unfolded:
    return q[:, None] * slices if q.ndim == 1 else q @ slices


def over_transpose(q: Array, slices: Unfolded) -> Unfolded:
    """q⁻ᵀ·g."""
    return slices / q[:, None] if q.ndim == 1 else solve_triangular(q, slices, trans="T")


def second_moments(q: Array, slices: Unfolded) -> Array:
    """g·gᵀ, or its diagonal where that is all the factor has."""
    return jnp.sum(slices**2, 1) if q.ndim == 1 else slices @ slices.T


def size(S: Array) -> Array:
    """The spectral norm of a diagonal; of a symmetric S ≥ 0 a bound from below, ≥ its elements."""
    largest = jnp.max(jnp.abs(S))
    if S.ndim == 1:
        return largest
    S = S / largest
    row = jnp.argmax(jnp.sum(S**2, 1))
    x = S @ S[row]
    return largest * root(jnp.sum((S @ (x / root(jnp.sum(x**2)))) ** 2))
