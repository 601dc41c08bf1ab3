"""The headline numbers: box-counting dimensions beside null models, and edges of stability."""

import numpy as np

from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.trainability_boundary import plane
from experiments.trainability_boundary.config import CONDITIONS, SMOOTHINGS, Config
from experiments.trainability_boundary.edges import FROZEN
from experiments.trainability_boundary.plane import dimension
from jdescent import analysis

# Near the boundary a rounding error decides how a run ends. Reordering the hidden units, which
# changes rounding alone, moved the dimensions by up to 0.04.
ROUNDING, TOLERANCE = 0.04, 0.06
OF_ORDER = f"rounding: reordering the hidden units moved a dimension by up to {ROUNDING}"


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
        **edge_numbers(data["edges"]),
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


def edge_numbers(edges: dict[str, dict]) -> Numbers:
    return {
        f"edge_{name}": number.theory(
            float(edges[name]["edge"].position),
            1.0,
            edges[name]["late"] + float(edges[name]["edge"].half_width),
            "the excess δ at which the share c of the loss along the top eigenvector grows back, "
            "ln(1/c)/4t, and half a step of the grid",
            f"largest learning rate that converges ({words}), in units of 2/λmax = "
            f"{edges[name]['limit']:.5g}",
        )
        for name, (_, _, words) in FROZEN.items()
    }
