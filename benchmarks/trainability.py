"""Training networks over the plane of their learning rates: jdescent beside the published pipeline.

The published pipeline is a Python loop over jitted, vmapped steps on at most 50,000 runs at a time,
in float64, with examples as rows. The second peer turns its loop into a `lax.scan` on 64 runs at a
time. Both run in a process with JAX's own settings, and `jd.sweep` in one that called
`jd.use_all_cores()`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import jdescent as jd
from benchmarks.problems import Contestant
from benchmarks.timing import entrants, race, race_table
from benchmarks.workers import Worker
from experiments.trainability_boundary.network import WIDTH, Condition, brightness, problem, trainer
from experiments.trainability_boundary.plane import Window

CONDITION = Condition("tanh")
WINDOW = Window(0.3, 3.5, 1.9, 2.4)
SIDE, STEPS = 32, 200
QUICK_SIDE, QUICK_STEPS = 16, 40
CALM = Window(-1.0, 1.0, 0.0, 1.5)  # where rounding does not grow, so that contestants agree
AGREEMENT = 1e-6
LARGEST, CHUNK = 50_000, 64
PUBLISHED, SCAN, SWEEP = "published pipeline", f"scan of {CHUNK} runs", "jd.sweep of descend"


def rows_step() -> tuple[list, Callable]:
    """The first weights, and one step of one run with examples as rows: (weights, rates) → …"""
    (inner, outer), (x, y) = problem(CONDITION)
    inputs, targets = x.T, y[:, None]

    def loss(weights):
        hidden = jnp.tanh(2**0.5 * (inputs @ weights[0]) / WIDTH**0.5)
        return jnp.mean((hidden @ weights[1] / WIDTH - targets) ** 2)

    def step(weights, rates):
        value, gradient = jax.value_and_grad(loss)(weights)
        return [w - rate * g for w, rate, g in zip(weights, rates, gradient, strict=True)], value

    return [inner, outer[:, None]], step


def published(points: np.ndarray, steps: int) -> Callable[[], np.ndarray]:
    """A Python loop over jitted, vmapped steps."""
    start, step = rows_step()
    step_all = jax.jit(jax.vmap(step), donate_argnums=0)
    brightness_of_all = jax.jit(jax.vmap(brightness))

    def run():
        results = []
        for chunk in np.split(points, range(LARGEST, len(points), LARGEST)):
            rates = 10.0 ** jnp.asarray(chunk)
            weights = [jnp.tile(w, (len(chunk), 1, 1)) for w in start]
            losses = []
            for _ in range(steps):
                weights, value = step_all(weights, rates)
                losses.append(value)
            results.append(brightness_of_all(jnp.stack(losses, axis=-1)))
        return np.concatenate(results)

    return run


def scanned(points: np.ndarray, steps: int) -> Callable[[], np.ndarray]:
    """The loop inside the compiled function, on a chunk of runs at a time."""
    start, step = rows_step()

    @jax.jit
    @jax.vmap
    def run_chunk(point):
        rates = 10.0**point
        _, losses = lax.scan(lambda weights, _: step(weights, rates), start, length=steps)
        return brightness(losses)

    return lambda: np.concatenate([run_chunk(chunk) for chunk in points.reshape(-1, CHUNK, 2)])


def swept(points: np.ndarray, steps: int) -> Callable[[], np.ndarray]:
    train = trainer(CONDITION, steps)
    return lambda: jd.sweep(train, point=points, progress=False).result.values


def peers(points: np.ndarray, steps: int) -> dict[str, Contestant]:
    return contestants({PUBLISHED: published, SCAN: scanned}, points, steps)


def ours(points: np.ndarray, steps: int) -> dict[str, Contestant]:
    return contestants({SWEEP: swept}, points, steps)


def contestants(ways: dict[str, Callable], points: np.ndarray, steps: int) -> dict[str, Contestant]:
    work = len(points) * steps
    return {name: Contestant(way(points, steps), work) for name, way in ways.items()}


def settle_peers() -> None:
    jax.config.update("jax_enable_x64", True)


def settle_ours() -> None:
    jd.use_all_cores()
    jax.config.update("jax_enable_x64", True)


def require_agreement(pixels: dict[str, np.ndarray]) -> None:
    """Refuse to compare contestants that do not give the same pixels."""
    (name, expected), *others = pixels.items()
    for other, found in others:
        if not np.allclose(found, expected, rtol=AGREEMENT, atol=0):
            apart = np.max(np.abs(found / expected - 1))
            raise ValueError(
                f"{other} and {name} give other pixels: up to {apart:.2g} apart, relatively, "
                f"where {AGREEMENT:g} is allowed"
            )


def main(quick: bool = False) -> None:
    side, steps = (QUICK_SIDE, QUICK_STEPS) if quick else (SIDE, STEPS)
    with Worker(settle_peers) as others, Worker(settle_ours) as own:

        def field(window: Window, side: int, steps: int):
            points = window.points(side).reshape(-1, 2)
            return [*entrants(others, peers, points, steps), *entrants(own, ours, points, steps)]

        sample = field(CALM, QUICK_SIDE, QUICK_STEPS)
        require_agreement({entry.name: entry.worker.losses(entry.name) for entry in sample})
        results = race(field(WINDOW, side, steps), turns=3)
    title = f"{side**2:,} networks × {steps} steps: 272 weights, 272 examples, float64"
    print(race_table(title, results, PUBLISHED, SCAN), flush=True)
    if not quick:
        ratio = results[PUBLISHED].call.median / results[SWEEP].call.median
        met = "yes" if ratio >= 3 else "no"
        print(f"{SWEEP}: {ratio:.2f} × {PUBLISHED} in whole later calls; goal ≥ 3: {met}\n")
