"""Clipping, coupled decay and noise."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walks import nested_tree, random_gradients, units_apart, walk

import jdescent as jd
from jdescent.testing import assert_contract

numbers = st.lists(st.floats(-1e3, 1e3, width=32, allow_subnormal=False), min_size=1, max_size=5)
bounds = st.floats(1e-3, 1e3)
MASK = {"w": True, "b": (False, None, {}), "none at all": True}

TWINS = {
    "clip": (jd.clip(0.7), optax.clip(0.7)),
    "clip_by_global_norm": (jd.clip_by_global_norm(2.0), optax.clip_by_global_norm(2.0)),
    "clip_by_global_norm that rarely acts": (
        jd.clip_by_global_norm(30.0),
        optax.clip_by_global_norm(30.0),
    ),
    "decay": (jd.add_decayed_weights(0.1), optax.add_decayed_weights(0.1)),
    "masked decay": (jd.add_decayed_weights(0.1, MASK), optax.add_decayed_weights(0.1, MASK)),
    "decay masked by a function": (
        jd.add_decayed_weights(0.1, lambda params: jax.tree.map(lambda x: x.ndim > 1, params)),
        optax.add_decayed_weights(0.1, lambda params: jax.tree.map(lambda x: x.ndim > 1, params)),
    ),
}


def applied(transform, gradient, params=None):
    """The first update and the state after it."""
    state = transform.init(gradient if params is None else params)
    return transform.update(gradient, state, params)


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("double", [False, True])
def test_a_transform_equals_its_optax_twin_to_four_roundings(name, double):
    with jax.enable_x64(double):
        params = nested_tree()
        gradients = random_gradients(50, params)
        ours, twin = TWINS[name]
        with jax.numpy_dtype_promotion("standard"):
            expected, _ = walk(twin, gradients, params)
        assert units_apart(walk(ours, gradients, params)[0], expected, 1e-30) <= 4


def test_transforms_in_a_row_keep_the_contract():
    """Decay first: it is additive, so that the clips after it act."""
    key = jax.random.key(0)
    assert_contract(
        lambda rate: jd.chain(
            jd.add_decayed_weights(0.1),
            jd.clip(0.5),
            jd.clip_by_global_norm(0.1),
            jd.add_noise(key, 0.1),
            jd.sgd(rate),
        )
    )


@given(numbers, bounds)
def test_no_clipped_element_is_larger_than_the_bound_and_smaller_ones_stay(values, bound):
    g = jnp.array(values)
    clipped, _ = applied(jd.clip(bound), g)
    inside = np.abs(g) <= np.float32(bound)
    np.testing.assert_array_equal(clipped[inside], g[inside])
    np.testing.assert_array_equal(clipped[~inside], np.float32(bound) * np.sign(g[~inside]))


@given(numbers, bounds)
def test_a_gradient_clipped_by_norm_keeps_its_direction(values, bound):
    tree = {"a": jnp.array(values), "b": jnp.array(1.0)}
    clipped, _ = applied(jd.clip_by_global_norm(bound), tree)
    norm = float(jd.global_norm(tree))
    factor = min(1.0, bound / norm)
    np.testing.assert_allclose(jd.global_norm(clipped), min(norm, bound), rtol=1e-5)
    np.testing.assert_allclose(clipped["a"], factor * tree["a"], rtol=1e-5)
    np.testing.assert_allclose(clipped["b"], factor, rtol=1e-5)


@pytest.mark.parametrize("size", [3e19, 3e-30])
def test_a_finite_gradient_is_clipped_though_its_square_leaves_float32(size):
    g = jnp.array([3 * size, 4 * size])
    clipped, _ = applied(jd.clip_by_global_norm(size), g)
    np.testing.assert_allclose(clipped, [0.6 * size, 0.8 * size], rtol=1e-5)


def test_clipping_by_norm_leaves_zero_alone_and_does_not_hide_nan_or_infinity():
    clip = jd.clip_by_global_norm(1.0)
    np.testing.assert_array_equal(applied(clip, jnp.zeros(3))[0], 0)
    np.testing.assert_array_equal(applied(jd.clip_by_global_norm(0.0), jnp.ones(3))[0], 0)
    for bad in (jnp.nan, jnp.inf, -jnp.inf):
        tree = {"a": jnp.array([1.0, bad]), "b": jnp.array(1.0)}
        clipped, _ = applied(clip, tree)
        assert jnp.isnan(clipped["a"]).all()
        assert jnp.isnan(clipped["b"])


def test_the_gradient_through_a_clip_by_norm_is_finite_at_a_minimum():
    """There the gradient is 0 and passes as it is: the derivative is 1."""
    clip = jd.clip_by_global_norm(1.0)
    slopes = jax.jacobian(lambda g: applied(clip, g)[0])
    np.testing.assert_array_equal(slopes(jnp.zeros(2)), np.eye(2))
    x = jnp.array([3.0, 4.0])  # beyond the bound: the projection on the tangent, over the norm
    np.testing.assert_allclose(
        slopes(x), (np.eye(2) - np.outer(x, x) / 25) / 5, rtol=1e-5, atol=1e-7
    )


def test_a_bound_that_cannot_be_checked_shows_that_it_is_none():
    g = jnp.ones(2)
    for transform in (jd.clip, jd.clip_by_global_norm, jd.add_decayed_weights):
        for value in (-1.0, jnp.nan):
            update = jax.jit(lambda v, t=transform: applied(t(v), g, g)[0])(value)
            assert jnp.isnan(update).all()


@pytest.mark.parametrize("seed", [jax.random.key(0), jax.random.PRNGKey(0)], ids=["typed", "raw"])
def test_noise_stays_fresh_at_the_end_of_the_counter(seed):
    x = jnp.zeros(3)
    noisy = jd.add_noise(seed, 1.0)
    state = noisy.init(x)._replace(t=jnp.int32(2**31 - 2))
    drawn = []
    for _ in range(4):
        noise, state = noisy.update(x, state)
        drawn.append(tuple(np.asarray(noise)))
    assert len(set(drawn)) == 4
    assert state.t == 2**31 - 1


def test_python_numbers_are_gradients_too():
    for transform, expected in [
        (jd.clip(1.0), 1.0),
        (jd.clip_by_global_norm(2.0), 2.0),
        (jd.add_decayed_weights(0.5), 4.0),
        (jd.add_noise(jax.random.key(0), 0.0), 3.0),
    ]:
        update, _ = transform.update(3.0, transform.init(2.0), 2.0)
        assert update == expected


def test_a_prefix_of_the_mask_covers_its_whole_branch():
    params = {"kept": {"w": jnp.ones(2), "b": jnp.ones(())}, "decayed": (jnp.ones(2), None)}
    transform = jd.add_decayed_weights(0.5, {"kept": False, "decayed": True})
    update, _ = applied(transform, jax.tree.map(jnp.zeros_like, params), params)
    np.testing.assert_array_equal(update["kept"]["w"], 0)
    assert update["kept"]["b"] == 0
    np.testing.assert_array_equal(update["decayed"][0], 0.5)


def test_decay_before_sgd_is_descent_on_the_regularized_loss(x64):
    """∇(L + ½w‖x‖²) = ∇L + w·x."""
    w, start = 0.3, jnp.array([-1.2, 1.0])
    rosenbrock = jd.losses.rosenbrock()
    chained = jd.chain(jd.add_decayed_weights(w), jd.adam(0.01))
    decayed = jd.descend(rosenbrock, start, chained, steps=50)
    regularized = jd.descend(
        lambda x: rosenbrock(x) + 0.5 * w * jnp.sum(x**2), start, jd.adam(0.01), steps=50
    )
    np.testing.assert_allclose(decayed.params, regularized.params, rtol=1e-12)


def noise(transform, steps, like):
    """The noise alone: what a zero gradient becomes, stacked over steps."""
    zeros = jax.tree.map(lambda x: jnp.zeros((steps, *x.shape), x.dtype), like)
    return walk(transform, zeros, like)[0]


SAMPLE = {"a": jnp.zeros(500), "b": jnp.zeros((500,))}


def test_noise_is_white_with_the_given_standard_deviation():
    """Mean, variance, and correlations between steps and leaves, each at 4 standard errors."""
    sigma, steps = 2.5, 40
    z = jax.tree.map(
        lambda n: np.asarray(n, float) / sigma,
        noise(jd.add_noise(jax.random.key(1), sigma), steps, SAMPLE),
    )
    n = z["a"].size
    for leaf in z.values():
        assert abs(leaf.mean()) < 4 / np.sqrt(n)
        assert abs(leaf.var() - 1) < 4 * np.sqrt(2 / n)
        assert abs((leaf**4).mean() - 3) < 4 * np.sqrt(96 / n)
        assert abs((leaf[1:] * leaf[:-1]).mean()) < 4 / np.sqrt(n)
        assert abs((leaf[:, 1:] * leaf[:, :-1]).mean()) < 4 / np.sqrt(n)
    assert abs((z["a"] * z["b"]).mean()) < 4 / np.sqrt(n)


def test_equal_keys_give_equal_noise_and_other_keys_other_noise():
    first, again, other = (
        noise(jd.add_noise(jax.random.key(seed), 1.0), 3, SAMPLE) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first["a"], again["a"])
    assert not np.any(np.asarray(first["a"]) == np.asarray(other["a"]))


def test_raw_keys_and_mapped_keys_draw_the_noise_of_the_typed_key():
    typed = noise(jd.add_noise(jax.random.key(3), 1.0), 2, SAMPLE)
    raw = noise(jd.add_noise(jax.random.PRNGKey(3), 1.0), 2, SAMPLE)
    keys = jax.vmap(jax.random.key)(jnp.arange(4))
    mapped = jax.vmap(lambda key: noise(jd.add_noise(key, 1.0), 2, SAMPLE))(keys)
    np.testing.assert_array_equal(typed["a"], raw["a"])
    np.testing.assert_array_equal(typed["b"], mapped["b"][3])


def test_noise_follows_a_schedule_of_standard_deviations():
    key = jax.random.key(0)
    constant = noise(jd.add_noise(key, 1.0), 4, SAMPLE)
    falling = noise(jd.add_noise(key, jd.schedules.exponential(1.0, 0.5)), 4, SAMPLE)
    for n in range(4):
        np.testing.assert_allclose(falling["a"][n], 0.5**n * constant["a"][n], rtol=1e-6)


def test_no_noise_is_no_change():
    gradients = random_gradients(5, SAMPLE)
    np.testing.assert_array_equal(
        walk(jd.add_noise(jax.random.key(0), 0.0), gradients, SAMPLE)[0]["a"], gradients["a"]
    )


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_transforms_keep_the_dtype_of_the_gradient(dtype):
    g = jnp.array([3.0, 4.0], dtype)
    for transform in (
        jd.clip(1.0),
        jd.clip_by_global_norm(1.0),
        jd.add_decayed_weights(0.1),
        jd.add_noise(jax.random.key(0), jnp.float32(0.1)),
    ):
        assert transform.update(g, transform.init(g), g)[0].dtype == dtype


def test_a_mask_of_another_tree_or_of_no_booleans_is_refused():
    x = {"w": jnp.ones(2), "b": jnp.ones(())}

    def update(mask):
        return applied(jd.add_decayed_weights(0.1, mask), x, x)

    for mask in ({"a": True}, {"w": True}, [True, True], lambda params: {"w": True}):
        with pytest.raises(ValueError, match=r"(?s)mask must be .*mask: P.*{'b': \*, 'w': \*}"):
            update(mask)
    for leaf in (1.0, "no", 1, jnp.ones(2)):
        with pytest.raises(TypeError, match=r"mask must hold booleans: mask\['b'\] is"):
            jd.add_decayed_weights(0.1, {"w": True, "b": leaf})
        with pytest.raises(TypeError, match=r"mask must hold booleans: mask\['b'\] is"):
            update(lambda params, leaf=leaf: {"w": True, "b": leaf})
    for mask in (True, np.bool_(True), {"w": jnp.array([True, True]), "b": True}):
        np.testing.assert_allclose(update(mask)[0]["w"], 1.1, rtol=1e-6)
