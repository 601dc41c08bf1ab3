"""Paths led by given gradients, and how far apart two of them are."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import jdescent as jd
from jdescent import testing


def nested_tree():
    """Parameters of every rank, with a scalar, a None, an empty branch and an empty array."""
    return {
        "w": jnp.linspace(-1, 1, 6).reshape(2, 3),
        "b": (jnp.asarray(0.5, float), None, {}),
        "none at all": jnp.zeros((0,)),
    }


def random_gradients(steps, like, seed=0):
    """The gradients of jdescent.testing, stacked along a first axis."""
    trees = testing.random_gradients(like, steps, seed)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def walk(optimizer, gradients, params):
    """The updates and the parameters after each of the stacked gradients."""

    def step(carry, gradient):
        params, state = carry
        updates, state = optimizer.update(gradient, state, params)
        params = jd.apply_updates(params, updates)
        return (params, state), (updates, params)

    return lax.scan(step, (params, optimizer.init(params)), gradients)[1]


def units_apart(got, want, learning_rate):
    """The largest |u − u_ref|/(ε·(lr + |u_ref|)) over all elements of all leaves."""
    worst = 0.0
    for u, reference in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert u.shape == reference.shape
        epsilon = float(jnp.finfo(reference.dtype).eps)
        u, reference = np.asarray(u, np.float64), np.asarray(reference, np.float64)
        off = np.abs(u - reference) / (epsilon * (learning_rate + np.abs(reference)))
        worst = max(worst, float(np.max(off, initial=0.0)))
        assert not np.isnan(off).any()
    return worst


def assert_same(got, want):
    """Equal bit for bit, random keys included."""

    def plain(leaf):
        keys = jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if keys else leaf)

    leaves, structure = jax.tree.flatten(got)
    assert structure == jax.tree.structure(want)
    for ours, theirs in zip(leaves, jax.tree.leaves(want), strict=True):
        np.testing.assert_array_equal(plain(ours), plain(theirs))


def descent(optimizer, loss, start, steps):
    """The parameters after each step down a loss."""
    return jd.descend(loss, start, optimizer, steps=steps, record="params").record["params"][1:]
