"""The work that is compared: descents of small losses from one start, at many learning rates.

Each problem is stated once, in JAX, with its shapes and sizes; contestants that do not run JAX
write the same loss out, and `benchmarks.sweep` refuses to time any that does not arrive at the same
final losses.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

WIDTH = 16
EXAMPLES = WIDTH * WIDTH + WIDTH  # as many as the network has weights
RATES = {  # the slowest and the fastest; all are stable, so that all contestants end finite
    ("bowl", "sgd"): (0.001, 0.49),
    ("bowl", "momentum"): (0.001, 0.49),
    ("bowl", "adam"): (0.001, 0.49),
    ("rosenbrock", "adam"): (1e-4, 1e-2),
    ("network", "sgd"): (0.1, 10.0),
}
EVERY = 10


class Contestant(NamedTuple):
    """One way of doing a problem, or a stated part of it.

    Attributes:
        run: does the work once; returns the final losses, one a learning rate.
        steps: how many steps of one learning rate that is, over all learning rates.
    """

    run: Callable[[], Any]
    steps: int


@dataclass(frozen=True)
class Problem:
    """A sweep of `lanes` learning rates × `steps` steps."""

    loss: str
    optimizer: str
    lanes: int
    steps: int
    dimension: int = 2

    def __str__(self) -> str:
        size = f"{self.lanes:,} learning rates × {self.steps:,} steps"
        return f"{size} of {self.optimizer} on {self.place}"

    @property
    def place(self) -> str:
        return {
            "bowl": "x² + 2y²",
            "rosenbrock": f"Rosenbrock's valley in {self.dimension} dimensions",
            "network": f"a network of {EXAMPLES} weights, {EXAMPLES} examples",
        }[self.loss]

    @property
    def lane_steps(self) -> int:
        return self.lanes * self.steps

    @property
    def rates(self) -> np.ndarray:
        slowest, fastest = RATES[self.loss, self.optimizer]
        return np.geomspace(slowest, fastest, self.lanes).astype(np.float32)

    @property
    def start(self) -> Any:
        """Where every descent starts, as a tree of float32 NumPy arrays."""
        if self.loss == "bowl":
            return np.array([2, 1], np.float32)
        if self.loss == "rosenbrock":
            return np.resize(np.array([-1.2, 1], np.float32), self.dimension)
        return dict(zip(("hidden", "output"), network_data()[2:], strict=True))


def function_of(problem: Problem) -> Callable:
    """The loss in JAX."""
    return {"bowl": bowl, "rosenbrock": rosenbrock, "network": network}[problem.loss]


def bowl(x):
    return x[0] ** 2 + 2 * x[1] ** 2


def rosenbrock(x):
    head, tail = x[:-1], x[1:]
    return jnp.sum(100 * (tail - head**2) ** 2 + (1 - head) ** 2)


def network(weights):
    """Mean squared error of one hidden layer of tanh in mean-field scaling (arXiv 2402.06184)."""
    x, y, *_ = network_data()
    hidden = jnp.tanh(x @ weights["hidden"] * np.float32(np.sqrt(2 / WIDTH)))
    predictions = hidden @ weights["output"] * np.float32(WIDTH**-1.5)
    return jnp.mean((predictions - y) ** 2)


@functools.cache
def network_data() -> tuple[np.ndarray, ...]:
    """Inputs, targets, hidden weights and output weights, all of them normal."""
    normal = np.random.default_rng(0).standard_normal
    shapes = (EXAMPLES, WIDTH), (EXAMPLES,), (WIDTH, WIDTH), (WIDTH,)
    return tuple(normal(shape).astype(np.float32) for shape in shapes)


def scanned(problem: Problem, make_optimizer: Callable, every: int | None = None) -> Callable:
    """A function from the rate to the final loss, as one writes it by hand: `lax.scan`, no more.

    With `every`, it also returns the loss at each so many steps.
    """
    loss, start = function_of(problem), jax.tree.map(jnp.asarray, problem.start)

    def run(learning_rate):
        optimizer = make_optimizer(learning_rate)

        def step(carry, _):
            x, state = carry
            value, gradient = jax.value_and_grad(loss)(x)
            updates, state = optimizer.update(gradient, state, x)
            return (jax.tree.map(jnp.add, x, updates), state), value

        def silent(carry, _):
            return step(carry, _)[0], None

        def stride(carry, _):
            carry, value = step(carry, _)
            return lax.scan(silent, carry, length=every - 1)[0], value

        carry = start, optimizer.init(start)
        if every is None:
            (x, _), _ = lax.scan(silent, carry, length=problem.steps)
            return loss(x)
        (x, _), losses = lax.scan(stride, carry, length=problem.steps // every)
        return loss(x), losses

    return run
