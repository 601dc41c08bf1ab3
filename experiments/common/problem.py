"""The problem on which every optimizer walks beside its paper: noisy, coupled, of several leaves.

In NumPy alone, for those who have no JAX, with a matrix, a vector and a scalar as its parameters;
`walking` takes any (init, update) pair along it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

SHAPES = {"b": (5,), "s": (), "w": (4, 3)}  # in the order of JAX's leaves
SIZES = [int(np.prod(shape)) for shape in SHAPES.values()]
STEPS = 60


class Problem:
    """½·Σ a·x² + ¼·Σ q·x⁴ + ½·(c·x)² + n_t·x, whose slope n_t is drawn anew for every step.

    Vectors are flat, of 18 numbers. `leaves` cuts one into its arrays: b (5), s (), w (4 × 3).
    """

    def __init__(self, steps: int = STEPS, seed: int = 3):
        random = np.random.default_rng(seed)
        size = sum(SIZES)
        self.steps = steps
        self.a = 10 ** random.uniform(-1, 1, size)
        self.q = random.uniform(0, 0.5, size)
        self.c = random.normal(0, 0.3, size)
        drift = np.exp(np.cumsum(random.normal(0, 0.2, (steps + 1, 1)), 0))
        self.noise = 0.3 * drift * random.standard_normal((steps + 1, size))
        self.x0 = random.normal(0, 1.0, size)

    def loss(self, x: Any, t: Any, np: Any = np) -> Any:
        """Of step t = 1, 2, …; of traced arrays with np=jnp."""
        noise = np.asarray(self.noise)[t]
        quadratic = 0.5 * np.sum(self.a * x**2) + 0.25 * np.sum(self.q * x**4)
        return quadratic + 0.5 * np.dot(self.c, x) ** 2 + np.dot(noise, x)

    def gradient(self, x: np.ndarray, t: int) -> np.ndarray:
        return self.a * x + self.q * x**3 + self.c * (self.c @ x) + self.noise[t]

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        return self.a * v + 3 * self.q * x**2 * v + self.c * (self.c @ v)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        return np.diag(self.a + 3 * self.q * x**2) + np.outer(self.c, self.c)

    def leaves(self, x: np.ndarray) -> list[np.ndarray]:
        parts = np.split(x, np.cumsum(SIZES)[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, SHAPES.values(), strict=True)]

    def joined(self, leaves: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([np.ravel(leaf) for leaf in leaves])

    def leafwise(self, one_leaf: Callable, *vectors: np.ndarray) -> np.ndarray:
        """A function of the arrays of each leaf, put together again."""
        return self.joined(
            [one_leaf(*parts) for parts in zip(*map(self.leaves, vectors), strict=True)]
        )


def paper_path(algorithm: Callable[..., Iterator[np.ndarray]], problem: Problem, **settings):
    """The parameters after each step, (steps, 18), as the paper's algorithm walks."""
    path = []
    for x in algorithm(problem, **settings):
        path.append(np.array(x, float))
        if len(path) == problem.steps:
            return np.array(path)
    raise AssertionError(f"the algorithm stops after {len(path)} of {problem.steps} steps")


def distance(path: np.ndarray, other: np.ndarray, start: np.ndarray) -> float:
    """How far two paths part, in units of the path: the sum of its largest coordinate moves."""
    moves = np.abs(np.diff(np.vstack([start[None], other]), axis=0)).max(axis=1)
    return float(np.abs(path - other).max() / moves.sum())
