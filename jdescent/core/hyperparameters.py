"""Numbers that an optimizer is set with: checked where they are known, and kept where traced."""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array

from jdescent.core.checks import real_number, takes

Schedule = Callable[[Any], Any]
Scalar = float | int | np.number | Array  # a scalar array may be traced, under vmap
ScalarOrSchedule = Any  # a float, a scalar array (traced under vmap), or a Schedule

RATE_ROUNDING = 1e-6  # how far below 0 a schedule may fall that means 0


def check_hyperparameters(*, below: float | int = math.inf, **values: Any) -> list[Any]:
    """The values as Python floats, in the order given; an error unless real scalars in [0, below).

    A traced value cannot be looked at: it is made at least float32, and NaN where it is out of its
    range, so that what is computed with it is NaN.
    """
    return [_checked_hyperparameter(name, value, 0.0, below) for name, value in values.items()]


def _checked_hyperparameter(name: str, value: Any, least: float, below: float | int) -> Any:
    number = real_number(name, value)
    if number is None:
        dtype = jnp.result_type(value)
        if not jnp.issubdtype(dtype, jnp.floating):
            traced = jnp.asarray(value, float)
        elif dtype in (jnp.float16, jnp.bfloat16):
            traced = value.astype(jnp.float32)
        else:
            traced = 1.0 * value  # a weak type stays weak
        return jnp.where((traced >= least) & (traced < below), traced, jnp.nan)
    if not least <= number < below:
        limit = "finite" if below == math.inf else f"< {below:g}"
        raise ValueError(f"{name} must be ≥ 0 and {limit}, got {number}")
    return number


def checked_schedule(name: str, value: ScalarOrSchedule) -> Schedule:
    """A schedule of this hyperparameter: the value at every step, or the one that it is already.

    What a schedule returns must be what the hyperparameter itself must be, up to rounding: a linear
    one that ends at 0 may end a little below, as 1 − t·(1/n) does.
    """
    if not callable(value):
        (number,) = check_hyperparameters(**{name: value})
        return lambda step: number

    _require_schedule(name, value)

    def schedule(step):
        rate = value(step)
        returned = f"what the schedule of {name} returns"
        checked = _checked_hyperparameter(returned, rate, -RATE_ROUNDING, math.inf)
        return checked if isinstance(rate, jax.core.Tracer) else rate

    return schedule


def _require_schedule(name: str, function: Callable) -> None:
    """Refuse a function that cannot be called with the number of a step."""
    if not takes(function, "step"):
        raise TypeError(
            f"{name} must be a number or a schedule, a function of the step alone, got a function "
            f"of {inspect.signature(function)}: as in lambda step: 0.1 / (1 + step)"
        )


def conversion(name: str, value: ScalarOrSchedule) -> Callable[[Any, DTypeLike], Array]:
    """What makes an array of a dtype of this hyperparameter, or of what its schedule returns.

    A schedule may fall below what the dtype holds.
    """
    return jnp.asarray if callable(value) else functools.partial(as_held, name)


def as_held(name: str, value: Scalar, dtype: DTypeLike) -> Array:
    """The hyperparameter in the dtype; an error where a number would be 0 or infinite there.

    Compiled code takes numbers below the smallest normal one for 0. Traced values cannot be looked
    at.
    """
    least, most = float(jnp.finfo(dtype).tiny), float(jnp.finfo(dtype).max)
    if isinstance(value, float) and value != 0 and not least <= abs(value) <= most:
        raise ValueError(
            f"{name} must be 0 or from {least:.2g} to {most:.2g}, which {jnp.dtype(dtype)} holds, "
            f"got {value}: compute in float64, with parameters of that dtype and "
            "jax.config.update('jax_enable_x64', True), or multiply the loss by a constant that "
            "brings it into this range"
        )
    return jnp.asarray(value, dtype)
