"""The well, paths, escape times, survival, and the maps of where runs end."""

import itertools
import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from experiments.local_minimum_escape.basins import (
    OUTCOMES,
    holding_limit,
    jump_start,
    settling_limit,
    side_of,
)
from experiments.local_minimum_escape.config import (
    BARRIER,
    BARRIER_X,
    HEIGHT,
    TARGET,
    THRESHOLD,
    VALLEY,
    VALLEY_X,
    WELL,
    Config,
)
from experiments.local_minimum_escape.noise import (
    noise_variance,
)
from jdescent import analysis, plotting

Corner = Literal["upper left", "lower right"]


def plot(data: dict, config: Config) -> Figure:
    rows = [["a", "b", "c"], ["d", "e"], ["f", "g"]]
    layout, ratios = [[[row]] for row in rows], (3, 4, 5)
    with plotting.panels(layout, height=7.0, height_ratios=ratios) as (figure, axes):
        draw_well(axes["a"])
        draw_paths(axes["b"], data["paths"])
        draw_balls(axes["c"], data["balls"])
        draw_means(axes["d"], data, config)
        draw_survival(axes["e"], data["escapes"], data["curves"], config)
        draw_basins(axes["f"], data["basins"])
        draw_coasting(axes["g"], data["coasting"], config)
    return figure


def draw_well(axes: Axes) -> None:
    low, high = -1.95, 2.3
    x = np.linspace(low, high, 300)
    axes.plot(x, jax.vmap(WELL)(jnp.asarray(x, float)), color=plotting.COLORS["gray"])
    for point, color in (
        (VALLEY, OUTCOMES["ends at −1"]),
        (TARGET, OUTCOMES["ends at 3/2"]),
        (BARRIER, "black"),
    ):
        axes.plot(point.position, point.loss, "o", color=color, markersize=5)
    axes.annotate(
        "",
        (VALLEY_X, VALLEY.loss),
        (VALLEY_X, BARRIER.loss),
        arrowprops={"arrowstyle": "<->", "lw": 0.8, "shrinkA": 0, "shrinkB": 3},
    )
    axes.hlines(BARRIER.loss, VALLEY_X, BARRIER_X, color="black", linewidth=0.5)
    axes.text(VALLEY_X, 0.07, r"$\Delta U$", ha="center", fontsize=7)
    axes.text(VALLEY_X, VALLEY.loss - 0.1, "start", ha="center", va="top", fontsize=7)
    axes.axvspan(THRESHOLD, high, color=plotting.COLORS["orange"], alpha=0.2, linewidth=0)
    axes.text(THRESHOLD - 0.07, 0.45, "escaped", ha="right", fontsize=7)
    axes.set(
        xlim=(low, high), ylim=(-1.15, 0.75), xlabel="$x$", ylabel="$U(x)$", xticks=(-1, 0, 1, 2)
    )
    plotting.title(axes, "a", "double well")


def draw_paths(axes: Axes, paths: dict) -> None:
    styles = (("mini", f"$B={paths['size']}$", "vermillion"), ("full", "full batch", "blue"))
    for name, label, color in styles:
        axes.plot(paths[name], color=plotting.COLORS[color], linewidth=0.8, label=label)
    axes.axhline(THRESHOLD, color="0.6", linewidth=0.5)
    axes.set(xlabel="step $t$", ylabel="$x_t$", ylim=(-2, 3.2), yticks=(-1, 0, 1, 2))
    axes.legend(loc="upper left", ncols=2, handlelength=0.8, columnspacing=0.6, borderpad=0.1)
    plotting.title(axes, "b", "noise escapes")


def draw_means(axes: Axes, data: dict, config: Config) -> None:
    escapes, curves = data["escapes"], data["curves"]
    inset = axes.inset_axes((0.56, 0.13, 0.43, 0.4))
    for size, run in escapes.items():
        label = "measured" if size == min(escapes) else None
        draw_mean(axes, size, run["mean"], 1.0, label=label)
        draw_mean(inset, size, run["mean"], run["exact"])
    for size, many in data["many"].items():
        draw_mean(inset, size + 0.7, many.mean, many.exact, markerfacecolor="white", capsize=0)
    sizes, exact = curves["sizes"], curves["exact"]
    plotting.theory(axes, sizes, exact, label="exact")
    plotting.theory(axes, sizes, curves["kramers"], label="Kramers", linestyle=":")
    plotting.theory(axes, [], [], label="diffusion", linestyle="-.")
    plotting.theory(inset, sizes, np.ones(sizes.size), label=None)
    plotting.theory(inset, sizes, curves["kramers"] / exact, label=None, linestyle=":")
    plotting.theory(inset, sizes, curves["quadrature"] / exact, label=None, linestyle="-.")
    inset.set(ylim=(0.85, 1.11), xticks=list(escapes), yticks=(0.9, 1, 1.1))
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


