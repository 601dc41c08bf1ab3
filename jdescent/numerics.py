"""Arithmetic that keeps its digits and hides nothing: what the rules of all optimizers are made of.

What every optimizer and transformation promises of its numbers:

- **NaN passes.** A NaN in an element of the gradient is NaN in that element's update or memory. An
  infinity is an infinity or NaN there, except where mathematics bounds it: sign(±∞) = ±1, and a
  clipped ±∞ is ±c.
- **Squares have a range.** Memories that hold squares are float32 or wider, whatever the parameters
  are. A square that overflows (|g| > √Ω = 1.8e19 in float32) is infinite in the memory and stays
  infinite or NaN. One that falls below the smallest normal number T loses its digits: a root is
  then off by up to √(T/(1 − β)), 3.4e-18 in float32 at β = 0.999, which no ε ≥ 1e-10 beside it
  shows. A smaller ε lengthens steps for gradients that small by up to |m|/ε; use float64 there.
- **Means have a resolution.** A running mean is kept to the ε of its dtype over 1 − β: a float32
  memory with β > 1 − 1e-6, or a bfloat16 one with β > 0.99, hardly moves any more.
- **Narrow dtypes hold what they hold.** Rules compute in float32 or wider, but updates, gradients
  that a wrapper hands on, sums of gradients (unless an accumulator's dtype is asked for) and the
  loss's derivatives elsewhere have the parameters' dtype: in float16 what exceeds 65504 among them
  is infinite, and a Hessian product below 6e-8 is 0. Scale the loss, or take bfloat16.
- **No gradient, no step.** Where the numerator of a step and its denominator are both 0 the step is
  0; a denominator that alone is 0 gives an infinite one.
- **Derivatives at a kink are 0**, of a root or a norm at 0: gradients through an optimizer are
  finite where a coordinate's gradient is 0.
- **Counters stay** at 2³¹ − 1 once they are there.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

LAST_STEP = int(np.iinfo(np.int32).max)


def after(x: Array, known: Any) -> Array:
    """x, which nothing computes before all arrays of the tree `known` are there.

    XLA on CPUs shares the decompositions of a batch of matrices, as of runs under vmap, out among
    its threads, and waits for them within one of the threads. Two at a time, such as those of two
    arrays of parameters, leave none on two cores: they wait for ever (seen in jaxlib 0.10.2).
    So each is to be `after` the one before; a barrier would be gone by the time they are run.

    Example:
        >>> print(after(jnp.array([1.0, 2.0]), (jnp.array([jnp.nan]), None)))
        [1. 2.]
    """
    sums = [jnp.sum(y).astype(x.dtype) for y in jax.tree.leaves(known) if y.size]  # of any sharding
    if not sums:
        return x
    some = sum(sums[1:], sums[0])
    never = (some != some) & (some == some)  # which XLA does not see through
    return jnp.where(never, some, x)


def each_in_turn(function: Callable[..., Array], arrays: Iterable, *others: Iterable) -> tuple:
    """The function of each array, one `after` another, and of what others have in its place.

    None stays None.

    Example:
        >>> each_in_turn(lambda x, n: x**n, (jnp.array(2.0), None), (3, 4))[0].item()
        8.0
    """
    found: list[Array | None] = []
    for array, *rest in zip(arrays, *others, strict=True):
        found.append(None if array is None else function(after(array, found), *rest))
    return tuple(found)


def next_step(t: Array) -> Array:
    """t + 1, but 2³¹ − 1 for ever after it.

    Example:
        >>> print(next_step(jnp.int32(7)), next_step(jnp.int32(2**31 - 1)))
        8 2147483647
    """
    return jnp.minimum(t, LAST_STEP - 1) + 1


def root(square: Array, eps: Any = 0.0) -> Array:
    """√(square + ε), with the derivative 0 where that is 0.

    Example:
        >>> print(jax.vmap(jax.grad(root))(jnp.array([0.0, 4.0])))
        [0.   0.25]
    """
    total = square + eps
    if _is_positive(eps, total.dtype):
        return jnp.sqrt(total)
    nothing = total == 0
    return jnp.where(nothing, 0, jnp.sqrt(jnp.where(nothing, 1, total)))


def ratio(numerator: Array, denominator: Array, eps: Any = 0.0) -> Array:
    """numerator/(denominator + ε) of a denominator ≥ 0, and 0 for 0/0.

    Example:
        >>> print(ratio(jnp.array([0.0, 1.0, 1.0, 0.0]), jnp.array([0.0, 0.0, 2.0, jnp.nan])))
        [0.  inf 0.5 nan]
    """
    total = denominator + eps
    if not _is_positive(eps, total.dtype):
        total = jnp.where((total == 0) & (numerator == 0), jnp.inf, total)
    return numerator / total


def hypotenuse(a: Array, b: Array) -> Array:
    """√(a² + b²), with the derivative 0 where that is 0; no square overflows or vanishes.

    Example:
        >>> print(hypotenuse(jnp.array([3.0, 3e30, 0.0]), jnp.array([-4.0, 4e30, 1e-30])))
        [5.e+00 5.e+30 1.e-30]
    """
    largest = lax.stop_gradient(jnp.maximum(jnp.abs(a), jnp.abs(b)))
    unit = jnp.where(largest == 0, 1, largest)
    return unit * root((a / unit) ** 2 + (b / unit) ** 2)


def over_square(numerator: Array, length: Array, eps: Any = 0.0) -> Array:
    """numerator/(length² + ε) of a length ≥ 0, and 0 where that is 0; no square is taken.

    Example:
        >>> print(over_square(jnp.float32(1e30), jnp.array([2e30, 0.0])))
        [2.5e-31 0.0e+00]
    """
    nothing = length == 0
    length = jnp.where(nothing, 1, length)
    # XLA makes one division of two, by the square, unless something stands between them
    share = jnp.where(nothing, 0, numerator / length)
    return share / (length + eps / length)


def or_infinite(denominator: Array) -> Array:
    """The denominator, but ∞ where it is 0: there what is divided is 0 as well, and so is the step.

    Example:
        >>> print(3.0 / or_infinite(jnp.array([0.0, 2.0, jnp.nan])))
        [0.  1.5 nan]
    """
    return jnp.where(denominator == 0, jnp.inf, denominator)


def _is_positive(eps, dtype) -> bool:
    """Whether ε is known to be more than 0 once it is rounded to the dtype."""
    return isinstance(eps, float) and eps >= float(jnp.finfo(dtype).tiny)


def logarithm(x: Any) -> Any:
    """ln x of a hyperparameter x ≥ 0: in float64 on the host, or in its own dtype where traced.

    ln 0 is finite, yet so low that every positive multiple of it has the exponential 0 (if traced,
    next to 0), and that 0 times it is 0: x⁰ = 1 and xᵗ = 0 without an exception.
    """
    if not isinstance(x, jax.core.Tracer):
        return math.log(x) if x > 0 else -1e30
    least = 4 * float(jnp.finfo(x.dtype).tiny)
    above = jnp.maximum(x, least)
    near_one = jnp.log1p(jnp.maximum(above, 0.5) - 1)  # the difference is exact
    log = jnp.where(above < 0.5, jnp.log(above), near_one)
    return log + jnp.where(x < least, x / least, 0)  # whose slope gives xᵗ its derivative at 0


def erfi(x: Array) -> Array:
    """The imaginary error function, 2/√π·∫₀ˣ exp(s²) ds, to a few roundings for |x| ≤ 26.

    The trapezoidal rule for Dawson's integral, at odd multiples of h: all terms are positive, and
    the rule is off by exp(−(π/2h)²), 7e-18 of the whole.

    Example:
        >>> print(erfi(jnp.array([0.0, 0.5, -2.0])).round(3))
        [  0.      0.615 -18.565]

    Reference: G. B. Rybicki, 1989, Dawson's Integral and the Sampling Theorem.
    """
    h, size = 0.25, jnp.where(x < 0, -x, x)[..., None]
    n = jnp.arange(1, 131, 2, dtype=size.dtype).reshape((1,) * x.ndim + (-1,))
    terms = jnp.exp((2 * h * size - n * h * h) * n) * -jnp.expm1(-4 * h * n * size) / n
    return jnp.where(x < 0, -2 / math.pi, 2 / math.pi) * jnp.sum(terms, -1)


class Beta:
    """The weight β of the past in a running mean, such that equations with it can be written as the
    papers do: ``m = b * m + (1 - b) * g``, ``m_hat = m / (1 - b**t)``.

    Near β = 1 everything depends on 1 − β, which β rounded to float32 no longer knows: of 0.999 it
    is off by 1.3e-5, and 1 − 1e-8 becomes 1. So 1 − β and ln β are taken before anything is
    rounded; ``b * m`` is m − (1 − β)·m, and ``1 - b**t`` is −expm1(t·ln β).

    Args:
        value: β in [0, 1), a Python float or traced; a traced one is the number that it is in its
            own dtype.

    Attributes:
        value: β.
        log: ln β, as `logarithm` has it.

    Example:
        >>> b = Beta(1 - 1e-8)
        >>> m = b * jnp.float32(0.0) + (1 - b) * jnp.float32(3.0)
        >>> print(m, 1 - b ** jnp.float32(1), m / (1 - b ** jnp.float32(1)))
        3e-08 1e-08 3.0
    """

    def __init__(self, value: Any):
        self.value = value
        self.log = logarithm(value)
        self._is_slow = isinstance(value, float) and value >= 0.5

    def __mul__(self, past: Any) -> Any:
        return past - (1 - self.value) * past if self._is_slow else self.value * past

    __rmul__ = __mul__

    def __rsub__(self, one: Any) -> Any:
        return one - self.value

    def __pow__(self, t: Array) -> "PowerOfBeta":
        return PowerOfBeta(t * self.log, isinstance(self.value, float))

    def __repr__(self) -> str:
        return repr(self.value)

    def unbiased_weights(self, t: Array) -> tuple[Array, Array]:
        """The weights of the old mean and of gradient t in a mean that is kept free of its bias.

        (1 − β)/(1 − βᵗ) for the gradient, so 1 at t = 1, and the rest for the old. The smaller of
        the two is no difference of near-equals.
        """
        bias = 1 - self**t
        old = self.value * (1 - self ** (t - 1)) / bias
        return old, jnp.where(old < 0.5, 1 - old, (1 - self.value) / bias)

    def unbiased_mean(self, mean: Any, new: Any, t: Array) -> Any:
        """A mean that is kept free of its bias, after gradient t: of arrays or of vectors."""
        old_weight, new_weight = self.unbiased_weights(t)
        if self._is_slow:
            return mean + new_weight * (new - mean)
        return old_weight * mean + new_weight * new


class PowerOfBeta:
    """βᵗ by its logarithm, so that 1 − βᵗ keeps its digits."""

    def __init__(self, log: Array, is_known: bool):
        self._log = log
        self._is_known = is_known

    @property
    def value(self) -> Array:
        return jnp.exp(self._log)

    def __mul__(self, other: Any) -> Any:
        return self.value * other

    __rmul__ = __mul__

    def __rsub__(self, one: Any) -> Array:
        if one != 1:
            return one - self.value
        log = self._log
        if self._is_known:
            return -jnp.expm1(log)
        # the derivative of expm1 is taken as expm1 + 1, which cancels where βᵗ is small
        return jnp.where(log > -0.5, -jnp.expm1(jnp.maximum(log, -0.5)), 1 - jnp.exp(log))
