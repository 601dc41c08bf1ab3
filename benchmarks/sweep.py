"""A sweep of learning rates on x² + 2y²: jdescent beside optax in vmap(scan), and a numba floor.

The verdict needs the loss of every step, which optax's bare loop never computes; the second
contestant, which keeps it, does the like work.
"""

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


def with_optax(make, start, *, loss_every_step=False):
    """Final loss of every rate, as a user of optax writes it: no verdict."""

    def run(lr):
        optimizer = make(lr)

        def step(carry, _):
            x, state = carry
            value, gradient = jax.value_and_grad(loss)(x)
            updates, state = optimizer.update(gradient, state, x)
            carry = optax.apply_updates(x, updates), state
            return carry, value if loss_every_step else None

        (x, _), losses = lax.scan(step, (start, optimizer.init(start)), length=STEPS)
        return loss(x), losses

    return jax.jit(jax.vmap(run))


BLOCK = 512  # lanes whose state stays in the first-level cache


@numba.njit(parallel=True, fastmath=True)
def adam_floor(rates, steps):
    """Adam on x² + 2y² in blocks of lanes, vectorized across the lanes of a block."""
    losses = np.empty_like(rates)
    one, two, four, eps = np.float32(1), np.float32(2), np.float32(4), np.float32(1e-8)
    b1, b2 = np.float32(0.9), np.float32(0.999)
    for block in numba.prange(rates.size // BLOCK):
        lr = rates[block * BLOCK : (block + 1) * BLOCK]
        x, y = np.full(BLOCK, two), np.full(BLOCK, one)
        mx, my = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
        vx, vy = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
        p1, p2 = one, one
        for _ in range(steps):
            p1, p2 = p1 * b1, p2 * b2
            c1, c2 = one / (one - p1), one / (one - p2)
            for i in range(BLOCK):
                gx, gy = two * x[i], four * y[i]
                mx[i] = b1 * mx[i] + (one - b1) * gx
                my[i] = b1 * my[i] + (one - b1) * gy
                vx[i] = b2 * vx[i] + (one - b2) * gx * gx
                vy[i] = b2 * vy[i] + (one - b2) * gy * gy
                x[i] -= lr[i] * c1 * mx[i] / (np.sqrt(c2 * vx[i]) + eps)
                y[i] -= lr[i] * c1 * my[i] / (np.sqrt(c2 * vy[i]) + eps)
        losses[block * BLOCK : (block + 1) * BLOCK] = x * x + two * y * y
    return losses


def main() -> None:
    start = jnp.array([2.0, 1.0])
    rates = jnp.linspace(0.001, 0.49, LANES)
    floor_rates = np.asarray(rates)
    for name, (ours, theirs) in PAIRS.items():
        compiled = {
            "optax vmap(scan)": with_optax(theirs, start),
            "optax, loss at every step": with_optax(theirs, start, loss_every_step=True),
            "descend, verdict": with_descend(ours, start, record=None),
            "descend, verdict, every 10th loss": with_descend(ours, start, every=10),
        }
        contestants = {
            label: lambda run=run: jax.block_until_ready(run(rates))
            for label, run in compiled.items()
        }
        if name == "adam":
            contestants["numba, one block a core"] = lambda: adam_floor(floor_rates, STEPS)
        timings = interleaved(contestants)
        title = f"{LANES:,} learning rates × {STEPS:,} steps, {name}"
        print(table(title, LANES * STEPS / 1e6, "million steps/s", timings, "optax vmap(scan)"))
