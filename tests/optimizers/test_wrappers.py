"""What is known of optimizers around optimizers, beside their papers' paths."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jdescent as jd
from jdescent.testing import assert_dtypes_kept, assert_scan_equals_loop

KEY = jax.random.key(0)
BOWL, START = jd.losses.bowl((2.0, 40.0)), np.array([2.0, -1.0])
BASE = jd.adam(0.1)


def path_of(optimizer, steps=12):
    return jd.descend(BOWL, jnp.asarray(START, float), optimizer, steps=steps, record="params")


NOTHING_TO_DO = {
    "lookahead": jd.lookahead(BASE, 3, 1.0),
    "multi_steps": jd.multi_steps(BASE, 1),
    "apply_if_finite": jd.apply_if_finite(BASE, 1),
    "masked": jd.masked(BASE, True),
    "freeze": jd.chain(BASE, jd.freeze(False)),
    "grokfast": jd.grokfast(BASE, lamb=0.0),
    "sam": jd.sam(BASE, 0.0),
    "asam": jd.asam(BASE, 0.0),
    "ema_params": jd.ema_params(BASE),
}


@pytest.mark.parametrize("name", NOTHING_TO_DO)
def test_a_wrapper_with_nothing_to_do_is_its_optimizer(name, x64):
    ours, theirs = path_of(NOTHING_TO_DO[name]), path_of(BASE)
    np.testing.assert_allclose(ours.record["params"], theirs.record["params"], rtol=1e-12)


def test_wrappers_take_optaxs_optimizers_and_one_another():
    nest = jd.ema_params(jd.multi_steps(jd.lookahead(optax.adam(0.1), 2, 0.5), 2))
    with jax.numpy_dtype_promotion("standard"):
        assert_dtypes_kept(nest)
        assert_scan_equals_loop(nest)
        path = jd.descend(BOWL, jnp.asarray(START, float), nest, steps=400)
    assert path.loss[-1] < 1e-3


def test_the_key_of_an_optimizer_that_draws_waits_with_it():
    noisy = jd.chain(jd.add_noise(KEY, 0.1), jd.sgd(0.1))
    alone, twice = path_of(noisy, 3), path_of(jd.multi_steps(noisy, 2), 6)
    np.testing.assert_allclose(twice.record["params"][::2], alone.record["params"], rtol=1e-6)


def test_averages_are_those_of_the_parameters_that_were_walked_through(x64):
    paths = {
        "polyak": path_of(jd.polyak_average(BASE)),
        "ema": path_of(jd.ema_params(BASE, 0.7)),
        "ema from the start": path_of(jd.ema_params(BASE, 0.7, debias=False)),
        "swa": path_of(jd.swa(BASE, swa_freq=3)),
        "swa late": path_of(jd.swa(BASE, swa_start=5, swa_freq=2)),
    }
    x = np.asarray(paths["polyak"].record["params"])
    weights = 0.7 ** np.arange(11, -1, -1.0)
    expected = {
        "polyak": np.mean(x[:-1], axis=0),
        "ema": weights @ x[1:] / weights.sum(),
        "ema from the start": 0.7**12 * x[0] + 0.3 * weights @ x[1:],
        "swa": np.mean(x[[0, 3, 6, 9, 12]], axis=0),
        "swa late": np.mean(x[[5, 7, 9, 11]], axis=0),
    }
    for name, path in paths.items():
        np.testing.assert_array_equal(path.record["params"], x)
        np.testing.assert_allclose(jd.averaged_params(path.state), expected[name], rtol=1e-6)


def test_the_average_of_noisy_steps_has_the_error_of_the_best_scaling():
    """Polyak & Juditsky: σ²/(λ²·t) for every λ, though steps of one rate keep σ²·lr/(2λ)."""
    curvatures, steps, sigma = jnp.array([0.5, 1.0, 2.0]), 1000, 1.0

    def average(key):
        optimizer = jd.polyak_average(jd.chain(jd.add_noise(key, sigma), jd.sgd(0.3)))
        loss = lambda x: jnp.sum(curvatures * x**2) / 2  # noqa: E731
        return jd.averaged_params(jd.descend(loss, jnp.zeros(3), optimizer, steps=steps).state)

    averages = jax.jit(jax.vmap(average))(jax.random.split(KEY, 1000))
    np.testing.assert_allclose(averages.var(0), sigma**2 / (curvatures**2 * steps), rtol=0.2)


def test_averages_are_found_in_nested_states_and_only_one_of_them():
    x = jnp.ones(2)
    nested = jd.chain(jd.clip(1.0), jd.lookahead(jd.ema_params(BASE), 2, 0.5))
    np.testing.assert_array_equal(jd.averaged_params(nested.init(x)), x)
    with pytest.raises(ValueError, match="got 0 averages in it"):
        jd.averaged_params(BASE.init(x))
    with pytest.raises(ValueError, match="got 2 averages in it"):
        jd.averaged_params(jd.swa(jd.ema_params(BASE)).init(x))


def test_gradients_that_are_not_finite_are_passed_over_as_optax_does_and_counted():
    gradients = [1.0, jnp.nan, jnp.inf, 2.0, jnp.nan, jnp.nan, jnp.nan, 3.0]
    ours = jd.apply_if_finite(jd.heavy_ball(0.1), 2)
    theirs = optax.apply_if_finite(jd.heavy_ball(0.1), 2)
    x = jnp.zeros(2)
    states = ours.init(x), theirs.init(x)
    for g in gradients:
        g = jnp.array([0.5, g])
        got, our_state = ours.update(g, states[0], x)
        want, their_state = theirs.update(g, states[1], x)
        states = our_state, their_state
        np.testing.assert_array_equal(got, want)
        assert our_state.errors == their_state.notfinite_count
        assert our_state.all_errors == their_state.total_notfinite
        assert jnp.isfinite(our_state.unfit) == their_state.last_finite


def test_no_coordinate_of_a_cautious_step_goes_against_its_gradient():
    optimizer = jd.cautious(jd.heavy_ball(0.01, 0.95))
    path = jd.descend(
        BOWL, jnp.asarray(START, float), optimizer, steps=60, record=["params", "gradient"]
    )
    steps = np.diff(path.record["params"], axis=0)
    assert np.all(steps * path.record["gradient"][:-1] <= 0)
    plain = path_of(jd.heavy_ball(0.01, 0.95), 60)
    assert np.any(np.diff(plain.loss) > 0)


def test_a_masked_optimizer_remembers_its_own_parameters_alone():
    params = {"w": jnp.ones((2, 3)), "b": jnp.ones(3)}
    optimizer = jd.masked(jd.adam(0.1), lambda params: jax.tree.map(lambda x: x.ndim == 2, params))
    shapes = {leaf.shape for leaf in jax.tree.leaves(optimizer.init(params))}
    assert shapes == {(), (2, 3)}


# -- sharpness -----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapper", [jd.sam, jd.asam, jd.gsam])
def test_at_a_stationary_point_there_is_no_ascent_and_no_nan(wrapper):
    path = jd.descend(BOWL, jnp.zeros(2), wrapper(jd.sgd(0.1)), steps=2)
    np.testing.assert_array_equal(path.params, 0)


def test_sam_on_a_parabola_ends_in_the_cycle_of_its_theory(x64):
    lr, rho, curvature = 0.1, 0.3, 2.0
    parabola = lambda x: curvature * x**2 / 2  # noqa: E731
    x = jd.descend(parabola, jnp.array(1.0), jd.sam(jd.sgd(lr), rho), steps=400, record="params")
    amplitude = lr * curvature * rho / (2 - lr * curvature)
    last = x.record["params"][-2:]
    np.testing.assert_allclose(np.sort(last), [-amplitude, amplitude], rtol=1e-9)


def test_asams_ascent_does_not_depend_on_the_units_of_the_parameters(x64):
    """The same function of z = x/c: where it reads the gradient is the same point."""
    scale = jnp.array([10.0, 0.1])
    optimizer, start = jd.asam(jd.sgd(0.01), 0.5, eta=0.0), jnp.asarray(START)
    there = jd.descend(BOWL, start, optimizer, steps=1).params
    here = jd.descend(lambda z: BOWL(scale * z), start / scale, optimizer, steps=1).params
    np.testing.assert_allclose((here - start / scale) / scale, there - start, rtol=1e-12)


# -- noise ---------------------------------------------------------------------------------------


def test_samplers_without_temperature_are_descent_and_heavy_ball():
    cold = path_of(jd.sgld(0.02, KEY, 0.0)), path_of(jd.sghmc(0.01, KEY, 0.25, 0.0))
    plain = path_of(jd.sgd(0.02)), path_of(jd.heavy_ball(0.01, 0.75))
    for ours, theirs in zip(cold, plain, strict=True):
        np.testing.assert_allclose(ours.record["params"], theirs.record["params"], rtol=1e-6)


def stationary(optimizer_of, curvature, chains=4000, steps=150):
    def last(key):
        loss = lambda x: curvature * x**2 / 2  # noqa: E731
        return jd.descend(loss, jnp.array(0.0), optimizer_of(key), steps=steps).params

    return jax.jit(jax.vmap(last))(jax.random.split(KEY, chains))


def test_samplers_have_the_variance_of_their_theory():
    """SGLD: T/(λ(1 − lr·λ/2)); SGHMC is an AR(2) process, x = a₁·x₋ + a₂·x₋₋ + noise."""
    curvature, lr, T, friction = 2.0, 0.3, 0.5, 0.4
    chains = 4000
    error = 5 * np.sqrt(2 / chains)
    x = stationary(lambda key: jd.sgld(lr, key, T), curvature, chains)
    np.testing.assert_allclose(x.var(), T / (curvature * (1 - lr * curvature / 2)), rtol=error)
    x = stationary(lambda key: jd.sghmc(lr, key, friction, T), curvature, chains)
    a1, a2 = 2 - friction - lr * curvature, friction - 1
    variance = 2 * friction * lr * T * (1 - a2) / ((1 + a2) * ((1 - a2) ** 2 - a1**2))
    np.testing.assert_allclose(x.var(), variance, rtol=error)


def test_perturbations_are_uniform_in_a_ball_of_all_parameters():
    """‖ξ/r‖ᵈ is uniform in [0, 1]."""
    params = {"w": jnp.zeros((2, 2)), "b": jnp.zeros(1)}

    def perturbed(key):
        optimizer = jd.perturbed_gradient_descent(0.0, key, radius=3.0)
        u, _ = optimizer.update(params, optimizer.init(params), params, value_fn=jd.global_norm)
        return u

    drawn = jax.jit(jax.vmap(perturbed))(jax.random.split(KEY, 4000))
    flat = np.concatenate([drawn["w"].reshape(4000, 4), drawn["b"]], axis=1)
    share = (np.linalg.norm(flat, axis=1) / 3) ** 5
    np.testing.assert_allclose([share.mean(), share.var()], [1 / 2, 1 / 12], rtol=0.05)
    np.testing.assert_allclose(flat.mean(0), 0, atol=5 * 3 / np.sqrt(7 * 4000))
