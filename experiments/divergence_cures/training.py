"""Every setup from several starts, and the sharpness on the way."""

from dataclasses import dataclass

import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

import jdescent as jd
from experiments.common.digits import Digits
from experiments.common.sharpness import sharpness_of
from experiments.divergence_cures.setups import (
    Setup,
    Start,
    draw_starts,
    loss,
    model,
    scaled,
    seen,
    setups,
)

DIVERGENCE = 1e20  # further than by default, so that the way there can be seen


@dataclass(frozen=True)
class Config:
    """Sizes of the runs that diverge and of their cures."""

    examples: int = 300
    """Digits that are trained on, all at every step; 450 others are held out."""
    steps: int = 400
    """Steps of every run."""
    seeds: int = 5
    """First weights that every setup starts from, two or more."""
    looks: int = 18
    """Steps at which the sharpness is measured, about as many in each factor of two."""

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise SystemExit(f"seeds must be 2 or more, for an interval, got {self.seeds}")
        if self.steps < 60:
            raise SystemExit(
                f"steps must be 60 or more, as divergence takes some 40, got {self.steps}"
            )


def train_all(config: Config, data: Digits) -> dict[str, dict[str, np.ndarray]]:
    """Losses, verdicts, scores and looks at the parameters of every setup, one row a seed."""
    table, looks = setups(config.steps), look_steps(config)

    def run(setup: Setup, start: Start) -> dict[str, Array]:
        pictures = seen(data, setup.normalized)
        optimizer = jd.chain(
            jd.clip_by_global_norm(setup.max_norm), jd.sgd(lambda step: setup.rates[step])
        )
        path = jd.descend(
            lambda params: loss(params, pictures.train),
            scaled(start, setup.gain),
            optimizer,
            config.steps,
            record=lambda point: ravel_pytree(point.params)[0],
            divergence=DIVERGENCE,
        )
        return {
            "losses": path.loss,
            "diverged": path.verdict.diverged,
            "step": path.verdict.step,
            "accuracy": jd.losses.accuracy(model)(path.params, pictures.test),
            "params": path.record[looks],
        }

    found = jd.sweep(run, setup=list(table.values()), start=draw_starts(config.seeds))
    return {
        name: {str(key): found[key].values[row] for key in found.data_vars}
        for row, name in enumerate(table)
    }


def relative_sharpness(
    config: Config, data: Digits, runs: dict[str, dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """ηₜλmax(θₜ)/2 of every setup, above 1 where descent is unstable: (seed, look).

    It is measured at the first and the last look, and at all of the first seed; it is NaN elsewhere
    and after the end of a run.
    """
    looks = look_steps(config)
    _, as_params = ravel_pytree(draw_starts(1)[0].layers)
    sharpness = sharpness_of(lambda flat, batch: loss(as_params(flat), batch))

    def of_setup(setup: Setup, run: dict[str, np.ndarray]) -> np.ndarray:
        train = seen(data, setup.normalized).train
        rates, points = setup.rates[looks], run["params"]
        relative = np.full(points.shape[:2], np.nan)
        for seed, look in np.ndindex(relative.shape):
            measured = seed == 0 or look in (0, len(looks) - 1)
            if measured and looks[look] < run["step"][seed]:
                relative[seed, look] = rates[look] * sharpness(points[seed, look], train) / 2
        return relative

    return {name: of_setup(setup, runs[name]) for name, setup in setups(config.steps).items()}


def look_steps(config: Config) -> np.ndarray:
    """Steps from the first to the last, ever farther apart."""
    return np.unique(np.geomspace(1, config.steps, config.looks).astype(int)) - 1
