"""The small GPT at its quick sizes: causality, a transcription in NumPy, what it learns."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from experiments.one_loop import language_model as lm

SETTINGS = lm.Settings(layers=2, width=24, heads=3, window=10)
KINDS = 13
LOGITS = jax.jit(lm.logits)
LOSS = jax.jit(jd.losses.next_token(lm.logits))


@functools.partial(jax.jit, static_argnums=(0, 1))
def model(kinds=KINDS, settings=SETTINGS):
    return lm.start(jax.random.key(0), kinds, settings)


def tokens(*shape, kinds=KINDS, seed=1):
    return jax.random.randint(jax.random.key(seed), shape, 0, kinds)


def by_hand(params, text):
    """The logits of one window, position by position and head by head, in float64."""
    params = jax.tree.map(lambda x: np.asarray(x, np.float64), params)
    blocks = params.blocks
    layers, _, width, heads, channels = blocks.attend.shape

    def norm(x):
        return x / np.sqrt(np.mean(x**2) + 1e-6)

    def turn(x, position):
        half = channels // 2
        turned = (x[:half] + 1j * x[half:]) * np.exp(
            1j * position * 1000.0 ** (-np.arange(half) / half)
        )
        return np.concatenate([turned.real, turned.imag])

    stream = []
    for t in range(len(text)):
        recent = [params.embedding[k, text[t - k]] for k in range(lm.RECENT) if k <= t]
        stream.append(sum(recent, np.zeros(width)))
    for layer in range(layers):
        moved = []
        for t, x in enumerate(stream):
            seen = np.zeros(width)
            for head in range(heads):
                query, key, value = blocks.attend[layer][:, :, head]
                asked = turn(norm(x) @ query, t)
                scores = [
                    asked @ turn(norm(y) @ key, s) / np.sqrt(channels)
                    for s, y in enumerate(stream[: t + 1])
                ]
                shares = np.exp(scores) / np.sum(np.exp(scores))
                values = [norm(y) @ value for y in stream[: t + 1]]
                seen += (shares @ np.array(values)) @ blocks.gather[layer, head]
            x = x + seen
            hidden = np.maximum(norm(x) @ blocks.widen[layer], 0) ** 2
            moved.append(x + hidden @ blocks.narrow[layer])
        stream = moved
    return np.array([norm(x) @ params.head for x in stream])


def test_equals_its_equations_position_by_position_and_head_by_head(x64):
    params, text = model(), tokens(2, 10)
    found = LOGITS(params, text)
    assert found.dtype == jnp.float64
    for row, window in zip(found, np.asarray(text), strict=True):
        np.testing.assert_allclose(row, by_hand(params, window), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("changed", [0, 4, 9])
def test_no_logit_knows_of_later_characters_and_all_later_ones_of_earlier(changed):
    params, text = model(), tokens(1, 10)
    other = text.at[0, changed].set((text[0, changed] + 1) % KINDS)
    same = np.all(LOGITS(params, text) == LOGITS(params, other), axis=(0, 2))
    np.testing.assert_array_equal(same, np.arange(10) < changed)


def test_a_product_of_rotated_vectors_depends_on_how_far_apart_they_are_alone(x64):
    query, key = jax.random.normal(jax.random.key(2), (2, 8))
    turned = [lm.rotated(jnp.tile(x, (1, 12, 1, 1)))[0, :, 0] for x in (query, key)]
    products = turned[0] @ turned[1].T
    for apart in range(12):
        diagonal = jnp.diagonal(products, -apart)
        np.testing.assert_allclose(diagonal, diagonal[0], rtol=1e-12)


@pytest.mark.parametrize("settings", [SETTINGS, lm.QUICK, lm.Settings()])
def test_number_of_parameters(settings):
    """12d² a layer (Kaplan et al. 2020, table 1), and tables for four recent characters and one."""
    shapes = jax.eval_shape(lambda: model(KINDS, settings))
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    d = settings.width
    assert count == 12 * settings.layers * d**2 + (lm.RECENT + 1) * KINDS * d


def test_at_the_start_all_characters_are_nearly_as_likely():
    settings, kinds = lm.Settings(), 103
    loss = jd.losses.next_token(lm.logits)
    start = jax.jit(loss)(model(kinds, settings), tokens(8, 65, kinds=kinds))
    assert start == pytest.approx(math.log(kinds), rel=0.01)


def test_every_weight_matters_and_no_gradient_overflows():
    loss = jd.losses.next_token(lm.logits)
    gradient = jax.jit(jax.grad(loss))(model(), tokens(4, 11))
    for leaf in jax.tree.leaves(gradient):
        assert np.all(np.isfinite(leaf))
    for layer in jax.tree.leaves(gradient.blocks):
        assert np.all(np.any(layer != 0, axis=tuple(range(1, layer.ndim))))


@pytest.fixture(scope="module")
def parrot():
    """A model that has learned one window by heart, the alphabet of nine letters over and over."""
    window = jnp.arange(41)[None] % 9

    @jax.jit
    def learned(params):
        loss, batches = jd.losses.next_token(lm.logits), jd.batches.full(window)
        return jd.descend(loss, params, jd.adam(1e-2), 100, batches=batches)

    return window[0], learned(model(kinds=9))


def test_learns_one_window_by_heart(parrot):
    _, found = parrot
    assert found.loss[0] == pytest.approx(math.log(9), rel=0.05)
    assert found.verdict.loss < 0.02


def test_samples_go_on_as_the_text_does(parrot):
    window, found = parrot
    drawn = lm.sample(found.params, window[:18], jax.random.key(0), 36)
    np.testing.assert_array_equal(drawn, (18 + np.arange(36)) % 9)


def test_samples_are_drawn_as_often_as_the_model_says():
    """Without a head's preference, at any temperature, all characters are as likely: χ² test."""
    params = model()._replace(head=jnp.zeros((SETTINGS.width, KINDS)))
    drawn = lm.sample(params, tokens(10), jax.random.key(0), 2600)
    counts = np.bincount(drawn, minlength=KINDS)
    assert np.sum((counts - 200) ** 2 / 200) < 32.9  # 0.1 % of χ² with 12 degrees of freedom


