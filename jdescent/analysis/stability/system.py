"""An optimizer on a quadratic as one map of flat numbers, compiled once for many lanes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, PyTree

from jdescent.analysis.stability.problem import FEWEST_LANES, Quadratic, mixing, require_room
from jdescent.core.checks import require_optimizer, require_same_tree
from jdescent.core.contract import accept_extra

MOST_LANES = 16
TRACE = 1024  # steps whose x is kept, where that is few numbers
_MOST_TRACED, _MANY = 1 << 23, 1 << 12


class Lanes(NamedTuple):
    """Optimizers side by side, each at a rate of its own.

    Attributes:
        rates: of each lane, (lanes,).
        z: x and all floating-point numbers of the state, (lanes, size), float64.
        rest: what else the state has: counters, flags, keys.
    """

    rates: np.ndarray
    z: Any
    rest: Any

    def with_z(self, z: Any) -> "Lanes":
        return self._replace(z=z)


class Feed(NamedTuple):
    """What is done to lanes at each step.

    Attributes:
        noise: shares of two smooth sequences that are added to the gradient, (lanes, 2).
        pinned, pins: the elements of z that are set before each step, and to what.
        odd, size: the elements whose length is brought to `size` after each step; never if 0.
    """

    noise: np.ndarray
    pinned: np.ndarray
    pins: np.ndarray
    odd: np.ndarray
    size: float


class System:
    """One optimizer on one quadratic.

    Everything is learned from this one map by feeding it: parities, the linearization, cycles and
    growth. So an optimizer is traced and compiled once.
    """

    def __init__(self, make: Callable, problem: Quadratic, max_memory: float | int):
        self.make, self.problem = make, problem
        x = problem.unravel(jnp.zeros(problem.size))
        with mixing():
            state = self._start_of(x)
        leaves, structure = jax.tree_util.tree_flatten_with_path(state)
        self._structure: Any = structure
        self.paths = ["x", *(jax.tree_util.keystr(path) for path, _ in leaves)]
        self._leaves = [leaf for _, leaf in leaves]
        self._floating = [jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in self._leaves]
        kept = [a for a, is_float in zip(self._leaves, self._floating, strict=True) if is_float]
        sizes = [problem.size, *(a.size for a in kept)]
        self.size, self._cuts = sum(sizes), np.cumsum(sizes)[:-1]
        self.lanes = int(np.clip(self.size + 2, FEWEST_LANES, MOST_LANES))
        if self.size > _MANY:
            self.lanes = FEWEST_LANES
        require_room(self.size, self.lanes, max_memory)
        self._more = False
        self._more = not self._takes_a_step()
        self.trace = TRACE if TRACE * self.lanes * problem.size <= _MOST_TRACED else 1
        self._advance = jax.jit(self._many_steps)
        self._init = jax.jit(jax.vmap(self._first))

    # -- what is called ----------------------------------------------------------------------------

    def start(self, rates: np.ndarray, x: np.ndarray) -> Lanes:
        """Lanes as the optimizer begins at x, (lanes, n)."""
        with mixing():
            z, rest = self._init(jnp.asarray(rates), jnp.asarray(x))
        require_concrete(z)
        return Lanes(rates, z, rest)

    def spread(self, lanes: Lanes, lane: int, rate: float | None = None) -> Lanes:
        """All lanes as one of them is."""
        rates = np.full(self.lanes, lanes.rates[lane] if rate is None else rate)
        z = np.repeat(np.asarray(lanes.z)[lane : lane + 1], self.lanes, 0)
        rest = jax.tree.map(lambda a: jnp.stack([a[lane]] * self.lanes), lanes.rest)
        return Lanes(rates, z, rest)

    def feed(self, noise=None, pinned=None, pins=None, odd=None, size=0.0) -> Feed:
        nothing = np.zeros(self.size, bool)
        return Feed(
            np.zeros((self.lanes, 2)) if noise is None else noise,
            nothing if pinned is None else pinned,
            np.zeros((self.lanes, self.size)) if pins is None else pins,
            nothing if odd is None else odd,
            size,
        )

    def advance(self, lanes: Lanes, steps: int, feed: Feed | None = None):
        """Lanes after some steps, ln of how much each grew, and the last x, (TRACE, lanes, n)."""
        feed = self.feed() if feed is None else feed
        with mixing():
            z, rest, growth, trace = self._advance(
                steps, jnp.asarray(lanes.rates), jnp.asarray(lanes.z), lanes.rest, feed
            )
        require_concrete(z)
        return Lanes(lanes.rates, np.asarray(z), rest), np.asarray(growth), trace

    def path_of(self, element: int) -> int:
        """Which of `float_paths` an element of z lies in."""
        return int(np.searchsorted(self._cuts, element, side="right"))

    @property
    def float_paths(self) -> list[str]:
        floating = [True, *self._floating]
        return [path for path, is_float in zip(self.paths, floating, strict=True) if is_float]

    @property
    def rest_paths(self) -> list[str]:
        states = zip(self.paths[1:], self._floating, strict=True)
        return [path for path, is_float in states if not is_float]

    def parts(self, z: np.ndarray) -> list[np.ndarray]:
        """A vector like z, cut at `float_paths`."""
        return np.split(z, self._cuts)

    def whole(self, state: PyTree) -> tuple[np.ndarray, list]:
        """A state of the caller's as its numbers of z, without x, and its rest."""
        given, structure = jax.tree.flatten(state)
        if structure != self._structure:
            raise ValueError(
                "state is not one of this optimizer's at these parameters:\n  state: "
                f"{structure}\n  expected: {self._structure}"
            )
        for path, a, b in zip(self.paths[1:], given, self._leaves, strict=True):
            if jnp.shape(a) != b.shape:
                raise ValueError(f"state at {path!r} must have shape {b.shape}, got {jnp.shape(a)}")
        pairs = list(zip(given, self._floating, strict=True))
        numbers = [np.ravel(np.asarray(a, np.float64)) for a, is_float in pairs if is_float]
        joined = np.concatenate([np.zeros(0), *numbers])
        return joined, [jnp.asarray(a) for a, is_float in pairs if not is_float]

    # -- what is compiled --------------------------------------------------------------------------

    def _start_of(self, x: PyTree) -> PyTree:
        try:
            made = jax.eval_shape(lambda rate, x: self._built(rate).init(x), jnp.float64(1), x)
        except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
            raise TypeError(
                "make is given the rate as a traced number, of which float() and `if` know no "
                "value: use jax.numpy, as in jnp.where(rate < 1, rate, 1)"
            ) from error
        for path, leaf in jax.tree_util.tree_flatten_with_path(made)[0]:
            if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
                where = jax.tree_util.keystr(path)
                raise TypeError(f"the state must be of real numbers, got {leaf.dtype} at {where!r}")
        return made

    def _takes_a_step(self) -> bool:
        """With what most optimizers read; those of optax that pass all on to the loss take no more.

        An error of an optimizer that takes no step either way is raised where it is compiled.
        """
        z = jnp.zeros(self.size)
        others = zip(self._leaves, self._floating, strict=True)
        rest = [leaf for leaf, is_float in others if not is_float]
        try:
            with mixing():
                slope = jnp.zeros(self.problem.size)
                jax.eval_shape(self._step, jnp.float64(1), z, rest, slope)
        except (TypeError, KeyError, ValueError):
            return False
        return True

    def _built(self, rate: Array) -> Any:
        optimizer = self.make(rate)
        require_optimizer(optimizer)
        return optimizer

    def _first(self, rate: Array, x: Array):
        return self._packed(x, self._built(rate).init(self.problem.unravel(x)))

    def _packed(self, x: Array, state: PyTree):
        leaves, structure = jax.tree.flatten(state)
        if structure != self._structure:
            raise TypeError(
                "the optimizer must keep the structure of its state:\n  init: "
                f"{self._structure}\n  update: {structure}"
            )
        leaves = [_as_was(a, b) for a, b in zip(leaves, self._leaves, strict=True)]
        pairs = list(zip(leaves, self._floating, strict=True))
        z = [jnp.ravel(a).astype(jnp.float64) for a, is_float in pairs if is_float]
        return jnp.concatenate([x, *z]), [a for a, is_float in pairs if not is_float]

    def _unpacked(self, z: Array, rest: list):
        x, *floats = jnp.split(z, self._cuts)
        numbers, others = iter(floats), iter(rest)
        leaves = [
            next(numbers).reshape(leaf.shape).astype(leaf.dtype) if is_float else next(others)
            for leaf, is_float in zip(self._leaves, self._floating, strict=True)
        ]
        return x, jax.tree.unflatten(self._structure, leaves)

    def _step(self, rate: Array, z: Array, rest: list, slope: Array):
        x, state = self._unpacked(z, rest)
        unravel, product = self.problem.unravel, self.problem.product

        def loss(params):
            y = jax.flatten_util.ravel_pytree(params)[0]
            return y @ (0.5 * product(y) + slope)

        params, gradient = unravel(x), product(x) + slope
        extra = {"value": x @ (0.5 * product(x) + slope), "grad": unravel(gradient)}
        extra |= {"value_fn": loss}
        if self._more:
            extra |= {"obj_fn": loss, "grad_fn": lambda p, *_: jax.grad(loss)(p)}
        update = accept_extra(self._built(rate).update)
        returned = update(unravel(gradient), state, params, **extra)
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise TypeError(
                f"update must return (updates, state), got {jax.tree.structure(returned)}"
            )
        updates, state = returned
        require_same_tree("what update returns", updates, "parameters", params)
        moved = jax.flatten_util.ravel_pytree(updates)[0]
        return self._packed(x + moved.astype(jnp.float64), state)

    def _many_steps(self, steps, rates, z, rest, feed: Feed):
        frequencies = jnp.sqrt(2.0 + jnp.arange(2 * self.problem.size)).reshape(2, -1)

        def body(t, carry):
            z, rest, growth, trace = carry
            z = jnp.where(feed.pinned, feed.pins, z)
            slopes = feed.noise @ jnp.cos(frequencies * (1.0 + t))
            z, rest = jax.vmap(self._step)(rates, z, rest, slopes)
            length = jnp.sqrt(jnp.sum(jnp.where(feed.odd, z, 0) ** 2, axis=1))
            grown = jnp.where((feed.size > 0) & (length > 0), length / feed.size, 1.0)
            z = jnp.where(feed.odd, z / grown[:, None], z)
            trace = lax.dynamic_update_index_in_dim(
                trace, z[:, : self.problem.size], t % self.trace, 0
            )
            return z, rest, growth + jnp.log(grown), trace

        nothing = jnp.zeros(self.lanes)
        trace = jnp.zeros((self.trace, self.lanes, self.problem.size))
        return lax.fori_loop(0, steps, body, (z, rest, nothing, trace))


def require_function_of_the_rate(make: Any) -> None:
    """Refuse an optimizer that was made already."""
    if not callable(make):
        raise TypeError(
            f"make must be a function from the learning rate to an optimizer, got {make!r}: pass "
            "jd.sgd, or lambda rate: jd.sgd(rate, 0.9), and not jd.sgd(0.1)"
        )


def require_concrete(numbers: Any) -> None:
    """Refuse what a transformation around the whole makes of numbers."""
    if isinstance(numbers, jax.core.Tracer):
        raise TypeError(
            "a hyperparameter of make, or all, is traced: call largest_stable_rate outside of jit, "
            "vmap and grad"
        )


def _as_was(new: Any, before: Any) -> Array:
    if jnp.shape(new) != before.shape:
        raise TypeError(
            f"the optimizer must keep the shapes of its state: {before.shape} became "
            f"{jnp.shape(new)}"
        )
    return jnp.asarray(new, before.dtype)
