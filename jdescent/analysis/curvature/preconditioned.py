"""The sharpness that an optimizer meets: the Hessian seen through the preconditioner of its state.

Memories are of two kinds. If a run's mirror image, −x with gradients −g, is taken beside it, *odd*
memories (iterates, momenta) have the other sign there, and *even* ones (second moments, maxima,
counters) are the same. On a quadratic, whose minimum is x = 0, the odd ones are what grows or
decays about the minimum; the even ones set how long steps are.
"""

from collections.abc import Callable
from typing import Any, SupportsIndex

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PyTree

from jdescent.analysis.curvature.eigenpairs import top_eigenpairs, wide
from jdescent.analysis.curvature.lanczos import another
from jdescent.analysis.curvature.products import Operator, hessian_operator, scalar_function
from jdescent.core import OptimizerLike, Params, Scalar, Vector, apply_updates, dot, norm, normals
from jdescent.core.checks import require_floating, require_optimizer, require_same_tree
from jdescent.core.contract import accept_extra
from jdescent.core.trees import as_arrays
from jdescent.numerics import or_infinite

PROBE_STEPS = 4
CORRECTIONS = 4
SMALL = 2.0**-10
AGREEMENT = 1e-2


def preconditioned_sharpness(
    loss: Callable[..., Any],
    params: Params,
    optimizer: OptimizerLike,
    state: Any,
    *rest: Any,
    threshold: Scalar = 1.0,
    iterations: SupportsIndex = 30,
    key: Any = None,
) -> Float[Array, ""]:
    """The largest eigenvalue of P^½·H·P^½, with the `preconditioner` P of an optimizer's state.

    P holds the rate: it is what an update moves for each unit of the gradient, so the value has no
    unit and does not depend on that of the loss. An update that is a linear recursion with P in it
    is linearly stable while the value is below a number of the method alone:

        sgd                         P = η                               2
        rmsprop                     P = η/√(v + ε)                      2
        heavy_ball                  P = η                               2·(1 + β)
        nesterov                    P = η·(1 + β)                       2·(1 + β)²/(1 + 2β)
        adam                        P = η·(1 − β₁)/(1 − β₁ᵗ)/(√v̂ + ε)   2·(1 + β₁)   for large t
        nadam                       P = η·(1 − β₁²)/(√v̂ + ε)            2·(1 + β₁)²/(1 + 2β₁)

    that is P·λ at the largest stable rate of a bowl of curvature λ, with that bowl's P. For Adam
    the value over η·(1 − β₁)/(1 − β₁ᵗ) is the λmax of H/(√v̂ + ε), and the threshold of that is
    `adam_critical_sharpness`.

    Args:
        loss: a function that returns a scalar, twice differentiable by JAX.
        params: θ, a tree of floating-point arrays.
        rest: what else the loss is given, such as a batch.
        optimizer: any (init, update) pair, jdescent's or optax's.
        state: its state when it had come to the parameters, as `Trajectory.state` or `Point.state`.
        threshold: what the value is divided by: with the number of the method the result is 1 at
            the edge of stability.
        iterations: as for `top_eigenpairs`.
        key: the random key of the start; one key for all calls if None.

    Returns:
        The eigenvalue over the threshold; NaN at the first point of a run of a method that has no
        P before its first step.

    Raises:
        TypeError, ValueError: as `hessian_operator`, `preconditioner` and `top_eigenpairs`.

    Cost: iterations + 1 Hessian products and four times as many of P, each of an update's cost or
    less; two gradients and some ten updates to make P.

    Example:
        >>> import jdescent as jd
        >>> bowl, optimizer = jd.losses.bowl((2.0, 40.0)), jd.rmsprop(0.01)
        >>> path = jd.descend(bowl, jnp.array([3.0, 1.0]), optimizer, steps=100)
        >>> found = preconditioned_sharpness(bowl, path.params, optimizer, path.state, threshold=2)
        >>> P = 0.01 / (path.state.v + 1e-8) ** 0.5
        >>> print(bool(abs(found - jnp.max(P * jnp.array([2.0, 40.0])) / 2) < 1e-5 * found))
        True

    Reference: J. Cohen et al., 2022, Adaptive Gradient Methods at the Edge of Stability, section 2.
    """
    require_floating(params)
    x = as_arrays(params)
    of_params = scalar_function("loss", loss, x, *rest)
    value, gradient = jax.value_and_grad(of_params)(x)
    P, reasons = _tried(
        optimizer, state, x, gradient, value=value, grad=gradient, value_fn=of_params
    )
    P = _refused(P, reasons, raises=not _is_first(optimizer, state, x))
    H = hessian_operator(of_params, x)
    pairs = top_eigenpairs(H, x, iterations=iterations, key=key, metric=P)
    return pairs.values[0] / jnp.asarray(threshold, pairs.values.dtype)


