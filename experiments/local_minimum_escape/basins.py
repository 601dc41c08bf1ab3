"""Which valley full-batch gradient descent ends in, over start and learning rate."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy

import jdescent as jd
from experiments.local_minimum_escape.config import (
    BARRIER_X,
    SLOPE,
    TARGET,
    TARGET_X,
    VALLEY,
    VALLEY_X,
    WELL,
    Config,
)
from jdescent import analysis, plotting

SETTLED = 1e-6  # distance from a minimum of a run that ends there
LAST_STEPS = 64  # over which a run that does not settle is watched
OUTCOMES = {
    "ends at −1": plotting.COLORS["sky"],
    "unsettled, $x<0$": plotting.COLORS["blue"],
    "ends at 3/2": plotting.COLORS["orange"],
    "unsettled, $x>0$": plotting.COLORS["vermillion"],
    "unsettled": plotting.COLORS["purple"],
    "diverges": "0.9",
}
Reals = float | np.ndarray
LEFT, LEFT_CYCLE, RIGHT, RIGHT_CYCLE, CROSSES, DIVERGES = range(len(OUTCOMES))


def valley_ends(config: Config) -> np.ndarray:
    """Where full-batch descent ends, from starts inside (−3.1, 0)."""
    loss, examples = jd.losses.double_well_examples()
    starts = jnp.linspace(-3.1, BARRIER_X, config.starts + 2)[1:-1]

    def run(start: jax.Array) -> jax.Array:
        return jd.descend(
            loss,
            start,
            jd.sgd(config.learning_rate),
            config.steps,
            batches=jd.batches.full(examples),
            record=None,
        ).params

    return np.asarray(jax.jit(jax.vmap(run))(starts))


def outcome(optimizer: jd.Optimizer, start: jax.Array, steps: int) -> jax.Array:
    """Which of OUTCOMES a full-batch run has, as its number."""
    path = jd.descend(WELL, start, optimizer, steps, record=None)
    path = jd.descend(WELL, path, optimizer, LAST_STEPS, record="params")
    x = path.record["params"]

    def settles(minimum: jd.losses.StationaryPoint) -> jax.Array:
        return jnp.all(jnp.abs(x - minimum.position) < SETTLED)

    cases = {
        DIVERGES: path.verdict.diverged,
        LEFT: settles(VALLEY),
        RIGHT: settles(TARGET),
        LEFT_CYCLE: jnp.all(x < BARRIER_X),
        RIGHT_CYCLE: jnp.all(x > BARRIER_X),
    }
    return jnp.select(list(cases.values()), [jnp.int8(case) for case in cases], jnp.int8(CROSSES))


def basin_map(config: Config) -> dict:
    """Outcome of gradient descent over start and rate, and the rates at which valleys change."""
    rates = np.linspace(0, 1.3, config.rates + 1)[1:]
    starts = np.linspace(-4.6, 4, config.starts)
    grid = jd.sweep(
        lambda start, rate: outcome(jd.sgd(rate), start, config.steps), start=starts, rate=rates
    ).result.values
    from_valley, from_target = (
        grid[np.argmin(np.abs(starts - minimum.position - 0.1))] for minimum in (VALLEY, TARGET)
    )
    return {
        "starts": starts,
        "rates": rates,
        "outcome": grid,
        "valley_settles": analysis.crossing(rates, from_valley == LEFT),
        "target_settles": analysis.crossing(rates, from_target == RIGHT),
        "valley_holds": analysis.crossing(rates, from_valley <= LEFT_CYCLE),
        "target_holds": analysis.crossing(rates, np.isin(from_target, (RIGHT, RIGHT_CYCLE))),
    }


def settling_limit(minimum: jd.losses.StationaryPoint) -> float:
    """The largest rate at which gradient descent is stable at a minimum."""
    return float(analysis.gd_limit(minimum.curvatures[0]))


def holding_limit(minimum: jd.losses.StationaryPoint) -> float:
    """The rate at which the lowest or highest point a valley's runs reach is thrown to the barrier.

    Runs in a valley are bounded by the image of the turning point of x ↦ x − ηU′(x) in it.
    """
    outward = side_of(minimum)

    def margin(rate: float) -> float:
        turning = (1 - rate * SLOPE.deriv()).roots()
        turning = turning[np.sign(turning) == outward].item()
        reached = turning - rate * SLOPE(turning)
        return outward * (jump_start(rate, outward) - reached)

    return scipy.optimize.brentq(margin, settling_limit(minimum), 2.0)


def side_of(minimum: jd.losses.StationaryPoint) -> float:
    """−1 left of the barrier, 1 right of it."""
    return float(np.sign(np.subtract(minimum.position, BARRIER_X)))


def jump_start(rate: Reals, side: float) -> Reals:
    """The start from which the first step of gradient descent ends on the barrier, x = ηU′(x)."""
    middle = (VALLEY_X + TARGET_X) / 2
    half_gap = (TARGET_X - VALLEY_X) / 2
    return middle + side * np.sqrt(half_gap**2 + 1 / rate)
