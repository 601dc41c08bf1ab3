"""Two families whose aim is not where their loss is least: none of their levels was ever solved.

minimax: the loss knows a + b alone, the aim is a = b = 0. The gradient is the same in a and in b,
so whatever moves each coordinate by its own gradients alone keeps a − b as it was at the start.

wide_linear: the data are sums over all before, x ↦ x·T with T upper triangular of ones, and the
least loss is 0 at W = T; the aim is W = −T.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from jdescent.report_card.lightbench.task import GROUP, WIDTH, Data, Family

ROWS = 16
SIZES = {"trivial": 4, "easy": 16}
WIDE = 4


def pairs(key: PRNGKeyArray, data: Data) -> dict[str, Array]:
    a, b = jax.random.normal(key, (2, WIDTH), np.float32)
    return {"a": jnp.where(data["real"], a, 0), "b": jnp.where(data["real"], b, 0)}


def minimax(x: dict[str, Array], data: Data, target: Array) -> Array:
    """The mean of (a·b + ½|a|² + ½|b|² − y)², y sums of random numbers."""
    a, b = x["a"], x["b"]
    return jnp.mean((jnp.sum(a * b) + (jnp.sum(a**2) + jnp.sum(b**2)) / 2 - target) ** 2)


def sums(key: PRNGKeyArray, step: Array, data: Data) -> Array:
    """Running sums of so many normal numbers in each row; those beyond repeat their mean."""
    n = data["size"]
    z = jnp.where(data["real"], jax.random.normal(key, (ROWS, WIDTH), np.float32), 0)
    running = jnp.where(data["real"], jnp.cumsum(z, axis=1), 0)
    return jnp.where(data["real"], running, jnp.sum(running) / (ROWS * n))


def both_zero(x: dict[str, Array], loss: Array, data: Data) -> Array:
    square = (jnp.sum(x["a"] ** 2) + jnp.sum(x["b"] ** 2)) / (2 * data["size"])
    return jnp.sqrt(square) < 1e-7


def matrix(key: PRNGKeyArray, data: Data) -> Array:
    return jax.random.normal(key, (WIDE, WIDE), np.float32)


def wide_linear(w: Array, data: Data, x: Array) -> Array:
    """The mean squared error of x·W beside the running sums of x."""
    return jnp.mean((x @ w - jnp.cumsum(x, axis=1)) ** 2)


def at_the_aim(w: Array, loss: Array, data: Data) -> Array:
    """Whether W is sign·T."""
    aim = data["sign"] * jnp.triu(jnp.ones((WIDE, WIDE), w.dtype))
    return jnp.sqrt(jnp.mean((w - aim) ** 2)) < 1e-7


def rows(key: PRNGKeyArray, step: Array, data: Data) -> Array:
    return jax.random.normal(key, (ROWS, WIDE), np.float32)


def unreachable() -> list[Family]:
    """Both, as far as two cores go: harder levels are the same in more variables."""
    sized = {
        name: {"real": np.arange(WIDTH) < n, "size": np.float32(n)} for name, n in SIZES.items()
    }
    return [
        Family(
            "minimax", "mean (½|a + b|² − y)², rms of a and b < 10⁻⁷",
            pairs, minimax, both_zero, sized, sums, GROUP, double=False,
        ),
        Family(
            "wide_linear", "mean (xW − xT)², rms W + T < 10⁻⁷",
            matrix, wide_linear, at_the_aim, {"trivial": {"sign": np.float32(-1)}},
            rows, GROUP, double=False,
        ),
    ]  # fmt: skip


def mended() -> Family:
    """wide_linear with its aim where the loss is least, W = T."""
    stated = unreachable()[1]
    return stated._replace(name="wide_linear, mended", levels={"trivial": {"sign": np.float32(1)}})
