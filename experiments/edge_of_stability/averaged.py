"""GD and RMSProp at the edge, step by step, beside the flows that predict their average."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

import jdescent as jd
from experiments.edge_of_stability.central_flow import Averaging, Flow, central_flow
from experiments.edge_of_stability.config import Config
from experiments.edge_of_stability.problems import Network, Vector, digits
from jdescent import analysis

DECAY = 0.99  # β₂ of RMSProp here
EPSILON = 1e-8
WINDOW = 20  # steps over which the iterates are averaged
ITERATIONS = 8
RATES = {"gd": 0.8, "rmsprop": 1e-3}
ONSET = 1e-5  # of a deviation: below, rounding moves it as much
BEFORE = {"gd": 200, "rmsprop": 150}  # steps before the flows begin, still below the edge or at it


class Averaged(NamedTuple):
    """A run of an optimizer and two flows from where it began.

    Attributes:
        iterates: of the optimizer.
        loss: there.
        values: the largest eigenvalues of η·H half-way between each iterate and the next;
            of GD alone.
        deviation: how far along their eigenvectors the iterate lies from there, ½η·∇L;
            of GD alone.
        central, stable: the flow with oscillations, and without.
    """

    iterates: Float[np.ndarray, "steps parameters"]
    loss: Float[np.ndarray, " steps"]
    values: Float[np.ndarray, "steps k"]
    deviation: Float[np.ndarray, "steps k"]
    central: Flow
    stable: Flow


def averaged(name: str, config: Config) -> Averaged:
    network, rate = Network((config.flow_width,)), RATES[name]
    problem = digits(config.flow_examples)

    def loss(params: Vector) -> Array:
        return network.loss(params, problem)

    optimizer, averaging = _optimizer(name, rate)
    begun = jd.descend(loss, network.start(0), optimizer, steps=BEFORE[name], record=None)
    path = jd.descend(loss, begun, optimizer, steps=config.flow_steps, record="params")
    iterates, losses = path.record["params"][:-1], jax.lax.map(loss, path.record["params"][:-1])
    v = begun.state.memory.get("v", jnp.zeros_like(begun.params))
    flow = functools.partial(
        central_flow, loss, averaging=averaging, steps=config.flow_steps,
        substeps=config.substeps, directions=config.directions,
    )  # fmt: skip
    values = deviation = np.zeros((0, config.directions))
    if name == "gd":
        at_edge = functools.partial(_at_edge, loss, rate=rate, count=config.directions)
        values, deviation = jax.jit(at_edge)(iterates)
    both = jax.jit(flow)
    central, stable = (both(begun.params, v, oscillates=flag) for flag in (1.0, 0.0))
    found = Averaged(iterates, losses, values, deviation, central, stable)
    return jax.tree.map(np.asarray, found)


def _optimizer(name: str, rate: float) -> tuple[jd.Optimizer, Averaging]:
    if name == "gd":
        return jd.sgd(rate), Averaging(lambda v: jnp.full_like(v, rate), 0.0)
    step = Averaging(lambda v: rate / jnp.sqrt(v + EPSILON), (1 - DECAY) / DECAY)
    return jd.rmsprop(rate, DECAY, eps=EPSILON), step


def _at_edge(loss, iterates: Array, rate: float, count: int) -> tuple[Array, Array]:
    """Half-way to the next iterate: η·λ of the largest eigenvalues, and ½η·g along them."""

    def measure(vectors: Array, w: Vector):
        gradient = jax.grad(loss)(w)
        middle = w - rate / 2 * gradient
        H = analysis.hessian_operator(loss, middle)
        top = analysis.top_eigenpairs(H, middle, count, start=vectors, iterations=ITERATIONS)
        aligned = top.vectors * jnp.where(jnp.sum(top.vectors * vectors, 1) < 0, -1, 1)[:, None]
        return aligned, (rate * top.values, rate / 2 * aligned @ gradient)

    random = jax.random.normal(jax.random.key(0), (count, iterates.shape[1]))
    return lax.scan(measure, random, iterates)[1]


def distances(run: Averaged, flow: Flow) -> Float[np.ndarray, " steps"]:
    """From the mean of each `WINDOW` iterates to the flow's in the middle of them."""
    means = moving_mean(run.iterates)
    return np.linalg.norm(flow.w[WINDOW // 2 :][: len(means)] - means, axis=1)


def moved(run: Averaged) -> Float[np.ndarray, " steps"]:
    """How far that mean has gone."""
    return np.linalg.norm(moving_mean(run.iterates) - run.iterates[0], axis=1)


def moving_mean(series: np.ndarray) -> np.ndarray:
    sums = np.cumsum(np.concatenate([np.zeros_like(series[:1]), series], dtype=float), axis=0)
    return (sums[WINDOW:] - sums[:-WINDOW]) / WINDOW


def variances(run: Averaged) -> Float[np.ndarray, " steps"]:
    """‖wₜ − mean‖² of each iterate from the mean of the `WINDOW` about it."""
    half = WINDOW // 2
    return np.sum((run.iterates[half : 1 - half] - moving_mean(run.iterates)) ** 2, axis=1)


def first_burst(run: Averaged) -> slice:
    """Steps of GD in which the deviation along the top eigenvector grows out of rounding.

    From where it was last below `ONSET` to where it is first above a thousand times as much; empty
    if one of them does not occur.
    """
    x = np.abs(run.deviation[:, 0])
    stop = int(np.argmax(x > 1e3 * ONSET))
    below = np.flatnonzero(x[:stop] <= ONSET)
    return slice(int(below[-1]) + 1, stop) if below.size else slice(0, 0)


def growth(run: Averaged) -> tuple[float, float]:
    """ln of how much |x| grows in the first burst, and Σ ln |1 − ηSₜ| over its steps."""
    burst = first_burst(run)
    x, S = run.deviation[:, 0], run.values[:, 0]
    measured = np.log(np.abs(x[burst.stop] / x[burst.start]))
    return float(measured), float(np.sum(np.log(np.abs(1 - S[burst]))))


def alternating(run: Averaged) -> float:
    """The share of steps of GD since the first burst at which that deviation changes its sign."""
    x = run.deviation[first_burst(run).start :, 0]
    return float(np.mean(x[1:] * x[:-1] < 0))


def pull(run: Averaged) -> float:
    """The correlation of ‖deviation‖² with what the sharpness then changes in two steps."""
    since = first_burst(run).start
    size, S = np.sum(run.deviation[since:] ** 2, axis=1), run.values[since:, 0]
    return float(np.corrcoef(size[:-2], S[2:] - S[:-2])[0, 1])