@pytest.mark.parametrize("length", [1, 23])
def test_held_out_bits_score_every_character_once_with_half_a_window_before_it(length):
    params, before, text = model(), tokens(20, seed=2), tokens(length, seed=3)
    whole = np.concatenate([before, text])
    surprises = []
    for i in range(length):
        place = i % 5  # of the half of 5 that is scored
        given = whole[20 + i - place - 6 : 20 + i]
        filled = np.append(given, np.zeros(10 - len(given), given.dtype))[None]
        chances = jax.nn.softmax(LOGITS(params, filled)[0, len(given) - 1])
        surprises.append(-np.log2(chances[whole[20 + i]]))
    found = lm.held_out_bits(params, before, text, window=10)
    assert found == pytest.approx(np.mean(surprises), rel=1e-5)


def test_nothing_held_out_is_a_paragraph_that_was_read():
    text = lm.help_text()
    read = set(text.read(text.train).split("\n\n"))
    # the first and the last paragraph are cut
    held_out = text.read(text.held_out).split("\n\n")[1:-1]
    assert len(held_out) > 50
    assert read.isdisjoint(held_out)
    assert len(text.held_out) == pytest.approx(len(text.train) / 9, abs=1)


def test_a_text_is_its_characters_and_those_unknown_are_left_out():
    text = lm.split("abcabcabcabcabcabcab")
    assert text.characters == "abc"
    assert (text.read(text.train), text.read(text.held_out)) == ("abcabcabcabcabcabc", "ab")
    known = lm.split("a?b" * 10, "ab", held_out=0.2)
    assert (known.read(known.train), known.read(known.held_out)) == ("ab" * 8, "abab")


def test_a_quick_training_beats_counted_pairs_on_held_out_text():
    settings, text = lm.QUICK, lm.help_text()
    gpt, data = lm.transformer(len(text.characters), settings), lm.reading(text, settings)
    optimizer = lm.optimizer(settings.steps, settings.rate, settings.weight_decay)

    @jax.jit
    def train(key):
        loss, start = jd.losses.next_token(gpt.predict), gpt.start(key)
        return jd.descend(loss, start, optimizer, settings.steps, batches=data.batches, key=key)

    found = train(jax.random.key(0))
    result = data.evaluate(found.params)
    counted = result.more["2-gram"]
    assert result.score < counted < result.more["equal chances"]
    assert result.baseline < counted
    assert [len(part) for part in result.shown] == [settings.window, 200]


@pytest.mark.parametrize("lanes", [1, 3, 4])
def test_lanes_side_by_side_keep_their_order_on_any_number_of_devices(lanes):
    x, y = jnp.arange(2.0 * lanes).reshape(lanes, 2), jnp.arange(lanes)
    tree = lm.side_by_side(lambda x, y: {"sum": x + y.astype(x.dtype)[None], "y": y}, lanes)(x, y)
    np.testing.assert_array_equal(tree["sum"], np.asarray(x) + np.arange(lanes)[:, None])
    np.testing.assert_array_equal(tree["y"], y)
