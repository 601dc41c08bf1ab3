"""How well prices of rows that were not trained on are predicted, over random splits."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from sklearn.model_selection import ShuffleSplit

import jdescent as jd
from experiments.common.squared_error import principal_axes, vector
from experiments.house_prices.config import Config
from experiments.house_prices.csv_file import Table
from experiments.house_prices.descents import MEAN_SQUARED_ERROR, descend_on, scaling_of


class HeldOut(NamedTuple):
    """Root mean squared errors on held-out rows, one a split, and the first split's predictions.

    Attributes:
        descent, least_squares: of the linear model, found by either.
        mean: of the mean of the training targets, whatever the features.
        bound: how far `descent` may lie from `least_squares`, by the gradient it stopped at.
        predicted, true: of the first split.
    """

    descent: Float[np.ndarray, " splits"]
    least_squares: Float[np.ndarray, " splits"]
    mean: Float[np.ndarray, " splits"]
    bound: Float[np.ndarray, " splits"]
    predicted: Float[np.ndarray, " m"]
    true: Float[np.ndarray, " m"]


def predict_held_out(table: Table, config: Config) -> HeldOut:
    """Descent on every split's training rows, normalized by their own means and deviations."""
    count = len(table.y)
    held_out = min(max(1, round(config.held_out * count)), count - 1)
    shuffled = ShuffleSplit(config.splits, test_size=held_out, random_state=0)
    splits = list(shuffled.split(table.x))
    scalings = [scaling_of(table.x[train]) for train, _ in splits]
    train_x, test_x = (
        np.stack(
            [s.normalize(table.x[rows[part]]) for s, rows in zip(scalings, splits, strict=True)]
        )
        for part in (0, 1)
    )
    train_y, test_y = (np.stack([table.y[rows[part]] for rows in splits]) for part in (0, 1))
    curvatures = [principal_axes(x)[0] for x in train_x]
    limits = np.array([jd.analysis.gd_limit(c[0]) for c in curvatures])
    found = descents(train_x, train_y, config.rate * limits, config)
    theta = vector({"w": found.params_w.values, "b": found.params_b.values})
    solved = np.stack(
        [vector(jd.losses.least_squares(x, y)) for x, y in zip(train_x, train_y, strict=True)]
    )
    predicted = predictions(theta, test_x)
    flattest = np.array([c[c > 1e-9 * c[0]].min() for c in curvatures])
    longest = np.sqrt(np.mean(np.sum(test_x**2, axis=2) + 1, axis=1))
    return HeldOut(
        descent=error(predicted, test_y),
        least_squares=error(predictions(solved, test_x), test_y),
        mean=error(train_y.mean(axis=1)[:, None], test_y),
        bound=found.verdict_gradient_norm.values / flattest * longest,
        predicted=predicted[0],
        true=test_y[0],
    )


def descents(x: np.ndarray, y: np.ndarray, rates: np.ndarray, config: Config):
    """One run of every split, until the gradient is a small share of its first."""

    def run(split):
        batch = split["x"], split["y"]
        first = jax.grad(MEAN_SQUARED_ERROR)(
            {"w": jnp.zeros(x.shape[2]), "b": jnp.zeros(())}, batch
        )
        tolerance = config.tolerance * jd.global_norm(first)
        return descend_on(split, split["rate"], config.steps, record=None, tolerance=tolerance)

    return jd.sweep(run, split={"x": x, "y": y, "rate": rates})


def predictions(theta: np.ndarray, x: np.ndarray) -> Float[np.ndarray, "splits m"]:
    return np.einsum("smd,sd->sm", x, theta[:, :-1]) + theta[:, -1:]


def error(predicted: np.ndarray, true: np.ndarray) -> Float[np.ndarray, " splits"]:
    return np.sqrt(np.mean((predicted - true) ** 2, axis=1))
