"""The game's four levels: their curves, their goals, and what counts as reaching them."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from jdescent_playground.curves import CURVES, Curve
from jdescent_playground.runs import LIMIT, Run, Setup, Task

NEAR = 0.01  # above the lowest loss: found, in level 1
SHORTEST = 3  # steps: a run that shows something, in level 2
FAST = 12  # steps: a well tuned rate, in level 3
STAY = 50  # steps in a row in the deep well, where noise never rests, in level 4
TRAP, BARRIER = -1.0, 0.0
WAYS = ("momentum", "noise", "a better start")
BATCHES: tuple[int | None, ...] = (None, 32, 16, 8, 4, 2, 1)


@dataclass(frozen=True)
class Level:
    """One level.

    Attributes:
        title: on its button.
        story: what to do, in a sentence or two.
        curve: the landscape.
        rate: the learning rate it begins with.
        unit: what its best counts.
    """

    title: str
    story: str
    curve: Curve
    rate: float = 0.4
    unit: str = "step"


def hidden(curvature: float, place: float, floor: float) -> Curve:
    """A parabola of level 1."""
    numbers = f"({curvature}, {place}, {floor})"
    landscape = jd.losses.parabola(curvature, place, floor)
    return Curve(
        "hidden", "?", Task(landscape, f"jd.losses.parabola{numbers}"), (-4.0, 4.0), -3.5,
        ((place, curvature),), True,
    )  # fmt: skip


HIDDEN = (
    hidden(1.0, 1.37, 0.8), hidden(0.6, -1.62, 2.3), hidden(1.2, 0.44, 1.1),
    hidden(0.5, 2.71, 3.2), hidden(0.9, -0.58, 0.4),
)  # fmt: skip
"""Level 1 takes them in turn."""

LEVELS = (
    Level(
        "By hand",
        "Fog. You see the valley only where you have stood. Find its lowest point in as few moves "
        "as you can.",
        HIDDEN[0],
        unit="move",
    ),
    Level(
        "Follow the slope",
        "Now the optimizer walks. It reads the slope under the ball and steps against it. Step, "
        "and watch the slope shrink.",
        CURVES["bowl"],
    ),
    Level(
        "Tune the rate",
        "You choose how far it steps. Push the learning rate until the run explodes. Then "
        f"recover: arrive in {FAST} steps or fewer.",
        CURVES["parabola"],
        0.01,
    ),
    Level(
        "Escape the trap",
        "Plain descent rolls into the nearest well and stays, though a deeper one lies to the "
        "right. Get there by momentum, by the noise of small batches, or from a better start.",
        CURVES["double-well"],
        0.1,
    ),
)


def found(curve: Curve, loss: float) -> bool:
    """Whether a loss is the lowest, as level 1 counts it."""
    least = curve.least
    return least is not None and loss <= least + NEAR


def way(setup: Setup) -> str | None:
    """By which of `WAYS` a run would leave the trap; None for none of them, or for several.

    Example:
        >>> plain = Setup(CURVES["double-well"].task, "sgd", {"learning_rate": 0.1}, -1.8)
        >>> way(plain), way(plain.but(start=0.5)), way(plain.but(batch_size=2))
        (None, 'a better start', 'noise')
    """
    helps = (
        bool(setup.settings.get("momentum")),
        setup.batch_size is not None,
        isinstance(setup.start, float) and setup.start > BARRIER,
    )
    used = [name for name, helped in zip(WAYS, helps, strict=True) if helped]
    return used[0] if len(used) == 1 else None


def escape_step(run: Run) -> int | None:
    """The step at which a run has reached the deep well for good, None if it does not.

    A whole-batch run comes to rest there. One with noise never rests: it has to stay `STAY` steps.
    """
    if run.setup.batch_size is None:
        return run.last if run.converged and run.x[run.last] > BARRIER else None
    there = run.x[: run.last + 1] > BARRIER
    stays = np.convolve(there, np.ones(STAY), "valid") == STAY if len(there) >= STAY else []
    return int(np.argmax(stays)) + STAY - 1 if np.any(stays) else None


@dataclass(frozen=True)
class Point:
    """One point of what happens after the loss has left the numbers."""

    step: int
    x: float
    loss: float
    slope: float
    update: float


def aftermath(run: Run) -> list[Point]:
    """What the optimizer goes on to compute if nobody stops it: to infinity, and to NaN.

    `jdescent.descend` stops at the first loss that is no number; this carries on with the same
    optimizer's updates.

    Returns:
        The first point with an infinite loss, the first with an infinite x, and the first NaN.

    Example:
        >>> from jdescent_playground.runs import compute
        >>> task = CURVES["parabola"].task
        >>> points = aftermath(compute(Setup(task, "sgd", {"learning_rate": 1.2}, 0.0)))
        >>> [(point.step, point.x) for point in points][1:]
        [(259, inf), (260, nan)]
    """
    if not run.diverged:
        return []
    walk = _onward(run.setup.task.loss)
    start = jnp.asarray(run.x[run.last], float)
    x, loss, slope, update = jax.device_get(walk(start, run.setup.learning_rate))
    firsts = (~np.isfinite(loss), np.isinf(x), np.isnan(x))
    places = sorted({int(np.argmax(where)) for where in firsts if where.any()})
    return [
        Point(run.last + i, *(float(values[i]) for values in (x, loss, slope, update)))
        for i in places
    ]


@functools.cache
def _onward(loss: Callable) -> Callable:
    """Gradient descent that stops for nothing: (x, loss, slope, update) of every step."""

    def walk(start, rate):
        optimizer = jd.sgd(rate)

        def step(carry, _):
            x, state = carry
            value, slope = jax.value_and_grad(loss)(x)
            update, state = optimizer.update(slope, state, x)
            return (jd.apply_updates(x, update), state), (x, value, slope, update)

        return jax.lax.scan(step, (start, optimizer.init(start)), None, length=LIMIT)[1]

    return jax.jit(walk)


def stars_shown(stars: int) -> str:
    """Three stars, so many of them filled."""
    return "★" * stars + "☆" * (3 - stars)


def uphill(losses: Sequence[float]) -> int:
    """How many moves raised the loss."""
    return int(np.sum(np.diff(losses) > 0))
