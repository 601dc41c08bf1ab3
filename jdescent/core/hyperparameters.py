"""Numbers that an optimizer is set with: checked where they are known, and kept where traced."""

import dataclasses
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

from jdescent._jax import adapting
from jdescent.core.checks import real_number, takes
from jdescent.numerics import Beta

Schedule = Callable[[Any], Any]
Scalar = float | int | np.number | Array  # a scalar array may be traced, under vmap
ScalarOrSchedule = Any  # a float, a scalar array (traced under vmap), or a Schedule

RATE_ROUNDING = 1e-6  # how far below 0 a schedule may fall that means 0


@dataclasses.dataclass(frozen=True)
class Real:
    """A real number from `low` to `high`.

    A traced one cannot be looked at: it is made at least float32, and NaN where it is out of its
    range, so that what is computed with it is NaN. It takes the dtype of the array it meets, as
    Python numbers do, whatever that array's and its own are.
    """

    low: float | int = 0.0
    high: float | int = math.inf
    includes_low: bool = True
    includes_high: bool = False
    schedule: bool = False  # or a function of the number of steps taken
    slack: float = 0.0  # how far below `low` a number may lie that means it
    decays: bool = False  # the weight of the past in a running mean, which a rule gets as a Beta

    def checked(self, name: str, value: Any) -> Any:
        if self.schedule and callable(value):
            require_schedule(name, value)
            return value
        if self.decays and isinstance(value, Beta):
            return value
        number = real_number(name, value)
        if number is None:
            return self._weight(self._guarded(value))
        if not self._holds(number):
            raise ValueError(f"{name} must be {self.range}, got {number}")
        return self._weight(number)

    def _weight(self, value: Any) -> Any:
        return Beta(value) if self.decays else value

    def _holds(self, number: Any) -> Any:
        low = self.low - self.slack
        above = number >= low if self.includes_low else number > low
        below = number <= self.high if self.includes_high else number < self.high
        return above & below

    def _guarded(self, value: Any) -> Any:
        dtype = jnp.result_type(value)
        if not jnp.issubdtype(dtype, jnp.floating):
            traced = jnp.asarray(value, float)
        elif dtype in (jnp.float16, jnp.bfloat16):
            traced = value.astype(jnp.float32)
        else:
            traced = 1.0 * value
        return adapting(jnp.where(self._holds(traced), traced, jnp.nan))

    @property
    def range(self) -> str:
        if self.low == -math.inf and self.high == math.inf:
            return "finite"
        low = "" if self.low == -math.inf else f"{'≥' if self.includes_low else '>'} {self.low:g}"
        high = (
            "finite"
            if self.high == math.inf
            else f"{'≤' if self.includes_high else '<'} {self.high:g}"
        )
        return f"{low} and {high}" if low else high

    def described(self, symbol: str, words: str) -> str:
        left, right = "[" if self.includes_low else "(", "]" if self.includes_high else ")"
        if self.high < math.inf:
            text = f"{symbol} in {left}{self.low:g}, {self.high:g}{right}"
        elif self.low == -math.inf:
            text = f"{symbol}, finite"
        else:
            text = f"{symbol} {'≥' if self.includes_low else '>'} {self.low:g}"
        schedule = "a scalar or a schedule" if self.schedule else ""
        return ", ".join(filter(None, (text, schedule, words)))

    def refused(self) -> list[tuple[Any, type[Exception]]]:
        """Values that are an error, for tests."""
        wrong: list[tuple[Any, type[Exception]]] = [
            (math.nan, ValueError), (math.inf, ValueError), ("0.1", TypeError), (True, TypeError),
            (1j, TypeError), (jnp.ones(2), ValueError),
        ]  # fmt: skip
        if self.low > -math.inf:
            wrong.append((self.low - 1, ValueError))
            if not self.includes_low:
                wrong.append((self.low, ValueError))
        if self.high < math.inf:
            wrong.append((self.high + 1, ValueError))
            if not self.includes_high:
                wrong.append((self.high, ValueError))
        return wrong


def checked_schedule(name: str, value: ScalarOrSchedule) -> Schedule:
    """A schedule of this hyperparameter: the value at every step, or the one that it is already.

    What a schedule returns must be what the hyperparameter itself must be, up to rounding: a linear
    one that ends at 0 may end a little below, as 1 − t·(1/n) does.
    """
    if not callable(value):
        number = Real().checked(name, value)
        return lambda step: number

    require_schedule(name, value)
    about_nonnegative = Real(slack=RATE_ROUNDING)

    def schedule(step):
        rate = value(step)
        checked = about_nonnegative.checked(f"what the schedule of {name} returns", rate)
        return checked if isinstance(rate, jax.core.Tracer) else rate

    return schedule


def require_schedule(name: str, function: Callable) -> None:
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
