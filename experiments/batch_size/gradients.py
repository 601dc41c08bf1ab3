"""The variance of a batch's gradient at one point of the network, measured and exact."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from matplotlib.axes import Axes

import jdescent as jd
from experiments.batch_size.config import MISSED, PICTURES, Config, digits
from experiments.batch_size.network import LOSS
from experiments.common import number
from experiments.common.number import Numbers
from experiments.common.perceptron import Perceptron
from experiments.common.statistics import positive_mean
from jdescent import plotting

WITH, WITHOUT = plotting.COLORS["vermillion"], plotting.COLORS["blue"]


class Noise(NamedTuple):
    """Squared distances |g_B − g|² of batch gradients from the mean, (batches,) at each setting.

    `variance` is σ², the trace of the covariance of one example's gradient; `signal` is |g|².
    """

    distances: dict[tuple[int, bool], Float[np.ndarray, " batches"]]
    variance: float
    signal: float
    loss: float


def settings(config: Config) -> list[tuple[int, bool]]:
    """Batch sizes, with replacement (True) and, where it makes a difference, without."""
    return [
        *((size, True) for size in config.gradient_sizes),
        *((size, False) for size in config.gradient_sizes if size > PICTURES / 10),
    ]


def gradient_noise(params: Perceptron, config: Config) -> Noise:
    """Of batches drawn anew, at one point."""

    def gradient(batch: tuple[Array, Array]) -> Array:
        return ravel_pytree(jax.grad(LOSS)(params, batch))[0]

    each = jax.jit(jax.vmap(lambda x, y: gradient((x[None], y[None]))))(*digits().train)
    mean = jnp.mean(each, axis=0)
    distances = {}
    for place, (size, replace) in enumerate(settings(config)):
        batches = jd.batches.mini_batch(digits().train, size, replace)
        key = jax.random.key(place)

        def distance(step: Array, batches=batches, key=key) -> Array:
            return jnp.sum((gradient(batches(key, step)) - mean) ** 2)

        many = jax.jit(lambda steps, distance=distance: jax.lax.map(distance, steps))
        distances[size, replace] = np.asarray(many(jnp.arange(config.gradients)), float)
    return Noise(
        distances,
        float(np.mean(np.sum((np.asarray(each, float) - np.asarray(mean)) ** 2, axis=1))),
        float(jnp.sum(mean**2)),
        float(LOSS(params, digits().train)),
    )


def exact(size: np.ndarray | float, replace: bool, variance: float) -> np.ndarray | float:
    """σ²/B, times (n − B)/(n − 1) without replacement."""
    left = 1.0 if replace else (PICTURES - size) / (PICTURES - 1)
    return variance / size * left


def numbers(noise: Noise) -> Numbers:
    ratios = {
        (size, replace): distances / exact(size, replace, noise.variance)
        for (size, replace), distances in noise.distances.items()
    }

    def score(ratio: np.ndarray, theory: float = 1.0) -> float:
        return float(abs(ratio.mean() - theory) / scipy.stats.sem(ratio))

    largest, replace = max(ratios, key=lambda setting: (setting[0], not setting[1]))
    other_law = float(exact(largest, not replace, 1.0) / exact(largest, replace, 1.0))
    found = {
        "gradient_variance_largest_deviation": number.bound(
            max(map(score, ratios.values())),
            f"passed by chance in {MISSED:.0%}; the other law, for {largest} pictures, misses it",
            "largest distance of the measured trace of the gradient's covariance from theory, in "
            f"standard errors, over {len(ratios)} batch sizes and ways to draw",
            at_most=float(scipy.stats.norm.isf(MISSED / 2 / len(ratios))),
            missed_by=score(ratios[largest, replace], other_law),
        )
    }
    for (size, replace), ratio in ratios.items():
        how, factor = ("with", "") if replace else ("without", "·(n−B)/(n−1)")
        found[f"gradient_variance_{size}_{how}"] = number.sampled_theory(
            positive_mean(ratio),
            1.0,
            f"{ratio.size} batches",
            f"trace of the covariance of the gradient of {size} pictures drawn {how} replacement, "
            f"in units of σ²/B{factor}",
        )
    return found


def draw(axes: Axes, noise: Noise) -> None:
    sizes = np.geomspace(1, PICTURES - 0.5, 300)
    for replace, color in ((True, WITH), (False, WITHOUT)):
        plotting.theory(axes, sizes, exact(sizes, replace, noise.variance), label=None)
        for (size, how), distances in noise.distances.items():
            if how == replace:
                mean = positive_mean(distances)
                axes.errorbar(size, mean.value, mean.reach, fmt="o", color=color, markersize=4)
    axes.axhline(noise.signal, color="0.6", linewidth=0.8)
    plotting.note(axes, (1.2, 1.2 * noise.signal), r"$|\nabla L|^2$", "0.4")
    plotting.note(axes, (12, 1.6), "with replacement", WITH)
    plotting.note(axes, (110, 0.004), "without", WITHOUT)
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(0.4 * exact(1024, False, noise.variance), 2 * noise.variance),
        xlabel="batch size $B$",
        ylabel=r"$E\,|g_B-\nabla L|^2$",
    )
