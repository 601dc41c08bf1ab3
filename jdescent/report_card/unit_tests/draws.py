"""What chance does to a unit test in each of its 100 steps: noise, and a landscape that drifts."""

from typing import NamedTuple, SupportsIndex

import jax
import numpy as np
from jaxtyping import Array, Float

from jdescent.report_card.unit_tests.templates import NOISES, UnitTest

RUNS = 10
STEPS = 100
STEPS_BETWEEN_DRIFTS = 10


Numbers = Array | np.ndarray


class Draw(NamedTuple):
    """What a step sees: factor·f + added·y in each dimension, where f is stretched and shifted."""

    factor: Float[Numbers, "*runs d"]
    added: Float[Numbers, "*runs d"]
    stretch: Float[Numbers, "*runs"]
    shift: Float[Numbers, "*runs"]


def draws(test: UnitTest, number: int, seed: int = 0) -> Draw:
    """The draws of ten runs and all steps, stacked; of each number and seed their own.

    Every ten steps, from the eleventh on, a walk w goes on by a standard normal: the slope is
    multiplied by exp(0.1·w), the size of the noise by exp(0.5·w), the place is shifted by 0.1·w.
    """
    random = np.random.default_rng([seed, number])
    normal, cauchy, log_normal, masked = np.transpose([NOISES[name][1:] for name in test.noises])
    shape = (RUNS, STEPS, test.dimensions)
    z = random.standard_normal(shape)
    c = random.standard_cauchy(shape) if cauchy.any() else np.zeros(shape)
    kept = random.uniform(size=shape) >= masked if masked.any() else np.ones(shape)
    drifts = random.standard_normal((RUNS, STEPS // STEPS_BETWEEN_DRIFTS))
    drifts[:, 0] = 0
    w = np.repeat(np.cumsum(drifts, axis=1), STEPS_BETWEEN_DRIFTS, axis=1)
    size = np.exp(0.5 * w * (test.drift == "noise"))[..., None]
    with np.errstate(over="ignore"):
        drawn = Draw(
            np.exp(log_normal * size * z) * kept,
            (normal * z + cauchy * c) * size,
            np.exp(0.1 * w * (test.drift == "slope")),
            0.1 * w * (test.drift == "shift"),
        )
        return Draw(*(leaf.astype(np.float32) for leaf in drawn))


def at_step(drawn: Draw, step: SupportsIndex | Array) -> Draw:
    return jax.tree.map(lambda leaf: leaf[step], drawn)
