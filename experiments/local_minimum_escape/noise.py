"""Escape by gradient noise: mini-batch SGD over many seeds, beside the exact chain and Kramers."""

import math
from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree
from matplotlib.axes import Axes

import jdescent as jd
from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.report import stage
from experiments.common.statistics import Estimate
from experiments.local_minimum_escape.config import (
    BARRIER,
    HEIGHT,
    THRESHOLD,
    VALLEY,
    VALLEY_X,
    WELL,
    Config,
)
from jdescent import analysis, plotting

LANES = 250  # runs of one compiled call
SEGMENTS = 16  # at most; after each, the runs that escaped make room for others
SHORTEST = 500  # steps of a segment
MOST_RUNS = 5  # at quick batch sizes, in units of config.seeds


def escapes(config: Config) -> dict[int, dict]:
    """Escape steps at each batch size, beside what theory says."""
    with stage("the exact mean at each batch size"):
        exact = {size: chain_steps(size, config) for size in sorted(config.batch_sizes)}
    found = {}
    for size, mean in exact.items():
        runs = round(config.seeds * min(MOST_RUNS, max(exact.values()) / mean))
        segment = max(SHORTEST, math.ceil(config.patience * mean / SEGMENTS))
        segments = math.ceil(config.patience * mean / segment)
        with stage(f"batches of {size}: {runs} runs of at most {segments * segment} steps"):
            times, escaped = escape_times(size, runs, segment, segments, config)
        found[size] = {
            "times": times,
            "escaped": escaped,
            "mean": analysis.exponential_mean(times, escaped),
            "exact": mean,
        }
    return found


def escape_times(
    size: int, runs: int, segment: int, segments: int, config: Config
) -> tuple[np.ndarray, np.ndarray]:
    """The step at which each run escaped, or how long it was watched; and whether it escaped.

    Runs go on segment by segment, and those that have escaped are not carried along.
    """
    loss, examples = jd.losses.double_well_examples()
    batches = jd.batches.mini_batch(examples, size)

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

    keys = run_keys(size, runs, config)
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


