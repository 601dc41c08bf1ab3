"""The one loop, down every row of the table, and then on to a second text."""

import math
import time
from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, PyTree
from tqdm import tqdm

import jdescent as jd
from experiments.common.report import stage
from experiments.one_loop import fine_tuning, language_model
from experiments.one_loop.config import Config
from experiments.one_loop.fine_tuning import Comparison
from experiments.one_loop.learner import Result
from experiments.one_loop.table import Row, rows


class Trained(NamedTuple):
    """What became of a row: everything a seed."""

    row: Row
    parameters: int
    steps: int
    seconds: float
    losses: Float[np.ndarray, "seeds rows"]
    params: PyTree
    results: list[Result]


def train(row: Row, config: Config) -> Trained:
    """The one loop: down the loss of batches from random first parameters, a run a seed.

    The seeds run side by side on the devices. A long run is cut into segments to show progress.
    """
    began = time.perf_counter()
    loss = row.loss(row.model.predict)
    segment = math.ceil(config.effort * row.steps / row.segments)
    optimizer = row.optimizer(segment * row.segments)
    keys = jax.random.split(jax.random.key(0), config.seeds)

    def run(start: PyTree, key: Array) -> jd.Trajectory:
        return jd.descend(loss, start, optimizer, segment, batches=row.data.batches, key=key)

    go_on = language_model.side_by_side(run, config.seeds)
    place, seen = jax.jit(jax.vmap(row.model.start))(keys), []
    for _ in tqdm(range(row.segments), desc=f"  {row.name}", disable=None, leave=False):
        place = go_on(place, keys)
        seen.append(np.asarray(place.loss)[:, :-1])
    seconds = time.perf_counter() - began
    of_seed = [jax.tree.map(lambda leaf, i=i: leaf[i], place.params) for i in range(config.seeds)]
    return Trained(
        row,
        sum(leaf.size for leaf in jax.tree.leaves(of_seed[0])),
        segment * row.segments,
        seconds,
        np.concatenate(seen, axis=1),
        jax.device_get(place.params),  # on no device, for whatever comes next
        [row.data.evaluate(params) for params in of_seed],
    )


class Learned(NamedTuple):
    """All rows of the table, and how fine-tuning went beside training from scratch."""

    rows: list[Trained]
    compared: Comparison


def simulate(config: Config) -> Learned:
    trained = []
    table = rows(config)
    for place, row in enumerate(table, start=1):
        with stage(f"{place} of {len(table) + 1}: {row.name}"):
            trained.append(train(row, config))
    with stage(f"{len(table) + 1} of {len(table) + 1}: fine-tuning"):
        began = time.perf_counter()
        sizes = replace(config.language, window=config.second.window, batch=config.second.batch)
        second = language_model.reading(fine_tuning.second_text(), sizes)
        compared = fine_tuning.compare(
            trained[-1].row.model, trained[-1].params, second, config.second
        )
        row = trained[-1].row._replace(name="fine-tuning", steps=config.second.steps)
        trained.append(
            Trained(
                row,
                trained[-1].parameters,
                row.steps,
                time.perf_counter() - began,
                compared.fine_tuned,
                compared.params,
                compared.results(second),
            )
        )
    return Learned(trained, compared)
