"""What a model keeps beside its parameters, what a loss returns beside its value, and restored
starts."""

import pickle
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import AS_USERS_COMPILE
from walks import assert_same

import jdescent as jd

DATA = jnp.linspace(-1, 3, 12)
SAMPLE, KEY = jd.batches.mini_batch(DATA, 4), jax.random.key(5)
FIRST = {"mean": jnp.array(0.0), "count": jnp.array(0), "key": jax.random.key(1)}


def noisy(x, model_state, batch):
    """Batch statistics, a counter and a key that noise is drawn from, as of dropout."""
    key, draw = jax.random.split(model_state["key"])
    after = {
        "mean": 0.9 * model_state["mean"] + 0.1 * jnp.mean(batch),
        "count": model_state["count"] + 1,
        "key": key,
    }
    value = jnp.mean((x - batch + 0.1 * jax.random.normal(draw)) ** 2)
    return value, (after, {"largest": jnp.max(batch)})


def run(start, steps, optimizer=None, **options):
    first = {} if isinstance(start, jd.Trajectory) else {"model_state": FIRST}
    options = {"batches": SAMPLE, "key": KEY, "has_aux": True, **first, **options}
    return jd.descend(noisy, start, optimizer or jd.adam(0.1), steps, **options)


@pytest.mark.parametrize("every", [1, 3])
def test_a_model_state_and_aux_are_those_of_a_plain_loop(every):
    path = jax.jit(lambda: run(2.0, 10, record=["model_state", "aux", "params"], every=every))()
    optimizer, x, state = jd.adam(0.1), jnp.array(2.0), FIRST
    memories, rows = optimizer.init(x), []
    step = jax.jit(jax.value_and_grad(noisy, has_aux=True))
    for n in range(11):
        (_, (after, aux)), gradient = step(x, state, SAMPLE(KEY, n))
        rows.append((state["mean"], state["count"], aux["largest"], x))
        last = x, state
        updates, memories = optimizer.update(gradient, memories, x)
        x, state = x + updates, after
    kept = path.record
    got = kept["model_state"]["mean"], kept["model_state"]["count"], kept["aux"]["largest"]
    for ours, theirs in zip((*got, kept["params"]), zip(*rows, strict=True), strict=True):
        np.testing.assert_allclose(ours, jnp.stack(theirs)[path.steps], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(path.params, last[0], rtol=1e-5)
    assert path.model_state["count"] == 10
    assert_same(path.model_state["key"], last[1]["key"])


@pytest.mark.parametrize("options", [{}, {"every": 7}, {"record": None}])
def test_sixty_steps_and_then_forty_are_a_hundred_with_a_model_state(options):
    once = jax.jit(
        lambda start, steps: run(start, steps, **options),
        static_argnums=1,
        compiler_options=AS_USERS_COMPILE,
    )
    whole, first = once(2.0, 100), once(2.0, 60)
    second = once(first, 40)
    for field in ("params", "state", "model_state", "verdict", "step"):
        assert_same(getattr(second, field), getattr(whole, field))


@pytest.mark.parametrize("options", [{}, {"every": 4}])
def test_a_run_that_had_ended_keeps_its_last_row_when_it_is_resumed(options):
    """Its step and its batch are those of its end, not those at which the call begins."""

    def one(start, steps, rate):
        seen = lambda point: (point.step, point.loss, point.gradient, point.aux)  # noqa: E731
        return run(start, steps, jd.sgd(rate), record=seen, **options)

    both = jax.jit(jax.vmap(one, in_axes=(0, None, 0)), static_argnums=1)
    rates = jnp.array([0.1, 60.0])
    whole, first = both(jnp.zeros(2), 20, rates), both(jnp.zeros(2), 12, rates)
    second = both(first, 8, rates)
    assert whole.verdict.diverged.tolist() == [False, True]
    for got, want in zip(second.verdict, whole.verdict, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)
    rows = 12 // whole.every
    for got, want in zip(second.record, whole.record, strict=True):
        jax.tree.map(lambda g, w: np.testing.assert_allclose(g, w[:, rows:], rtol=1e-5), got, want)


def summing(x, total):
    return x**2, total + x


@pytest.mark.parametrize("options", [{}, {"every": 4}, {"record": None}])
def test_the_model_state_of_a_run_that_ended_is_that_of_its_last_point(options):
    """x ← −10x: the loss passes 10⁸ at step 5, and the sum is 1 − 10 + … + 10⁴ there."""
    paths = jax.jit(
        jax.vmap(
            lambda rate: jd.descend(
                summing, 1.0, jd.sgd(rate), 20, model_state=jnp.array(0.0), **options
            )
        )
    )(jnp.array([0.25, 5.5]))
    np.testing.assert_array_equal(paths.verdict.step, [20, 5])
    np.testing.assert_allclose(paths.model_state, [2 - 0.5**19, 9091.0], rtol=1e-6)


@pytest.mark.parametrize("options", [{}, {"every": 4}, {"record": None}])
def test_a_model_state_that_overflows_ends_the_run_unless_it_began_so(options):
    """The state is the square of the one before, from 10: past 10³⁸ at the sixth step."""
    once = jax.jit(
        lambda first: jd.descend(
            lambda x, s: (x**2, s**2), 1.0, jd.sgd(0.1), 20, model_state=first, **options
        )
    )
    path = once(jnp.array(10.0))
    assert (path.verdict.status, path.verdict.step) == (jd.Status.NON_FINITE, 6)
    np.testing.assert_allclose(path.params, 0.8**5, rtol=1e-5)
    assert jnp.isfinite(path.model_state)
    path = once(jnp.array(jnp.inf))
    assert path.verdict.status == jd.Status.STEP_LIMIT
    np.testing.assert_allclose(path.params, 0.8**20, rtol=1e-5)


def test_stop_reads_aux_and_a_sweep_labels_it_beside_the_model_state():
    def one(rate):
        return jd.descend(
            lambda x, s: (x**2, (s + x, {"double": 2 * x})),
            1.0,
            jd.sgd(rate),
            10,
            model_state=jnp.array(0.0),
            has_aux=True,
            record="aux",
            stop=lambda point: point.aux["double"] < 0.3,
        )

    grid = jd.sweep(one, rate=jnp.array([0.25, 0.125]))  # x halves, or is three quarters, a step
    np.testing.assert_array_equal(grid.verdict_step, [3, 7])
    np.testing.assert_allclose(grid.record_aux_double[0, :4], 2 * 0.5 ** np.arange(4), rtol=1e-6)
    np.testing.assert_allclose(grid.model_state, [1.75, 4 - 4 * 0.75**7], rtol=1e-6)


def test_a_line_search_is_given_the_value_alone():
    """With the model state of its step."""
    path = jax.jit(
        lambda: jd.descend(
            lambda x, s: (jnp.sum(s * x**2), (s, x)),
            jnp.ones(2),
            jd.chain(jd.sgd(1.0), jd.backtracking_linesearch(15)),
            5,
            model_state=jnp.array([1.0, 2.0]),
            has_aux=True,
        )
    )()
    assert np.all(np.diff(path.loss) < 0)  # as Armijo's condition has it


# -- starts that were restored -------------------------------------------------------------------


def test_parameters_state_and_step_that_were_stored_go_on_as_the_trajectory_does():
    optimizer = jd.adam(jd.schedules.cosine(0.1, 100))
    once = jax.jit(lambda: run(2.0, 60, optimizer))()
    kept = once.params, once.state, once.step
    params, state, step = pickle.loads(pickle.dumps(jax.device_get(kept)))

    def restored(params, state, step, model_state):
        return run(params, 40, optimizer, state=state, first_step=step, model_state=model_state)

    path = jax.jit(restored)(params, state, step, once.model_state)
    whole = jax.jit(lambda path: run(path, 40, optimizer))(once)
    for field in ("params", "state", "model_state", "verdict", "step", "loss", "steps"):
        assert_same(getattr(path, field), getattr(whole, field))
    np.testing.assert_array_equal(path.steps[jnp.array([0, -1])], [60, 100])


def test_a_state_of_another_optimizer_and_steps_that_are_none_are_refused(as_users_run):
    parabola = jd.losses.parabola()
    adam = jd.adam(0.1).init(jnp.array(0.0))
    with pytest.raises(ValueError, match=re.escape("state.memory['m'] (float32[]) is in the giv")):
        jd.descend(parabola, 0.0, jd.sgd(0.1), 3, state=adam)
    with pytest.raises(ValueError, match=r"state\['memory'\].* is in the given state alone"):
        jd.descend(parabola, 0.0, jd.adam(0.1), 3, state=adam._asdict())
    for step, error in ((-1, ValueError), (1.5, TypeError), (2**31, ValueError)):
        with pytest.raises(error, match="first_step must be"):
            jd.descend(parabola, 0.0, jd.sgd(0.1), 3, first_step=step)
    path = jd.descend(parabola, 0.0, jd.adam(0.1), 3)
    for given in ({"state": adam}, {"first_step": 3}, {"model_state": 1.0}):
        (name,) = given
        with pytest.raises(ValueError, match=f"{name} is given, but the trajectory has its own"):
            jd.descend(parabola, path, jd.adam(0.1), 3, **given)


def square(x):
    return x**2


WRONG = {
    "no pair": (
        lambda x, s: x**2,
        {"model_state": 0.0},
        TypeError,
        "with model_state= loss must return (value, model_state), got PyTreeDef(*)",
    ),
    "no aux": (square, {"has_aux": True}, TypeError, "loss must return (value, aux), got"),
    "no state and aux": (
        lambda x, s: (x**2, s),
        {"model_state": 0.0, "has_aux": True},
        TypeError,
        "loss must return (value, (model_state, aux)), got",
    ),
    "another shape": (
        lambda x, s: (x**2, {"a": s["a"][None]}),
        {"model_state": {"a": 0.0}},
        ValueError,
        "model_state['a'] is float32[] in what loss is given and float32[1] in what it returns",
    ),
    "nothing in it": (square, {"model_state": {}}, ValueError, "must hold arrays, got {}"),
    "text": (lambda x: (x**2, "a"), {"has_aux": True}, TypeError, "aux must be numbers or arrays"),
    "a pair by surprise": (lambda x: (x**2, x), {}, TypeError, "pass has_aux=True"),
    "aux that is none": (square, {"record": "aux"}, ValueError, "has not: pass has_aux=True"),
    "a state that is none": (square, {"record": ["model_state"]}, ValueError, "pass model_state="),
    "no boolean": (square, {"has_aux": "yes"}, TypeError, "has_aux must be True or False"),
}


@pytest.mark.parametrize("name", WRONG)
def test_losses_that_return_something_else(name, as_users_run):
    loss, options, error, told = WRONG[name]
    with pytest.raises(error, match=re.escape(told)):
        jd.descend(loss, 0.0, jd.sgd(0.1), 3, **options)
