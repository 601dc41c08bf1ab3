"""Surfaces of two variables: where they start is given, and nothing is random."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jdescent.report_card.lightbench.task import Data, Family, by_level

BESIDE = ((0.1, 0.1), (1e-4, 1e-4), (1e-8, 1e-8), (1e-10, 1e-10), (1e-10, 0.0), (0.0, 0.0))


def beale(x: Float[Array, "2"], data: Data, batch: None) -> Array:
    """Beale's function, moved so that its minimum 0 is at (0, 0)."""
    a, b = x[0] + 3, x[1] + 0.5
    return (1.5 - a + a * b) ** 2 + (2.25 - a + a * b**2) ** 2 + (2.625 - a + a * b**3) ** 2


def rosenbrock(x: Float[Array, "2"], data: Data, batch: None) -> Array:
    """Rosenbrock's valley without its steepness of 100: (1 − a)² + (b − a²)²."""
    return (1 - x[0]) ** 2 + (x[1] - x[0] ** 2) ** 2


def rastrigin(x: Float[Array, "2"], data: Data, batch: None) -> Array:
    """The mean of x² + 10(1 − cos 2πx)."""
    return jnp.mean(x**2 + 10 * (1 - jnp.cos(2 * np.pi * x)))


def saddle_point(x: Float[Array, "2"], data: Data, batch: None) -> Array:
    """10 + x² − y²: from y = 0, where the last two levels start, no gradient leads away."""
    return 10 + x[0] ** 2 - x[1] ** 2


def plateau_navigation(x: Float[Array, "2"], data: Data, batch: None) -> Array:
    """A logistic wall of steepness s around the unit circle; 0 at its middle.

    Its slope outside falls as e^(−s(r² − 1)), which 1 − σ would round to 0.
    """
    height = 1 / (1 + jnp.exp(-data["s"] * (jnp.sum(x**2) - 1)))
    return height - 1 / (1 + jnp.exp(data["s"]))


def surface(name, says, loss, most, levels) -> Family:
    """A family that is solved at a height."""
    return Family(
        name, says,
        lambda key, data: jnp.asarray(data["start"], float),
        loss,
        lambda x, loss, data: loss <= most,
        levels,
    )  # fmt: skip


def from_here(a: float, b: float, **also: float) -> Data:
    return {"start": np.array([a, b]), **{name: np.float64(value) for name, value in also.items()}}


def surfaces() -> list[Family]:
    """The five of them."""
    return [
        surface(
            "beale", "Beale's function ≤ 10⁻⁸", beale, 1e-8, {"trivial": from_here(-7, -4)}
        ),
        surface(
            "rosenbrock", "(1 − x)² + (y − x²)² ≤ 10⁻⁹",
            rosenbrock, 1e-9, {"trivial": from_here(-7, -4)},
        ),
        surface(
            "rastrigin", "mean of x² + 10(1 − cos 2πx) ≤ 0.01",
            rastrigin, 1e-2, {"trivial": from_here(-2.2, -2.2)},
        ),
        surface(
            "saddle_point", "10 + x² − y² ≤ 0.1 from x = y = 0.1 … 0",
            saddle_point, 0.1, by_level(lambda place: from_here(*place), BESIDE),
        ),
        surface(
            "plateau_navigation", "logistic wall of steepness 1 … 20, ≤ 10⁻⁴ above its foot",
            plateau_navigation, 1e-4,
            by_level(lambda s: from_here(1.5, 1.5, s=s), (1, 4, 8, 12, 16, 20)),
        ),
    ]  # fmt: skip
