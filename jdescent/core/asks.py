"""What a rule asks for by the names of its parameters: checked once, then given at every step."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from jdescent.core.checks import described, require_floating, require_function, require_same_tree
from jdescent.core.contract import Params
from jdescent.core.hyperparameters import checked_schedule, conversion
from jdescent.core.masks import spread
from jdescent.core.memories import Coefficient, Memory, State
from jdescent.numerics import LAST_STEP, next_step

_WITHIN_OPTAX = (
    "within optax's combinators give optax.GradientTransformationExtraArgs(*optimizer), as they "
    "hand it on to that type alone"
)


class Asks:
    """What the parameters of a rule name, checked once."""

    def __init__(self, rule, learning_rate, key, named: Mapping[str, Any], reads):
        require_function("rule", rule)
        self.coefficients = {n: c for n, c in named.items() if isinstance(c, Coefficient)}
        self.memories = {
            name: (memory if isinstance(memory, Memory) else Memory(memory)).checked(name)
            for name, memory in named.items()
            if name not in self.coefficients
        }
        self.names = self._names(rule, reads)
        self._require_known(reads, learning_rate, key)
        self._key = key
        self.schedules = {
            name: (checked_schedule(told, value), conversion(told, value))
            for name, (told, value) in self._hyperparameters(learning_rate).items()
        }
        self.masked = [n for n, c in self.coefficients.items() if c.mask is not None]
        self._has_learning_rate = learning_rate is not None

    def _names(self, rule: Callable, reads) -> tuple[str, ...]:
        """What the rule reads; parameters with a default may be left out, as memories that only
        some settings have."""
        known = {*reads, *self.memories, *self.coefficients}
        return tuple(
            name
            for name, parameter in inspect.signature(rule).parameters.items()
            if name in known or parameter.default is parameter.empty
        )

    def _require_known(self, reads, learning_rate, key) -> None:
        known = [*reads, *self.memories, *self.coefficients]
        clashes = sorted(set(reads) & {*self.memories, *self.coefficients})
        if clashes:
            raise ValueError(
                f"{clashes} name what every rule may read: give the memory another name"
            )
        unknown = [name for name in self.names if name not in known]
        missing = [name for name in self.memories if name not in self.names]
        if unknown or missing:
            raise TypeError(
                f"a rule reads some of {', '.join(known)} and takes every memory; this one takes "
                f"({', '.join(self.names)})"
                + (f", of which {unknown} are not known" if unknown else "")
                + (f", and not {missing}" if missing else "")
            )
        for name, value in {"lr": learning_rate, "key": key}.items():
            if name in self.names and value is None:
                asked = "learning_rate" if name == "lr" else name
                raise TypeError(f"this rule reads {name}: give {asked} to the lift as well")

    def _hyperparameters(self, learning_rate) -> dict[str, tuple[str, Any]]:
        told = {} if learning_rate is None else {"lr": ("learning_rate", learning_rate)}
        return told | {name: (c.name, c.value) for name, c in self.coefficients.items()}

    @property
    def vectors(self) -> list[str]:
        return [name for name, memory in self.memories.items() if memory.is_vector]

    def require_given(self, grads, state, params, value, value_fn=None) -> None:
        """Refuse an update without what the rule reads, or with the state of another optimizer."""
        names = list(self.memories)
        ours = isinstance(state, State) and set(state.memory) == set(names)
        if not ours:
            raise TypeError(
                f"this optimizer has the memories {sorted(names)}; got {described(state)}: make "
                "the state with this optimizer's init(params)"
            )
        require_floating(grads, "gradients")
        if params is not None:
            require_same_tree("gradients", grads, "parameters", params)
        calculus = [name for name in ("loss_at", "grad_at", "hvp") if name in self.names]
        if params is None and (calculus or {"x", "params"} & set(self.names)):
            raise ValueError(
                "this optimizer reads the parameters: call update(grads, state, params)"
            )
        if value is None and "loss" in self.names:
            raise ValueError(
                "this optimizer reads the loss: call update(grads, state, params, value=loss), as "
                f"jdescent.descend does; {_WITHIN_OPTAX}"
            )
        if value_fn is None and calculus:
            raise ValueError(
                "this optimizer reads the loss elsewhere than at the parameters: call "
                "update(grads, state, params, value_fn=loss), the loss of this batch as a function "
                f"of the parameters, as jdescent.descend does; {_WITHIN_OPTAX}"
            )

    def columns(self, name: str, state: State, structure: Any, grads: PyTree) -> list:
        """What a memory has at each leaf of the gradients."""
        memory = state.memory[name]
        if self.memories[name].is_like_the_parameters:
            require_same_tree("gradients", grads, f"state.{name}", memory)
        try:
            return structure.flatten_up_to(memory)
        except ValueError as error:
            raise ValueError(
                f"gradients and state.{name} must have the same tree structure:\n  gradients: "
                f"{structure}\n  state.{name}: {jax.tree.structure(memory)}"
            ) from error

    def of_this_step(self, state: State, params, value) -> tuple[dict[str, Any], Any]:
        """Functions from a dtype to each number that is read at this step, and the next key."""
        t = next_step(state.t)
        given: dict[str, Any] = {
            "t": lambda dtype: t.astype(dtype),
            "steps": lambda dtype: state.t,
        }
        if value is not None:
            given["loss"] = lambda dtype: jnp.asarray(value, dtype)
        if self._has_learning_rate:
            given["lr"] = self._number("lr", state.t)
        for name, coefficient in self.coefficients.items():
            given[name] = self._number(name, state.t)
            if name in self.masked:
                given[name] = _masked(given[name], coefficient.mask, params)
        if state.key is None:
            return given, None
        given["key"] = jax.random.fold_in(self._key_of(state.key), state.t)
        numbers = jax.random.key_data(given["key"])
        return given, jnp.where(state.t == LAST_STEP, numbers, state.key)

    def key_numbers(self) -> Any:
        """The key as a state has it, a copy: who donates the state keeps the optimizer."""
        return None if self._key is None else jnp.copy(jax.random.key_data(self._key))

    def _key_of(self, numbers: Array) -> Any:
        if not jnp.issubdtype(self._key.dtype, jax.dtypes.prng_key):
            return numbers
        return jax.random.wrap_key_data(numbers, impl=jax.random.key_impl(self._key))

    def _number(self, name, steps) -> Callable:
        at, convert = self.schedules[name]
        number = at(steps)
        return lambda dtype: convert(number, dtype)

    def numbers_of(self, given: Mapping[str, Callable]) -> Callable:
        """What is the same for all arrays, as a function of the dtype."""
        names = [name for name in given if name in self.names and name not in [*self.masked, "key"]]
        return lambda dtype: {name: given[name](dtype) for name in names}

    def returned_by(self, new: Any) -> tuple:
        """The update and the memories; refused unless there are as many as named."""
        expected = ", ".join(["update", *self.memories])
        if not self.memories and not isinstance(new, tuple):
            return (new,)
        if not isinstance(new, tuple):
            raise TypeError(f"a rule must return the tuple ({expected}), got {new!r}")
        if len(new) != 1 + len(self.memories):
            raise ValueError(f"a rule must return ({expected}), got {len(new)} values: {new!r}")
        return new


def _masked(number: Callable, mask: Any, params: Params | None) -> Callable:
    """A coefficient that is 0 where the mask is False, as a function of the dtype and the leaf."""
    if params is None:
        raise ValueError("a mask is of the parameters: call update(grads, state, params)")
    applies = jax.tree.leaves(spread("mask", mask, params))
    return lambda dtype, i: jnp.where(applies[i], number(dtype), 0)
