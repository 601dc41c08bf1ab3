"""Losses at three rates, accuracies, schedules, warm-up, and the edge of descent."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.number import Baseline
from experiments.learning_rate_curves.config import (
    DECAYS,
    METHODS,
    MOMENTUM,
    PEAK,
    TOO_HIGH,
    TOO_LOW,
    Config,
    shapes,
)
from experiments.learning_rate_curves.training import BIN, Run, at_rate, best, fails, in_bins
from jdescent import plotting

COLORS = dict(zip(METHODS, ("blue", "vermillion", "green"), strict=True))
COLORS = {name: plotting.COLORS[color] for name, color in COLORS.items()}
SCHEDULE_COLORS = {
    "constant": COLORS["momentum"],
    "step": plotting.COLORS["orange"],
    "cosine": plotting.COLORS["purple"],
    "warm_up_cosine": plotting.COLORS["sky"],
}
SCHEDULE_TITLES = {"constant": "constant"} | {
    name: title.removesuffix(" decay") for name, title in DECAYS.items()
}


def plot(data: dict, config: Config) -> Figure:
    layout = [[[["a", "b"], ["c", "d"], ["e", "f"]]], [[["g", "h", "i"]]]]
    with plotting.panels(layout, height=7.8, height_ratios=(3.1, 1.0)) as (figure, axes):
        draw_three_rates(axes["a"], data["runs"]["sgd"])
        draw_accuracy(axes["b"], data["runs"], data["majority"], data["baseline"])
        draw_end_loss(axes["c"], data["runs"])
        draw_failures(axes["d"], data["runs"])
        draw_schedules(axes["e"], config)
        draw_schedule_losses(axes["f"], data["runs"])
        draw_peak_rates(axes["g"], data["runs"])
        draw_warm_up(axes["h"], data["deep"])
        draw_edge(axes["i"], data["edge"])
        handles, labels = axes["b"].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def draw_three_rates(axes: Axes, sgd: Run) -> None:
    """Means and ranges over seeds of the batches' losses, at three rates."""
    right = float(sgd["rates"][best(sgd)])
    for words, rate, place, color in (
        ("too high", TOO_HIGH, (130, 3.4), plotting.COLORS["vermillion"]),
        ("too low", TOO_LOW, (130, 1.2), plotting.COLORS["sky"]),
        ("right", right, (10, 0.025), plotting.COLORS["blue"]),
    ):
        row = at_rate(sgd, rate)
        losses = in_bins(sgd["losses"][row])
        draw_band(axes, middles(losses), losses, color)
        accuracy = 100 * sgd["accuracy"][row].mean()
        label = rf"{words}, $\eta={rate:.2g}$: {accuracy:.1f} %"
        plotting.note(axes, place, label, color, va="center")
    tenfold = in_bins(sgd["losses"][at_rate(sgd, 10 * TOO_LOW)], BIN // 10).mean(axis=0)
    steps = middles(losses)
    plotting.theory(axes, steps, tenfold[: len(steps)], label=None)
    plotting.note(axes, (130, 0.65), r"dashed: $10\,\eta$, slowed tenfold", "black", va="center")
    axes.set(yscale="log", ylim=(8e-3, 6), xlabel="step", ylabel="training loss")
    plotting.title(axes, "a", "SGD at three rates, % held out")


def middles(bins: np.ndarray) -> np.ndarray:
    """The step in the middle of every bin."""
    return BIN * (np.arange(bins.shape[1]) + 0.5)


def draw_band(axes: Axes, x: np.ndarray, samples: np.ndarray, color: str, **style) -> None:
    """The mean over seeds, the first axis, and the range."""
    axes.fill_between(
        x, samples.min(axis=0), samples.max(axis=0), color=color, alpha=0.2, linewidth=0
    )
    axes.plot(x, samples.mean(axis=0), color=color, **style)


def draw_accuracy(axes: Axes, runs: dict[str, Run], majority: float, baseline: Baseline) -> None:
    for name, title in METHODS.items():
        run = runs[name]
        draw_band(axes, run["rates"], run["accuracy"].T, COLORS[name], label=title)
    plotting.theory(axes, [1e-4, 10], [majority, majority], label=None)
    plotting.note(axes, (2e-3, majority + 0.02), "majority class", "black")
    plotting.theory(axes, [1e-4, 10], [baseline.score] * 2, label=None, linestyle=":")
    axes.set(xscale="log", ylim=(0, 1.02), xlabel=r"rate $\eta$", ylabel="held-out accuracy")
    plotting.title(axes, "b", "held-out accuracy")


def draw_end_loss(axes: Axes, runs: dict[str, Run]) -> None:
    for name in METHODS:
        run = runs[name]
        draw_band(axes, run["rates"], run["end"].T, COLORS[name])
    sgd = runs["sgd"]
    small = sgd["rates"] < PEAK
    shifted = (1 - MOMENTUM) * sgd["rates"][small]
    plotting.theory(axes, shifted, sgd["end"][small].mean(axis=1), label=None)
    plotting.note(axes, (1.1e-4, 0.012), "dashed: SGD\n" + r"at $\eta/(1-\beta)$", "black")
    axes.set(xscale="log", yscale="log", xlabel=r"rate $\eta$", ylabel="training loss")
    plotting.title(axes, "c", "loss after all steps")


def draw_failures(axes: Axes, runs: dict[str, Run]) -> None:
    for name in METHODS:
        run = runs[name]
        axes.plot(run["rates"], fails(run).mean(axis=1), color=COLORS[name])
    axes.set(xscale="log", ylim=(-0.02, 1.02), xlabel=r"rate $\eta$", ylabel="share of runs")
    plotting.title(axes, "d", "runs no better than chance")


def draw_schedules(axes: Axes, config: Config) -> None:
    steps = np.arange(config.steps)
    for name, shape in shapes(config.steps).items():
        rates = PEAK * np.asarray(shape(steps))
        axes.plot(steps, rates, color=SCHEDULE_COLORS[name], clip_on=False)
    axes.set(ylim=(0, 1.1 * PEAK), xlabel="step", ylabel=r"rate $\eta_t$")
    plotting.title(axes, "e", "momentum, four schedules")


def schedule_runs(runs: dict[str, Run]) -> dict[str, Run]:
    return {"constant": runs["momentum"]} | {name: runs[name] for name in DECAYS}


def draw_schedule_losses(axes: Axes, runs: dict[str, Run]) -> None:
    for name, run in schedule_runs(runs).items():
        row = at_rate(run, PEAK)
        losses = in_bins(run["losses"][row])
        label = f"{SCHEDULE_TITLES[name]}: {100 * run['accuracy'][row].mean():.1f} %"
        draw_band(axes, middles(losses), losses, SCHEDULE_COLORS[name], label=label)
    axes.set(yscale="log", ylim=(4e-4, 4), xlabel="step", ylabel="training loss")
    axes.legend(loc="lower left", labelspacing=0.2, borderaxespad=0.1)
    plotting.title(axes, "f", "their losses, % held out")


def draw_peak_rates(axes: Axes, runs: dict[str, Run]) -> None:
    lowest = runs["cosine"]["rates"][0]
    for name, run in schedule_runs(runs).items():
        shown = run["rates"] >= lowest * (1 - 1e-9)
        ends = np.exp(np.log(run["end"][shown]).mean(axis=1))
        axes.plot(run["rates"][shown], ends, color=SCHEDULE_COLORS[name])
    axes.axvline(PEAK, color="0.6", linewidth=0.5)
    plotting.note(axes, (0.9 * PEAK, 2.3e-3), "(e, f)", "0.4", ha="right")
    axes.set(xscale="log", yscale="log", ylim=(2e-3, 3), xlabel="peak rate")
    axes.set_ylabel("end loss")
    plotting.title(axes, "g", "where they pay")


def draw_warm_up(axes: Axes, deep: dict[str, np.ndarray]) -> None:
    for name, color in (("constant", "0.4"), ("warm_up", plotting.COLORS["blue"])):
        draw_band(axes, deep["rates"], deep[name].T, color)
    plotting.note(axes, (0.04, 0.13), "constant", "0.3")
    plotting.note(axes, (0.18, 0.87), "warm-up", plotting.COLORS["blue"])
    name_ticks(axes, (0.05, 0.1, 0.2, 0.4))
    axes.set(ylim=(0, 1), xlabel="peak rate", ylabel="held-out accuracy")
    plotting.title(axes, "h", "deep network")


def draw_edge(axes: Axes, edge: dict[str, np.ndarray]) -> None:
    losses = edge["losses"]
    rises = np.any(np.diff(losses, axis=-1) > 0, axis=-1).mean(axis=1)
    stays = np.where(losses[..., -1] < losses[..., 0] / 2, 0.0, 1.0).mean(axis=1)
    axes.plot(edge["relative"], rises, color=plotting.COLORS["blue"])
    axes.plot(edge["relative"], stays, color=plotting.COLORS["vermillion"])
    plotting.theory(axes, [1, 1], [0, 1], label=None)
    plotting.note(axes, (0.26, 0.72), "loss\nrises", plotting.COLORS["blue"])
    plotting.note(axes, (1.1, 0.28), "does\nnot\nlearn", plotting.COLORS["vermillion"])
    name_ticks(axes, (0.25, 0.5, 1, 2, 4, 8))
    axes.set(xlabel=r"$\eta\,\lambda_{\mathrm{max}}/2$", ylabel="share of runs")
    plotting.title(axes, "i", "full-batch descent")


def name_ticks(axes: Axes, places: tuple[float, ...]) -> None:
    """A logarithmic axis with plain numbers at these places alone."""
    axes.set_xscale("log")
    axes.set_xticks(places, labels=[f"{place:g}" for place in places])
    axes.minorticks_off()
