"""What a rule remembers, and its hyperparameters that change from step to step."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array

from jdescent.core.checks import floating_dtype, require_real_scalar
from jdescent.core.trees import common_dtype


class State(NamedTuple):
    """Steps taken, the memories by name, and the random key of an optimizer that draws from one.

    A memory is also an attribute: ``state.m`` is ``state.memory["m"]``. The key is kept as its
    numbers, since files of checkpoints hold no others.
    """

    t: Array
    memory: dict[str, Any]
    key: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self.memory[name]
        except KeyError:
            raise AttributeError(
                f"this state has no memory {name!r}, but {sorted(self.memory)}"
            ) from None


@dataclasses.dataclass(frozen=True)
class Memory:
    """What a rule remembers under one name.

    Args:
        start: with `leafwise` the number that every element starts at, or a function from one
            parameter array to arrays of any shapes; with `treewise` a number for the whole tree, or
            a function from the `Vector` of the parameters to anything.
        dtype: the dtype it is kept in; the parameter's where None.
        wide: whether it is kept in float32 where the parameter is narrower: squares, sums and
            maxima, which a narrow dtype neither holds nor lets decay.
        is_vector: with `treewise`, whether it is a `Vector`; then `start` is the number that all
            elements start at, or a function from one parameter array to an array.
    """

    start: Any = 0.0
    dtype: DTypeLike | None = None
    wide: bool = False
    is_vector: bool = False

    def checked(self, name: str) -> "Memory":
        if not callable(self.start):
            require_real_scalar(f"where memory {name} starts", self.start)
        return dataclasses.replace(self, dtype=floating_dtype(f"the dtype of {name}", self.dtype))

    @property
    def is_like_the_parameters(self) -> bool:
        return not callable(self.start)

    def of_leaf(self, x: Any) -> Any:
        if callable(self.start):
            started = self.start(jnp.asarray(x))
            return jax.tree.map(lambda a: self._kept(a, jnp.result_type(a)), started)
        return jnp.full_like(x, self.start, self._dtype(jnp.result_type(x)))

    def _kept(self, array: Any, dtype: Any) -> Array:
        floating = jnp.issubdtype(dtype, jnp.floating)
        return jnp.array(array, self._dtype(dtype) if floating else dtype)

    def _dtype(self, dtype: Any) -> Any:
        dtype = dtype if self.dtype is None else self.dtype
        return common_dtype(dtype, jnp.float32) if self.wide else dtype


def vector(start: Any = 0.0, dtype: DTypeLike | None = None, wide: bool = False) -> Memory:
    """A memory of `treewise` that is shaped like the parameters: a `Memory` that is a `Vector`.

    Example:
        >>> from jdescent.core import treewise
        >>> averaging = treewise(lambda g, m: (-(0.9 * m + 0.1 * g), 0.9 * m + 0.1 * g), m=vector())
        >>> print(averaging.init({"w": jnp.ones(2)}).m["w"])
        [0. 0.]
    """
    return Memory(start, dtype, wide, is_vector=True)


@dataclasses.dataclass(frozen=True)
class Coefficient:
    """A hyperparameter that a rule reads as it is at this step and for this parameter.

    Args:
        name: what the user calls it.
        value: a number, or a schedule like the learning rate's.
        mask: the parameters that it applies to, as booleans; it is 0 for others. All if None.
    """

    name: str
    value: Any
    mask: Any = None
