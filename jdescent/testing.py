"""Checks that anyone's optimizer can be put to: the same path as a reference, and the contract.

The checks need the `test` extra (optax and chex).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import PyTree

from jdescent._jax import enable_x64, explicit_meshes
from jdescent.core import OptimizerLike, Scalar, apply_updates, chain
from jdescent.core.checks import require_same_tree
from jdescent.core.contract import accept_extra
from jdescent.transforms import clip


def random_gradients(params: PyTree, steps: int, seed: int = 0) -> list[PyTree]:
    """Gradients along a noisy made-up path: as many trees of normals as there are steps.

    Each element has a size of its own, from 10⁻⁶ to 10, and all drift together by two decades, so
    that ε, running means, maxima and clips all come into play.
    """
    leaves: list = jax.tree.leaves(params)
    structure: Any = jax.tree.structure(params)
    random = np.random.default_rng(seed)
    drift = np.exp(np.cumsum(random.normal(0, 0.2, steps)))
    sizes = [10 ** random.uniform(-6, 1, jnp.shape(x)) for x in leaves]

    def draw(x, size):
        return jnp.asarray(size * random.standard_normal(jnp.shape(x)), jnp.result_type(x))

    return [
        structure.unflatten(
            [draw(x, drift[n] * size) for x, size in zip(leaves, sizes, strict=True)]
        )
        for n in range(steps)
    ]


def assert_same_path(
    ours: OptimizerLike,
    reference: OptimizerLike,
    params: PyTree,
    learning_rate: Scalar,
    *,
    steps: int = 200,
    gradients: Sequence[PyTree] | None = None,
    units: Scalar = 4.0,
    in_float64: bool = False,
) -> None:
    """Assert that two optimizers take the same steps, to a few roundings.

    Both are given the same gradients. At every step and in every element

        |u − u_ref| ≤ units·ε·(lr + |u_ref|),

    with ε the spacing of the leaf's dtype at 1. A bare relative tolerance would be wrong: where a
    running mean crosses zero, the same absolute rounding is any number of units in the last place.

    Args:
        ours: the optimizer on trial.
        reference: what it should equal: optax's, or a textbook transcription.
        params: a tree of floating-point arrays; the parameters walk along with `reference`.
        learning_rate: lr, the natural size of a step, in whose units roundings are counted.
        steps: how many steps, when `gradients` are not given.
        gradients: one tree per step; random ones over two decades by default.
        units: how many roundings are forgiven.
        in_float64: whether the reference walks in float64, so that its own roundings do not count.
            optax's bias correction 1 − βᵗ is off by up to ε/(1 − β), 40 units at β = 0.999.

    Raises:
        AssertionError: the paths part; says at which step, in which leaf, by how many units.
        ValueError: the updates differ in their tree or shapes.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd, optax
        >>> params = {"w": jnp.ones((2, 3)), "b": jnp.array(0.5)}
        >>> assert_same_path(jd.adam(0.1), optax.adam(0.1), params, 0.1, in_float64=True)
        >>> assert_same_path(jd.adam(0.1), optax.adamw(0.1), params, 0.1)
        Traceback (most recent call last):
        ...
        AssertionError: paths part at step 0 in ['b']: ...
    """
    gradients = random_gradients(params, steps) if gradients is None else gradients
    our_state, our_update = ours.init(params), jax.jit(ours.update)
    walk_on = _reference_walk(reference, params, in_float64)
    move = jax.jit(apply_updates)
    for step, gradient in enumerate(gradients):
        u, our_state = our_update(gradient, our_state, params)
        u_ref = walk_on(gradient, params)
        require_same_tree("updates", u, "the reference's", u_ref)
        pairs = zip(jax.tree_util.tree_leaves_with_path(u_ref), jax.tree.leaves(u), strict=True)
        for (path, want), got in pairs:
            epsilon = float(jnp.finfo(got.dtype if in_float64 else want.dtype).eps)
            got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
            unit = epsilon * (learning_rate + np.abs(want)) + np.finfo(np.float64).tiny
            off = np.max(np.abs(got - want) / unit, initial=0.0)
            if not off <= units:
                raise AssertionError(
                    f"paths part at step {step} in {_name(path)}: by {off:.3g} units of "
                    f"ε·(lr + |u|), {units:g} forgiven; got {got}, reference {want}"
                )
        params = move(params, jax.tree.map(lambda w, x: w.astype(x.dtype), u_ref, params))


def _reference_walk(reference, params, in_float64) -> Callable[[PyTree, PyTree], PyTree]:
    """A function from the gradient and the parameters of each step in turn to the updates."""
    double = in_float64 or jax.config.read("jax_enable_x64")

    def widened(tree):
        return jax.tree.map(lambda x: np.asarray(x, np.float64), tree) if in_float64 else tree

    with enable_x64(double):
        state, update = reference.init(widened(params)), jax.jit(reference.update)

    def walk_on(gradient, params):
        nonlocal state
        with (
            enable_x64(double),
            jax.numpy_dtype_promotion("standard"),  # the reference need not be strict
        ):
            updates, state = update(widened(gradient), state, widened(params))
        return jax.tree.map(np.asarray, updates) if in_float64 else updates

    return walk_on


def assert_contract(optimizer: OptimizerLike | Callable[[Any], OptimizerLike]) -> None:
    """Assert all that jdescent and optax expect of an (init, update) pair.

    On a nested tree with a scalar, a None, an empty branch and leaves of different dtypes:
    parameters, updates and state keep shapes and dtypes; `update` is traced once; it runs in
    `lax.scan`; `jax.vmap` gives what a loop gives; it composes with optax's chain, MultiSteps and
    masked and within jdescent's chain beside an optax part; a NaN in the gradient is not hidden;
    counters do not wrap; memories lie where the parameters lie.

    Args:
        optimizer: an optimizer, or a function from the learning rate to one; then the rate is
            also traced and mapped.

    Raises:
        AssertionError: names the first promise that is broken.

    Example:
        >>> import jdescent as jd
        >>> assert_contract(jd.adam(1e-3))
        >>> assert_contract(lambda learning_rate: jd.heavy_ball(learning_rate, 0.9))
    """
    if not isinstance(optimizer, OptimizerLike):
        assert_rate_maps(optimizer)
        optimizer = optimizer(1e-2)
    assert_dtypes_kept(optimizer)
    assert_one_trace(optimizer)
    assert_scan_equals_loop(optimizer)
    assert_vmap_equals_loop(optimizer)
    assert_composes_with_optax(optimizer)
    assert_nan_shows(optimizer)
    assert_counters_stay(optimizer)
    assert_sharding_kept(optimizer)


def assert_dtypes_kept(optimizer: OptimizerLike) -> None:
    """Updates keep the gradient's dtypes, the state its own, on a tree of mixed dtypes.

    Shapes and dtypes are known without computing a number.
    """
    jax.eval_shape(partial(_two_updates, optimizer), _mixed_tree())


def _two_updates(optimizer: OptimizerLike, params: PyTree) -> None:
    state = optimizer.init(params)
    for _ in range(2):
        updates, new_state = updating(optimizer)(params, state, params)
        _assert_kept(updates, params, new_state, state)
        state, params = new_state, apply_updates(params, updates)


def _assert_kept(updates, params, new_state, state) -> None:
    import chex

    chex.assert_trees_all_equal_shapes_and_dtypes(updates, params)
    chex.assert_trees_all_equal_shapes_and_dtypes(new_state, state)


def assert_one_trace(optimizer: OptimizerLike) -> None:
    """A second call of the jitted update does not trace again, and all dtypes are kept."""
    params, traces = _mixed_tree(), []

    @jax.jit
    def update(gradient, state, params):
        traces.append(1)
        return updating(optimizer)(gradient, state, params)

    state = optimizer.init(params)
    for gradient in random_gradients(params, 3):
        updates, new_state = update(gradient, state, params)
        _assert_kept(updates, params, new_state, state)
        params, state = apply_updates(params, updates), new_state
    assert len(traces) == 1, f"update was traced {len(traces)} times in 3 equal calls"


def assert_scan_equals_loop(optimizer: OptimizerLike) -> None:
    """`lax.scan` accepts the state as its carry and walks the path that a loop walks."""
    params = _small_tree()
    gradients = random_gradients(params, 5)

    def step(carry, gradient):
        params, state = carry
        updates, state = updating(optimizer)(gradient, state, params)
        return (apply_updates(params, updates), state), None

    carry = looped = (params, optimizer.init(params))
    scanned, _ = lax.scan(step, carry, jax.tree.map(lambda *g: jnp.stack(g), *gradients))
    for gradient in gradients:
        looped, _ = step(looped, gradient)
    _assert_close("lax.scan and a loop", scanned[0], looped[0], params, len(gradients))


def assert_vmap_equals_loop(optimizer: OptimizerLike, lanes: int = 3) -> None:
    """`jax.vmap` over parameters and gradients gives each lane what it gets alone."""
    params = _small_tree()
    gradients = random_gradients(params, lanes)

    def second_update(gradient):
        _, state = updating(optimizer)(gradient, optimizer.init(params), params)
        # of the same sign as the first, so that no memory cancels and magnifies a rounding
        steeper = jax.tree.map(lambda g: 2 * g, gradient)
        return updating(optimizer)(steeper, state, params)[0]

    # not compiled, as compilers round otherwise
    together = jax.vmap(second_update)(jax.tree.map(lambda *g: jnp.stack(g), *gradients))
    for lane, gradient in enumerate(gradients):
        alone = second_update(gradient)
        own = jax.tree.map(lambda u, i=lane: u[i], together)
        _assert_close("vmap and a loop", own, alone, params)


def assert_rate_maps(make: Callable[[Any], OptimizerLike]) -> None:
    """Built inside a mapped function, the optimizer takes a traced learning rate."""
    params, rates = _small_tree(), jnp.array([1e-3, 1e-2, 1.0])
    (gradient,) = random_gradients(params, 1)

    def first_update(rate):
        optimizer = make(rate)
        return updating(optimizer)(gradient, optimizer.init(params), params)[0]

    together = jax.jit(jax.vmap(first_update))(rates)
    for lane, rate in enumerate(rates):
        alone = first_update(float(rate))
        own = jax.tree.map(lambda u, i=lane: u[i], together)
        _assert_close("rates mapped and alone", own, alone, params)
    jax.eval_shape(lambda rate: _two_updates(make(rate), _mixed_tree()), rates[0])


def assert_composes_with_optax(optimizer: OptimizerLike) -> None:
    """optax's combinators take the optimizer; jdescent's chain takes it beside optax's parts."""
    import optax

    # whose chains hand the loss on to optimizers of this type alone
    optimizer = optax.GradientTransformationExtraArgs(
        optimizer.init, accept_extra(optimizer.update)
    )
    params = _small_tree()
    (gradient,) = random_gradients(params, 1)
    # MultiSteps accumulates in float32, whatever the gradient: give it numbers that survive this
    gradient = jax.tree.map(lambda g: g.astype(jnp.float32).astype(g.dtype), gradient)

    def first_update(composed, gradient=gradient):
        return updating(composed)(gradient, composed.init(params), params)[0]

    alone, clipped = first_update(optimizer), first_update(chain(clip(0.5), optimizer))
    theirs = first_update(optax.chain(optax.clip(0.5), optimizer))
    _assert_close("optax.chain", theirs, clipped, params)
    beside = first_update(chain(optax.clip(0.5), optimizer))
    _assert_close("chain of optax parts", beside, clipped, params)
    masked = optax.masked(optimizer, jax.tree.map(lambda x: True, params))
    _assert_close("optax.masked", first_update(masked), alone, params)

    accumulated = optax.MultiSteps(optimizer, every_k_schedule=2)
    update, state = jax.jit(updating(accumulated)), accumulated.init(params)
    with jax.numpy_dtype_promotion("standard"):  # MultiSteps mixes its counter with the gradients
        nothing, state = update(gradient, state, params)
        whole, state = update(gradient, state, params)
    zeros = jax.tree.map(jnp.zeros_like, params)
    _assert_close("optax.MultiSteps, half way", nothing, zeros, zeros)
    _assert_close("optax.MultiSteps", whole, alone, params)


