"""LightBench's tasks: their aims are where they should be, or provably are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

import jdescent as jd
from jdescent.report_card import lightbench
from jdescent.report_card.lightbench import LEFT_OUT, LEVELS, WIDTH, published, search, task
from jdescent.report_card.lightbench.search import RANGES, draws, warmed_up
from jdescent.report_card.lightbench.unreachable import mended

TASKS = lightbench.tasks()
SOLUTIONS = {
    "beale": [0.0, 0.0],
    "rosenbrock": [1.0, 1.0],
    "rastrigin": [0.0, 0.0],
    "plateau_navigation": [0.0, 0.0],
    "saddle_point": [0.0, -4.0],
}
UNREACHABLE = ("minimax", "wide_linear")
by_name = pytest.mark.parametrize("found", TASKS, ids=lambda found: found.name)


def solution(found):
    """Where the loss is least, in closed form."""
    start, name = found.start(), found.family.name
    if name in SOLUTIONS:
        return jnp.array(SOLUTIONS[name], start.dtype)
    if name == "quadratic_varying_target":
        return jnp.asarray(found.data["target"], start.dtype)
    if name == "constrained_optimization":
        return jnp.ones_like(start)
    if name == "dynamic_landscape":
        phases = jnp.linspace(0.0, 2 * np.pi, WIDTH)
        return jnp.asarray(jnp.sin(phases + 1.1 / found.data["period"]), start.dtype)
    return jax.tree.map(jnp.zeros_like, start)


def reached(found, params) -> bool:
    with jax.enable_x64(found.family.double):
        return bool(found.family.reached(params, found.loss(params), found.data))


@by_name
def test_a_task_is_solved_where_its_loss_is_least_and_not_at_its_start(found):
    with jax.enable_x64(found.family.double):
        assert not reached(found, found.start())
        if found.family.name in UNREACHABLE:
            return
        assert reached(found, solution(found))


@by_name
def test_losses_and_gradients_are_finite_at_the_start_and_of_the_right_precision(found):
    with jax.enable_x64(found.family.double):
        x = found.start()
        loss, gradient = jax.value_and_grad(found.loss)(x)
        assert loss.dtype == (jnp.float64 if found.family.double else jnp.float32)
        for g in jax.tree.leaves(gradient):
            assert jnp.all(jnp.isfinite(g))
        size = sum(float(jnp.sum(jnp.abs(g))) for g in jax.tree.leaves(gradient))
        assert (size > 0) != (found.name == "saddle_point-nightmare")


def test_from_the_ridge_of_the_saddle_nothing_leads_to_its_sides():
    for level in LEVELS[4:]:
        found = task("saddle_point", level)
        x = jnp.array([float(found.start()[0]), 0.0])
        assert found.start()[1] == 0
        assert jax.grad(found.loss)(x)[1] == 0


@pytest.mark.parametrize("level", LEVELS[2:])
def test_a_coordinate_has_the_gradient_that_it_has_among_all(level):
    """Of Σ k x²/Σ k with n coordinates it is 2 x k/(n(n + 1)/2), however few are computed."""
    found = task("quadratic_varying_scale", level)
    n = float(found.data["size"])
    k = np.round(np.geomspace(1, n, WIDTH))
    gradient = jax.grad(found.loss)(jnp.ones(WIDTH, jnp.float32))
    np.testing.assert_allclose(gradient, 4 * k / (n * (n + 1)), rtol=1e-5)


def test_targets_have_the_length_one_among_all():
    squares = [float(np.sum(task("quadratic_varying_target", level).data["target"][:n] ** 2))
               for level, n in (("trivial", 4), ("easy", 16))]  # fmt: skip
    np.testing.assert_allclose(squares, 1, rtol=1e-12)
    found = task("quadratic_varying_target", "nightmare").data
    np.testing.assert_allclose(np.mean(found["target"] ** 2) * found["size"], 1, rtol=0.02)


def test_the_plateau_falls_as_an_exponential_that_no_rounding_takes_away():
    with jax.enable_x64(True):
        found = task("plateau_navigation", "nightmare")
        gradient = jax.grad(found.loss)(found.start())
    np.testing.assert_allclose(gradient, 20 * 3.0 * np.exp(-20 * 3.5), rtol=1e-12)


def test_relative_noise_is_as_long_as_it_says():
    """Expected mean (x + ξ)² at batches of one size: |x|²(1 + 1/√B^½)/n, less what is drawn."""
    found = task("batch_size_scaling", "nightmare")
    with jax.enable_x64(True):
        x = found.start()
        losses = jax.vmap(lambda step: found.loss(x, step))(jnp.arange(2000))
        mean = jnp.mean(losses) * found.data["size"] / jnp.sum(x**2)
    of_size = (1 - 2**-0.5) / (0.5 * np.log(2))  # the mean of 2^(−U/2)
    np.testing.assert_allclose(mean, 1 + of_size, rtol=0.02)


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop"])
def test_what_moves_coordinates_by_their_own_gradients_keeps_minimax_apart(name):
    found = task("minimax")
    x = {"a": jnp.where(found.data["real"], 1.5, 0.0), "b": jnp.where(found.data["real"], -0.5, 0)}
    optimizer = getattr(jd, name)(1e-3)
    state = optimizer.init(x)
    for step in range(3):
        updates, state = optimizer.update(jax.grad(found.loss)(x, step), state, x)
        np.testing.assert_array_equal(updates["a"], updates["b"])
        assert jnp.any(updates["a"] != 0)
        x = jd.apply_updates(x, updates)


def test_the_aim_of_wide_linear_is_opposite_to_its_minimum():
    found, turned = task("wide_linear"), lightbench.Task(mended(), "trivial")
    triangle = jnp.triu(jnp.ones((4, 4), jnp.float32))
    assert float(found.loss(triangle)) < 1e-12
    assert reached(found, -triangle)
    assert not reached(found, triangle)
    assert reached(turned, triangle)


def test_runs_end_at_the_first_look_at_which_the_aim_is_reached():
    """Gradient descent on the mean of n: x falls by 1 − 2η/n a step."""
    found = task("adversarial_gradient", "nightmare").family
    quiet = found._replace(batch=None, loss=lambda x, data, batch: jnp.sum(x**2) / data["size"])
    trial = lightbench.Task(quiet, "nightmare").run(jd.sgd(51.2), steps=1000)  # a tenth less each
    with jax.enable_x64(True):
        x = quiet.start(jax.random.split(jax.random.key(0))[0], quiet.levels["nightmare"])
        rms = float(jnp.sqrt(jnp.mean(x**2)))
    steps = np.ceil(np.log(1e-3 / rms) / np.log(0.9))
    assert trial.solved
    assert trial.step == int(256 * np.ceil(steps / 256))


def test_a_search_is_its_trials_one_by_one():
    family = task("rastrigin").family
    count, steps = 4, 120
    found = search(
        lambda lr, b1, b2, lr_p: jd.adam(warmed_up(lr), b1, b2), family, [3], count, steps
    )
    drawn = draws([3], count)
    with jax.enable_x64(True):
        settings = [tuple(jnp.asarray(values[0, i]) for values in drawn) for i in range(count)]
    for i, (lr, b1, b2, _) in enumerate(settings):
        optimizer = jd.adam(warmed_up(lr), b1, b2)
        trial = lightbench.Task(family, "trivial").run(optimizer, seed=3, steps=steps)
        assert found.first[0, 0, i] == (trial.step if trial.solved else -1)


def test_settings_fill_their_ranges_and_hang_on_the_seed_alone():
    drawn = draws([0, 1], 2000)
    logs = [
        np.log10(drawn.lr),
        np.log10(1 - drawn.b1),
        np.log10(1 - drawn.b2),
        np.log10(drawn.lr_p),
    ]
    for values, (low, high) in zip(logs, RANGES.values(), strict=True):
        assert low <= values.min()
        assert values.max() <= high
        np.testing.assert_allclose(values.mean(axis=1), (low + high) / 2, atol=0.2)
    np.testing.assert_array_equal(draws([1], 2000).lr[0], drawn.lr[1])


def test_the_rate_warms_up_over_a_hundred_steps():
    schedule = warmed_up(2.02)
    np.testing.assert_allclose([schedule(s) for s in (0, 49, 100, 9999)], [0.02, 1, 2.02, 2.02],
                               rtol=1e-6)  # fmt: skip


def test_every_family_of_the_table_is_rebuilt_or_left_out_with_a_reason():
    published_families = {name.rpartition("-")[0] for name in published.details("AdamW")}
    rebuilt = {family.name for family in lightbench.families()}
    assert rebuilt | set(LEFT_OUT) == published_families
    assert not rebuilt & set(LEFT_OUT)


def test_the_details_of_the_table_are_those_of_its_summary():
    for name, (solved, counted, trials) in published.summary().items():
        found = np.array(list(published.details(name).values()))
        assert (np.sum(found > 0), found.size) == (solved, counted)
        np.testing.assert_allclose(np.mean(np.abs(found)), trials, atol=6e-4)


def test_nothing_of_the_unreachable_was_ever_solved():
    for name in published.summary():
        found = published.details(name)
        assert all(found[key] <= 0 for key in found if key.startswith(UNREACHABLE))


def test_the_wall_of_the_plateau_is_the_logistic_function():
    with jax.enable_x64(True):
        height = task("plateau_navigation", "easy").loss(jnp.array([0.6, 0.0]))
    np.testing.assert_allclose(height, special.expit(4 * (0.36 - 1)) - special.expit(-4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: task("bealé"), "no family 'bealé': there are beale, "),
        (lambda: task("beale", "easy"), "beale has no level 'easy': it has trivial"),
        (lambda: published.details("AdamX"), "no 'AdamX': it has AdamW, "),
    ],
)
def test_what_there_is_not_is_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()
