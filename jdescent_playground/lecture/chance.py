"""Noise: fifty seeds at once leave a shallow valley, as fast as Kramers said."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from jdescent import analysis
from jdescent_playground.lecture.section import Section
from jdescent_playground.player import Ground, History, player

RATE = 0.1
BATCHES = (2, 4, 8)
SEEDS = 50
STEPS, EVERY = 600, 5
BEYOND = 1.0  # deep in the other valley

WELL = jd.losses.double_well()
VALLEY, TARGET = WELL.minima
(BARRIER,) = WELL.maxima
VALLEY_X = float(np.asarray(VALLEY.position))


def noise() -> Section:
    """Mini-batch descent in a double well whose gradients are noisy, over batch sizes and seeds."""
    loss, examples = jd.losses.double_well_examples()

    def run(batch_size, seed, **how):
        return jd.descend(
            loss, jnp.float32(VALLEY_X), jd.sgd(RATE), STEPS,
            batches=jd.batches.mini_batch(examples, batch_size), key=jax.random.key(seed), **how,
        )  # fmt: skip

    axes: dict[str, Any] = {"batch_size": jd.static(list(BATCHES)), "seed": jnp.arange(SEEDS)}
    grid = jd.sweep(
        lambda batch_size, seed: run(batch_size, seed, record=("params", "loss"), every=EVERY),
        **axes,
    )
    first = jd.sweep(  # the same runs, to the step at which each is over
        lambda batch_size, seed: run(
            batch_size, seed, record=None, stop=lambda point: point.params >= BEYOND
        ),
        **axes,
    )
    left = first.verdict.values == "stopped"
    when = np.where(left, first.verdict_step.values, np.inf)
    means = [exact_mean(size) for size in BATCHES]
    escaped = (when[..., None] <= grid.step.values).mean(axis=1)
    foreseen = np.stack([escaped_fraction(size, grid.step.values) for size in BATCHES])
    position = grid.record_params.transpose("batch_size", "seed", "step").values
    heights = np.asarray(jax.vmap(WELL)(position.ravel())).reshape(position.shape)
    grid = grid.assign(  # the loss of all examples: that of one batch jumps with its noise
        loss=(("batch_size", "seed", "step"), heights),
        record_escaped=(("batch_size", "step"), escaped),
        record_foreseen=(("batch_size", "step"), foreseen),
    )
    figure = player(
        grid,
        Ground(WELL, (-2.0, 2.4), path=False),
        History(("escaped", "foreseen"), log=False, range=(0.0, 1.0), whole=True,
                y_label="fraction that escaped",
                title="fifty seeds (blue), and the chain of positions"),
        name="noise",
        description="Fifty runs of mini-batch gradient descent leave the left valley by chance; "
        "the fraction that has left beside what theory foresees.",
        labels={"batch_size": "batch size B", "seed": "seed of the run in front"},
        overlay="seed",
        at={"batch_size": "4"},
        readings={"step": "{step}", "x": "{params}", "escaped": "{escaped}",
                  "foreseen": "{foreseen}"},
        laboratory=("/", {
            "curve": "double-well", "learning_rate": RATE, "start": VALLEY_X,
            "batch": lambda batch_size: int(batch_size), "seed": lambda seed: int(seed),
        }),
    )  # fmt: skip
    facts = {f"mean_{size}": f"{mean:,.0f}" for size, mean in zip(BATCHES, means, strict=True)}
    facts |= {f"kramers_{size}": f"{kramers_steps(size):,.0f}" for size in BATCHES}
    return Section(figure, facts | {"height": f"{BARRIER.loss - VALLEY.loss:.2f}"})


def kramers_steps(batch_size: int) -> float:
    """Kramers' mean escape time, in steps."""
    (well,), (top,) = VALLEY.curvatures, BARRIER.curvatures
    _, examples = jd.losses.double_well_examples()
    heat = analysis.temperature(RATE, float(jnp.var(examples)), batch_size)
    time = analysis.kramers_time(well, top, BARRIER.loss - VALLEY.loss, heat)
    return float(np.asarray(time)) / RATE


def exact_mean(batch_size: int) -> float:
    """The mean number of steps of the very iteration, from the chain of its positions."""
    _, examples = jd.losses.double_well_examples()
    kicks = analysis.batch_noise(examples, batch_size)
    return analysis.sampled_chain_steps(WELL, VALLEY_X, BEYOND, RATE, kicks, nodes=4096)


def escaped_fraction(batch_size: int, steps: np.ndarray) -> np.ndarray:
    """The fraction that has escaped, exact for Gaussian noise of the batches' variance."""
    _, examples = jd.losses.double_well_examples()
    variance = float(jnp.var(examples)) / batch_size
    return 1 - analysis.gaussian_chain_survival(
        WELL, VALLEY_X, BEYOND, RATE, variance, steps, nodes=200
    )
