"""The panels of the counterexamples."""

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from experiments.counterexamples import logistic, online, three_cycle, unit_roots
from experiments.counterexamples.config import Config
from jdescent import analysis, plotting

BLUE, RED, GREEN, ORANGE = (
    plotting.COLORS[name] for name in ("blue", "vermillion", "green", "orange")
)
GRAY = "0.5"
SHOWN_STEPS = 40
SHOWN_RUNS = 6
FEW_POINTS = 400  # of a long path
SHADES = {3: 1.0, 4: 0.8, 5: 0.6, 6: 0.45}  # of blue, by the cycle's length
PALEST = 0.3
ONLINE = {
    ("adam", 3.0): (RED, 2.2),
    ("adam", 10.0): (ORANGE, 1.0),
    ("amsgrad", 3.0): (BLUE, 1.0),
    ("amsgrad", 10.0): (GREEN, 1.0),
}
ONLINE_TITLES = {"turn": ("f", "$Cx$ at every third step"), "random": ("g", "$Cx$ at random")}


def plot(data: dict, config: Config) -> Figure:
    layout = [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]]
    with plotting.panels(layout, height=8.6) as (figure, axes):
        draw_path(axes["a"], data["paths"])
        draw_basins(axes["b"], data["basins"])
        draw_tunings(axes["c"], data["tunings"])
        draw_cycle(axes["d"], data["cycles"]["drawn"])
        draw_speeds(axes["e"], data["speeds"])
        draw_online(axes["f"], data["online"], "turn", config)
        draw_online(axes["g"], data["online"], "random", config)
        draw_logistic(axes["h"], data["logistic"]["digits"], config)
    return figure


def draw_path(axes: Axes, paths: dict) -> None:
    for name, color, label in (
        ("heavy_ball", BLUE, "heavy ball"),
        ("nesterov", GREEN, "Nesterov"),
    ):
        axes.plot(paths[name][: SHOWN_STEPS + 1], "o-", color=color, linewidth=0.6, label=label)
    for point in three_cycle.CYCLE:
        plotting.theory(axes, [0, SHOWN_STEPS], [point, point], label=None)
        words = rf"$\frac{{{round(point * 1225)}}}{{1225}}$"
        axes.text(SHOWN_STEPS + 0.7, point, words, va="center", fontsize=8)
    axes.set(xlim=(-1, SHOWN_STEPS), ylim=(-3.4, 4.8), xlabel="step $t$", ylabel="$x_t$")
    axes.legend(loc="upper right", ncols=2)
    plotting.title(axes, "a", r"from 3.3, $\kappa=25$")


def draw_basins(axes: Axes, basins: dict) -> None:
    side = three_cycle.SIDE
    image = np.ones((*basins["ends"].shape, 3))
    image[basins["ends"] == 1] = to_rgb(BLUE)
    image[basins["ends"] == 2] = to_rgb(RED)
    image = image.transpose(1, 0, 2)  # x₋₁ runs to the right
    axes.imshow(image, origin="lower", extent=(-side, side, -side, side), interpolation="nearest")
    axes.plot(0, 0, "x", color="black", markersize=5)
    cycle = three_cycle.CYCLE
    axes.plot(np.roll(cycle, 1), cycle, "o", color="white", markeredgecolor="black", markersize=4)
    axes.plot(three_cycle.START, three_cycle.START, "s", color=ORANGE, markersize=4)
    axes.set(xlabel="$x_{-1}$", ylabel="$x_0$")
    plotting.title(axes, "b", "where it ends")


def draw_tunings(axes: Axes, tunings: dict) -> None:
    axes.imshow(
        shades(tunings), origin="lower", extent=(0, 4, 0, 1), aspect="auto", interpolation="nearest"
    )
    rates, momenta = np.linspace(0.01, 3.99, 300), np.linspace(0, 0.995, 200)
    lengths = tunings["lengths"][:, None, None]
    margins = unit_roots.margin(rates, momenta[:, None], 1 / unit_roots.CONDITION, lengths)
    margin = margins.max(axis=0)
    margin[rates >= analysis.heavy_ball_limit(1.0, momenta[:, None])] = np.nan
    axes.contour(rates, momenta, margin, [0.0], colors="black", linestyles="--", linewidths=0.8)
    axes.plot(analysis.heavy_ball_limit(1.0, momenta), momenta, ":", color="black", linewidth=0.8)
    fastest = analysis.tuned_heavy_ball(1 / unit_roots.CONDITION, 1.0)
    axes.plot(
        fastest.learning_rate, fastest.momentum, "*", color="white", markeredgecolor="black",
        markersize=8,
    )  # fmt: skip
    plotting.note(axes, (3.0, 0.2), "diverges", GRAY)
    for length, place in ((3, (2.8, 0.75)), (4, (1.7, 0.88)), (5, (1.12, 0.95))):
        plotting.note(axes, place, f"$K={length}$", "black", ha="center", va="center")
    plotting.note(axes, (0.9, 0.25), "no cycle", "black", ha="center")
    axes.set(xlabel=r"learning rate $\eta L$", ylabel=r"momentum $\beta$")
    plotting.title(axes, "c", r"heavy balls, $\kappa=100$")


