"""Progress and cost of every batch size, the noise of the gradient, and where descent settles."""

from collections.abc import Callable

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from experiments.batch_size.config import PATIENTS, PICTURES, Config
from experiments.batch_size.gradients import Noise, exact_variance
from experiments.batch_size.network import Training, step_time
from experiments.batch_size.parabola import PRODUCTS, settled_parabola
from experiments.batch_size.regression import (
    SAMPLERS,
    SHUFFLED,
    Settled,
    patients,
    settled_regression,
)
from experiments.common.statistics import geometric_mean, positive_mean
from jdescent import analysis, plotting

WITH, WITHOUT = plotting.COLORS["vermillion"], plotting.COLORS["blue"]

SAMPLER_COLORS = dict(
    zip(SAMPLERS, (plotting.COLORS[name] for name in ("vermillion", "blue", "green")), strict=True)
)


def plot(data: dict, config: Config) -> Figure:
    rows = [["a", "b", "c"], ["d", "e"], ["f", "g", "h"]]
    with plotting.panels([[[row]] for row in rows], height=6.6) as (figure, axes):
        draw_network(axes, data["network"])
        draw_noise(axes["e"], data["noise"])
        plotting.title(axes["e"], "e", "noise of the gradient")
        draw_paths(axes["f"], data["regression"]["paths"], config)
        plotting.title(axes["f"], "f", "linear regression")
        draw_settled(axes["g"], data["regression"]["settled"], config)
        plotting.title(axes["g"], "g", "where it settles")
        draw_parabola(axes["h"], data["parabola"])
        plotting.title(axes["h"], "h", "parabola, $B=16$")
        handles, labels = axes["a"].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def draw_network(axes: dict[str, Axes], found: dict[int, Training]) -> None:
    units = {
        "a": ("steps", lambda size, training: 1.0),
        "b": ("examples seen", lambda size, training: size),
        "c": ("time (s)", lambda size, training: 1e-6 * step_time(training)),
    }
    for panel, (unit, of_a_step) in units.items():
        draw_progress(axes[panel], found, of_a_step)
        axes[panel].set_xlabel(unit)
    axes["a"].set_ylabel("training loss")
    plotting.title(axes["a"], "a", "progress by step")
    plotting.title(axes["b"], "b", "by example")
    plotting.title(axes["c"], "c", "by time")
    draw_cost(axes["d"], found)
    plotting.title(axes["d"], "d", "what a batch costs")


# an ordered quantity gets an ordered map, from one example to all
SIZE_COLORS = [to_hex(color) for color in colormaps["viridis"](np.linspace(0.88, 0, 5))]


def draw_progress(
    axes: Axes, found: dict[int, Training], unit: Callable[[int, Training], float]
) -> None:
    """Training loss over steps in a unit of each batch size's own: geometric means and bands."""
    for (size, training), color in zip(found.items(), colors(found), strict=True):
        bands = [geometric_mean(losses) for losses in training.losses.T]
        mean = [band.value for band in bands]
        low, high = zip(*(band.ends for band in bands), strict=True)
        x = training.steps * unit(size, training)
        axes.fill_between(x, low, high, color=color, alpha=0.25, linewidth=0)
        axes.plot(x, mean, color=color, linewidth=1, label=label(size, training))
    axes.set(xscale="log", yscale="log", ylim=(2e-4, 4))
    axes.xaxis.set_major_locator(LogLocator(numticks=5))
    axes.minorticks_off()


def label(size: int, training: Training) -> str:
    name = f"all {size}" if size == PICTURES else f"$B={size}$"
    return f"{name}\n$\\eta={training.rate:g}$\n{training.accuracy.mean():.1%}"


def colors(found: dict[int, Training]) -> list[str]:
    places = np.linspace(0, len(SIZE_COLORS) - 1, len(found)).round().astype(int)
    return [SIZE_COLORS[place] for place in places]


