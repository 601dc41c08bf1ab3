"""What optimizers have in common: the special cases in which one is another, and symmetries."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walks import random_gradients, units_apart, walk

import jdescent as jd

LR = 0.1
STEPS = 50
seeds = st.integers(0, 2**32 - 1)


def parameters():
    return jnp.linspace(-1, 1, 4)


@jax.jit
def pairs(gradients, params):
    """Both sides of every identity, compiled together."""

    def updates(optimizer):
        return walk(optimizer, gradients, params)[0]

    decaying = jd.schedules.exponential(LR, 0.9)
    return {
        "adamw without decay is adam": (
            updates(jd.adamw(LR, weight_decay=0.0)),
            updates(jd.adam(LR)),
        ),
        "a heavy ball without momentum is gradient descent": (
            updates(jd.heavy_ball(LR, 0.0)),
            updates(jd.sgd(LR)),
        ),
        "nesterov without momentum is gradient descent": (
            updates(jd.nesterov(LR, 0.0)),
            updates(jd.sgd(LR)),
        ),
        "sgd of momentum 0 is gradient descent": (updates(jd.sgd(LR, 0.0)), updates(jd.sgd(LR))),
        "lion without memory and decay is sign descent": (
            updates(jd.lion(LR, 0.0, 0.0, weight_decay=0.0)),
            updates(jd.sign_sgd(LR)),
        ),
        "adam without memory and ε is sign descent": (
            updates(jd.adam(LR, 0.0, 0.0, eps=0.0)),
            updates(jd.sign_sgd(LR)),
        ),
        "adam without β₁ is bias-corrected rmsprop": (
            updates(jd.adam(LR, 0.0, 0.9, eps=1e-3)),
            updates(jd.rmsprop(LR, 0.9, eps=1e-3, eps_in_sqrt=False, bias_correction=True)),
        ),
        "nadam without β₁ is adam without β₁": (
            updates(jd.nadam(LR, 0.0)),
            updates(jd.adam(LR, 0.0)),
        ),
        "the heavy ball is sgd with momentum at a constant rate": (
            updates(jd.heavy_ball(LR, 0.9)),
            updates(jd.sgd(LR, 0.9)),
        ),
        "nesterov is sgd with nesterov at a constant rate": (
            updates(jd.nesterov(LR, 0.9)),
            updates(jd.sgd(LR, 0.9, nesterov=True)),
        ),
        "dampening scales the gradients of momentum": (
            updates(jd.sgd(LR, 0.9, dampening=0.75)),
            updates(jd.sgd(LR / 4, 0.9)),
        ),
        "the heavy ball parts from sgd under a schedule": (
            updates(jd.heavy_ball(decaying, 0.9)),
            updates(jd.sgd(decaying, 0.9)),
        ),
        "nesterov parts from sgd under a schedule": (
            updates(jd.nesterov(decaying, 0.9)),
            updates(jd.sgd(decaying, 0.9, nesterov=True)),
        ),
    }


NAMES = list(jax.eval_shape(pairs, random_gradients(STEPS, parameters()), parameters()))


@pytest.mark.parametrize("name", [name for name in NAMES if "parts" not in name])
@given(seed=seeds)
def test_identity(name, seed):
    with jax.enable_x64(True):
        params = parameters()
        gradients = random_gradients(STEPS, params, seed)
        ours, other = pairs(gradients, params)[name]
        largest = max(1.0, float(jnp.max(jnp.abs(gradients))))
        # velocities sum up to 1/(1 − β) = 10 steps along the gradient, and their roundings
        assert units_apart(ours, other, 10 * LR * largest) <= 4


@pytest.mark.parametrize("name", [name for name in NAMES if "parts" in name])
def test_a_schedule_separates_the_two_conventions(name, x64):
    """After its second step: lr₁ = 0.9·lr₀ scales the old velocity of sgd, not the heavy ball's."""
    gradients = random_gradients(STEPS, parameters())
    ours, other = pairs(gradients, parameters())[name]
    np.testing.assert_allclose(ours[0], other[0], rtol=1e-12)
    lead = 1 if "ball" in name else 0.9  # nesterov looks the velocity ahead: β²·lr·g
    slowed = 0.1 * LR * 0.9 * lead * gradients[0]
    np.testing.assert_allclose(ours[1] - other[1], -slowed, rtol=1e-6, atol=1e-12)


@functools.partial(jax.jit, static_argnums=0)
def first_update(make, rate, gradient):
    optimizer = make(rate)
    return optimizer.update(gradient, optimizer.init(gradient))


