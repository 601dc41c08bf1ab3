"""Early stopping: descend until the validation loss has stopped falling, and take the best back."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, PyTree

import jdescent as jd
from jdescent.core import OptimizerLike, Params


class Stopped(NamedTuple):
    """The best of all looks, and when the last one was.

    Attributes:
        params: the parameters with the lowest validation loss.
        step: the step at which they were.
        validation_loss: theirs.
        last_step: the step at which descent was given up.
    """

    params: Params
    step: Int[Array, ""]
    validation_loss: Float[Array, ""]
    last_step: Int[Array, ""]


def early_stopping(
    loss: Callable[..., Array],
    validation_loss: Callable[[Params], Array],
    start: Params,
    optimizer: OptimizerLike,
    steps: int,
    *,
    every: int,
    patience: int,
    batches: Callable[[Any, Any], PyTree] | None = None,
    key: Array | None = None,
) -> Stopped:
    """Descend, look at the validation loss every so many steps, stop when it no longer improves.

    Each round goes on from the trajectory of the last, so the path is that of one long descent.

    Args:
        loss: to descend, as in `jdescent.descend`.
        validation_loss: of the parameters alone, on examples that are not trained on.
        start: first parameters.
        optimizer: as in `jdescent.descend`.
        steps: at most so many are taken, rounded up to whole rounds.
        every: steps between two looks.
        patience: after how many looks without a new best it gives up.
        batches: a sampler, as in `jdescent.descend`.
        key: that it draws from.

    Reference: Goodfellow, Bengio & Courville 2016, "Deep Learning", algorithm 7.1.
    """

    def look(path: jd.Trajectory, best: Stopped) -> Stopped:
        value = validation_loss(path.params)
        here = Stopped(path.params, path.step, value, path.step)
        better = value < best.validation_loss
        kept = jax.tree.map(lambda new, old: jnp.where(better, new, old), here, best)
        return kept._replace(last_step=path.step)

    def descend_from(place) -> jd.Trajectory:
        return jd.descend(loss, place, optimizer, every, batches=batches, key=key)

    def goes_on(carry) -> Array:
        path, best = carry
        return (path.step - best.step < patience * every) & (path.step < steps)

    def next_round(carry):
        path, best = carry
        path = descend_from(path)
        return path, look(path, best)

    zero = jnp.zeros((), jnp.int32)
    path = descend_from(start)
    best = look(path, Stopped(start, zero, validation_loss(start), zero))
    return lax.while_loop(goes_on, next_round, (path, best))[1]
