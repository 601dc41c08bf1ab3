"""The gradient noise scale along training, and what single steps of the best size achieve.

    B_simple = tr Σ/|G|²        B_noise = tr(HΣ)/(GᵀHG)

with the gradient G and the Hessian H of all examples and the covariance Σ of one example's
gradient. On a quadratic a step of the best size from a batch of B lowers the loss by
ΔL_max/(1 + B_noise/B), at the rate ε_max/(1 + B_noise/B).

Reference: S. McCandlish, J. Kaplan, D. Amodei and the OpenAI Dota Team, 2018, An Empirical Model of
Large-Batch Training, arXiv 1812.06162, section 2.2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

import jdescent as jd
from experiments.batch_scaling import jackknife
from experiments.batch_scaling.classifier import examples, loss, start
from experiments.batch_scaling.config import Config
from experiments.common.digits import Examples
from jdescent import analysis

SIZE, RATE, STEPS = 36, 0.4, 480
POINTS = 12
AT = 2  # of them, that at which single steps are tried
SINGLE = 4.0 ** np.arange(6)  # batch sizes of single steps
NEAR = np.array([0.5, 0.75, 1.0, 1.25, 1.5])  # rates tried, over the predicted one
GROUPS = 8


class Along(NamedTuple):
    """At points along runs of SGD: B_simple, and the loss of all examples."""

    simple: Float[np.ndarray, "seeds points"]
    loss: Float[np.ndarray, "seeds points"]


class Step(NamedTuple):
    """Single steps from one point.

    Attributes:
        simple, noise: B_simple and B_noise.
        largest: ΔL_max; full_rate: ε_max.
        rates: the best ε for each batch size, of all draws and then of all but each group.
        decreases: ΔL there.
    """

    simple: float
    noise: float
    largest: float
    full_rate: float
    rates: Float[np.ndarray, "sizes parts"]
    decreases: Float[np.ndarray, "sizes parts"]


def gradients(params: PyTree, data: Examples) -> Float[Array, "n parameters"]:
    """Of every example."""

    def one(x: Array, y: Array) -> Array:
        return ravel_pytree(jax.grad(loss)(params, (x[None], y[None])))[0]

    return jax.vmap(one)(*data)


def noise_over_signal(each: Float[Array, "n parameters"]) -> Float[Array, ""]:
    """B_simple."""
    G = jnp.mean(each, axis=0)
    return jnp.mean(jnp.sum((each - G[None]) ** 2, axis=1)) / (G @ G)


def along(config: Config) -> tuple[Along, PyTree]:
    """And the parameters, of the first seed, at which single steps are tried."""
    data = examples()

    @jax.jit
    def run(begun: PyTree, key: Array) -> tuple[PyTree, Array, Array]:
        path = jd.descend(
            loss, begun, jd.sgd(RATE), STEPS, batches=jd.batches.mini_batch(data, SIZE), key=key,
            record="params", every=STEPS // POINTS,
        )  # fmt: skip
        many = path.record["params"]
        measure = jax.lax.map(
            lambda w: (noise_over_signal(gradients(w, data)), loss(w, data)), many
        )
        return jax.tree.map(lambda leaf: leaf[AT], many), *measure

    found = [run(start(seed, config), jax.random.key(seed)) for seed in range(config.network_seeds)]
    chosen, simple, losses = zip(*found, strict=True)
    return Along(np.stack(simple), np.stack(losses)), chosen[0]


def single_steps(params: PyTree, config: Config) -> Step:
    """The mean loss after steps from many batches, with examples drawn with replacement."""
    data = examples()
    each = jax.jit(gradients)(params, data)
    flat, unflatten = ravel_pytree(params)
    G = jnp.mean(each, axis=0)

    @jax.jit
    def bends(vectors: Array) -> Array:
        """vᵀHv of each."""
        H = analysis.hessian_operator(loss, params, data)
        return jax.lax.map(lambda v: v @ ravel_pytree(H(unflatten(v)))[0], vectors)

    GHG = float(bends(G[None])[0])
    noise = float(jnp.mean(bends(each - G[None]))) / GHG
    full_rate = float(G @ G) / GHG

    @jax.jit
    def rises(weights: Array, rates: Array) -> Array:
        """What L(w − εg) is above L(w) − εG·g, for each batch and rate; its mean is ΔL's rest."""

        def of_batch(row: Array) -> Array:
            g = row @ each
            return jax.vmap(lambda e: loss(unflatten(flat - e * g), data) + e * (G @ g))(rates)

        return jax.lax.map(of_batch, weights) - loss(params, data)

    generator, found = np.random.default_rng(0), []
    for B in SINGLE:
        rates = full_rate / (1 + noise / B) * NEAR
        counts = generator.multinomial(int(B), np.full(len(each), 1 / len(each)), config.draws)
        rest = np.asarray(
            rises(jnp.asarray(counts / B, each.dtype), jnp.asarray(rates, each.dtype))
        )
        groups = rest.reshape(GROUPS, -1, len(NEAR)).mean(axis=1)
        parts = jackknife.means(groups)
        found.append([peak(rates, rates * float(G @ G) - part) for part in parts])
    places, decreases = np.moveaxis(np.array(found), -1, 0)
    simple = float(noise_over_signal(each))
    return Step(simple, noise, float(G @ G) * full_rate / 2, full_rate, places, decreases)


def peak(rates: np.ndarray, decreases: np.ndarray) -> tuple[float, float]:
    """Where the cubic through them, with 0 at 0, is largest, and how large."""
    basis = np.stack([rates, rates**2, rates**3], axis=1)
    a, b, c = np.linalg.lstsq(basis / rates[-1], decreases / rates[-1], rcond=None)[0]
    fine = np.linspace(rates[0] / 2, 1.5 * rates[-1], 2_001)
    values = a * fine + b * fine**2 + c * fine**3
    place = int(np.argmax(values))
    return float(fine[place]), float(values[place])
