"""Less noise in the gradients of batches, by a gradient of all data now and then."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PyTree

from jdescent.core import (
    Base,
    Count,
    Function,
    Inner,
    Memory,
    Optimizer,
    Vector,
    each,
    optimizer,
    treewise,
    vector,
)
from jdescent.core.checks import is_integer
from jdescent.core.trees import common_dtype


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


@optimizer
def saga(
    optimizer: Base,
    example_loss: Annotated[Function, "of the parameters and i: Lᵢ, the loss of example i"],
    examples: Annotated[Count, "n; i and j are 0 … n − 1"],
    index: Annotated[Function, "of the number of steps taken: j, the example g is of"],
) -> Optimizer:
    """SAGA: the gradient of one example, freed of its noise by the last ones of all examples.

        γᵢ ← ∇Lᵢ(x)                     of all examples, at the start
        x ← x + u                       u of the optimizer for g − γⱼ + (γ₁ + … + γₙ)/n
        γⱼ ← g                          g = ∇Lⱼ(x) of x before the step

    With j drawn uniformly, what the optimizer gets has the mean ∇L(x), and its variance vanishes at
    the minimum. Where the mean loss is strongly convex, descent of constant rate converges linearly
    to its minimum, as `svrg` does, at one gradient a step, and for n + 1 times the memory of one.
    Examples may be fixed batches as well; j is the same function of the step as in what draws them.
    In a partition example_loss gets the part's parameters, as the optimizer does.

    Differs from: the paper's proximal step of a regularizer is left out. Others begin with γ = 0,
    or fill it on a first pass. A j of n or more makes steps of NaN.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> data, key = jnp.array([1.0, 5.0]), jax.random.key(0)
        >>> loss = lambda x, one: (1 + one) * (x - one) ** 2
        >>> index = lambda step: jax.random.randint(jax.random.fold_in(key, step), (), 0, 2)
        >>> optimizer = jd.saga(jd.sgd(0.02), lambda x, i: loss(x, data[i]), 2, index)
        >>> drawn = lambda key, step: data[index(step)]
        >>> path = jd.descend(loss, jnp.array(0.0), optimizer, steps=300, batches=drawn)
        >>> print(f"{path.params:.4f}")                                 # (2·1 + 6·5)/(2 + 6)
        4.0000

    Reference: A. Defazio, F. Bach and S. Lacoste-Julien, 2014, SAGA: A Fast Incremental Gradient
    Method With Support for Non-Strongly Convex Composite Objectives, section 2.
    """
    base, gradient = Inner(optimizer), jax.grad(example_loss)

    def rule(g, steps, params, extra, inner, seen):
        j = example_at(index, steps)
        rows, mean = map(Vector.of, seen)
        change = each(lambda a, rows: a - row(rows, j).astype(a.dtype), g, rows)
        u, inner = base.step(change + mean, inner, params, extra)
        rows = each(lambda rows, a: rows.at[j].set(a.astype(rows.dtype)), rows, g)
        return u, inner, Seen(rows.tree, (mean + change / examples).tree)

    def begun(x):
        rows = lax.map(lambda i: gradient(x.tree, i), jnp.arange(examples))
        return Seen(rows, jax.tree.map(mean_of, rows))

    return treewise(rule, inner=base.state, seen=Memory(begun))


class Seen(NamedTuple):
    """The last gradient of every example, one behind the other, and their mean."""

    rows: PyTree
    mean: PyTree


def mean_of(rows: Array) -> Array:
    return jnp.mean(rows, 0, dtype=common_dtype(jnp.float32, rows))


def row(rows: Array, j: Any) -> Array:
    """The j-th; NaN where there is none."""
    return rows.at[j].get(mode="fill", fill_value=jnp.nan)


def example_at(index: Callable, steps: Any) -> Any:
    j = index(steps)
    if not is_integer(j):
        raise TypeError(f"index must return an integer, the number of an example, got {j!r}")
    return j
