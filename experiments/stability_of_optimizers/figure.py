"""The library in two columns of dots, limits over their settings, and Adam's cycles."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.stability_of_optimizers import curves
from experiments.stability_of_optimizers.config import Config
from experiments.stability_of_optimizers.cycles import adam_name
from experiments.stability_of_optimizers.library import OPTAX, OURS, Row
from experiments.stability_of_optimizers.shown import is_frozen
from jdescent import plotting
from jdescent.analysis import adam_cycle

ROW_HEIGHT = 0.112  # inches
STABLE_AT_ALL = 200.0  # where what is stable at every rate is drawn
TITLES = {"heavy_ball": "heavy ball", "nesterov": "Nesterov"}


def plot(data: dict, config: Config) -> Figure:
    limits, cycles = by_name(data["rows"], limited=True), by_name(data["rows"], limited=False)
    tall = 0.9 + ROW_HEIGHT * max(len(limits), len(cycles), 12)
    layout = [[[["a", "b"]]], [[["c", "d", "e"]]], [[["f", "g", "h"]]]]
    ratios = [tall, 2.0, 2.0]
    with plotting.panels(layout, height=sum(ratios), height_ratios=ratios) as (figure, axes):
        draw_limits(axes["a"], limits)
        draw_oscillations(axes["b"], cycles)
        draw_momentum(axes["c"], data["momentum"], config)
        draw_lookahead(axes["d"], data["periods"], config)
        draw_schedule_free(axes["e"], data["horizons"], config)
        draw_multipliers(axes["f"], data["cycles"], config)
        draw_amplitudes(axes["g"], data["cycles"], config)
        draw_eps(axes["h"], data["eps"])
    return figure


def by_name(rows: list[Row], limited: bool) -> list[tuple[str, dict[str, Row]]]:
    """Rows of ours and of optax under one name, from the smallest number."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row.has_limit if limited else row.oscillation is not None:
            name = row.name + (", frozen" if is_frozen(row) else "")
            found.setdefault(name, {})[row.library] = row
    found = {name: of_name for name, of_name in found.items() if OURS in of_name}

    def size(item: tuple[str, dict[str, Row]]) -> tuple[float, str]:
        row = item[1][OURS]
        return (row.predicted if row.oscillation is None else row.oscillation.mean), item[0]

    return sorted(found.items(), key=size)


def name_rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), labels=names)
    axes.set_ylim(-0.8, max(len(names), 1) - 0.2)
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.grid(axis="y", color="0.92", linewidth=0.5)
    axes.set_axisbelow(True)


def draw_limits(axes: Axes, limits: list[tuple[str, dict[str, Row]]]) -> None:
    style: dict[str, dict[str, Any]] = {
        OURS: {"marker": "o", "color": plotting.COLORS["blue"], "markersize": 3},
        OPTAX: {
            "marker": "o", "color": plotting.COLORS["vermillion"], "markersize": 5.5,
            "markerfacecolor": "none", "markeredgewidth": 0.7,
        },
    }  # fmt: skip
    for library, words in ((OURS, "measured"), (OPTAX, "measured, of optax")):
        of = [(i, rows[library]) for i, (_, rows) in enumerate(limits) if library in rows]
        finite = [(row.measured, i) for i, row in of if np.isfinite(row.measured)]
        axes.plot(*np.array(finite).T, linestyle="none", label=words, **style[library])
        always = [(STABLE_AT_ALL, i) for i, row in of if np.isinf(row.measured)]
        if always:
            axes.plot(*np.array(always).T, linestyle="none", **style[library] | {"marker": ">"})
    predicted = [
        (rows[OURS].predicted, i)
        for i, (_, rows) in enumerate(limits)
        if np.isfinite(rows[OURS].predicted)
    ]
    axes.plot(
        *np.array(predicted).T, "|", color="black", markersize=7, markeredgewidth=0.8,
        label="predicted",
    )  # fmt: skip
    name_rows(axes, [name for name, _ in limits])
    axes.set(xscale="log", xlabel=r"largest stable $\eta\lambda$")
    axes.legend(loc="upper left")
    plotting.title(axes, "a", "a largest stable rate")


def draw_oscillations(axes: Axes, cycles: list[tuple[str, dict[str, Row]]]) -> None:
    for i, (_, rows) in enumerate(cycles):
        for library, shift, color in ((OURS, 0.13, "blue"), (OPTAX, -0.2, "vermillion")):
            if library not in rows:
                continue
            seen = rows[library].oscillation
            assert seen is not None
            axes.plot(
                [seen.mean, seen.largest], [i + shift] * 2, color=plotting.COLORS[color],
                linewidth=0.8,
            )  # fmt: skip
            axes.plot(seen.mean, i + shift, "o", color=plotting.COLORS[color], markersize=2.5)
    for library, color in ((OURS, "blue"), (OPTAX, "vermillion")):
        axes.plot(
            [], [], "o-", color=plotting.COLORS[color], markersize=2.5, linewidth=0.8,
            label=library,
        )  # fmt: skip
    name_rows(axes, [name for name, _ in cycles])
    axes.set(xscale="log", xlabel=r"$|x|\,/\,\eta$: mean to largest")
    axes.legend(loc="upper left")
    plotting.title(axes, "b", "an oscillation instead")


