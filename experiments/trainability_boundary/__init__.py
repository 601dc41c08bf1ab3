"""Where a small network trains, and whether the boundary is fractal: images this size do not tell.

Sohl-Dickstein 2024 (arXiv 2402.06184) finds it fractal. A network of 16 inputs and 16 hidden units
learns random targets by gradient descent, 500 steps in float64. Blue: the mean of its last 20
losses is below the first (converged). Yellow to brown: it is not (diverged). Within each, shades
rank the runs of an image by the sum of their losses ℓ, each over the first, or of the inverses.
(a–f) Six ways of training over two hyperparameters: tanh, ReLU and linear units, one example, mini-
batches of 16, and tanh with an offset added to W₀ once, at the start. There are 272 examples, one
for each weight; 16 in (c), 1 in (d). Each window is one where the boundary has structure, found by
looking, and (d) is on random numbers of its own for the same reason. Away from the boundary (a, b,
e, f) are coarser. D is the box-counting dimension of the boundary in the image; below it, the 95 %
range of null models: the boundary as it is once smoothed by 2, 4 or 8 pixels, with as many pixels
flipped at each distance from it, at random. A fractal's detail hangs together and reads lower than
such flips. In no image is D below all three ranges by more than the 0.04 that rounding moves it:
what is seen is more than a smooth boundary, and not told from flipped pixels. The paper reports D
from 1.17 to 1.98, as medians over many zooms at 4096 pixels a side; coarse images of one window,
such as these, underestimate D, which is still smaller with every second pixel alone. (g) The linear
network: the whole plane of (c), and windows in it, each five times smaller, where the boundary is
densest. Dashed: the edges 2/λmax of each layer when the other is frozen; what learns beyond them
does so because the other layer moves. (h) How many boxes of s × s pixels, N(s), cover the
boundaries of (a–f), in the colors of their frames; D is 1 minus the median slope, over all s drawn.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.report import stage
from experiments.trainability_boundary import drawing, edges, plane
from experiments.trainability_boundary.network import Condition, trainer
from experiments.trainability_boundary.plane import Window
from jdescent import analysis, plotting

CONDITIONS = {  # seed 3 of one example was looked for: its boundary has structure at these scales
    "tanh": Condition("tanh"),
    "relu": Condition("ReLU", "relu"),
    "linear": edges.LINEAR,
    "one_example": Condition("one example", examples=1, seed=3),
    "mini_batch": Condition("mini-batches", batch=16),
    "offset": Condition("offset", offset=True),
}
WINDOWS = {  # where the boundary has structure at these scales, found by looking
    "tanh": Window(0.3, 3.5, 1.9, 2.4),
    "relu": Window(0.2, 1.6, 1.7, 2.0),
    "linear": Window(1.2, 1.6, 1.2, 1.6),
    "one_example": Window(1.1, 1.115, 1.3475, 1.3535),
    "mini_batch": Window(-0.7, 1.5, 1.8, 2.25),
    "offset": Window(-1.5, 1.5, 1.95, 2.25),
}
WHOLE = Window(-3.0, 6.0, -3.0, 6.0)
COLORS = dict(zip(CONDITIONS, plotting.CYCLE, strict=True))
CHEAP = 20  # examples, up to which a run costs a twentieth of one on 272
# Near the boundary a rounding error decides how a run ends. Reordering the hidden units, which
# changes rounding alone, moved the dimensions by up to 0.04.
ROUNDING, TOLERANCE = 0.04, 0.06
OF_ORDER = f"rounding: reordering the hidden units moved a dimension by up to {ROUNDING}"
SMOOTHINGS = (2.0, 4.0, 8.0)  # pixels


@dataclass(frozen=True)
class Config:
    """Sizes of the trainability experiment. The paper's are --resolution 4096, hours on a GPU."""

    resolution: int | None = None
    """Pixels along each side of every image; if not given, the two settings below."""
    large_resolution: int = 128
    """Pixels along each side of the images of networks that learn 272 examples."""
    small_resolution: int = 224
    """Pixels along each side of the images of those that learn 16 examples or one."""
    steps: int = 500
    """Steps of each run."""
    levels: int = 7
    """Images of the zoom, the whole plane included."""
    factor: float = 5.0
    """How many times smaller the window of each is than the one before."""
    edge_rates: int = 400
    """Learning rates swept for each edge with a layer frozen."""
    store: str | None = None
    """Folder that keeps every finished piece of the sweeps: a killed run goes on from there."""
    surrogates: int = 99
    """Null models drawn for each dimension, 39 or more."""
    frames: int = 6
    """Frames of the animation between one image of the zoom and the next."""


QUICK = Config(
    resolution=16, steps=60, levels=6, factor=3.0, edge_rates=80, surrogates=39, frames=1
)
SMALLEST = 16  # pixels a side, of which every second one still has boxes of two sizes


