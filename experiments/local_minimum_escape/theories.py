"""So many escapes that the theories of their mean are told apart.

A batch moves x by the mean of its offsets alone, so that a run whose step draws this mean, from its
exact law, is in law one on batches; it draws one number a step where that draws one an example.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

import jdescent as jd
from experiments.common.report import stage
from experiments.common.threads import in_threads
from experiments.local_minimum_escape.config import (
    BARRIER,
    HEIGHT,
    THRESHOLD,
    VALLEY,
    VALLEY_X,
    WELL,
    Config,
)
from experiments.local_minimum_escape.noise import (
    chain_steps,
    escape_times,
    noise_variance,
    run_keys,
    watched,
)
from jdescent import analysis

OTHER = 1000  # added to the size in the random keys: none that runs on batches have
WORDS = 2.0**32  # that a random word may be


class Many(NamedTuple):
    """Of many runs with batches of one size, in steps.

    Attributes:
        mean: of their escape.
        exact: of the chain with the very noise of the batches.
        quadrature: of the diffusion, which steps that are not small leave.
        kramers: of the diffusion with a high barrier.
    """

    mean: analysis.MeanTime
    exact: float
    quadrature: float
    kramers: float

    def errors_from(self, theory: float) -> float:
        """How many standard errors the mean is from a theory, with the error that this has."""
        return abs(self.mean.mean / theory - 1) * float(np.sqrt(self.mean.events))


def many_escapes(config: Config) -> dict[int, Many]:
    """At each of the batch sizes that theories are told apart at."""
    loss, examples = jd.losses.double_well_examples()

    def of_size(size: int) -> Many:
        exact = chain_steps(size, config)
        means, keys = (
            sampler_of_means(examples, size),
            run_keys(OTHER + size, config.many_runs, config),
        )
        times, escaped = escape_times(loss, means, keys, *watched(exact, config), config)
        mean = analysis.exponential_mean(times, escaped)
        return Many(mean, exact, *diffusion_steps(size, config))

    sizes = config.many_sizes
    with stage(f"{config.many_runs:,} runs on means of batches of {', '.join(map(str, sizes))}"):
        return dict(zip(sizes, in_threads(of_size, sizes), strict=True))


def sampler_of_means(
    examples: Float[Array, " n"], size: int
) -> Callable[[PRNGKeyArray, Int[Array, ""] | int], Float[Array, " 1"]]:
    """A sampler of one offset: the mean of so many that are drawn with replacement."""
    noise = analysis.batch_noise(np.asarray(examples), size)
    edges = jnp.asarray(np.cumsum(noise.probabilities)[:-1] * WORDS, jnp.uint32)
    values = jnp.asarray(noise.values, examples.dtype)

    def sample(key: PRNGKeyArray, step: Int[Array, ""] | int) -> Float[Array, " 1"]:
        word = jax.random.bits(jax.random.fold_in(key, step), dtype=jnp.uint32)
        return values[jnp.sum(word[None] >= edges)][None]

    return sample


def diffusion_steps(size: int, config: Config) -> tuple[float, float]:
    """By quadrature, and by Kramers' law."""
    rate = config.learning_rate
    heat = float(analysis.temperature(rate, noise_variance(), batch_size=size))
    (valley,), (barrier,) = VALLEY.curvatures, BARRIER.curvatures
    by_kramers = float(analysis.kramers_time(valley, barrier, HEIGHT, heat))
    return analysis.quadrature_time(WELL, VALLEY_X, THRESHOLD, heat) / rate, by_kramers / rate
