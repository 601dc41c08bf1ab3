"""A sweep of learning rates on x² + 2y²: jdescent beside optax in vmap(scan), and a numba floor."""

import math

import jax
import jax.numpy as jnp
import numba
import numpy as np
import optax
from jax import lax

import jdescent as jd
from benchmarks.timing import interleaved, table

LANES, STEPS = 16_384, 1_000
PAIRS = {
    "sgd": (jd.sgd, optax.sgd),
    "momentum": (lambda lr: jd.sgd(lr, 0.9), lambda lr: optax.sgd(lr, 0.9)),
    "adam": (jd.adam, optax.adam),
}


def loss(x):
    return x[0] ** 2 + 2 * x[1] ** 2


def with_descend(make, start, **options):
    """Final loss and verdict of every rate."""

    def run(lr):
        return jd.descend(loss, start, make(lr), STEPS, **options).verdict

    return jax.jit(jax.vmap(run))


def with_optax(make, start):
    """Final loss of every rate, as a user of optax writes it: no verdict, nothing recorded."""

    def run(lr):
        optimizer = make(lr)

        def step(carry, _):
            x, state = carry
            updates, state = optimizer.update(jax.grad(loss)(x), state, x)
            return (optax.apply_updates(x, updates), state), None

        (x, _), _ = lax.scan(step, (start, optimizer.init(start)), length=STEPS)
        return loss(x)

    return jax.jit(jax.vmap(run))


@numba.njit(parallel=True, fastmath=True)
def adam_floor(rates, steps):
    """Adam on x² + 2y² with the state in registers."""
    losses = np.empty_like(rates)
    for lane in numba.prange(rates.size):
        x, y = np.float32(2), np.float32(1)
        mx = my = vx = vy = np.float32(0)
        b1, b2 = np.float32(0.9), np.float32(0.999)
        p1 = p2 = np.float32(1)
        for _ in range(steps):
            gx, gy = np.float32(2) * x, np.float32(4) * y
            p1, p2 = p1 * b1, p2 * b2
            mx, my = b1 * mx + (1 - b1) * gx, b1 * my + (1 - b1) * gy
            vx, vy = b2 * vx + (1 - b2) * gx * gx, b2 * vy + (1 - b2) * gy * gy
            c1, c2 = rates[lane] / (1 - p1), np.float32(1) / (1 - p2)
            x -= c1 * mx / (math.sqrt(c2 * vx) + np.float32(1e-8))
            y -= c1 * my / (math.sqrt(c2 * vy) + np.float32(1e-8))
        losses[lane] = x * x + 2 * y * y
    return losses


def main() -> None:
    start = jnp.array([2.0, 1.0])
    rates = jnp.linspace(0.001, 0.49, LANES)
    floor_rates = np.asarray(rates)
    for name, (ours, theirs) in PAIRS.items():
        compiled = {
            "optax vmap(scan)": with_optax(theirs, start),
            "descend, verdict": with_descend(ours, start, record=None),
            "descend, verdict, every 10th loss": with_descend(ours, start, every=10),
        }
        contestants = {
            label: lambda run=run: jax.block_until_ready(run(rates))
            for label, run in compiled.items()
        }
        if name == "adam":
            contestants["numba, registers"] = lambda: adam_floor(floor_rates, STEPS)
        timings = interleaved(contestants)
        title = f"{LANES:,} learning rates × {STEPS:,} steps, {name}"
        print(table(title, LANES * STEPS / 1e6, "million steps/s", timings, "optax vmap(scan)"))
