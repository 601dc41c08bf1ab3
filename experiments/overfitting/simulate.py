"""Every problem learned twice: to the end, and until validation says stop."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

import jdescent as jd
from experiments.common.digits import CLASSES, PIXELS, Examples
from experiments.common.perceptron import Perceptron, logits, perceptron
from experiments.common.report import stage
from experiments.overfitting.config import Config
from experiments.overfitting.early_stopping import early_stopping
from experiments.overfitting.problems import Problem, problem, stacked
from jdescent import batches, losses

LOSS, ACCURACY = losses.cross_entropy(logits), losses.accuracy(logits)


class Scores(NamedTuple):
    """Mean losses in nats, and accuracies; training labels may be random, the others are true."""

    train: Float[Array, "*looks"]
    validation: Float[Array, "*looks"]
    test: Float[Array, "*looks"]
    train_accuracy: Float[Array, "*looks"]
    test_accuracy: Float[Array, "*looks"]


class Runs(NamedTuple):
    """Runs of one kind, one row a seed.

    Attributes:
        course: at every look of the run to the end.
        steps: the steps of those looks.
        stopped: of the parameters that early stopping restored.
        best_step, last_step: when those were, and when it gave up.
        answers: the digit that the network at the end reads in each training picture.
        examples: the training pictures, and the labels that it was given.
        truth: their true labels.
        majority: accuracy, on the test, of the digit that most of the training labels name.
    """

    course: Scores
    steps: Int[Array, "*seeds looks"]
    stopped: Scores
    best_step: Int[Array, "*seeds"]
    last_step: Int[Array, "*seeds"]
    answers: Int[Array, "*seeds repeated"]
    examples: Examples
    truth: Int[Array, "*seeds repeated"]
    majority: Float[Array, "*seeds"]


Data = dict[tuple[int, float], Runs]


def all_runs(config: Config) -> Data:
    """Runs by number of examples and part of random labels."""
    problems = [
        problem(seed, examples, part, config.validation, repeated=config.sizes[-1])
        for examples, part in config.kinds
        for seed in range(config.seeds)
    ]
    learn_all = jax.jit(lambda problems: lax.map(lambda one: learn(one, config), problems))
    runs = jax.tree.map(np.asarray, learn_all(stacked(problems)))
    return {
        kind: jax.tree.map(lambda a, i=i: a[i * config.seeds : (i + 1) * config.seeds], runs)
        for i, kind in enumerate(config.kinds)
    }


def learn(given: Problem, config: Config) -> Runs:
    """One network, trained to the end and again with early stopping, on the same batches."""
    of_network, of_batches = jax.random.split(given.key)
    start = perceptron(of_network, (PIXELS, config.width, config.width, CLASSES))
    optimizer = jd.adam(config.learning_rate)
    draw = batches.mini_batch(given.train, config.batch)

    def scores(params: Perceptron) -> Scores:
        return Scores(
            train=LOSS(params, given.train),
            validation=LOSS(params, given.validation),
            test=LOSS(params, given.test),
            train_accuracy=ACCURACY(params, given.train),
            test_accuracy=ACCURACY(params, given.test),
        )

    path = jd.descend(
        LOSS, start, optimizer, config.steps,
        batches=draw, key=of_batches,
        record=lambda point: scores(point.params), every=config.every,
    )  # fmt: skip
    stopped = early_stopping(
        LOSS, lambda params: LOSS(params, given.validation), start, optimizer, config.steps,
        every=config.every, patience=config.patience, batches=draw, key=of_batches,
    )  # fmt: skip
    pictures, labels = given.train
    most_frequent = jnp.bincount(labels, length=CLASSES).argmax()
    return Runs(
        course=path.record,
        steps=path.steps,
        stopped=scores(stopped.params),
        best_step=stopped.step,
        last_step=stopped.last_step,
        answers=logits(path.params, pictures).argmax(axis=-1),
        examples=given.train,
        truth=given.truth,
        majority=(given.test[1] == most_frequent).mean(),
    )


def simulate(config: Config) -> Data:
    """All runs, by number of examples and part of random labels."""
    with stage(f"{len(config.kinds) * config.seeds} networks, to the end and stopped early"):
        return all_runs(config)
