"""Curvature along the next step, from values of the loss alone."""

from collections.abc import Callable
from typing import Any, NamedTuple, SupportsIndex

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, PyTree

from jdescent.analysis.curvature.products import scalar_function
from jdescent.core import Params, Scalar
from jdescent.core.checks import (
    integer,
    require_floating,
    require_real_scalar,
    require_same_tree,
)
from jdescent.core.trees import as_arrays, common_dtype


class CriticalSharpness(NamedTuple):
    """What a search along the next step found.

    Attributes:
        value: 2/η, of the middle of the bracket; NaN where none was found.
        low: the largest rate tried with which the loss does not rise; 0 if it always does.
        high: the least rate above it with which it rises; infinite if it never does.
        evaluations: of the loss, that at the parameters included.
    """

    value: Float[Array, ""]
    low: Float[Array, ""]
    high: Float[Array, ""]
    evaluations: Int[Array, ""]


def critical_sharpness(
    loss: Callable[..., Any],
    params: Params,
    updates: PyTree,
    *rest: Any,
    learning_rate: Scalar = 1.0,
    guess: Scalar | None = None,
    doublings: SupportsIndex = 20,
    halvings: SupportsIndex = 4,
) -> CriticalSharpness:
    """2/η of the least learning rate η that makes the loss rise in the next step.

        η_c = min{η > 0 : L(θ + (η/lr)·u) > L(θ)},    λ_c = 2/η_c

    for the updates u of an optimizer at the rate lr. On a quadratic with u = −lr·∇L it is the
    curvature along the gradient, g·H·g/g·g, at most the sharpness. The rate is sought by doubling
    or halving the guess until the loss changes from rising to not, and then by bisection: the least
    such rate only if the loss crosses L(θ) once on the way.

    Args:
        loss: a function that returns a scalar; no derivative is taken.
        params: θ, a tree of floating-point arrays.
        rest: what else the loss is given, such as a batch.
        updates: u, as ``optimizer.update`` returns them, to be added to the parameters.
        learning_rate: lr > 0, the rate that the updates were made with.
        guess: where to begin, such as the last η_c; lr if None.
        doublings: how often the guess is doubled or halved at most, ≥ 1.
        halvings: steps of bisection; η is known to 2^−halvings of the bracket, whose ends are a
            factor of two apart. ≥ 0.

    Returns:
        `CriticalSharpness`. A loss that is NaN or infinite at a trial counts as one that rises.

    Raises:
        TypeError, ValueError: a loss that is no function or no scalar; updates that are no tree
            like the parameters; counts that are no integers or too small.

    Cost: evaluations of the loss, 2 + doublings + halvings at most. With a guess within a factor of
    two, 3 + halvings (7 by default).

    Example:
        >>> bowl, x = lambda x: x[0] ** 2 + 3 * x[1] ** 2, jnp.array([0.0, 1.0])
        >>> found = critical_sharpness(bowl, x, -0.1 * jax.grad(bowl)(x), learning_rate=0.1,
        ...                            halvings=20)
        >>> print(f"{found.value:.4f}", found.evaluations)
        6.0000 24

    Reference: D. S. Kalra et al., 2026, A Scalable Measure of Loss Landscape Curvature for
    Analyzing the Training Dynamics of LLMs, arXiv 2601.16979 (λ_c; the search of their code, which
    bisects to 1/16 of the rate).
    """
    require_floating(params)
    x, u = as_arrays(params), as_arrays(updates)
    require_floating(u, "updates")
    require_same_tree("updates", u, "parameters", x)
    most, bisections = integer("doublings", doublings, 1), integer("halvings", halvings, 0)
    of_params = scalar_function("loss", loss, x, *rest)
    require_real_scalar("learning_rate", learning_rate)
    require_real_scalar("guess", learning_rate if guess is None else guess)
    dtype = common_dtype(jnp.float32, *jax.tree.leaves(x))
    rate = jnp.asarray(learning_rate, dtype)
    first = rate if guess is None else jnp.asarray(guess, dtype)
    here = of_params(x)

    def rises(eta):
        moved = jax.tree.map(
            lambda x, u: x + ((eta / rate).astype(x.dtype) * u).astype(x.dtype), x, u
        )
        return ~(of_params(moved) <= here)

    low, high, tries = _bracket(rises, first, most)

    def halve(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        up = rises(middle)
        return jnp.where(up, low, middle), jnp.where(up, middle, high)

    is_found = (low > 0) & jnp.isfinite(high) & jnp.isfinite(here)
    narrow = lax.fori_loop(0, bisections, halve, (low, jnp.where(is_found, high, low)))
    low, high = (jnp.where(is_found, a, b) for a, b in zip(narrow, (low, high), strict=True))
    value = jnp.where(is_found, 4 / (low + high), jnp.nan)
    return CriticalSharpness(value, low, high, 1 + tries + bisections)


def _bracket(rises: Callable, first: Array, most: int) -> tuple[Array, Array, Array]:
    """Rates a factor of two apart, with the lower of which the loss does not rise, and tries."""
    rose = rises(first)
    factor = jnp.where(rose, 0.5, 2.0).astype(first.dtype)

    def goes_on(carry):
        _, changed, tries = carry
        return ~changed & (tries <= most)

    def turn(carry):
        eta, _, tries = carry
        return eta * factor, rises(eta * factor) != rose, tries + 1

    carry = (first, jnp.zeros_like(rose), jnp.int32(1))
    eta, changed, tries = lax.while_loop(goes_on, turn, carry)
    low = jnp.where(rose, jnp.where(changed, eta, 0), jnp.where(changed, eta / 2, eta))
    high = jnp.where(rose, jnp.where(changed, 2 * eta, eta), jnp.where(changed, eta, jnp.inf))
    return low, high, tries
