"""Sentence embeddings: neighboring sentences of Python's help end up near one another.

A sentence is the mean of the vectors of its words; longer vectors weigh more, and which words are
to weigh is learned. Evaluated on whole topics that were not trained on: which of their sentences
follows this one?

Reference: van den Oord, Li & Vinyals 2018, "Representation Learning with Contrastive Predictive
Coding"; sentences from their neighbors: Logeswaran & Lee 2018, "An efficient framework for learning
sentence representations".
"""

import functools
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

import jdescent as jd
from experiments.common.number import Baseline
from experiments.one_loop import corpus
from experiments.one_loop.learner import Data, Model, Result

LEAST_COUNT = 2  # rarer words are left out
LONGEST = 40  # words that are read of a sentence
NO_WORD = 0  # fills up a shorter one
FIRST = 10  # the true neighbor is found if it is among so many first
SHOWN, LIGHTEST = 3, 10

Sentences = Int[Array, "n 40"]


class Pairs(NamedTuple):
    """Sentences and those that follow them."""

    sentence: tuple[str, ...]
    following: tuple[str, ...]


class Split(NamedTuple):
    """Neighbors to train on, and those of the topics held out."""

    train: Pairs
    test: Pairs


@functools.cache
def pairs() -> Split:
    """Neighbors in the prose of each topic; code, or what another topic says, may lie between."""
    train, test = (
        Pairs(*zip(*(pair for topic in part.values() for pair in pairwise(topic)), strict=True))
        for part in corpus.split()
    )
    return Split(train, test)


@functools.cache
def vocabulary() -> tuple[str, ...]:
    """The words of the topics to train on; number 0 is no word."""
    return ("", *corpus.vocabulary(told(), LEAST_COUNT))


def told() -> tuple[str, ...]:
    """All sentences of the topics to train on."""
    return tuple(sentence for topic in corpus.split().train.values() for sentence in topic)


def as_numbers(sentences: tuple[str, ...]) -> Int[np.ndarray, "n 40"]:
    """The known words of each sentence, filled up with `NO_WORD`."""
    number = {word: i for i, word in enumerate(vocabulary())}
    rows = np.full((len(sentences), LONGEST), NO_WORD, np.int32)
    for row, sentence in zip(rows, sentences, strict=True):
        known = [number[word] for word in corpus.words(sentence) if word in number][:LONGEST]
        row[: len(known)] = known
    return rows


def encoder(dimension: int) -> Model:
    """The mean of the words' vectors, from random ones."""

    def start(key: PRNGKeyArray) -> dict[str, Array]:
        shape = len(vocabulary()), dimension
        return {"word": jax.random.normal(key, shape, float) / np.sqrt(dimension)}

    return Model(start, mean_vector)


def mean_vector(params: PyTree, sentences: Sentences) -> Float[Array, "n dimension"]:
    words = (sentences != NO_WORD)[..., None]
    vectors = jnp.where(words, params["word"][sentences], 0)
    return jnp.sum(vectors, axis=1) / jnp.maximum(1.0, jnp.sum(words, axis=1, dtype=vectors.dtype))


def neighbors(size: int, left_out: float = 0.5) -> Data:
    """Pairs of neighbors, words left out of them at random; evaluated by finding the held-out ones.

    The score is the share of held-out sentences whose true next one is among the ten nearest of all
    held-out next ones, itself left aside.

    Args:
        size: pairs in a batch.
        left_out: the probability that a word is left out, against learning by heart.
    """
    train = pairs().train
    both = jnp.asarray(as_numbers(train.sentence)), jnp.asarray(as_numbers(train.following))
    whole = jd.batches.mini_batch(both, size)

    def sample(key, step):
        of_pairs, of_words = jax.random.split(key)
        some = jnp.stack(whole(of_pairs, step))
        stay = jax.random.bernoulli(jax.random.fold_in(of_words, step), 1 - left_out, some.shape)
        sentence, following = jnp.where(stay, some, NO_WORD)
        return sentence, following

    return Data(sample, evaluated)


def evaluated(params: PyTree) -> Result:
    similar = similarity(*encoded(params))
    rank = ranks(similar)
    untrained = encoder(params["word"].shape[1]).start(jax.random.key(0))
    found = {
        "": rank,
        "_untrained": ranks(similarity(*encoded(untrained))),
        "_tfidf": tfidf_ranks(),
    }
    candidates = np.isfinite(similar).sum(axis=1)
    more = {
        "held_out_pairs": rank.size,
        "median_rank": float(np.median(rank)),
        "recall_at_1_of_chance": float(np.mean(1 / candidates)),
    }
    for of, placed in found.items():
        more[f"recall_at_{FIRST}{of}"] = recall(placed, FIRST)
        more[f"recall_at_1{of}"] = recall(placed, 1)
        more[f"mean_reciprocal_rank{of}"] = float(np.mean(1 / placed))
    return Result(
        recall(rank, FIRST),
        float(np.mean(FIRST / candidates)),
        "chance",
        Baseline("TF-IDF", recall(tfidf_ranks(), FIRST)),
        f"recall at {FIRST}",
        higher_is_better=True,
        shown=(*shortest_found(rank), f"words that weigh least: {', '.join(lightest(params))}"),
        more=more,
    )


def encoded(params: PyTree) -> list[Float[np.ndarray, "n dimension"]]:
    sides = (jnp.asarray(as_numbers(side)) for side in pairs().test)
    return [np.asarray(mean_vector(params, side), float) for side in sides]


@functools.cache
def tfidf_ranks() -> Float[np.ndarray, " n"]:
    """With the usual bags of words instead; how much each weighs is of the trained topics too."""
    bags = TfidfVectorizer(analyzer=corpus.words).fit(told())
    return ranks(similarity(*(bags.transform(side).toarray() for side in pairs().test)))


def similarity(
    sentence: Float[np.ndarray, "n d"], following: Float[np.ndarray, "n d"]
) -> Float[np.ndarray, "n n"]:
    """Cosines of each held-out sentence with each next one; −∞ with itself, which is none."""
    test = pairs().test
    itself = np.array(test.sentence)[:, None] == np.array(test.following)[None]
    return np.where(itself, -np.inf, cosine_similarity(sentence, following))


def ranks(similar: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " n"]:
    """The place of the true next sentence, from 1; the middle one where it ties with others."""
    true = np.diag(similar)[:, None]
    ties = np.sum(similar == true, axis=1) - 1
    return 1 + np.sum(similar > true, axis=1) + ties / 2


def recall(rank: Float[np.ndarray, " n"], first: int) -> float:
    return float(np.mean(rank <= first))


def shortest_found(rank: Float[np.ndarray, " n"]) -> list[str]:
    """Pairs that were found at the first place, those that are read fastest."""
    test = pairs().test
    found = [f"{test.sentence[i]} → {test.following[i]}" for i in np.flatnonzero(rank == 1)]
    return sorted(found, key=len)[:SHOWN]


def lightest(params: PyTree) -> list[str]:
    length = np.linalg.norm(params["word"], axis=1)[1:]
    return [vocabulary()[1 + i] for i in np.argsort(length)[:LIGHTEST]]
