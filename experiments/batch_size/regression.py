"""Where SGD settles on linear regression, beside its exact second moments."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float, PRNGKeyArray
from matplotlib.axes import Axes
from sklearn.datasets import load_diabetes

import jdescent as jd
from experiments.batch_size.config import MISSED, PATIENTS, Config
from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.statistics import positive_mean
from jdescent import analysis, plotting

PATHS = 48  # runs from zero whose loss is averaged step by step

SHUFFLED = "epoch-shuffled"
SAMPLERS: dict[str, Callable[..., jd.batches.Sampler]] = {
    "with replacement": jd.batches.mini_batch,
    "without": lambda data, size: jd.batches.mini_batch(data, size, replace=False),
    SHUFFLED: jd.batches.epoch_shuffled,
}
COLORS = dict(
    zip(SAMPLERS, (plotting.COLORS[name] for name in ("vermillion", "blue", "green")), strict=True)
)


class Patients(NamedTuple):
    """Ten standardized measurements, how much a disease progressed, and least squares."""

    x: Float[np.ndarray, "n 10"]
    y: Float[np.ndarray, " n"]
    best: Float[np.ndarray, "10"]


Settled = dict[tuple[str, int], Float[np.ndarray, " runs"]]


def patients() -> Patients:
    x, y = load_diabetes(return_X_y=True)
    x, y = x[:PATIENTS], y[:PATIENTS]
    x, y = ((values - values.mean(axis=0)) / values.std(axis=0) for values in (x, y))
    return Patients(x, y, np.linalg.lstsq(x, y)[0])


def regressions(config: Config) -> dict:
    """Excess losses J(w) − J(w*): averages where runs have settled, and paths from zero."""
    best = patients().best
    settled, paths = {}, {}
    for place, (name, size) in enumerate(settings(config)):
        from_zero = PATHS if name == "with replacement" else 0
        starts = np.zeros((config.regression_runs + from_zero, best.size))
        starts[: config.regression_runs] = best
        losses = excess_losses(starts, SAMPLERS[name], size, jax.random.key(place), config)
        settled[name, size] = average(losses[: config.regression_runs], name, size)
        if from_zero:
            paths[size] = losses[config.regression_runs :]
    return {"settled": settled, "paths": paths}


def excess_losses(
    starts: np.ndarray, sampler: Callable, size: int, key: PRNGKeyArray, config: Config
) -> np.ndarray:
    """The excess loss after every step of a run from each start, shape (runs, steps + 1)."""
    x, y, best = (jnp.asarray(values, float) for values in patients())
    loss = jd.losses.mean_squared_error(lambda w, x: x @ w)
    batches = sampler((x, y), size)
    square = x.T @ x / PATIENTS

    def excess(point: jd.Point) -> Array:
        return (point.params - best) @ square @ (point.params - best)

    def run(lane: tuple[Array, PRNGKeyArray]) -> Array:
        start, draws = lane
        return jd.descend(
            loss,
            start,
            jd.sgd(config.regression_rate),
            config.regression_steps,
            batches=batches,
            key=draws,
            record=excess,
        ).record

    keys = jax.random.split(key, len(starts))
    # One run after the other: side by side they take longer, in sorting and in compilation.
    many = jax.jit(lambda lanes: jax.lax.map(run, lanes))
    return np.asarray(many((jnp.asarray(starts, float), keys)), float)


def settings(config: Config) -> list[tuple[str, int]]:
    """Ways to draw and batch sizes: those of few examples with replacement alone, or nearly so."""
    return [
        (name, size)
        for name in SAMPLERS
        for size in config.regression_sizes
        if name == "with replacement" or size > (1 if name == SHUFFLED else 4)
    ]


def average(losses: np.ndarray, name: str, size: int) -> np.ndarray:
    """The mean loss of each run but for its first quarter; at the ends of epochs, if shuffled."""
    every = PATIENTS // size if name == SHUFFLED else 1
    return losses[:, losses.shape[1] // 4 // every * every :: every].mean(axis=1)


def settles_at(name: str, size: int, config: Config) -> float:
    """The mean excess loss: exact, but for shuffled epochs, where each curvature is the mean's."""
    x, y, best = patients()
    rate = config.regression_rate
    if name != SHUFFLED:
        return analysis.regression_excess(x, y, rate, size, replace=name == "with replacement")
    curvatures, axes = np.linalg.eigh(2 * x.T @ x / PATIENTS)
    gradients = 2 * (x @ best - y)[:, None] * x @ axes
    left = (PATIENTS - size) / (PATIENTS - 1)
    noise = np.mean(gradients**2, axis=0) / size * left
    variances = analysis.epoch_shuffled_variance(rate, curvatures, noise, PATIENTS // size)
    return float(curvatures @ variances / 2)


def numbers(settled: Settled, config: Config) -> Numbers:
    exact = {at: losses for at, losses in settled.items() if at[0] != SHUFFLED}

    def law(name: str, size: int) -> float:
        return settles_at(name, size, config)

    other = {"with replacement": "without", "without": "with replacement"}
    found = {
        "regression_largest_deviation": largest_deviation(
            [(losses, law(*at)) for at, losses in exact.items()],
            [(losses, law(other[name], size)) for (name, size), losses in exact.items()],
            "settled loss of linear regression from the exact second moments",
            f"the laws of {' and '.join(other)} exchanged",
        )
    }
    for (name, size), losses in settled.items():
        mean, key = positive_mean(losses), f"settled_{name.replace(' ', '_')}_{size}"
        what = f"mean excess loss of linear regression, batches of {size} drawn {name}"
        if (name, size) in exact:
            of = f"{config.regression_runs} runs"
            found[key] = number.sampled_theory(mean, law(name, size), of, what)
        else:
            found[key] = number.below(
                mean,
                law("without", size),
                what,
                why="that of independent batches drawn without replacement",
            )
    return found


Pairs = list[tuple[np.ndarray, float]]


def largest_deviation(pairs: Pairs, wrong: Pairs, what: str, other: str) -> Number:
    """Of means from their theory, in standard errors; a wrong law, named `other`, would miss it."""

    def worst(pairs: Pairs) -> float:
        return max(
            float(abs(losses.mean() - theory) / scipy.stats.sem(losses)) for losses, theory in pairs
        )

    freedom = min(losses.size for losses, _ in pairs) - 1
    return number.bound(
        worst(pairs),
        f"passed by chance in {MISSED:.0%}; {other} would miss it",
        f"largest of {len(pairs)} distances, in standard errors, of the {what}",
        at_most=float(scipy.stats.t.isf(MISSED / 2 / len(pairs), freedom)),
        missed_by=worst(wrong),
    )


def draw_paths(axes: Axes, paths: dict[int, np.ndarray], config: Config) -> None:
    x, y, _ = patients()
    color = COLORS["with replacement"]
    for size in sorted({min(paths), max(paths)}):
        losses = paths[size]
        steps = np.arange(losses.shape[1])
        axes.plot(steps, losses.mean(axis=0), color=color, linewidth=0.8)
        exact = analysis.regression_descent(
            x, y, np.zeros(x.shape[1]), config.regression_rate, size, int(steps[-1])
        )
        plotting.theory(axes, steps, exact, label=None)
        place = (steps[-1], exact[-1] * (1.4 if size == min(paths) else 2))
        plotting.note(axes, place, f"$B={size}$", color, ha="right")
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(1, None),
        xlabel="step $t$",
        ylabel=r"$\mathrm{E}\,J(w_t)-J^*$",
    )


def draw_settled(axes: Axes, settled: Settled, config: Config) -> None:
    sizes = [size for size in range(1, PATIENTS) if PATIENTS % size == 0]
    for name, color in COLORS.items():
        for (how, size), losses in settled.items():
            if how == name:
                mean = positive_mean(losses)
                axes.errorbar(size, mean.value, mean.reach, fmt="o", color=color)
        theory = [settles_at(name, size, config) for size in sizes]
        style = ":" if name == SHUFFLED else "--"
        plotting.theory(axes, sizes, theory, label=None, linestyle=style)
    plotting.note(axes, (5, 0.06), "with", COLORS["with replacement"])
    plotting.note(axes, (14, 5e-4), "without", COLORS["without"])
    plotting.note(axes, (1, 1.2e-5), "epochs", COLORS[SHUFFLED])
    axes.set(xscale="log", yscale="log", xlabel="batch size $B$", ylabel="settled $J-J^*$")
