"""Word vectors: skip-gram with negative sampling on the prose of Python's help.

Evaluated by pairs of related words from the world of that text, which were written down before any
vector was learned: no label takes part in the learning.

Reference: Mikolov, Sutskever, Chen, Corrado & Dean 2013, "Distributed Representations of Words and
Phrases and their Compositionality".
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from scipy import stats
from sklearn.utils.extmath import randomized_svd

import jdescent as jd
from experiments.common.number import Baseline
from experiments.one_loop import corpus
from experiments.one_loop.learner import Data, Model, Result

BELONG_TOGETHER = """
    list tuple, class method, import module, exception raise, integer float, key value,
    string bytes, mapping dictionary, positional keyword, global nonlocal, break continue, if else,
    try except, iterator iterable, true false, left right, prefix suffix, uppercase lowercase,
    real imaginary, async await, mutable immutable, generator yield, debugger breakpoint,
    metaclass bases, width precision, decimal digit, start stop, function arguments, enter exit,
    positive negative, operator operand, namespace scope, pattern match, descriptor attribute,
    subclass inheritance, traceback frame, slice index, encoding ascii, assignment target
"""
RELATED = tuple(tuple(pair.split()) for pair in BELONG_TOGETHER.split(","))
SHOWN = ("list", "raise", "async", "integer", "debugger")
NEIGHBORS = 5

LEAST_COUNT = 5  # rarer words are left out
THRESHOLD = 1e-3  # a word of a larger share of the text is thinned out
THINNINGS = 8
LIKE_FREQUENCY = 25  # ranks of frequency that a random word may lie from the one it stands for
RANDOM_PAIRS = 50  # for each related pair


class Text(NamedTuple):
    """The words there are, the most frequent first, and the text as their numbers."""

    vocabulary: tuple[str, ...]
    numbers: Int[np.ndarray, " n"]

    def number(self, word: str) -> int:
        return self.vocabulary.index(word)


@functools.cache
def text() -> Text:
    """All prose, without words that come fewer than `LEAST_COUNT` times."""
    prose = [sentence for told in corpus.prose().values() for sentence in told]
    vocabulary = corpus.vocabulary(prose, LEAST_COUNT)
    number = {word: i for i, word in enumerate(vocabulary)}
    said = (word for sentence in prose for word in corpus.words(sentence))
    return Text(vocabulary, np.array([number[word] for word in said if word in number], np.int32))


def word2vec(dimension: int) -> Model:
    """Two vectors a word, scored by their product; random vectors for words, zeros for contexts."""
    shape = len(text().vocabulary), dimension

    def start(key: PRNGKeyArray) -> dict[str, Array]:
        word = jax.random.normal(key, shape, float) / (2 * np.sqrt(dimension))
        return {"word": word, "context": jnp.zeros(shape)}

    return Model(start, jd.losses.word_vectors)


def neighborhoods(size: int, window: int = 5, negatives: int = 5) -> Data:
    """Words with their contexts and negatives; evaluated by whether related words lie nearer.

    The score is the chance that a related pair has a larger cosine than a random one of words of
    like frequency: the area under the ROC curve.
    """
    numbers = text().numbers
    noise = np.bincount(numbers) ** 0.75
    sampler = jd.batches.skip_grams(thinned(numbers), size, window, negatives, noise)
    return Data(sampler, lambda params: evaluated(np.asarray(params["word"], float), window))


def thinned(numbers: Int[np.ndarray, " n"]) -> Int[np.ndarray, " m"]:
    """The text some times over, each time with other words left out: the frequent ones.

    A word whose share of the text is f stays with probability √(THRESHOLD/f), at most 1.
    """
    share = np.bincount(numbers) / numbers.size
    stays = np.sqrt(THRESHOLD / share)[numbers]
    rng = np.random.default_rng(0)
    return np.concatenate([numbers[rng.random(numbers.size) < stays] for _ in range(THINNINGS)])


def evaluated(vectors: Float[np.ndarray, "words dimension"], window: int) -> Result:
    related, random = cosines(vectors)
    algebra = roc_area(*cosines(by_algebra(vectors.shape[1], window)))
    test = stats.mannwhitneyu(related, random, alternative="greater")
    return Result(
        roc_area(related, random),
        0.5,
        "chance",
        Baseline("by algebra", algebra),
        "ROC area",
        higher_is_better=True,
        shown=tuple(f"{word}: {', '.join(nearest(vectors, word))}" for word in SHOWN),
        more={
            "p_value": float(test.pvalue),
            "related_pairs": related.size,
            "mean_cosine_of_related": float(related.mean()),
            "mean_cosine_of_random": float(random.mean()),
            "roc_area_by_algebra": algebra,
        },
    )


def unit(vectors: Float[np.ndarray, "words dimension"]) -> Float[np.ndarray, "words dimension"]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def cosines(vectors: Float[np.ndarray, "words dimension"]) -> tuple[np.ndarray, np.ndarray]:
    """Of the related pairs, and of the random ones."""
    directions = unit(vectors)
    related, random = (
        np.sum(directions[pairs[:, 0]] * directions[pairs[:, 1]], axis=1)
        for pairs in (related_pairs(), random_pairs())
    )
    return related, random


def roc_area(related: Float[np.ndarray, " m"], random: Float[np.ndarray, " n"]) -> float:
    larger = stats.mannwhitneyu(related, random).statistic  # how often, a tie being half a time
    return float(larger) / (related.size * random.size)


@functools.cache
def by_algebra(dimension: int, window: int) -> Float[np.ndarray, "words dimension"]:
    """Word vectors without descent: the SVD of the positive pointwise mutual information.

    Reference: Levy & Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization", §4.
    """
    words, count = text().numbers, len(text().vocabulary)
    together = np.zeros((count, count))
    for distance in range(1, window + 1):
        np.add.at(together, (words[:-distance], words[distance:]), window + 1 - distance)
    together += together.T
    alone = together.sum(axis=0)
    information = np.log(np.maximum(together, 1e-9) * alone.sum() / np.outer(alone, alone))
    u, s, _ = randomized_svd(np.maximum(information, 0), dimension, random_state=0)
    return u * np.sqrt(s)


def related_pairs() -> Int[np.ndarray, "pairs 2"]:
    """Those of `RELATED` that this version of the text has."""
    known = set(text().vocabulary)
    there = [pair for pair in RELATED if known.issuperset(pair)]
    return np.array([[text().number(word) for word in pair] for pair in there])


@functools.cache
def random_pairs() -> Int[np.ndarray, "pairs 2"]:
    """For each related pair some random ones, of two words about as frequent as its two."""
    related = related_pairs()
    rng = np.random.default_rng(0)
    aside = rng.integers(-LIKE_FREQUENCY, LIKE_FREQUENCY + 1, (RANDOM_PAIRS, *related.shape))
    pairs = np.clip(related + aside, 0, len(text().vocabulary) - 1).reshape(-1, 2)
    ordered = {tuple(sorted(pair)) for pair in related.tolist()}
    return np.array([p for p in pairs.tolist() if p[0] != p[1] and tuple(sorted(p)) not in ordered])


def nearest(vectors: Float[np.ndarray, "words dimension"], word: str) -> list[str]:
    directions = unit(vectors)
    order = np.argsort(-directions @ directions[text().number(word)])
    return [text().vocabulary[i] for i in order[1 : NEIGHBORS + 1]]
