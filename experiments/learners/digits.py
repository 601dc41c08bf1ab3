"""Handwritten digits: 1,797 pictures of 8 × 8 pixels that come with scikit-learn.

Reference: Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository (its test part, written by 13 people).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import jdescent as jd
from experiments.learners.perceptron import Perceptron, logits, perceptron
from experiments.learners.problem import Data, Model
from experiments.learners.result import Result

SIDE = 8
PIXELS = SIDE * SIDE
CLASSES = 10

Examples = tuple[Float[Array, "n 64"], Int[Array, " n"]]


class Digits(NamedTuple):
    """Pictures, their pixels from 0 (white) to 1 (black), and the digits 0 … 9 that they show."""

    train: Examples
    test: Examples


def split_digits(held_out: int = 450, seed: int = 0, train: int | None = None) -> Digits:
    """All digits at random into a training and a held-out part, each class in equal proportion.

    Args:
        held_out: how many are held out for the test.
        seed: of the split.
        train: how many of the others to train on; None for all.
    """
    pictures, labels = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        pictures / 16,
        labels,
        test_size=held_out,
        train_size=train,
        stratify=labels,
        random_state=seed,
    )
    return Digits(as_examples(x_train, y_train), as_examples(x_test, y_test))


def as_examples(x, y) -> Examples:
    return jnp.asarray(x, float), jnp.asarray(y, jnp.int32)


def classifier(hidden: int) -> Model:
    """A network with one hidden layer of relus."""
    return Model(lambda key: perceptron(key, (PIXELS, hidden, CLASSES)), logits)


def pictures(size: int) -> Data:
    """Pictures in batches, drawn with replacement; judged by the accuracy on held-out ones."""
    train, (x_test, y_test) = split_digits()

    def evaluate(params: Perceptron) -> Result:
        read = np.argmax(logits(params, x_test), axis=-1)
        truth = np.asarray(y_test)
        confused = [
            f"{is_} read as {as_}" for is_, as_ in zip(truth, read, strict=True) if is_ != as_
        ]
        return Result(
            float(np.mean(read == truth)),
            float(np.mean(truth == np.bincount(train[1]).argmax())),
            "majority class",
            "accuracy",
            higher_is_better=True,
            shown=(f"{len(confused)} of {truth.size} misread: {', '.join(confused)}",),
        )

    return Data(jd.batches.mini_batch(train, size), evaluate)
