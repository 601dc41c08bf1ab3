"""Handwritten digits: 1,797 pictures of 8 × 8 pixels that come with scikit-learn.

Reference: Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository (its test part, written by 13 people).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from experiments.common.number import Baseline

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


def majority_accuracy(data: Digits) -> float:
    """Held-out accuracy of always naming the digit that is commonest in training."""
    (_, trained), (_, labels) = data
    return float(np.mean(np.asarray(labels) == np.bincount(trained).argmax()))


def baseline_accuracies(data: Digits) -> dict[str, float]:
    """Held-out accuracies of the simplest methods on the same pictures, no setting of theirs tuned.

    The nearest mean picture, the nearest picture, most of the nearest three, and softmax regression
    with scikit-learn's penalty.
    """
    (x, y), (x_test, labels) = (tuple(map(np.asarray, examples)) for examples in data)
    digits = np.unique(y)
    means = np.stack([x[y == digit].mean(axis=0) for digit in digits])
    from_means = np.sum((x_test[:, None] - means) ** 2, axis=2)
    found = {"nearest mean": float(np.mean(digits[from_means.argmin(axis=1)] == labels))}
    for name, method in {
        "nearest picture": KNeighborsClassifier(1),
        "three nearest pictures": KNeighborsClassifier(3),
        "softmax regression": LogisticRegression(max_iter=2_000),
    }.items():
        found[name] = float(method.fit(x, y).score(x_test, labels))
    return found


def softmax_regression_loss(data: Digits) -> float:
    """Held-out cross-entropy, in nats, of that softmax regression; every class must be there."""
    (x, y), (x_test, labels) = (tuple(map(np.asarray, examples)) for examples in data)
    chances = LogisticRegression(max_iter=2_000).fit(x, y).predict_proba(x_test)
    return float(
        -np.mean(np.log(chances[np.arange(len(labels)), np.searchsorted(np.unique(y), labels)]))
    )


def as_good_as_linear(data: Digits) -> float:
    """Softmax regression's accuracy, less two standard errors √(p(1 − p)/n) of the pictures."""
    linear = baseline_accuracies(data)["softmax regression"]
    return linear - 2 * float(np.sqrt(linear * (1 - linear) / len(data.test[1])))


def best_baseline(data: Digits) -> Baseline:
    """The best of them, on the held-out pictures themselves: the hardest to beat."""
    found = baseline_accuracies(data)
    name = max(found, key=lambda name: found[name])
    return Baseline(name, found[name])