def assert_nan_shows(optimizer: OptimizerLike) -> None:
    """A NaN in any element of the gradient is not finite in the update or in the state."""
    params = jnp.linspace(-1, 1, 3)
    update = jax.jit(jax.vmap(updating(optimizer), in_axes=(0, None, None)))
    nan_on_diagonal = jnp.where(jnp.eye(3, dtype=bool), jnp.nan, 0.5)
    updates, state = update(nan_on_diagonal, optimizer.init(params), params)
    numbers = [x for x in jax.tree.leaves((updates, state)) if _is_floating(x)]
    for element in range(3):
        assert not all(bool(jnp.all(jnp.isfinite(x[element]))) for x in numbers), (
            f"a NaN in element {element} of the gradient is hidden: the update is "
            f"{updates[element]}, and all is finite in the state"
        )


def assert_counters_stay(optimizer: OptimizerLike) -> None:
    """Signed integers in the state do not wrap at their largest value, nor does the update fail."""
    params = jnp.linspace(-1, 1, 3)

    def at_the_end(x):
        counts = jnp.issubdtype(jnp.result_type(x), jnp.signedinteger)
        return jnp.full_like(x, jnp.iinfo(jnp.result_type(x)).max) if counts else x

    state = jax.tree.map(at_the_end, optimizer.init(params))
    updates, new_state = updating(optimizer)(jnp.full_like(params, 0.5), state, params)
    assert jnp.all(jnp.isfinite(updates)), f"at the end of its counters the update is {updates}"
    for path, leaf in jax.tree_util.tree_leaves_with_path(new_state):
        if jnp.issubdtype(jnp.result_type(leaf), jnp.signedinteger):
            assert jnp.all(leaf >= 0), f"the counter {_name(path)} wraps to {leaf}"


