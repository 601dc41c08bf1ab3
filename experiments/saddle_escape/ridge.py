"""The saddle between two valleys of Himmelblau's function, and runs that start on its ridge."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array
from matplotlib.axes import Axes

import jdescent as jd
from experiments.common import number
from experiments.common.number import Numbers
from experiments.common.statistics import Estimate, positive_mean
from experiments.saddle_escape.config import LEFT, RIGHT, SADDLE, SURFACE, Config
from experiments.saddle_escape.plain import noisy
from jdescent import analysis, plotting

HEIGHT = 4.6  # y of the starts
STEPS = 450
SHAKES = (1e-8, 1e-4, 10.0)  # standard deviations of the noise of the paths drawn
THRESHOLD = 0.05  # distance at which a run has left, where the surface is still quadratic
OFFSET = 1e-3  # of the starts beside the ridge
LANES = 3 + len(SHAKES)

RIDGE, BESIDE, SHAKEN, STRAIGHT = (
    plotting.COLORS[name] for name in ("blue", "green", "vermillion", "purple")
)

CENTER = np.array(SADDLE.position)
FALLS = min(SADDLE.curvatures)


def axes_of_saddle() -> np.ndarray:
    """The directions of negative and of positive curvature at the saddle, as columns."""
    with jax.enable_x64(True):
        return np.linalg.eigh(np.asarray(jax.hessian(SURFACE)(jnp.asarray(CENTER))))[1]


def ridge_paths(config: Config) -> Callable[..., Array]:
    """A compiled function from LANES starts (x, HEIGHT), noises and keys to paths."""

    def path(x: Array, noise: Array, key: Array) -> Array:
        start = jnp.stack([x, jnp.full_like(x, HEIGHT)])
        optimizer = noisy(key, noise, config.ridge_rate)
        return jd.descend(SURFACE, start, optimizer, STEPS, record="params").record["params"]

    return jax.jit(jax.vmap(path))


def ridge_runs(config: Config) -> dict:
    """Paths from the ridge, from beside it, and from the ridge with noise, in float64."""
    paths = ridge_paths(config)
    keys = jax.random.split(jax.random.key(config.seed + 1), LANES)
    start = on_the_ridge(lambda x: paths(x, np.zeros(LANES), keys)[:, -1, 0] > CENTER[0])
    starts, noises = np.full(LANES, start), np.zeros(LANES)
    starts[1:3] += -OFFSET, OFFSET
    noises[3:] = SHAKES
    found = np.asarray(paths(starts, noises, keys))
    quadratic = jd.losses.saddle(SADDLE.curvatures)
    apart = axes_of_saddle().T @ (found[0, 0] - CENTER)
    straight = jd.descend(
        quadratic, jnp.array([0.0, apart[1]]), jd.sgd(config.ridge_rate), STEPS, record="params"
    )
    return {
        "ridge": found[0],
        "beside": found[1:3],
        "shaken": found[3:],
        "straight": np.asarray(straight.record["params"]),
    }


def on_the_ridge(ends_right: Callable[[np.ndarray], Array]) -> float:
    """The first float x, from the left, whose run ends on the right."""
    left, right = -1.0, 1.0
    while left < (left + right) / 2 < right:
        between = np.linspace(left, right, LANES + 2)[1:-1]
        first = int(np.sum(~np.asarray(ends_right(between))))
        places = [left, *between.tolist(), right]
        left, right = places[first], places[first + 1]
    return right


def ridge_escapes(config: Config) -> dict:
    """Runs with noise from the saddle itself until they are THRESHOLD away along its low axis."""
    low = jnp.asarray(axes_of_saddle()[:, 0])
    center = jnp.asarray(CENTER)
    theory = analysis.noisy_saddle_steps(THRESHOLD, config.ridge_rate, FALLS, config.ridge_noise**2)
    steps = int(theory.mean + 16 * theory.deviation)

    def run(key: Array) -> dict[str, Array]:
        path = jd.descend(
            SURFACE,
            center,
            noisy(key, config.ridge_noise, config.ridge_rate),
            steps,
            record=None,
            stop=lambda point: jnp.abs(low @ (point.params - center)) >= THRESHOLD,
        )
        return {"steps": path.verdict.step, "right": path.params[0] > center[0]}

    runs = jd.sweep(run, key=jax.random.split(jax.random.key(config.seed + 2), config.runs))
    return {"steps": runs.steps.values, "right": runs.right.values}


def growth(path: np.ndarray) -> float:
    """Factor per step of the distance along the low axis, from 1e-9 to 1e-3, by least squares."""
    apart = np.abs((path - CENTER) @ axes_of_saddle()[:, 0])
    leaving = apart[np.argmin(apart) :]
    first, last = (int(np.argmax(leaving > distance)) for distance in (1e-9, 1e-3))
    return float(np.exp(np.polyfit(np.arange(first, last), np.log(leaving[first:last]), 1)[0]))


def numbers(paths: dict, escapes: dict, config: Config) -> Numbers:
    runs = escapes["steps"].size
    theory = analysis.noisy_saddle_steps(THRESHOLD, config.ridge_rate, FALLS, config.ridge_noise**2)
    bend = THRESHOLD**2 / float(np.log(analysis.saddle_growth(config.ridge_rate, FALLS)))
    share = scipy.stats.binomtest(int(escapes["right"].sum()), runs)
    low, high = share.proportion_ci()
    return {
        "himmelblau_growth": number.theory(
            growth(paths["ridge"]),
            float(analysis.saddle_growth(config.ridge_rate, FALLS)),
            3e-5,
            "the surface's bend, of order 1e-3 where the fit ends, shared among its 90 steps",
            "factor per step of the distance from Himmelblau's saddle",
        ),
        "himmelblau_mean_steps": number.theory(
            positive_mean(escapes["steps"]),
            float(theory.mean),
            number.ERRORS * float(theory.deviation) / runs**0.5 + bend,
            f"{number.ERRORS} standard errors of {runs} runs, and the surface's bend, of order δ² "
            "folds",
            f"mean steps from Himmelblau's saddle, with noise, to {THRESHOLD:g} away",
        ),
        "himmelblau_share_right": number.theory(
            Estimate(share.statistic, 0.5 / runs**0.5, (float(low), float(high))),
            0.5,
            number.ERRORS * 0.5 / runs**0.5,
            f"{number.ERRORS} standard errors of {runs} runs",
            "share of them that leaves to the right",
        ),
    }


def draw_paths(axes: Axes, paths: dict) -> None:
    plotting.contours(axes, SURFACE, ((-3.9, 4.1), (1.3, 5.0)), levels=24)
    for path in paths["shaken"]:
        axes.plot(*path.T, color=SHAKEN, linewidth=0.8)
    for path in paths["beside"]:
        axes.plot(*path.T, color=BESIDE, linewidth=1.2)
    axes.plot(*paths["ridge"][: on_saddle(paths["ridge"])].T, color=RIDGE, linewidth=1.6)
    start = paths["ridge"][0]
    axes.plot(*start, "o", color=RIDGE, markersize=4)
    plotting.note(axes, (start[0] + 0.25, start[1] - 0.06), "start", RIDGE)
    plotting.note(axes, (CENTER[0] + 0.1, CENTER[1] - 0.35), "saddle", "black")
    axes.plot(*CENTER, "X", color="black", markersize=6, markeredgecolor="white", zorder=7)
    for minimum in (LEFT, RIGHT):
        axes.plot(*np.array(minimum.position), "o", color="black", markersize=4, zorder=7)
    axes.set(xlabel="$x$", ylabel="$y$")
    plotting.title(axes, "a", "a ridge between two valleys")


def power(number: float) -> str:
    """A power of ten as mathematics."""
    return "10" if number == 10 else rf"10^{{{np.log10(number):.0f}}}"


def on_saddle(path: np.ndarray) -> int:
    """The step at which a path is nearest to the saddle."""
    return int(np.argmin(np.linalg.norm(path - CENTER, axis=1)))


def draw_distances(axes: Axes, paths: dict, config: Config) -> None:
    def apart(path: np.ndarray) -> np.ndarray:
        return np.linalg.norm(path - CENTER, axis=-1)

    ridge, steps = apart(paths["ridge"]), np.arange(STEPS + 1)
    axes.plot(steps, np.linalg.norm(paths["straight"], axis=1), color=STRAIGHT)
    for noise, path in zip(SHAKES, paths["shaken"], strict=True):
        axes.plot(steps, apart(path), color=SHAKEN, linewidth=0.8)
        lowest = int(np.argmin(apart(path)[:100]))
        place = (lowest + 9, apart(path)[lowest] / 2) if noise < 1 else (25, 7)
        plotting.note(axes, place, rf"$\sigma={power(noise)}$", SHAKEN)
    axes.plot(steps, apart(paths["beside"][0]), color=BESIDE)
    axes.plot(steps, ridge, color=RIDGE)
    left = int(np.argmax((ridge > 1e-2) & (steps > on_saddle(paths["ridge"]))))
    back = np.arange(on_saddle(paths["ridge"]), left + 16)
    rate = float(analysis.saddle_growth(config.ridge_rate, FALLS))
    plotting.theory(axes, back, ridge[left] * rate ** (back - left), label=None)
    middle = back[len(back) // 2]
    plotting.note(axes, (middle + 8, ridge[middle] / 100), "$r^t$, from rounding", RIDGE)
    plotting.note(axes, (88, 1e-16), "plain saddle: stays for ever", STRAIGHT)
    axes.set(
        yscale="log",
        xlim=(0, 300),
        ylim=(1e-17, 30),
        xlabel="step $t$",
        ylabel="distance from the saddle",
    )
    plotting.title(axes, "b", "how long they stay")