def simulate(config: Config) -> dict:
    """All images, in float64, and the edges with a layer frozen."""
    if smallest := [n for n in CONDITIONS if size(CONDITIONS[n], config) < SMALLEST]:
        raise ValueError(
            f"images must have at least {SMALLEST} pixels a side, got "
            f"{size(CONDITIONS[smallest[0]], config)} for {smallest[0]}"
        )
    images = {}
    with jax.enable_x64(True):
        for name, condition in CONDITIONS.items():
            with stage(f"{name}, {size(condition, config)} pixels a side"):
                image_of = plane.whole_image if is_cheap(condition) else plane.refined_image
                images[name] = image_of(
                    trainer(condition, config.steps),
                    WINDOWS[name],
                    size(condition, config),
                    store(config, name),
                )
        with stage(f"{config.levels} images of a zoom"):
            zoom = plane.zoom(
                trainer(edges.LINEAR, config.steps),
                WHOLE,
                size(edges.LINEAR, config),
                config.levels,
                config.factor,
                store(config, "zoom"),
            )
        with stage("edges with one layer frozen"):
            frozen = edges.frozen_edges(config.edge_rates, config.steps)
    with stage("null models of their dimensions"):
        nulls = {name: null_models([image], config.surrogates) for name, image in images.items()}
        nulls["zoom"] = null_models([image for _, image in zoom[1:]], config.surrogates)
    return {"images": images, "zoom": zoom, "edges": frozen, "nulls": nulls}


def size(condition: Condition, config: Config) -> int:
    own = config.small_resolution if is_cheap(condition) else config.large_resolution
    return config.resolution or own


def is_cheap(condition: Condition) -> bool:
    return condition.examples <= CHEAP


def store(config: Config, name: str) -> Path | None:
    return None if config.store is None else Path(config.store) / f"{name}.zarr"


def numbers(data: dict, config: Config) -> Numbers:
    """Those of the images that have a boundary: few pixels or steps may show none."""
    nulls = data["nulls"]
    images = {
        name: image for name, image in data["images"].items() if np.isfinite(dimension(image))
    }
    gains = [dimension(image) - dimension(image[::2, ::2]) for image in images.values()]
    whole, *windows = (image for _, image in data["zoom"])
    found = {
        f"dimension_{name}": dimension_number(CONDITIONS[name].title, [image], nulls[name])
        for name, image in images.items()
    }
    told = [is_told_from_flips(dimension(image), nulls[name]) for name, image in images.items()]
    return {
        **found,
        "dimensions_told_from_flips": number.regression(
            float(sum(told)),
            f"of these {len(told)}, those below the 95 % range of smooth boundaries with as many "
            f"flipped pixels, smoothed by {' and '.join(f'{s:g}' for s in SMOOTHINGS)} pixels, by "
            f"more than the {ROUNDING} that rounding moves them",
            tolerance=0.0,
            why="a count of what is told by more than rounding",
        ),
        "dimension_gained": number.regression(
            float(np.mean(gains)),
            "the same with all pixels, less that with every second one of every second row, mean "
            "of the conditions: where it is above 0, finer images have larger dimensions",
            tolerance=ROUNDING,
            why=OF_ORDER,
            signed=True,
        ),
        "dimension_plane": number.regression(
            dimension(whole),
            "box-counting dimension of the boundary, linear network, the whole plane",
            tolerance=TOLERANCE,
            why=OF_ORDER,
        ),
        "dimension_zoom": dimension_number(
            f"the {len(windows)} windows in it together", windows, nulls["zoom"]
        ),
        **edges.numbers(data["edges"]),
    }


def dimension_number(
    title: str, images: list[plane.Image], nulls: dict[float, analysis.NullDimension]
) -> Number:
    """Above that of the smoothed boundary, where smoothing leaves one."""
    null = nulls[SMOOTHINGS[1]]
    sizes = analysis.box_counts(analysis.outcome_boundary(images[0] < 0)).sizes
    ranges = ", ".join(f"{n.low:.2f} to {n.high:.2f} ({s:g})" for s, n in nulls.items())
    what = (
        f"box-counting dimension of the boundary, {title}, boxes of 1 to {sizes[-1]} pixels; "
        f"smooth boundaries with as many flipped pixels, by pixels of smoothing: {ranges}"
    )
    if not np.isfinite(null.smooth):
        return number.regression(dimension(*images), what, tolerance=TOLERANCE, why=OF_ORDER)
    return number.bound(
        dimension(*images),
        f"more than rounding, {ROUNDING}, above that of the boundary smoothed by {SMOOTHINGS[1]:g} "
        "pixels, which would miss it",
        what,
        at_least=null.smooth + ROUNDING,
        missed_by=null.smooth,
        tolerance=TOLERANCE,
    )


def is_told_from_flips(measured: float, nulls: dict[float, analysis.NullDimension]) -> bool:
    """Whether detail hangs together more than flipped pixels do, beyond rounding."""
    return all(measured + ROUNDING < null.low for null in nulls.values())


