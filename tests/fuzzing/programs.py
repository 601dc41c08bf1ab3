"""Random programs: some operations in a row, in loops and branches, under derivatives and rules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fuzzing.operations import HALF_PRECISION, OPERATIONS, Operation, State, blend, one_of


@dataclass(frozen=True)
class Program:
    """A function of one run: its start (n,), whole numbers (4,) and a seed."""

    run: Callable[..., State]
    size: int
    generator: str
    half_precision: bool
    words: str

    def arguments(self, runs: int, seed: int) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng(seed)
        starts = rng.uniform(-1, 1, (runs, self.size)).astype(np.float32)
        integers = rng.integers(-9, 9, (runs, 4)).astype(np.int32)
        return starts, integers, rng.integers(0, 99, runs).astype(np.int32)


def draw(seed: int, most: int) -> Program:
    """The program of a seed, of blocks of so many operations at most."""
    rng = np.random.default_rng(seed)
    generator = one_of(rng, ["threefry2x32"] * 5 + ["rbg", "unsafe_rbg"])
    words: list[str] = []
    step = block(rng, words, most)
    turn, whole = one_of(rng, [*LOOPS.items(), ("once", once)])
    words.append(turn)
    loop = whole(rng, step)
    size = int(rng.integers(1, 5))

    def run(start, integers, seed):
        wide = start.astype(jnp.result_type(float))
        state = {
            "x": wide,
            "m": jnp.outer(jnp.resize(wide, 3), jnp.arange(3.0).astype(wide.dtype) - 1),
            "i": integers.astype(jnp.result_type(int)),
            "k": jax.random.key(seed, impl=generator),
            "e": jnp.zeros((0, 2), wide.dtype) + wide[0],
        }
        end = loop(state)
        return end | {"k": jax.random.key_data(end["k"])}

    half = any(name in words for name in HALF_PRECISION)
    return Program(run, size, generator, half, f"{generator}, n={size}: " + ", ".join(words))


def block(rng: np.random.Generator, words: list[str], most: int) -> Operation:
    """A few operations in a row, some of them under a rule or in a loop of their own."""
    operations: list[Operation] = []
    for _ in range(int(rng.integers(1, most + 1))):
        name = one_of(rng, list(OPERATIONS))
        operation = OPERATIONS[name](rng)
        words.append(name)
        wrapper = one_of(rng, [None, None, None, *WRAPPERS])
        if wrapper == "gradient" and name in HALF_PRECISION:
            wrapper = None
        if wrapper is not None:
            words.append(f"({wrapper})")
            operation = WRAPPERS[wrapper](rng, operation)
        operations.append(operation)
    if most > 1 and rng.random() < 0.3:
        name, loop = one_of(rng, list(LOOPS.items()))
        words.append("[")
        operations.append(loop(rng, block(rng, words, most - 1)))
        words.append(f"] {name}")
    if most > 1 and rng.random() < 0.3:
        words.append("branch {")
        operations.append(branch(rng, block(rng, words, most - 1)))
        words.append("}")
    return in_a_row(operations)


def in_a_row(operations: Sequence[Operation]) -> Operation:
    def run(state: State) -> State:
        for operation in operations:
            state = operation(state)
        return state

    return run


# -- loops and branches --------------------------------------------------------------------------


def once(rng, step: Operation) -> Operation:
    del rng
    return step


def counted(rng, step: Operation) -> Operation:
    turns = int(rng.integers(1, 4))
    return lambda state: lax.fori_loop(0, turns, lambda _, s: step(s), state)


def scanned(rng, step: Operation) -> Operation:
    length, unroll, reverse = (
        int(rng.integers(0, 4)),
        int(rng.integers(1, 3)),
        bool(rng.integers(2)),
    )
    rows = rng.uniform(-1, 1, (length, 1)).astype(np.float32)

    def run(state: State) -> State:
        def turn(s, row):
            shared, own = row
            s = step(s)
            s = s | {"x": blend(s["x"], (shared + own).astype(s["x"].dtype))}
            return s, {"x": s["x"], "i": s["i"], "e": s["e"], "same": shared}

        own = jnp.broadcast_to(state["x"][:1], (length, 1))
        end, kept = lax.scan(turn, state, (rows, own), unroll=unroll, reverse=reverse)
        total = kept["x"].sum() + kept["same"].sum().astype(kept["x"].dtype)
        return end | {
            "x": blend(end["x"], total / 4), "i": end["i"] + kept["i"].sum(0).astype(end["i"].dtype)
        }  # fmt: skip

    return run


def until_its_own_test(rng, step: Operation) -> Operation:
    most, by_run = int(rng.integers(1, 4)), bool(rng.integers(2))

    def run(state: State) -> State:
        turns = jnp.abs(state["i"][0]) % (most + 1) if by_run else most
        _, state = lax.while_loop(
            lambda c: c[0] < turns, lambda c: (c[0] + 1, step(c[1])), (jnp.int32(0), state)
        )
        return state

    return run


LOOPS = {"fori": counted, "scan": scanned, "while": until_its_own_test}


def branch(rng, step: Operation) -> Operation:
    by_run, ways = bool(rng.integers(3)), int(rng.integers(2, 4))

    def run(state: State) -> State:
        which = (state["i"][1] if by_run else jnp.int32(4)) % ways
        others = [lambda s: s | {"x": -s["x"]}, lambda s: s | {"m": s["m"].T, "i": s["i"] + 1}]
        if ways == 2:
            return lax.cond(which == 1, step, others[0], state)
        return lax.switch(which, [*others, step], state)

    return run


# -- derivatives and rules -----------------------------------------------------------------------


def _on_floats(operation: Operation, state: State):
    """The operation as a function of the floats alone, and these."""

    def function(x, m):
        after = operation(state | {"x": x, "m": m})
        return after["x"], after["m"]

    return function, (state["x"], state["m"])


def gradient(rng, operation: Operation) -> Operation:
    way = one_of(rng, ["grad", "jvp", "vjp", "hvp", "jacobian"])

    def run(state: State) -> State:
        function, floats = _on_floats(operation, state)

        def total(*floats):
            x, m = function(*floats)
            return jnp.sum(jnp.sin(x)) + jnp.sum(jnp.sin(m)) / 4

        if way == "grad":
            x, m = jax.grad(total, (0, 1))(*floats)
        elif way == "jvp":
            x, m = jax.jvp(function, floats, floats)[1]
        elif way == "vjp":
            x, m = jax.vjp(function, *floats)[1](floats)
        elif way == "hvp":
            x, m = jax.grad(total, (0, 1))(*jax.jvp(function, floats, floats)[1])
        else:
            x, m = jax.jacrev(function)(*floats)[0][0].sum(0), floats[1]
        after = operation(state)
        return after | {"x": blend(after["x"], x / 8), "m": blend(after["m"], m / 8)}

    return run


def own_jvp(rng, operation: Operation) -> Operation:
    del rng

    @jax.custom_jvp
    def function(state):
        return operation(state)

    function.defjvp(lambda primals, tangents: (operation(*primals), tangents[0]))
    return function


def own_vjp(rng, operation: Operation) -> Operation:
    del rng

    def run(state):
        @jax.custom_vjp
        def function(x, m):
            return _on_floats(operation, state | {"x": x, "m": m})[0](x, m)

        function.defvjp(lambda *floats: (function(*floats), None), lambda _, g: g)
        x, m = function(state["x"], state["m"])
        return operation(state) | {"x": x, "m": m}

    return run


def own_batching(rng, operation: Operation) -> Operation:
    del rng

    @jax.custom_batching.custom_vmap
    def function(state):
        return operation(state)

    @function.def_vmap
    def _(axis_size, in_batched, state):
        (batched,) = in_batched
        axes = jax.tree.map(lambda b: 0 if b else None, batched)
        out = jax.vmap(operation, (axes,), axis_size=axis_size)(state)
        return out, jax.tree.map(lambda _: True, out)

    return function


WRAPPERS: dict[str, Callable[..., Operation]] = {
    "jit": lambda rng, operation: jax.jit(operation),
    "checkpoint": lambda rng, operation: jax.checkpoint(operation),
    "gradient": gradient,
    "own jvp": own_jvp,
    "own vjp": own_vjp,
    "own batching": own_batching,
}
