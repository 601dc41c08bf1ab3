"""Paths, coordinates, contraction against the condition number, and rotated bowls."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import jdescent as jd
from experiments.anisotropic_bowl.config import COLORS, ROUND, STEEP, TITLES, Config
from experiments.anisotropic_bowl.rotated import ADAM_STEPS, FALL, gd_steps
from experiments.anisotropic_bowl.simulate import STARTS, Curvatures
from jdescent import analysis, plotting

Domain = tuple[tuple[float, float], tuple[float, float]]


def plot(data: dict, config: Config) -> Figure:
    with plotting.panels([["a", "b"], ["c", "d"], ["e", "f"]], height=7.0) as (figure, axes):
        draw_paths(axes["a"], ROUND, data["paths"][ROUND], ((-2.5, 1.2), (-1.5, 1.6)))
        draw_directions(axes["a"], ROUND)
        axes["a"].set_aspect("equal")
        plotting.title(axes["a"], "a", r"$x^2+2y^2,\ \kappa=2$")
        draw_paths(axes["b"], STEEP, data["paths"][STEEP], ((-2.6, 0.7), (-0.6, 0.5)))
        plotting.title(axes["b"], "b", r"$\frac{1}{2}x^2+50y^2,\ \kappa=100$")
        draw_coordinates(axes["c"], data["coordinates"])
        draw_rates(axes["d"], data["rates"])
        draw_losses(axes["e"], data["turned"])
        draw_steps(axes["f"], data["turned"])
        handles, labels = axes["a"].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def draw_paths(
    axes: Axes, curvatures: Curvatures, paths: dict[str, np.ndarray], domain: Domain
) -> None:
    """The paths over contours; the start's own contour and −∇L, shortened, stand out."""
    start, bends = np.array(STARTS[curvatures]), np.array(curvatures)
    plotting.contours(axes, jd.losses.bowl(curvatures), domain)
    around = np.linspace(0, 2 * np.pi, 200)
    radii = np.sqrt(np.sum(bends * start**2) / bends)
    axes.plot(radii[0] * np.cos(around), radii[1] * np.sin(around), color="0.5", linewidth=0.8)
    for name, path in paths.items():
        axes.plot(
            *path.T, "o-", markersize=2, linewidth=0.7, color=COLORS[name], label=TITLES[name]
        )
    longest = analysis.tuned_heavy_ball(*curvatures).learning_rate
    x, y = start - 1.35 * longest * bends * start  # clear of every first step
    plotting.arrow(axes, start, (x, y), "black")
    plotting.note(axes, (x, y - 0.06 * radii[1]), r"$-\nabla L$", "black", ha="center", va="top")
    axes.plot(0, 0, "+", color="black", markersize=7, zorder=6)
    axes.set(xlabel="$x$", ylabel="$y$")


def draw_directions(axes: Axes, curvatures: Curvatures) -> None:
    """The field of descent directions, −∇L/‖∇L‖."""
    points = np.stack(np.meshgrid(*(np.arange(-2.75, 2, 0.5),) * 2), axis=-1).reshape(-1, 2)
    uphill = points * np.array(curvatures)
    downhill = -uphill / np.linalg.norm(uphill, axis=1, keepdims=True)
    axes.quiver(*points.T, *downhill.T, color="0.65", scale=20, width=0.004, zorder=0)


def draw_coordinates(axes: Axes, coordinates: dict) -> None:
    color, faces = COLORS["gd"], {"$|x_t|$": COLORS["gd"], "$|y_t|$": "white"}
    for path in coordinates.values():
        steps = np.arange(len(path["measured"]))
        for axis, face in enumerate(faces.values()):
            every = (axis, 2)  # equal decays show as markers taking turns
            measured, exact = path["measured"][:, axis], path["exact"][:, axis]
            axes.plot(steps, measured, "o", color=color, markerfacecolor=face, markevery=every)
            plotting.theory(axes, steps, np.where(exact > 0, exact, np.nan), label=None)
    for label, face in faces.items():
        axes.plot([], [], "o", color=color, markerfacecolor=face, label=label)
    plotting.theory(axes, [], [], label=r"$|1-\eta\lambda|^t$")
    plotting.note(axes, (0, 8), r"$\eta=1/2$: $x_1=0$, $y$ flips for ever", color)
    plotting.note(axes, (28, 0.02), r"$\eta=0.1$", color)
    plotting.note(axes, (21, 1e-9), r"$\eta=1/3$", color)
    axes.set(yscale="log", ylim=(1e-12, 1e6), xlabel="step $t$", ylabel="$|x_t|,\\ |y_t|$")
    axes.legend(loc="upper left", ncols=3, columnspacing=0.8, handlelength=1.4)
    plotting.title(axes, "c", "gradient descent by coordinate")


