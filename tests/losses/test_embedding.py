"""Skip-gram with negative sampling and the contrastive loss, and the sampler of skip-grams."""

import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

import jdescent as jd
from jdescent.batches import skip_grams
from jdescent.losses import contrastive, skip_gram, word_vectors

SKIP_GRAM = jax.jit(jax.value_and_grad(skip_gram(word_vectors)))
V, C, D, N, K = 5, 6, 3, 7, 4
KEY = jax.random.key(0)


def vectors_and_batch(seed):
    rng = np.random.default_rng(seed)
    params = {"word": rng.normal(size=(V, D)), "context": rng.normal(size=(C, D))}
    batch = tuple(rng.integers(high, size=shape) for high, shape in ((V, N), (C, N), (C, (N, K))))
    return params, batch


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_skip_gram_is_equation_four_and_so_is_its_gradient(seed):
    params, (words, contexts, negatives) = vectors_and_batch(seed)
    with jax.enable_x64(True):
        loss, gradient = SKIP_GRAM(params, (words, contexts, negatives))
    v, u = params["word"], params["context"]
    expected, dv, du = 0.0, np.zeros_like(v), np.zeros_like(u)
    for w, c, noise in zip(words, contexts, negatives, strict=True):
        expected -= np.log(expit(u[c] @ v[w])) + np.sum(np.log(expit(-u[noise] @ v[w])))
        for word, label in ((c, 1), *((n, 0) for n in noise)):
            error = expit(u[word] @ v[w]) - label
            dv[w] += error * u[word]
            du[word] += error * v[w]
    np.testing.assert_allclose(loss, expected / N, rtol=1e-12)
    np.testing.assert_allclose(gradient["word"], dv / N, rtol=0, atol=1e-12)
    np.testing.assert_allclose(gradient["context"], du / N, rtol=0, atol=1e-12)


def test_skip_gram_is_the_sum_of_optaxs_sigmoid_cross_entropies():
    with jax.enable_x64(True):
        params, (words, contexts, negatives) = vectors_and_batch(0)
        everything = np.column_stack([contexts, negatives])
        logits = jnp.asarray((params["word"] @ params["context"].T)[words[:, None], everything])
        labels = jnp.zeros((N, 1 + K)).at[:, 0].set(1.0)
        theirs = optax.losses.sigmoid_binary_cross_entropy(logits, labels).sum(axis=1).mean()
        ours, _ = SKIP_GRAM(params, (words, contexts, negatives))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_scores_of_any_size_neither_overflow_nor_lose_the_slope():
    params = {"word": jnp.array([[1e4]]), "context": jnp.array([[1.0], [-1.0]])}
    right = jnp.array([0]), jnp.array([0]), jnp.array([[1, 1]])
    wrong = jnp.array([0]), jnp.array([1]), jnp.array([[0, 0]])
    assert SKIP_GRAM(params, right)[0] == 0
    loss, gradient = SKIP_GRAM(params, wrong)
    assert loss == 3e4
    np.testing.assert_array_equal(gradient["word"], [[3.0]])


@pytest.mark.parametrize("k", [1, 3])
def test_descent_arrives_at_the_mutual_information_less_log_k(k):
    """Levy & Goldberg 2014, equation 11: each pair as often as counted, all noise for each."""
    counts = np.array([[8, 2, 1], [1, 6, 3], [2, 1, 12]])
    of_word, of_context = counts.sum(axis=1), counts.sum(axis=0)
    pairs = np.repeat(np.argwhere(counts > 0), counts[counts > 0], axis=0)
    noise = np.repeat(np.arange(3), of_context)
    every = np.arange(noise.size)
    negatives = np.stack([noise[(every + shift) % noise.size] for shift in range(k)], axis=1)
    words, contexts = np.repeat(pairs, noise.size, axis=0).T
    batch = words, contexts, np.tile(negatives, (len(pairs), 1))
    with jax.enable_x64(True):
        batch = jax.tree.map(jnp.asarray, batch)
        start = {"word": jnp.eye(3), "context": jnp.eye(3)}
        loss = skip_gram(word_vectors)
        end = jax.jit(
            lambda: jd.descend(
                lambda params: loss(params, batch), start, jd.heavy_ball(0.5), 3000, record=None
            )
        )().params
        scores = end["word"] @ end["context"].T
    information = np.log(counts * counts.sum() / np.outer(of_word, of_context))
    np.testing.assert_allclose(scores, information - np.log(k), rtol=0, atol=1e-6)


def cosines(x, y):
    sides = (np.asarray(side, float) for side in (x, y))
    x, y = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides)
    return x @ y.T


