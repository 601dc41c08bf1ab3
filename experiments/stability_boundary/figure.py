"""The boundary, the four runs, the planes of momentum, and one slice."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from experiments.stability_boundary.config import LIMITS, TITLES, Config
from jdescent import plotting

COLORS = dict(zip(TITLES, plotting.CYCLE, strict=False))


def plot(data: dict, config: Config) -> Figure:
    layout = [["a", "b"], ["c", "d"], ["e", "e"]]
    with plotting.panels(layout, height=6.6) as (figure, axes):
        draw_boundary(axes["a"], data["boundary"], config)
        draw_named_runs(axes["b"], data["named"], config)
        for panel, name in (("c", "heavy_ball"), ("d", "nesterov")):
            image = draw_plane(axes[panel], panel, name, data["planes"][name])
        axes["c"].legend(loc="upper left")
        figure.colorbar(
            image,
            ax=[axes["c"], axes["d"]],
            label=r"measured factor per step $\rho$",
            ticks=[0.5, 0.75, 1, 1.25, 1.5],
            extend="both",
        )
        draw_slices(axes["e"], data["slices"], config)
    return figure


def draw_boundary(axes: Axes, boundary: dict, config: Config) -> None:
    labels = {"x": r"$\lambda=2$", "half": r"$\lambda=1$"}
    for (name, swept), color in zip(boundary.items(), plotting.CYCLE, strict=False):
        axes.plot(swept["rates"], swept["growth"], color=color, linewidth=2.4)
        plotting.theory(axes, swept["rates"], swept["theory"], label=None)
        axes.axvline(swept["limit"], color=color, linewidth=0.6, linestyle=":")
        axes.annotate(
            f"{labels[name]}\nedge at\n{swept['edge'].position:.5f}",
            (0.58 if name == "x" else 1.45, 1e-2),
            ha="center",
            va="top",
            color=color,
            fontsize=7,
        )
    plotting.theory(axes, [], [], label=r"$|1-\eta\lambda|^t$")
    axes.set(
        yscale="log",
        ylim=(1e-16, 1e14),
        xlim=(0, 2.5),
        xlabel=r"learning rate $\eta$",
        ylabel=rf"$|x_t-x^\star|\,/\,|x_0-x^\star|$ at $t={config.steps}$",
    )
    axes.axhline(1, color="0.6", linewidth=0.5)
    axes.legend(loc="upper left", handlelength=1)
    plotting.title(axes, "a", r"gradient descent parts at $2/\lambda$")


def draw_named_runs(axes: Axes, named: np.ndarray, config: Config) -> None:
    words = ("too small", "just right", "too big", "diverges")
    bottom, last = 1e-12, named.shape[1] - 1
    steps = np.arange(last + 1)
    for word, rate, losses, color in zip(words, config.runs, named, plotting.CYCLE, strict=False):
        axes.plot(steps, losses, "o", color=color)
        plotting.theory(axes, steps, losses[0] * (1 - rate) ** (2 * steps), label=None)
        end = int(np.max(steps[losses > 1e3 * bottom]))
        axes.annotate(
            f"$\\eta={rate:g}$\n{word}",
            (end, max(losses[end], bottom)),
            xytext=(11, 0),
            textcoords="offset points",
            va="center",
            color=color,
            fontsize=7,
        )
    plotting.theory(axes, [], [], label=r"$(1-\eta)^{2t}$")
    axes.set(
        yscale="log",
        ylim=(bottom, 1e8),
        xlim=(0, 1.4 * last),
        xlabel="step $t$",
        ylabel=r"$L(x_t)-\min L$",
    )
    axes.legend(loc="upper left")
    plotting.title(axes, "b", r"four runs on $\frac{1}{2}(x-1)^2+\frac{1}{2}$")


def draw_plane(axes: Axes, panel: str, name: str, plane: dict) -> QuadMesh:
    image = axes.pcolormesh(
        plane["rates"],
        plane["momenta"],
        plane["factor"],
        norm=TwoSlopeNorm(1.0, 0.5, 1.5),
        cmap="PuOr_r",
        shading="nearest",
        rasterized=True,
    )
    thin = slice(None, None, max(1, len(plane["momenta"]) // 20))
    axes.plot(
        plane["edge"].position[thin],
        plane["momenta"][thin],
        "o",
        color="black",
        markerfacecolor="none",
        label="measured edge",
    )
    plotting.theory(axes, LIMITS[name](1.0, plane["momenta"]), plane["momenta"])
    axes.set(xlabel=r"$\eta\lambda$", ylabel=r"momentum $\beta$", xlim=(0, 4.2), ylim=(0, 0.99))
    formula = {
        "heavy_ball": r"$\eta\lambda=2(1+\beta)$",
        "nesterov": r"$\eta\lambda=\frac{2+2\beta}{1+2\beta}$",
    }[name]
    plotting.title(axes, panel, f"{TITLES[name]}: {formula}")
    return image


def draw_slices(axes: Axes, slices: dict, config: Config) -> None:
    for name, swept in slices.items():
        thin = slice(None, None, max(1, len(swept["rates"]) // 80))
        beta = "" if name == "gd" else rf", $\beta={config.momentum:g}$"
        axes.plot(
            swept["rates"][thin],
            swept["factor"][thin],
            "o",
            color=COLORS[name],
            label=f"{TITLES[name]}{beta}",
        )
        plotting.theory(axes, swept["rates"], swept["exact"], label=None)
    plotting.theory(axes, [], [], label="exact")
    axes.axhline(1, color="0.6", linewidth=0.5)
    axes.set(
        xlabel=r"$\eta\lambda$", ylabel=r"factor per step $\rho$", xlim=(0, 4.2), ylim=(0, 1.5)
    )
    axes.legend(loc="upper left", bbox_to_anchor=(0.55, 0.6))
    plotting.title(axes, "e", r"contraction per step: the heavy ball's cliff at $2(1+\beta)$")
