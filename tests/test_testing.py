"""The public checks: they pass what is right and name what is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jdescent as jd
from jdescent import testing
from jdescent._jax import explicit_meshes

PARAMS = {"w": jnp.ones((2, 3)), "b": (jnp.array(0.5), None)}


def broken_adam(bias=True, eps_inside=False, off=0.0):
    """Adam with one planted mistake."""

    def rule(lr, t, g, m, v):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        m_hat, v_hat = (m / (1 - 0.9**t), v / (1 - 0.999**t)) if bias else (m, v)
        root = jnp.sqrt(v_hat + 1e-8) if eps_inside else jnp.sqrt(v_hat) + 1e-8
        return -lr * m_hat / root * (1 + off), m, v

    return jd.leafwise(rule, 0.1, m=0, v=0)


def test_a_correct_transcription_walks_the_same_path():
    testing.assert_same_path(broken_adam(), optax.adam(0.1), PARAMS, 0.1)
    testing.assert_same_path(jd.adam(0.1), jd.adam(0.1), PARAMS, 0.1, units=0)


@pytest.mark.parametrize(
    "mistake",
    [{"eps_inside": True}, {"bias": False}, {"off": 10 * 2.0**-23}, {"off": -10 * 2.0**-23}],
    ids=str,
)
def test_a_planted_mistake_parts_the_paths(mistake):
    with pytest.raises(AssertionError, match=r"paths part at step \d+ in \['\w'\].* units of ε"):
        testing.assert_same_path(broken_adam(**mistake), optax.adam(0.1), PARAMS, 0.1)


def test_a_mistake_that_comes_late_is_dated():
    def rule(lr, t, g):
        return -lr * g * jnp.where(t > 30, 1.001, 1)

    with pytest.raises(AssertionError, match="paths part at step 30"):
        testing.assert_same_path(jd.leafwise(rule, 0.1), optax.sgd(0.1), PARAMS, 0.1, steps=50)


def test_updates_that_are_nan_or_of_another_build_do_not_pass():
    def updating(change):
        return jd.Optimizer(lambda params: (), lambda g, state, params=None: (change(g), state))

    sgd = optax.sgd(1.0)
    nan = updating(lambda g: jax.tree.map(lambda x: jnp.nan * x, g))
    with pytest.raises(AssertionError, match="paths part at step 0"):
        testing.assert_same_path(nan, sgd, PARAMS, 1.0)
    wrong_shape = updating(lambda g: jax.tree.map(lambda x: -x[None], g))
    with pytest.raises(ValueError, match="must have the same shapes"):
        testing.assert_same_path(wrong_shape, sgd, PARAMS, 1.0)
    wrong_tree = updating(lambda g: {"w": -g["w"]})
    with pytest.raises(ValueError, match="must have the same tree structure"):
        testing.assert_same_path(wrong_tree, sgd, PARAMS, 1.0)


def test_a_rate_of_zero_can_be_compared():
    testing.assert_same_path(jd.sgd(0.0), optax.sgd(0.0), PARAMS, 0.0, steps=3)


def test_the_made_up_gradients_are_reproducible_and_drift_over_decades():
    first, again, other = (testing.random_gradients(PARAMS, 200, seed) for seed in (0, 0, 1))
    assert len(first) == 200
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one["w"], two["w"])
    assert not np.any(np.asarray(first[5]["w"]) == np.asarray(other[5]["w"]))
    sizes = np.abs([gradient["w"] for gradient in first])
    assert sizes.mean(0).max() / sizes.mean(0).min() > 1e3  # from element to element
    averages = sizes.mean((1, 2)).reshape(20, 10).mean(1)
    assert averages.max() / averages.min() > 10  # along the path
    assert jax.tree.structure(first[0]) == jax.tree.structure(PARAMS)


def sgd_that(change):
    """Gradient descent whose update is changed by a function of (updates, state, grads)."""

    def init(params):
        return {"t": jnp.zeros((), jnp.int32)}

    def update(grads, state, params=None, **extra):
        updates = jax.tree.map(lambda g: (-0.1 * g).astype(g.dtype), grads)
        return change(updates, {"t": state["t"] + 1}, grads)

    return jd.Optimizer(init, update)


def stay(updates, state, grads):
    return updates, {"t": jnp.where(state["t"] < 0, 2**31 - 1, state["t"])}


@jax.custom_batching.custom_vmap
def mixing(x):
    return x


@mixing.def_vmap
def _mix(axis_size, in_batched, x):
    return jnp.broadcast_to(jnp.mean(x, axis=0, keepdims=True), x.shape), True


def leak_float32(updates, state, grads):
    return jax.tree.map(lambda u: u.astype(jnp.float32), updates), state


def change_the_states_dtype(updates, state, grads):
    return updates, {"t": state["t"].astype(jnp.float32)}


def grow_the_state(updates, state, grads):
    return updates, state | {"more": jnp.zeros(())}


def mix_lanes(updates, state, grads):
    return jax.tree.map(mixing, updates), state


def forget_to_be_pure():
    calls = []

    def change(updates, state, grads):
        calls.append(1)
        return jax.tree.map(lambda u: u * len(calls), updates), state

    return change


def weaken_the_counter():
    """A counter that turns weakly typed is traced anew by the second call."""

    def init(params):
        return {"t": jnp.zeros((), jnp.int32)}

    def update(grads, state, params=None, **extra):
        updates = jax.tree.map(lambda g: (-0.1 * g).astype(g.dtype), grads)
        return updates, {"t": jnp.asarray(1)}

    return jd.Optimizer(init, update)


def hide_nan(updates, state, grads):
    return jax.tree.map(lambda u: jnp.where(jnp.abs(u) < 1, u, 0), updates), state


class Memory(jd.Optimizer):
    """Momentum whose memory is made by a function of the parameter."""

    def __new__(cls, start):
        def init(params):
            return {"m": jax.tree.map(start, params)}

        def update(grads, state, params=None, **extra):
            m = jax.tree.map(lambda m, g: (0.9 * m + g).astype(g.dtype), state["m"], grads)
            return jax.tree.map(lambda m: (-0.1 * m).astype(m.dtype), m), {"m": m}

        return super().__new__(cls, init, update)


BROKEN = {
    "hides NaN": (sgd_that(hide_nan), "a NaN in element 0 of the gradient is hidden"),
    "lets its counter wrap": (
        sgd_that(lambda u, state, g: (u, state)),
        "counter .* wraps to -2147",
    ),
    "replicates its memory": (
        Memory(lambda x: jnp.zeros(x.shape, x.dtype)),
        "of the state is sharded .*, the parameters",
    ),
    "leaks float32": (sgd_that(leak_float32), "dtype"),
    "changes the dtype of its state": (sgd_that(change_the_states_dtype), "dtype"),
    "grows its state": (sgd_that(grow_the_state), "(?i)structure|tree"),
    "mixes lanes": (sgd_that(mix_lanes), "vmap and a loop differ"),
    "counts its calls": (sgd_that(forget_to_be_pure()), "differ"),
    "is traced twice": (weaken_the_counter(), "traced 2 times"),
}


def test_a_sound_optimizer_keeps_the_contract():
    testing.assert_contract(sgd_that(stay))
    testing.assert_contract(Memory(jnp.zeros_like))


if not explicit_meshes:
    del BROKEN["replicates its memory"]  # nothing to keep there


@pytest.mark.parametrize("name", BROKEN)
def test_the_contract_catches_an_optimizer_that(name):
    optimizer, told = BROKEN[name]
    with pytest.raises(AssertionError, match=told):
        testing.assert_contract(optimizer)


def test_the_contract_catches_a_traced_rate_that_leaks_its_dtype():
    """optax.sgd multiplies bfloat16 gradients by a float32 rate: float32 updates."""
    with jax.numpy_dtype_promotion("standard"):
        testing.assert_contract(optax.sgd(0.1))
        with pytest.raises(AssertionError, match="dtype"):
            testing.assert_contract(optax.sgd)


def test_the_contract_catches_a_rate_that_is_fixed_at_import():
    with pytest.raises(jax.errors.ConcretizationTypeError):
        testing.assert_contract(lambda rate: jd.sgd(float(rate)))


def test_the_contract_takes_any_object_with_init_and_update():
    class Wrapped:
        def __init__(self, optimizer):
            self.init, self.update = optimizer

    testing.assert_contract(Wrapped(jd.sgd(0.1)))
