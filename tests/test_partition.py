"""Different optimizers for different parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jdescent as jd
from jdescent.testing import assert_contract

PARAMS = {"w": jnp.ones((2, 3)), "b": (jnp.array(0.5), None), "v": jnp.ones(2)}


def by_rank(params):
    return jax.tree.map(lambda x: "matrices" if x.ndim == 2 else "rest", params)


def test_a_partition_is_optaxs():
    parts = {"matrices": jd.adam(0.1), "rest": jd.sgd(0.3, 0.9)}
    ours, theirs = jd.partition(by_rank, **parts), optax.partition(parts, by_rank)
    states = ours.init(PARAMS), theirs.init(PARAMS)
    for _ in range(3):
        got, ours_state = ours.update(PARAMS, states[0], PARAMS)
        want, theirs_state = theirs.update(PARAMS, states[1], PARAMS)
        states = ours_state, theirs_state
        jax.tree.map(np.testing.assert_array_equal, got, want)


def test_what_reads_no_parameters_needs_none():
    parts = {"matrices": jd.adam(0.1), "rest": jd.sgd(0.3, 0.9)}
    optimizer = jd.partition(by_rank, **parts)
    state = optimizer.init(PARAMS)
    with_them, without = optimizer.update(PARAMS, state, PARAMS), optimizer.update(PARAMS, state)
    jax.tree.map(np.testing.assert_array_equal, without, with_them)


def test_labels_are_found_by_the_parameters_whatever_the_gradients_are():
    """In float16 of the parameters, whose gradients are float32."""
    optimizer = jd.partition(
        lambda tree: jax.tree.map(lambda x: str(x.dtype), tree),
        float16=jd.sgd(0.5), float32=jd.sgd(2.0),
    )  # fmt: skip
    params = {"narrow": jnp.ones(2, jnp.float16), "wide": jnp.ones(2)}
    gradients = {"narrow": jnp.ones(2), "wide": jnp.ones(2)}
    updates, _ = optimizer.update(gradients, optimizer.init(params), params)
    np.testing.assert_array_equal(updates["narrow"], -0.5)
    np.testing.assert_array_equal(updates["wide"], -2.0)


def test_a_partition_keeps_the_contract():
    parts = {"matrices": jd.adam(0.1), "rest": jd.chain(jd.clip(1.0), jd.heavy_ball(0.1))}
    assert_contract(jd.partition(by_rank, **parts))


def test_a_part_reads_the_loss_as_a_function_of_its_own_parameters():
    halves = jd.treewise(lambda x, grad_at: -grad_at(x) / 2)
    optimizer = jd.partition({"w": "ours", "b": "others"}, ours=halves, others=jd.sgd(0.0))
    params = {"w": jnp.array([3.0]), "b": jnp.array(2.0)}

    def loss(params):
        return jnp.sum(params["w"] ** 2) * params["b"]

    path = jd.descend(loss, params, optimizer, steps=1)
    np.testing.assert_allclose(path.params["w"], 3.0 - 2 * 3.0 * 2.0 / 2)
    assert path.params["b"] == 2


def test_labels_that_name_no_part_or_another_tree_are_refused(as_users_run):
    with pytest.raises(ValueError, match=r"labels name \['rest'\], but the parts are \['matrices'"):
        jd.partition(by_rank, matrices=jd.sgd(0.1)).init(PARAMS)
    with pytest.raises(ValueError, match="labels must be a tree like the parameters'"):
        jd.partition({"w": "a", "u": "a"}, a=jd.sgd(0.1)).init(PARAMS)
    with pytest.raises(ValueError, match="a partition needs parts"):
        jd.partition("a")
    with pytest.raises(TypeError, match="a must have init and update, got <function"):
        jd.partition("a", a=jd.sgd)
