"""All unit tests as one program for each number of dimensions."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jdescent.core import OptimizerLike
from jdescent.descend import descend
from jdescent.report_card.subject import Subject
from jdescent.report_card.unit_tests.draws import STEPS, Draw, at_step, draws
from jdescent.report_card.unit_tests.losses import Landscape, expected, landscape_of, loss
from jdescent.report_card.unit_tests.scoring import LIMIT
from jdescent.report_card.unit_tests.templates import all_tests
from jdescent.trajectory import Status

DIMENSIONS = (1, 2, 10)


class Batch(NamedTuple):
    """Distinct tests of one dimension, by number, and what they are made of, stacked."""

    numbers: Sequence[int]
    landscapes: Landscape
    drawn: Draw


@functools.cache
def batch_of(dimensions: int, seed: int = 0, one_in: int = 1) -> Batch:
    """All distinct tests of one dimension, or one in so many."""
    tests = [
        (number, test)
        for number, test in enumerate(all_tests())
        if test.is_distinct and test.dimensions == dimensions
    ][::one_in]
    landscapes = [landscape_of(test, number) for number, test in tests]
    drawn = [draws(test, number, seed) for number, test in tests]
    return Batch(
        [number for number, _ in tests],
        jax.tree.map(lambda *leaves: np.stack(leaves), *landscapes),
        jax.tree.map(lambda *leaves: np.stack(leaves), *drawn),
    )


def gain(optimizer: OptimizerLike, landscape: Landscape, drawn: Draw) -> Float[Array, ""]:
    """The expected loss after a run, above that at its start, and at least −10¹⁰; NaN if the run
    was not finite, unless it had got there."""
    path = descend(
        functools.partial(loss, landscape),
        jnp.zeros(len(landscape.start)),
        optimizer,
        STEPS,
        batches=lambda key, step: at_step(drawn, step),
        record=None,
        divergence=jnp.inf,
    )
    lasting = jnp.maximum(expected(landscape, path.params, at_step(drawn, STEPS - 1)), -LIMIT)
    failed = (path.verdict.status == Status.NON_FINITE) & (lasting > -LIMIT)
    return jnp.where(failed, jnp.nan, lasting)


def gains(
    subject: Subject, rates: Sequence[float] | np.ndarray, batch: Batch
) -> Float[np.ndarray, "rates tests runs"]:
    """What `gain` is at each rate, of each test, in each of its runs."""

    def of_rate(rate):
        of_run = functools.partial(gain, subject.make(rate))
        of_runs = jax.vmap(of_run, in_axes=(None, 0))
        return jax.vmap(of_runs)(batch.landscapes, batch.drawn)

    return np.asarray(subject.over_rates(of_rate, rates))
