"""What every closed form here shares: one array library per call, and errors that name the fix."""

from collections.abc import Callable
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

# What the closed forms take and give: any real number or array of them.
Reals = int | float | np.integer | np.floating | np.ndarray | Array


def namespace(*values: Reals) -> ModuleType:
    """jax.numpy if any value is a JAX array (or traced), else NumPy, which keeps float64."""
    return jnp if any(isinstance(value, jax.Array) for value in values) else np


def require(
    name: str, value: Reals, is_valid: Callable[[np.ndarray], np.ndarray], expected: str
) -> None:
    """Raise a ValueError unless every entry is valid; traced values have no entries and pass."""
    if isinstance(value, jax.core.Tracer):
        return
    entries = np.asarray(value)
    if not np.all(is_valid(entries)):
        raise ValueError(f"{name} must be {expected}, got {value}")


def require_positive(**values: Reals) -> None:
    for name, value in values.items():
        require(name, value, lambda entries: entries > 0, "positive")


def require_momentum(**values: Reals) -> None:
    for name, value in values.items():
        require(name, value, lambda entries: (entries >= 0) & (entries < 1), "in [0, 1)")