def draw_momentum(axes: Axes, momentum: dict, config: Config) -> None:
    beta = np.linspace(0, max(config.momenta), 200)
    for (name, found), color in zip(momentum.items(), plotting.CYCLE, strict=False):
        axes.plot(config.momenta, found["measured"], "o", color=color, label=TITLES[name])
        plotting.theory(axes, beta, curves.MOMENTUM[name][1](1.0, beta), label=None)
    axes.set(xlabel=r"momentum $\beta$", ylabel=r"largest stable $\eta\lambda$", ylim=(0, 4.4))
    axes.legend(loc="upper left")
    plotting.title(axes, "c", "momentum")


def draw_lookahead(axes: Axes, periods: dict, config: Config) -> None:
    theory = curves.lookahead_theory(config)
    for i, (share, color) in enumerate(zip(config.shares, plotting.CYCLE, strict=False)):
        edges = [float(edge.position[i]) for edge in periods.values()]
        axes.plot(config.periods, edges, "o", color=color, label=rf"$\alpha={share:g}$")
        plotting.theory(axes, config.periods, theory[:, i], label=None)
    axes.set(xlabel="period $k$", ylabel=r"largest stable $\eta\lambda$", ylim=(1.5, None))
    axes.legend(loc="upper right")
    plotting.title(axes, "d", "lookahead")


def draw_schedule_free(axes: Axes, horizons: np.ndarray, config: Config) -> None:
    steps = np.geomspace(config.horizons[0], config.horizons[-1], 100)
    axes.plot(config.horizons, horizons, "o", color=plotting.COLORS["blue"], label="measured")
    plotting.theory(axes, steps, curves.schedule_free_theory(steps), label="to order $\\ln T/T$")
    axes.axhline(float(curves.schedule_free_theory(10**12)), color="0.6", linewidth=0.6)
    axes.set(xscale="log", xlabel="steps $T$", ylabel=r"largest $\eta\lambda$ for $T$ steps")
    axes.legend(loc="lower right")
    plotting.title(axes, "e", "schedule-free")


def draw_multipliers(axes: Axes, found: dict, config: Config) -> None:
    b2 = np.linspace(min(config.b2s) - 1e-3, 0.9995, 200)
    axes.axhspan(1, 2, color="0.93", zorder=0)
    for b1, color in zip((0.0, 0.5, 0.9), plotting.CYCLE, strict=False):
        known = [(b, found[adam_name(b1, b)]) for b in config.b2s]
        axes.plot(
            [1 - b for b, _ in known],
            [cycle.found.multipliers[0] for _, cycle in known],
            "o", color=color, label=rf"$\beta_1={b1:g}$",
        )  # fmt: skip
        plotting.theory(
            axes, 1 - b2, [adam_cycle(b1, b).multipliers[0] for b in b2], label=None
        )  # fmt: skip
    axes.set(
        xscale="log", xlabel=r"$1-\beta_2$", ylabel="factor per step", ylim=(0.87, 1.5)
    )  # fmt: skip
    axes.legend(loc="upper left")
    plotting.title(axes, "f", "Adam's cycle repels")


def draw_amplitudes(axes: Axes, found: dict, config: Config) -> None:
    b1 = np.linspace(0, max(config.b1s), 100)
    known = [(b, found[adam_name(b, 0.99)].found) for b in config.b1s]
    axes.plot(
        [b for b, _ in known], [cycle.rms for _, cycle in known], "o",
        color=plotting.COLORS["blue"], label="rms of runs",
    )  # fmt: skip
    plotting.theory(
        axes, b1, [adam_cycle(b, 0.99).amplitude for b in b1],
        label=r"$(1-\beta_1)\,/\,2(1+\beta_1)$",
    )  # fmt: skip
    axes.set(yscale="log", ylim=(0.003, 0.7), xlabel=r"$\beta_1$", ylabel=r"$|x|\,/\,\eta$")
    ticks = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
    axes.set_yticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.legend(loc="lower left", borderpad=0.1)
    plotting.title(axes, "g", r"how far Adam stays")


def draw_eps(axes: Axes, eps: dict) -> None:
    bottom = 1e-12
    axes.plot(
        eps["wide"], np.maximum(eps["rms"], bottom), "o", color=plotting.COLORS["blue"],
        markersize=2,
    )  # fmt: skip
    plotting.theory(axes, eps["wide"], np.full(len(eps["wide"]), 1 / 38), label=r"$1/38$")
    axes.axvline(eps["critical"], color="black", linewidth=0.8, linestyle=":")
    plotting.note(axes, (1.4 * eps["critical"], 1e-7), r"$38\epsilon/\eta$", "black")
    axes.set(
        xscale="log", yscale="log", ylim=(bottom / 3, 10), xlabel=r"curvature $\lambda$",
        ylabel=r"$|x|\,/\,\eta$",
    )  # fmt: skip
    axes.legend(loc="lower right")
    plotting.title(axes, "h", r"Adam with $\epsilon$")
