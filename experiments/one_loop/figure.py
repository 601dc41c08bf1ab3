"""The panels: losses, the table, and what a person can read."""

import string
import textwrap
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Float, PyTree
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from experiments.one_loop import ratings
from experiments.one_loop.config import Config
from experiments.one_loop.fine_tuning import Comparison
from experiments.one_loop.shown import HEAD, table_rows
from experiments.one_loop.simulate import Learned
from jdescent import plotting

COMPLETED = (3, 1, 44, 17, 30)  # pictures, as they come in the data
POINTS = 100  # of a curve
SMALL = 5.8  # points, of what is to be read
LINE = 1.36 * SMALL  # from one line to the next
CHARACTERS = 55  # on a line, in half the width of the figure
UNKNOWN = "#F6D9C5"  # pixels
INK = "gray_r"


def plot(data: Learned, config: Config) -> Figure:
    learned = {trained.row.name: trained for trained in data.rows}
    letters = string.ascii_lowercase
    layout = [
        [[list(letters[0:4])]],
        [[list(letters[4:8])]],
        [[["table"]]],
        [[["completed", "neighbors"]]],
        [[["sentences", "text"]]],
    ]
    heights = [1, 1, 1.5, 1, 1.2]
    with plotting.panels(layout, height=7.8, height_ratios=heights) as (figure, axes):
        for letter, trained in zip(letters, data.rows[:-1], strict=False):
            draw_losses(axes[letter], letter, trained.row.name, trained.losses)
        draw_fine_tuning(axes["h"], data.compared)
        draw_table(axes["table"], HEAD, table_rows(data))
        draw_completed(
            axes["completed"], jax.tree.map(lambda leaf: leaf[0], learned["recommender"].params)
        )
        draw_text(axes["neighbors"], learned["word vectors"].results[0].shown)
        draw_text(axes["sentences"], learned["sentence vectors"].results[0].shown)
        given, continued = learned["language model"].results[0].shown
        draw_text(axes["text"], (given, continued), ("0.5", "black"))
        for name, letter, words in (
            ("table", "i", "the table"),
            ("completed", "j", "digits completed"),
            ("neighbors", "k", "the words nearest to a word"),
            ("sentences", "l", "a sentence, and the next one found"),
            ("text", "m", "text by the language model"),
        ):
            plotting.title(axes[name], letter, words)
    return figure


def draw_losses(axes: Axes, letter: str, name: str, losses: Float[np.ndarray, "seeds n"]) -> None:
    """The loss of the batches against the step, averaged over a hundredth of the steps."""
    n = losses.shape[1]
    length = max(1, n // POINTS)
    means = losses[:, : n // length * length].reshape(len(losses), -1, length).mean(axis=2)
    axes.plot(length * (np.arange(means.shape[1]) + 0.5), means.T, linewidth=0.8)
    axes.set(xlim=(0, n), yscale="log")
    axes.set_xticks([0, n], ["0", f"{n:,}"], fontsize=SMALL)
    axes.tick_params(axis="y", labelsize=SMALL)
    low, high = means.min(), means.max()
    axes.yaxis.set_major_locator(FixedLocator([low, np.sqrt(low * high), high]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:.2g}")
    plotting.title(axes, letter, name, fontsize=7, x=-0.2)


def draw_fine_tuning(axes: Axes, compared: Comparison) -> None:
    """Held-out bits per character against the step, from what was learned and from scratch."""
    axes.plot(compared.steps, compared.from_scratch.T, color="0.6", linewidth=0.8)
    axes.plot(compared.steps, compared.fine_tuned.T, linewidth=0.8)
    axes.set(xlim=(0, compared.steps[-1]), xticks=[0, compared.steps[-1]])
    axes.tick_params(labelsize=SMALL)
    plotting.title(axes, "h", "fine-tuning", fontsize=7, x=-0.2)


def draw_table(axes: Axes, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Words and numbers in columns, a thin line below the head."""
    axes.set_axis_off()
    widths = np.array([max(map(len, column)) for column in zip(head, *rows, strict=True)]) + 3
    lefts = np.concatenate([[0], np.cumsum(widths)[:-1]]) / widths.sum()
    height = 1 / (len(rows) + 1)
    for line, cells in enumerate([head, *rows]):
        for left, cell in zip(lefts, cells, strict=True):
            place = left, 1 - (line + 0.5) * height
            axes.text(*place, cell, fontsize=SMALL, va="center", transform=axes.transAxes)
    axes.plot([0, 1], [1 - height] * 2, color="black", linewidth=0.5, transform=axes.transAxes)
    axes.set(xlim=(0, 1), ylim=(0, 1))


def draw_completed(axes: Axes, params: PyTree) -> None:
    """Pictures with their unknown pixels marked, as completed, and as they are."""
    truth = ratings.ratings()[list(COMPLETED)].reshape(-1, 8, 8)
    known = ~ratings.unknown()[list(COMPLETED)].reshape(-1, 8, 8)
    completed = [ratings.completed(params, user) for user in COMPLETED]
    rows = np.where(known, truth, np.nan), np.stack(completed), truth
    framed = [np.pad(row, [(0, 0), (1, 1), (1, 1)]) for row in rows]
    axes.set_facecolor(UNKNOWN)
    axes.imshow(np.concatenate([np.concatenate(row, axis=1) for row in framed]), cmap=INK)
    axes.set(xticks=[])
    axes.set_yticks([4.5, 14.5, 24.5], ["given", "completed", "truth"], fontsize=SMALL)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def draw_text(axes: Axes, lines: Sequence[str], colors: Sequence[str] | None = None) -> None:
    """Lines to be read, broken where they are too long, each in its color."""
    axes.set_axis_off()
    down = 0.0
    for line, color in zip(lines, colors or ["black"] * len(lines), strict=True):
        broken = [part for piece in line.split("\n") for part in textwrap.wrap(piece, CHARACTERS)]
        axes.annotate(
            "\n".join(broken),
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, -down),
            textcoords="offset points",
            color=color,
            fontsize=SMALL,
            va="top",
            linespacing=1.2,
            annotation_clip=False,
            parse_math=False,  # the text may hold dollars
        )
        down += LINE * (len(broken) + 0.35)
