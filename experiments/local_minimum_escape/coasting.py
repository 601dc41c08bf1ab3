"""Which valley the full-batch heavy ball ends in, beside the damped oscillator it discretizes."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import scipy

import jdescent as jd
from experiments.local_minimum_escape.basins import RIGHT, outcome
from experiments.local_minimum_escape.config import (
    BARRIER,
    BARRIER_X,
    SLOPE,
    VALLEY_X,
    WELL,
    Config,
)
from jdescent import analysis


def friction(rate: float, momentum: float) -> float:
    """γ of x″ = −γx′ − U′(x), which the heavy ball discretizes with an error of order h²."""
    return (1 - momentum) * math.sqrt(2 / (rate * (1 + momentum)))


def time_step(rate: float, momentum: float) -> float:
    """h, the time a step of the heavy ball takes; it is at rest half a step before its start."""
    return math.sqrt(2 * rate / (1 + momentum))


def coasting_map(config: Config) -> dict:
    """Outcome of the heavy ball over start and momentum, with the oscillator's boundaries."""
    momenta = np.linspace(0.75, 0.98, config.momenta)
    starts = np.linspace(-3.2, VALLEY_X, config.starts)
    rate = config.ball_rate

    def run(start: jax.Array, momentum: jax.Array) -> jax.Array:
        return outcome(jd.heavy_ball(rate, momentum), start, config.steps)

    measured_at = config.balls[len(config.balls) // 2]
    nearest = coasting_starts(friction(rate, measured_at))[0]
    around = np.linspace(nearest - 0.1, nearest + 0.1, config.starts)
    ends = jd.sweep(run, start=around, momentum=[measured_at]).result.values[:, 0]
    theory_momenta = np.linspace(momenta[0], momenta[-1], 60)
    return {
        "starts": starts,
        "momenta": momenta,
        "outcome": jd.sweep(run, start=starts, momentum=momenta).result.values,
        "theory_momenta": theory_momenta,
        "theory_starts": [coasting_starts(friction(rate, m)) for m in theory_momenta],
        "momentum": measured_at,
        "edge": analysis.crossing(around, ends == RIGHT),
        "edge_theory": nearest,
    }


def coasting_starts(friction: float, farthest: float = 4.0) -> list[float]:
    """Starts left of the barrier from which the oscillator, at rest, comes to rest on its top.

    The two ways to come to rest there are followed back in time; wherever the speed is zero on the
    left side lies such a start. Nearest first, none beyond `farthest`.
    """

    def backwards(_, state):
        x, velocity = state
        return -velocity, friction * velocity + SLOPE(x)

    def at_rest(_, state):
        return state[1]

    def gone(_, state):
        return abs(state[0]) - farthest

    gone.terminal = True  # type: ignore[attr-defined]
    arrival_rate = (friction + math.sqrt(friction**2 - 4 * BARRIER.curvatures[0])) / 2
    starts = []
    for x in (-1e-3, 1e-3):
        back = scipy.integrate.solve_ivp(
            backwards,
            (0, 200),
            (x, -arrival_rate * x),
            events=(at_rest, gone),
            rtol=1e-8,
            atol=1e-10,
        )
        starts += [float(state[0]) for state in back.y_events[0] if state[0] < BARRIER_X]
    return sorted(starts, reverse=True)


def ball_path(momentum: float, config: Config, steps: int = 200) -> dict:
    """A run of the heavy ball, step by step, and the oscillator at the same times."""
    optimizer = jd.heavy_ball(config.ball_rate, momentum)
    path = jd.descend(WELL, jnp.asarray(config.ball_start), optimizer, steps, record="params")
    damping = friction(config.ball_rate, momentum)
    times = (np.arange(steps) + 0.5) * time_step(config.ball_rate, momentum)
    oscillator = scipy.integrate.solve_ivp(
        lambda _, state: (state[1], -damping * state[1] - SLOPE(state[0])),
        (0, times[-1]),
        (config.ball_start, 0.0),
        t_eval=times,
        rtol=1e-8,
        atol=1e-10,
    )
    return {"ball": np.asarray(path.record["params"]), "oscillator": oscillator.y[0]}
