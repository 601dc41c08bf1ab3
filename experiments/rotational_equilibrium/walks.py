"""Random walks of a scale-invariant weight vector, and the angles and norms they settle at.

The loss a·x/‖x‖ with a drawn anew at every step from N(0, I) does not depend on ‖x‖: its gradient
is orthogonal to x and as 1/‖x‖.
"""

import functools
import itertools
import operator
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

import jdescent as jd
from experiments.common.threads import in_threads
from experiments.rotational_equilibrium.config import Config
from experiments.rotational_equilibrium.meter import metered
from experiments.rotational_equilibrium.theory import Walk, equilibrium

BETAS = {"adamw": (0.0, 0.9, 0.99), "sgdm": (0.0, 0.9, 0.99), "lion": (0.5, 0.9, 0.95)}
SLOW = {0.5: 0.9, 0.9: 0.99, 0.95: 0.98}  # Lion's β₂ to each β₁
USUAL = 0.9
FOLLOWED = 0.99  # AdamW's β₂ where walks come from far
FAR = (3.0, 1 / 3)  # starts, in units of the equilibrium's norm


class Settled(NamedTuple):
    """Of each seed, the root mean squares of a step's angle and of the norm."""

    angle: Float[np.ndarray, " seeds"]
    norm: Float[np.ndarray, " seeds"]


def loss(x: Float[Array, " d"], a: Float[Array, " d"]) -> Float[Array, ""]:
    return a @ x / jnp.sqrt(x @ x)


def direction(dimension: int) -> Callable[[PRNGKeyArray, Array], Array]:
    """A sampler of a ~ N(0, I)."""
    return lambda key, step: jax.random.normal(jax.random.fold_in(key, step), (dimension,))


def optimizer_of(method: str, rate, decay, beta, slow) -> jd.Optimizer:
    if method == "adamw":
        return jd.adamw(rate, beta, slow, weight_decay=decay)
    if method == "lion":
        return jd.lion(rate, beta, slow, weight_decay=decay)
    return jd.chain(jd.add_decayed_weights(decay), jd.heavy_ball(rate, beta))


def walks_of(method: str, product: float, config: Config) -> list[Walk]:
    rate = product / config.weight_decay
    return [walk_of(method, rate, beta, config) for beta in BETAS[method]]


def walk_of(method: str, rate: float, beta: float, config: Config) -> Walk:
    slow = {"adamw": config.second_moment, "sgdm": 0.0, "lion": SLOW.get(beta, 0.0)}[method]
    return Walk(method, rate, config.weight_decay, beta, slow)


def settled_walks(config: Config) -> dict[Walk, Settled]:
    """All walks; those of one method side by side, in one program."""

    def of_method(method: str) -> dict[Walk, Settled]:
        groups = [walks_of(method, product, config) for product in config.products]
        walks = [gentle(method, config), *itertools.chain(*groups)]
        return dict(zip(walks, map(Settled, *settle(walks, config)), strict=True))

    return merged(in_threads(of_method, BETAS))


def merged(parts: list[dict]) -> dict:
    return functools.reduce(operator.or_, parts)


def gentle(method: str, config: Config) -> Walk:
    """The usual walk at a ηw so small that the paper's forms should hold."""
    return walk_of(method, config.gentle_product / config.weight_decay, USUAL, config)


def settle(walks: list[Walk], config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Root mean squares of angles and norms, (walks, seeds); all settle as long as the slowest."""
    method = walks[0].method
    constants = [1 / (walk.rate * walk.decay) + 1 / (1 - walk.slow) for walk in walks]
    settling = int(config.time_constants * max(constants))

    def walk(settings: dict[str, Array], key: PRNGKeyArray) -> Array:
        path = jd.descend(
            loss,
            jnp.full(config.dimension, 1 / np.sqrt(config.dimension)) * settings["start"],
            metered(optimizer_of(method, *settings["walk"])),
            2 * settling,
            batches=direction(config.dimension),
            key=key,
            record=lambda point: point.state.squares,
            every=settling,
        )
        return jnp.sqrt((path.record[2] - path.record[1]) / settling)

    # each from the norm that another of its method would settle at
    others = [equilibrium(walk, config.dimension).norm for walk in walks[1:] + walks[:1]]
    settings = {"walk": jnp.array([walk[1:] for walk in walks]), "start": jnp.array(others)}
    keys = jax.random.split(jax.random.key(0), config.seeds)
    many = jax.jit(jax.vmap(jax.vmap(walk, (None, 0)), (0, None)))
    angles, norms = np.moveaxis(np.asarray(many(settings, keys), float), -1, 0)
    return angles, norms


def approaches(config: Config) -> dict[tuple[str, float], Float[np.ndarray, "seeds rows"]]:
    """‖x‖ of every seed, at every step of the walks that come from far."""

    def of_method(method: str) -> dict[tuple[str, float], np.ndarray]:
        norms = come_from_far(approaching(method, config), config)
        return {(method, far): rows for far, rows in zip(FAR, norms, strict=True)}

    return merged(in_threads(of_method, BETAS))


def approaching(method: str, config: Config) -> Walk:
    share = 1 - USUAL if method == "sgdm" else 1.0
    rate = share * config.approach_product / config.weight_decay
    walk = walk_of(method, rate, USUAL, config)
    return walk._replace(slow=FOLLOWED) if method == "adamw" else walk


def approach_steps(config: Config) -> int:
    return int(config.approach_constants / config.approach_product)


def come_from_far(walk: Walk, config: Config) -> Float[np.ndarray, "starts seeds rows"]:
    starts = jnp.array(FAR) * equilibrium(walk, config.dimension).norm

    def norms(start: Array, key: PRNGKeyArray) -> Array:
        return jd.descend(
            loss,
            jnp.full(config.dimension, 1 / np.sqrt(config.dimension)) * start,
            optimizer_of(*walk),
            approach_steps(config),
            batches=direction(config.dimension),
            key=key,
            record=lambda point: jnp.linalg.norm(point.params),
        ).record

    keys = jax.random.split(jax.random.key(1), config.seeds)
    many = jax.jit(jax.vmap(jax.vmap(norms, (None, 0)), (0, None)))
    return np.asarray(many(starts, keys), float)


def half_times(norms: Float[np.ndarray, "seeds rows"], end: float) -> np.ndarray:
    """The step, between steps by interpolation, at which half the way of ‖x‖² is done."""
    left = (norms**2 - end**2) / (norms[:, :1] ** 2 - end**2)
    first = np.argmax(left < 0.5, axis=1)
    seeds = np.arange(len(left))
    above, below = left[seeds, first - 1], left[seeds, first]
    return first - (0.5 - below) / (above - below)