def preconditioner(
    optimizer: OptimizerLike, state: Any, params: Params, gradient: PyTree, **extra: Any
) -> Operator:
    """What a small gradient does to an update, P = −∂u/∂g, as the function v ↦ P·v.

    It is taken at g = 0, with the odd memories 0, and the even ones such that the update leaves
    them as they are in the state (for Adam v/β₂ and t − 1, from which come v and t): P is that of
    the last step that was taken. It is linear, and for most methods diagonal: η/(√v̂ + ε).

    Which memories are odd is found by walking some random steps and their mirror image.

    Args:
        optimizer: any (init, update) pair, jdescent's or optax's.
        state: its state.
        params: the parameters that belong to it.
        gradient: along it, if it is not 0, P is tried: the update must go in proportion to it.
        extra: what `update` is given beside, as ``value`` and ``value_fn``.

    Returns:
        A function from a tree like the parameters to another.

    Raises:
        TypeError: an optimizer without init and update; parameters that are not floating-point.
        ValueError: an optimizer that has no P: whose update is not linear in small gradients, as
            that of sign methods, `muon`, `lars` or of Adam before its first step; a memory that is
            neither even nor odd, or that no state leaves as it is. Where that is traced, P is NaN.

    Cost: eight updates to tell odd from even, eight to hold the even ones; a product then costs
    what an update does, or less.

    Example:
        >>> import jdescent as jd
        >>> optimizer, x = jd.heavy_ball(0.1, 0.9), jnp.ones(2)
        >>> P = preconditioner(optimizer, optimizer.init(x), x, x)
        >>> print(P(jnp.array([1.0, 2.0])))
        [0.1 0.2]
        >>> lion = jd.lion(0.1)
        >>> preconditioner(lion, lion.init(x), x, x)
        Traceback (most recent call last):
        ...
        ValueError: this optimizer has no preconditioner here: its update is not linear in small ...
    """
    return _refused(*_tried(optimizer, state, params, gradient, **extra))


def _tried(
    optimizer: OptimizerLike, state: Any, params: Params, gradient: PyTree, **extra: Any
) -> tuple[Operator, dict[str, Any]]:
    """P, and by what would be wrong with it whether all is well."""
    require_optimizer(optimizer)
    require_floating(params)
    x = as_arrays(params)
    require_same_tree("gradient", gradient, "parameters", x)
    update = accept_extra(optimizer.update)
    nothing = jax.tree.map(jnp.zeros_like, x)
    at_rest, has_parities = _without_odd_memories(optimizer, update, as_arrays(state), x)

    def after(state: Any) -> Any:
        return update(nothing, state, x, **extra)[1]

    held, is_held = _held(after, at_rest)

    def response(g: PyTree) -> PyTree:
        return jax.tree.map(jnp.negative, update(g, held, x, **extra)[0])

    P = jax.linearize(response, nothing)[1]
    is_linear = _is_linear(response, P, gradient, x)
    reasons = {
        "one of its memories is neither even nor odd under a change of all signs": has_parities,
        "no state before this one would leave its memories as they are": is_held,
        "its update is not linear in small gradients, as of a method that goes by signs or lengths "
        "or has taken no step": is_linear,
    }
    return P, reasons


def _is_first(optimizer: OptimizerLike, state: Any, x: Params) -> bool:
    """Whether a state is known to be one that has taken no step, as at the first point of a run."""
    leaves = [*jax.tree.leaves(state), *jax.tree.leaves(x)]
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return False
    first = jax.tree.leaves(optimizer.init(x))
    return all(bool(jnp.all(a == b)) for a, b in zip(jax.tree.leaves(state), first, strict=True))


def _refused(P: Operator, reasons: dict[str, Any], raises: bool = True) -> Operator:
    """P; an error unless all hold, P of NaN where that is traced or nothing raises."""
    for reason, holds in reasons.items():
        if raises and not isinstance(holds, jax.core.Tracer) and not holds:
            raise ValueError(f"this optimizer has no preconditioner here: {reason}")
    if not any(isinstance(holds, jax.core.Tracer) for holds in reasons.values()) and raises:
        return P
    holds = jnp.all(jnp.stack(list(map(jnp.asarray, reasons.values()))))
    scale = jnp.where(holds, 1.0, jnp.nan)
    return lambda v: jax.tree.map(lambda a: a * scale.astype(a.dtype), P(v))


def _is_linear(response: Callable, P: Operator, gradient: PyTree, x: Params) -> Array:
    """Whether the slope along the gradient a little way out is that at 0, and not 0."""
    g = wide(as_arrays(gradient))
    g = jax.tree.map(lambda a, z: jnp.where(norm(g) == 0, z, a), g, _any_direction(x))
    g = jax.tree.map(lambda a, x: a.astype(x.dtype), g.tree, x)
    little = jax.tree.map(lambda a: a * jnp.asarray(SMALL, a.dtype), g)
    there = wide(jax.jvp(response, (little,), (g,))[1])
    here = wide(P(g))
    return (norm(there - here) <= AGREEMENT * norm(here)) & (norm(here) > 0)


# -- memories ------------------------------------------------------------------------------------


