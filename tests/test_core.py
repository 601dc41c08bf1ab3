"""The lifting of rules to trees, dtypes and schedules, and what is refused."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import CASES, by_name
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Array

import jdescent as jd

NARROW = {"bfloat16": jnp.bfloat16, "float16": jnp.float16}


def single_updates(optimizer, gradient, params, steps=3):
    state = optimizer.init(params)
    updates = []
    for _ in range(steps):
        update, state = optimizer.update(gradient, state, params)
        updates.append(update)
    return updates, state


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_a_narrow_first_update_is_the_float32_one_rounded_once(case, dtype):
    x, g = jnp.linspace(0.5, 2, 4, dtype=NARROW[dtype]), jnp.array([1.5, -0.25, 1e-3, 0.0])
    g = g.astype(NARROW[dtype])
    optimizer = case.build(0.1)
    narrow, wide = (
        optimizer.update(g.astype(t), optimizer.init(x.astype(t)), x.astype(t))[0]
        for t in (NARROW[dtype], jnp.float32)
    )
    assert narrow.dtype == NARROW[dtype]
    np.testing.assert_array_equal(narrow, wide.astype(NARROW[dtype]))


@pytest.mark.parametrize("gradient", [1e-4, 1.0, 100.0])
def test_adam_in_float16_takes_finite_steps_though_its_eps_rounds_to_zero(gradient):
    """float16(1e-8) = 0 and float16(1e-4)² = 0: done in float16, the step would be 0/0."""
    assert jnp.float16(1e-8) == 0
    x = jnp.zeros(2, jnp.float16)
    g = jnp.array([gradient, 0.0], jnp.float16)
    updates, _ = single_updates(jd.adam(0.1), g, x, steps=5)
    assert all(bool(jnp.all(jnp.isfinite(u))) for u in updates)
    assert updates[0][1] == 0
    assert abs(float(updates[0][0]) + 0.1) < 1e-3


def test_every_leaf_keeps_its_own_dtype_beside_the_others():
    tree = {name: jnp.ones(2, dtype) for name, dtype in NARROW.items()} | {"wide": jnp.ones(2)}
    updates, state = single_updates(jd.adam(jnp.float32(0.1)), tree, tree)
    dtypes = jax.tree.map(lambda x: x.dtype, tree)
    for kept in (updates[-1], state.m, state.v):
        assert jax.tree.map(lambda x: x.dtype, kept) == dtypes
    np.testing.assert_array_equal(updates[-1]["bfloat16"], updates[-1]["wide"].astype(jnp.bfloat16))


def test_a_float64_leaf_is_computed_in_float64_beside_a_float32_leaf(x64):
    tree = {"single": jnp.float32(1 / 3), "double": jnp.float64(1 / 3)}
    (update,), _ = single_updates(jd.sgd(0.1), tree, tree, steps=1)
    assert update["single"].dtype == jnp.float32
    assert update["double"] == -0.1 * (1 / 3)


def test_the_dtype_of_an_array_learning_rate_does_not_leak(x64):
    x = jnp.ones(2, jnp.float32)
    for rate in (jnp.float64(0.1), jnp.bfloat16(0.1), np.float64(0.1), 1):
        (update,), _ = single_updates(jd.adam(rate), x, x, steps=1)
        assert update.dtype == jnp.float32


class Recorder(NamedTuple):
    t: Array
    last: Array


def recording(learning_rate, **options):
    """A rule whose memory is lr and whose update is t, to see what rules are given."""
    return jd.leafwise(
        lambda lr, t, g, x, last: (jnp.full(g.shape, t, g.dtype), jnp.full(g.shape, lr, g.dtype)),
        Recorder,
        learning_rate,
        **options,
    )


def test_rules_count_steps_from_one_and_schedules_from_zero():
    x = jnp.zeros(())
    optimizer = recording(lambda step: 10 + step)
    state = optimizer.init(x)
    for n in range(3):
        update, state = optimizer.update(x, state)
        assert (update, state.last, state.t) == (n + 1, 10 + n, n + 1)


def test_memories_start_where_they_are_told_to():
    state = recording(0.1, initial={"last": 7.0}).init({"w": jnp.zeros(2), "n": None})
    np.testing.assert_array_equal(state.last["w"], [7, 7])
    assert state.last["n"] is None
    assert state.t == 0


def test_a_rule_sees_no_parameters_where_update_is_given_none():
    seen = []

    def rule(lr, t, g, x):
        seen.append(x)
        return (g,)

    class Counter(NamedTuple):
        t: Array

    optimizer = jd.leafwise(rule, Counter, 0.1)
    state = optimizer.init(jnp.zeros(2))
    optimizer.update(jnp.zeros(2), state)
    optimizer.update(jnp.zeros(2), state, jnp.ones(2))
    assert seen[0] is None
    np.testing.assert_array_equal(seen[1], 1)


def test_extra_arguments_are_ignored_by_rules_and_reach_those_parts_that_read_them():
    x = jnp.array(2.0)
    sgd = jd.sgd(0.1)
    plain, _ = sgd.update(x, sgd.init(x), x)
    extra, _ = sgd.update(x, sgd.init(x), x, value=3.0, nonsense="?")
    assert plain == extra

    def read_value(grads, state, params=None, *, value, **extra):
        return value * grads, state

    chained = jd.chain(jd.Optimizer(lambda params: (), read_value), jd.sgd(0.1))
    update, _ = chained.update(x, chained.init(x), x, value=5.0)
    np.testing.assert_allclose(update, -0.1 * 5 * 2, rtol=1e-6)


@given(
    st.lists(st.sampled_from(["clip", "norm", "decay", "adam"]), max_size=3), st.floats(0.1, 3.0)
)
def test_a_chain_is_the_composition_of_its_parts(names, x):
    parts = {
        "clip": jd.clip(0.5),
        "norm": jd.clip_by_global_norm(1.0),
        "decay": jd.add_decayed_weights(0.1),
        "adam": jd.adam(0.1),
    }
    params = expected = jnp.array([x, -2.0])
    chained = jd.chain(*(parts[name] for name in names))
    update, state = chained.update(params, chained.init(params), params)
    for name in names:
        expected, _ = parts[name].update(expected, parts[name].init(params), params)
    np.testing.assert_array_equal(update, expected)
    assert len(state) == len(names)


def test_chains_nest():
    x = jnp.array([3.0, 4.0])
    flat = jd.chain(jd.clip(2.0), jd.clip_by_global_norm(1.0), jd.sgd(0.1))
    nested = jd.chain(jd.clip(2.0), jd.chain(jd.clip_by_global_norm(1.0), jd.sgd(0.1)))
    np.testing.assert_array_equal(
        *(optimizer.update(x, optimizer.init(x), x)[0] for optimizer in (flat, nested))
    )


def test_updates_are_added_in_the_wider_dtype_and_rounded_to_the_parameters():
    """1 + 2⁻⁹ in bfloat16 is 1; the sum with a float32 update is rounded once, at the end."""
    x = {"a": jnp.bfloat16(1), "b": (jnp.float32(1), None)}
    u = {"a": jnp.float32(2**-8 + 2**-12), "b": (jnp.float32(2**-20), None)}
    moved = jd.apply_updates(x, u)
    assert moved["a"].dtype == jnp.bfloat16
    assert moved["a"] == 1 + 2**-7
    assert moved["b"][0] == 1 + 2**-20


@given(
    st.lists(st.floats(-3, 3).map(lambda e: 10.0**e) | st.just(0.0), min_size=1, max_size=6),
    st.integers(-30, 30),
)
def test_the_global_norm_is_that_of_all_elements_together_at_any_scale(numbers, exponent):
    """Homogeneous in powers of two, though squares alone would overflow or vanish in float32."""
    numbers = np.array(numbers, np.float32)
    scale = 2.0 ** (3 * exponent)
    split = len(numbers) // 2
    tree = {"a": jnp.asarray(scale * numbers[:split]), "b": [jnp.asarray(scale * numbers[split:])]}
    norm = float(jd.global_norm(tree))
    np.testing.assert_allclose(norm / scale, np.linalg.norm(numbers.astype(float)), rtol=1e-6)


def test_the_global_norm_of_nothing_and_of_nan():
    assert jd.global_norm({}) == 0
    assert jd.global_norm({"empty": jnp.zeros((0, 3)), "none": None}) == 0
    assert jnp.isnan(jd.global_norm(jnp.array([1.0, jnp.nan])))
    assert jnp.isinf(jd.global_norm(jnp.array([1.0, -jnp.inf])))
    assert jd.global_norm(jnp.full(4, 256.0, jnp.float16)) == 512  # 4·256² overflows float16


def test_the_global_norm_has_the_unit_vector_as_its_gradient():
    x = jnp.array([3.0, 4.0])
    np.testing.assert_allclose(jax.grad(jd.global_norm)(x), [0.6, 0.8], rtol=1e-6)


def test_an_optimizer_is_a_pair_that_hashes_and_unpacks():
    init, update = optimizer = jd.adam(0.1)
    assert (init, update) == (optimizer.init, optimizer.update)
    assert hash(optimizer) == hash(jd.Optimizer(init, update))
    assert optax.GradientTransformation(init, update).update is update