def assert_sharding_kept(optimizer: OptimizerLike) -> None:
    """On an explicit mesh, memories shaped like the parameters are sharded like them.

    Versions of JAX without explicit meshes have nothing to keep.
    """
    if not explicit_meshes:
        return
    mesh = jax.make_mesh((1,), ("x",), axis_types=(jax.sharding.AxisType.Explicit,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))

    def one_update(params):
        state = optimizer.init(params)
        for path, leaf in jax.tree_util.tree_leaves_with_path(state):
            if _is_floating(leaf) and leaf.shape == params.shape:
                spec = jax.typeof(leaf).sharding.spec
                assert spec == sharding.spec, (
                    f"{_name(path)} of the state is sharded {spec}, the parameters {sharding.spec}"
                )
        updates, _ = updating(optimizer)(params, state, params)
        assert jax.typeof(updates).sharding.spec == sharding.spec, "updates are sharded anew"

    with jax.set_mesh(mesh):  # where arrays lie is part of their type, known without computing
        jax.eval_shape(one_update, jax.device_put(jnp.linspace(-1, 1, 4), sharding))


def updating(optimizer: OptimizerLike) -> Callable[[PyTree, Any, PyTree], tuple[PyTree, Any]]:
    """Its update, given a loss as well, ½·‖x‖², for those that read it."""
    update = accept_extra(optimizer.update)

    def loss(params):
        squares = (jnp.sum(jnp.square(x.astype(jnp.float32))) for x in jax.tree.leaves(params))
        return sum(squares, jnp.zeros((), jnp.float32)) / 2

    def updated(gradient, state, params):
        extra = {"value": loss(params), "grad": gradient, "value_fn": loss}
        return update(gradient, state, params, **extra)

    return updated