def _without_odd_memories(
    optimizer: OptimizerLike, update: Callable, state: Any, x: Params
) -> tuple[Any, Array]:
    """The state with its odd memories 0, and whether each memory is odd or even."""
    both = jax.vmap(lambda sign: _walked(optimizer, update, x, sign))(jnp.array([1.0, -1.0]))
    walked, mirrored = (jax.tree.map(lambda a, i=i: a[i], both) for i in range(2))
    require_same_tree("state", state, "the states of the optimizer", walked)
    odd = jax.tree.map(_is_odd, walked, mirrored)
    either = [
        _is_even(a, b) for a, b in zip(*map(jax.tree.leaves, (walked, mirrored)), strict=True)
    ]
    either = [a | b for a, b in zip(either, jax.tree.leaves(odd), strict=True)]
    at_rest = jax.tree.map(lambda a, odd: _where(odd, 0, a), state, odd)
    return at_rest, jnp.all(jnp.stack([jnp.asarray(True), *either]))


def _walked(optimizer: OptimizerLike, update: Callable, x: Params, sign: Array) -> Any:
    """The state after some steps of any gradients from a random place, or of their mirror image."""

    def mirrored(v: Vector) -> Params:
        return jax.tree.map(lambda a, x: (sign.astype(a.dtype) * a).astype(x.dtype), v.tree, x)

    def bowl(y: Params) -> Array:
        return dot(y, y) / 2

    def step(carry, i):
        y, state = carry
        g = mirrored(another(random, i))
        updates, new = update(g, state, y, value=bowl(y), grad=g, value_fn=bowl)
        return (apply_updates(y, updates), jax.tree.map(_like, new, state)), None

    random = _any_direction(x)
    start = mirrored(random)
    begun = start, as_arrays(optimizer.init(start))
    return lax.scan(step, begun, jnp.arange(PROBE_STEPS))[0][1]


def _any_direction(x: Params) -> Vector:
    return normals(jax.random.key(1), wide(x))


def _is_odd(a: Array, b: Array) -> Array:
    if not jnp.issubdtype(a.dtype, jnp.floating):
        return jnp.asarray(False)
    return _is_close(a, -b) & jnp.any(a != 0)


def _is_even(a: Array, b: Array) -> Array:
    return _is_close(a, b) if jnp.issubdtype(a.dtype, jnp.floating) else jnp.all(a == b)


def _is_close(a: Array, b: Array) -> Array:
    """Up to roundings; infinities of one sign are alike."""
    tolerance = float(jnp.finfo(a.dtype).eps) ** 0.5
    largest = jnp.max(jnp.where(jnp.isfinite(a), jnp.abs(a), 0), initial=0)
    return jnp.all((a == b) | (jnp.abs(a - b) <= tolerance * largest))


def _held(after: Callable, state: Any) -> tuple[Any, Array]:
    """The state from which an update without gradient leads to this one, and whether one does.

    Counters go back by what they go on; the others by Newton's method for each element, which is
    exact at once for a decay or a sum.
    """
    leaves = jax.tree.leaves(state)
    structure: Any = jax.tree.structure(state)
    places = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    counted = _counted_back(leaves, jax.tree.leaves(after(state)))

    def memories_after(memories: list) -> list:
        given = dict(zip(places, memories, strict=True))
        filled = [given.get(i, leaf) for i, leaf in enumerate(counted)]
        came = jax.tree.leaves(after(structure.unflatten(filled)))
        return [came[i].astype(leaves[i].dtype) for i in places]

    asked = [leaves[i] for i in places]

    def corrected(_, found: list) -> list:
        came, slopes = jax.jvp(memories_after, (found,), (list(map(jnp.ones_like, found)),))
        rows = zip(found, came, asked, slopes, strict=True)
        return [z + jnp.where(c == a, 0, (a - c) / or_infinite(slope)) for z, c, a, slope in rows]

    found = lax.fori_loop(0, CORRECTIONS, corrected, asked)
    holds = [_is_close(c, a) for c, a in zip(memories_after(found), asked, strict=True)]
    given = dict(zip(places, found, strict=True))
    held = structure.unflatten([given.get(i, leaf) for i, leaf in enumerate(counted)])
    return held, jnp.all(jnp.stack([jnp.asarray(True), *holds]))


def _counted_back(leaves: list, after: list) -> list:
    def back(now: Array, then: Array) -> Array:
        if not jnp.issubdtype(now.dtype, jnp.signedinteger):
            return now
        return jnp.maximum(2 * now - then.astype(now.dtype), 0)

    return [back(now, then) for now, then in zip(leaves, after, strict=True)]


def _where(condition: Array, a: Any, b: Array) -> Array:
    """b where the condition does not hold; keys and integers are never 0'd, as none is odd."""
    if not jnp.issubdtype(b.dtype, jnp.floating):
        return b
    return jnp.where(condition, jnp.asarray(a, b.dtype), b)


def _like(new: Any, old: Any) -> Any:
    return jnp.asarray(new, jnp.result_type(old))
