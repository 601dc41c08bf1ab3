"""What losses are given besides floats: integers, narrow dtypes, and indices of nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdescent import losses

RANDOM = np.random.default_rng(0)
NARROW = [jnp.float16, jnp.bfloat16]


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.int8, bool])
def test_integer_features_and_targets_are_the_numbers_they_are(dtype):
    x = RANDOM.integers(0, 2, (6, 3)).astype(dtype)
    y = RANDOM.integers(0, 2, 6).astype(dtype)
    w, b = np.array([0.5, -1.25, 2.0], np.float32), np.float32(0.75)
    loss = losses.mean_squared_error(losses.linear_model)
    params = {"w": jnp.array(w), "b": jnp.array(b)}
    value, gradient = jax.jit(jax.value_and_grad(loss))(params, (x, y))
    errors = x.astype(float) @ w + b - y
    np.testing.assert_allclose(value, np.mean(errors**2), rtol=1e-6)
    np.testing.assert_allclose(gradient["w"], 2 * errors @ x / 6, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient["b"], 2 * errors.mean(), rtol=1e-5)


def test_predictions_that_are_integers_do_not_wrap():
    loss = losses.mean_squared_error(lambda params, x: x)
    x, y = np.array([0, 3], np.uint8), np.array([20, 6], np.uint8)
    np.testing.assert_allclose(loss(None, (x, y)), (400 + 9) / 2)
    score = losses.accuracy(lambda params, x: x)
    assert score(None, (np.array([[1, 2], [2, 1]]), np.array([1, 1]))) == 0.5


@pytest.mark.parametrize("dtype", NARROW)
def test_a_mean_of_squares_overflows_only_if_the_mean_does(dtype):
    loss = losses.mean_squared_error(lambda params, x: x)
    errors = jnp.array([300.0, *np.zeros(9)], dtype)
    value = loss(None, (errors, jnp.zeros(10, dtype)))
    assert value.dtype == dtype
    np.testing.assert_allclose(value.astype(float), 9000, rtol=float(jnp.finfo(dtype).eps))


@pytest.mark.parametrize("dtype", NARROW)
def test_skip_gram_of_many_words_in_a_narrow_dtype_is_five_times_log_two(dtype):
    n = 100_000  # of 5 log 2 each, whose sum float16 does not hold
    loss = losses.skip_gram(lambda params, words, contexts: jnp.zeros(contexts.shape, dtype))
    zeros = jnp.zeros(n, int)
    value = loss(None, (zeros, zeros, jnp.zeros((n, 4), int)))
    assert value.dtype == dtype
    np.testing.assert_allclose(value.astype(float), 5 * np.log(2), rtol=1e-2)


@given(st.floats(-30, 30), st.floats(0, 1))
def test_binary_cross_entropy_is_nan_outside_zero_and_one_and_finite_within(z, y):
    loss = jax.jit(losses.binary_cross_entropy(lambda z, x: z * x))
    one = jnp.ones(1)
    with jax.enable_x64(True):
        value = loss(z, (np.ones(1), np.array([y])))
        exact = y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
        np.testing.assert_allclose(value, exact, rtol=1e-12)
    for label in (-1 - y, 1 + max(y, 1e-6)):
        assert jnp.isnan(loss(z, (one, jnp.array([label]))))
        assert jnp.isnan(jax.grad(loss)(z, (one, jnp.array([label]))))


def test_labels_of_plus_and_minus_one_do_not_pass_for_probabilities():
    loss = losses.binary_cross_entropy(lambda z, x: z * x)
    assert jnp.isnan(loss(1.0, (jnp.ones(2), jnp.array([-1, 1]))))


def test_probabilities_are_not_cut_to_the_dtype_of_integer_logits():
    loss = losses.binary_cross_entropy(lambda params, x: x)
    got = loss(None, (np.array([2, 1]), np.array([0.3, 0.7], np.float32)))
    z, y = np.array([2, 1]), np.array([0.3, 0.7])
    exact = np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
    np.testing.assert_allclose(got, exact, rtol=1e-6)


@pytest.mark.parametrize("label", [-1, 2, 300, 2**31, 2**32, np.int64(2**32 + 1)])
def test_a_label_of_no_class_makes_cross_entropy_and_accuracy_nan(label):
    batch = jnp.array([[1.0, 2.0], [2.0, 1.0]]), np.array([1, label])
    assert jnp.isnan(losses.cross_entropy(lambda params, x: x)(None, batch))
    assert jnp.isnan(losses.accuracy(lambda params, x: x)(None, batch))


@pytest.mark.parametrize("token", [-1, 2, 2**32])
def test_a_token_of_no_class_makes_its_prediction_nan(token):
    loss = losses.next_token(lambda params, tokens: params[tokens])
    assert jnp.isnan(loss(jnp.zeros((2, 2)), np.array([[0, 1, token]])))


def test_no_label_has_the_highest_of_logits_with_nan():
    score = losses.accuracy(lambda params, x: x)
    logits = jnp.array([[jnp.nan, 1.0], [3.0, jnp.nan], [2.0, 1.0], [jnp.inf, 1.0]])
    assert score(None, (logits, jnp.array([0, 0, 0, 0]))) == 0.5


@pytest.mark.parametrize("loss", [losses.accuracy, losses.cross_entropy])
def test_logits_of_no_classes_are_refused(loss):
    with pytest.raises(ValueError, match=r"shape \(2, 0\): one class or more is needed"):
        loss(lambda params, x: x)(None, (jnp.zeros((2, 0)), jnp.array([0, 0])))


@pytest.mark.parametrize("place", [3, 250, 2**31, 2**32, 2**32 + 1])
def test_words_and_pairs_past_the_end_are_the_last_and_never_another(place):
    """2³² + 1 would wrap to 1."""
    vectors = jnp.asarray(RANDOM.normal(size=(3, 2)), jnp.float32)
    params = {"word": vectors, "context": 2 * vectors}
    scores = losses.word_vectors(params, np.array([1, place]), np.array([[0, place], [1, 2]]))
    exact = 2 * np.array(
        [
            [vectors[1] @ vectors[0], vectors[1] @ vectors[2]],
            [vectors[2] @ vectors[1], vectors[2] @ vectors[2]],
        ]
    )
    np.testing.assert_allclose(scores, exact, rtol=1e-6)
    table = {
        "mean": jnp.array(3.0),
        "user_bias": jnp.zeros(3),
        "item_bias": jnp.ones(3),
        "user": vectors,
        "item": vectors,
    }
    ratings = losses.matrix_factorization(table, np.array([[1, 2], [1, place]]))
    np.testing.assert_allclose(ratings, 4 + vectors[1] @ vectors[2], rtol=1e-6)


def test_narrow_indices_reach_every_row_of_a_long_table():
    rows = jnp.arange(300.0)[:, None]
    params = {"word": rows, "context": jnp.ones((300, 1))}
    words = np.arange(256, dtype=np.uint8)
    scores = losses.word_vectors(params, words, np.zeros((256, 1), np.uint8))
    np.testing.assert_array_equal(scores[:, 0], np.arange(256))
