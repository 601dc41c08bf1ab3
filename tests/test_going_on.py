"""Runs in two parts: a trajectory is a start."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import AS_USERS_COMPILE
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
    run = jax.jit(run, static_argnums=1, compiler_options=AS_USERS_COMPILE)
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


def pair(params):
    return jnp.sum(params["w"] ** 2) + jnp.sum(params["b"] ** 2)


@pytest.fixture(scope="module")
def begun():
    start = {"w": jnp.ones((2, 2)), "b": jnp.zeros(3)}
    return jax.jit(lambda: jd.descend(pair, start, jd.adam(0.1), 3))()


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (jd.sgd(0.1), "state.memory['m']['b'] (float32[3]) is in the trajectory's alone"),
        (jd.heavy_ball(0.1), "state.memory['m']['b'] (float32[3]) is in the trajectory's alone"),
        (jd.amsgrad(0.1), "state.memory['v_max']['b'] (float32[3]) is in the optimizer's alone"),
        (jd.lion(0.1), "state.memory['v']['b'] (float32[3]) is in the trajectory's alone"),
        (jd.chain(jd.adam(0.1), jd.clip(1.0)), "state.t (int32[]) is in the trajectory's alone"),
    ],
)
def test_another_optimizer_than_the_one_that_began_is_refused_with_the_difference(
    begun, other, difference
):
    with pytest.raises(ValueError, match=re.escape(difference)) as error:
        jd.descend(pair, begun, other, 3)
    assert "descend(loss, path.params, …)" in str(error.value)


def test_an_optimizer_whose_memories_mean_the_same_goes_on_from_them(begun):
    """adamw from adam's m, v and step count, as a plain loop of adamw from them."""
    adamw = jd.adamw(0.1, weight_decay=0.5)
    path = jax.jit(lambda start: jd.descend(pair, start, adamw, 2))(begun)
    params, state = begun.params, begun.state
    for _ in range(2):
        updates, state = adamw.update(jax.grad(pair)(params), state, params)
        params = jd.apply_updates(params, updates)
    for got, want in zip(jax.tree.leaves(path.params), jax.tree.leaves(params), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert path.state.t == 5


@pytest.mark.parametrize(
    ("memory", "difference"),
    [
        (
            jnp.zeros((2, 3)),
            "state.memory['v']['w'] is float32[2, 3] in the trajectory's and float32[2, 2] in",
        ),
        (
            jnp.zeros((2, 2), jnp.float16),
            "state.memory['v']['w'] is float16[2, 2] in the trajectory's and",
        ),
    ],
)
def test_memories_of_another_shape_or_dtype_are_refused_by_name(begun, memory, difference):
    state = begun.state._replace(memory={**begun.state.memory, "v": {**begun.state.v, "w": memory}})
    with pytest.raises(ValueError, match=re.escape(difference)):
        jd.descend(pair, begun._replace(state=state), jd.adam(0.1), 3)


def test_memories_in_nodes_of_another_type_are_refused():
    path = jd.descend(PARABOLA, 0.0, jd.sgd(0.1), 1)._replace(state=[jnp.ones(1), jnp.ones(2)])
    tuples = jd.Optimizer(lambda params: (jnp.ones(1), jnp.ones(2)), jd.sgd(0.1).update)
    with pytest.raises(ValueError, match="a node is list in the trajectory's and tuple in the opt"):
        jd.descend(PARABOLA, path, tuples, 3)


def test_another_rate_loss_and_interval_are_welcome(begun):
    """As it says: the run goes on from the same parameters and memories."""
    path = jax.jit(
        lambda start: jd.descend(
            lambda params: 2 * pair(params), start, jd.adam(0.01), 4, every=3, divergence=10.0
        )
    )(begun)
    np.testing.assert_array_equal(path.steps, [3, 6, 7])
    np.testing.assert_allclose(path.loss[0], 2 * begun.loss[-1], rtol=1e-6)
    assert path.state.t == 7


def test_a_batch_of_runs_goes_on_under_vmap_and_is_otherwise_refused():
    rates = jnp.array([0.1, 0.2])
    many = jax.vmap(lambda rate: jd.descend(PARABOLA, 0.0, jd.sgd(rate), 3))(rates)
    with pytest.raises(ValueError, match=r"batch of runs, of shape \(2,\): .*jax\.vmap"):
        jd.descend(PARABOLA, many, jd.sgd(0.1), 3)
    longer = jax.vmap(lambda path, rate: jd.descend(PARABOLA, path, jd.sgd(rate), 3))(many, rates)
    np.testing.assert_array_equal(longer.steps, [3, 4, 5, 6])
    np.testing.assert_allclose(longer.params, 3 - 3 * (1 - 2 * rates) ** 6, rtol=1e-5)


LAST = 2**31 - 1


@pytest.mark.parametrize("before", [2**27, 2**28, 2**28 + 7, 2**30, LAST - 6])
def test_verdicts_name_the_right_step_as_far_as_int32_counts(before):
    """(x − 3) ← −10(x − 3): the loss grows by 100 a step, past 10⁶ times the first at step 4."""
    begun = jd.descend(PARABOLA, 4.0, jd.sgd(5.5), 1)._replace(step=np.int32(before))
    for run in (lambda go: go, jax.jit):
        path = run(lambda path: jd.descend(PARABOLA, path, jd.sgd(5.5), 6, divergence=1e6))(begun)
        assert (path.verdict.status, path.verdict.step) == (jd.Status.DIVERGED, before + 3)
        assert path.step == before + 6
        np.testing.assert_array_equal(path.steps, before + np.arange(7))
        again = run(lambda path: jd.descend(PARABOLA, path, jd.sgd(5.5), 1))(
            path._replace(step=np.int32(before))
        )
        assert (again.verdict.status, again.verdict.step) == (jd.Status.DIVERGED, before + 3)


def test_past_the_last_step_that_int32_counts_is_an_error_or_where_traced_stays_there():
    near = jd.descend(PARABOLA, 4.0, jd.sgd(0.1), 1)._replace(step=np.int32(LAST - 2))
    with pytest.raises(ValueError, match=f"steps=3 after the {LAST - 2} of this trajectory are mo"):
        jd.descend(PARABOLA, near, jd.sgd(0.1), 3)
    assert jd.descend(PARABOLA, near, jd.sgd(0.1), 2).step == LAST
    run = jax.jit(lambda path: jd.descend(PARABOLA, path, jd.sgd(0.1), 5, every=2))
    path = run(near)
    assert path.step == path.verdict.step == LAST
    np.testing.assert_array_equal(path.steps, [LAST - 2, LAST, LAST, LAST])
    np.testing.assert_allclose(path.params, 3 + (near.params - 3) * 0.8**5, rtol=1e-5)
