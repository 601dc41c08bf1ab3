"""A network on digits with two layers of normalized weight vectors, one a neuron.

A neuron's output tanh(x·w/‖w‖·γ + b) does not depend on ‖w‖. Its w alone decays. Labels are clean,
or a share of each batch's is drawn at random, anew at every step, so that no network learns them by
heart and the gradient's noise stays.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

import jdescent as jd
from experiments.common.digits import CLASSES, PIXELS, split_digits
from experiments.common.threads import in_threads
from experiments.rotational_equilibrium.config import Config
from experiments.rotational_equilibrium.meter import metered
from experiments.rotational_equilibrium.theory import Walk
from experiments.rotational_equilibrium.walks import SLOW, USUAL, merged

STRETCH = 250  # steps
RATES = {"adamw": (0.003, 1 / 3), "sgdm": (0.1, 0.01), "lion": (0.001, 1.0)}  # η, w: ηw = 1e-3
CLEAN, RANDOM = 0.0, 0.5  # shares of random labels
RUNS = (("adamw", CLEAN), ("adamw", RANDOM), ("sgdm", RANDOM), ("lion", RANDOM))


class Neurons(NamedTuple):
    """A normalized layer: a row of weights, a gain and a bias for each neuron."""

    weights: Float[Array, "neurons inputs"]
    gains: Float[Array, " neurons"]
    biases: Float[Array, " neurons"]


class Network(NamedTuple):
    """Two normalized layers, and a readout of shape (neurons, classes)."""

    first: Neurons
    second: Neurons
    readout: Float[Array, "neurons classes"]


def draw(key: PRNGKeyArray, hidden: int) -> Network:
    first, second, last = jax.random.split(key, 3)

    def neurons(key: PRNGKeyArray, inputs: int) -> Neurons:
        weights = jax.random.normal(key, (hidden, inputs)) / np.sqrt(inputs)
        return Neurons(weights, jnp.ones(hidden), jnp.zeros(hidden))

    readout = jax.random.normal(last, (hidden, CLASSES)) / np.sqrt(hidden)
    return Network(neurons(first, PIXELS), neurons(second, hidden), readout)


def logits(params: Network, x: Float[Array, "n 64"]) -> Float[Array, "n 10"]:
    for weights, gains, biases in (params.first, params.second):
        units = weights / jnp.linalg.norm(weights, axis=1, keepdims=True)
        x = jnp.tanh(x @ units.T * gains[None] + biases[None])
    return x @ params.readout


def decays(params: Network) -> Network:
    """True where weights decay."""
    nothing = jax.tree.map(lambda leaf: False, params)
    first, second = (layer._replace(weights=True) for layer in nothing[:2])
    return nothing._replace(first=first, second=second)


def vectors(params: Network) -> Float[Array, "layers_neurons longest"]:
    """The weight vectors of both layers, the shorter filled up with zeros."""
    longest = max(layer.weights.shape[1] for layer in params[:2])
    return jnp.concatenate(
        [
            jnp.pad(layer.weights, ((0, 0), (0, longest - layer.weights.shape[1])))
            for layer in params[:2]
        ]
    )


def network_walk(method: str) -> Walk:
    slow = {"adamw": 0.999, "sgdm": 0.0, "lion": SLOW[USUAL]}[method]
    return Walk(method, *RATES[method], USUAL, slow)


def optimizer_of(method: str) -> jd.Optimizer:
    _, rate, decay, beta, slow = network_walk(method)
    if method == "adamw":
        return jd.adamw(rate, beta, slow, weight_decay=decay, mask=decays)
    if method == "lion":
        return jd.lion(rate, beta, slow, weight_decay=decay, mask=decays)
    return jd.chain(jd.add_decayed_weights(decay, mask=decays), jd.heavy_ball(rate, beta))


class Trained(NamedTuple):
    """Root mean square angle of every stretch of steps and weight vector; held-out accuracy."""

    angles: Float[np.ndarray, "seeds stretches vectors"]
    accuracy: Float[np.ndarray, " seeds"]


def trained(config: Config) -> dict[tuple[str, float], Trained]:
    """The methods' networks with random labels, AdamW's with clean ones as well."""
    keys = jax.random.split(jax.random.key(2), config.networks)

    def of_method(method: str) -> dict[tuple[str, float], Trained]:
        train = jax.jit(jax.vmap(trainer(method, config), (None, 0)))
        shares = [share for name, share in RUNS if name == method]
        return {(method, share): Trained(*map(np.asarray, train(share, keys))) for share in shares}

    return merged(in_threads(of_method, config.methods))


def relabeled(sample: jd.batches.Sampler, share: float | Array) -> jd.batches.Sampler:
    """Batches in which each label is, with this chance, one drawn at random."""

    def draw(key: PRNGKeyArray | None, step: ArrayLike) -> tuple[Array, Array]:
        assert key is not None, "labels are drawn at random: give a key"
        x, labels = sample(key, step)
        chance, label = jax.random.split(jax.random.fold_in(jax.random.fold_in(key, 1), step))
        is_random = jax.random.uniform(chance, labels.shape) < share
        return x, jnp.where(is_random, jax.random.randint(label, labels.shape, 0, CLASSES), labels)

    return draw


def trainer(
    method: str, config: Config
) -> Callable[[float | Array, PRNGKeyArray], tuple[Array, Array]]:
    """From the share of random labels and a key to the fields of `Trained`."""
    data = split_digits()
    optimizer = metered(optimizer_of(method), vectors)
    loss, accuracy = jd.losses.cross_entropy(logits), jd.losses.accuracy(logits)

    def run(share: float | Array, key: PRNGKeyArray) -> tuple[Array, Array]:
        start, batches = jax.random.split(key)
        path = jd.descend(
            loss,
            draw(start, config.hidden),
            optimizer,
            config.chunks * STRETCH,
            batches=relabeled(jd.batches.mini_batch(data.train, config.batch), share),
            key=batches,
            record=lambda point: point.state.squares[:, 0],
            every=STRETCH,
        )
        squares = jnp.diff(path.record, axis=0) / STRETCH
        return jnp.sqrt(squares), accuracy(path.params, data.test)

    return run
