"""Every setup from several starts, and the sharpness on the way."""

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

import jdescent as jd
from experiments.common.deep_network import Start, draw_starts, loss, model, scaled, seen
from experiments.common.digits import (
    Digits,
    Examples,
    best_baseline,
    majority_accuracy,
    split_digits,
)
from experiments.common.report import stage
from experiments.divergence_cures.config import Config
from experiments.divergence_cures.setups import Setup, setups
from jdescent import analysis

DIVERGENCE = 1e20  # further than by default, so that the way there can be seen


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

    @jax.jit
    def sharpness(flat: Array, batch: Examples) -> Array:
        return analysis.sharpness(lambda flat: loss(as_params(flat), batch), flat)

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


def simulate(config: Config) -> dict:
    """All runs, from every start, and the sharpness on the way."""
    data = split_digits(train=config.examples)
    with stage(f"without and with every cure from {config.seeds} starts"):
        runs = train_all(config, data)
    with stage("sharpness on the way"):
        sharpness = relative_sharpness(config, data, runs)
    return {
        "runs": runs,
        "sharpness": sharpness,
        "looks": look_steps(config),
        "majority": majority_accuracy(data),
        "baseline": best_baseline(data),
    }
