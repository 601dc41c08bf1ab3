"""What optax, flax and jdescent's own loop expect of an optimizer, over the whole table."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import CASES, by_name
from flax.training.train_state import TrainState
from walks import random_gradients, units_apart, walk

import jdescent as jd
from experiments.common.papers import cases as papers
from jdescent.testing import assert_contract, assert_dtypes_kept, assert_vmap_equals_loop

each_case = pytest.mark.parametrize("case", CASES, ids=by_name)
ONE_A_RULE = list({case.ours: case for case in CASES}.values())
FAMILIES = ["heavy_ball", "rmsprop centered with nesterov", "lion"]
# test_papers.py puts the first case of each optimizer of its own table to the contract
IN_PAPERS = list({case.optimizer: case for case in reversed(papers())}.values())
NOT_IN_PAPERS = [
    case
    for case in CASES
    if not any(it.ours is case.ours and it.settings == case.settings for it in IN_PAPERS)
]
WITHOUT_DECAY = [case for case in CASES if case.ours not in (jd.adamw, jd.lion)]
one_a_rule = pytest.mark.parametrize("case", ONE_A_RULE, ids=by_name)


@pytest.mark.parametrize("case", NOT_IN_PAPERS, ids=by_name)
def test_every_optimizer_keeps_the_contract(case):
    assert_contract(case.build)


@pytest.mark.parametrize("case", [c for c in CASES if c.name in FAMILIES], ids=by_name)
def test_one_optimizer_of_each_family_keeps_the_contract_in_float64(case, x64):
    assert_contract(case.build)


@each_case
def test_every_optimizer_keeps_the_dtypes_of_mixed_trees_and_maps_in_float64(case, x64):
    assert_dtypes_kept(case.build())
    assert_vmap_equals_loop(case.build())


def parameters():
    return {"w": jnp.linspace(-1, 1, 6)}


@functools.cache
def compiled(name):
    """Five steps of a case, for any learning rate."""
    (case,) = (case for case in CASES if case.name == name)
    return jax.jit(lambda rate, g, x: walk(case.build(rate), g, x))


def five_steps(case, rate=0.1):
    params = parameters()
    return compiled(case.name)(rate, random_gradients(5, params), params)


def five_steps_of(optimizer):
    params = parameters()
    return jax.jit(lambda g, x: walk(optimizer, g, x))(random_gradients(5, params), params)


@one_a_rule
def test_a_flax_train_state_walks_the_same_path(case):
    params = parameters()
    gradients = random_gradients(5, params)
    state = TrainState.create(apply_fn=None, params=params, tx=case.build())
    apply = jax.jit(lambda state, gradient: state.apply_gradients(grads=gradient))
    for n in range(5):
        state = apply(state, jax.tree.map(lambda g, n=n: g[n], gradients))
    last = jax.tree.map(lambda x: x[-1], five_steps(case)[1])
    assert state.step == 5
    assert units_apart(state.params, last, 0.1) <= 4


@one_a_rule
def test_optax_partition_gives_each_group_its_own_walk_and_an_empty_group_none(case):
    params = parameters() | {"theirs": jnp.ones(2)}
    labels = {"w": "ours", "theirs": "theirs"}
    groups = {"ours": case.build(), "theirs": optax.sgd(0.5), "nobody's": case.build()}
    gradients = random_gradients(5, parameters()) | {"theirs": jnp.ones((5, 2))}
    partition = optax.partition(groups, labels)
    updates, _ = jax.jit(lambda g, x: walk(partition, g, x))(gradients, params)
    np.testing.assert_array_equal(updates.pop("theirs"), -0.5)
    assert units_apart(updates, five_steps(case)[0], 0.1) <= 4


@one_a_rule
def test_injected_hyperparameters_are_the_plain_ones(case, x64):
    """In float64, since 1 − b2 of a b2 already rounded to float32 is another number."""
    injected = optax.inject_hyperparams(case.ours)(learning_rate=0.1, **case.settings)
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = five_steps_of(injected)
    assert units_apart(updates, five_steps(case)[0], 0.1) <= 1e-12 / 2**-52


@one_a_rule
def test_a_constant_schedule_is_a_constant(case):
    updates, _ = five_steps_of(case.build(jd.schedules.constant(0.1)))
    assert units_apart(updates, five_steps(case)[0], 0.1) <= 1


@pytest.mark.parametrize("case", WITHOUT_DECAY, ids=by_name)
def test_updates_on_given_gradients_are_proportional_to_a_constant_rate(case):
    slow, fast = five_steps(case, 0.1)[0], five_steps(case, 0.4)[0]
    assert units_apart(jax.tree.map(lambda u: 4 * u, slow), fast, 0.4) <= 4


EXTRA_ARGS = {
    "adam": optax.adam(0.1),
    "lbfgs, which searches along its line": optax.lbfgs(),
    "polyak_sgd, which reads the loss": optax.polyak_sgd(),
    "jdescent's chain with polyak_sgd": jd.chain(jd.clip(10.0), optax.polyak_sgd(1.0)),
    "optax's chain with jdescent's": optax.chain(optax.clip(10.0), jd.adam(0.1)),
    "jdescent's chain with both": jd.chain(
        optax.clip(10.0), jd.clip_by_global_norm(9.0), optax.sgd(0.1)
    ),
}


@pytest.mark.parametrize("name", EXTRA_ARGS)
def test_descend_takes_optax_optimizers_and_what_they_read(name):
    with jax.numpy_dtype_promotion("standard"):
        path = jd.descend(
            jd.losses.bowl(), jnp.array([2.0, 1.0]), EXTRA_ARGS[name], steps=300, tolerance=1e-3
        )
    assert path.verdict.converged, name
    if "lbfgs" in name:
        assert path.verdict.step <= 5  # a bowl in two dimensions takes few quasi-Newton steps


def test_an_optax_optimizer_descends_along_the_path_of_its_twin(x64):
    start = jnp.array([-1.2, 1.0])
    ours, theirs = jd.adam(0.01), jd.chain(optax.scale_by_adam(), optax.scale(-0.01))
    with jax.numpy_dtype_promotion("standard"):
        paths = [
            jd.descend(jd.losses.rosenbrock(), start, adam, steps=30, record="params").record[
                "params"
            ]
            for adam in (ours, theirs)
        ]
    np.testing.assert_allclose(*paths, rtol=1e-12)
