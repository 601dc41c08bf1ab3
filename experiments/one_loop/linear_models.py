"""Two tables of numbers that come with scikit-learn, and the two linear models.

References: Efron, Hastie, Johnstone & Tibshirani 2004, "Least Angle Regression" (diabetes: 442
patients, 10 features); Street, Wolberg & Mangasarian 1993, "Nuclear feature extraction for breast
tumor diagnosis" (569 tumors, 30 features).
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

import jdescent as jd
from experiments.common.number import Baseline
from experiments.one_loop.learner import Data, Model, Result

HELD_OUT = 0.25
STRONGEST = 3  # features named in the readable lines


def linear(features: int) -> Model:
    """Linear and logistic regression: ŷ or its logit is x·w + b, from zero."""

    def start(key: PRNGKeyArray) -> dict[str, Array]:
        return {"w": jnp.zeros(features), "b": jnp.zeros(())}

    return Model(start, jd.losses.linear_model)


def diabetes() -> Data:
    """How far diabetes has gone on in a year, a score from 25 to 346, from ten measurements.

    Features and target are brought to mean 0 and deviation 1 by the training part. Evaluated by the
    share of held-out variance explained, beside least squares by algebra.
    """
    table = load_diabetes(scaled=False)
    (x, x_test), (y, y_test) = _split(table)
    scale = StandardScaler().fit(y[:, None])
    y, y_test = scale.transform(y[:, None])[:, 0], scale.transform(y_test[:, None])[:, 0]
    algebra = jd.losses.least_squares(x, y)

    def explained(params) -> float:
        residual = np.asarray(jd.losses.linear_model(params, x_test)) - y_test
        return float(1 - np.sum(residual**2) / np.sum((y_test - y_test.mean()) ** 2))

    def evaluate(params) -> Result:
        distance = np.linalg.norm(np.asarray(params["w"]) - np.asarray(algebra["w"]))
        return Result(
            explained(params),
            explained({"w": np.zeros(x.shape[1]), "b": 0.0}),
            "the mean",
            Baseline("least squares", explained(algebra)),
            "R²",
            higher_is_better=True,
            shown=(strongest(params["w"], table.feature_names),),
            more={
                "least_squares": explained(algebra),
                "distance_to_least_squares": float(distance),
            },
        )

    return Data(jd.batches.full((jnp.asarray(x, float), jnp.asarray(y, float))), evaluate)


def tumors() -> Data:
    """Whether a tumor is benign (1) or malignant (0), from thirty measurements of its cells."""
    table = load_breast_cancer()
    (x, x_test), (y, y_test) = _split(table, stratify=table.target)
    accuracies = {
        name: float(method.fit(x, y).score(x_test, y_test))
        for name, method in {
            "three nearest tumors": KNeighborsClassifier(3),
            "penalized": LogisticRegression(),
        }.items()
    }
    best = max(accuracies, key=lambda name: accuracies[name])

    def evaluate(params) -> Result:
        benign = np.asarray(jd.losses.linear_model(params, x_test)) > 0
        return Result(
            float(np.mean(benign == y_test)),
            float(np.mean(y_test == np.bincount(y).argmax())),
            "majority class",
            Baseline(best, accuracies[best]),
            "accuracy",
            higher_is_better=True,
            shown=(strongest(params["w"], table.feature_names),),
        )

    return Data(jd.batches.full((jnp.asarray(x, float), jnp.asarray(y, jnp.int32))), evaluate)


def strongest(w: Float[Array, " features"], names) -> str:
    """The features with the largest weights, with their signs."""
    weights = np.asarray(w)
    order = np.argsort(-np.abs(weights))[:STRONGEST]
    return ", ".join(f"{names[i]} {weights[i]:+.2f}" for i in order)


def _split(table: Bunch, stratify=None):
    """Features and targets, each as (training part, held-out part), the features normalized."""
    x, x_test, y, y_test = train_test_split(
        table.data, table.target, test_size=HELD_OUT, stratify=stratify, random_state=0
    )
    scale = StandardScaler().fit(x)
    return (scale.transform(x), scale.transform(x_test)), (y, y_test)
