"""Every optimizer beside its paper's algorithm and its optax twin, on one problem in float64."""

import importlib
import pkgutil

import jax
import numpy as np
import papers
import pytest
from cases import by_name
from problem import Problem, distance, our_path

from jdescent.testing import assert_contract

FAMILIES = [
    importlib.import_module(f"papers.{m.name}") for m in pkgutil.iter_modules(papers.__path__)
]
CASES = [case for family in FAMILIES for case in family.CASES]
PAPERS = [case for case in CASES if case.paper is not None]
TWINS = [case for case in CASES if case.twin is not None]
PROBLEM = Problem()


@pytest.mark.parametrize("case", PAPERS, ids=by_name)
def test_the_path_is_that_of_the_paper(case, x64):
    ours = our_path(case.build(case.rate), PROBLEM)
    paper = case.walk_paper(PROBLEM)
    assert np.isfinite(paper).all()
    assert distance(ours, paper, PROBLEM.x0) <= case.tolerance


@pytest.mark.parametrize("case", TWINS, ids=by_name)
def test_the_path_is_that_of_the_twin_or_parts_from_it_as_was_measured(case, x64):
    ours = our_path(case.build(case.rate), PROBLEM)
    with jax.numpy_dtype_promotion("standard"):
        twin = our_path(case.build_twin(case.rate), PROBLEM)
    apart = distance(ours, twin, PROBLEM.x0)
    if case.differs:
        assert apart == pytest.approx(case.twin_distance, rel=0.02), case.differs
    else:
        assert apart <= case.tolerance


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_every_optimizer_keeps_the_contract(case):
    assert_contract(case.build)
