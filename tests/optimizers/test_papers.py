"""Every optimizer beside its paper's algorithm and its optax twin, on one problem in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import by_name

import jdescent as jd
from experiments.common.papers import cases
from experiments.common.problem import Problem, distance
from experiments.common.walking import our_path
from jdescent import optimizers
from jdescent.core import hyperparameters_of
from jdescent.testing import assert_contract, updating

CASES = cases()
PAPERS = [case for case in CASES if case.paper is not None]
TWINS = [case for case in CASES if case.twin is not None]
ONE_EACH = list({case.optimizer: case for case in reversed(CASES)}.values())
PROBLEM = Problem()


@functools.cache
def path_of(name):
    (case,) = (case for case in CASES if case.name == name)
    return our_path(case.build(case.rate), PROBLEM)


def test_every_case_is_of_an_optimizer_and_every_optimizer_has_one():
    factories = {name for name in optimizers.__all__ if hyperparameters_of(getattr(jd, name))}
    factories -= {"hutchinson"}  # an estimate in the place of the gradient, which has no path
    assert {case.optimizer for case in CASES} == factories


@pytest.mark.parametrize("case", PAPERS, ids=by_name)
def test_the_path_is_that_of_the_paper(case, x64):
    ours = path_of(case.name)
    paper = case.walk_paper(PROBLEM)
    assert np.isfinite(paper).all()
    assert distance(ours, paper, PROBLEM.x0) <= case.tolerance


@pytest.mark.parametrize("case", TWINS, ids=by_name)
def test_the_path_is_that_of_the_twin_or_parts_from_it_as_was_measured(case, x64):
    ours = path_of(case.name)
    with jax.numpy_dtype_promotion("standard"):
        twin = our_path(case.build_twin(case.rate), PROBLEM)
    apart = distance(ours, twin, PROBLEM.x0)
    if case.differs:
        assert apart == pytest.approx(case.twin_distance, rel=0.02), case.differs
    else:
        assert apart <= case.tolerance


@pytest.mark.parametrize("case", ONE_EACH, ids=by_name)
def test_every_optimizer_keeps_the_contract(case):
    assert_contract(case.build)


@pytest.mark.parametrize("case", ONE_EACH, ids=by_name)
def test_arrays_without_numbers_change_nothing(case):
    """Nor does a mean or a norm of none end a run."""
    whole = {"a": jnp.ones((2, 2))}
    beside = whole | {"none": jnp.zeros((0, 3)), "nothing": jnp.zeros(0)}

    @jax.jit
    def step(params):
        optimizer = case.build(0.01)
        state = optimizer.init(params)
        return state, *updating(optimizer)(params, state, params)

    (_, alone, _), (begun, updates, state) = step(whole), step(beside)
    np.testing.assert_allclose(updates["a"], alone["a"], rtol=1e-5, atol=1e-7)
    if all_finite(begun):
        assert all_finite(state)


def all_finite(tree):
    return all(
        bool(jnp.isfinite(x).all())
        for x in jax.tree.leaves(tree)
        if jnp.issubdtype(x.dtype, jnp.floating)
    )
