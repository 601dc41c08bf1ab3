"""Every optimizer on one small problem: its state in files and donated, gradients at the ends."""

import functools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint
import pytest
from flax import serialization
from walks import assert_same

import jdescent as jd
from experiments.common.papers import cases
from jdescent.core.contract import accept_extra

ONE_EACH = {case.optimizer: case for case in reversed(cases())}
CURVATURE = {"w": 3.0, "b": 0.5}


LINE_SEARCHES = {"zoom_linesearch", "backtracking_linesearch", "lbfgs"}  # their products overflow


def start():
    return {
        "w": jnp.linspace(-1, 1, 12, dtype=jnp.float32).reshape(4, 3),
        "b": jnp.array([0.5, -1.0], jnp.bfloat16),
    }


@functools.cache
def optimizer_of(name):
    return ONE_EACH[name].build(0.1)


@functools.cache
def compiled(name):
    optimizer = optimizer_of(name)
    update = accept_extra(optimizer.update)

    def step(params, state, scale):
        def loss(params):
            squares = [
                CURVATURE[name] * jnp.sum(jnp.square(x.astype(jnp.float32)))
                for name, x in params.items()
            ]
            return scale * sum(squares[1:], squares[0])

        value, gradient = jax.value_and_grad(loss)(params)
        extra = {"value": value, "grad": gradient, "value_fn": loss}
        updates, state = update(gradient, state, params, **extra)
        return jd.apply_updates(params, updates), state, updates

    return jax.jit(step, donate_argnums=(0, 1))


def walked(name, steps, scale=1.0, state=None):
    """The parameters, the state and the last updates; the state that it is given is not donated."""
    params = start()
    state = optimizer_of(name).init(params) if state is None else jax.tree.map(jnp.array, state)
    for _ in range(steps):
        params, state, updates = compiled(name)(params, state, jnp.float32(scale))
    return params, state, updates


def in_bytes(states, fresh, folder):
    return serialization.from_bytes(fresh, serialization.to_bytes(states))


def in_a_checkpoint(states, fresh, folder):
    with orbax.checkpoint.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder / "states", states)
        checkpointer.wait_until_finished()
        return checkpointer.restore(folder / "states", jax.eval_shape(lambda: fresh))


def in_a_pickle(states, fresh, folder):
    return pickle.loads(pickle.dumps(states))


def in_arrays_of_numpy(states, fresh, folder):
    return jax.tree.unflatten(jax.tree.structure(fresh), map(np.asarray, jax.tree.leaves(states)))


@pytest.fixture(scope="module")
def states():
    """Of all optimizers, after two steps, and where they begin."""
    return (
        {name: walked(name, 2)[1] for name in ONE_EACH},
        {name: optimizer_of(name).init(start()) for name in ONE_EACH},
    )


@pytest.mark.filterwarnings("default")  # orbax's own
@pytest.mark.parametrize("kept", [in_bytes, in_a_checkpoint, in_a_pickle, in_arrays_of_numpy])
def test_a_state_is_kept_bit_for_bit_and_the_walk_goes_on(kept, states, tmp_path):
    begun, fresh = states
    restored = kept(begun, fresh, tmp_path)
    assert_same(restored, begun)
    for ours, theirs in zip(*map(jax.tree.leaves, (begun, restored)), strict=True):
        assert ours.dtype == theirs.dtype
        assert not ours.weak_type
    for name in ONE_EACH if kept is in_bytes else ("sgld", "galore"):
        assert_same(walked(name, 1, state=restored[name]), walked(name, 1, state=begun[name]))


@pytest.mark.parametrize("name", ONE_EACH)
def test_parameters_and_state_may_be_donated_and_the_optimizer_begins_anew(name):
    params = start()
    first = compiled(name)(params, optimizer_of(name).init(params), jnp.float32(1))
    assert_same(walked(name, 1), first)


HARD = [  # their squares, products or eigenvalues leave what float32 holds, or were not its digits
    "polyak_sgd", "momo_adam", "gsam", "sgdp", "scion", "normuon", "cubic_newton",
    "shampoo", "sm3", "lbfgs",
]  # fmt: skip


