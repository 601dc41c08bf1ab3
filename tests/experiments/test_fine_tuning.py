"""Fine-tuning at its quick sizes: the same training from two starts, on text not seen before."""

import jax
import numpy as np
import pytest

import jdescent as jd
from experiments.one_loop import fine_tuning, language_model, ngrams

QUICK = fine_tuning.QUICK


@pytest.fixture(scope="module")
def moved():
    """A quick GPT, and what comes of its fine-tuning."""
    settings, text = language_model.QUICK, language_model.help_text()
    gpt = language_model.transformer(len(text.characters), settings)
    batches = language_model.reading(text, settings).batches
    optimizer = language_model.optimizer(settings.steps, settings.rate, settings.weight_decay)

    def train(key):
        loss, start = jd.losses.next_token(gpt.predict), gpt.start(key)
        return jd.descend(loss, start, optimizer, settings.steps, batches=batches, key=key).params

    pretrained = jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(0), 3))
    second = language_model.reading(fine_tuning.second_text(), QUICK)
    return pretrained, second, fine_tuning.compare(gpt, pretrained, second, QUICK)


def test_every_fine_tuned_seed_is_ahead_of_scratch_at_every_look(moved):
    *_, found = moved
    assert found.fine_tuned.shape == found.from_scratch.shape == (3, len(found.steps))
    np.testing.assert_array_equal(found.steps, [0, 20, 40])
    assert np.all(found.fine_tuned < found.from_scratch)
    assert np.all(found.steps_to_equal < QUICK.steps / 2)


def test_fine_tuning_starts_from_the_pretrained_weights_and_scratch_from_equal_chances(moved):
    pretrained, second, found = moved
    text = fine_tuning.second_text()
    for seed in range(3):
        weights = jax.tree.map(lambda leaf, i=seed: leaf[i], pretrained)
        bits = second.evaluate(weights).score
        assert found.fine_tuned[seed, 0] == pytest.approx(bits, rel=1e-5)
    kinds = len(text.characters)
    np.testing.assert_allclose(found.from_scratch[:, 0], np.log2(kinds), rtol=0.02)


def test_results_stand_beside_scratch_and_the_counted_5_gram(moved):
    *_, second, found = moved
    text = fine_tuning.second_text()
    counted = ngrams.bits(text.train, text.held_out, 5, len(text.characters))
    for seed, result in enumerate(found.results(second)):
        assert result.score == pytest.approx(found.fine_tuned[seed, -1], rel=1e-5)
        assert result.baseline == pytest.approx(found.from_scratch[seed, -1])
        assert result.more["5-gram"] == pytest.approx(counted)
        assert result.more["steps to equal"] == found.steps_to_equal[seed]


def test_a_crossing_lies_straight_between_looks():
    steps, values = np.array([0, 20, 40, 60]), np.array([4.0, 3.0, 3.5, 1.0])
    for goal, step in [(5, 0), (4, 0), (3.5, 10), (3, 20), (2, 52), (1, 60), (0.5, np.inf)]:
        assert fine_tuning.first_crossing(steps, values, goal) == pytest.approx(step)


def test_no_docstring_is_held_out_that_was_read_or_stands_in_the_help():
    text = fine_tuning.second_text()
    read = text.read(text.train) + language_model.help_text().read(language_model.help_text().train)
    held_out = text.read(text.held_out).split("\n\n")[1:-1]
    long = [paragraph for paragraph in held_out if len(paragraph) > 40]
    assert len(long) > 20
    assert not [paragraph for paragraph in long if paragraph in read]
    assert "standard deviation" in fine_tuning.docstrings()
