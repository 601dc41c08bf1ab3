"""The variance of a batch's gradient at one point of the network, measured and exact."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from matplotlib.axes import Axes

import jdescent as jd
from experiments.batch.network import LOSS
from experiments.batch.settings import MISSED, PICTURES, Config, digits
from experiments.learners.perceptron import Perceptron
from experiments.learners.seeds import mean_interval
from experiments.report import Number, Numbers
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
    scores = [
        abs(ratio.mean() - 1) / (ratio.std(ddof=1) / math.sqrt(ratio.size))
        for ratio in ratios.values()
    ]
    found = {
        "gradient_variance_largest_deviation": Number(
            max(scores),
            0.0,
            float(scipy.stats.norm.isf(MISSED / 2 / len(scores))),
            "largest distance of the measured trace of the gradient's covariance from theory, in "
            f"standard errors, over {len(scores)} batch sizes and ways to draw; tolerance: passed "
            f"by chance in {MISSED:.0%}",
        )
    }
    for (size, replace), ratio in ratios.items():
        mean, interval = mean_interval(ratio)
        how, factor = ("with", "") if replace else ("without", "·(n−B)/(n−1)")
        found[f"gradient_variance_{size}_{how}"] = Number(
            mean,
            1.0,
            3.5 * float(ratio.std(ddof=1)) / math.sqrt(ratio.size),
            f"trace of the covariance of the gradient of {size} pictures drawn {how} replacement, "
            f"in units of σ²/B{factor}; tolerance: 3.5 standard errors",
            interval,
        )
    return found


def draw(axes: Axes, noise: Noise) -> None:
    sizes = np.geomspace(1, PICTURES - 0.5, 300)
    for replace, color in ((True, WITH), (False, WITHOUT)):
        plotting.theory(axes, sizes, exact(sizes, replace, noise.variance), label=None)
        for (size, how), distances in noise.distances.items():
            if how == replace:
                mean, (low, high) = mean_interval(distances)
                reach = [[mean - low], [high - mean]]
                axes.errorbar(size, mean, reach, fmt="o", color=color, markersize=4)
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
