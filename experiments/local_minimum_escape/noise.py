"""Escape by gradient noise: mini-batch SGD over many seeds, beside the exact chain and Kramers."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

import jdescent as jd
from experiments.common.report import stage
from experiments.common.threads import in_threads
from experiments.local_minimum_escape.config import (
    BARRIER,
    HEIGHT,
    THRESHOLD,
    VALLEY,
    VALLEY_X,
    WELL,
    Config,
)
from jdescent import analysis

LANES = 250  # runs of one compiled call
SEGMENTS = 16  # at most; after each, the runs that escaped make room for others
SHORTEST = 500  # steps of a segment
MOST_RUNS = 5  # at quick batch sizes, in units of config.seeds


def escapes_by_noise(config: Config) -> dict[int, dict]:
    """Escape steps at each batch size, beside what theory says."""
    with stage("the exact mean at each batch size"):
        exact = {size: chain_steps(size, config) for size in sorted(config.batch_sizes)}
    loss, examples = jd.losses.double_well_examples()

    def escapes(size: int) -> dict:
        mean = exact[size]
        runs = round(config.seeds * min(MOST_RUNS, max(exact.values()) / mean))
        batches, keys = jd.batches.mini_batch(examples, size), run_keys(size, runs, config)
        times, escaped = escape_times(loss, batches, keys, *watched(mean, config), config)
        return {
            "times": times,
            "escaped": escaped,
            "mean": analysis.exponential_mean(times, escaped),
            "exact": mean,
        }

    with stage(f"runs on batches of {', '.join(map(str, exact))}"):
        return dict(zip(exact, in_threads(escapes, exact), strict=True))


def watched(mean: float, config: Config) -> tuple[int, int]:
    """Steps of a segment, and how many segments of them."""
    segment = max(SHORTEST, math.ceil(config.patience * mean / SEGMENTS))
    return segment, math.ceil(config.patience * mean / segment)


def escape_times(
    loss: Callable, batches: Callable, keys: jax.Array, segment: int, segments: int, config: Config
) -> tuple[np.ndarray, np.ndarray]:
    """The step at which each run escaped, or how long it was watched; and whether it escaped.

    Runs, one a key, go on segment by segment, and those that have escaped are not carried along.
    """
    runs = keys.size

    @jax.jit
    @jax.vmap
    def go_on(start, key):
        return jd.descend(
            loss,
            start,
            jd.sgd(config.learning_rate),
            segment,
            batches=batches,
            key=key,
            record=None,
            stop=lambda point: point.params >= THRESHOLD,
        )

    times, escaped = np.zeros(runs, int), np.zeros(runs, bool)
    waiting = np.arange(runs)
    paths = np.full(runs, VALLEY_X, np.float32)
    for _ in range(segments):
        paths = in_full_calls(go_on, paths, keys[waiting])
        out = paths.verdict.status == jd.Status.STOPPED
        times[waiting], escaped[waiting] = paths.verdict.step, out
        paths, waiting = take(paths, ~out), waiting[~out]
        if not waiting.size:
            break
    return times, escaped


def take(tree: PyTree, lanes: np.ndarray) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[lanes], tree)


def in_full_calls(run: Callable, starts: PyTree, keys: jax.Array) -> PyTree:
    """run(starts, keys), LANES of them a call: one shape, whatever their number, compiles once."""
    lanes = np.zeros(math.ceil(keys.size / LANES) * LANES, int)  # the last call repeats lane 0
    lanes[: keys.size] = np.arange(keys.size)
    parts = [run(take(starts, call), keys[call]) for call in lanes.reshape(-1, LANES)]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: keys.size], *parts)


def run_keys(size: int, runs: int, config: Config) -> jax.Array:
    """One key a run, others at each batch size."""
    return jax.random.split(jax.random.fold_in(jax.random.key(config.seed), size), runs)


def noise_variance() -> float:
    """σ², the variance of one example's gradient."""
    _, examples = jd.losses.double_well_examples()
    return float(jnp.var(examples))


def chain_steps(size: int, config: Config) -> float:
    """Exact mean steps to escape, with the very noise of the batches."""
    _, examples = jd.losses.double_well_examples()
    noise = analysis.batch_noise(examples, size)
    return analysis.sampled_chain_steps(
        WELL, VALLEY_X, THRESHOLD, config.learning_rate, noise, nodes=4096
    )


def curves_of_theory(escapes: dict[int, dict], config: Config) -> dict:
    """Mean steps over a continuous batch size (Gaussian noise), and survival at the smallest."""
    walk = (WELL, VALLEY_X, THRESHOLD, config.learning_rate)
    variance, smallest = noise_variance(), min(escapes)
    sizes = np.linspace(0.8 * smallest, 1.1 * max(escapes), 25)
    exact = [analysis.gaussian_chain_steps(*walk, variance / size, nodes=200) for size in sizes]
    heat = np.asarray(analysis.temperature(config.learning_rate, variance / sizes))
    quadrature = [analysis.quadrature_time(WELL, VALLEY_X, THRESHOLD, T) for T in heat.tolist()]
    (valley,), (barrier,) = VALLEY.curvatures, BARRIER.curvatures
    steps = np.arange(math.ceil(config.patience * escapes[smallest]["exact"]))
    return {
        "sizes": sizes,
        "exact": np.array(exact),
        "kramers": analysis.kramers_time(valley, barrier, HEIGHT, heat) / config.learning_rate,
        "quadrature": np.array(quadrature) / config.learning_rate,
        "steps": steps,
        "survival": analysis.gaussian_chain_survival(*walk, variance / smallest, steps, nodes=200),
    }


def batch_and_full_path(escapes: dict[int, dict], config: Config) -> dict:
    """The run of median escape time at a middle batch size again, recorded; one on all examples."""
    loss, examples = jd.losses.double_well_examples()
    size = list(escapes)[len(escapes) // 2]
    times = escapes[size]["times"]
    median = int(np.argsort(times)[times.size // 2])

    def record(batches: Callable) -> np.ndarray:
        path = jd.descend(
            loss,
            jnp.asarray(VALLEY_X),
            jd.sgd(config.learning_rate),
            int(1.5 * times[median]),
            batches=batches,
            key=run_keys(size, times.size, config)[median],
            record="params",
        )
        return np.asarray(path.record["params"])

    return {
        "size": size,
        "mini": record(jd.batches.mini_batch(examples, size)),
        "full": record(jd.batches.full(examples)),
    }
