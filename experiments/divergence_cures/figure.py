"""Losses on the way out and on the way down, sharpness, and the table of verdicts."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.deep_network import GAIN, UNITS
from experiments.common.number import Baseline
from experiments.common.statistics import geometric_mean, mean_share
from experiments.divergence_cures.config import Config
from experiments.divergence_cures.setups import CURES, GROWTH, MAX_NORM, RATE
from experiments.divergence_cures.simulate import DIVERGENCE
from jdescent import plotting

TITLES = {
    "base": "no cure",
    "slow_decay": "slow decay",
    "lower_rate": "lower rate",
    "warm_up": "warm-up",
    "decay": "decay",
    "clipping": "clipping",
    "normalized_inputs": "normalized inputs",
    "better_start": "better start",
}
CHANGES = {
    "base": rf"($\eta={RATE}$)",
    "slow_decay": rf"$\eta$ from {RATE} to 0 along a cosine",
    "lower_rate": rf"$\eta={RATE / 4}$, a quarter",
    "warm_up": rf"$\eta$ rises from 0 to {RATE}",
    "decay": r"$\eta$ halved at step 2 and at step 4",
    "clipping": f"gradient norm at most {MAX_NORM:g}",
    "normalized_inputs": "pixels centered, of unit variance",
    "better_start": f"weights {GAIN:g} times smaller",
}
COLORS = {"base": "0.25", "slow_decay": "0.55"} | dict(zip(CURES, plotting.CYCLE, strict=True))
LINES = dict.fromkeys(TITLES, "-") | {"slow_decay": ":"}


def plot(data: dict, config: Config) -> Figure:
    layout = [["a", "b"], ["c", "c"], ["d", "d"]]
    with plotting.panels(layout, height=6.6, height_ratios=(2.0, 1.9, 1.9)) as (figure, axes):
        draw_divergence(axes["a"], data["runs"])
        draw_losses(axes["b"], data["runs"])
        draw_sharpness(axes["c"], data["sharpness"], data["looks"])
        draw_verdicts(axes["d"], data["runs"], data["majority"], data["baseline"])
        handles, labels = axes["c"].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


def draw_divergence(axes: Axes, runs: dict) -> None:
    """Every seed's loss of the runs that diverge, and the slope of theory."""
    for name in ("slow_decay", "base"):
        for losses, end in zip(runs[name]["losses"], runs[name]["step"], strict=True):
            axes.plot(losses[: end + 1], color=COLORS[name], linestyle=LINES[name], linewidth=0.9)
            axes.plot(end, losses[end], "x", color=COLORS[name], markersize=4)
    end = float(runs["base"]["step"].mean())
    steps = np.array([end - 13, end - 1])
    plotting.theory(axes, steps + 4, DIVERGENCE * GROWTH ** (steps - end), label=None)
    words = rf"$\times(1-{UNITS + 1}\,\eta)^2$" + "\nper step"
    plotting.note(axes, (end - 2, 1e10), words, "black")
    plotting.note(axes, (end, 8e21), "diverged", COLORS["base"], ha="center")
    axes.set(yscale="log", xlim=(0, end + 10), ylim=(1e-1, 1e24), xlabel="step", ylabel="loss")
    plotting.title(axes, "a", "no cure, and too slow a decay")


def draw_losses(axes: Axes, runs: dict) -> None:
    """Geometric means and ranges over the seeds of the runs that train."""
    for name in CURES:
        losses = runs[name]["losses"]
        steps = np.arange(losses.shape[1])
        low, high = losses.min(axis=0), losses.max(axis=0)
        axes.fill_between(steps, low, high, color=COLORS[name], alpha=0.15, linewidth=0)
        axes.plot(steps, np.exp(np.log(losses).mean(axis=0)), color=COLORS[name])
    axes.set(yscale="log", xlim=(0, steps[-1]), xlabel="step", ylabel="loss")
    plotting.title(axes, "b", "each cure alone")


def draw_sharpness(axes: Axes, sharpness: dict[str, np.ndarray], looks: np.ndarray) -> None:
    """ηλmax/2 along the first seed's runs."""
    for name, relative in sharpness.items():
        axes.plot(
            looks + 1,
            relative[0],
            "o",
            linestyle=LINES[name],
            color=COLORS[name],
            label=TITLES[name],
            linewidth=1,
        )
    plotting.theory(axes, [1, looks[-1] + 1], [1, 1], label=None)
    plotting.note(axes, (1, 0.85), "unstable above", "black", va="top")
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(0.05, 120),
        xlabel="step + 1",
        ylabel=r"$\eta_t\,\lambda_{\mathrm{max}}(\theta_t)\,/\,2$",
    )
    plotting.title(axes, "c", "sharpness of the loss against the limit of descent")


def draw_verdicts(axes: Axes, runs: dict, majority: float, best: Baseline) -> None:
    """A table, one row a run, whose last column is drawn: the held-out accuracy."""
    places = {"run": -2.85, "the one thing changed": -2.1, "verdict": -0.8}
    for row, (name, run) in enumerate(runs.items()):
        cells = (TITLES[name], CHANGES[name], verdict(run))
        for x, words in zip(places.values(), cells, strict=True):
            plotting.note(axes, (x, row), words, COLORS[name], va="center")
        mean = mean_share(run["accuracy"])
        axes.plot(mean.ends, [row, row], color=COLORS[name], linewidth=2)
        axes.plot(mean.value, row, "o", color=COLORS[name], markersize=4)
    for words, x in places.items():
        plotting.note(axes, (x, -1), words, "black", va="center", weight="bold")
    plotting.theory(axes, [majority, majority], [-0.5, len(runs) - 0.5], label=None)
    plotting.note(axes, (majority + 0.02, -1), "majority class", "black", va="center")
    plotting.theory(axes, [best.score] * 2, [-0.5, len(runs) - 0.5], label=None, linestyle=":")
    axes.set(xlim=(-2.85, 1), ylim=(len(runs) - 0.5, -1.5), yticks=[], xticks=(0, 0.5, 1))
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_bounds(0, 1)
    axes.set_xlabel("held-out accuracy", x=3.35 / 3.85)
    plotting.title(axes, "d", "verdicts")


def verdict(run: dict) -> str:
    """How a setup's runs ended, in a few words."""
    steps = run["step"][run["diverged"]]
    if len(steps) == len(run["step"]):
        return f"diverges, step {steps.min()}–{steps.max()}"
    if len(steps):
        return f"{len(steps)} of {len(run['step'])} diverge"
    return f"trains: loss {geometric_mean(run['losses'][:, -1]).value:.2g}"
