"""A small GPT: a Transformer that predicts each character of a text from those before it.

A decoder with causal self-attention (Vaswani et al. 2017, "Attention Is All You Need"; Radford et
al. 2018, "Improving Language Understanding by Generative Pre-Training"), as small language models
are built today: norms before the layers (Xiong et al. 2020) and without gains (Zhang & Sennrich
2019), positions as rotations (Su et al. 2021, "RoFormer"), squared relus (So et al. 2021, "Primer",
which also lets a position see the few before it at once, here in the embedding).

The text is the help on Python, every paragraph once: topics repeat one another, and what is held
out must not have been read before.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

import jdescent as jd
from experiments.common.number import Baseline
from experiments.one_loop import corpus, ngrams
from experiments.one_loop.learner import Data, Model, Result

ORDERS = range(2, 8)  # of the n-grams that are counted
RECENT = 4  # characters that a position sees at once


@dataclass(frozen=True)
class Settings:
    """The sizes of a Transformer and of its training."""

    layers: int = 2
    width: int = 96
    heads: int = 4
    window: int = 64
    """Characters it is given at once."""
    batch: int = 8
    """Windows a step."""
    steps: int = 2000
    rate: float = 3e-3
    """The highest learning rate, after the warm-up."""
    weight_decay: float = 0.3


QUICK = Settings(layers=1, width=32, heads=2, window=16, batch=16, steps=300, rate=1e-2)


class Block(NamedTuple):
    """The weights of one layer; those of a model are stacked along a first axis."""

    attend: Float[Array, "*layers 3 width heads channels"]  # queries, keys, values
    gather: Float[Array, "*layers heads channels width"]
    widen: Float[Array, "*layers width hidden"]
    narrow: Float[Array, "*layers hidden width"]


class Transformer(NamedTuple):
    """All weights: a table for each of the recent characters, the layers, the output."""

    embedding: Float[Array, "recent characters width"]
    blocks: Block
    head: Float[Array, "width characters"]


def start(key: PRNGKeyArray, characters: int, settings: Settings) -> Transformer:
    """First weights, drawn so that what each layer gives is as large as what it is given."""
    n, d, heads = settings.layers, settings.width, settings.heads
    keys = iter(jax.random.split(key, 6))

    def normal(shape: tuple[int, ...], variance: float) -> Array:
        return math.sqrt(variance) * jax.random.normal(next(keys), shape, float)

    blocks = Block(
        attend=normal((n, 3, d, heads, d // heads), 1 / d),
        gather=normal((n, heads, d // heads, d), 1 / (2 * n * d)),  # 2n of these are added up
        widen=normal((n, d, 4 * d), 1 / d),
        narrow=normal((n, 4 * d, d), 1 / (8 * n * d)),
    )
    # A small head: at first all characters are nearly as likely.
    return Transformer(
        normal((RECENT, characters, d), 1 / d), blocks, normal((d, characters), 0.01 / d)
    )


def logits(params: Transformer, tokens: Int[Array, "n t"]) -> Float[Array, "n t characters"]:
    """What comes after each token: one logit a character, from the tokens up to there alone."""

    def layer(x, block: Block):
        x = x + attention(normalized(x), block)
        x = x + jnp.square(jax.nn.relu(normalized(x) @ block.widen)) @ block.narrow
        return x, None

    x, _ = jax.lax.scan(layer, embedded(params.embedding, tokens), params.blocks)
    return normalized(x) @ params.head


def attention(x: Float[Array, "n t d"], block: Block) -> Float[Array, "n t d"]:
    """Each position takes up values of those before it, more of the ones that it asks for."""
    t, channels = x.shape[1], block.attend.shape[-1]
    query, key, value = jnp.einsum("ntd,kdhc->knthc", x, block.attend)
    scores = jnp.einsum("nthc,nshc->nhts", rotated(query), rotated(key)) / math.sqrt(channels)
    not_later = jnp.tri(t, dtype=bool)[None, None]
    shares = jax.nn.softmax(jnp.where(not_later, scores, -jnp.inf))
    return jnp.einsum("nhts,nshc,hcd->ntd", shares, value, block.gather)


def embedded(
    embedding: Float[Array, "recent characters d"], tokens: Int[Array, "n t"]
) -> Float[Array, "n t d"]:
    """x_t = Σ_k E_k[token_{t−k}], where there is such a token."""
    position = jnp.arange(tokens.shape[1])[None, :, None]
    recent = (
        jnp.where(position >= k, table[jnp.roll(tokens, k, axis=1)], 0)
        for k, table in enumerate(embedding)
    )
    return functools.reduce(jnp.add, recent)


def normalized(x: Float[Array, "... d"]) -> Float[Array, "... d"]:
    return x * jax.lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + 1e-6)


def rotated(x: Float[Array, "n t heads c"], longest: float = 1000.0) -> Float[Array, "n t heads c"]:
    """Channels in pairs, each turned by an angle that grows with t, from fast pairs to slow ones.

    The product of a turned query and a turned key depends on how far apart they are alone.
    """
    t, half = x.shape[1], x.shape[3] // 2
    angle = np.outer(np.arange(t), longest ** (-np.arange(half) / half))[None, :, None]
    cos, sin = (jnp.asarray(wave(angle), x.dtype) for wave in (np.cos, np.sin))
    a, b = x[..., :half], x[..., half:]
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


class Text(NamedTuple):
    """A text as tokens, the indices of its characters; its end is held out."""

    characters: str
    train: Int[np.ndarray, " train"]
    held_out: Int[np.ndarray, " held_out"]

    def read(self, tokens: Int[np.ndarray, " n"]) -> str:
        return "".join(self.characters[token] for token in tokens)


@functools.cache
def help_text() -> Text:
    """The help on Python, every paragraph once."""
    return split("\n\n".join(dict.fromkeys(corpus.text().split("\n\n"))))


def split(text: str, characters: str | None = None, held_out: float = 0.1) -> Text:
    """The tokens of a text, its end held out; where characters are given, others are left out."""
    characters = characters or "".join(sorted(set(text)))
    index = {character: i for i, character in enumerate(characters)}
    tokens = np.array([index[character] for character in text if character in index], np.int32)
    return Text(characters, *np.split(tokens, [len(tokens) - round(held_out * len(tokens))]))


def held_out_bits(
    params: Transformer, before: Int[Array, " m"], tokens: Int[Array, " n"], window: int
) -> Float[Array, ""]:
    """Bits per character of a text that follows another, which gives the first ones a context.

    Windows overlap by half, and the second half of each is scored: every character once, given at
    least half a window of those before it.
    """
    half, n = window // 2, tokens.shape[0]
    windows = -(-n // half)
    end = jnp.zeros(windows * half - n, tokens.dtype)
    whole = jnp.concatenate([before[-half - 1 :], tokens, end])

    def surprise(start):
        given = whole[start + jnp.arange(2 * half)][None]
        follows = whole[start + half + 1 + jnp.arange(half)]
        chance = jax.nn.log_softmax(logits(params, given)[0, half:])
        return -jnp.take_along_axis(chance, follows[:, None], axis=1)[:, 0]

    nats = jax.lax.map(surprise, half * jnp.arange(windows), batch_size=min(windows, 64))
    return jnp.mean(nats.reshape(-1)[:n]) / math.log(2)


def sample(
    params: Transformer, prompt: Int[Array, " window"], key: PRNGKeyArray, length: int,
    temperature: float = 0.7,
) -> Int[Array, " length"]:  # fmt: skip
    """Tokens drawn one after another, each from what is likely after the last window of them."""

    def draw(window, key):
        scores = logits(params, window[None])[0, -1] / temperature
        token = jax.random.categorical(key, scores).astype(window.dtype)
        return jnp.append(window[1:], token), token

    return jax.lax.scan(draw, prompt, jax.random.split(key, length))[1]


def transformer(characters: int, settings: Settings) -> Model:
    return Model(functools.partial(start, characters=characters, settings=settings), logits)


def reading(text: Text, settings: Settings) -> Data:
    """Windows of a text; evaluated by the bits per character of its held-out end.

    The baseline is Witten and Bell's 5-gram, the best of the counted n-grams on the help on Python;
    on a smaller text of many repetitions a longer one may be better.
    """
    kinds = len(text.characters)
    before, held_out = jnp.asarray(text.train), jnp.asarray(text.held_out)
    counted = {n: ngrams.bits(text.train, text.held_out, n, kinds) for n in ORDERS}
    order = min(counted, key=lambda n: counted[n])
    bits_of = jax.jit(functools.partial(held_out_bits, window=settings.window))
    go_on = jax.jit(functools.partial(sample, length=200))

    def evaluate(params: Transformer) -> Result:
        params = jax.device_get(params)  # one of many lanes lies on all devices: all would work
        prompt = held_out[: settings.window]
        return Result(
            score=float(bits_of(params, before, held_out)),
            baseline=counted[5],
            against="5-gram",
            best=Baseline(f"{order}-gram", counted[order]),
            unit="bits per character",
            higher_is_better=False,
            shown=(
                text.read(np.asarray(prompt)),
                text.read(np.asarray(go_on(params, prompt, jax.random.key(0)))),
            ),
            more={"2-gram": counted[2], "equal chances": math.log2(kinds)},
        )

    return Data(jd.batches.windows(text.train, settings.window + 1, settings.batch), evaluate)


def optimizer(steps: int, rate: float, weight_decay: float) -> jd.Optimizer:
    """AdamW on clipped gradients; a twentieth of the steps to warm up, then half a cosine to 0."""
    rise = max(steps // 20, 1)
    schedule = jd.schedules.warm_up(jd.schedules.cosine(rate, steps - rise), rise)
    return jd.chain(
        jd.clip_by_global_norm(1.0), jd.adamw(schedule, b2=0.99, weight_decay=weight_decay)
    )


def side_by_side(run: Callable, lanes: int) -> Callable:
    """Map a function over the first axis of its arguments, an equal share of the lanes a device.

    As many devices are used as divide the lanes. On each the lanes run one after another, so that
    a lane gives the same on any number of devices.
    """
    count = max(n for n in range(1, jax.device_count() + 1) if lanes % n == 0)
    lane = jax.P("lane")
    return jax.jit(
        jax.shard_map(
            lambda *share: jax.lax.map(lambda one: run(*one), share),
            mesh=jax.sharding.Mesh(np.array(jax.devices()[:count]), "lane"),
            in_specs=lane,
            out_specs=lane,
            check_vma=False,
        )
    )
