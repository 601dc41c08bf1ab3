"""English text that comes with every CPython: the help on the language, `pydoc_data.topics`.

It differs between versions of Python (0.46 MB and 103 characters in 3.11), so that results on it
belong to one `text_hash`.
"""

import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from pydoc_data.topics import topics
from typing import NamedTuple

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

Topics = dict[str, tuple[str, ...]]

WORD = re.compile(r"[^\W\d]\w+")
NOT_PROSE = re.compile(r"::=|>>>|^\.\.\. |^\s*[|+]|[-=*~^]{3}\s*$", re.MULTILINE)
LIST_MARK = re.compile(r"^(?:\*|\d+\.|\[\d+\]) ")
SENTENCE_END = re.compile(r"(?<=[.!?:])[\"”)]?\s+(?=[\"“'(*]*[A-Z])")
WHOLE_SENTENCE = re.compile(r"[\"“'(*]*[A-Z].*[.!?:][\"”')]*", re.DOTALL)
SHORTEST_SENTENCE = 6  # words
ALIKE = 0.7  # the share of words in common from which on two sentences say the same


class Split(NamedTuple):
    """Topics to train on and other topics to be evaluated by."""

    train: Topics
    test: Topics


@functools.cache
def text() -> str:
    """All topics, in the sorted order of their keys, with an empty line between two."""
    return "\n\n".join(topics[name] for name in sorted(topics))


def text_hash() -> str:
    """The SHA-256 of `text()` in UTF-8, in hexadecimal."""
    return hashlib.sha256(text().encode()).hexdigest()


def words(passage: str) -> list[str]:
    """Its words of two characters or more, in lower case; an identifier is one word.

    Example:
        >>> words('Calls "x.__init__()" 3 times: a built-in.')
        ['calls', '__init__', 'times', 'built', 'in']
    """
    return WORD.findall(passage.lower())


def sentences(passage: str) -> list[str]:
    """Its whole sentences of six words or more, each on one line; no code, grammar or tables."""
    paragraphs = (p for p in re.split(r"\n\s*\n", passage) if not NOT_PROSE.search(p))
    lines = (LIST_MARK.sub("", " ".join(paragraph.split())) for paragraph in paragraphs)
    return [
        sentence
        for line in lines
        for sentence in SENTENCE_END.split(line)
        if WHOLE_SENTENCE.fullmatch(sentence) and len(words(sentence)) >= SHORTEST_SENTENCE
    ]


@functools.cache
def prose() -> Topics:
    """The sentences of each topic in their order, the longest topic first, no two alike.

    Many a topic is also a part of a longer one: it is the longer one that stays whole.
    """
    longest_first = sorted(topics, key=lambda name: (-len(topics[name]), name))
    told = [(name, sentence) for name in longest_first for sentence in sentences(topics[name])]
    distinct: dict[str, tuple[str, ...]] = {}
    for at in unlike([sentence for _, sentence in told]):
        name, sentence = told[at]
        distinct[name] = (*distinct.get(name, ()), sentence)
    return distinct


def unlike(passages: list[str]) -> list[int]:
    """Which to keep so that no two have `ALIKE` of all their words in common: the first ones."""
    bags = CountVectorizer(analyzer=words, binary=True, dtype=np.float32).fit_transform(passages)
    common = (bags @ bags.T).toarray()
    sizes = common.diagonal()
    alike = common / (sizes[:, None] + sizes[None] - common) >= ALIKE
    kept = np.zeros(len(passages), bool)
    for i in range(len(passages)):
        kept[i] = not np.any(alike[i] & kept)
    return np.flatnonzero(kept).tolist()


def split() -> Split:
    """Whole topics held out: of those with a sentence of their own every fifth, by length.

    It is the second, the seventh, …: settings were chosen with the first, the sixth, … held out.
    """
    test = list(prose())[1::5]
    return Split(
        {name: told for name, told in prose().items() if name not in test},
        {name: prose()[name] for name in test},
    )


def vocabulary(passages: Iterable[str], at_least: int) -> tuple[str, ...]:
    """The words that come `at_least` so many times, the most frequent first."""
    counts = Counter(word for passage in passages for word in words(passage))
    frequent = [word for word, count in counts.items() if count >= at_least]
    return tuple(sorted(frequent, key=lambda word: (-counts[word], word)))
