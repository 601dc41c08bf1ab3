"""Several optimizers from one start: what each is, how far it came, and how it fared."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jdescent_playground import address, export
from jdescent_playground.catalog import METHODS, Value
from jdescent_playground.method_panel import MethodPanel
from jdescent_playground.numbers import counted
from jdescent_playground.runs import Row, Run, Setup, compute
from jdescent_playground.surfaces import Surface, bowl, turned

LARGEST = 6
FIRST = ("sgd", "heavy_ball", "adam")
NEXT = ("nesterov", "rmsprop", "adagrad", "sgd", "heavy_ball", "adam")
SHARE = 1e-4
ANGLES = tuple(range(0, 91, 5))

_STEPS_GROW_WITH_SLOPE = ("sgd", "heavy_ball", "nesterov", "optax.sgd")
_DEFAULTS = {"schedule": "constant", "horizon": 100, "clip": None}


@dataclass(frozen=True)
class Racer:
    """One optimizer with its numbers, as `MethodPanel` holds them."""

    method: str
    rate: float
    others: Mapping[str, Value] = field(default_factory=dict)
    schedule: str = "constant"
    horizon: int = 100
    clip: float | None = None

    @property
    def label(self) -> str:
        return METHODS[self.method].label

    @property
    def momentum(self) -> float:
        """Of a method that has one; where it is none, 0."""
        return float(self.others.get("momentum", METHODS[self.method].defaults["momentum"]) or 0.0)

    def apply(self, setup: Setup) -> Setup:
        """The setup with this optimizer in it."""
        return setup.but(
            method=self.method, settings={"learning_rate": self.rate, **self.others},
            schedule=self.schedule, horizon=self.horizon, clip=self.clip,
        )  # fmt: skip

    def put_into(self, panel: MethodPanel) -> None:
        """Let a panel hold it, unseen until it is drawn."""
        panel.name, panel.rate, panel.others = self.method, self.rate, dict(self.others)
        panel.schedule, panel.horizon, panel.clip = self.schedule, self.horizon, self.clip

    def written(self, number: int) -> dict[str, Any]:
        """Its part of an address: ``1=adam&1.learning_rate=0.1``."""
        values = {"learning_rate": self.rate, **self.others, "schedule": self.schedule,
                  "horizon": self.horizon, "clip": self.clip}  # fmt: skip
        known = {**METHODS[self.method].defaults, **_DEFAULTS}
        del known["learning_rate"]
        named = {
            f"{number}.{name}": value
            for name, value in values.items()
            if name not in known or value != known[name]
        }
        return {str(number): self.method, **named}


@dataclass(frozen=True)
class Shown:
    """One run as far as it is shown, with the number that stands on its ball."""

    run: Run
    step: int
    number: int
    chosen: bool

    @property
    def row(self) -> Row:
        return self.run.row(self.step)

    @property
    def moves(self) -> bool:
        """Whether there is a next step."""
        return self.step < self.run.last or self.run.diverged


def held_by(panel: MethodPanel) -> Racer:
    """The racer that a panel holds."""
    return Racer(
        panel.name, panel.rate, dict(panel.others), panel.schedule, panel.horizon, panel.clip
    )


def fitting(method: str, surface: Surface) -> Racer:
    """A racer at a learning rate that suits the surface."""
    grows = method in _STEPS_GROW_WITH_SLOPE
    rate = surface.rate if grows else surface.stride
    return Racer(method, float(f"{rate / 3:.1g}") if method == "heavy_ball" else rate)


def newcomer(racers: Sequence[Racer], surface: Surface) -> Racer:
    """One more, of a method that is not yet there."""
    there = {racer.method for racer in racers}
    return fitting(next((name for name in NEXT if name not in there), NEXT[0]), surface)


def read(
    query: Mapping[str, str], panel: MethodPanel, surface: Surface
) -> tuple[list[Racer], list[str]]:
    """The racers an address speaks of, and what could not be read; the panel does the reading."""
    racers, complaints = [], []
    for number in map(str, range(1, LARGEST + 1)):
        if number not in query:
            continue
        chosen, wrong = address.read(query, {number: address.choice(METHODS)})
        complaints += [_without_list(sentence) for sentence in wrong]
        if not chosen:
            continue
        fitting(chosen[number], surface).put_into(panel)
        dotted = number + "."
        own = {name[len(dotted) :]: text for name, text in query.items() if name.startswith(dotted)}
        complaints += panel.read({**own, "method": chosen[number]}, dotted)
        racers.append(held_by(panel))
    return racers, complaints


def verdict(run: Run, step: int, surface: Surface) -> tuple[str, str]:
    """(words, mood) on how one run stands after so many steps; the mood is "", "good" or "bad".

    Example:
        >>> from jdescent_playground.surfaces import SURFACES
        >>> bowl = SURFACES["bowl-2-4"]
        >>> setup = Setup(bowl.task, "sgd", {"learning_rate": 0.4}, (3.0, 2.0), bowl.parameters)
        >>> verdict(compute(setup), 2, bowl), verdict(compute(setup), 999, bowl)
        (('step 2', ''), ('arrived after 27', 'good'))
    """
    if step < run.last:
        return f"step {step:,}", ""
    if run.diverged:
        if surface.name == "saddle":
            return f"fell, {counted(run.last, 'step')}", ""
        return f"diverged after {run.last:,}", "bad"
    if not run.converged:
        return f"{counted(run.last, 'step')}", ""
    near = surface.minimum_near(tuple(run.x[run.last].tolist()))
    if near is None:
        return f"at rest after {run.last:,}", ""
    size = max(float(run.loss[0]) - near.loss, 1.0)
    if run.loss[run.last] > near.loss + 1e-3 * size:
        return f"rests, no minimum: {run.last:,}", ""
    if surface.floor is not None and near.loss > surface.floor + 1e-6:
        return f"trapped after {run.last:,}", "bad"
    return f"arrived after {run.last:,}", "good"


def steps_until_low(run: Run, floor: float = 0.0) -> float:
    """Steps until the loss above the floor is a ten-thousandth of what it was; NaN if never."""
    above = run.loss.astype(float) - floor
    low = np.flatnonzero(above <= SHARE * above[0])
    return float(low[0]) if low.size else np.nan


def steps_by_angle(
    setup: Setup, condition: float, start_in_bowl: tuple[float, float]
) -> np.ndarray:
    """`steps_until_low` at each of `ANGLES`, bowl and start turned together.

    Gradient descent takes the same steps at every angle: it knows no coordinates.
    """
    found = []
    for degrees in ANGLES:
        turned_setup = setup.but(
            parameters=bowl(condition, degrees).parameters, start=turned(start_in_bowl, degrees)
        )
        found.append(steps_until_low(compute(turned_setup)))
    return np.array(found)


def as_json(runs: Sequence[Shown]) -> str:
    """All runs as far as they are shown, as `export.as_json` writes each."""
    content = {"race": [json.loads(export.as_json(one.run, one.step)) for one in runs]}
    return json.dumps(content, indent=1, ensure_ascii=False)


def _without_list(sentence: str) -> str:
    """The sentence without the dozens of optimizers that were expected."""
    head, _, _ = sentence.partition(": one of")
    return f"{head}: the name of an optimizer was expected"