def itself(params, x):
    return params * x


CONTRASTIVE = jax.jit(contrastive(itself))
SLOPE = jax.jit(jax.grad(lambda x, y: contrastive(itself)(jnp.ones((), x.dtype), (x, y))))


def random_pairs(seed, n=6, d=4):
    x = np.random.default_rng(seed).normal(size=(2, n, d))
    return jnp.asarray(x[0]), jnp.asarray(x[1])


@given(st.integers(0, 10_000), st.floats(0.05, 2.0))
def test_contrastive_is_the_mean_of_optaxs_two_softmax_cross_entropies(seed, temperature):
    with jax.enable_x64(True):
        x, y = random_pairs(seed)
        s = optax.losses.cosine_similarity(x[:, None], y[None]) / temperature
        labels = jnp.arange(len(x))
        theirs = [
            optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
            for logits in (s, s.T)
        ]
        ours = contrastive(itself, temperature)(jnp.array(1.0), (x, y))
        np.testing.assert_allclose(ours, sum(theirs) / 2, rtol=1e-10)


def test_nt_xent_of_n_orthogonal_pairs_is_ours_of_two_n_less_one_for_it_has_more_negatives():
    n = 4
    with jax.enable_x64(True):
        corners, more = jnp.eye(n), jnp.eye(2 * n - 1)
        labels = jnp.arange(n)
        with jax.numpy_dtype_promotion("standard"):  # optax counts with booleans
            theirs = optax.losses.ntxent(
                jnp.concatenate([corners, corners]), jnp.concatenate([labels, labels]), 0.5
            )
        one = jnp.array(1.0)
        np.testing.assert_allclose(contrastive(itself, 0.5)(one, (more, more)), theirs, rtol=1e-12)
        assert contrastive(itself, 0.5)(one, (corners, corners)) < theirs


def test_descent_arrives_at_the_corners_of_a_regular_simplex_and_the_least_loss():
    n, temperature = 5, 0.5
    with jax.enable_x64(True):
        start = random_pairs(0, n, n - 1)
        loss = contrastive(lambda params, side: params[side], temperature)
        end = jax.jit(
            lambda: jd.descend(
                lambda params: loss(params, (0, 1)), start, jd.heavy_ball(1.0), 2000, record=None
            )
        )()
    least = np.log(1 + (n - 1) * np.exp(-n / ((n - 1) * temperature)))
    assert end.verdict.loss == pytest.approx(least, rel=1e-9)
    simplex = (n * np.eye(n) - 1) / (n - 1)
    np.testing.assert_allclose(cosines(*end.params), simplex, rtol=0, atol=1e-5)


@given(st.integers(0, 10_000))
def test_contrastive_sees_angles_alone_and_both_sides_alike(seed):
    with jax.enable_x64(True):
        x, y = random_pairs(seed)
        loss, one = CONTRASTIVE, jnp.array(1.0)
        value = loss(one, (x, y))
        rng = np.random.default_rng(seed)
        lengths = jnp.asarray(rng.uniform(0.1, 10, (len(x), 1)))
        turn = jnp.asarray(np.linalg.qr(rng.normal(size=(4, 4)))[0])
        order = rng.permutation(len(x))
        for same in ((lengths * x, y), (x @ turn, y @ turn), (x[order], y[order]), (y, x)):
            np.testing.assert_allclose(loss(one, same), value, rtol=1e-10)
        slope = SLOPE(x, y)
        np.testing.assert_allclose(jnp.sum(slope * x, axis=1), 0, atol=1e-12)