def null_models(images: list[plane.Image], surrogates: int) -> dict[float, analysis.NullDimension]:
    return {
        smoothing: analysis.null_dimension(
            *(image < 0 for image in images), smoothing=smoothing, surrogates=surrogates
        )
        for smoothing in SMOOTHINGS
    }


def dimension(*images: plane.Image) -> float:
    """The box-counting dimension of the boundary between converged and diverged pixels.

    NaN where there is none.
    """
    boundaries = [analysis.outcome_boundary(image < 0) for image in images]
    return analysis.box_dimension(*boundaries) if any(map(np.any, boundaries)) else np.nan


def plot(data: dict, config: Config) -> Figure:
    levels = [f"level {level}" for level in range(len(data["zoom"]))]
    half = math.ceil((len(levels) + 1) / 2)
    spare = ["."] * (2 * half - len(levels) - 1)
    mosaic = [levels[:half], [*levels[half:], *spare, "counts"]]
    names = list(CONDITIONS)
    layout = [["legend"], [[names[:3], names[3:]]], [mosaic]]
    with plotting.panels(layout, height=7.5, height_ratios=(0.13, 3.8, 2.9)) as (figure, axes):
        drawing.draw_legend(axes["legend"])
        for letter, (name, image) in zip("abcdef", data["images"].items(), strict=True):
            draw_condition(axes[name], letter, name, image, data["nulls"][name])
        zoom = [axes[level] for level in levels]
        drawing.draw_zoom(zoom, data["zoom"])
        for level, (panel, (_, image)) in enumerate(zip(zoom, data["zoom"], strict=True)):
            label = f"×{config.factor**level:,.0f}, $D={dimension(image):.2f}$"
            panel.set_xlabel(label, fontsize=7, labelpad=2)
        draw_frozen_edges(zoom[0], data["edges"])
        plotting.title(zoom[0], "g", "linear network, zooming in")
        axes["counts"].axis("off")  # its labels stay inside its cell, so that (g) keeps its rows
        draw_counts(axes["counts"].inset_axes((0.34, 0.27, 0.64, 0.58)), data["images"])
    return figure


def draw_condition(
    axes: Axes,
    letter: str,
    name: str,
    image: plane.Image,
    nulls: dict[float, analysis.NullDimension],
) -> None:
    condition, window = CONDITIONS[name], WINDOWS[name]
    drawing.draw_image(axes, window, drawing.shade(image))
    low, high = min(n.low for n in nulls.values()), max(n.high for n in nulls.values())
    drawing.badge(axes, f"$D={dimension(image):.2f}$\nnull {low:.2f}–{high:.2f}")
    axes.spines[:].set(color=COLORS[name], linewidth=1.5)
    offset = condition.offset
    axes.set(
        xlabel="offset of $W_0$" if offset else r"$\log_{10}\,\eta_0$",
        ylabel=r"$\log_{10}\,\eta$" if offset else r"$\log_{10}\,\eta_1$",
    )
    axes.locator_params(nbins=4)
    plotting.title(axes, letter, condition.title)


def draw_frozen_edges(axes: Axes, frozen: dict[str, dict]) -> None:
    """2/λmax of each layer of the linear network, drawn where the other's rate is small."""
    left, right, bottom, top = WHOLE
    outer, inner = (np.log10(frozen[f"linear_{layer}"]["limit"]) for layer in ("outer", "inner"))
    plotting.theory(axes, [left, left + (right - left) / 3], [outer, outer], label=None)
    plotting.theory(axes, [inner, inner], [bottom, bottom + (top - bottom) / 3], label=None)
    above = outer + 0.07 * (top - bottom)
    plotting.note(axes, (left + 0.2, above), r"$2/\lambda_{\mathrm{max}}$", "black")


def draw_counts(axes: Axes, images: dict[str, plane.Image]) -> None:
    """s·N(s)/N(1), which is level for D = 1 and falls as 1/s for D = 2."""
    for name, image in images.items():
        sizes, counts = analysis.box_counts(analysis.outcome_boundary(image < 0))
        axes.plot(sizes, sizes * counts / max(1, counts[0]), "o-", color=COLORS[name])
    for slope, x, y in ((1, 4, 1.05), (2, 7, 0.16)):
        plotting.theory(axes, sizes, sizes ** (1.0 - slope), label=None)
        plotting.note(axes, (x, y), f"$D={slope}$", "black")
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(0.08, 1.6),
        xticks=(1, 4, 16),
        xticklabels=("1", "4", "16"),
        yticks=(0.1, 0.3, 1),
        yticklabels=("0.1", "0.3", "1"),
        xlabel="box side $s$ / pixels",
        ylabel="$s\\,N(s)/N(1)$",
    )
    axes.minorticks_off()
    plotting.title(axes, "h", "boxes of (a–f)")


def save_animation(data: dict, config: Config, path: Path) -> None:
    """The zoom as an animated GIF."""
    drawing.save_zoom(data["zoom"], path, config.frames)
