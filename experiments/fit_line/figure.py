"""The lines, the bowl, the loss and its gradient."""

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.squared_error import Bowl
from experiments.fit_line.config import LOSS, Config, X, Y
from experiments.fit_line.simulate import textbook_gradient
from jdescent import analysis, plotting

SHOWN_STEPS = (0, 1, 2, 4, 10)
DOMAIN = ((-0.3, 3.3), (-1.25, 1.75))


def plot(data: dict, config: Config) -> Figure:
    with plotting.panels([["a", "b"], ["c", "d"]], height=4.9) as (figure, axes):
        draw_lines(axes["a"], data, config)
        draw_bowl(axes["b"], data)
        draw_loss(axes["c"], data, config)
        draw_gradients(axes["d"], data)
    return figure


def draw_lines(axes: Axes, data: dict, config: Config) -> None:
    ends = np.array([0.0, 5.3])
    shown = [step for step in SHOWN_STEPS if step < config.steps]
    shades = mpl.colormaps["viridis"](np.linspace(0.85, 0.1, len(SHOWN_STEPS)))
    for step, color in [*zip(shown, shades, strict=False), (config.steps, "black")]:
        w, b = data["theta"][0, step]
        is_last = step == config.steps
        axes.plot(ends, w * ends + b, color=color, zorder=3 if is_last else 2)
        text = f"step {step:,}:\n$y={w:.3f}x+{b:.3f}$" if is_last else f"step {step}"
        place = (2.2, 10.4) if is_last else (5.4, w * ends[1] + b)
        plotting.note(axes, place, text, color, va="center", ha="center" if is_last else "left")
    axes.plot(X, Y, "o", color=plotting.COLORS["vermillion"], markersize=4.5, zorder=4)
    axes.set(xlim=(0, 6.7), xticks=range(6), ylim=(-0.6, 11.6), xlabel="$x$", ylabel="$y$")
    plotting.title(axes, "a", "the line after some steps")


def draw_bowl(axes: Axes, data: dict) -> None:
    bowl: Bowl = data["bowl"]
    batch = jnp.asarray(X, float), jnp.asarray(Y, float)
    plotting.contours(axes, lambda wb: LOSS({"w": wb[0], "b": wb[1]}, batch), DOMAIN)
    for axis in bowl.axes.T:
        axes.axline(tuple(bowl.minimum), tuple(bowl.minimum + axis), color="0.6", linewidth=0.5)
    for path in data["theta"][1:]:
        axes.plot(*path.T, color=plotting.COLORS["sky"], linewidth=0.9)
        axes.plot(*path[0], "o", color=plotting.COLORS["sky"])
    axes.plot(*data["theta"][0].T, "o-", color=plotting.COLORS["blue"], markersize=2, linewidth=0.7)
    axes.plot(*bowl.minimum, "+", color="black", markersize=7, zorder=6)
    axes.set(xlabel="$w$", ylabel="$b$", aspect="equal")
    plotting.title(axes, "b", "the loss, and where descent walks")


def draw_loss(axes: Axes, data: dict, config: Config) -> None:
    bowl: Bowl = data["bowl"]
    steps = np.arange(config.steps + 1)
    axes.plot(steps, data["loss"], color=plotting.COLORS["blue"], linewidth=2.4)
    parts = 0.5 * bowl.curvatures * data["exact"][0] ** 2
    factors = [analysis.gd_rate(config.learning_rate, each) for each in bowl.curvatures]
    for i, color, place in ((0, "vermillion", (0.1, 3e-4)), (1, "green", (45, 0.12))):
        axes.plot(steps, parts[:, i], color=plotting.COLORS[color], linewidth=0.9)
        text = rf"$|1-\eta\lambda_{i + 1}|={factors[i]:.4f}$"
        plotting.note(axes, place, text, plotting.COLORS[color])
    plotting.theory(axes, steps, bowl.excess_loss(data["exact"][0]), label="their sum")
    axes.set(
        yscale="log",
        xlim=(0, config.steps),
        ylim=(1e-8, 200),
        xlabel="step $t$",
        ylabel="mean squared error",
    )
    axes.set_xscale("symlog", linthresh=1, linscale=0.4)
    axes.set_xticks([0, *(10**k for k in range(4) if 10**k < config.steps)])
    axes.legend(loc="lower left")
    plotting.title(axes, "c", "two modes, one fast and one slow")


def draw_gradients(axes: Axes, data: dict) -> None:
    sums = textbook_gradient(data["theta"][0])
    last = len(sums) - 1
    shown = np.unique(np.geomspace(1, last + 1, 45).astype(int)) - 1
    labels = (r"$\partial J/\partial w$", r"$\partial J/\partial b$")
    for i, (color, label) in enumerate(zip(("purple", "orange"), labels, strict=True)):
        axes.plot(
            shown,
            np.abs(data["gradient"][shown, i]),
            "o",
            color=plotting.COLORS[color],
            label=label,
        )
        plotting.theory(axes, range(last + 1), np.abs(sums[:, i]), label=None)
    plotting.theory(axes, [], [], label="sums by hand")
    axes.set(
        yscale="log", xlim=(-0.1, 1.2 * last), xlabel="step $t$", ylabel="size of the derivative"
    )
    axes.set_xscale("symlog", linthresh=1, linscale=0.4)
    axes.set_xticks([0, *(10**k for k in range(4) if 10**k < last)])
    axes.minorticks_off()
    axes.legend(loc="upper right")
    plotting.title(axes, "d", "jax.grad against the sums")