def test_embeddings_that_are_all_the_same_score_chance():
    for n in (2, 10):
        same = jnp.ones((n, 3))
        value = contrastive(itself, 0.01)(jnp.array(1.0), (same, same))
        assert value == pytest.approx(np.log(n), rel=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_tiny_and_huge_embeddings_score_as_others_do(size):
    x, y = jax.tree.map(lambda side: side.astype(jnp.float32), random_pairs(0))
    loss = contrastive(itself)
    value = loss(jnp.array(1.0), (x, y))
    assert loss(jnp.array(1.0), (size * x, y)) == pytest.approx(float(value), rel=1e-5)


def test_an_embedding_of_zeros_has_cosine_zero_and_a_finite_gradient():
    x, y = random_pairs(0)
    x = x.at[2].set(0.0)
    loss = contrastive(itself, 1.0)
    value, slope = jax.jit(jax.value_and_grad(lambda x: loss(jnp.array(1.0), (x, y))))(x)
    s = cosines(x.at[2].set(1.0), y)
    s[2] = 0
    both = [scipy.special.log_softmax(s, axis=axis).diagonal() for axis in (0, 1)]
    assert value == pytest.approx(-np.mean(both), rel=1e-5)
    assert np.all(np.isfinite(slope))


def test_the_other_side_may_have_a_model_of_its_own_and_temperatures_may_be_mapped():
    x, y = random_pairs(0)
    one = jnp.array(1.0)
    both = contrastive(lambda _, x: x[:, ::-1], 0.5, other_model=itself)(one, (x, y))
    assert both == contrastive(itself, 0.5)(one, (x[:, ::-1], y))
    temperatures = jnp.array([0.1, 0.5])
    mapped = jax.vmap(lambda t: contrastive(itself, t)(one, (x, y)))(temperatures)
    alone = [contrastive(itself, float(t))(one, (x, y)) for t in temperatures]
    np.testing.assert_allclose(mapped, jnp.stack(alone), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_losses_and_gradients_keep_the_dtype(dtype):
    with jax.enable_x64(True):
        params, batch = vectors_and_batch(0)
        params = jax.tree.map(lambda x: jnp.asarray(x, dtype), params)
        pairs = jax.tree.map(lambda x: x.astype(dtype), random_pairs(0))
        for result in (
            SKIP_GRAM(params, batch),
            jax.jit(jax.value_and_grad(contrastive(itself)))(jnp.asarray(1.0, dtype), pairs),
        ):
            assert {leaf.dtype for leaf in jax.tree.leaves(result)} == {jnp.dtype(dtype)}


INDICES = jnp.zeros(3, jnp.int32)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ((INDICES, INDICES[:2], jnp.zeros((3, 2), jnp.int32)), r"\(3,\), contexts \(2,\)"),
        ((INDICES, INDICES, jnp.zeros((2, 2), jnp.int32)), r"negatives \(2, 2\): they must be"),
        ((INDICES, INDICES, INDICES), r"negatives have shape \(3,\): they must be \(n, k\)"),
        ((INDICES, INDICES, jnp.zeros((3, 0), jnp.int32)), r"with n, k ≥ 1"),
        ((INDICES[:0], INDICES[:0], jnp.zeros((0, 2), jnp.int32)), r"with n, k ≥ 1"),
    ],
)
def test_skip_grams_that_do_not_fit_are_refused_with_their_shapes(batch, message):
    params, _ = vectors_and_batch(0)
    with pytest.raises(ValueError, match=message):
        skip_gram(word_vectors)(params, batch)


def test_scores_of_the_wrong_shape_are_refused():
    batch = INDICES, INDICES, jnp.zeros((3, 2), jnp.int32)
    with pytest.raises(ValueError, match=r"scores of shape \(3,\) for .*\(3, 1\) and \(3, 2\)"):
        skip_gram(lambda params, words, contexts: jnp.zeros(3))(0.0, batch)


@pytest.mark.usefixtures("as_users_run")
def test_word_vectors_names_what_does_not_fit():
    vectors = {"word": jnp.ones((4, 2)), "context": jnp.ones((5, 2))}
    with pytest.raises(ValueError, match=re.escape("['word'] has shape (4, 2), params['context']")):
        word_vectors({**vectors, "context": jnp.ones((5, 3))}, INDICES, INDICES[:, None])
    with pytest.raises(ValueError, match=r"words have shape \(3,\), contexts \(3,\)"):
        word_vectors(vectors, INDICES, INDICES)
    with pytest.raises(TypeError, match="contexts are of dtype float32"):
        word_vectors(vectors, INDICES, jnp.ones((3, 1)))


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(
    ("temperature", "error", "message"),
    [
        (0.0, ValueError, "temperature must be > 0 and finite, got 0.0"),
        (-1.0, ValueError, "got -1.0"),
        (np.nan, ValueError, "got nan"),
        (np.inf, ValueError, "got inf"),
        ("hot", TypeError, "temperature must be a real number, got 'hot'"),
    ],
)
def test_temperatures_that_are_none_are_refused(temperature, error, message):
    with pytest.raises(error, match=message):
        contrastive(itself, temperature)


def test_pairs_that_cannot_be_contrasted_are_refused():
    loss, one = contrastive(itself), jnp.array(1.0)
    with pytest.raises(ValueError, match=r"\(3, 2\) and \(4, 2\): both must be \(n, d\)"):
        loss(one, (jnp.ones((3, 2)), jnp.ones((4, 2))))
    with pytest.raises(ValueError, match=r"\(3,\) and \(3,\)"):
        loss(one, (jnp.ones(3), jnp.ones(3)))
    with pytest.raises(ValueError, match="1 pair: two or more are needed"):
        loss(one, (jnp.ones((1, 2)), jnp.ones((1, 2))))


