"""Unit tests by what they have in common: rows of the picture, and shares of a finding."""

from collections.abc import Iterator

from jdescent.report_card.unit_tests.shapes import SHAPES
from jdescent.report_card.unit_tests.templates import ALONE, DRIFTS, NOISES, SCALES, UnitTest

FAMILIES = {
    **{name: name for name in ALONE},
    "quad": "chains from a quadratic",
    "gauss": "chains from a Gaussian",
    "laplace": "chains from a Laplacian",
    "": "other chains",
    "2": "two dimensions",
    "10": "ten dimensions",
}


def family_of(test: UnitTest) -> str:
    """Its key among `FAMILIES`."""
    if test.dimensions > 1:
        return str(test.dimensions)
    chain = test.chains[0]
    begins = chain.split("_")[0]
    return chain if chain in ALONE else begins if begins in FAMILIES else ""


def kinds_of(test: UnitTest) -> Iterator[str]:
    """What a share may be of: shapes, noise, scale and drift in one dimension, and more."""
    yield f"dimensions/{test.dimensions}"
    if test.dimensions > 1:
        yield from ["turn/rotated"] * test.rotated + ["turn/curl"] * test.curled
        return
    yield from (f"shape/{name}" for name in set(test.chains[0].split()))
    yield f"noise/{test.noises[0]}"
    yield f"scale/{test.scales[0]}"
    yield f"drift/{test.drift}"


KINDS = {
    **{f"shape/{name}": f"with the shape {name}, alone or in a chain" for name in SHAPES},
    **{f"noise/{name}": f"with {noise.words}" for name, noise in NOISES.items()},
    **{f"scale/{name}": f"that begin with slope {scale.slope}" for name, scale in SCALES.items()},
    **{f"drift/{name}": f"where {words or 'nothing drifts'}" for name, words in DRIFTS.items()},
    **{f"dimensions/{d}": f"in {d} dimension{'s' * (d > 1)}" for d in (1, 2, 10)},
    "turn/rotated": "that are rotated",
    "turn/curl": "whose gradient has a curl",
}
