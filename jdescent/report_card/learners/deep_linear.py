"""Deep nets with a bottleneck: full of saddles, and where they are linear with a known minimum.

    ŷ = W₄ φ(W₃ φ(W₂ φ(W₁ x))),   φ the identity or tanh,   widths 12, 8, 4, 8, 12

Where φ is the identity no minimum but the global one is stable, and that is reduced-rank
regression: of all matrices of rank 4 the one of least squares; of y = x the first four principal
components.

References: P. Baldi and K. Hornik, 1989, Neural Networks and Principal Component Analysis: Learning
from Examples Without Local Minima, fact 4; K. Kawaguchi, 2016, Deep Learning without Poor Local
Minima, theorem 2.3.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jdescent.report_card.learners.task import Program, Task, between

WIDTHS = (12, 8, 4, 8, 12)
ROWS, STEPS = 128, 240


def deep_nets() -> list[Task]:
    """A deep linear net from a small start, and a linear and a curved autoencoder."""
    rng = np.random.default_rng(6)
    n = WIDTHS[0]
    x = rng.normal(size=(ROWS, n))
    pictures = x * np.geomspace(2, 0.1, n) @ np.linalg.qr(rng.normal(size=(n, n)))[0]
    teacher = rng.normal(size=(n, 4)) * np.array([1, 0.7, 0.5, 0.35]) @ rng.normal(size=(4, n)) / n
    return [
        _deep("deep linear", x, 2 * x @ teacher, False, 0.5, 0.005),
        _deep("deep linear, small start", x, 2 * x @ teacher, False, 0.2, 0.005),
        _deep("linear autoencoder", pictures, pictures, False, 0.7, 0.002),
        _deep("tanh autoencoder", pictures, pictures, True, 0.7, 0.02),
    ]


def reduced_rank_regression(x: np.ndarray, y: np.ndarray, rank: int) -> float:
    """Half the squared error that the best matrix of a rank leaves a row."""
    fitted = x @ np.linalg.lstsq(x, y, rcond=None)[0]
    left = np.linalg.svd(fitted, compute_uv=False)[rank:]
    return float((np.sum((y - fitted) ** 2) + np.sum(left**2)) / (2 * len(x)))


def _deep(name, x, y, curved, gain, share) -> Task:
    floor = reduced_rank_regression(x, y, min(WIDTHS))
    null = float(np.sum(y**2) / (2 * len(x)))
    threshold = between(floor, null, share)
    floor_is = "the best linear map of rank 4, by singular values"
    if curved:
        floor, floor_is = 0.0, "no error at all, which principal components are far from"
    data = {
        "x": x.astype(np.float32),
        "y": y.astype(np.float32),
        "curved": np.bool_(curved),
        "gain": np.float32(gain),
    }
    return Task(
        name, "deep net", PROGRAM, data, floor, null, threshold, floor_is,
        f"half the squared error of {ROWS} rows",
    )  # fmt: skip


# -- the program that they share -------------------------------------------------------------------


def start(key, data):
    """Weights of variance gain²/fan-in."""
    keys = jax.random.split(key, len(WIDTHS) - 1)
    return [
        data["gain"] * jax.random.normal(key, (a, b), jnp.float32) / np.float32(np.sqrt(a))
        for key, a, b in zip(keys, WIDTHS[:-1], WIDTHS[1:], strict=True)
    ]


def batch(key, step, data):
    return data["x"], data["y"]


def loss(params, data, batch):
    h, y = batch
    for W in params[:-1]:
        h = h @ W
        h = jnp.where(data["curved"], jnp.tanh(h), h)
    return jnp.sum((h @ params[-1] - y) ** 2) / (2 * ROWS)


def metric(params, data, step):
    return loss(params, data, batch(None, step, data))


PROGRAM = Program("deep net", STEPS, start, batch, loss, metric)
