"""What theory says of scales that are learned on top of another optimizer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from walks import descent

import jdescent as jd
from jdescent.numerics import erfi

A = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
MINIMUM = np.array([1.0, -2.0, 0.5])
TUNERS = {"mechanize": jd.mechanize, "trac": jd.trac}


def quadratic(x):
    return 0.5 * (x - MINIMUM) @ A @ (x - MINIMUM)


@pytest.mark.parametrize("name", TUNERS)
def test_scales_do_not_know_the_unit_of_the_loss(name, x64):
    tuned = TUNERS[name](jd.sign_sgd(0.1), eps=0.0, s_init=0.01)
    path = descent(tuned, quadratic, jnp.ones(3), steps=30)
    scaled = descent(tuned, lambda x: 1024 * quadratic(x), jnp.ones(3), steps=30)
    np.testing.assert_allclose(scaled, path, rtol=1e-12)
    assert np.abs(path[-1] - 1).max() > 0.01


@pytest.mark.parametrize("start", [MINIMUM, np.zeros(3)])
@pytest.mark.parametrize("name", TUNERS)
def test_no_gradient_is_no_step(name, start):
    tuned = TUNERS[name](jd.sgd(0.1), eps=0.0)
    path = descent(tuned, lambda x: quadratic(x - start + MINIMUM), jnp.asarray(start), steps=3)
    np.testing.assert_array_equal(path, np.tile(start, (3, 1)))


@pytest.mark.parametrize(("name", "first"), [("mechanize", 0.01), ("trac", 4 * 0.01)])
def test_the_first_scale_is_the_one_that_it_is_told(name, first, x64):
    """Of every β for TRAC: |σ| = √v after one product, so s = s_init."""
    tuned = TUNERS[name](jd.sgd(0.1), eps=0.0, s_init=0.01, num_betas=4)
    path = descent(tuned, quadratic, jnp.zeros(3), steps=2)
    np.testing.assert_array_equal(path[0], 0)
    np.testing.assert_allclose(path[1], first * 2 * 0.1 * A @ MINIMUM, rtol=1e-12)


@pytest.mark.parametrize("name", TUNERS)
def test_a_rate_far_too_small_is_made_up_for(name):
    """In float32 too, where 1e-6·Δ is lost beside x."""
    plain = jd.descend(quadratic, jnp.ones(3), jd.sgd(1e-4), steps=300)
    tuned = jd.descend(quadratic, jnp.ones(3), TUNERS[name](jd.sgd(1e-4), s_init=0.01), steps=300)
    assert tuned.loss.min() < 0.05 < 0.8 * plain.loss[0] < plain.loss[-1]


@pytest.mark.parametrize("sign", [1, -1])
def test_erfi_is_scipys_and_its_slope_is_known(sign, x64):
    x = sign * np.concatenate([np.logspace(-30, 0, 40), np.linspace(1, 26, 100)])
    known = scipy.special.erfi(x)
    np.testing.assert_allclose(erfi(jnp.asarray(x)), known, rtol=1e-13)  # ε·x²
    slopes = jax.vmap(jax.grad(erfi))(jnp.asarray(x[:60]))
    np.testing.assert_allclose(slopes, 2 / np.sqrt(np.pi) * np.exp(x[:60] ** 2), rtol=1e-12)
    assert jax.grad(erfi)(0.0) == pytest.approx(2 / np.sqrt(np.pi))


@pytest.mark.parametrize("cooldown", [0, 3])
@pytest.mark.parametrize("size", [1, 2])
def test_on_a_constant_loss_the_scale_falls_by_the_factor_every_so_often(cooldown, size):
    """The first look is an improvement; then P failures, and again P after C that do not count."""
    patience, factor, least = 2, 0.5, 0.1
    optimizer = jd.reduce_on_plateau(
        factor, patience, cooldown=cooldown, accumulation_size=size, min_scale=least
    )
    g = jnp.ones(2)
    state, update = optimizer.init(g), jax.jit(optimizer.update)
    for step in range(1, 40):
        u, state = update(g, state, g, value=7.0)
        falls = max(step // size - 1 + cooldown, 0) // (patience + cooldown)
        np.testing.assert_allclose(u, max(factor**falls, least), rtol=1e-6)


def test_while_the_loss_improves_the_scale_stays_and_a_nan_is_no_improvement():
    optimizer = jd.reduce_on_plateau(patience=1)
    g = jnp.ones(())
    state = optimizer.init(g)
    for loss in (3.0, 2.0, 1.0, -5.0):
        u, state = optimizer.update(g, state, g, value=loss)
        assert u == 1
    u, state = optimizer.update(g, state, g, value=jnp.nan)
    assert (u, state.best) == (jnp.float32(0.1), -5)