@pytest.mark.parametrize("name", HARD)
def test_steps_of_extreme_gradients_are_those_of_float64_or_show(name):
    """An infinity in a memory of squares shows as well."""

    @jax.jit
    def step(scale):
        optimizer = optimizer_of(name)
        x = jnp.linspace(-1, 2, 12).reshape(4, 3).astype(scale.dtype)

        def loss(x):
            return scale * jnp.sum(x**2)

        extra = {"value": loss(x), "grad": jax.grad(loss)(x), "value_fn": loss}
        update, state = accept_extra(optimizer.update)(
            jax.grad(loss)(x), optimizer.init(x), x, **extra
        )
        return update, [jnp.all(jnp.isfinite(a)) for a in jax.tree.leaves((update, state))]

    for scale in 10.0 ** np.array([-30, -20, 12, 18, 30]):
        update, finite = step(jnp.asarray(scale, jnp.float32))
        with jax.enable_x64(True):
            want, _ = step(jnp.asarray(scale, jnp.float64))
        if all(finite):
            atol = max(1e-3 * np.abs(want).max(), 1e-37)  # which float32 does not hold
            np.testing.assert_allclose(update, want, rtol=1e-3, atol=atol, err_msg=str(scale))
        else:
            assert scale > 1, "a small gradient is no reason for an infinity"


@pytest.mark.parametrize("name", ["saddle_free_newton", "cubic_newton", "shampoo", "adgd"])
def test_gradients_through_steps_are_finite_and_those_of_differences(name, x64):
    """With equal curvatures among them, and a coordinate that rests."""

    def end(factor, start):
        optimizer = ONE_EACH[name].build(0.1)
        x, state = start, optimizer.init(start)

        def loss(x):
            return factor * jnp.sum(x**4)

        for _ in range(3):
            extra = {"value": loss(x), "value_fn": loss}
            updates, state = accept_extra(optimizer.update)(jax.grad(loss)(x), state, x, **extra)
            x = jd.apply_updates(x, updates)
        return jnp.sum((x - 0.3) ** 2)

    run, slopes = jax.jit(end), jax.jit(jax.grad(end, argnums=(0, 1)))
    for at in ([0.7, 0.0, -0.2], [0.0, 0.0, 0.0]):
        start = jnp.array(at)
        of_factor, of_start = slopes(1.0, start)
        assert jnp.all(jnp.isfinite(of_start))
        difference = (run(1 + 1e-5, start) - run(1 - 1e-5, start)) / 2e-5
        np.testing.assert_allclose(of_factor, difference, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", ONE_EACH)
def test_nothing_is_nan_without_a_gradient_nor_at_the_end_of_the_counters(name):
    _, state, updates = walked(name, 3, scale=0.0)
    assert not has_nan((state, updates))
    _, state, _ = walked(name, 1)
    ended = jax.tree.map(
        lambda a: (
            jnp.full_like(a, jnp.iinfo(a.dtype).max)
            if jnp.issubdtype(a.dtype, jnp.signedinteger)
            else a
        ),
        state,
    )
    _, state, updates = walked(name, 2, state=ended)
    assert not has_nan((state, updates))
    assert all(jnp.all(jnp.isfinite(u)) for u in jax.tree.leaves(updates))
    for leaf in jax.tree.leaves(state):
        assert not jnp.issubdtype(leaf.dtype, jnp.signedinteger) or jnp.all(leaf >= 0)


def has_nan(tree):
    return any(
        bool(jnp.any(jnp.isnan(a)))
        for a in jax.tree.leaves(tree)
        if jnp.issubdtype(a.dtype, jnp.floating)
    )


@pytest.mark.parametrize("name", sorted(set(ONE_EACH) - LINE_SEARCHES))
def test_an_overflow_shows_and_is_no_silent_rest(name):
    """At 10³⁰ a memory of squares may be infinite, but no finite step is 0 for it alone."""
    if any(map(jnp.any, jax.tree.leaves(walked(name, 1)[2]))):
        _, state, updates = walked(name, 1, scale=1e30)
        leaves = [a for a in jax.tree.leaves((state, updates)) if a.dtype != jnp.uint32]
        is_finite = all(bool(jnp.all(jnp.isfinite(a))) for a in leaves)
        assert not is_finite or any(map(jnp.any, jax.tree.leaves(updates)))
