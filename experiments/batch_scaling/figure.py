"""Steps, best rates and noise scales over the batch size."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.batch_scaling import jackknife, reading
from experiments.batch_scaling.best_rates import best_rates
from experiments.batch_scaling.classifier import SCALINGS
from experiments.batch_scaling.config import Config
from experiments.batch_scaling.digits_numbers import NAMES, POWERS, typical_scale
from experiments.batch_scaling.noise_scale import SINGLE, Along, Step
from experiments.batch_scaling.quadratic import METHODS, SIZES
from experiments.batch_scaling.tradeoff import fitted
from jdescent import plotting

METHOD_COLORS = dict(zip(METHODS, plotting.CYCLE, strict=False))
RULE_COLORS = {"sgd": plotting.COLORS["blue"], "adam": plotting.COLORS["vermillion"]}
SCALING_STYLES = {"linear": ("-", r"$\propto B$"), "root": ("--", r"$\propto\sqrt{B}$"),
                  "none": (":", "same")}  # fmt: skip
MARKS = {"sgd": "o", "adam": "s"}
RIGHT = {"sgd": "linear", "adam": "root"}


def plot(data: dict, config: Config) -> Figure:
    layout = [["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]]
    with plotting.panels(layout, height=6.6) as (figure, axes):
        draw_frontiers(axes["a"], data["frontiers"])
        draw_quadratic_rates(axes["b"], data["best"], config)
        draw_tradeoffs(axes["c"], data, config)
        draw_single_steps(axes["d"], data["single"])
        draw_noise(axes["e"], data["along"])
        draw_steps(axes["f"], data, config)
        draw_rates(axes["g"], data["digits"], config)
        draw_linear_rule(axes["h"], data["digits"], config)
        draw_rules(axes["i"], data["digits"], config)
    return figure


def colors_of(config: Config) -> dict[str, str]:
    return {rule: RULE_COLORS[rule] for rule in config.rules}


def power_law(axes: Axes, sizes: np.ndarray, through: tuple[float, float], power: float) -> None:
    """A dotted line of the power through a point."""
    size, value = through
    line = value * (np.asarray(sizes) / size) ** power
    plotting.theory(axes, sizes, line, label=None, linestyle=":", color="0.5")


def draw_frontiers(axes: Axes, frontiers: dict) -> None:
    for method, row in frontiers.items():
        steps = [tuned.steps for tuned in row]
        axes.plot(SIZES, steps, color=METHOD_COLORS[method], label=METHODS[method])
    first = frontiers["sgd"][0].steps
    power_law(axes, SIZES[:11], (SIZES[0], first), -1.0)
    axes.legend(loc="upper right", borderpad=0.1, handlelength=1)
    axes.set(xscale="log", yscale="log", ylim=(5, 2e5), xlabel="batch size $B$", ylabel="steps $S$")
    plotting.title(axes, "a", "quadratic: steps")


def draw_quadratic_rates(axes: Axes, best: dict, config: Config) -> None:
    sizes = np.array(config.batches, float)
    for rule, color in colors_of(config).items():
        for size in config.batches:
            found = best[rule, size]
            mean = jackknife.estimate(best_rates(found.rates, found.losses), positive=True)
            axes.errorbar(size, mean.value, mean.reach, fmt=MARKS[rule], color=color, markersize=4)
        axes.plot([], [], MARKS[rule], color=color, label=NAMES[rule])
        exact = [best[rule, size].expected for size in config.batches]
        plotting.theory(axes, sizes, exact, label=None)
        power_law(axes, sizes, (sizes[0], exact[0]), POWERS[rule])
    axes.legend(loc="upper left", handletextpad=0.1, borderpad=0.1)
    axes.set(xscale="log", yscale="log", xlabel="batch size $B$", ylabel=r"best rate $\eta$")
    plotting.title(axes, "b", "quadratic: rates")


def draw_tradeoffs(axes: Axes, data: dict, config: Config) -> None:
    for method, row in data["frontiers"].items():
        steps = np.array([tuned.steps for tuned in row])
        draw_tradeoff(axes, SIZES, steps, METHOD_COLORS[method], None)
    for rule, color in colors_of(config).items():
        steps, _ = reading.digits_tradeoff(data["digits"], rule, config)
        draw_tradeoff(axes, np.array(config.sizes, float), steps, color, "white", MARKS[rule])
    ends = np.array([1e-2, 1e2])
    plotting.theory(axes, ends, 1 / ends, label=None)
    axes.set(
        xscale="log", yscale="log", xlim=(8e-3, 1.2e2), ylim=(8e-3, 1.2e2),
        xlabel="$S/S_{min}-1$", ylabel="$E/E_{min}-1$",
    )  # fmt: skip
    plotting.title(axes, "c", "tradeoff")


def draw_tradeoff(axes: Axes, sizes, steps, color: str, face, mark: str = "o") -> None:
    found = fitted(sizes, steps)
    excess = steps / found.steps - 1
    extra = sizes * steps / (found.steps * found.critical) - 1
    shown = (excess > 0) & (extra > 0)
    axes.plot(
        excess[shown], extra[shown], mark, color=color, markerfacecolor=face or color, markersize=3
    )


def draw_single_steps(axes: Axes, single: Step) -> None:
    for shift, parts, whole, face in (
        (0.85, single.decreases, single.largest, plotting.COLORS["green"]),
        (1.18, single.rates, single.full_rate, "white"),
    ):
        for B, row in zip(SINGLE, parts, strict=True):
            mean = jackknife.estimate(row / whole, positive=True)
            axes.errorbar(
                B * shift, mean.value, mean.reach, fmt="o", color=plotting.COLORS["green"],
                markerfacecolor=face, markersize=4,
            )  # fmt: skip
    fine = np.geomspace(SINGLE[0], SINGLE[-1], 50)
    plotting.theory(axes, fine, 1 / (1 + single.noise / fine), label=None)
    axes.axvline(single.noise, color="0.5", linestyle=":", linewidth=0.8)
    plotting.note(axes, (single.noise * 0.8, 4e-3), r"$B_{noise}$", "0.4", ha="right")
    axes.set(xscale="log", yscale="log", xlabel="batch size $B$", ylabel="over all the data's")
    plotting.title(axes, "d", "digits: one step")


def draw_noise(axes: Axes, along: Along) -> None:
    for row, losses in zip(along.simple, along.loss, strict=True):
        axes.plot(losses, row, ".-", color=plotting.COLORS["purple"], linewidth=0.6)
    axes.set(
        xscale="log", yscale="log", xlim=(3.2, 0.6), xlabel="training loss",
        ylabel=r"$\mathrm{tr}\,\Sigma/|G|^2$",
    )  # fmt: skip
    axes.set_xticks([3, 2, 1], ["3", "2", "1"])
    axes.minorticks_off()
    plotting.title(axes, "e", "digits: noise scale")


def draw_steps(axes: Axes, data: dict, config: Config) -> None:
    sizes = np.array(config.sizes, float)
    fine = np.geomspace(sizes[0], sizes[-1], 50)
    for rule, color in colors_of(config).items():
        steps, found = reading.digits_tradeoff(data["digits"], rule, config)
        axes.plot(sizes, steps, MARKS[rule], color=color, markersize=4, label=NAMES[rule])
        plotting.theory(axes, fine, found.at(fine), label=None)
    scale = typical_scale(data["along"], config)
    axes.axvspan(*scale.ends, color=plotting.COLORS["purple"], alpha=0.4, linewidth=0)
    axes.legend(loc="lower left", handletextpad=0.1, borderpad=0.1)
    axes.set(xscale="log", yscale="log", xlabel="batch size $B$", ylabel="steps $S$")
    plotting.title(axes, "f", "digits: steps")


def draw_rates(axes: Axes, runs: reading.Runs, config: Config) -> None:
    sizes = np.array(config.sizes, float)
    for rule, color in colors_of(config).items():
        means = [
            jackknife.estimate(
                reading.best_rate(runs[rule, size].tried, size, config), positive=True
            )
            for size in config.sizes
        ]
        for size, mean in zip(sizes, means, strict=True):
            axes.errorbar(size, mean.value, mean.reach, fmt=MARKS[rule], color=color, markersize=4)
        power_law(axes, sizes, (sizes[0], means[0].value), POWERS[rule])
    axes.set(
        xscale="log", yscale="log", ylim=(3e-3, 20), xlabel="batch size $B$",
        ylabel=r"best rate $\eta$",
    )  # fmt: skip
    plotting.title(axes, "g", "digits: rates")


def draw_linear_rule(axes: Axes, runs: reading.Runs, config: Config) -> None:
    rule = config.rules[0]
    scaling = RIGHT[rule]
    place = SCALINGS.index(scaling)
    for size in config.sizes:
        if (curves := runs[rule, size].ruled) is not None:
            seen = curves.steps * size <= config.examples
            losses = np.exp(np.log(curves.losses[place]).mean(axis=0))[seen]
            examples = curves.steps[seen] * size / 1_000
            axes.plot(examples, losses, linewidth=0.8, label=f"{size}")
    axes.legend(title="$B$", loc="upper right", ncols=2, borderpad=0.1, handlelength=1)
    axes.set(ylim=(0.6, 2.6), xlabel="thousand examples", ylabel="training loss")
    plotting.title(axes, "h", f"{NAMES[rule]}, rate {SCALING_STYLES[scaling][1]}")


def draw_rules(axes: Axes, runs: reading.Runs, config: Config) -> None:
    for rule, color in colors_of(config).items():
        for scaling, (style, label) in SCALING_STYLES.items():
            found = reading.distances(runs, rule, scaling, config)
            axes.plot(
                list(found), list(found.values()), style, marker=MARKS[rule], color=color,
                markersize=3, linewidth=0.8, label=label if rule == config.rules[-1] else None,
            )  # fmt: skip
    axes.legend(loc="lower right", borderpad=0.1)
    axes.set(xscale="log", yscale="log", xlabel="batch size $B$", ylabel=r"distance of $\ln L$")
    axes.set_xticks(list(found), [str(size) for size in found])
    axes.minorticks_off()
    plotting.title(axes, "i", "which rule")