def _is_floating(leaf) -> bool:
    return jnp.issubdtype(jnp.result_type(leaf), jnp.floating)


def _mixed_tree() -> PyTree:
    dtypes = [jnp.bfloat16, jnp.float16, jnp.float32]
    if jax.config.read("jax_enable_x64"):
        dtypes.append(jnp.float64)
    leaves = {jnp.dtype(d).name: jnp.linspace(-1, 1, 3).astype(d) for d in dtypes}
    return {
        "scalar": jnp.asarray(0.5, jnp.float32),
        "nothing": None,
        "empty": {},
        "leaves": (leaves,),
    }


def _small_tree() -> PyTree:
    return {
        "w": jnp.linspace(-1, 1, 6).reshape(2, 3),
        "b": (jnp.asarray(0.5, jnp.float32), None, {}),
    }


def _assert_close(what: str, got: PyTree, want: PyTree, params: PyTree, steps: int = 1) -> None:
    """Equal to 16 roundings of the largest number of each leaf, and one of the parameters' a step.

    An update is added to them: what is less than their rounding comes to nothing.
    """
    rows = zip(
        jax.tree_util.tree_leaves_with_path(want), jax.tree.leaves(got), jax.tree.leaves(params),
        strict=True,
    )  # fmt: skip
    for (path, expected), value, x in rows:
        epsilon, tiny = float(jnp.finfo(expected.dtype).eps), float(jnp.finfo(expected.dtype).tiny)
        scale = _largest(expected) + steps * _largest(x) / 16 + tiny
        off = _largest(value - expected) / (epsilon * scale)
        assert off <= 16, f"{what} differ in {_name(path)} by {off:.3g} ε: {value} and {expected}"


def _largest(x: Any) -> float:
    return float(jnp.max(jnp.abs(x), initial=0.0))


def _name(path) -> str:
    return jax.tree_util.keystr(path) or "the array"
