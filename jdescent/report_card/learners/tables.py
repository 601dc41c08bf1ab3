"""Tables: generalized linear models, and two targets that move as they are learned.

A row x scores η = w·x + b and costs, of a target y,

    linear     ½(η − y)²        logistic   log(1 + e^η) − yη        Poisson   e^η − yη

A linear target may turn, y(t) = y₁ cos ωt + y₂ sin ωt, or hang on what has been learned:
y + γη(x′), through which no gradient goes, which is TD(0).

References: P. McCullagh and J. Nelder, 1989, Generalized Linear Models, §2.2; R. Sutton, 1988,
Learning to Predict by the Methods of Temporal Differences; its fixed point: S. Bradtke and
A. Barto, 1996, Linear Least-Squares Algorithms for Temporal Difference Learning.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float
from scipy import special

from jdescent.report_card.learners.task import Program, Task, between, key_of, rows_at_random

ROWS, FEATURES, BATCH, STEPS = 512, 12, 32, 240
LINEAR, LOGISTIC, POISSON = 0, 1, 2
DISCOUNT = 0.9
TURN = 2 * np.pi / STEPS

Arrays = Mapping[str, np.ndarray]


def tables() -> list[Task]:
    """Ten tables."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, FEATURES))
    w = rng.normal(size=FEATURES) / np.sqrt(FEATURES)
    noise = rng.normal(size=ROWS)
    scales = np.geomspace(1, 0.05, FEATURES)
    turned = np.linalg.qr(rng.normal(size=(FEATURES, FEATURES)))[0]
    rare = (rng.random((ROWS, FEATURES)) < 1 / (1 + np.arange(FEATURES))).astype(float)
    clean = rng.random(ROWS) < special.expit(4 * x @ w)
    flipped = rng.random(ROWS) < 0.2
    seldom = rng.random(ROWS) < special.expit(3 * x @ w - 4.5)
    signs = rng.choice([-1.0, 1.0], FEATURES)
    return [
        _table("linear regression", LINEAR, x, x @ w + 0.3 * noise, 0.002),
        _table("linear, scaled", LINEAR, x * scales, x @ w + 0.1 * noise, 0.005),
        _table("linear, rotated", LINEAR, x * scales @ turned, x @ w + 0.1 * noise, 0.005),
        _table("linear, outliers", LINEAR, x, x @ w + rng.standard_t(1.5, ROWS), 0.1),
        _table("linear, rare features", LINEAR, rare, rare @ signs + 0.1 * noise, 0.001),
        _table("logistic regression", LOGISTIC, x, clean, 0.02),
        _table("logistic, wrong labels", LOGISTIC, x, clean ^ flipped, 0.03),
        _table("logistic, rare class", LOGISTIC, x, seldom, 0.025),
        _table("Poisson regression", POISSON, x, rng.poisson(np.exp(1 + x @ w)), 0.002),
        _turning(x, w, rng),
        _temporal_difference(rng),
    ]


# -- the program that they share -------------------------------------------------------------------


def start(key, data):
    return {"w": jnp.zeros(FEATURES, jnp.float32), "b": jnp.zeros((), jnp.float32)}


def score(params, x):
    return x @ params["w"] + params["b"]


def target(rows, data, step):
    angle = data["turn"] * jnp.asarray(step, jnp.float32)
    return rows["y"] * jnp.cos(angle) + rows["y_turned"] * jnp.sin(angle)


def batch(key, step, data):
    rows = rows_at_random(key_of(key, step), data["rows"], BATCH)
    return {"x": rows["x"], "next_x": rows["next_x"], "y": target(rows, data, step)}


def loss(params, data, batch):
    later = lax.stop_gradient(score(params, batch["next_x"]))
    y = batch["y"] + data["discount"] * later
    return jnp.mean(cost(data["model"], score(params, batch["x"]), y))


def cost(model, eta, y):
    kept = jnp.where(model == POISSON, eta, 0)  # no exponential where it could overflow unused
    return jnp.where(
        model == LINEAR,
        (eta - y) ** 2 / 2,
        jnp.where(model == LOGISTIC, jax.nn.softplus(eta), jnp.exp(kept)) - y * eta,
    )


def metric(params, data, step):
    rows = data["rows"]
    y = jnp.where(data["discount"] > 0, rows["value"], target(rows, data, step))
    return jnp.mean(cost(data["model"], score(params, rows["x"]), y))


