"""Digits: scikit-learn's pictures of 8 × 8 points, told apart by one hidden layer.

A third of the pictures is held out; the others come in batches. It is to do as well as multinomial
logistic regression does by scikit-learn's solver, of the strength of decay that suits it best.
Needs scikit-learn, of the `figures` extra.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jdescent.report_card.learners.task import Program, Task, key_of, rows_at_random

PICTURE, HIDDEN, CLASSES = 64, 32, 10
BATCH, STEPS = 32, 400
WRONG = 0.2


def digits() -> list[Task]:
    """The digits as they are, and with a fifth of the labels to learn from drawn at random.

    Raises:
        ImportError: scikit-learn is missing.
    """
    from sklearn.datasets import load_digits

    pictures, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(4)
    order = rng.permutation(len(labels))
    x, y = (pictures[order] / 16).astype(np.float32), labels[order].astype(np.int32)
    wrong = np.where(rng.random(len(y)) < WRONG, rng.integers(CLASSES, size=len(y)), y)
    return [
        _digits("digits", x, y, y),
        _digits("digits, wrong labels", x, wrong.astype(np.int32), y),
    ]


def logistic_regression(x, told, held_out_x, held_out_y) -> float:
    """The held-out cross-entropy of logistic regression, the least over strengths of decay."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    def held_out(strength: float) -> float:
        model = LogisticRegression(C=strength, max_iter=1000).fit(x, told)
        return float(log_loss(held_out_y, model.predict_proba(held_out_x)))

    return min(held_out(strength) for strength in (0.03, 0.3, 3.0))


def _digits(name: str, x, told, true) -> Task:
    n = 2 * len(x) // 3
    linear = logistic_regression(x[:n], told[:n], x[n:], true[n:])
    data = {"rows": (x[:n], told[:n]), "held_out": (x[n:], true[n:])}
    return Task(
        name, "digits", PROGRAM, data, 0.0, float(np.log(CLASSES)), linear,
        "no error at all (logistic regression by a solver leaves as much)",
        f"cross-entropy of the {len(x) - n} held-out pictures, labelled rightly",
    )  # fmt: skip


# -- the program that they share -------------------------------------------------------------------


def start(key, data):
    first, second = jax.random.split(key)
    return {
        "W1": jax.random.normal(first, (PICTURE, HIDDEN), jnp.float32) * np.float32(0.2),
        "b1": jnp.zeros(HIDDEN, jnp.float32),
        "W2": jax.random.normal(second, (HIDDEN, CLASSES), jnp.float32) * np.float32(0.2),
        "b2": jnp.zeros(CLASSES, jnp.float32),
    }


def batch(key, step, data):
    return rows_at_random(key_of(key, step), data["rows"], BATCH)


def loss(params, data, batch):
    x, y = batch
    h = jax.nn.relu(x @ params["W1"] + params["b1"][None])
    logits = h @ params["W2"] + params["b2"][None]
    log_p = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(log_p, y[:, None], axis=1))


def metric(params, data, step):
    return loss(params, data, data["held_out"])


PROGRAM = Program("digits", STEPS, start, batch, loss, metric)
