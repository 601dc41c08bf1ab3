"""The search: random settings in LightBench's ranges, the same ones for every optimizer.

    log₁₀ lr         uniform in −7 … 2; theirs warm up to it over 100 steps, see `warmed_up`
    log₁₀(1 − β₁)    uniform in −5 … 0
    log₁₀(1 − β₂)    uniform in −7 … 0
    log₁₀ lr_P       uniform in −5 … 0, of preconditioners

Each seed draws its own settings, start and noise. Of N settings of which k solve a task, a search
that tries them in random order needs (N + 1)/(k + 1) trials on the mean, without replacement.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jdescent._jax import enable_x64
from jdescent.core import OptimizerLike
from jdescent.report_card.lightbench.task import STEPS, Family

WARM_UP = 100
RANGES = {"lr": (-7, 2), "b1": (-5, 0), "b2": (-7, 0), "lr_p": (-5, 0)}
COMPILED_QUICKLY = {"xla_backend_optimization_level": 1}
MakeOptimizer = Callable[..., OptimizerLike]


class Draws(NamedTuple):
    """Settings that are tried; `b1` and `b2` are β₁ and β₂."""

    lr: Float[np.ndarray, "seeds draws"]
    b1: Float[np.ndarray, "seeds draws"]
    b2: Float[np.ndarray, "seeds draws"]
    lr_p: Float[np.ndarray, "seeds draws"]


class Search(NamedTuple):
    """What came of all trials.

    Attributes:
        first: the step at which a trial reached the aim, −1 if it never did.
        finite: whether it stayed finite.
    """

    first: Int[np.ndarray, "levels seeds draws"]
    finite: Float[np.ndarray, "levels seeds draws"]


def draws(seeds: Sequence[int], count: int) -> Draws:
    """So many settings a seed."""
    drawn = []
    for seed in seeds:
        rng = np.random.default_rng([16, seed])
        drawn.append([10 ** rng.uniform(low, high, count) for low, high in RANGES.values()])
    lr, off_1, off_2, lr_p = np.moveaxis(np.array(drawn), 1, 0)
    return Draws(lr, 1 - off_1, 1 - off_2, lr_p)


def warmed_up(lr: Array) -> Callable[[Array], Array]:
    """From lr/101 at the first step to lr from step 101 on."""
    return lambda step: lr * jnp.minimum(1, jnp.asarray(step + 1, float) / (WARM_UP + 1))


def search(
    make: MakeOptimizer,
    family: Family,
    seeds: Sequence[int] = range(5),
    count: int = 64,
    steps: int = STEPS,
) -> Search:
    """Every level of a family at every setting, as one batch of runs.

    Args:
        make: ``make(lr, b1, b2, lr_p)``, of traced numbers.
        family: whose levels are tried.
        seeds: of settings, starts and noise.
        count: settings a seed.
        steps: of a trial at most.

    Example:
        >>> import jdescent as jd
        >>> from jdescent.report_card.lightbench import search, task
        >>> saddle = task("saddle_point").family
        >>> found = search(lambda lr, b1, b2, lr_p: jd.adam(lr, b1, b2), saddle, [0], 20, 200)
        >>> print(np.any(found.first[:, 0] > 0, axis=1))  # the last two start on its ridge
        [ True  True  True  True False False]
    """
    with enable_x64(family.double):
        data = jax.tree.map(lambda *leaves: jnp.stack(leaves), *family.levels.values())
        keys = jax.vmap(jax.random.key)(np.asarray(seeds, np.uint32))

        def trial(data, key, settings):
            lr, b1, b2, lr_p = settings
            return family.trial(make(lr, b1, b2, lr_p), data, key, steps)

        of_draws = jax.vmap(trial, (None, None, 0))
        of_seeds = jax.vmap(of_draws, (None, 0, 0))
        of_levels = jax.jit(jax.vmap(of_seeds, (0, None, None)), compiler_options=COMPILED_QUICKLY)
        found = of_levels(data, keys, jax.tree.map(jnp.asarray, draws(seeds, count)))
        solved, step, finite = map(np.asarray, found)
    return Search(np.where(solved, step, -1), finite)
