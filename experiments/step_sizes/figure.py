"""The panels of the experiment on step sizes."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.statistics import positive_mean
from experiments.step_sizes import bowls, schedules, smooth
from experiments.step_sizes.config import Config
from jdescent import plotting
from jdescent.optimizers.accelerated import leja_order

BLUE, RED, GREEN, ORANGE, PURPLE = (
    plotting.COLORS[name] for name in ("blue", "vermillion", "green", "orange", "purple")
)
GRAY = "0.5"
DRAWN_LOSSES = (0.08, 0.1, 0.15, 0.2, 0.3)
SHOWN_SILVER, SHOWN_CHEBYSHEV = 31, 16
SCHEDULES = dict(zip(schedules.NAMES, (GRAY, PURPLE, ORANGE, BLUE, GREEN), strict=True))


def plot(data: dict, config: Config) -> Figure:
    layout = [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]]
    with plotting.panels(layout, height=8.4) as (figure, axes):
        draw_sizes(axes["a"])
        draw_worst(axes["b"], data["worst"], config)
        draw_errors(axes["c"], data["errors"], config)
        draw_ripples(axes["d"], data["accelerated"], config)
        draw_slopes(axes["e"], data["accelerated"], config)
        draw_bound(axes["f"], data["convex"])
        draw_convex(axes["g"], data["convex"], config)
        draw_digits(axes["h"], data["digits"], config)
        handles, labels = axes["g"].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=len(labels), columnspacing=1.0
        )
    return figure


def draw_sizes(axes: Axes) -> None:
    silver = smooth.sizes("silver", SHOWN_SILVER)
    angles = (2 * np.arange(SHOWN_CHEBYSHEV) + 1) * np.pi / (2 * SHOWN_CHEBYSHEV)
    share = (1 + leja_order(np.cos(angles))) / 2
    least = 1 / bowls.CONDITION
    chebyshev = 1 / (least + (1 - least) * share)
    axes.plot(np.arange(1, SHOWN_SILVER + 1), silver, "o-", color=BLUE, linewidth=0.6)
    axes.plot(np.arange(1, SHOWN_CHEBYSHEV + 1), chebyshev, "s-", color=ORANGE, linewidth=0.6)
    axes.axhline(2, linestyle=":", color="black", linewidth=0.8)
    plotting.note(axes, (17, 13), "silver", BLUE)
    plotting.note(axes, (2.5, 75), "Chebyshev", ORANGE)
    axes.set(yscale="log", ylim=(0.8, 130), xlabel="step", ylabel="step size times $L$")
    plotting.title(axes, "a", "long steps")


def draw_worst(axes: Axes, worst: dict, config: Config) -> None:
    at = smooth.checkpoints(config)
    axes.plot(at, smooth.silver_bound(at), color="0.7", linewidth=2.5, zorder=0)
    for name, color, label, places in (
        ("gd", RED, "constant", at),
        ("long_15", GREEN, "pattern", 15 * 2 ** np.arange(config.doublings - 3)),
        ("silver", BLUE, "silver", at),
    ):
        shown = places[places < worst[name]["huber"].size]
        axes.plot(shown, worst[name]["huber"][shown], "o", color=color, label=label)
        axes.plot(shown, worst[name]["quadratic"][shown], "x", color=color)
        plotting.theory(axes, shown, smooth.worst_huber(name, shown), label=None)
    axes.set(xscale="log", yscale="log", xlabel="steps $n$", ylabel="largest loss")
    axes.legend(loc="lower left")
    plotting.title(axes, "b", "smooth convex functions")


def draw_errors(axes: Axes, errors: dict, config: Config) -> None:
    for name, color, label in (
        ("gd", RED, "gradient descent"),
        ("heavy_ball", GREEN, "heavy ball"),
    ):
        axes.plot(errors[name], color=color, label=label)
    axes.plot(config.chebyshev_steps, errors["chebyshev"], "s", color=ORANGE, label="Chebyshev")
    steps = np.arange(bowls.SHOWN_STEPS + 1)
    plotting.theory(axes, steps, [bowls.least_error(int(n)) for n in steps], label=None)
    axes.set(yscale="log", ylim=(1e-6, 20), xlabel="steps $n$", ylabel="largest error")
    axes.legend(loc="lower left")
    plotting.title(axes, "c", r"quadratics, $\kappa=100$")


def draw_ripples(axes: Axes, runs: dict, config: Config) -> None:
    condition = config.restart_conditions[-1]
    shown = int(config.ripples / 2 * bowls.ripple(condition))
    for name, color, label in (
        ("unaware", RED, "no restart"),
        ("aware", GREEN, r"knows $\kappa$"),
        ("restarted", BLUE, "restarts"),
    ):
        axes.plot(runs[name, "geometric"]["loss"][-1][:shown], color=color, label=label)
    ticks = bowls.ripple(condition) * np.arange(1, config.ripples // 2 + 1)
    axes.vlines(ticks, 3, 30, color="black", linewidth=0.8)
    axes.set(
        yscale="log", ylim=(1e-24, 100), xlabel="step", ylabel="loss, over the first",
        xlim=(0, shown), yticks=10.0 ** np.arange(-24, 1, 6),
    )  # fmt: skip
    axes.legend(loc="lower left")
    plotting.title(axes, "d", rf"Nesterov's method, $\kappa={power_of_ten(condition)}$")


def power_of_ten(value: float) -> str:
    return rf"10^{{{np.log10(value):.0f}}}"


def draw_slopes(axes: Axes, runs: dict, config: Config) -> None:
    conditions = np.array(config.restart_conditions)
    for spectrum, color in (("even", BLUE), ("geometric", ORANGE)):
        losses = runs["restarted", spectrum]["loss"]
        slopes = [bowls.slope(loss) for loss in losses] * np.sqrt(conditions)
        axes.plot(conditions, slopes, "o-", color=color, linewidth=0.6, label=bowls.WORDS[spectrum])
    plotting.theory(axes, conditions[[0, -1]], [1, 1], label=None)
    axes.set(
        xscale="log", ylim=(0, 2.2), xlabel=r"condition number $\kappa$",
        ylabel=r"slope times $\sqrt{\kappa}$",
    )  # fmt: skip
    axes.legend(loc="lower left")
    plotting.title(axes, "e", "what restarts recover")


def draw_bound(axes: Axes, convex: dict) -> None:
    theory, problem = convex["theory"], convex["problem"]
    steps = np.array(list(theory))
    bars(axes, steps, list(theory.values()), BLUE, None)
    plotting.theory(axes, steps, problem.distance / np.sqrt(steps), label=None)
    middle = np.sqrt(steps[0] * steps[-1])
    place = middle, 1.15 * problem.distance / np.sqrt(middle)
    plotting.note(axes, place, r"$DG/\sqrt{T}$", "black")
    axes.set(xscale="log", yscale="log", xlabel="steps $T$", ylabel="loss above the least")
    plotting.title(axes, "f", "linear decay, convex loss")


def draw_convex(axes: Axes, convex: dict, config: Config) -> None:
    rates = convex["peaks"] * np.sqrt(config.convex_tuned_steps) / convex["problem"].distance
    for name, color in SCHEDULES.items():
        bars(axes, rates, convex["tuned"][name], color, name)
    axes.set(
        xscale="log", yscale="log", xlabel=r"largest rate $\eta\,G\sqrt{T}/D$",
        ylabel="loss above the least",
    )  # fmt: skip
    plotting.title(axes, "g", "schedules, convex loss")


def draw_digits(axes: Axes, losses: dict, config: Config) -> None:
    for name, color in SCHEDULES.items():
        bars(axes, np.array(config.digit_rates), losses[name], color, name)
    axes.set(
        xscale="log",
        yscale="log",
        xticks=config.digit_rates,
        xticklabels=[f"{rate:g}" for rate in config.digit_rates],
        yticks=DRAWN_LOSSES,
        yticklabels=[f"{loss:g}" for loss in DRAWN_LOSSES],
        xlabel=r"largest rate $\eta$",
        ylabel="held-out cross-entropy",
    )
    axes.minorticks_off()
    plotting.title(axes, "h", "schedules, digits")


def bars(axes: Axes, x: np.ndarray, samples, color: str, label: str | None) -> None:
    means = [positive_mean(values) for values in samples]
    reach = np.concatenate([mean.reach for mean in means], axis=1)
    axes.errorbar(
        x, [mean.value for mean in means], yerr=reach, fmt="o-", color=color, label=label,
        linewidth=0.8, elinewidth=0.8, markersize=2.5,
    )  # fmt: skip
