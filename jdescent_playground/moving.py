"""A run of the live pages as a moving picture: the player's, of the very numbers they show."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jdescent_playground.curves import Curve
from jdescent_playground.numbers import shown as written
from jdescent_playground.player import Ground, History, player
from jdescent_playground.player.runs import Axis, Numbers, Runs, ended
from jdescent_playground.race import Racer
from jdescent_playground.runs import Run
from jdescent_playground.surfaces import Surface


def of_curve(curve: Curve, run: Run, step: int, theme: str = "light") -> bytes:
    """A GIF of a run on a curve.

    Args:
        curve: what it descends.
        run: the run.
        step: how far it is shown; 0 for all of it.
        theme: "light" or "dark".
    """
    return _gif(
        _runs([run], step or run.last), "",
        Ground(lambda x: curve.task.height(x, run.setup.parameters), curve.domain, y_label="loss"),
        History(log=False), title=f"{curve.formula}   η = {written(run.setup.learning_rate)}",
        theme=theme,
    )  # fmt: skip


def of_race(
    surface: Surface, racers: Sequence[Racer], runs: Sequence[Run], step: int, theme: str = "light"
) -> bytes:
    """A GIF of all runs of a race, each in its color."""
    labels = tuple(f"{number} {racer.label}" for number, racer in enumerate(racers, 1))
    minima = [minimum.position for minimum in surface.minima]
    several = len(runs) > 1
    ground = Ground(
        lambda x: surface.task.height(x, surface.parameters), surface.domain, minima=minima
    )
    found = _runs(runs, step or max(run.last for run in runs), labels if several else ())
    return _gif(
        found, "run" if several else "", ground, History(), title=surface.formula, theme=theme
    )


def _gif(
    runs: Runs, overlay: str, ground: Ground, history: History, title: str, theme: str
) -> bytes:
    figure = player(runs, ground, history, title=title, overlay=overlay or None)
    return figure.animation(".gif", theme)


def _runs(runs: Sequence[Run], step: int, labels: tuple[str, ...] = ()) -> Runs:
    """The runs as far as they are shown, for a player."""
    rows = slice(step + 1)

    def numbers(arrays: Sequence[np.ndarray]) -> Numbers:
        finite = [np.asarray(array, np.float32)[rows] for array in arrays]
        return Numbers(np.stack(finite), ("run",)) if labels else Numbers(finite[0])

    def each(values: list[Any]) -> np.ndarray:
        return np.array(values if labels else values[0])

    axes = (Axis("run", labels),) if labels else ()
    recorded = {"params": numbers([r.x for r in runs]), "loss": numbers([r.loss for r in runs])}
    status = each([int(run.verdict.status) for run in runs])
    bare = Runs(axes, np.arange(step + 1), status, recorded)
    return ended(bare, each([min(run.last, step) for run in runs]))
