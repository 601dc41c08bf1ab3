"""Images of six conditions, a zoom, frozen layers, and null models."""

from pathlib import Path

import jax

from experiments.common.report import stage
from experiments.trainability_boundary import edges, plane
from experiments.trainability_boundary.config import (
    CONDITIONS,
    LINEAR,
    SMALLEST,
    SMOOTHINGS,
    WHOLE,
    WINDOWS,
    Config,
    is_cheap,
    size,
)
from experiments.trainability_boundary.network import trainer
from jdescent import analysis


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
                trainer(LINEAR, config.steps),
                WHOLE,
                size(LINEAR, config),
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


def store(config: Config, name: str) -> Path | None:
    return None if config.store is None else Path(config.store) / f"{name}.zarr"


def null_models(images: list[plane.Image], surrogates: int) -> dict[float, analysis.NullDimension]:
    return {
        smoothing: analysis.null_dimension(
            *(image < 0 for image in images), smoothing=smoothing, surrogates=surrogates
        )
        for smoothing in SMOOTHINGS
    }
