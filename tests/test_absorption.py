"""Which optimizers can make a finite step of a gradient that is not, read from their programs."""

import jax
import jax.numpy as jnp
import optax
import pytest

import jdescent as jd
from jdescent.absorption import gradient_shows
from jdescent.core import Memory

PARAMS = {"w": jnp.ones((2, 3)), "b": jnp.array(0.5)}


def shows(optimizer, params=PARAMS):
    state = optimizer.init(params)

    def move(params, state, gradient):
        updates, state = optimizer.update(gradient, state, params)
        return jd.apply_updates(params, updates), state

    with jax.numpy_dtype_promotion("standard"):
        program = jax.make_jaxpr(move)(params, state, params)
    return gradient_shows(program, optimizer.init, params, state)


KEEPING = {
    "sgd": jd.sgd(0.1),
    "momentum": jd.sgd(0.1, 0.9, nesterov=True),
    "heavy_ball": jd.heavy_ball(0.1),
    "adam": jd.adam(0.1),
    "adagrad": jd.adagrad(0.1),
    "rmsprop": jd.rmsprop(0.1),
    "lion": jd.lion(0.1),  # whose mean keeps what its sign does not
    "decayed": jd.chain(jd.add_decayed_weights(0.1), jd.adamw(0.1)),
    "clip_by_global_norm": jd.chain(jd.clip_by_global_norm(1.0), jd.sgd(0.1)),
    "optax.sgd": optax.sgd(0.1, 0.9),
    "optax.adam": optax.adam(0.1),
}
ABSORBING = {
    "sign_sgd": jd.sign_sgd(0.1),
    "clip": jd.chain(jd.clip(1.0), jd.adam(0.1)),
    "adaptive": jd.leafwise(lambda g: -1 / g),
    "a parameter left out": jd.partition(
        {"w": "on", "b": "off"}, on=jd.sgd(0.1), off=jd.leafwise(lambda g, x: 0 * x)
    ),
    "zero_nans": optax.chain(optax.zero_nans(), optax.sgd(0.1)),
    "a memory that forgets": jd.leafwise(lambda g, m: (-jnp.sign(m), 1.0 * g), m=0),
    "a memory that begins infinite": jd.leafwise(
        lambda g, best: (-jnp.sign(g), best + g), best=Memory(lambda x: x * jnp.inf)
    ),
}


@pytest.mark.parametrize("name", KEEPING)
def test_sums_and_products_keep_what_is_not_finite(name):
    assert shows(KEEPING[name])
    parameter = jnp.ones(3)
    bad = jnp.where(jnp.arange(3) == 1, jnp.inf, 0.5)
    optimizer = KEEPING[name]
    with jax.numpy_dtype_promotion("standard"):
        state = optimizer.init(parameter)
        updates, state = optimizer.update(bad, state, parameter)
        for _ in range(3):  # and for ever
            parameter = jd.apply_updates(parameter, updates)
            updates, state = optimizer.update(jnp.ones(3), state, parameter)
    floating = [x for x in jax.tree.leaves((parameter, state)) if x.dtype == jnp.float32]
    assert not all(jnp.isfinite(x).all() for x in floating)


@pytest.mark.parametrize("name", ABSORBING)
def test_signs_choices_and_quotients_may_absorb_it(name):
    assert not shows(ABSORBING[name])
