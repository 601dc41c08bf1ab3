"""The text that comes with Python: what of it is prose, and what is held out."""

import hashlib
from itertools import combinations
from pydoc_data.topics import topics

from experiments.one_loop import corpus

PASSAGE = """\
The "shift" statement
*********************

   shift_expr ::= a_expr | shift_expr ( "<<" | ">>" ) a_expr

These operators accept integers as arguments and shift
them to the left. They raise "ValueError" if it cannot be done. Never so.

* If *x* is a number, the numeric argument is simply
  returned unchanged.

   >>> 1 << 2  # This is code and not a sentence at all.
   4

+-------+--------------------------------------------+
| A     | Tables hold no sentences, whatever they say. |

lower case starts no sentence here, even with a full stop.
"""


def share_in_common(a, b):
    a, b = set(corpus.words(a)), set(corpus.words(b))
    return len(a & b) / len(a | b)


def test_the_text_is_all_topics_in_order_and_its_hash_names_it():
    text = corpus.text()
    assert text.split("\n\n", 1)[0] == topics[min(topics)].split("\n\n", 1)[0]
    assert len(text) == sum(map(len, topics.values())) + 2 * (len(topics) - 1)
    assert corpus.text_hash() == hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_words_are_lower_case_and_identifiers_stay_whole():
    passage = 'Calls "x.__init__()" 3 times: a built-in_2, the Key.'
    assert corpus.words(passage) == ["calls", "__init__", "times", "built", "in_2", "the", "key"]


def test_sentences_are_the_prose_of_a_passage_without_code_grammar_tables_and_fragments():
    assert corpus.sentences(PASSAGE) == [
        "These operators accept integers as arguments and shift them to the left.",
        'They raise "ValueError" if it cannot be done.',
        "If *x* is a number, the numeric argument is simply returned unchanged.",
    ]


def test_prose_keeps_the_order_of_each_topic_and_says_nothing_twice():
    prose = corpus.prose()
    for name, told in prose.items():
        every = dict.fromkeys(corpus.sentences(topics[name]))
        assert [sentence for sentence in every if sentence in told] == list(told)
    some = {*max(prose.values(), key=len)[:80], *(told[0] for told in prose.values())}
    assert max(share_in_common(a, b) for a, b in combinations(some, 2)) < corpus.ALIKE
    assert sum(map(len, prose.values())) > 1500


def test_of_passages_alike_the_first_stays():
    passages = ["one two three four", "five six", "four three two one one", "one two three five"]
    assert corpus.unlike(passages) == [0, 1, 3]  # 3 of 5 words in common are fewer than 0.7


def test_whole_topics_are_held_out_and_none_of_their_sentences_is_trained_on():
    train, test = corpus.split()
    assert not train.keys() & test.keys()
    assert train | test == corpus.prose()
    trained_on = [sentence for told in train.values() for sentence in told]
    for sentence in max(test.values(), key=len)[:40]:
        assert max(share_in_common(sentence, other) for other in trained_on) < corpus.ALIKE


def test_a_vocabulary_has_the_most_frequent_words_first_and_ties_in_the_alphabets_order():
    passages = ["the cat, the dog", "The bird: the dog", "a cat"]
    assert corpus.vocabulary(passages, 2) == ("the", "cat", "dog")
