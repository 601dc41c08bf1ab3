"""A line fitted to five points by 2,000 steps of gradient descent, which algebra predicts exactly.

(a) The points (x, 2x), x = 1 … 5, and the line y = wx + b after some steps at η = 0.01 from
w = b = 0. (b) The mean squared error over the plane of w and b, contours evenly spaced in its root,
with the path (dots) and three more from other starts: there is one valley, and every start ends in
it. Gray: the two axes of the bowl. (c) The loss, against the sum of two modes that shrink by
1 − ηλ₁ and 1 − ηλ₂ a step: the fast one is gone after fifty steps, the slow one takes the other
1,950. (d) The two partial derivatives along the path by `jax.grad`, against the sums
(2/n)Σe·x and (2/n)Σe of the textbook, e = ŷ − y. Dashed: theory.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import jdescent as jd
from experiments.common import number
from experiments.common.number import Numbers
from experiments.common.report import stage
from experiments.common.squared_error import Bowl, bowl_of, principal_axes, vector
from jdescent import analysis, plotting

X = np.arange(1.0, 6.0)
Y = 2 * X
STARTS = ((0.0, 0.0), (2.6, 1.3), (0.8, 1.6), (2.6, -1.0))
SHOWN_STEPS = (0, 1, 2, 4, 10)
DOMAIN = ((-0.3, 3.3), (-1.25, 1.75))
LOSS = jd.losses.mean_squared_error(jd.losses.linear_model)
STABILITY_LIMIT = analysis.gd_limit(principal_axes(X)[0][0])

# Sums of a few products of numbers below 50 round at 1e-14; a path adds up what it rounds.
ROUNDING, OF_SUMS = 1e-12, "rounding of the sums, added up along a path"


@dataclass(frozen=True)
class Config:
    """The descent on five points."""

    learning_rate: float = 0.01
    """The learning rate, below the stability limit 0.0845."""
    steps: int = 2_000
    """Steps of descent."""

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < STABILITY_LIMIT:
            raise ValueError(
                f"learning_rate={self.learning_rate} must lie between 0 and the stability limit "
                f"2/λ = {STABILITY_LIMIT:.4f} of these points, above which descent diverges"
            )


QUICK = Config()


def simulate(config: Config) -> dict:
    """The descents from all starts, in float64; the first of them in full."""
    with jax.enable_x64(True), stage(f"{len(STARTS)} descents of {config.steps} steps"):
        data = jnp.asarray(X), jnp.asarray(Y)
        descents = jax.jit(jax.vmap(lambda start: descent(start, data, config)))
        paths = descents(jnp.asarray(STARTS))
        theta = vector(paths.record["params"])
        bowl = bowl_of(X, Y)
    rates, steps = config.learning_rate, np.arange(config.steps + 1)
    return {
        "theta": theta,
        "loss": np.asarray(paths.loss[0]),
        "gradient": vector(paths.record["gradient"])[0],
        "bowl": bowl,
        "exact": np.stack(
            [bowl.after(bowl.along_axes(np.array(start)), rates, steps) for start in STARTS]
        ),
    }


def descent(start: jax.Array, data: tuple, config: Config) -> jd.Trajectory:
    return jd.descend(
        partial(LOSS, batch=data),
        {"w": start[0], "b": start[1]},
        jd.sgd(config.learning_rate),
        config.steps,
        record=["params", "gradient"],
    )


def textbook_gradient(theta: np.ndarray) -> np.ndarray:
    """(2/n)Σe·x and (2/n)Σe at every (w, b)."""
    errors = theta[:, :1] * X + theta[:, 1:] - Y
    return 2 / len(X) * np.stack([np.sum(errors * X, axis=1), np.sum(errors, axis=1)], axis=1)


def numbers(data: dict, config: Config) -> Numbers:
    bowl: Bowl = data["bowl"]
    predicted = bowl.minimum + data["exact"] @ bowl.axes.T
    measured = data["theta"]
    found = {
        name: number.exact(
            float(measured[0, -1, i]),
            float(predicted[0, -1, i]),
            ROUNDING,
            OF_SUMS,
            f"{name} after {config.steps} steps at η = {config.learning_rate} from (0, 0); theory: "
            f"the closed form; the points lie on {'2' if name == 'w' else '0'}",
            scale=1.0,
        )
        for i, name in enumerate("wb")
    }
    found["path_error"] = number.exact(
        float(np.max(np.abs(measured - predicted))),
        0.0,
        ROUNDING,
        OF_SUMS,
        f"largest distance of w or b from the closed form, all steps from all {len(STARTS)} starts",
        scale=1.0,
    )
    found["gradient_error"] = number.exact(
        float(np.max(np.abs(data["gradient"] - textbook_gradient(measured[0])))),
        0.0,
        ROUNDING,
        OF_SUMS,
        "largest distance of jax.grad from (2/n)Σe·x and (2/n)Σe along the path",
        scale=1.0,
    )
    found["distance_from_least_squares"] = number.exact(
        float(np.linalg.norm(measured[0, -1] - bowl.minimum)),
        float(np.linalg.norm(data["exact"][0, -1])),
        ROUNDING,
        OF_SUMS,
        "distance in the plane of w and b from the least-squares solution at the last step",
        scale=1.0,
    )
    along = np.abs(bowl.along_axes(measured[0]))
    for i, mode in enumerate(("fast", "slow")):
        found[f"{mode}_mode"] = number.exact(
            factor_per_step(along[:, i]),
            float(analysis.gd_rate(config.learning_rate, bowl.curvatures[i])),
            1e-5,
            "rounding of the distance where it is 1e-10 of its first",
            f"factor per step of the {mode} mode, curvature λ = {bowl.curvatures[i]:.4f}; theory "
            "|1 − ηλ|",
            scale=1.0,
        )
    return found


def factor_per_step(distance: np.ndarray) -> float:
    """The mean factor until the distance is 1e-10 of its first: rounding is 1e-5 of it there."""
    last = max(1, int(np.flatnonzero(distance > 1e-10 * distance[0])[-1]))
    return float((distance[last] / distance[0]) ** (1 / last))


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
