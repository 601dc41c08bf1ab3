"""A recommender on real numbers: 1,797 writers' marks for 64 pixels, one in five unknown.

Each handwritten digit is a user, each pixel an item, its ink from 0 to 16 the rating. As with films
that somebody has not seen, what is unknown is predicted from what others gave and from what this
one gave to others; here the answer can be looked at, as a picture completed.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer

import jdescent as jd
from experiments.common.number import Baseline
from experiments.one_loop.learner import Data, Model, Result

USERS, ITEMS = 1797, 64
UNKNOWN = 0.2
NEAREST = 5  # the imputer's own default


def recommender(factors: int, mean: float = 4.9, spread: float = 0.1) -> Model:
    """Matrix factorization, from small random factors and no biases."""

    def start(key: PRNGKeyArray) -> dict[str, Array]:
        user, item = jax.random.split(key)
        return {
            "mean": jnp.asarray(mean, float),
            "user_bias": jnp.zeros(USERS),
            "item_bias": jnp.zeros(ITEMS),
            "user": spread * jax.random.normal(user, (USERS, factors), float),
            "item": spread * jax.random.normal(item, (ITEMS, factors), float),
        }

    return Model(start, jd.losses.matrix_factorization)


def ratings() -> Float[np.ndarray, "users items"]:
    """All ratings, from 0 to 16."""
    return load_digits().data


def unknown() -> np.ndarray:
    """Which of them are held out, as booleans of shape (users, items)."""
    return np.random.default_rng(0).random((USERS, ITEMS)) < UNKNOWN


def pixels(size: int) -> Data:
    """Known ratings in batches; evaluated by the root mean squared error on the unknown ones.

    The baseline knows how dark each picture and each pixel is: r̂ᵤᵢ = r̄ᵤ + r̄ᵢ − r̄.
    """
    table, held_out = ratings(), unknown()
    known = np.argwhere(~held_out).astype(np.int32)
    values = jnp.asarray(table[~held_out], float)
    asked = np.argwhere(held_out).astype(np.int32)

    def evaluate(params) -> Result:
        predicted = np.asarray(jd.losses.matrix_factorization(params, asked))
        # to ratings that there are; the baseline too
        error = np.clip(predicted, 0, 16) - table[held_out]
        return Result(
            float(np.sqrt(np.mean(error**2))),
            additive_error(table, held_out),
            "bias alone",
            Baseline(f"nearest {NEAREST} pictures", nearest_error()),
            "RMS error of 16",
            higher_is_better=False,
        )

    return Data(jd.batches.mini_batch((jnp.asarray(known), values), size), evaluate)


def additive_error(table: np.ndarray, held_out: np.ndarray) -> float:
    known = np.where(held_out, np.nan, table)
    mean = np.nanmean(known)
    guess = np.nanmean(known, axis=1)[:, None] + np.nanmean(known, axis=0) - mean
    return float(np.sqrt(np.mean((np.clip(guess, 0, 16) - table)[held_out] ** 2)))


@functools.cache
def nearest_error() -> float:
    """Of scikit-learn's imputer: the mean of the pictures nearest in the pixels both have."""
    given = np.where(unknown(), np.nan, ratings())
    guess = KNNImputer(n_neighbors=NEAREST).fit_transform(given)
    return float(np.sqrt(np.mean((guess - ratings())[unknown()] ** 2)))


def completed(params, user: int) -> Float[np.ndarray, "8 8"]:
    """A picture whose unknown pixels are those predicted."""
    pairs = np.stack([np.full(ITEMS, user), np.arange(ITEMS)], axis=1).astype(np.int32)
    predicted = np.clip(np.asarray(jd.losses.matrix_factorization(params, pairs)), 0, 16)
    return np.where(unknown()[user], predicted, ratings()[user]).reshape(8, 8)
