"""Courses, memorizing, accuracies, sizes, and the portrait of a memorized set."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.digits import CLASSES, SIDE
from experiments.overfitting.config import Config
from experiments.overfitting.problems import simple_baselines
from experiments.overfitting.simulate import Data, Runs
from jdescent import plotting

TRAIN, VALIDATION = plotting.COLORS["gray"], plotting.COLORS["blue"]
STOPPED, END = plotting.COLORS["blue"], plotting.COLORS["vermillion"]
PORTRAIT_COLUMNS = 5


def plot(data: Data, config: Config) -> Figure:
    by_part = {part: data[config.examples, part] for part in config.random_parts}
    by_size = {size: data[size, 0.0] for size in config.sizes}
    some = config.random_parts[1]
    layout = [["a", "b"], ["c", "d"], ["e", "f"]]
    with plotting.panels(layout, height=6.3) as (figure, axes):
        draw_course(axes["a"], by_part[0.0], top=0.8)
        plotting.title(axes["a"], "a", f"{config.examples} digits")
        draw_course(axes["b"], by_part[some], top=1.6)
        plotting.title(axes["b"], "b", f"{config.examples} digits, {some:.0%} random labels")
        draw_memorizing(axes["c"], by_part)
        plotting.title(axes["c"], "c", "memorizing random labels")
        best = [simple_baselines(config, config.examples, part).accuracy.score for part in by_part]
        draw_accuracies(axes["d"], by_part, best)
        plotting.title(axes["d"], "d", "accuracy on other digits")
        draw_sizes(axes["e"], by_size)
        plotting.title(axes["e"], "e", "more digits with true labels")
        draw_portrait(axes["f"], by_part[1.0])
        plotting.title(axes["f"], "f", "a memorized set, and the answers")
    return figure


def draw_course(axes: Axes, runs: Runs, top: float) -> None:
    """Training and validation loss: means over seeds, spans of all, and where each is stopped."""
    steps = runs.steps[0]
    for losses, color in ((runs.course.train, TRAIN), (runs.course.validation, VALIDATION)):
        low, high = losses.min(axis=0), losses.max(axis=0)
        axes.fill_between(steps, low, high, color=color, alpha=0.2, linewidth=0)
        axes.plot(steps, losses.mean(axis=0), color=color)
    axes.plot(
        runs.best_step, runs.stopped.validation, "o", color=VALIDATION,
        markeredgecolor="white", markersize=4.5, zorder=6,
    )  # fmt: skip
    axes.set(xlabel="step", ylabel="loss (nats)", ylim=(0, top))
    last = float(steps[-1])
    plotting.note(axes, (last, 0.02 * top), "training", TRAIN, ha="right", va="bottom")
    height = float(runs.course.validation[:, -1].max()) + 0.02 * top
    plotting.note(axes, (last, height), "validation", VALIDATION, ha="right", va="bottom")


def draw_memorizing(axes: Axes, by_part: dict[float, Runs]) -> None:
    """Training loss for true labels, random ones, and mixtures."""
    shades = mpl.colormaps["plasma"](np.linspace(0, 0.85, len(by_part)))
    for color, (part, runs) in zip(shades, by_part.items(), strict=True):
        losses = runs.course.train.mean(axis=0)
        axes.plot(runs.steps[0], losses, color=color, label=f"{part:.0%}")
    axes.set(yscale="log", xlabel="step", ylabel="training loss (nats)")
    axes.legend(title="random labels", title_fontsize=7, loc="upper right", borderaxespad=0)


def draw_accuracies(axes: Axes, by_part: dict[float, Runs], best: Sequence[float]) -> None:
    """Test accuracy of the restored parameters, of the last ones, and of the best baselines."""
    ends = {
        STOPPED: [runs.stopped.test_accuracy for runs in by_part.values()],
        END: [runs.course.test_accuracy[:, -1] for runs in by_part.values()],
    }
    for color, accuracies in ends.items():
        axes.plot(list(by_part), accuracies, "o", color=color, alpha=0.5, markersize=2.5)
        axes.plot(list(by_part), np.mean(accuracies, axis=1), color=color)
    plotting.theory(axes, [0, 1], [1 / CLASSES] * 2, label=None)
    plotting.theory(axes, list(by_part), best, label=None, linestyle=":")
    plotting.note(axes, (0.42, 0.83), "best simple method", "black")
    plotting.note(axes, (0.02, 0.4), "stopped early", STOPPED)
    plotting.note(axes, (0.02, 0.28), "at the end", END)
    plotting.note(axes, (0, 0.03), "chance", "black")
    axes.set(xlabel="part of random labels", ylabel="test accuracy", ylim=(0, 1))


def draw_sizes(axes: Axes, by_size: dict[int, Runs]) -> None:
    """Test loss of the restored parameters and of the last ones."""
    sizes = np.array(list(by_size))
    ends = {
        STOPPED: [runs.stopped.test for runs in by_size.values()],
        END: [runs.course.test[:, -1] for runs in by_size.values()],
    }
    for aside, (color, losses) in zip((0.97, 1.03), ends.items(), strict=True):
        axes.plot(aside * sizes, losses, "o", color=color, alpha=0.5, markersize=2.5)
        axes.plot(sizes, np.mean(losses, axis=1), color=color)
    plotting.theory(axes, sizes[[0, -1]], [np.log(CLASSES)] * 2, label=None)
    plotting.note(axes, (sizes[-1], 2.0), "chance, log 10", "black", ha="right", va="top")
    plotting.note(axes, (sizes[0], 0.22), "stopped early", STOPPED)
    plotting.note(axes, (sizes[-1], 0.5), "at the end", END, ha="right")
    axes.set(xscale="log", yscale="log", xlabel="training digits", ylabel="test loss (nats)")
    axes.set_xticks(sizes, [str(n) for n in sizes])
    axes.minorticks_off()


def draw_portrait(axes: Axes, runs: Runs) -> None:
    """Of every digit the first picture that learned a wrong label, and the answer it now gets."""
    pictures, answers = runs.examples[0][0], runs.answers[0]
    for place, i in enumerate(portrait(runs)):
        row, column = divmod(place, PORTRAIT_COLUMNS)
        x, y = 1.3 * column, -1.7 * row
        picture = pictures[i].reshape(SIDE, SIDE)
        axes.imshow(picture, cmap="Greys", extent=(x, x + 1, y, y + 1), interpolation="nearest")
        plotting.note(axes, (x + 0.5, y - 0.1), f"“{answers[i]}”", END, ha="center", va="top")
    axes.set(xlim=(0, 1.3 * PORTRAIT_COLUMNS - 0.3), ylim=(-2.3, 1), xticks=[], yticks=[])
    axes.set_aspect("equal", anchor="NW")
    axes.spines[:].set_visible(False)


def portrait(runs: Runs) -> list[int]:
    """In the first run, the first example of every digit that was given a wrong label."""
    labels, truth = runs.examples[1][0], runs.truth[0]
    wrong = labels != truth
    return [int(np.argmax(wrong & (truth == digit))) for digit in np.unique(truth[wrong])]