def shades(tunings: dict) -> np.ndarray:
    """The map's colors: (momentum, rate, 3)."""
    image = np.ones((*tunings["stable"].shape, 3))
    shortest = tunings["lengths"][tunings["stays"].argmax(axis=1)]
    cycles = tunings["stays"].any(axis=1)
    depth = np.array([SHADES.get(int(length), PALEST) for length in shortest])
    blue = 1 - depth[:, None] * (1 - np.array(to_rgb(BLUE)))
    speed = 1 - tunings["quadratic"]
    warm = (speed / speed[~cycles].max()).clip(0, 1)[:, None]
    image[tunings["stable"]] = np.where(
        cycles[:, None], blue, 1 - (0.12 + 0.88 * warm) * (1 - np.array(to_rgb(ORANGE)))
    )
    return image


def draw_cycle(axes: Axes, drawn: dict) -> None:
    corners, limit = drawn["corners"], 1.6
    axes.add_patch(Polygon(corners, facecolor="0.85", edgecolor="0.6", linewidth=0.6))
    loss = unit_roots.counterexample(
        jnp.asarray(corners[0]), 1 / unit_roots.CONDITION, drawn["length"]
    )
    plotting.contours(axes, loss, ((-limit, limit), (-limit, limit)))
    path = drawn["path"]
    axes.plot(*path[:60].T, "-", color=BLUE, linewidth=0.5, alpha=0.7)
    axes.plot(*path[-int(drawn["length"]) :].T, "o", color=BLUE, markersize=5)
    axes.plot(*path[0], "s", color=ORANGE, markersize=4)
    axes.plot(0, 0, "x", color="black", markersize=5)
    axes.set(xlabel="$x$", ylabel="$y$")
    axes.set_aspect("equal")
    plotting.title(axes, "d", "the star's cycle")


def draw_speeds(axes: Axes, speeds: dict) -> None:
    conditions = speeds["conditions"]
    axes.plot(conditions, speeds["tuned"], "-", color=GRAY)
    axes.plot(conditions, speeds["exact"], "-", color=BLUE, linewidth=0.6)
    axes.plot(conditions, speeds["measured"], "o", color=BLUE)
    plotting.theory(axes, conditions[[0, -1]], [8, 8], label=None)
    plotting.note(axes, (conditions[1], 35), "fastest on quadratics", GRAY, ha="left")
    plotting.note(axes, (conditions[-1], 5.2), "fastest without a cycle", BLUE, ha="right")
    axes.set(
        xscale="log", yscale="log", ylim=(1.5, 150), yticks=[2, 8, 32, 128],
        yticklabels=["2", "8", "32", "128"],
        xlabel=r"condition number $\kappa$", ylabel="over gradient descent",
    )  # fmt: skip
    axes.minorticks_off()
    plotting.title(axes, "e", r"$1-\rho$ of heavy balls")


def draw_online(axes: Axes, runs: dict, kind: str, config: Config) -> None:
    clock = online.clock(config)
    rows = np.unique(np.linspace(0, 1, FEW_POINTS) ** 2 * (clock.size - 1)).astype(int)
    for (name, steep), (color, width) in ONLINE.items():
        label = f"{online.TITLES[name]}, $C={steep:g}$"
        for line in runs[kind, name, steep][:SHOWN_RUNS, rows]:
            axes.plot(clock[rows], line, color=color, linewidth=width if kind == "turn" else 0.5)
        axes.plot([], [], color=color, linewidth=width, label=label)
        drift = online.drift(kind, name, steep)
        plotting.theory(axes, [0, 1 / abs(drift)], [0, np.sign(drift)], label=None)
    axes.set(
        xlim=(0, clock[-1]),
        ylim=(-1.1, 1.1),
        yticks=[-1, 0, 1],
        xlabel=r"sum of the learning rates $\alpha/\sqrt{t}$",
        ylabel="$x_t$",
    )
    if kind == "turn":
        axes.legend(loc="center right")
    plotting.title(axes, *ONLINE_TITLES[kind])


def draw_logistic(axes: Axes, runs: dict, config: Config) -> None:
    count, steps = len(runs["data"].examples), np.arange(config.budgets[-1] + 1)
    colors = [GRAY, GREEN, RED, BLUE]
    for rate, color in zip(config.logistic_rates, colors, strict=False):
        losses = runs["losses"][np.flatnonzero(runs["rates"] == rate)[0]]
        axes.plot(steps[1:], losses[1:], color=color, linewidth=0.9, label=rf"$\eta={rate:g}$")
        s = logistic.settled_at(losses, rate, count)
        if s is not None:
            after = steps[s:] - s
            bound = logistic.settled_bound(runs["data"], rate, after)
            shown = np.isfinite(bound)
            plotting.theory(axes, steps[s:][shown], bound[shown], label=None)
    axes.plot(
        config.budgets, logistic.at_budget(runs, config), "o", color="black", label=r"$\eta=T$"
    )
    axes.set(
        xscale="log", yscale="log", ylim=(1e-13, 30), xlabel="step $t$", ylabel="loss",
    )  # fmt: skip
    axes.legend(loc="lower left", ncols=1)
    plotting.title(axes, "h", "logistic regression")
