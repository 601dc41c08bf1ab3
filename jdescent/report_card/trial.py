"""The descent on which optimizers are told apart: noisy, coupled, of several scales and leaves.

Of x, 18 numbers in a vector b (5), a scalar s and a matrix w (4 × 3), the loss of step t is

    f_t(x) = ½·Σ a·x² + ¼·Σ q·x⁴ + ½·(c·x)² + n_t·x

where a, q, c and the slopes n_t, which are drawn anew for each step, have another size for each of
the numbers, over six decades: in the small ones an ε of 1e-8 shows.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PyTree

from jdescent.core import OptimizerLike, apply_updates
from jdescent.core.contract import accept_extra

SHAPES = {"b": (5,), "s": (), "w": (4, 3)}  # in the order of JAX's leaves
SIZE = sum(int(np.prod(shape)) for shape in SHAPES.values())
STEPS = 24
RATE = 0.001  # so small that paths at another rate are nearly the same, but longer

Path = Float[Array, f"steps {SIZE}"]


class Trial(NamedTuple):
    """The numbers of the losses f_t, and where the descent starts."""

    a: Any
    q: Any
    c: Any
    noise: Any
    x0: Any

    def loss(self, x: Any, t: Any) -> Any:
        """Of step t = 0, 1, …"""
        quadratic = jnp.sum(self.a * x**2) / 2 + jnp.dot(self.c, x) ** 2 / 2
        return quadratic + jnp.sum(self.q * x**4) / 4 + jnp.dot(self.noise[t], x)


def trial(seed: int = 0, steps: int = STEPS) -> Trial:
    """The same numbers for every optimizer, float64 where that is on."""
    random = np.random.default_rng(seed)
    a = 10 ** random.uniform(-5, 1, SIZE)
    q = a * random.uniform(0, 0.5, SIZE)
    c = a * random.normal(0, 0.3, SIZE)
    drift = np.exp(np.cumsum(random.normal(0, 0.2, (steps, 1)), 0))
    noise = drift * a * random.standard_normal((steps, SIZE))
    return Trial(*map(jnp.asarray, (a, q, c, noise, random.normal(0, 1.0, SIZE))))


def tree(x: Any) -> PyTree:
    """18 numbers as the parameters."""
    leaves = jnp.split(x, np.cumsum([int(np.prod(shape)) for shape in SHAPES.values()])[:-1])
    named = zip(SHAPES.items(), leaves, strict=True)
    return {name: jnp.reshape(leaf, shape) for (name, shape), leaf in named}


def flat(params: PyTree) -> Any:
    """The parameters as 18 numbers."""
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(params)])


def walk(optimizer: OptimizerLike, loss: Callable[[Any, Any], Any], start: Any, steps: int) -> Path:
    """The parameters after each step.

    Args:
        optimizer: any (init, update) pair.
        loss: of 18 numbers and the number of the step, 0, 1, …
        start: 18 numbers.
        steps: how many.
    """
    update = accept_extra(optimizer.update)

    def step(carry, t):
        params, state = carry

        def here(params):
            return loss(flat(params), t)

        value, gradient = jax.value_and_grad(here)(params)
        updates, state = update(gradient, state, params, value=value, grad=gradient, value_fn=here)
        params = apply_updates(params, updates)
        return (params, state), flat(params)

    params = tree(start)
    return lax.scan(step, (params, optimizer.init(params)), jnp.arange(steps))[1]


def length(path: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Of a path: the sum of its largest coordinate moves, over the axis of steps."""
    begin = np.broadcast_to(start, path[..., :1, :].shape)
    return np.abs(np.diff(np.concatenate([begin, path], -2), axis=-2)).max(-1).sum(-1)


def distance(path: np.ndarray, other: np.ndarray, start: np.ndarray) -> float:
    """How far two paths part at most, in units of the other's length; infinite where one leaves."""
    apart = float(np.abs(np.asarray(path) - np.asarray(other)).max())
    if apart == 0:
        return 0.0  # also of two that never move
    size = float(length(other, start))
    return apart / size if np.isfinite(apart) and size > 0 else np.inf
