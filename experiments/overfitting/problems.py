"""Few digits to learn from, some with wrong labels; others to stop by, and others to test on."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray
from sklearn.model_selection import train_test_split

from experiments.common.digits import (
    CLASSES,
    Digits,
    Examples,
    as_examples,
    baseline_accuracies,
    softmax_regression_loss,
    split_digits,
)
from experiments.common.number import Baseline
from experiments.overfitting.config import Config


class Problem(NamedTuple):
    """What one network is given.

    Attributes:
        train: the examples, repeated up to a common number, so that problems of all sizes fit one
            program: means over them, and batches drawn from them, are those of the examples.
        truth: the true labels of those.
        validation, test: examples that are not trained on, none of them in both.
        key: of the network and of its batches.
    """

    train: Examples
    truth: Int[Array, " repeated"]
    validation: Examples
    test: Examples
    key: PRNGKeyArray


def problem(seed: int, examples: int, part: float, validation: int, repeated: int) -> Problem:
    """Training examples of which a part has labels drawn at random from all ten digits.

    Args:
        seed: of the three-way split, the labels, the network and the batches.
        examples: how many to train on, a divisor of `repeated`.
        part: with random labels, from 0 to 1; by chance one in ten of those is right.
        validation: how many are for validation.
        repeated: to how many the training examples are repeated.
    """
    rest, test = split_digits(seed=seed)
    x_train, x_validation, y_train, y_validation = train_test_split(
        *map(np.asarray, rest),
        train_size=examples,
        test_size=validation,
        stratify=rest[1],
        random_state=seed,
    )
    random = np.random.default_rng(seed)
    is_random = random.permutation(examples) < round(part * examples)
    labels = np.where(is_random, random.integers(0, CLASSES, examples), y_train)
    again = np.arange(repeated) % examples
    return Problem(
        train=as_examples(x_train[again], labels[again]),
        truth=jnp.asarray(y_train[again], jnp.int32),
        validation=as_examples(x_validation, y_validation),
        test=test,
        key=jax.random.key(seed),
    )


class Baselines(NamedTuple):
    """The best simple methods on what a kind of run learns: by accuracy, and by mean loss."""

    accuracy: Baseline
    loss: Baseline


@functools.cache
def baselines(examples: int, part: float, validation: int, seeds: int) -> Baselines:
    """On the training examples and test of the same seeds, true test labels; means over seeds."""
    accuracies: dict[str, list[float]] = {}
    losses = []
    for seed in range(seeds):
        given = problem(seed, examples, part, validation, repeated=examples)
        data = Digits(given.train, given.test)
        for name, accuracy in baseline_accuracies(data).items():
            accuracies.setdefault(name, []).append(accuracy)
        losses.append(softmax_regression_loss(data))
    means = {name: float(np.mean(found)) for name, found in accuracies.items()}
    best = max(means, key=lambda name: means[name])
    return Baselines(
        Baseline(best, means[best]), Baseline("softmax regression", float(np.mean(losses)))
    )


def stacked(problems: Sequence[Problem]) -> Problem:
    """Many problems as one, along a new first axis of every array."""
    return jax.tree.map(lambda *arrays: jnp.stack(arrays), *problems)


def simple_baselines(config: Config, examples: int, part: float) -> Baselines:
    return baselines(examples, part, config.validation, config.seeds)
