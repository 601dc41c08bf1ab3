"""What a sweep's way to many runs costs against `jit(vmap(f))`: first calls and warm ones.

Both are timed in one process, in turn, by the processor's time, which neighbours on the machine do
not disturb; before each first call JAX's caches are emptied. The goal: no program takes more than
twice as long as under vmap, at first or later, and small descents take a third or less when warm.
"""

import statistics
import time
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import jdescent as jd
from jdescent.sweeps.lanes import map_lanes

RUNS = 256
MANY_RUNS = 16_384
TURNS = 50
GOAL = 2.0
SHORTEST = 0.05  # seconds of warm calls that one reading is the mean of

Function = Callable[[jax.Array], jax.Array]


def repeated(step: Function, **options) -> Function:
    return lambda x: lax.scan(lambda x, _: (step(x), None), x, length=TURNS, **options)[0]


def added_at(x: jax.Array) -> jax.Array:
    return lax.fori_loop(0, TURNS, lambda i, x: x.at[(7 * i) % x.size].add(jnp.sin(x[0])), x)


def equations(count: int) -> Function:
    def step(x: jax.Array) -> jax.Array:
        for i in range(count // 2):
            x = jnp.sin(x) + 0.1 * i if i % 2 else 0.9 * x - 0.1
        return x

    return step


def descent(optimizer: Callable, dimension: int, **options) -> Function:
    def run(rate: jax.Array) -> jax.Array:
        loss = jd.losses.bowl((2.0, 4.0)) if dimension == 2 else jd.losses.rosenbrock(dimension)
        start = jnp.linspace(-0.5, 0.8, dimension)
        return jd.descend(loss, start, optimizer(rate), 64, **options).params

    return run


def draws(seed: jax.Array) -> jax.Array:
    def step(key, _):
        key, here = jax.random.split(key)
        return key, jax.random.normal(here, (2,))

    return lax.scan(step, jax.random.key(jnp.int32(1e4 * seed)), length=TURNS)[1]


def own_number_of_turns(x: jax.Array) -> jax.Array:
    return lax.while_loop(lambda x: jnp.sum(x) > 0.01, lambda x: 0.9 * x, x)


def branching(x: jax.Array) -> jax.Array:
    return lax.cond(x[0] > 0.2, lambda: jnp.sin(x), lambda: 1.1 * x)


def simple(x: jax.Array) -> jax.Array:
    return jnp.sin(x) + 0.1 * x


PROGRAMS: dict[str, tuple[Function, tuple[int, ...]]] = {
    **{f"x.at[i].add, {n} numbers": (added_at, (n,)) for n in (5, 10, 50, 200, 400)},
    **{f"sort, {n} numbers": (repeated(lambda x: 0.9 * jnp.sort(x)), (n,)) for n in (5, 50)},
    "fft, 64 numbers": (repeated(lambda x: jnp.fft.ifft(jnp.fft.fft(x)).real * 0.9), (64,)),
    **{f"elementwise, {n} numbers": (repeated(simple), (n,)) for n in (5, 10, 20, 400)},
    "elementwise, 400 numbers, unroll 16": (repeated(simple, unroll=16), (400,)),
    "elementwise, 2 numbers, unroll 16": (repeated(simple, unroll=16), (2,)),
    **{f"{n} equations on 2 numbers": (repeated(equations(n)), (2,)) for n in (50, 100, 500)},
    "500 equations on a number": (repeated(equations(500)), ()),
    "500 equations, no loop": (equations(500), (2,)),
    "matrix times vector, 4": (repeated(lambda x: jnp.tanh(jnp.outer(x, x) @ x)), (4,)),
    "matrix times vector, 20": (repeated(lambda x: jnp.tanh(jnp.outer(x, x) @ x)), (20,)),
    "solve, 3 by 3": (
        repeated(lambda x: jnp.linalg.solve(jnp.outer(x, x) + jnp.eye(3), x)), (3,)
    ),
    "random numbers": (draws, ()),
    "while, own number of turns": (own_number_of_turns, (3,)),
    "branches by run": (repeated(branching), (3,)),
    "branches by run, 100 numbers": (repeated(branching), (100,)),
    "descend, sgd": (descent(jd.sgd, 2), ()),
    "descend, momentum": (descent(lambda rate: jd.sgd(rate, 0.9), 2), ()),
    "descend, adam": (descent(jd.adam, 2), ()),
    "descend, sgd, no record": (descent(jd.sgd, 2, record=None), ()),
    "descend, adam, no record": (descent(jd.adam, 2, record=None), ()),
    "descend, adam, 10 parameters": (descent(jd.adam, 10), ()),
    "descend, adam, 100 parameters": (descent(jd.adam, 100), ()),
}  # fmt: skip


def starts(shape: tuple[int, ...], runs: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(1e-3, 0.3, (*shape, runs)).astype(np.float32)


def ways(function: Function, shape: tuple[int, ...]) -> dict[str, Callable[[], Callable]]:
    """Ours and vmap's, each made anew, so that its first call traces and compiles all."""

    def ours() -> Callable:
        program = jax.make_jaxpr(function)(starts(shape, 1)[..., 0])
        return jax.jit(lambda x: map_lanes(program, x))

    return {"ours": ours, "vmap": lambda: jax.jit(jax.vmap(function, -1, -1))}


def first_calls(function: Function, shape: tuple[int, ...], turns: int) -> dict[str, float]:
    """Seconds of the processor, medians over turns A B A B …"""
    seconds: dict[str, list[float]] = {}
    x = starts(shape, RUNS)
    for _ in range(turns):
        for name, make in ways(function, shape).items():
            jax.clear_caches()
            began = time.process_time()
            jax.block_until_ready(make()(x))
            seconds.setdefault(name, []).append(time.process_time() - began)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def warm_calls(
    function: Function, shape: tuple[int, ...], runs: int, turns: int
) -> dict[str, float]:
    x = starts(shape, runs)
    compiled = {name: make() for name, make in ways(function, shape).items()}
    for call in compiled.values():
        jax.block_until_ready(call(x))
    seconds: dict[str, list[float]] = {}
    for _ in range(turns):
        for name, call in compiled.items():
            began, calls = time.process_time(), 0
            while (taken := time.process_time() - began) < SHORTEST or not calls:
                jax.block_until_ready(call(x))
                calls += 1
            seconds.setdefault(name, []).append(taken / calls)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def row(name: str, readings: Mapping[str, Mapping[str, float]]) -> str:
    cells = [f"{r['ours']:.3g} / {r['vmap']:.3g} = {r['ours'] / r['vmap']:.2f}" for r in readings.values()]  # fmt: skip  # noqa: E501
    return f"| {name} | {' | '.join(cells)} |"


def main(quick: bool = False) -> None:
    jd.use_all_cores()
    turns = 1 if quick else 5
    print(f"### Seconds of the processor, ours / vmap; the goal: at most {GOAL:g}\n")
    print(f"| | first call, {RUNS} runs | warm, {RUNS} | warm, {MANY_RUNS:,} |\n|---|---|---|---|")
    missed: list[str] = []
    for name, (function, shape) in PROGRAMS.items():
        readings = {
            "first": first_calls(function, shape, turns),
            "warm": warm_calls(function, shape, RUNS, turns),
            "many": warm_calls(function, shape, RUNS if quick else MANY_RUNS, turns),
        }
        print(row(name, readings), flush=True)
        missed += [name for r in readings.values() if r["ours"] > GOAL * r["vmap"]]
    print(f"\nMore than {GOAL:g} times: {', '.join(dict.fromkeys(missed)) or 'none'}.\n")
