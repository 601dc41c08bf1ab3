"""Training what one of the learners learns, as briefly as its test allows."""

from collections.abc import Callable

import jax
from jaxtyping import PyTree

import jdescent as jd
from experiments.one_loop.learner import Data, Model


def learned(loss: Callable, model: Model, data: Data, rate: float, steps: int) -> PyTree:
    """Parameters after so many steps of Adam, its rate falling to 0 along a cosine."""
    key = jax.random.key(0)
    optimizer = jd.adam(jd.schedules.cosine(rate, steps))

    def run() -> PyTree:
        return jd.descend(
            loss(model.predict), model.start(key), optimizer, steps,
            batches=data.batches, key=key, record=None,
        ).params  # fmt: skip

    return jax.jit(run)()
