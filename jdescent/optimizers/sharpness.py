"""Sharpness-aware optimizers: around any optimizer, which is given the gradient of a nearby point.

The point is the worst nearby to first order. Two gradients a step, of the same batch.
"""

from typing import Annotated

from jdescent.core import (
    Base,
    Coefficient,
    Inner,
    NonNegative,
    Optimizer,
    Scheduled,
    Vector,
    dot,
    each,
    norm,
    optimizer,
    treewise,
)
from jdescent.numerics import ratio


@optimizer
def sam(
    optimizer: Base,
    rho: Annotated[Scheduled, "in the units of the parameters; 0 is the optimizer alone"] = 0.05,
) -> Optimizer:
    """SAM: the gradient at the worst point of a ball.

        ε ← ρ·g/‖g‖                     over all parameters; 0 for g = 0
        x ← x + u                       u of the optimizer for ∇L(x + ε)

    On a parabola of curvature λ gradient descent with it ends in the cycle ±lr·λ·ρ/(2 − lr·λ)
    around the minimum.

    Differs from: optax.contrib.sam is another optimizer's ascent and descent in turn, which with
    ``opaque_mode=True``, a normalized sgd of ρ for the ascent and two steps is as here; it gives
    NaN for g = 0.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(
        ...     jd.losses.parabola(), jnp.array(0.0), jd.sam(jd.sgd(0.1), rho=0.5), steps=1)
        >>> print(f"{path.params:.1f}")                 # ∇L(0 − 0.5) = −7
        0.7

    Reference: P. Foret et al., 2021, Sharpness-Aware Minimization for Efficiently Improving
    Generalization, Algorithm 1 and eq. (2) with p = 2.
    """
    base = Inner(optimizer)

    def rule(g, x, grad_at, params, extra, rho, inner):
        eps = rho * direction(g)
        return base.step(grad_at(x + eps), inner, params, extra)

    return treewise(rule, inner=base.state, rho=Coefficient("rho", rho))


@optimizer
def asam(
    optimizer: Base,
    rho: Annotated[Scheduled, "relative to the parameters; 0 is the optimizer alone"] = 0.5,
    eta: Annotated[NonNegative, "η, added to |x|, in the units of the parameters"] = 0.01,
) -> Optimizer:
    """ASAM: SAM in a ball that is scaled like the parameters.

        T ← |x| + η
        ε ← ρ·T²·g/‖T·g‖                over all parameters; 0 for T·g = 0
        x ← x + u                       u of the optimizer for ∇L(x + ε)

    With η = 0, ε is that of the same function though its parameters be counted in other units.

    Differs from: the authors' code has T = 1 for all parameters that are not called weight.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.asam(jd.sgd(0.1), rho=0.5, eta=0.0)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(1.0), optimizer, steps=1)
        >>> print(f"{path.params:.1f}")                 # ∇L(1 − 0.5) = −5
        1.5

    Reference: J. Kwon et al., 2021, ASAM: Adaptive Sharpness-Aware Minimization for Scale-Invariant
    Learning of Deep Neural Networks, Algorithm 1 with p = 2.
    """
    base = Inner(optimizer)

    def rule(g, x, grad_at, params, extra, rho, inner):
        T = abs(x) + eta
        eps = rho * (T * direction(T * g))
        return base.step(grad_at(x + eps), inner, params, extra)

    return treewise(rule, inner=base.state, rho=Coefficient("rho", rho))


@optimizer
def gsam(
    optimizer: Base,
    rho: Annotated[Scheduled, "in the units of the parameters; the paper's follows lr"] = 0.05,
    alpha: Annotated[NonNegative, "0 is `sam`"] = 0.4,
) -> Optimizer:
    """GSAM: SAM that also lowers the gap between the worst loss nearby and the loss.

        ε ← ρ·g/‖g‖
        g_p ← ∇L(x + ε)
        g_⊥ ← g − (g·g_p/‖g_p‖²)·g_p    the part of g that the step along g_p does not change
        x ← x + u                       u of the optimizer for g_p − α·g_⊥

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> x0, bowl = jnp.array([2.0, 1.0]), jd.losses.bowl((2.0, 4.0))
        >>> steps = [jd.descend(bowl, x0, optimizer, steps=1).params for optimizer in (
        ...     jd.sam(jd.sgd(0.1), 0.5), jd.gsam(jd.sgd(0.1), 0.5, 0.0))]
        >>> print(bool((steps[0] == steps[1]).all()))
        True

    Reference: J. Zhuang et al., 2022, Surrogate Gap Minimization Improves Sharpness-Aware Training,
    Algorithm 1.
    """
    base = Inner(optimizer)

    def rule(g, x, grad_at, params, extra, rho, inner):
        eps = rho * direction(g)
        g_p = grad_at(x + eps)
        along = direction(g_p)
        g_across = g - dot(g, along) * along
        return base.step(g_p - alpha * g_across, inner, params, extra)

    return treewise(rule, inner=base.state, rho=Coefficient("rho", rho))


def direction(g: Vector) -> Vector:
    """g/‖g‖ over all parameters, 0 for g = 0."""
    length = norm(g)
    return each(lambda leaf: ratio(leaf, length.astype(leaf.dtype)), g)
