"""The n-gram baselines: probabilities, by hand and against a transcription with dictionaries."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from experiments.one_loop import ngrams


def by_recursion(text: list[int], run: list[int], order: int, kinds: int) -> Fraction:
    """Witten and Bell's P(run's last token | those before it), as it is written."""
    if order == 0:
        return Fraction(1, kinds)
    shorter = by_recursion(text, run, order - 1, kinds)
    context = tuple(run[len(run) - order : -1])
    followers = Counter(
        text[i + order - 1]
        for i in range(len(text) - order + 1)
        if tuple(text[i : i + order - 1]) == context
    )
    if not followers:
        return shorter
    return (followers[run[-1]] + len(followers) * shorter) / (followers.total() + len(followers))


def test_a_bigram_worked_by_hand():
    """Text a b a c, three kinds: P(b | a) = (1 + 2·P(b))/(2 + 2) with P(b) = (1 + 3/3)/(4 + 3)."""
    probability = ngrams.witten_bell([0, 1, 0, 2], order=2, kinds=3)
    runs = np.array([[0, 1], [0, 0], [2, 0], [1, 0]])
    by_hand = [
        (1 + 2 * 2 / 7) / 4,
        (0 + 2 * 3 / 7) / 4,
        3 / 7,  # nothing ever followed c
        (1 + 1 * 3 / 7) / 2,
    ]
    np.testing.assert_allclose(probability(runs), by_hand, rtol=1e-15)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_equals_the_recursion_in_rational_numbers(order):
    random = np.random.default_rng(order)
    text = random.integers(0, 4, 60)
    runs = random.integers(0, 4, (40, 5))
    expected = [float(by_recursion(text.tolist(), run, order, 4)) for run in runs.tolist()]
    found = ngrams.witten_bell(text, order, 4)(runs)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("order", [1, 2, 5])
@pytest.mark.parametrize("kinds", [2, 103])
def test_probabilities_after_any_context_sum_to_one(order, kinds):
    random = np.random.default_rng(0)
    text = np.minimum(random.geometric(0.2, 2000) - 1, kinds - 1)
    probability = ngrams.witten_bell(text, order, kinds)
    contexts = np.lib.stride_tricks.sliding_window_view(text, 4)
    for context in [*contexts[random.integers(0, len(contexts), 10)], *np.eye(4, dtype=int)]:
        runs = np.column_stack([np.tile(context, (kinds, 1)), np.arange(kinds)])
        chances = probability(runs)
        assert np.all(chances > 0)
        assert chances.sum() == pytest.approx(1, abs=1e-12)


def test_bits_are_the_mean_surprise_of_each_token_after_those_before_it():
    text, continuation = [0, 1, 2, 0, 1], [2, 0, 0]
    runs = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 0]])
    by_hand = -np.log2([float(by_recursion(text, run, 3, 3)) for run in runs.tolist()]).mean()
    assert ngrams.bits(text, continuation, 3, 3) == pytest.approx(by_hand, rel=1e-14)


def test_what_repeats_with_period_three_is_free_for_a_trigram_and_dear_for_a_unigram():
    text = np.tile([0, 1, 2], 2000)
    bits = [ngrams.bits(text, text[:999], order, kinds=3) for order in (1, 2, 3)]
    assert bits[0] == pytest.approx(np.log2(3), abs=1e-3)
    assert max(bits[1:]) < 2e-3


def test_codes_that_would_overflow_are_refused():
    with pytest.raises(ValueError, match="order=10 is too long for 103 kinds"):
        ngrams.witten_bell([0, 1], order=10, kinds=103)
