"""Baselines of a language model: what follows is counted, given the last n − 1 tokens.

Witten and Bell mix the shares seen after a context with those after a shorter one. With c(h, w) the
count of token w after context h, N(h) the number of different tokens seen there and h′ the context
without its first token,

    P(w | h) = (c(h, w) + N(h) P(w | h′)) / (Σ_w c(h, w) + N(h))

down to P = 1/V without a context and counts. A context never seen leaves P(w | h′).

Reference: Witten & Bell 1991, "The Zero-Frequency Problem", IEEE Transactions on Information Theory
37(4), method C; as interpolation in Chen & Goodman 1999, "An Empirical Study of Smoothing
Techniques for Language Modeling", Computer Speech & Language 13(4).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

Tokens = Int[np.ndarray, " n"] | Sequence[int]


class Counts(NamedTuple):
    """How often runs of one length occur: sorted codes of runs and of their contexts."""

    runs: Int[np.ndarray, " runs"]
    times: Int[np.ndarray, " runs"]
    contexts: Int[np.ndarray, " contexts"]
    total: Int[np.ndarray, " contexts"]
    different: Int[np.ndarray, " contexts"]


def witten_bell(text: Tokens, order: int, kinds: int) -> Callable[[np.ndarray], np.ndarray]:
    """An n-gram model of a text.

    Args:
        text: tokens from 0 to kinds − 1.
        order: n ≥ 1; 2 is a bigram.
        kinds: V, how many kinds of tokens there are.

    Returns:
        probability(runs): from rows of n tokens or more, shape (m, ≥ n), the probability of each
        row's last token given those before it, float64 of shape (m,).

    Raises:
        ValueError: kinds^order does not fit a 64-bit integer.
    """
    if kinds**order > np.iinfo(np.int64).max:
        raise ValueError(f"order={order} is too long for {kinds} kinds of tokens: use less")
    counts = [_count(np.asarray(text), length, kinds) for length in range(1, order + 1)]

    def probability(runs: np.ndarray) -> np.ndarray:
        p = np.full(len(runs), 1 / kinds)
        for length, seen in enumerate(counts, start=1):
            code = _codes(runs[:, -length:], kinds)
            times = _look_up(seen.runs, seen.times, code)
            total = _look_up(seen.contexts, seen.total, code // kinds)
            different = _look_up(seen.contexts, seen.different, code // kinds)
            p = np.where(total > 0, (times + different * p) / np.maximum(total + different, 1), p)
        return p

    return probability


def bits(text: Tokens, continuation: Tokens, order: int, kinds: int) -> float:
    """What the n-gram model of a text says of its continuation, in bits per token."""
    whole = np.concatenate([text, continuation])[-len(continuation) - order + 1 :]
    runs = np.lib.stride_tricks.sliding_window_view(whole, order)
    return float(-np.mean(np.log2(witten_bell(text, order, kinds)(runs))))


def _count(text: np.ndarray, length: int, kinds: int) -> Counts:
    codes = _codes(np.lib.stride_tricks.sliding_window_view(text, length), kinds)
    runs, times = np.unique(codes, return_counts=True)
    contexts, which = np.unique(runs // kinds, return_inverse=True)
    total = np.bincount(which, times).astype(np.int64)
    return Counts(runs, times, contexts, total, np.bincount(which))


def _codes(runs: np.ndarray, kinds: int) -> np.ndarray:
    """Each row of tokens as the digits of one integer."""
    return runs.astype(np.int64) @ kinds ** np.arange(runs.shape[1] - 1, -1, -1, dtype=np.int64)


def _look_up(keys: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The value of each key asked for; 0 where there is none."""
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[place] == asked, values[place], 0)
