"""One jitted update of many parameters: jdescent's rules beside optax's."""

import jax
import jax.numpy as jnp
import optax

import jdescent as jd
from benchmarks.timing import interleaved, table

PARAMETERS = 25_000_000
PAIRS = {
    "sgd with momentum": (jd.sgd(0.01, 0.9), optax.sgd(0.01, 0.9), 20),
    "adamw": (jd.adamw(0.01), optax.adamw(0.01), 28),
    "lion": (jd.lion(0.01), optax.lion(0.01), 20),
}


def stepper(optimizer, params, gradient):
    """A function that takes one donated step from where the last one ended."""

    def step(params, state):
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    compiled = jax.jit(step, donate_argnums=(0, 1))
    carry = [jnp.array(params), optimizer.init(params)]

    def work():
        carry[:] = jax.block_until_ready(compiled(*carry))

    return work


def main(quick: bool = False) -> None:
    count = PARAMETERS // 100 if quick else PARAMETERS
    params = jnp.linspace(-1, 1, count, dtype=jnp.float32)
    gradient = jnp.cos(params)
    for name, (ours, theirs, traffic) in PAIRS.items():
        timings = interleaved(
            {
                "optax": stepper(theirs, params, gradient),
                "jdescent": stepper(ours, params, gradient),
            }
        )
        title = f"one update of {count / 1e6:g} M parameters, {name}"
        print(table(title, count * traffic / 1e9, "GB/s", timings, "optax"))
