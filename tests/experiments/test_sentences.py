"""Sentence embeddings of Python's help: the sentence that follows is found in topics held out."""

import re
from pydoc_data.topics import topics

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from learning import learned

import jdescent as jd
from experiments.one_loop import corpus, sentences

STEPS = 80


@pytest.fixture(scope="module")
def data():
    return sentences.neighbors(256)


@pytest.fixture(scope="module")
def trained(data):
    return learned(jd.losses.contrastive, sentences.encoder(128), data, rate=0.006, steps=STEPS)


@pytest.fixture(scope="module")
def result(data, trained):
    return data.evaluate(trained)


def test_the_next_sentence_is_found_ten_times_as_often_as_by_chance(result):
    assert result.score >= 10 * result.baseline
    assert result.score > result.more["recall_at_10_untrained"] + 0.05
    assert result.more["mean_reciprocal_rank"] > result.more["mean_reciprocal_rank_untrained"]
    assert result.more["recall_at_1"] >= 10 * result.more["recall_at_1_of_chance"]


def test_chance_is_ten_of_the_held_out_sentences(result):
    count = result.more["held_out_pairs"]
    assert count > 400
    # in most rows the sentence itself is one of the next ones, and left aside
    assert 10 / count < result.baseline <= 10 / (count - 1)


def test_words_that_tell_little_come_to_weigh_least(result):
    *found, lightest = result.shown
    assert len(found) == sentences.SHOWN
    assert {"the", "is", "of"} <= set(re.findall(r"\w+", lightest))


def test_held_out_pairs_follow_one_another_in_topics_not_trained_on():
    train, test = sentences.pairs()
    told = {sentence for topic in corpus.split().train.values() for sentence in topic}
    assert not told & {*test.sentence, *test.following}
    assert {*train.sentence, *train.following} <= told
    for sentence, following in zip(*test, strict=True):
        topic = next(t for t in corpus.prose().values() if sentence in t)
        assert topic.index(following) == topic.index(sentence) + 1


def test_no_word_that_only_held_out_topics_use_is_in_the_vocabulary():
    told = " ".join(sentence for topic in corpus.split().train.values() for sentence in topic)
    assert set(sentences.vocabulary()[1:]) <= set(corpus.words(told))


def test_a_sentence_is_the_mean_of_its_known_words_and_nothing_without_one():
    params = sentences.encoder(7).start(jax.random.key(0))
    told = ("Return the xyzzy of a list.", "Xyzzy!")
    number = {word: i for i, word in enumerate(sentences.vocabulary())}
    known = [number[word] for word in ("return", "the", "of", "list")]
    mean, nothing = sentences.mean_vector(params, jnp.asarray(sentences.as_numbers(told)))
    np.testing.assert_allclose(mean, np.mean(np.asarray(params["word"])[known], axis=0), atol=1e-6)
    np.testing.assert_array_equal(nothing, np.zeros(7))


def test_batches_are_neighbors_to_train_on_with_half_of_their_words_left_out(data):
    train = sentences.pairs().train
    whole = [{tuple(row) for row in sentences.as_numbers(side).tolist()} for side in train]
    every = sentences.neighbors(64, left_out=0.0).batches(jax.random.key(0), 3)
    for side, possible in zip(every, whole, strict=True):
        assert {tuple(row) for row in np.asarray(side).tolist()} <= possible
    half = sentences.neighbors(64).batches(jax.random.key(0), 3)
    words = sum(np.count_nonzero(side) for side in every)
    left = sum(np.count_nonzero(side) for side in half)
    assert abs(left - words / 2) < 4 * np.sqrt(words) / 2
    for side, some in zip(every, half, strict=True):
        assert np.all((some == side) | (some == sentences.NO_WORD))
    again = sentences.neighbors(64).batches(jax.random.key(0), 4)
    assert np.any(again[0] != half[0])


def test_ranks_are_scipys_and_of_random_similarities_as_good_as_chance():
    n = 400
    similar = np.random.default_rng(0).integers(0, 50, (n, n)).astype(float)  # with ties
    expected = [scipy.stats.rankdata(-row)[i] for i, row in enumerate(similar)]
    ranks = sentences.ranks(similar)
    np.testing.assert_array_equal(ranks, expected)
    assert abs(sentences.recall(ranks, 100) - 0.25) < 4 * np.sqrt(0.25 * 0.75 / n)


def test_a_sentence_does_not_find_itself():
    test = sentences.pairs().test
    n = len(test.sentence)
    similar = sentences.similarity(np.ones((n, 2)), np.ones((n, 2)))
    for i, j in zip(*np.nonzero(np.isinf(similar)), strict=True):
        assert test.sentence[i] == test.following[j]
    assert np.count_nonzero(np.isinf(similar)) > n / 2
    assert np.all(np.isfinite(np.diag(similar)))


def test_pairs_that_are_shown_stand_next_to_each_other_in_python_s_help(result):
    flat = [" ".join(topic.split()) for topic in topics.values()]
    for pair in result.shown[:-1]:
        sentence, following = pair.split(" → ")
        assert any(sentence in topic and following in topic for topic in flat)