@given(st.floats(1e-3, 10), seeds)
def test_the_first_step_of_adam_is_the_rate_times_the_sign(rate, seed):
    numbers = np.random.default_rng(seed).standard_normal(4)
    short = 1e-8 / np.abs(numbers).min()  # by the ε of the denominator
    for adam in (jd.adam, jd.amsgrad, jd.adamax):
        with jax.enable_x64(True):
            step = np.asarray(first_update(adam, rate, jnp.asarray(numbers))[0])
        np.testing.assert_allclose(step / rate, -np.sign(numbers), atol=short + 1e-12)
        step = np.asarray(first_update(adam, rate, jnp.asarray(numbers, jnp.float32))[0])
        # float32 rounds 0.999 by up to 2⁻²⁵, which is 3e-5 of 1 − 0.999
        np.testing.assert_allclose(step / rate, -np.sign(numbers), atol=short + 3e-5)


@given(st.floats(0, 0.99), seeds)
def test_the_first_step_of_rmsprop_is_the_rate_over_the_root_of_one_minus_alpha(alpha, seed):
    gradient = jnp.asarray(np.random.default_rng(seed).standard_normal(4), jnp.float32)
    optimizer = jd.rmsprop(0.1, alpha, eps=0.0)
    step, _ = optimizer.update(gradient, optimizer.init(gradient))
    np.testing.assert_allclose(np.abs(step), 0.1 / np.sqrt(1 - alpha), rtol=1e-5)


def test_the_first_step_of_adagrad_from_zero_is_the_rate_times_the_sign():
    gradient = jnp.array([3.0, -1e-3, 0.0])
    optimizer = jd.adagrad(0.1, initial_accumulator_value=0.0, eps=0.0)
    step, _ = optimizer.update(gradient, optimizer.init(gradient))
    np.testing.assert_allclose(step, [-0.1, 0.1, 0.0], rtol=1e-6)


@given(seeds)
def test_amsgrad_is_adam_while_the_corrected_mean_square_grows(seed):
    """Gradients that only grow never lower v̂, and lower it from their first fall on."""
    random = np.random.default_rng(seed)
    signs = random.choice([-1.0, 1.0], (30, 3))
    size = np.exp(np.cumsum(random.uniform(0, 0.3, (20, 1)), 0))
    size = np.concatenate([size, 0.01 * np.ones((10, 1))])
    gradients = jnp.asarray(signs * size, jnp.float32)
    ours, adam = both_adams(gradients)
    assert units_apart(ours[:20], adam[:20], LR) <= 4
    assert np.all(np.abs(ours[-1]) < np.abs(adam[-1]))


@jax.jit
def both_adams(gradients):
    start = jnp.zeros(3)
    return [walk(f(LR, b2=0.9), gradients, start)[0] for f in (jd.amsgrad, jd.adam)]


SCALE_FREE = {
    "adam": jd.adam(LR, eps=0.0),
    "amsgrad": jd.amsgrad(LR, eps=0.0),
    "nadam": jd.nadam(LR, eps=0.0),
    "adamax": jd.adamax(LR, eps=0.0),
    "rmsprop": jd.rmsprop(LR, eps=0.0),
    "adagrad": jd.adagrad(LR, initial_accumulator_value=0.0, eps=0.0),
    "sign_sgd": jd.sign_sgd(LR),
    "lion": jd.lion(LR),
}


@pytest.mark.parametrize("name", SCALE_FREE)
def test_the_scale_of_the_gradient_does_not_matter(name):
    """Powers of two scale every rounding alike, so the updates are equal bit for bit."""
    params = jnp.linspace(-1, 1, 4)
    gradients = random_gradients(STEPS, params)
    run = jax.jit(lambda g: walk(SCALE_FREE[name], g, params)[0])
    for scale in (2.0**-20, 2.0**20):
        np.testing.assert_array_equal(run(scale * gradients), run(gradients))


def test_a_permutation_of_the_coordinates_permutes_the_path():
    params = jnp.array([0.1, -2.0, 3.0])
    order = np.array([2, 0, 1])
    gradients = random_gradients(STEPS, params)
    for optimizer in (jd.adam(LR), jd.adagrad(LR), jd.heavy_ball(LR)):
        _, path = walk(optimizer, gradients, params)
        _, permuted = walk(optimizer, gradients[:, order], params[order])
        np.testing.assert_array_equal(permuted, path[:, order])
