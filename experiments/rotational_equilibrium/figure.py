"""Angles and norms in equilibrium, the way there, and neurons of networks."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.statistics import positive_mean
from experiments.rotational_equilibrium import theory
from experiments.rotational_equilibrium.config import Config
from experiments.rotational_equilibrium.network import CLEAN, STRETCH, Trained
from experiments.rotational_equilibrium.numbers import METHODS, closed_angle
from experiments.rotational_equilibrium.theory import Walk
from experiments.rotational_equilibrium.walks import (
    BETAS,
    FAR,
    SLOW,
    Settled,
    approach_steps,
    approaching,
    walk_of,
)
from jdescent import plotting

COLORS = [plotting.COLORS[name] for name in ("blue", "vermillion", "green")]
OF_METHOD = dict(zip(METHODS, COLORS, strict=True))
SEVERAL = np.geomspace(1e-4, 2e-2, 60)  # ηw


def plot(data: dict, config: Config) -> Figure:
    layout = [["a", "b", "c"], ["d", "e", "f"], ["g", "g", "h"]]
    with plotting.panels(layout, height=6.2) as (figure, axes):
        for place, method in enumerate(METHODS):
            draw_settled(axes["abc"[place]], data["settled"], method, "angle", config)
            draw_settled(axes["def"[place]], data["settled"], method, "norm", config)
            plotting.title(axes["abc"[place]], "abc"[place], METHODS[method])
            plotting.title(axes["def"[place]], "def"[place], METHODS[method])
        axes["a"].set_ylabel("angle of a step (rad)")
        axes["d"].set_ylabel(r"norm, in units of the paper's")
        draw_approach(axes["g"], data["approach"], config)
        draw_networks(axes["h"], data["networks"])
    return figure


def draw_settled(
    axes: Axes, settled: dict[Walk, Settled], method: str, what: str, config: Config
) -> None:
    """Angles; norms as a multiple of the paper's form."""

    def in_units(walk: Walk, value):
        limit = theory.limit(walk, config.dimension)
        return value / limit.norm if what == "norm" else value

    for beta, color in zip(BETAS[method], COLORS, strict=True):
        curve = [walk_of(method, p / config.weight_decay, beta, config) for p in SEVERAL]
        whole = [in_units(w, getattr(theory.equilibrium(w, config.dimension), what)) for w in curve]
        limit = [in_units(w, getattr(theory.limit(w, config.dimension), what)) for w in curve]
        plotting.theory(axes, SEVERAL, whole, label=None)
        plotting.theory(axes, SEVERAL, limit, label=None, linestyle=":", color=color)
        for walk, runs in settled.items():
            if (walk.method, walk.beta) == (method, beta):
                mean = positive_mean(in_units(walk, getattr(runs, what)))
                axes.errorbar(walk.rate * walk.decay, mean.value, mean.reach, fmt="o", color=color)
        axes.plot([], [], "o", color=color, label=beta_label(method, beta))
    axes.set(xscale="log", xlabel=r"$\eta w$", ylabel=" ")
    if what == "angle":
        axes.set_yscale("log")
        axes.legend(loc="upper left", handletextpad=0.1, borderpad=0.1)
        low, high = axes.get_ylim()
        axes.set_ylim(low, high * 4)
    else:
        axes.set_ylim(0.65, 1.15)


def beta_label(method: str, beta: float) -> str:
    if method == "lion":
        return rf"$\beta={beta:g},\,{SLOW[beta]:g}$"
    return rf"$\beta_1={beta:g}$" if method == "adamw" else rf"$\beta={beta:g}$"


def draw_approach(axes: Axes, approach: dict, config: Config) -> None:
    steps = np.arange(approach_steps(config) + 1)
    for (method, far), norms in approach.items():
        walk = approaching(method, config)
        end = theory.equilibrium(walk, config.dimension).norm
        color = OF_METHOD[method]
        label = METHODS[method] if far == FAR[0] else None
        axes.plot(steps, norms.mean(axis=0) / end, color=color, linewidth=2, label=label)
        exact = theory.approach(walk, config.dimension, far * end, int(steps[-1]))
        plain = theory.plain_approach(walk, config.dimension, far * end, steps)
        plotting.theory(axes, steps, exact / end, label=None)
        plotting.theory(axes, steps, plain / end, label=None, linestyle=":", color=color)
    axes.set(
        yscale="log",
        xlabel="step $t$",
        ylabel=r"$\|x_t\|$ over equilibrium",
        yticks=[1 / 3, 1, 3],
        yticklabels=["1/3", "1", "3"],
    )
    axes.minorticks_off()
    axes.legend(loc="upper right")
    plotting.title(axes, "g", "the way there")


def draw_networks(axes: Axes, networks: dict[tuple[str, float], Trained]) -> None:
    for (method, share), runs in networks.items():
        ratio = runs.angles.mean(axis=2) / closed_angle(method)
        steps = (np.arange(ratio.shape[1]) + 0.5) * STRETCH
        style = ":" if share == CLEAN else "-"
        bands = [positive_mean(column) for column in ratio.T]
        low, high = zip(*(band.ends for band in bands), strict=True)
        color = OF_METHOD[method]
        if share != CLEAN:
            axes.fill_between(steps, low, high, color=color, alpha=0.2, linewidth=0)
        axes.plot(steps, [band.value for band in bands], style, color=color)
    plotting.theory(axes, [0, steps[-1]], [1, 1], label=None)
    axes.set(
        yscale="log",
        ylim=(0.25, 4),
        xlabel="step $t$",
        ylabel="angle, measured / theory",
        yticks=[0.25, 0.5, 1, 2, 4],
        yticklabels=["¼", "½", "1", "2", "4"],
    )
    axes.minorticks_off()
    plotting.title(axes, "h", "in a network")
