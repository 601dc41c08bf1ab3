"""Runs in two parts: a trajectory is a start."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from walks import assert_same

import jdescent as jd

PARABOLA = jd.losses.parabola()
ROSENBROCK = jd.losses.rosenbrock()
START = jnp.array([-1.2, 1.0])
DATA = (jnp.linspace(-1, 1, 12), jnp.linspace(0, 3, 12) ** 2)


def line_error(params, batch):
    x, y = batch
    return jnp.mean((params["slope"] * x + params["offset"] - y) ** 2)


LINE = {"slope": jnp.array(0.0), "offset": jnp.array(0.0), "unused": None}
GOING_ON = {
    "adam under a schedule": (ROSENBROCK, START, jd.adam(jd.schedules.cosine(0.05, 100)), {}),
    "heavy ball, recorded every third step": (
        ROSENBROCK,
        START,
        jd.heavy_ball(1e-4),
        {"record": "params", "every": 3},
    ),
    "batches and noise": (
        line_error,
        LINE,
        jd.chain(jd.add_noise(jax.random.key(1), 0.1), jd.adam(0.1)),
        {"batches": jd.batches.mini_batch(DATA, 3), "key": jax.random.key(2)},
    ),
    "shuffled epochs": (
        line_error,
        LINE,
        jd.sgd(0.1, 0.9),
        {"batches": jd.batches.epoch_shuffled(DATA, 5), "key": jax.random.key(2)},
    ),
}


def assert_goes_on(run, start):
    """60 steps and then 40 are 100, bit for bit, in whatever a trajectory holds."""
    run = jax.jit(run, static_argnums=1)
    whole, first = run(start, 100), run(start, 60)
    second = run(first, 40)
    for field in ("params", "state", "step", "verdict", "start_loss"):
        assert_same(getattr(second, field), getattr(whole, field))
    assert (whole.steps[0], whole.steps[-1]) == (0, 100)
    assert (second.steps[0], second.steps[-1]) == (60, 100)
    seam = 60 // whole.every  # recorded twice: the end of one call is the start of the next
    axis = whole.step.ndim
    for row in ("loss", "record"):
        halves = jax.tree.map(
            lambda a, b: np.concatenate([np.asarray(a).take(range(seam), axis), b], axis),
            getattr(first, row),
            getattr(second, row),
        )
        assert_same(halves, getattr(whole, row))
    return first, whole


@pytest.mark.parametrize("name", GOING_ON)
def test_sixty_steps_and_then_forty_are_a_hundred_bit_for_bit(name):
    loss, start, optimizer, options = GOING_ON[name]
    assert_goes_on(lambda x, n: jd.descend(loss, x, optimizer, n, **options), start)


def test_runs_that_have_ended_stay_ended_and_the_others_go_on_bit_for_bit():
    """Lanes of every verdict, some reached before step 60, some after, some never."""

    def run(starts, steps):
        def one(rate, start):
            return jd.descend(
                PARABOLA,
                start,
                jd.heavy_ball(rate, 0.5),
                steps,
                tolerance=1e-3,
                stop=lambda p: jnp.abs(p.params - 2) < 0.01,
                record="params",
            )

        rates = jnp.array([0.1, 0.025, 2.0, 1.535, 0.004, 1e38, 0.001])
        return jax.vmap(one)(rates, starts)

    first, whole = assert_goes_on(run, jnp.zeros(7))
    ends = [(str(jd.Status(int(s))), int(n) <= 60) for s, n in zip(*whole.verdict[:2], strict=True)]
    assert ends == [
        ("converged", True),
        ("converged", False),
        ("diverged", True),
        ("diverged", False),
        ("stopped", False),
        ("non-finite", True),
        ("step limit", False),
    ]
    early = np.array([early for _, early in ends])
    np.testing.assert_array_equal(first.verdict.status != jd.Status.STEP_LIMIT, early)
    np.testing.assert_array_equal(first.params == whole.params, early)
