"""Paths from a ridge and their distances, and how long runs stay at a plain saddle."""

import itertools
import math

import numpy as np
import scipy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.statistics import mean_interval
from experiments.saddle_escape.config import LEFT, RIGHT, SURFACE, THRESHOLD, Config
from experiments.saddle_escape.plain import (
    NOISE,
    START,
    Left,
    Setting,
    distances,
    folds,
    noisy_steps,
    quiet_steps,
    spread,
)
from experiments.saddle_escape.ridge import CENTER, FALLS, SHAKES, STEPS
from jdescent import analysis, plotting

RIDGE, BESIDE, SHAKEN, STRAIGHT = (
    plotting.COLORS[name] for name in ("blue", "green", "vermillion", "purple")
)

COLORS = plotting.CYCLE
QUIET = "0.4"
Runs = dict[Setting, Left]


def plot(data: dict, config: Config) -> Figure:
    quiet, noisy = data["quiet"], data["noisy"]
    with plotting.panels([["a", "b"], ["c", "d"], ["e", "f"]], height=6.6) as (figure, axes):
        draw_paths(axes["a"], data["paths"])
        draw_distances(axes["b"], data["paths"], config)
        draw_distance(axes["c"], quiet, noisy, config)
        draw_noise(axes["d"], noisy, config)
        draw_law(axes["e"], noisy, config)
        draw_momentum(axes["f"], quiet, noisy, config)
    return figure


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


def draw_distance(axes: Axes, quiet: Runs, noisy: Runs, config: Config) -> None:
    curvature, starts = config.curvatures[0], distances(config)
    curve = np.geomspace(starts[0], starts[-1], 60)
    axes.plot(
        starts, [quiet[Setting(curvature, start)].steps for start in starts], "o", color=QUIET
    )
    without = np.log(THRESHOLD / curve) / folds(Setting(curvature), config) + 0.5
    plotting.theory(axes, curve, without, label=None)
    for noise, color in zip(config.noises[::2], itertools.cycle(COLORS), strict=False):
        settings = [Setting(curvature, start, noise) for start in starts[::2]]
        errorbars(axes, starts[::2], [noisy[at].steps for at in settings], color)
        means = [
            float(noisy_steps(Setting(curvature, start, noise), config).mean) for start in curve
        ]
        plotting.theory(axes, curve, means, label=None)
        plotting.note(axes, (curve[0], means[0] + 12), rf"$\sigma={power(noise)}$", color)
    middle = len(curve) // 4
    place = (1.6 * curve[middle], without[middle] + 12)
    plotting.note(axes, place, r"no noise: $\lceil\ln(\delta/\varepsilon)\,/\,\ln r\rceil$", QUIET)
    axes.set(
        xscale="log",
        ylim=(0, None),
        xlabel=r"distance $\varepsilon$ of the start",
        ylabel="steps to leave",
    )
    plotting.title(axes, "c", "a start beside the saddle")


def draw_noise(axes: Axes, noisy: Runs, config: Config) -> None:
    inset = axes.inset_axes((0.56, 0.62, 0.44, 0.3))
    noises = np.array(config.noises)
    for i, (curvature, color) in enumerate(
        zip(config.curvatures, itertools.cycle(COLORS), strict=False)
    ):
        settings = [Setting(curvature, 0.0, noise) for noise in config.noises]
        samples = [noisy[setting].steps for setting in settings]
        means = np.array([noisy_steps(setting, config).mean for setting in settings])
        errorbars(axes, noises, samples, color)
        plotting.theory(axes, noises, means, label=None)
        errorbars(inset, noises * 1.6 ** (i - 1), samples, color, means, markersize=2)
        product = config.learning_rate * curvature
        plotting.note(axes, (noises[0], means[0] + 14), rf"$\eta\gamma={product:g}$", color)
    plotting.theory(inset, noises[[0, -1]], [0, 0], label=None)
    inset.set(xscale="log", xticks=[])
    inset.minorticks_off()
    inset.set_title("measured − theory", fontsize=7, loc="center", pad=2)
    axes.set(
        xscale="log",
        ylim=(0, 440),
        xticks=noises,
        xlabel=r"noise $\sigma$ of the gradient",
        ylabel="mean steps to leave",
    )
    axes.minorticks_off()
    plotting.title(axes, "d", "a start on the saddle")


