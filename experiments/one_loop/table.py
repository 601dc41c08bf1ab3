"""The table of what is learned: only the model, the loss and the data change."""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Array

import jdescent as jd
from experiments.common.number import Baseline
from experiments.one_loop import (
    classifier,
    language_model,
    linear_models,
    ratings,
    sentences,
    words,
)
from experiments.one_loop.config import Config
from experiments.one_loop.learner import Data, Model, Result
from jdescent import losses
from jdescent.schedules import cosine


class Row(NamedTuple):
    """Something to learn.

    Attributes:
        method: the optimizer in words.
        optimizer: for how many steps it is given.
        segments: what its steps are cut into, to show progress.
        promise: what its score must beat; by default the best simple method.
        random: whether seeds differ in anything, first parameters or batches.
    """

    name: str
    model: Model
    loss: Callable[..., Callable[..., Array]]
    data: Data
    method: str
    optimizer: Callable[[int], jd.Optimizer]
    steps: int
    segments: int = 1
    promise: Callable[[Result], Baseline] = lambda result: result.best
    random: bool = True


def rows(config: Config) -> tuple[Row, ...]:
    gpt = config.language
    return (
        Row(
            "linear regression",
            linear_models.linear(10), losses.mean_squared_error, linear_models.diabetes(),
            "heavy ball", lambda steps: jd.heavy_ball(0.1, 0.9), 400, random=False,
        ),
        Row(
            "logistic regression",
            linear_models.linear(30), losses.binary_cross_entropy, linear_models.tumors(),
            "sgd", lambda steps: jd.sgd(0.3), 300, random=False,
        ),
        Row(
            "recommender",
            ratings.recommender(16), losses.mean_squared_error, ratings.pixels(4096),
            "adamw, cosine", lambda steps: jd.adamw(cosine(0.02, steps), weight_decay=0.1), 2000,
            promise=lambda result: Baseline(result.against, result.baseline),
        ),
        Row(
            "neural network",
            classifier.classifier(128), losses.cross_entropy, classifier.pictures(64),
            "adam, cosine", lambda steps: jd.adam(cosine(3e-3, steps)), 1500,
            promise=lambda result: Baseline(
                "softmax regression", result.more["softmax_regression"]
            ),
        ),
        Row(
            "word vectors",
            words.word2vec(64), losses.skip_gram, words.neighborhoods(512),
            "adam, cosine", lambda steps: jd.adam(cosine(3e-3, steps)), 3000,
        ),
        Row(
            "sentence vectors",
            sentences.encoder(256), losses.contrastive, sentences.neighbors(256),
            "adam, cosine", lambda steps: jd.adam(cosine(3e-3, steps)), 200,
            promise=lambda result: Baseline(
                "untrained vectors", result.more["recall_at_10_untrained"]
            ),
        ),
        Row(
            "language model",
            language_model.transformer(len(language_model.help_text().characters), gpt),
            losses.next_token, language_model.reading(language_model.help_text(), gpt),
            "adamw, clipped",
            lambda steps: language_model.optimizer(steps, gpt.rate, gpt.weight_decay),
            gpt.steps, segments=10,
        ),
    )  # fmt: skip