def draw_rates(axes: Axes, rates: dict) -> None:
    formulas = {
        "gd": r"$2/(\kappa+1)$",
        "heavy_ball": r"$2/(\sqrt{\kappa}+1)$",
        "nesterov": r"$1/\sqrt{\kappa}$",
        "tuned_nesterov": r"$2/\sqrt{3\kappa+1}$",
    }
    for name, factor in rates["methods"].items():
        label = f"{TITLES[name]}, {formulas[name]}"
        axes.plot(rates["conditions"], 1 - factor["measured"], "o", color=COLORS[name], label=label)
        plotting.theory(axes, rates["conditions"], 1 - factor["exact"], label=None)
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(3e-6, 1.5),
        xlabel=r"condition number $\kappa$",
        ylabel=r"$1-\rho$",
    )
    axes.legend(loc="lower left", borderaxespad=0.1, handletextpad=0.3)
    plotting.title(axes, "d", "contraction per step")


def draw_losses(axes: Axes, turned: dict) -> None:
    for losses in turned["losses"]["gd"]:
        axes.plot(losses, color=COLORS["gd"], linewidth=2)
    for angle, losses in zip(ADAM_STEPS, turned["losses"]["adam"], strict=True):
        axes.plot(losses, color=COLORS["adam"])
        last = len(losses) - 1
        words, place = f"{angle:g}°: {last}", (last, 0.85 * FALL)
        plotting.note(axes, place, words, COLORS["adam"], ha="center", va="top")
    steps = np.arange(gd_steps() + 1)
    plotting.theory(axes, steps, analysis.tuned_gd(*STEEP).rate ** (2 * steps), label=None)
    axes.plot([], [], color=COLORS["adam"], label="Adam")
    axes.plot([], [], color=COLORS["gd"], linewidth=2, label="gradient descent, any angle")
    plotting.theory(axes, [], [], label=r"$\rho^{2t}$")
    axes.axhline(FALL, color="0.6", linewidth=0.5)
    axes.set(
        yscale="log",
        xlim=(0, 1600),
        ylim=(4e-4, 1.3),
        xlabel="step $t$",
        ylabel=r"$L_t\,/\,L_0$",
    )
    axes.legend(loc="upper right")
    plotting.title(axes, "e", r"bowl of $\kappa=100$, turned")


def draw_steps(axes: Axes, turned: dict) -> None:
    angles, adam, gd = turned["angles"], turned["steps"]["adam"], turned["steps"]["gd"]
    purple, blue = COLORS["adam"], COLORS["gd"]
    low, high = adam.min(axis=1), adam.max(axis=1)
    axes.fill_between(angles, low, high, color=purple, alpha=0.25, linewidth=0)
    axes.plot(angles, adam[:, 0], color=purple)
    axes.plot(angles, gd.max(axis=1), color=blue, linewidth=2)
    plotting.theory(axes, [0, 90], [gd_steps()] * 2, label=None)
    named = np.isin(angles, list(ADAM_STEPS))
    axes.plot(angles[named], adam[named, 0], "o", color=purple, clip_on=False)
    plotting.note(axes, (45, 800), "Adam, any start", "black", ha="center")
    plotting.note(axes, (1, 1500), "Adam, start turned from $(1,1)$", purple)
    plotting.note(axes, (6, 60), f"gradient descent, any start: {gd_steps():g}", blue)
    axes.set(
        xlim=(0, 90),
        ylim=(0, 1700),
        xticks=range(0, 91, 15),
        xlabel="angle of the bowl (degrees)",
        ylabel="steps",
    )
    plotting.title(axes, "f", r"steps until $L_t\leq 10^{-3}L_0$")
