"""Less noise in the gradients of batches, by a gradient of all data now and then."""

from typing import Annotated

import jax
from jax import lax

from jdescent.core import (
    Base,
    Count,
    Function,
    Inner,
    Optimizer,
    Vector,
    optimizer,
    treewise,
    vector,
)


@optimizer
def svrg(
    optimizer: Base,
    full_loss: Annotated[Function, "of the parameters: L_all, the mean loss over all data"],
    update_interval: Annotated[Count, "m, the steps from one gradient of all data to the next"],
) -> Optimizer:
    """SVRG: gradients of batches, whose noise vanishes at the minimum.

        every m steps: x̃ ← x, μ ← ∇L_all(x̃)
        x ← x + u                       u of the optimizer for g − ∇L(x̃) + μ

    g and ∇L(x̃) are of the same batch. Where L_all is strongly convex, descent of constant rate
    converges linearly to its minimum, and not to a cloud around it. Two gradients a step.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> data = jnp.array([1.0, 5.0])
        >>> loss = lambda x, batch: (1 + batch) * (x - batch) ** 2
        >>> sampler = lambda key, step: jax.random.choice(jax.random.fold_in(key, step), data)
        >>> optimizer = jd.svrg(jd.sgd(0.02), lambda x: loss(x, data).mean(), update_interval=5)
        >>> path = jd.descend(
        ...     loss, jnp.array(0.0), optimizer, steps=300, batches=sampler, key=jax.random.key(0))
        >>> print(f"{path.params:.4f}")                                 # (2·1 + 6·5)/(2 + 6)
        4.0000

    Reference: R. Johnson and T. Zhang, 2013, Accelerating Stochastic Gradient Descent using
    Predictive Variance Reduction, Figure 1, option I.
    """
    base, full_gradient = Inner(optimizer), jax.grad(full_loss)

    def rule(g, steps, x, params, extra, grad_at, inner, snapshot, mu):
        snapshot, mu = lax.cond(
            steps % update_interval == 0,
            lambda: (x, mu.map(lambda a, b: b.astype(a.dtype), Vector.of(full_gradient(params)))),
            lambda: (snapshot, mu),
        )
        u, inner = base.step(g - grad_at(snapshot) + mu, inner, params, extra)
        return u, inner, snapshot, mu

    return treewise(rule, inner=base.state, snapshot=vector(), mu=vector())