PROGRAM = Program("table", STEPS, start, batch, loss, metric)


# -- their truths ----------------------------------------------------------------------------------


def minimum(model: int, x: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"]) -> float:
    """The least mean cost, by Newton's method in float64."""
    x = np.column_stack([x, np.ones(len(x))])
    theta = np.zeros(x.shape[1])
    for _ in range(50):
        mean, variance = _moments(model, x @ theta)
        hessian = (x * variance[:, None]).T @ x + 1e-12 * np.eye(len(theta))
        theta = theta - np.linalg.solve(hessian, x.T @ (mean - y))
    return _mean_cost(model, x @ theta, y)


def _moments(model: int, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if model == LINEAR:
        return eta, np.ones_like(eta)
    if model == LOGISTIC:
        mean = special.expit(eta)
        return mean, mean * (1 - mean)
    return np.exp(eta), np.exp(eta)


def _mean_cost(model: int, eta: np.ndarray, y: np.ndarray) -> float:
    if model == LINEAR:
        return float(np.mean((eta - y) ** 2) / 2)
    cumulant = np.logaddexp(0, eta) if model == LOGISTIC else np.exp(eta)
    return float(np.mean(cumulant - y * eta))


def fixed_point(x: np.ndarray, next_x: np.ndarray, reward: np.ndarray) -> np.ndarray:
    """The values at which TD(0) stands still: Σ x (r + γ x′·w − x·w) = 0, of least norm."""
    x, next_x = (np.column_stack([a, np.ones(len(a))]) for a in (x, next_x))
    a, b = x.T @ (x - DISCOUNT * next_x), x.T @ reward
    return x @ np.linalg.lstsq(a, b, rcond=None)[0]


def _table(name: str, model: int, x: np.ndarray, y: np.ndarray, share: float) -> Task:
    y = y.astype(float)
    floor, null = minimum(model, x, y), _mean_cost(model, np.zeros(len(y)), y)
    return Task(
        name, "table", PROGRAM, _data(model, x, y), floor, null, between(floor, null, share),
        "the minimum, by Newton's method in float64", f"mean cost of all {ROWS} rows",
    )  # fmt: skip


def _turning(x: np.ndarray, w: np.ndarray, rng: np.random.Generator) -> Task:
    turned = np.linalg.norm(w) * rng.normal(size=FEATURES) / np.sqrt(FEATURES)
    data = _data(LINEAR, x, x @ w, y_turned=x @ turned, turn=TURN)
    null = _mean_cost(LINEAR, np.zeros(ROWS), x @ w)  # after a whole turn
    return Task(
        "moving target", "moving", PROGRAM, data, 0.0, null, between(0.0, null, 0.002),
        "no error at all, which no lag reaches", f"half the squared error of {ROWS} rows now",
    )  # fmt: skip


def _temporal_difference(rng: np.random.Generator) -> Task:
    state = np.zeros(ROWS + 1, int)
    for step in range(ROWS):
        state[step + 1] = (state[step] + rng.choice([-1, 1, 1])) % FEATURES
    states = np.eye(FEATURES)[state]
    reward = np.where(state[:-1] == FEATURES - 1, 1.0, -0.1) + 0.1 * rng.normal(size=ROWS)
    value = fixed_point(states[:-1], states[1:], reward)
    data = _data(LINEAR, states[:-1], reward, states[1:], value=value, discount=DISCOUNT)
    null = _mean_cost(LINEAR, np.zeros(ROWS), value)
    return Task(
        "values, TD(0)", "moving", PROGRAM, data, 0.0, null, between(0.0, null, 0.02),
        "the fixed point of TD(0), by least squares", "half the squared error of the values",
    )  # fmt: skip


def _data(
    model: int,
    x: np.ndarray,
    y: np.ndarray,
    next_x: np.ndarray | None = None,
    y_turned: np.ndarray | None = None,
    value: np.ndarray | None = None,
    turn: float = 0.0,
    discount: float = 0.0,
) -> dict:
    nothing = np.zeros_like(y)
    rows = {
        "x": x,
        "y": y,
        "next_x": np.zeros_like(x) if next_x is None else next_x,
        "y_turned": nothing if y_turned is None else y_turned,
        "value": nothing if value is None else value,
    }
    return {
        "rows": {name: array.astype(np.float32) for name, array in rows.items()},
        "model": np.int32(model),
        "turn": np.float32(turn),
        "discount": np.float32(discount),
    }