def draw_cost(axes: Axes, found: dict[int, Training]) -> None:
    sizes = np.array(list(found))
    middles = np.array([step_time(training) for training in found.values()])
    for scale, face, what in ((sizes**0, None, "a step"), (1 / sizes, "white", "an example")):
        axes.plot(sizes, middles * scale, color="0.7", linewidth=0.8, zorder=0)
        for (size, training), per, color in zip(found.items(), scale, colors(found), strict=True):
            times = training.microseconds * per
            middle = np.median(times)
            reach = [[middle - times.min()], [times.max() - middle]]
            axes.errorbar(
                size,
                middle,
                reach,
                fmt="o",
                color=color,
                markerfacecolor=face or color,
                markersize=4,
            )
        below = 0.45 if face else 2.2
        plotting.note(axes, (sizes[1], middles[1] * scale[1] * below), what, "0.3", ha="center")
    axes.margins(y=0.15)
    axes.set(xscale="log", yscale="log", xlabel="batch size $B$", ylabel="time (µs)")


def draw_noise(axes: Axes, noise: Noise) -> None:
    sizes = np.geomspace(1, PICTURES - 0.5, 300)
    for replace, color in ((True, WITH), (False, WITHOUT)):
        plotting.theory(axes, sizes, exact_variance(sizes, replace, noise.variance), label=None)
        for (size, how), distances in noise.distances.items():
            if how == replace:
                mean = positive_mean(distances)
                axes.errorbar(size, mean.value, mean.reach, fmt="o", color=color, markersize=4)
    axes.axhline(noise.signal, color="0.6", linewidth=0.8)
    plotting.note(axes, (1.2, 1.2 * noise.signal), r"$|\nabla L|^2$", "0.4")
    plotting.note(axes, (12, 1.6), "with replacement", WITH)
    plotting.note(axes, (110, 0.004), "without", WITHOUT)
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(0.4 * exact_variance(1024, False, noise.variance), 2 * noise.variance),
        xlabel="batch size $B$",
        ylabel=r"$E\,|g_B-\nabla L|^2$",
    )


def draw_paths(axes: Axes, paths: dict[int, np.ndarray], config: Config) -> None:
    x, y, _ = patients()
    color = SAMPLER_COLORS["with replacement"]
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
    for name, color in SAMPLER_COLORS.items():
        for (how, size), losses in settled.items():
            if how == name:
                mean = positive_mean(losses)
                axes.errorbar(size, mean.value, mean.reach, fmt="o", color=color)
        theory = [settled_regression(name, size, config) for size in sizes]
        style = ":" if name == SHUFFLED else "--"
        plotting.theory(axes, sizes, theory, label=None, linestyle=style)
    plotting.note(axes, (5, 0.06), "with", SAMPLER_COLORS["with replacement"])
    plotting.note(axes, (14, 5e-4), "without", SAMPLER_COLORS["without"])
    plotting.note(axes, (1, 1.2e-5), "epochs", SAMPLER_COLORS[SHUFFLED])
    axes.set(xscale="log", yscale="log", xlabel="batch size $B$", ylabel="settled $J-J^*$")


def draw_parabola(axes: Axes, settled: dict[str, np.ndarray]) -> None:
    products = np.linspace(0, 1.95, 200)[1:]
    for name, losses in settled.items():
        for product, sample in zip(PRODUCTS[name], losses, strict=True):
            mean = positive_mean(sample)
            axes.errorbar(product, mean.value, mean.reach, fmt="o", color=SAMPLER_COLORS[name])
        plotting.theory(axes, products, settled_parabola(name, products), label=None)
    plotting.theory(axes, products, products / 4, label=None, linestyle=":")
    plotting.note(axes, (0.1, 0.6), "with", SAMPLER_COLORS["with replacement"])
    plotting.note(axes, (0.9, 0.06), "epochs", SAMPLER_COLORS[SHUFFLED])
    axes.set(
        yscale="log",
        ylim=(2e-3, 20),
        xlabel=r"$\eta\lambda$",
        ylabel=r"settled $J-J^*$, in $\sigma^2/\lambda$",
    )
