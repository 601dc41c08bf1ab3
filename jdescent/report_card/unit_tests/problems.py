"""One unit test as a loss, a start and what each step draws, to descend by oneself."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, SupportsIndex

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jdescent.core.checks import integer
from jdescent.report_card.unit_tests.draws import RUNS, STEPS, Draw, at_step, draws
from jdescent.report_card.unit_tests.losses import expected, landscape_of, loss
from jdescent.report_card.unit_tests.templates import all_tests


class Problem(NamedTuple):
    """What `jdescent.descend` needs of a unit test, and what it is scored by.

    Attributes:
        loss: ``loss(x, batch)``, the noisy loss of a step.
        start: x = 0, in as many dimensions as the test has.
        batches: ``batches(key, step)``, the noise of a step; the key is ignored and may be None.
        gain: ``gain(x)``, the expected loss after the last step, above that at the start.
        words: the test in words.
    """

    loss: Callable[[Float[Array, " d"], Draw], Float[Array, ""]]
    start: Float[Array, " d"]
    batches: Callable[[Any, Any], Draw]
    gain: Callable[[Float[Array, " d"]], Float[Array, ""]]
    words: str


def unit_test(number: SupportsIndex, run: SupportsIndex = 0, seed: SupportsIndex = 0) -> Problem:
    """One of the 3,944 unit tests, as it is run for a report card.

    Args:
        number: which test, 0 to 3943.
        run: which of its ten runs, 0 to 9; they differ in what is drawn.
        seed: which draws, an integer ≥ 0; the report card's own.

    Raises:
        TypeError, ValueError: there is no such test, run or seed.

    Example:
        >>> import jdescent as jd
        >>> test = unit_test(160)
        >>> test.words
        'quad_bowl, normal, no noise'
        >>> path = jd.descend(test.loss, test.start, jd.sgd(0.25), 100, batches=test.batches)
        >>> print(path.params, test.gain(path.params))
        [0.5] -0.25

    Reference: Schaul, Antonoglou & Silver 2013, "Unit Tests for Stochastic Optimization",
    arXiv 1312.6055.
    """
    tests = all_tests()
    number = integer("number", number, at_least=0, at_most=len(tests) - 1)
    run = integer("run", run, at_least=0, at_most=RUNS - 1)
    seed = integer("seed", seed, at_least=0)
    test = tests[number]
    landscape = jax.tree.map(jnp.asarray, landscape_of(test, number))
    drawn = jax.tree.map(lambda leaf: jnp.asarray(leaf[run]), draws(test, number, seed))
    return Problem(
        functools.partial(loss, landscape),
        jnp.zeros(test.dimensions),
        lambda key, step: at_step(drawn, step),
        functools.partial(expected, landscape, draw=at_step(drawn, STEPS - 1)),
        test.words,
    )
