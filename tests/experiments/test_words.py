"""Word vectors of Python's help: related words, written down before, lie near one another."""

import jax
import numpy as np
import pytest
import scipy.stats
from learning import learned
from sklearn.metrics import roc_auc_score

import jdescent as jd
from experiments.one_loop import corpus, words

STEPS = 600


@pytest.fixture(scope="module")
def data():
    return words.neighborhoods(512)


@pytest.fixture(scope="module")
def trained(data):
    return learned(jd.losses.skip_gram, words.word2vec(32), data, rate=0.01, steps=STEPS)


def test_related_words_lie_nearer_than_random_ones_of_like_frequency(data, trained):
    result = data.evaluate(trained)
    assert result.baseline == 0.5
    assert result.score > 0.8
    assert result.more["p_value"] < 1e-3
    assert result.more["mean_cosine_of_related"] > 0.15 + result.more["mean_cosine_of_random"]


def test_before_descent_related_words_are_as_far_as_any(data):
    result = data.evaluate(words.word2vec(32).start(jax.random.key(1)))
    # of m related pairs and many random ones, chance has standard deviation 1/√(12 m)
    assert abs(result.score - 0.5) < 4 / np.sqrt(12 * result.more["related_pairs"])
    assert result.more["p_value"] > 1e-3


def test_first_scores_are_zero_so_the_first_loss_is_six_log_two(data):
    model = words.word2vec(32)
    batch = data.batches(jax.random.key(0), 0)
    first = jd.losses.skip_gram(model.predict)(model.start(jax.random.key(0)), batch)
    assert first == pytest.approx(6 * np.log(2), rel=1e-6)


def test_the_score_is_scikit_learns_area_under_the_roc_curve(trained):
    related, random = words.cosines(np.asarray(trained["word"], float))
    labels = np.repeat([1, 0], [related.size, random.size])
    assert words.roc_area(related, random) == pytest.approx(
        roc_auc_score(labels, np.concatenate([related, random])), abs=1e-12
    )


def test_vectors_by_algebra_find_the_related_pairs_too():
    assert words.roc_area(*words.cosines(words.by_algebra(64, 5))) > 0.85


def test_the_list_of_related_pairs_is_long_enough_has_no_pair_twice_and_is_in_the_text():
    assert len({frozenset(pair) for pair in words.RELATED}) == len(words.RELATED)
    assert all(len(set(pair)) == 2 for pair in words.RELATED)
    there = words.related_pairs()
    assert 20 <= len(there) <= len(words.RELATED) <= 40
    spelled = [tuple(words.text().vocabulary[i] for i in pair) for pair in there.tolist()]
    assert set(spelled) <= set(words.RELATED)


def test_random_pairs_are_as_frequent_as_the_related_ones_and_not_among_them():
    related, random = words.related_pairs(), words.random_pairs()
    assert len(random) > 45 * len(related)
    assert not {frozenset(p) for p in related.tolist()} & {frozenset(p) for p in random.tolist()}
    counts = np.bincount(words.text().numbers)
    of_related, of_random = (np.log(counts[pairs]).ravel() for pairs in (related, random))
    assert scipy.stats.mannwhitneyu(of_related, of_random).pvalue > 0.05


def test_the_text_is_the_prose_in_its_order_without_rare_words():
    vocabulary, numbers = words.text()
    prose = " ".join(sentence for told in corpus.prose().values() for sentence in told)
    known, spelled = set(vocabulary), [vocabulary[i] for i in numbers]
    assert spelled == [word for word in corpus.words(prose) if word in known]
    counts = np.bincount(numbers)
    assert counts.size == len(vocabulary)
    assert counts.min() >= words.LEAST_COUNT
    assert np.all(np.diff(counts) <= 0)


def test_frequent_words_are_thinned_to_the_root_of_their_share_and_rare_ones_stay():
    numbers = words.text().numbers
    counts = np.bincount(numbers)
    left = np.bincount(words.thinned(numbers), minlength=counts.size)
    rare = counts <= words.THRESHOLD * numbers.size
    np.testing.assert_array_equal(left[rare], words.THINNINGS * counts[rare])
    stays = np.sqrt(words.THRESHOLD * numbers.size / counts[~rare])
    draws = words.THINNINGS * counts[~rare]
    z = (left[~rare] - draws * stays) / np.sqrt(draws * stays * (1 - stays))
    assert np.max(np.abs(z)) < 4.5


def test_neighbors_of_a_word_are_those_of_the_largest_cosines_and_not_itself(trained):
    vectors = np.asarray(trained["word"], float)
    vocabulary = words.text().vocabulary
    i = vocabulary.index("list")
    cosine = vectors @ vectors[i] / np.linalg.norm(vectors, axis=1)
    cosine[i] = -np.inf
    best = [vocabulary[j] for j in np.argsort(cosine)[: -words.NEIGHBORS - 1 : -1]]
    assert words.nearest(vectors, "list") == best