def curves(escapes: dict[int, dict], config: Config) -> dict:
    """Mean steps over a continuous batch size (Gaussian noise), and survival at the smallest."""
    walk = (WELL, VALLEY_X, THRESHOLD, config.learning_rate)
    variance, smallest = noise_variance(), min(escapes)
    sizes = np.linspace(0.8 * smallest, 1.1 * max(escapes), 25)
    exact = [analysis.gaussian_chain_steps(*walk, variance / size, nodes=200) for size in sizes]
    heat = analysis.temperature(config.learning_rate, variance / sizes)
    (valley,), (barrier,) = VALLEY.curvatures, BARRIER.curvatures
    steps = np.arange(math.ceil(config.patience * escapes[smallest]["exact"]))
    return {
        "sizes": sizes,
        "exact": np.array(exact),
        "kramers": analysis.kramers_time(valley, barrier, HEIGHT, heat) / config.learning_rate,
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


def numbers(escapes: dict[int, dict], curves: dict) -> Numbers:
    found = {}
    for size, run in escapes.items():
        mean = run["mean"]
        of = f"the mean of {mean.events} exponential times"
        found[f"escape_steps_batch_{size}"] = number.sampled_theory(
            Estimate(mean.mean, mean.mean / math.sqrt(mean.events), (mean.low, mean.high)),
            run["exact"],
            of,
            f"mean steps to escape with batches of {size}; {mean.censored} of "
            f"{run['times'].size} runs were still in the valley",
            error=run["exact"] / math.sqrt(mean.events),
        )
    return found | {"escape_log_slope": log_slope(escapes)} | survival_numbers(escapes, curves)


def log_slope(escapes: dict) -> Number:
    """Least-squares slope of ln N against batch size; its error from that of each ln N, 1/√d."""
    sizes = np.array(list(escapes), float)
    weight = (sizes - sizes.mean()) / np.sum((sizes - sizes.mean()) ** 2)

    def slope(means: Iterable[float]) -> float:
        return float(weight @ np.log(list(means)))

    error = math.sqrt(
        sum(w**2 / r["mean"].events for w, r in zip(weight, escapes.values(), strict=True))
    )
    return number.theory(
        slope(run["mean"].mean for run in escapes.values()),
        slope(run["exact"] for run in escapes.values()),
        number.ERRORS * error,
        f"{number.ERRORS} standard errors, from those of each ln N",
        "least-squares slope of ln(mean escape steps) against batch size (Kramers: about 1/2)",
    )


def survival_numbers(escapes: dict[int, dict], curves: dict) -> Numbers:
    """Where the wait is not memoryless, the exact chain says so; where it nearly is, e^{−t/N}."""
    smallest, largest = min(escapes), max(escapes)

    def exact(steps: np.ndarray) -> np.ndarray:
        return np.interp(steps, curves["steps"], curves["survival"])

    def memoryless(size: int) -> Callable[[np.ndarray], np.ndarray]:
        return lambda steps: np.exp(-steps / escapes[size]["exact"])

    departure = np.abs(curves["survival"] - memoryless(smallest)(curves["steps"])).max()
    what = "largest distance of the share still in the valley from"
    return {
        "survival_distance_from_exact": number.bound(
            survival_distance(escapes[smallest], exact),
            "Kolmogorov's 1 % bound; exp(−t/N) would miss it",
            f"{what} that of the exact chain with Gaussian noise, batches of {smallest}",
            at_most=kolmogorov(escapes[smallest]),
            missed_by=survival_distance(escapes[smallest], memoryless(smallest)),
        ),
        "survival_distance": number.bound(
            survival_distance(escapes[largest], memoryless(largest)),
            f"Kolmogorov's 1 % bound; the exact chain with batches of {smallest} would miss it",
            f"{what} exp(−t/N), batches of {largest}",
            at_most=kolmogorov(escapes[largest]),
            missed_by=float(departure),
        ),
    }


def kolmogorov(run: dict) -> float:
    """What the largest distance of so many runs from their law passes once in a hundred times."""
    return 1.63 / math.sqrt(run["times"].size)


def survival_distance(run: dict, theory: Callable[[np.ndarray], np.ndarray]) -> float:
    """Largest distance, after each step and before it, of the survival curve from theory."""
    curve = analysis.survival_curve(run["times"], run["escaped"])
    before = np.concatenate(([1.0], curve.survival[:-1]))
    after_step = np.abs(curve.survival - theory(curve.time))
    return float(max(after_step.max(), np.abs(before - theory(curve.time - 1)).max()))


def draw_paths(axes: Axes, paths: dict) -> None:
    styles = (("mini", f"$B={paths['size']}$", "vermillion"), ("full", "full batch", "blue"))
    for name, label, color in styles:
        axes.plot(paths[name], color=plotting.COLORS[color], linewidth=0.8, label=label)
    axes.axhline(THRESHOLD, color="0.6", linewidth=0.5)
    axes.set(xlabel="step $t$", ylabel="$x_t$", ylim=(-2, 3.2), yticks=(-1, 0, 1, 2))
    axes.legend(loc="upper left", ncols=2, handlelength=0.8, columnspacing=0.6, borderpad=0.1)
    plotting.title(axes, "b", "noise escapes")


def draw_means(axes: Axes, escapes: dict, curves: dict, config: Config) -> None:
    inset = axes.inset_axes((0.62, 0.14, 0.37, 0.32))
    for size, run in escapes.items():
        mean = run["mean"]
        for place, unit in ((axes, 1.0), (inset, run["exact"])):
            place.errorbar(
                size,
                mean.mean / unit,
                [[(mean.mean - mean.low) / unit], [(mean.high - mean.mean) / unit]],
                fmt="o",
                color=plotting.COLORS["vermillion"],
                capsize=2,
                markersize=4,
                label="measured" if place is axes and size == min(escapes) else None,
            )
    sizes, exact, kramers = curves["sizes"], curves["exact"], curves["kramers"]
    plotting.theory(axes, sizes, exact, label="exact")
    plotting.theory(axes, sizes, kramers, label="Kramers", linestyle=":")
    plotting.theory(inset, sizes, np.ones(sizes.size), label=None)
    plotting.theory(inset, sizes, kramers / exact, label=None, linestyle=":")
    inset.set(ylim=(0.8, 1.2), xticks=list(escapes), yticks=(0.9, 1, 1.1))
    inset.set_title("relative to exact", fontsize=7, loc="center", pad=2)
    barrier_in_heat = HEIGHT / float(analysis.temperature(config.learning_rate, noise_variance()))
    axes.set(
        yscale="log",
        xlabel=rf"batch size $B={1 / barrier_in_heat:.3g}\,\Delta U/T$",
        ylabel="mean steps to escape $N$",
        xticks=list(escapes),
    )
    axes.legend(loc="upper left")
    plotting.title(axes, "d", r"$N$ grows as $e^{\Delta U/T}$")


def draw_survival(axes: Axes, escapes: dict, curves: dict, config: Config) -> None:
    for (size, run), color in zip(escapes.items(), plotting.CYCLE, strict=False):
        curve = analysis.survival_curve(run["times"], run["escaped"])
        time = curve.time / run["exact"]
        axes.fill_between(
            time, curve.low, curve.high, step="post", color=color, alpha=0.2, linewidth=0
        )
        axes.step(time, curve.survival, where="post", color=color, label=f"$B={size}$")
    time, smallest = np.linspace(0, config.patience, 100), min(escapes)
    plotting.theory(axes, time, np.exp(-time), label="$e^{-t/N}$")
    plotting.theory(
        axes,
        curves["steps"] / escapes[smallest]["exact"],
        curves["survival"],
        label=f"exact, $B={smallest}$",
        linestyle=":",
    )
    axes.set(
        yscale="log",
        xlim=(0, 1.02 * config.patience),
        ylim=(0.5 * math.exp(-config.patience), 1.5),
        xlabel="time in exact means, $t/N$",
        ylabel="share still in the valley",
    )
    axes.legend(loc="lower left")
    plotting.title(axes, "e", "memoryless at high barriers")
