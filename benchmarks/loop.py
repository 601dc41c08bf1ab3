"""The plain way, `jax.jit(jax.vmap(descend))`, beside optax's update in a scan written by hand.

All contestants take the same steps. optax's keeps the last parameters alone and checks nothing;
ours give a verdict: without rows, with every tenth, 97th or each loss, and with a tolerance. In one
process, in turn: medians of warm calls by the clock, and first calls, with all of JAX's caches
emptied, by the processor's time.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

import jdescent as jd
from benchmarks.timing import interleaved

STEPS = 1000
NETWORK_STEPS = 300
RATES = (1e-3, 0.49)
OPTIMIZERS: dict[str, tuple[Callable, Callable]] = {
    "sgd": (jd.sgd, optax.sgd),
    "momentum": (lambda rate: jd.heavy_ball(rate, 0.9), lambda rate: optax.sgd(rate, 0.9)),
    "adam": (jd.adam, optax.adam),
}
OURS: dict[str, dict[str, Any]] = {
    "verdict": {"record": None},
    "every 10th loss": {"every": 10},
    "every 97th loss": {"every": 97},
    "every loss": {},
    "to a tolerance": {"record": None, "tolerance": 1e-30},
}


def bowl(x: jax.Array) -> jax.Array:
    return x[0] ** 2 + 2 * x[1] ** 2


def by_hand(
    loss: Callable, start: Any, make: Callable, steps: int, batches: Any = None, key: Any = None
) -> Callable:
    """From the rate to the last parameters, in a scan as one writes it."""

    def run(rate: jax.Array) -> Any:
        update = make(rate)

        def step(carry, number):
            params, state = carry
            batch = () if batches is None else (batches(key, number),)
            updates, state = update.update(jax.grad(loss)(params, *batch), state, params)
            return (optax.apply_updates(params, updates), state), None

        return lax.scan(step, (start, update.init(start)), jnp.arange(steps))[0][0]

    return run


def contestants(
    loss: Callable, start: Any, optimizer: str, steps: int, **options: Any
) -> dict[str, Callable]:
    ours, theirs = OPTIMIZERS[optimizer]

    def ours_with(kept: Mapping[str, Any]) -> Callable:
        def run(rate: jax.Array) -> Any:
            path = jd.descend(loss, start, ours(rate), steps, **options, **kept)
            return path.params, path.verdict, path.loss

        return run

    optax_alone = by_hand(loss, start, theirs, steps, **options)
    return {"optax": optax_alone} | {name: ours_with(kept) for name, kept in OURS.items()}


def network(hidden: int = 32) -> tuple[Callable, Any, dict[str, Any]]:
    """Digits, 64 pixels to 10 classes, in mini-batches of 32."""
    keys = jax.random.split(jax.random.key(0), 4)
    pixels = jax.random.uniform(keys[0], (512, 64))
    labels = jax.random.randint(keys[1], (512,), 0, 10)
    start = {
        "inner": jax.random.normal(keys[2], (64, hidden)) / 8,
        "outer": jax.random.normal(keys[3], (hidden, 10)) / 6,
    }

    def loss(params, batch):
        x, label = batch
        logits = jnp.tanh(x @ params["inner"]) @ params["outer"]
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, label))

    sampler = jd.batches.mini_batch((pixels, labels), 32)
    return loss, start, {"batches": sampler, "key": jax.random.key(1)}


def first_calls(
    functions: Mapping[str, Callable], rates: jax.Array, turns: int
) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(turns):
        for name, function in functions.items():
            jax.clear_caches()
            began = time.process_time()
            jax.block_until_ready(jax.jit(jax.vmap(function))(rates))
            seconds[name].append(time.process_time() - began)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def measure(title: str, functions: Mapping[str, Callable], runs: int, turns: int) -> None:
    rates = jnp.geomspace(*RATES, runs)
    first = first_calls(functions, rates, min(turns, 3))
    compiled = {name: jax.jit(jax.vmap(function)) for name, function in functions.items()}
    calls = {
        name: lambda call=call: jax.block_until_ready(call(rates))
        for name, call in compiled.items()
    }
    warm = {name: timing.median for name, timing in interleaved(calls, turns).items()}
    cells = [
        f"{warm[name] / warm['optax']:.2f} ({first[name] / first['optax']:.1f})" for name in OURS
    ]
    optax_cell = f"{1e3 * warm['optax']:.3g} ms ({first['optax']:.2f} s)"
    print(f"| {title} | {runs:,} | {optax_cell} | {' | '.join(cells)} |", flush=True)


def main(quick: bool = False) -> None:
    turns = 1 if quick else 5
    print("### `jit(vmap(descend))`: × optax's scan, warm (first call)\n")
    print(f"| | runs | optax | {' | '.join(OURS)} |\n|---|---|---|{'---|' * len(OURS)}")
    start, steps = jnp.array([2.0, 1.0]), 100 if quick else STEPS
    for optimizer in OPTIMIZERS:
        functions = contestants(bowl, start, optimizer, steps)
        for runs in (100,) if quick else (100, 1000, 16_384, 262_144):
            measure(f"{optimizer} on x² + 2y²", functions, runs, turns)
    loss, start, options = network()
    functions = contestants(loss, start, "adam", 20 if quick else NETWORK_STEPS, **options)
    for runs in (2,) if quick else (1, 64):
        measure("adam on a network", functions, runs, turns)
    print()
