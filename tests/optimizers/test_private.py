"""What is promised of private gradients: what one example changes, and how much noise there is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd

KEY = jax.random.key(4)
X = {"b": jnp.array(0.5), "w": jnp.ones((2, 3))}


def gradients(examples, size, key=KEY):
    return jax.tree.map(
        lambda x: size * jax.random.normal(key, (examples, *x.shape), x.dtype), X
    )  # fmt: skip


def mean(grads, clip, noise=0.0, key=KEY, x=X):
    transform = jd.differentially_private_aggregate(clip, noise, key)
    return transform.update(grads, transform.init(x), x)[0]


def flat(tree):
    return jd.core.Vector.of(tree).flat


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e25])
def test_one_example_changes_the_sum_by_no_more_than_its_clip(size):
    """Abadi et al. 2016: the sensitivity that the noise is made for, however large the gradient."""
    others, clip = gradients(5, 1.0), 0.7
    more = gradients(1, size, jax.random.key(9))
    together = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), others, more)
    change = 6 * flat(mean(together, clip)) - 5 * flat(mean(others, clip))
    expected = min(clip, float(jnp.linalg.norm(flat(more))))
    np.testing.assert_allclose(jnp.linalg.norm(change), expected, rtol=1e-5, atol=2e-6)


def test_gradients_that_fit_are_averaged_as_they_are():
    grads = gradients(4, 0.1)
    for got, g in zip(jax.tree.leaves(mean(grads, 1e3)), jax.tree.leaves(grads), strict=True):
        np.testing.assert_allclose(got, g.mean(0), rtol=1e-6)


def test_the_noise_has_the_deviation_of_the_clip_times_its_multiplier_over_the_examples():
    draws, clip, sigma, examples = 4000, 2.0, 1.5, 8
    grads = gradients(examples, 1.0)

    def noise(key):
        return flat(mean(grads, clip, sigma, key)) - flat(mean(grads, clip))

    drawn = jax.jit(jax.vmap(noise))(jax.random.split(KEY, draws))
    deviation = sigma * clip / examples
    error = 5 / np.sqrt(draws)
    np.testing.assert_allclose(drawn.mean(0) / deviation, 0, atol=error)
    covariance = drawn.T @ drawn / draws / deviation**2
    np.testing.assert_allclose(covariance, np.eye(7), atol=error * np.sqrt(2))


def test_noise_is_fresh_for_each_step_and_the_same_for_equal_keys():
    transform = jd.differentially_private_aggregate(1.0, 1.0, seed=3)
    again = jd.differentially_private_aggregate(1.0, 1.0, jax.random.key(3))
    grads = gradients(2, 1.0)
    first, state = transform.update(grads, transform.init(X), X)
    second, _ = transform.update(grads, state, X)
    assert jnp.all(flat(first) != flat(second))
    np.testing.assert_array_equal(flat(again.update(grads, again.init(X), X)[0]), flat(first))


def test_updates_have_the_shapes_and_dtypes_of_the_parameters():
    x = {"b": jnp.ones((), jnp.bfloat16), "w": jnp.ones((2, 3))}
    grads = jax.tree.map(lambda x: jnp.ones((5, *x.shape), x.dtype), x)
    optimizer = jd.dpsgd(0.1, 1.0, 1.0, seed=0, momentum=0.9)
    state = optimizer.init(x)
    updates, new_state = jax.jit(optimizer.update)(grads, state, x)
    for new, old in ((updates, x), (new_state, state)):
        assert jax.tree.map(jnp.shape, new) == jax.tree.map(jnp.shape, old)
        assert jax.tree.map(lambda a: a.dtype, new) == jax.tree.map(lambda a: a.dtype, old)


def test_what_is_not_finite_in_one_example_shows():
    for bad in (jnp.nan, jnp.inf):
        grads = gradients(3, 1.0)
        grads["b"] = grads["b"].at[1].set(bad)
        assert jnp.all(jnp.isnan(flat(mean(grads, 1.0))))


def test_what_is_no_gradient_of_examples_is_refused(as_users_run):
    unequal = {"b": jnp.ones(2), "w": jnp.ones((3, 2, 3))}
    cases = [(X, X), (unequal, X), (gradients(0, 1.0), X), (jnp.ones((2, 3)), jnp.ones((2, 3)))]
    for grads, x in cases:
        with pytest.raises(ValueError, match="with one axis of these in front"):
            mean(grads, 1.0, x=x)


@pytest.mark.parametrize(
    "settings", [(jd.dpsgd, 0.1, 1.0, 1.0), (jd.differentially_private_aggregate, 1.0, 1.0)]
)
def test_without_a_key_there_is_no_privacy(settings, as_users_run):
    make, *numbers = settings
    with pytest.raises(TypeError, match="needs either key= or seed="):
        make(*numbers)
    with pytest.raises(ValueError, match="needs either key= or seed="):
        make(*numbers, key=KEY, seed=0)
