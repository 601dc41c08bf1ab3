"""The searches on record beside LightBench's table, and what explains where they differ."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

import jdescent as jd
from experiments.common.report import stage
from experiments.lightbench.candidates import BESIDE, CANDIDATES
from experiments.lightbench.config import Config
from experiments.lightbench.searches import (
    DRAWS,
    FAMILY_LONGER,
    LONGER,
    SEEDS,
    UNREACHABLE,
    Searches,
    on_record,
)
from jdescent.report_card.lightbench import families, search, task, warmed_up

Cells = Int[np.ndarray, "optimizers tasks seeds trials"]
SIZE, SHOWN_AT_ONCE, AIM = 2**16, 2**-14, 1e-4  # of sparse_gradient-nightmare
TINY = 1e-30
ON_THE_RIDGE = slice(4, 6)  # levels of saddle_point that start at y = 0


def simulate(config: Config) -> dict[str, Any]:
    with stage("reading the searches"):
        searches = on_record()
    with stage("repeating some of them"):
        repeated = same_as_on_record(searches, config)
    with stage("plateau_navigation without ε"):
        without_eps = solved_without_eps(config)
    with stage("adversarial_gradient, looked at all the time"):
        at_each_step = solved_when_looked_at(config)
    return {
        "first": cells(searches, CANDIDATES, config),
        "beside": cells(searches, BESIDE, config),
        "longer": longer(searches),
        "unreachable": unreachable(searches),
        "mended": mended(searches),
        "repeated": repeated,
        "without_eps": without_eps,
        "at_each_step": at_each_step,
        "standing_still": standing_still(config),
    }


def searched() -> list[tuple[str, str]]:
    """Family and level of every task that has an aim one can reach."""
    return [
        (family.name, level)
        for family in families()
        if family.name not in UNREACHABLE
        for level in family.levels
    ]


def cells(searches: Searches, optimizers: Iterable[str], config: Config) -> Cells:
    """The step at which each trial reached its aim, −1 if it did not."""
    of_each = [
        [
            first
            for family in families()
            if family.name not in UNREACHABLE
            for first in searches[optimizer][family.name].first
        ]
        for optimizer in optimizers
    ]
    return np.array(of_each)[..., : config.trials]


def unreachable(searches: Searches) -> int:
    """Trials that reached an aim that none can reach."""
    trials = [
        first
        for of_optimizer in (searches[name] for name in CANDIDATES)
        for first in (
            *(of_optimizer[family].first for family in UNREACHABLE),
            of_optimizer["saddle_point"].first[ON_THE_RIDGE],
        )
    ]
    return sum(int(np.sum(first >= 0)) for first in trials)


def longer(searches: Searches) -> Float[np.ndarray, "lengths seeds"]:
    """The share of a family's levels that AdamW solves in trials of the usual and of more steps."""
    of_each = [searches[name][FAMILY_LONGER].first >= 0 for name in ("AdamW", LONGER)]
    return np.array([np.mean(np.any(solved, axis=-1), axis=0) for solved in of_each])


def mended(searches: Searches) -> Bool[np.ndarray, " optimizers"]:
    """Who solves wide_linear with its aim where the loss is least."""
    return np.array(
        [np.any(searches[name]["wide_linear, mended"].first >= 0) for name in CANDIDATES]
    )


def same_as_on_record(searches: Searches, config: Config) -> float:
    """The share of trials that end, when run again, as they did on record."""
    same = []
    for name in config.repeated:
        family = task(name).family
        again = search(CANDIDATES["AdamW"], family, range(SEEDS), DRAWS, config.steps).first
        before = searches["AdamW"][name].first
        same.append(np.ravel(again == np.where(before > config.steps, -1, before)))
    return float(np.mean(np.concatenate(same)))


def solved_without_eps(config: Config) -> Float[np.ndarray, " levels"]:
    """The share of AdamW's trials that solve each level of plateau_navigation where ε is tiny."""

    def adamw(lr, b1, b2, lr_p):
        return jd.adam(warmed_up(lr), b1, b2, eps=TINY)

    family = task("plateau_navigation").family
    found = search(adamw, family, range(SEEDS), config.trials, config.steps)
    return np.mean(found.first >= 0, axis=(1, 2))


def solved_when_looked_at(config: Config) -> Float[np.ndarray, " levels"]:
    """The share of AdamW's trials that pass adversarial_gradient's aim at any step."""
    family = task("adversarial_gradient").family._replace(interval=1)
    found = search(CANDIDATES["AdamW"], family, range(SEEDS), config.trials, config.steps)
    return np.mean(found.first >= 0, axis=(1, 2))


def standing_still(config: Config) -> Float[np.ndarray, " draws"]:
    """1 where the first loss of sparse_gradient-nightmare is at its aim before any step."""
    rng = np.random.default_rng(16)
    heights = []
    for _ in range(config.masks):
        seen = rng.random(SIZE) < SHOWN_AT_ONCE
        heights.append(np.sum(rng.normal(size=SIZE)[seen] ** 2) / SIZE)
    return (np.array(heights) <= AIM).astype(float)
