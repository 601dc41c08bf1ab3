"""Curvatures, rates, gradients, the steepest axis, worths, and held-out prices."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.statistics import mean_interval
from experiments.house_prices.config import Config
from experiments.house_prices.descents import root_mean_square
from experiments.house_prices.generate import NOISE
from experiments.house_prices.held_out import HeldOut
from jdescent import plotting

COLORS = {"raw": plotting.COLORS["vermillion"], "normalized": plotting.COLORS["blue"]}
ACROSS_COLORS = ("green", "blue", "orange")
MOST_FEATURES = 12


def plot(data: dict, config: Config) -> Figure:
    with plotting.panels([["a", "b"], ["c", "d"], ["e", "f"]], height=7.0) as (figure, axes):
        draw_curvatures(axes["a"], data)
        draw_sweep(axes["b"], data, config)
        draw_gradients(axes["c"], data, config)
        draw_across(axes["d"], data)
        draw_worth(axes["e"], data, config)
        draw_held_out(axes["f"], data, config)
    return figure


def plain(text: str) -> str:
    """Text in which a dollar sign is one, and opens no formula."""
    return text.replace("$", r"\$")


def money(amount: float, config: Config) -> str:
    digits = f"{abs(amount):,.0f}" if abs(amount) >= 100 else f"{abs(amount):.2g}"
    return plain(f"{'−' if amount < 0 else ''}{config.currency}{digits}")


def unit_of(amounts: np.ndarray, config: Config) -> tuple[float, str]:
    """What to divide amounts by for an axis, and its words."""
    if np.max(np.abs(amounts)) < 1e4:
        return 1.0, plain(config.currency)
    return 1e3, plain(f"{config.currency}1,000")


def draw_curvatures(axes: Axes, data: dict) -> None:
    for height, (name, color) in zip((1, 0), COLORS.items(), strict=True):
        curvatures = data[name]["bowl"].curvatures
        axes.plot(curvatures[[0, -1]], [height] * 2, color=color, linewidth=0.6)
        axes.plot(curvatures, np.full(curvatures.size, height), "o", color=color, markersize=5)
        condition = data[name]["hessian_condition"]
        digits = f"{condition:,.0f}" if condition > 1e3 else f"{condition:.3g}"
        words = rf"{name}: $\kappa=${digits}"
        plotting.note(axes, (curvatures[-1], height + 0.2), words, color)
    axes.set(xscale="log", ylim=(-0.5, 1.6), yticks=[], xlabel=r"curvature $\lambda$")
    axes.set_xlim(*np.array(axes.get_xlim()) * [0.3, 10])
    axes.spines["left"].set_visible(False)
    plotting.title(axes, "a", "how the loss curves")


def draw_sweep(axes: Axes, data: dict, config: Config) -> None:
    top = root_mean_square(data["table"].y)
    for place, (name, color) in zip((0.03, 0.52), COLORS.items(), strict=True):
        sweep = data[name]["sweep"]
        edge = sweep["edge"].position
        axes.plot(sweep["rates"], sweep["measured"], "o", color=color, markersize=2)
        plotting.theory(axes, sweep["rates"], sweep["exact"], label=None)
        axes.axvline(edge, color=color, linewidth=0.8, linestyle=":")
        best = money(sweep["measured"].min(), config)
        words = f"{name}:\nat best {best}\nlimit {edge:.3g}"
        plotting.note(axes, (place, 0.5), words, color, transform=axes.transAxes, va="top")
    plotting.theory(axes, [], [], label="exact")
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(1e-9 * top, 15 * top),
        xlabel=r"learning rate $\eta$",
        ylabel=f"off least squares ({plain(config.currency)})",
    )
    axes.legend(loc="lower left")
    plotting.title(axes, "b", f"predictions after {config.sweep_steps:,} steps")


def draw_gradients(axes: Axes, data: dict, config: Config) -> None:
    for height, (name, color) in zip((0.99, 0.82), COLORS.items(), strict=True):
        run = data[name]["run"]
        steps = np.arange(run["gradient_norm"].size)
        axes.plot(steps, run["gradient_norm"], color=color, linewidth=2.4)
        axes.plot(steps[-1], run["gradient_norm"][-1], "o", color=color, markersize=5)
        plotting.theory(axes, steps, run["exact"], label=None)
        words = f"{name}: {run['sentence'].split(':')[0]}"
        if run["steps_needed"] > config.steps:
            words = f"{words},\n{run['steps_needed']:,.0f} steps needed"
        plotting.note(
            axes, (0.99, height), words, color, transform=axes.transAxes, ha="right", va="top"
        )
    plotting.theory(axes, [], [], label="exact")
    axes.axhline(config.tolerance, color="0.6", linewidth=0.6)
    axes.set(
        yscale="log",
        xlim=(0, 1.5 * config.steps),
        ylim=(0.1 * config.tolerance, 20),
        xlabel="step $t$",
        ylabel=r"$\|\nabla J_t\|\,/\,\|\nabla J_0\|$",
    )
    axes.set_xscale("symlog", linthresh=1, linscale=0.4)
    axes.minorticks_off()
    axes.legend(loc="lower left")
    plotting.title(axes, "c", "when descent stops, and why")


def draw_across(axes: Axes, data: dict) -> None:
    across = data["across"]
    first = np.abs(data["across"]["inches"]["position"][0]) or 1.0
    places = ((14, 0.85), (14, 0.27), (4, -0.85))
    for (name, run), color, place in zip(across.items(), ACROSS_COLORS, places, strict=True):
        steps = np.arange(run["position"].size)
        shade = plotting.COLORS[color]
        axes.plot(steps, run["position"] / first, "o-", color=shade, linewidth=0.7, markersize=2.5)
        plotting.theory(axes, steps, np.abs(run["exact"]) / first, label=None)
        if np.any(run["exact"] < 0):
            plotting.theory(axes, steps, -np.abs(run["exact"]) / first, label=None)
        plotting.note(axes, place, rf"{name}: $\eta={2 * run['share']:.3g}/\lambda$", shade)
    plotting.theory(axes, [], [], label=r"$|1-\eta\lambda|^t$")
    axes.axhline(0, color="0.6", linewidth=0.5)
    axes.set(xlabel="step $t$", ylabel="position across the valley", ylim=(-1.1, 1.1))
    axes.legend(loc="lower right")
    plotting.title(axes, "d", "across the valley at three rates")


def draw_worth(axes: Axes, data: dict, config: Config) -> None:
    """Slopes per standard deviation of their feature, the largest at the top."""
    table, scaling = data["table"], data["scaling"]
    natural = scaling.natural(data["normalized"]["run"]["theta"])[:-1]
    solution = data["raw"]["bowl"].minimum[:-1]
    order = np.argsort(-np.abs(natural * scaling.deviation))[:MOST_FEATURES]
    divisor, unit = unit_of(natural * scaling.deviation, config)
    scale, heights = scaling.deviation[order] / divisor, -np.arange(order.size)
    axes.plot(
        solution[order] * scale, heights, "o", color="0.5", markerfacecolor="none", markersize=7,
        label="least squares",
    )  # fmt: skip
    axes.plot(
        natural[order] * scale, heights, "o", color=COLORS["normalized"], markersize=4,
        label="descent",
    )  # fmt: skip
    if data["truth"] is not None:
        truth, half = data["truth"][order], 1.96 * NOISE * standard_errors(table.x)[order]
        below = heights - 0.3
        axes.hlines(below, (truth - half) * scale, (truth + half) * scale, color="black", lw=0.8)
        axes.plot(truth * scale, below, "|", color="black", markersize=6, label="truth")
    between = "\n" if order.size <= 6 else ": "
    names = [f"{plain(table.features[i])}{between}{money(natural[i], config)}" for i in order]
    axes.set_yticks(heights, names)
    axes.axvline(0, color="0.6", linewidth=0.5, zorder=0)
    axes.set(xlabel=f"worth of one deviation ({unit})", ylim=(0.6 - order.size, 0.5))
    axes.legend(loc="lower right")
    plotting.title(axes, "e", "what a feature is worth")


def standard_errors(x: np.ndarray) -> np.ndarray:
    """Of least squares, for noise of deviation 1: the roots of the diagonal of (X₁ᵀX₁)⁻¹."""
    columns = np.column_stack([x, np.ones(len(x))])
    return np.linalg.norm(np.linalg.pinv(columns), axis=1)


def draw_held_out(axes: Axes, data: dict, config: Config) -> None:
    scores: HeldOut = data["held_out"]
    divisor, unit = unit_of(scores.true, config)
    true, predicted = scores.true / divisor, scores.predicted / divisor
    axes.plot(true, predicted, "o", color=COLORS["normalized"])
    low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
    plotting.theory(axes, [low, high], [low, high], label=None)
    lines = ["root mean squared error:"]
    named = (
        ("descent", scores.descent),
        ("least squares", scores.least_squares),
        ("mean", scores.mean),
    )
    for name, errors in named:
        mean, interval = mean_interval(errors)
        lines.append(f"{name} {money(mean, config)} ± {money(np.ptp(interval) / 2, config)}")
    plotting.note(
        axes, (1.02, 0.02), "\n".join(lines), "black", transform=axes.transAxes, ha="right"
    )
    target = plain(data["table"].target)
    left, right = axes.get_xlim()
    axes.set(
        yticks=[tick for tick in axes.get_xticks() if left <= tick <= right],
        ylim=(low - 0.45 * (high - low), high + 0.05 * (high - low)),
        xlabel=f"true {target} ({unit})",
        ylabel=f"predicted {target} ({unit})",
    )
    plotting.title(axes, "f", f"{true.size} held-out rows")
