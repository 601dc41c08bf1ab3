"""The loop: what is recorded, and the transformations it passes through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walks import assert_same

import jdescent as jd

PARABOLA = jd.losses.parabola()
ROSENBROCK = jd.losses.rosenbrock()
START = jnp.array([-1.2, 1.0])


def loop(optimizer, start, steps, loss=ROSENBROCK):
    """The points of a plain Python loop."""
    points, state = [start], optimizer.init(start)
    for _ in range(steps):
        gradient = jax.grad(loss)(points[-1])
        updates, state = optimizer.update(gradient, state, points[-1])
        points.append(jd.apply_updates(points[-1], updates))
    return jnp.stack(points), state


@pytest.mark.parametrize("optimizer", [jd.sgd(1e-3), jd.adam(0.05)], ids=["sgd", "adam"])
def test_row_n_is_the_point_after_n_steps_of_a_plain_loop(optimizer):
    points, state = loop(optimizer, START, 12)
    path = jd.descend(ROSENBROCK, START, optimizer, steps=12, record="params")
    assert path.record["params"].shape == (13, 2)
    np.testing.assert_allclose(path.record["params"], points, rtol=1e-5)
    np.testing.assert_allclose(path.loss, jax.vmap(ROSENBROCK)(points), rtol=1e-4)
    np.testing.assert_array_equal(path.params, path.record["params"][-1])
    np.testing.assert_array_equal(path.steps, np.arange(13))
    assert path.step == 12
    np.testing.assert_allclose([path.start_loss, path.loss[0]], 24.2, rtol=1e-6)
    assert path.state.t == state.t == 12


def jitted(loss, start, optimizer, steps, **options):
    """One compilation instead of one for each operation outside the loop."""
    return jax.jit(lambda x: jd.descend(loss, x, optimizer, steps, **options))(start)


LONGEST = 24
EVERY_ROW = jd.descend(ROSENBROCK, START, jd.adam(0.05), LONGEST, record="params").record["params"]


@settings(max_examples=8)
@given(st.integers(1, LONGEST), st.integers(1, LONGEST + 3))
def test_every_k_keeps_every_kth_row_and_the_last(steps, every):
    path = jitted(ROSENBROCK, START, jd.adam(0.05), steps, record="params", every=every)
    kept = [*range(0, steps, every), steps]
    np.testing.assert_array_equal(path.steps, kept)
    assert len(path.loss) == -(-steps // every) + 1
    np.testing.assert_allclose(path.record["params"], EVERY_ROW[np.array(kept)], rtol=2e-6)
    np.testing.assert_array_equal(path.record["params"][-1], path.params)
    np.testing.assert_allclose(path.params, EVERY_ROW[steps], rtol=2e-6)
    assert path.step == path.state.t == steps


@pytest.mark.parametrize("every", [1, 7])
def test_what_is_recorded_does_not_change_the_run(every):
    first, *others = (
        jitted(ROSENBROCK, START, jd.adam(0.05), 20, record=record, every=every)
        for record in ("loss", None, "params", ("gradient", "state"), lambda point: point.step)
    )
    for path in others:
        np.testing.assert_allclose(path.params, first.params, rtol=2e-6)
        assert path.verdict.status == first.verdict.status
        assert path.step == first.step


def test_records_by_name_and_by_function_are_of_the_same_points():
    names = ("loss", "params", "gradient", "gradient_norm", "state")
    named = jitted(ROSENBROCK, START, jd.adam(0.05), 9, record=names, every=2).record
    assert set(named) == set(names)

    def everything(point):
        return {
            "loss": point.loss,
            "params": point.params,
            "gradient": point.gradient,
            "gradient_norm": jd.global_norm(point.gradient),
            "state": point.state,
            "step": point.step,
        }

    computed = jitted(ROSENBROCK, START, jd.adam(0.05), 9, record=everything, every=2).record
    np.testing.assert_array_equal(computed.pop("step"), [0, 2, 4, 6, 8, 9])
    assert_same(computed, named)
    np.testing.assert_array_equal(named["state"].t, [0, 2, 4, 6, 8, 9])
    gradients = jax.vmap(jax.grad(ROSENBROCK))(named["params"])
    np.testing.assert_allclose(named["gradient"], gradients, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        named["gradient_norm"], np.linalg.norm(named["gradient"], axis=1), rtol=1e-5
    )


@pytest.mark.parametrize("name", ["loss", "params", "gradient", "gradient_norm", "state"])
def test_one_name_and_a_list_of_it_record_the_same_dictionary(name):
    one, listed = (jd.descend(PARABOLA, 0.0, jd.adam(0.1), 3, record=r) for r in (name, [name]))
    assert list(one.record) == [name]
    assert_same(one, listed)
    assert one.loss.shape == (4,)


def test_the_loss_is_recorded_once_and_stands_in_the_record_where_it_was_named():
    path = jd.descend(PARABOLA, 0.0, jd.sgd(0.1), 3)
    assert path.record["loss"] is path.loss
    np.testing.assert_allclose(path.loss, 9 * 0.64 ** np.arange(4), rtol=1e-5)
    rows = [leaf for leaf in jax.tree.leaves(path) if jnp.shape(leaf) == (4,)]
    assert len(rows) == 1
    other = jd.descend(PARABOLA, 0.0, jd.sgd(0.1), 3, record="params")
    assert list(other.record) == ["params"]
    np.testing.assert_array_equal(other.loss, path.loss)


def test_a_function_records_its_own_tree_and_none_records_nothing():
    norms = jd.descend(PARABOLA, 0.0, jd.sgd(0.1), 3, record=lambda point: point.gradient)
    np.testing.assert_allclose(norms.record, -6 * 0.8 ** np.arange(4), rtol=1e-5)
    nothing = jd.descend(PARABOLA, 0.0, jd.sgd(0.1), 3, record=None)
    assert nothing.loss is None
    assert nothing.record is None
    with pytest.raises(ValueError, match="nothing was recorded"):
        _ = nothing.steps


DATA = (jnp.linspace(-1, 1, 12), jnp.linspace(0, 3, 12) ** 2)


def line_error(params, batch):
    x, y = batch
    return jnp.mean((params["slope"] * x + params["offset"] - y) ** 2)


LINE = {"slope": jnp.array(0.0), "offset": jnp.array(0.0), "unused": None}


def test_batch_n_of_a_run_is_the_samplers_batch_n():
    """x ← x − η(x − mean of the batch), step by step beside the sampler itself."""
    sample, key, rate = jd.batches.mini_batch(DATA[0], 4), jax.random.key(5), 0.25
    path = jd.descend(
        lambda x, batch: 0.5 * jnp.mean((x - batch) ** 2),
        jnp.array(2.0),
        jd.sgd(rate),
        steps=10,
        batches=sample,
        key=key,
        record="params",
    )
    x = 2.0
    for n in range(10):
        batch = np.asarray(sample(key, n))
        np.testing.assert_allclose(path.loss[n], 0.5 * np.mean((x - batch) ** 2), rtol=1e-4)
        x = x - rate * (x - batch.mean())
        np.testing.assert_allclose(path.record["params"][n + 1], x, rtol=1e-5)


def test_the_full_batch_is_no_batch():
    whole = jd.descend(line_error, LINE, jd.adam(0.1), 30, batches=jd.batches.full(DATA))
    plain = jd.descend(lambda params: line_error(params, DATA), LINE, jd.adam(0.1), 30)
    np.testing.assert_allclose(whole.loss, plain.loss, rtol=1e-5)
    assert whole.params["unused"] is None


def test_nested_parameters_descend_as_their_flat_vector_does():
    def nested(params):
        return ROSENBROCK(jnp.stack([params["x"][0], params["y"]["deep"]]))

    start = {"x": (jnp.array(-1.2), None), "y": {"deep": jnp.array(1.0), "empty": {}}}
    tree = jd.descend(nested, start, jd.adam(0.05), 25, tolerance=1e-3)
    flat = jd.descend(ROSENBROCK, START, jd.adam(0.05), 25, tolerance=1e-3)
    np.testing.assert_allclose(tree.loss, flat.loss, rtol=1e-5)
    np.testing.assert_allclose(tree.verdict.gradient_norm, flat.verdict.gradient_norm, rtol=1e-5)


@jax.jit
def noisy_run(rate, momentum, start, key):
    return jd.descend(
        lambda x, batch: jnp.mean((x - batch) ** 2) + 0.1 * x**4,
        start,
        jd.heavy_ball(rate, momentum),
        steps=40,
        batches=jd.batches.mini_batch(DATA[0], 4),
        key=key,
    )


MAPPED = {
    "rate": jnp.array([1e-3, 0.1, 0.4]),
    "momentum": jnp.array([0.0, 0.5, 0.95]),
    "start": jnp.array([-2.0, 0.0, 3.0]),
    "key": jax.random.split(jax.random.key(7), 3),
}


@pytest.mark.parametrize("axis", MAPPED)
def test_mapping_over_anything_is_a_loop_over_it(axis):
    middle = {name: values[1] for name, values in MAPPED.items()}
    values = MAPPED[axis]
    together = jax.vmap(lambda value: noisy_run(**(middle | {axis: value})))(values)
    for lane in range(3):
        alone = noisy_run(**(middle | {axis: values[lane]}))
        np.testing.assert_allclose(together.loss[lane], alone.loss, rtol=1e-4)
        assert together.verdict.status[lane] == alone.verdict.status


def test_compiling_the_whole_run_changes_nothing():
    def run(rate):
        return jd.descend(ROSENBROCK, START, jd.sgd(rate), 30, record="params").record["params"]

    np.testing.assert_allclose(jax.jit(run)(1e-3), run(1e-3), rtol=1e-5)


@jax.jit
def end_loss(rate, curvature, start):
    path = jd.descend(lambda x: 0.5 * curvature * x**2, start, jd.sgd(rate), 10)
    return path.loss[-1]


@given(st.floats(0.1, 1.9), st.floats(0.2, 5.0), st.floats(-2, 2))
def test_a_run_differentiates_with_respect_to_rate_curvature_and_start(step, curvature, start):
    """Lₙ = ½λx₀²(1 − ηλ)²ⁿ with n = 10: dL/dη = −nλ²x₀²(1 − ηλ)²ⁿ⁻¹, and so on."""
    rate = step / curvature
    r = 1 - step
    with jax.enable_x64(True):
        got = jax.grad(end_loss, argnums=(0, 1, 2))(rate, curvature, start)
    exact = (
        -10 * curvature**2 * start**2 * r**19,
        0.5 * start**2 * r**20 - 10 * rate * curvature * start**2 * r**19,
        curvature * start * r**20,
    )
    scale = 10 * curvature * start**2 * abs(r) ** 18 + abs(start) * r**20
    np.testing.assert_allclose(got, exact, rtol=1e-9, atol=1e-12 * scale + 1e-300)


def test_the_gradient_through_a_converged_run_is_that_of_its_steps_taken(x64):
    """After convergence at step n the end no longer depends on further steps: d/dη 3·(1−2η)ⁿ."""

    def end(rate, steps):
        return jd.descend(PARABOLA, jnp.array(0.0), jd.sgd(rate), steps, tolerance=1e-2).params

    n = int(jd.descend(PARABOLA, 0.0, jd.sgd(0.1), 60, tolerance=1e-2).verdict.step)
    np.testing.assert_allclose(
        [jax.grad(end)(0.1, 60), jax.grad(end)(0.1, n)], 6 * n * 0.8 ** (n - 1), rtol=1e-12
    )


@pytest.mark.parametrize("make", [jd.adam, jd.adagrad, jd.rmsprop, jd.heavy_ball])
def test_a_coordinate_without_a_gradient_adds_nothing_to_the_derivative(make):
    """The roots of its second moments are at a kink all along."""

    def end(rate, start):
        loss = lambda x: (x[0] - 3) ** 2  # noqa: E731
        return jd.descend(loss, start, make(rate), 6).loss[-1]

    both, alone = (jax.jit(jax.grad(end))(0.1, start) for start in (jnp.ones(2), jnp.ones(1)))
    assert both != 0
    np.testing.assert_allclose(both, alone, rtol=1e-5)


def test_trajectories_are_trees_that_any_jax_function_takes():
    run = jax.jit(lambda rate: jd.descend(PARABOLA, 0.0, jd.sgd(rate), 4))
    paths = jax.vmap(run)(jnp.array([0.1, 0.4]))
    second = jax.tree.map(lambda leaf: leaf[1], paths)
    assert_same(second, run(0.4))
    np.testing.assert_array_equal(paths.steps, np.arange(5))
    assert jax.tree.map(jnp.shape, second).loss == (5,)


def test_float64_starts_give_float64_runs_and_narrow_ones_stay_narrow(x64):
    for dtype in (jnp.float64, jnp.float32, jnp.float16, jnp.bfloat16):
        path = jitted(PARABOLA, jnp.zeros((), dtype), jd.adam(0.1), 5, record="params")
        assert path.params.dtype == path.record["params"].dtype == path.loss.dtype == dtype
        assert path.step.dtype == path.verdict.step.dtype == jnp.int32
        assert path.verdict.status.dtype == jnp.int8


@jax.tree_util.register_pytree_node_class
class Checked:
    """A node that holds one array, and says so."""

    def __init__(self, weight):
        if not isinstance(weight, jax.Array | np.ndarray):
            raise TypeError(f"an array was expected, got {weight!r}")
        self.weight = weight

    def tree_flatten(self):
        return (self.weight,), None

    @classmethod
    def tree_unflatten(cls, static, children):
        return cls(*children)


def slide(rate):
    """Momentum whose memory is a tree like the parameters."""

    def update(gradient, velocity, params=None):
        velocity = jax.tree.map(lambda v, g: 0.5 * v - rate * g, velocity, gradient)
        return velocity, velocity

    return jd.Optimizer(lambda params: jax.tree.map(jnp.zeros_like, params), update)


@pytest.mark.parametrize("options", [{"every": 4}, {"tolerance": 1e-9, "record": "state"}])
def test_nodes_that_check_their_children_are_never_given_anything_but_arrays(options):
    def run(start, loss):
        first = jd.descend(loss, start, slide(0.1), 6, **options)
        return jd.descend(loss, first, slide(0.1), 3, **options)

    checked = run(Checked(START), lambda params: ROSENBROCK(params.weight))
    plain = run(START, ROSENBROCK)
    np.testing.assert_allclose(checked.params.weight, plain.params, rtol=1e-6)
    np.testing.assert_allclose(checked.state.weight, plain.state, rtol=1e-6)


@pytest.mark.parametrize("convert", [float, np.float64, np.float32, np.asarray, jnp.asarray])
def test_starts_of_any_kind_of_number_are_the_same_start(convert):
    path = uncompiled(convert(-1.25))
    assert path.params["x"].dtype == jnp.float32
    np.testing.assert_allclose(path.record["params"]["x"], 3 - 4.25 * 0.8 ** np.arange(5), 1e-6)
    assert path.record["params"]["none"].shape == (5, 0)
    assert path.record["params"]["nothing"] is None


def uncompiled(x):
    """Not compiled as a whole, so that the start comes as it is."""

    def loss(params):
        return PARABOLA(params["x"]) + jnp.sum(params["none"])

    start = {"x": x, "none": np.zeros((0,), np.float32), "nothing": None}
    return jd.descend(loss, start, jd.sgd(0.1), 4, record="params")


def test_names_to_record_may_be_an_array_of_text(as_users_run):
    path = jd.descend(
        jd.losses.parabola(), jnp.array(0.0), jd.sgd(0.5), 1, record=np.array(["params", "state"])
    )
    assert [type(name) for name in path.record] == [str, str]
    np.testing.assert_array_equal(path.record["params"], [0, 3])


@pytest.mark.parametrize("steps", [9, 10, 11])
def test_rows_are_the_same_where_every_step_is_checked_for_convergence(steps):
    def run(**options):
        return jd.descend(jd.losses.parabola(), 1.0, jd.sgd(0.1), steps, **options)

    every_step, third = run(), run(every=3, tolerance=1e-30)
    np.testing.assert_allclose(third.loss, every_step.loss[third.steps], rtol=1e-6)


def test_a_state_of_python_numbers_is_recorded_at_any_interval():
    def update(gradient, state, params=None):
        return -0.1 * gradient, 2 * state

    doubling = jd.Optimizer(lambda params: 1.0, update)
    for every in (1, 3):
        path = jd.descend(jd.losses.parabola(), 0.0, doubling, 4, record="state", every=every)
        np.testing.assert_array_equal(path.record["state"], 2.0 ** np.asarray(path.steps, float))


def test_an_update_that_names_the_loss_is_given_it():
    """Without ``**extra`` too; here Newton and Raphson's step to where x² is 0."""

    def update(gradient, state, params=None, *, value):
        return -value / gradient, state

    path = jd.descend(lambda x: x**2, 1.0, jd.Optimizer(lambda x: (), update), steps=10)
    np.testing.assert_array_equal(path.params, 0.5**10)