def draw_law(axes: Axes, noisy: Runs, config: Config) -> None:
    for curvature, color in zip(config.curvatures, itertools.cycle(COLORS), strict=False):
        for noise in config.noises:
            setting = Setting(curvature, 0.0, noise)
            runs = noisy[setting]
            curve = analysis.survival_curve(runs.steps, runs.left)
            scaled = curve.time * folds(setting, config)
            scaled -= np.log(THRESHOLD / spread(setting, config))
            axes.plot(
                scaled[1:],
                curve.survival[1:],
                drawstyle="steps-post",
                color=color,
                linewidth=0.6,
                alpha=0.7,
            )
        axes.plot([], [], color=color, label=rf"$\eta\gamma={config.learning_rate * curvature:g}$")
    scaled = np.linspace(-2, 7, 200)
    share = scipy.special.erf(np.exp(-scaled) / math.sqrt(2))
    plotting.theory(axes, scaled, share, label=r"$P(|Z|<e^{-u})$")
    axes.set(
        yscale="log",
        xlim=(-2, 7),
        ylim=(1e-3, 1.5),
        xlabel=r"$u=t\,\ln r-\ln(\delta/s)$",
        ylabel="share still there",
    )
    axes.legend(loc="lower left")
    plotting.title(axes, "e", "one law for all of (d)")


def draw_momentum(axes: Axes, quiet: Runs, noisy: Runs, config: Config) -> None:
    curvature, left = config.curvatures[0], 1 - np.array(config.momenta)
    curve = 1 - np.geomspace(1, left.min(), 100)
    theories = [Setting(curvature, START, NOISE, momentum) for momentum in curve]
    at_rest = [Setting(curvature, START, momentum=momentum) for momentum in config.momenta]
    on_top = [Setting(curvature, 0.0, NOISE, momentum) for momentum in config.momenta]
    axes.plot(left, [quiet[setting].steps for setting in at_rest], "o", color=QUIET)
    errorbars(axes, left, [noisy[setting].steps for setting in on_top], COLORS[0])
    from_start = [quiet_steps(setting, config) for setting in theories]
    means = [noisy_steps(setting._replace(distance=0.0), config).mean for setting in theories]
    plotting.theory(axes, 1 - curve, from_start, label=None)
    plotting.theory(axes, 1 - curve, means, label=None)
    growth = analysis.saddle_growth(config.learning_rate / (1 - curve), -curvature)
    scaled = np.log(THRESHOLD / START) / np.log(growth)
    plotting.theory(axes, 1 - curve, scaled, label=None, linestyle=":")
    plotting.note(axes, (0.13, 98), rf"no noise, $\varepsilon={power(START)}$", QUIET)
    plotting.note(axes, (0.9, 55), rf"$\sigma={power(NOISE)}$", COLORS[0])
    plotting.note(axes, (0.35, 17), "descent with\n" + r"rate $\eta/(1-\beta)$", "black")
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(1.2, 0.8 * left.min()),
        xlabel=r"$1-\beta$",
        ylabel="steps to leave",
    )
    axes.set_yticks([10, 30, 100, 300], ["10", "30", "100", "300"])
    axes.minorticks_off()
    plotting.title(axes, "f", "momentum leaves sooner")


def errorbars(axes: Axes, x, samples: list[np.ndarray], color: str, offset=0.0, **style) -> None:
    """The mean of each sample, less an offset, with its 95 % interval."""
    found = [mean_interval(sample) for sample in samples]
    means = np.array([mean for mean, _ in found])
    half = np.array([mean - low for mean, (low, _) in found])
    axes.errorbar(x, means - offset, half, fmt="o", color=color, linewidth=0.8, **style)