def draw_mean(axes: Axes, size: float, mean: analysis.MeanTime, unit: float, **style: Any) -> None:
    axes.errorbar(
        size,
        mean.mean / unit,
        [[(mean.mean - mean.low) / unit], [(mean.high - mean.mean) / unit]],
        fmt="o",
        color=plotting.COLORS["vermillion"],
        markersize=3.5,
        linewidth=1,
        **{"capsize": 2, **style},
    )


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


def draw_outcomes(
    axes: Axes, x: np.ndarray, y: np.ndarray, outcomes: np.ndarray, corner: Corner
) -> None:
    names, colors = list(OUTCOMES), list(OUTCOMES.values())
    axes.pcolormesh(
        x,
        y,
        outcomes,
        cmap=ListedColormap(colors),
        vmin=-0.5,
        vmax=len(OUTCOMES) - 0.5,
        shading="nearest",
        rasterized=True,
    )
    handles = [
        Patch(facecolor=colors[case], edgecolor="0.4", linewidth=0.4, label=names[case])
        for case in np.unique(outcomes)
    ]
    axes.legend(handles=handles, loc=corner, handlelength=1.0, labelspacing=0.2, borderpad=0.2)
    axes.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()), ylabel="start $x_0$")


def draw_basins(axes: Axes, basins: dict) -> None:
    draw_outcomes(axes, basins["rates"], basins["starts"], basins["outcome"], "lower right")
    for minimum, name in ((VALLEY, "4/5"), (TARGET, "8/15")):
        side, limit = side_of(minimum), settling_limit(minimum)
        for rate in (limit, holding_limit(minimum)):
            plotting.theory(axes, (rate, rate), (BARRIER_X, jump_start(rate, side)), label=None)
        plotting.theory(axes, basins["rates"], jump_start(basins["rates"], side), label=None)
        axes.text(limit - 0.01, 0.4 * side, f"${name}$", ha="right", va="center", fontsize=7)
    axes.set_xlabel(r"learning rate $\eta$")
    plotting.title(axes, "f", "full batch, no momentum")


def draw_balls(axes: Axes, balls: dict) -> None:
    for (momentum, run), color in zip(balls.items(), plotting.CYCLE, strict=False):
        label = rf"$\beta={momentum:g}$"
        axes.plot(run["ball"], color=color, linewidth=1.8, label=label)
        plotting.theory(axes, np.arange(run["oscillator"].size), run["oscillator"], label=None)
    plotting.theory(axes, [], [], label="oscillator")
    axes.set(xlabel="step $t$", ylabel="$x_t$", ylim=(-2.5, 4.6), yticks=(-2, -1, 0, 1, 2))
    axes.legend(
        loc="upper right",
        ncols=2,
        handlelength=1.2,
        columnspacing=0.6,
        borderpad=0.1,
        labelspacing=0.3,
    )
    plotting.title(axes, "c", "momentum coasts")


def draw_coasting(axes: Axes, coasting: dict, config: Config) -> None:
    draw_outcomes(axes, coasting["momenta"], coasting["starts"], coasting["outcome"], "upper left")
    for line in itertools.zip_longest(*coasting["theory_starts"], fillvalue=np.nan):
        plotting.theory(axes, coasting["theory_momenta"], line, label=None)
    for momentum, color in zip(config.balls, plotting.CYCLE, strict=False):
        axes.plot(
            momentum,
            config.ball_start,
            "o",
            color=color,
            markeredgecolor="white",
            markersize=5,
            zorder=6,
        )
    axes.set_xlabel(r"momentum $\beta$")
    plotting.title(axes, "g", rf"full batch, heavy ball, $\eta={config.ball_rate:g}$")
