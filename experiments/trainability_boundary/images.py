"""Colors of convergence and divergence, images in their windows, and the animated zoom."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from experiments.trainability_boundary.plane import Image, Window
from jdescent.plotting import note

COLORS = 128  # of each outcome
MIDDLE = 0.12  # what is left out of the color map on either side of its dark middle
FRAME = "white"
ANIMATION_INCHES = 2.0  # at 100 pixels an inch
FRAMES_A_SECOND = 8
Zoom = list[tuple[Window, Image]]


def two_hues() -> Colormap:
    """Light to dark blue for converged runs, yellow to brown for diverged ones, slowest inmost.

    The halves of "managua" (Crameri 2018, "Scientific colour maps"), uniform in lightness and told
    apart by readers of every color vision, each turned so that at the boundary, where runs of both
    outcomes are slow, dark meets light.
    """
    managua = mpl.colormaps["managua"]
    converged = managua(np.linspace(1, 0.5 + MIDDLE, COLORS))
    diverged = managua(np.linspace(0, 0.5 - MIDDLE, COLORS))
    return ListedColormap(np.concatenate([converged, diverged]), name="two_hues")


def shade(image: Image, like: Image | None = None) -> Float[np.ndarray, "rows columns"]:
    """The rank of each pixel among those of its outcome in `like`, by default in the image itself.

    From −1 (fastest) to 0 (slowest) for converged runs, from 0 (slowest) to 1 for diverged ones.
    """
    like = image if like is None else like
    shades = np.empty(image.shape)
    for sign, own, others in ((-1, image < 0, like < 0), (1, image >= 0, like >= 0)):
        sample = np.sort(np.abs(like[others]))
        below, above = (
            np.searchsorted(sample, np.abs(image[own]), side) for side in ("left", "right")
        )
        slowness = (below + above + 1) / (2 * sample.size + 2)  # inside (0, 1)
        shades[own] = sign * (1 - slowness)
    return shades


def draw_image(axes: Axes, window: Window, shades: Float[np.ndarray, "rows columns"]) -> AxesImage:
    axes.spines[:].set_visible(True)
    return axes.imshow(
        shades,
        extent=window,
        origin="lower",
        aspect="auto",
        cmap=two_hues(),
        vmin=-1,
        vmax=1,
        interpolation="nearest",
        rasterized=True,
    )


def draw_legend(axes: Axes) -> None:
    """A bar of both outcomes from the fastest over the slowest to the fastest."""
    shades = np.linspace(-1, 1, 2 * COLORS)[None]
    draw_image(axes, Window(-1.0, 1.0, 0.0, 1.0), shades)
    axes.set(xticks=[], yticks=[])
    for x, side, word, color in (
        (-0.99, "left", "fast", "black"),
        (-0.01, "right", "slow", "white"),
        (0.01, "left", "slow", "black"),
        (0.99, "right", "fast", "white"),
    ):
        note(axes, (x, 0.45), word, color, ha=side, va="center")
    for x, words in (
        (-0.5, r"converged, ranked by $\sum_t\,\ell_t/\ell_0$"),
        (0.5, r"diverged, ranked by $\sum_t\,\ell_0/\ell_t$"),
    ):
        note(axes, (x, 1.2), words, "black", ha="center", va="bottom")


def draw_zoom(panels: list[Axes], zoom: Zoom) -> None:
    """Each level in a panel of its own, with the frame of the next."""
    for level, (axes, (window, image)) in enumerate(zip(panels, zoom, strict=True)):
        draw_image(axes, window, shade(image))
        axes.set(xticks=[], yticks=[])
        if level + 1 < len(zoom):
            draw_frame(axes, zoom[level + 1][0])


def badge(axes: Axes, text: str) -> None:
    """A few words in the upper right corner of an image."""
    axes.text(
        0.96,
        0.955,
        text,
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=7,
        bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "alpha": 0.85, "linewidth": 0},
    )


def window_between(outer: Window, inner: Window, progress: float) -> Window:
    """On the way from one window to the other, each step by the same factor."""
    shrink = (inner.width / outer.width) ** progress
    share = (1 - shrink) / (1 - inner.width / outer.width)
    left, bottom = (
        start + share * (end - start)
        for start, end in ((outer.left, inner.left), (outer.bottom, inner.bottom))
    )
    return Window(left, left + shrink * outer.width, bottom, bottom + shrink * outer.height)


@mpl.rc_context({"figure.constrained_layout.use": False})  # the axes fill the figure
def save_zoom(zoom: Zoom, path: Path, frames: int) -> None:
    """The zoom as an animated GIF with so many frames a level.

    Each frame shows the level it is in with the next one laid over its window; colors go over from
    the ranks of the one to those of the other.
    """
    figure = Figure(figsize=(ANIMATION_INCHES, ANIMATION_INCHES), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))

    def draw(frame: int) -> None:
        level, within = divmod(frame, frames)
        progress = within / frames
        (window, image), (next_window, next_image) = (
            zoom[level],
            zoom[min(level + 1, len(zoom) - 1)],
        )
        axes.clear()
        for place, pixels in ((window, image), (next_window, next_image)):
            mixed = (1 - progress) * shade(pixels, image) + progress * shade(pixels, next_image)
            draw_image(axes, place, mixed)
        view = window_between(window, next_window, progress) if within else window
        axes.set(xlim=view[:2], ylim=view[2:], xticks=[], yticks=[])

    count = frames * (len(zoom) - 1) + 1
    FuncAnimation(figure, draw, frames=count).save(path, writer=PillowWriter(fps=FRAMES_A_SECOND))


def draw_frame(axes: Axes, window: Window) -> None:
    axes.add_patch(
        Rectangle(
            (window.left, window.bottom),
            window.width,
            window.height,
            fill=False,
            edgecolor=FRAME,
            linewidth=0.9,
        )
    )
