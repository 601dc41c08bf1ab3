"""The lifting of rules to trees, dtypes and schedules, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import CASES, by_name
from hypothesis import given
from hypothesis import strategies as st

import jdescent as jd
from jdescent._jax import explicit_meshes
from jdescent.core import Memory

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
    for kept in (updates[-1], state.m):
        assert jax.tree.map(lambda x: x.dtype, kept) == dtypes
    assert all(v.dtype == jnp.float32 for v in state.v.values())  # squares need its range
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


def recording(learning_rate, start=0.0):
    """A rule whose memory is lr and whose update is t, to see what rules are given."""
    return jd.leafwise(
        lambda lr, t, g, last: (jnp.full(g.shape, t, g.dtype), jnp.full(g.shape, lr, g.dtype)),
        learning_rate,
        last=start,
    )


def test_rules_count_steps_from_one_and_schedules_from_zero():
    x = jnp.zeros(())
    optimizer = recording(lambda step: 10 + step)
    state = optimizer.init(x)
    for n in range(3):
        update, state = optimizer.update(x, state)
        assert (update, state.last, state.t) == (n + 1, 10 + n, n + 1)


def test_rules_are_given_the_steps_taken_before_exactly():
    """A float32 t no longer knows one step from the next after 2²⁴ of them."""
    optimizer = jd.leafwise(lambda g, steps, odd: (g, (steps % 2).astype(odd.dtype)), odd=0)
    state = optimizer.init(jnp.zeros(()))._replace(t=jnp.int32(2**24 + 1))
    for want in (1, 0, 1):
        _, state = optimizer.update(jnp.zeros(()), state)
        assert state.odd == want


def test_the_elements_of_a_vector_in_one_array_and_back():
    tree = {"w": jnp.arange(6.0).reshape(2, 3), "b": (jnp.bfloat16(7), None)}
    vector = jd.core.Vector.of(tree)
    np.testing.assert_array_equal(vector.flat, [7, 0, 1, 2, 3, 4, 5])
    back = vector.with_flat(2 * vector.flat).tree
    np.testing.assert_array_equal(back["w"], 2 * tree["w"])
    assert back["b"][0] == 14
    assert back["b"][0].dtype == jnp.bfloat16
    assert jd.core.Vector.of({}).flat.shape == (0,)


@pytest.mark.skipif(not explicit_meshes, reason="this JAX has none")
def test_a_vector_put_together_from_its_elements_lies_where_it_lay():
    mesh = jax.make_mesh((2,), ("d",), axis_types=(jax.sharding.AxisType.Explicit,))
    with jax.set_mesh(mesh):
        spread = jax.device_put(jnp.arange(4.0), jax.sharding.PartitionSpec("d"))
        vector = jd.core.Vector.of([spread, jnp.array(4.0)])
        np.testing.assert_array_equal(vector.flat, [0, 1, 2, 3, 4])
        back, _ = vector.with_flat(vector.flat).tree
    assert jax.typeof(back).sharding.spec == jax.typeof(spread).sharding.spec


def test_memories_start_where_they_are_told_to():
    state = recording(0.1, start=7.0).init({"w": jnp.zeros(2), "n": None})
    np.testing.assert_array_equal(state.last["w"], [7, 7])
    assert state.last["n"] is None
    assert state.t == 0


def test_memories_of_many_arrays_alike_keep_their_places_whatever_their_names():
    """Of three arrays of a type the third is traced once for all, where dictionaries are sorted."""

    def rule(g, z, a):
        z, (total,) = z + g, a
        return -z, z, (total + jnp.sum(g),)

    optimizer = jd.leafwise(rule, z=0, a=Memory(lambda x: (jnp.zeros((), x.dtype),), wide=True))
    g = {name: jnp.arange(3.0) for name in "bca"}
    _, state = jax.jit(optimizer.update)(g, optimizer.init(g))
    for name in g:
        np.testing.assert_array_equal(state.z[name], [0, 1, 2])
        np.testing.assert_array_equal(state.a[name][0], 3)


def test_a_rule_sees_the_parameters_it_asks_for_and_update_refuses_to_do_without():
    seen = []

    def rule(g, x):
        seen.append(x)
        return g

    optimizer = jd.leafwise(rule)
    state = optimizer.init(jnp.zeros(2))
    with pytest.raises(ValueError, match="reads the parameters: call update"):
        optimizer.update(jnp.zeros(2), state)
    optimizer.update(jnp.zeros(2), state, jnp.ones(2))
    (x,) = seen
    np.testing.assert_array_equal(x, 1)


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
    st.lists(st.sampled_from(["clip", "norm", "decay", "adam"]), min_size=1, max_size=3),
    st.floats(0.1, 3.0),
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


@pytest.mark.parametrize("exponent", [-123, -100, -43, -42, 0, 42, 43, 100, 126, 127])
def test_norms_and_clipping_know_every_size_of_many_elements(exponent):
    """However it is compiled: alone, by jit, over lanes; of the largest numbers there are too."""
    x = (np.array([1.5, -0.5, 0.25]) * 2.0**exponent).astype(np.float32)
    norm = np.linalg.norm(x.astype(float))
    clip = jd.clip_by_global_norm(0.5)
    for over in (lambda f: f(x), lambda f: jax.jit(f)(x), lambda f: jax.vmap(f)(x[None])[0]):
        if norm < 2.0**128:
            np.testing.assert_allclose(over(jd.global_norm), norm, rtol=1e-6)
        clipped = over(lambda g: clip.update(jnp.asarray(g), clip.init(g))[0])
        np.testing.assert_allclose(clipped, x * min(1, 0.5 / norm), rtol=1e-6)


def test_a_norm_of_complex_numbers_is_refused():
    with pytest.raises(TypeError, match="complex64"):
        jd.global_norm(jnp.array([3 + 4j]))


def test_the_global_norm_of_nothing_and_of_nan():
    assert jd.global_norm({}) == 0
    assert jd.global_norm({"empty": jnp.zeros((0, 3)), "none": None}) == 0
    assert jnp.isnan(jd.global_norm(jnp.array([1.0, jnp.nan])))
    assert jnp.isinf(jd.global_norm(jnp.array([1.0, -jnp.inf])))
    assert jd.global_norm(jnp.full(4, 256.0, jnp.float16)) == 512  # 4·256² overflows float16


def test_the_global_norm_has_the_unit_vector_as_its_gradient():
    x = jnp.array([3.0, 4.0])
    np.testing.assert_allclose(jax.grad(jd.global_norm)(x), [0.6, 0.8], rtol=1e-6)


def test_the_gradient_of_the_global_norm_at_nothing_is_a_subgradient():
    zeros = {"a": jnp.zeros(2), "b": jnp.zeros(())}
    slopes = jax.grad(jd.global_norm)(zeros)
    np.testing.assert_array_equal(slopes["a"], 0)
    assert slopes["b"] == 0
    assert jnp.isnan(jax.grad(jd.global_norm)(jnp.array([1.0, jnp.nan]))).all()


@jax.tree_util.register_pytree_node_class
class Checked:
    """A node that accepts nothing but arrays of floating-point numbers as its children."""

    def __init__(self, weight, bias):
        for child in (weight, bias):
            if not (isinstance(child, jax.Array) and jnp.issubdtype(child.dtype, jnp.floating)):
                raise TypeError(f"an array was expected, got {child!r}")
        self.weight, self.bias = weight, bias

    def tree_flatten(self):
        return (self.weight, self.bias), None

    @classmethod
    def tree_unflatten(cls, _, children):
        return cls(*children)


@pytest.mark.parametrize("case", [*CASES], ids=by_name)
def test_nodes_that_check_their_children_are_parameters_too(case):
    params = {"layer": Checked(jnp.ones((2, 2)), jnp.zeros(2)), "none": None}
    for optimizer in (case.build(), jd.chain(jd.clip(1.0), jd.clip_by_global_norm(1.0))):
        updates, _ = optimizer.update(params, optimizer.init(params), params)
        moved = jd.apply_updates(params, updates)
        assert isinstance(moved["layer"], Checked)
        flat = {"w": jnp.ones((2, 2)), "b": jnp.zeros(2)}
        plain, _ = optimizer.update(flat, optimizer.init(flat), flat)
        np.testing.assert_array_equal(updates["layer"].weight, plain["w"])


ODD = {
    "nothing": {},
    "none": [None],
    "empty arrays": {"a": jnp.zeros((0, 3)), "b": [jnp.zeros(0)]},
    "NumPy": {"a": np.ones(2, np.float32), "b": np.float32(0.5)},
    "Python": {"a": 0.5, "b": (1.0, None)},
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_odd_trees_are_parameters_too(case, name):
    params = ODD[name]
    optimizer = jd.chain(
        jd.clip(2.0), jd.clip_by_global_norm(9.0), jd.add_noise(jax.random.key(0), 0.1),
        jd.add_decayed_weights(0.1), case.build(),
    )  # fmt: skip
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    moved = jd.apply_updates(params, updates)
    assert jax.tree.structure(moved) == jax.tree.structure(params)
    assert jax.tree.map(jnp.shape, moved) == jax.tree.map(jnp.shape, params)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(moved))


FAMILIES = ["sgd with momentum", "rmsprop centered with nesterov", "adam"]


@pytest.mark.parametrize("case", [case for case in CASES if case.name in FAMILIES], ids=by_name)
@pytest.mark.parametrize("axis_type", ["Explicit", "Auto"])
@pytest.mark.skipif(not explicit_meshes, reason="this version of JAX has no explicit meshes")
def test_memories_lie_where_the_parameters_lie(case, axis_type):
    """On two devices, one leaf sharded and one replicated; updates equal those of one device."""
    kind = getattr(jax.sharding.AxisType, axis_type)
    mesh = jax.make_mesh((2,), ("x",), axis_types=(kind,))
    sharded, replicated = (
        jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes)) for axes in (("x",), ())
    )
    alone = {"w": jnp.linspace(-1, 1, 4), "b": jnp.ones(2)}
    spread = jax.device_put(alone, {"w": sharded, "b": replicated})
    optimizer = jd.chain(
        jd.clip_by_global_norm(1.0), jd.add_noise(jax.random.key(0), 0.1), case.build()
    )
    state = optimizer.init(spread)
    for memory in state[-1].memory.values():
        assert memory["w"].sharding == sharded
        assert memory["b"].sharding.is_equivalent_to(replicated, 1)
    updates, _ = jax.jit(optimizer.update)(spread, state, spread)
    expected, _ = optimizer.update(alone, optimizer.init(alone), alone)
    assert updates["w"].sharding.is_equivalent_to(sharded, 1)
    np.testing.assert_allclose(updates["w"], expected["w"], rtol=1e-5, atol=1e-7)
    with jax.set_mesh(mesh):
        assert optimizer.update(spread, state, spread)[0]["w"].sharding == sharded


def test_an_optimizer_is_a_pair_that_hashes_and_unpacks():
    init, update = optimizer = jd.adam(0.1)
    assert (init, update) == (optimizer.init, optimizer.update)
    assert hash(optimizer) == hash(jd.Optimizer(init, update))
    assert optax.GradientTransformation(init, update).update is update
