"""The bar of one long run, moved on from inside the compiled loop."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import custom_vmap
from jaxtyping import Array
from tqdm.auto import tqdm


class Report(NamedTuple):
    """How the bar is moved on, about every so many steps, and to its end."""

    every: int
    show: Callable[[Any, Array], None]
    close: Callable[[Array], None]


def on_a_bar(steps: int, every: int) -> Report:
    """A report of the steps taken and of the loss; of the lowest one in a batch of runs."""
    bar = _Bar(steps)

    def call(back: Callable, here: Any, loss: Array) -> None:
        lowest = _of_one_run(lax.stop_gradient(loss).astype(jnp.float32))
        jax.debug.callback(back, jnp.asarray(here), lowest)

    return Report(
        every,
        show=lambda here, loss: call(bar.show, here, loss),
        close=lambda loss: call(bar.close, steps, loss),
    )


@custom_vmap
def _of_one_run(loss: Array) -> Array:
    return loss


@_of_one_run.def_vmap
def _of_a_batch(axis_size: int, in_batched: list[bool], loss: Array) -> tuple[Array, bool]:
    """The same one bar for all runs: what it shows is no longer of one of them."""
    return _of_one_run(jnp.nanmin(loss, axis=0) if in_batched[0] else loss), False


class _Bar:
    """A bar that is made when a program begins to run, each time it does."""

    def __init__(self, steps: int):
        self._steps = steps
        self._bar: Any = None

    def show(self, here: Any, loss: Any) -> None:
        if int(here) < self._steps:
            self._move(int(here), float(loss))

    def close(self, steps: Any, loss: Any) -> None:
        self._move(int(steps), float(loss)).close()
        self._bar = None

    def _move(self, here: int, loss: float) -> Any:
        if self._bar is not None and here < self._bar.n:  # left by a run that was interrupted
            self._bar.close()
            self._bar = None
        if self._bar is None:
            self._bar = tqdm(total=self._steps, unit="step", unit_scale=True)
        self._bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
        self._bar.update(here - self._bar.n)
        return self._bar