def drawn(sample, keys):
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(lambda key: sample(key, 3)))(keys))


def test_contexts_lie_about_their_word_as_in_windows_of_uniform_reach():
    n, window = 20, 3
    keys = jax.random.split(KEY, 4000)
    word, context, _ = drawn(skip_grams(jnp.arange(n), 4, window), keys)
    places = np.bincount(word.ravel(), minlength=n)
    assert not places[:window].any()
    assert not places[-window:].any()
    assert scipy.stats.chisquare(places[window:-window]).pvalue > 1e-4
    aside, counts = np.unique(context - word, return_counts=True)
    np.testing.assert_array_equal(aside, [-3, -2, -1, 1, 2, 3])
    # of windows of reach 1, 2 and 3, distance d is in those that reach it
    reached = np.array([sum(reach >= abs(d) for reach in (1, 2, 3)) for d in aside])
    expected = counts.sum() * reached / reached.sum()
    assert scipy.stats.chisquare(counts, expected).pvalue > 1e-4
    assert abs(scipy.stats.pearsonr(word.ravel(), (context - word).ravel()).statistic) < 0.03


@pytest.mark.parametrize("noise", [None, [0.0, 1.0, 1.0, 2.0, 5.0]])
def test_negatives_are_drawn_from_the_noise_by_default_counts_to_the_power_three_quarters(noise):
    text = jnp.repeat(jnp.arange(4), jnp.array([40, 20, 10, 1]))
    _, _, negatives = drawn(
        skip_grams(text, 8, 2, 3, None if noise is None else jnp.array(noise)),
        jax.random.split(KEY, 1000),
    )
    weights = np.array([40, 20, 10, 1]) ** 0.75 if noise is None else np.array(noise)
    counts = np.bincount(negatives.ravel(), minlength=weights.size)
    possible = weights > 0
    assert counts[~possible].sum() == 0
    expected = counts.sum() * weights / weights.sum()
    assert scipy.stats.chisquare(counts[possible], expected[possible]).pvalue > 1e-4


def test_a_draw_depends_on_the_key_and_the_step_alone():
    text = np.arange(200, dtype=np.int32) % 37
    sample = jax.jit(skip_grams(text, 9))
    batch = sample(jax.random.key(5), 7)
    with jax.enable_x64(True):
        again = jax.jit(skip_grams(text, 9))
        others = [again(jax.random.key(5), 7), again(jax.random.PRNGKey(5), np.int64(7))]
    for other in others:
        jax.tree.map(np.testing.assert_array_equal, batch, other)
    for other in (sample(jax.random.key(5), 8), sample(jax.random.key(6), 7)):
        assert all(np.any(a != b) for a, b in zip(batch, other, strict=True))


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"size": 0}, ValueError, "size=0 must be at least 1"),
        ({"window": 0}, ValueError, "window=0 must be at least 1"),
        ({"negatives": -1}, ValueError, "negatives=-1 must be at least 1"),
        ({"size": 2.0}, TypeError, "size=2.0 must be an integer"),
        ({"window": 5}, ValueError, r"words of shape \(10,\) must be .* at least 11 for a window"),
        ({"words": jnp.ones((5, 5), int)}, ValueError, r"words of shape \(5, 5\)"),
        ({"words": jnp.arange(10) - 1}, ValueError, "row of numbers ≥ 0"),
        ({"words": jnp.ones(10)}, TypeError, "words are of dtype float32"),
        ({"noise": jnp.zeros(10)}, ValueError, r"noise of shape \(10,\) must be .* not all zero"),
        ({"noise": jnp.array([1.0, -1.0])}, ValueError, "finite numbers ≥ 0"),
        ({"noise": jnp.array([1.0, jnp.nan])}, ValueError, "finite numbers ≥ 0"),
        ({"noise": jnp.array([1.0, jnp.inf])}, ValueError, "finite numbers ≥ 0"),
    ],
)
def test_skip_grams_says_what_is_wrong(wrong, error, message):
    with pytest.raises(error, match=message):
        # unwrapped, so that the check speaks and not the type checker that tests add around it
        inspect.unwrap(skip_grams)(**{"words": jnp.arange(10), "size": 2, "window": 2} | wrong)


def test_skip_grams_without_a_key_are_refused():
    with pytest.raises(ValueError, match="key is None"):
        skip_grams(jnp.arange(20), 2)(None, 0)
