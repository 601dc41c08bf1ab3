"""A neural network with one hidden layer that reads handwritten digits."""

import numpy as np

import jdescent as jd
from experiments.common.digits import (
    CLASSES,
    PIXELS,
    baseline_accuracies,
    best_baseline,
    majority_accuracy,
    split_digits,
)
from experiments.common.perceptron import Perceptron, logits, perceptron
from experiments.one_loop.learner import Data, Model, Result


def classifier(hidden: int) -> Model:
    """A network with one hidden layer of relus."""
    return Model(lambda key: perceptron(key, (PIXELS, hidden, CLASSES)), logits)


def pictures(size: int) -> Data:
    """Pictures in batches, drawn with replacement; evaluated by the accuracy on held-out ones."""
    data = split_digits()
    train, (x_test, y_test) = data
    linear, best = baseline_accuracies(data)["softmax regression"], best_baseline(data)

    def evaluate(params: Perceptron) -> Result:
        read = np.argmax(logits(params, x_test), axis=-1)
        truth = np.asarray(y_test)
        confused = [
            f"{is_} read as {as_}" for is_, as_ in zip(truth, read, strict=True) if is_ != as_
        ]
        return Result(
            float(np.mean(read == truth)),
            majority_accuracy(data),
            "majority class",
            best,
            "accuracy",
            higher_is_better=True,
            shown=(f"{len(confused)} of {truth.size} misread: {', '.join(confused)}",),
            more={"softmax_regression": linear},
        )

    return Data(jd.batches.mini_batch(train, size), evaluate)
