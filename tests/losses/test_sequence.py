import re
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jdescent as jd
from jdescent.losses import next_token

SIZES = [(1, 2, 2), (3, 5, 7), (4, 17, 30)]  # windows, tokens of each, kinds of tokens


def bigram(params, tokens):
    return params[tokens]


def drawn(size):
    windows, length, kinds = size
    tokens, table = jax.random.split(jax.random.key(kinds))
    return (
        jax.random.normal(table, (kinds, kinds)),
        jax.random.randint(tokens, (windows, length), 0, kinds),
    )


@pytest.mark.parametrize("size", SIZES)
def test_is_the_mean_of_minus_the_log_probability_of_every_token_but_the_first(size):
    table, tokens = drawn(size)
    logits = np.asarray(table, float)
    log_probability = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    pairs = [pair for row in np.asarray(tokens) for pair in pairwise(row)]
    by_hand = -np.mean([log_probability[before, after] for before, after in pairs])
    np.testing.assert_allclose(next_token(bigram)(table, tokens), by_hand, rtol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_is_the_mean_of_optaxs_cross_entropy_of_the_shifted_tokens(size):
    table, tokens = drawn(size)
    theirs = optax.losses.softmax_cross_entropy_with_integer_labels(
        table[tokens[:, :-1]], tokens[:, 1:]
    )
    np.testing.assert_allclose(next_token(bigram)(table, tokens), jnp.mean(theirs), rtol=1e-6)


@pytest.mark.parametrize("kinds", [2, 50, 103])
def test_equal_probabilities_score_the_log_of_the_number_of_kinds(kinds):
    tokens = jax.random.randint(jax.random.key(0), (4, 9), 0, kinds)
    loss = next_token(bigram)(jnp.ones((kinds, kinds)), tokens)
    np.testing.assert_allclose(loss, np.log(kinds), rtol=1e-6)


def test_the_model_is_never_given_the_last_token():
    seen = []

    def model(params, tokens):
        seen.append(tokens)
        return params[tokens]

    next_token(model)(jnp.zeros((9, 9)), jnp.arange(8)[None])
    np.testing.assert_array_equal(seen, [[range(7)]])


def test_descent_on_a_bigram_finds_the_counts_of_pairs():
    """The likelihood of a table of logits is largest where its softmax is the observed shares."""
    text = jax.random.randint(jax.random.key(1), (200,), 0, 3)
    counts = np.zeros((3, 3))
    np.add.at(counts, (np.asarray(text[:-1]), np.asarray(text[1:])), 1)
    found = jd.descend(
        next_token(bigram), jnp.zeros((3, 3)), jd.sgd(3.0), 400,
        batches=jd.batches.full(text[None]),
    )  # fmt: skip
    shares = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(jax.nn.softmax(found.params), shares, atol=1e-4)


def test_a_token_beyond_the_models_kinds_makes_it_nan():
    assert jnp.isnan(next_token(bigram)(jnp.zeros((3, 3)), jnp.array([[0, 1, 3]])))


@pytest.mark.parametrize("shape", [(), (5,), (5, 1), (2, 3, 4)])
def test_what_holds_nothing_to_predict_is_refused(shape):
    with pytest.raises(ValueError, match=re.escape(f"tokens have shape {shape}")):
        next_token(bigram)(jnp.zeros((3, 3)), jnp.zeros(shape, int))


def test_tokens_that_are_not_integers_and_no_windows_are_refused():
    with pytest.raises(TypeError, match="tokens are of dtype float32"):
        next_token(bigram)(jnp.zeros((3, 3)), jnp.zeros((2, 5)))
    with pytest.raises(ValueError, match="empty"):
        next_token(bigram)(jnp.zeros((3, 3)), jnp.zeros((0, 5), int))


def test_logits_that_do_not_fit_the_tokens_are_refused():
    with pytest.raises(ValueError, match=re.escape("logits of shape (2, 3)")):
        next_token(lambda params, tokens: params[tokens][:, -1])(
            jnp.zeros((3, 3)), jnp.zeros((2, 5), int)
        )
