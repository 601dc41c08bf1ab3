"""What theory says of step sizes from the curvature."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from walks import descent

import jdescent as jd
from experiments.common.papers import step_size as papers
from experiments.common.problem import Problem, distance, paper_path
from experiments.common.walking import our_path

A = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
MINIMUM = np.array([1.0, -2.0, 0.5])
ALL = {
    "adgd": (jd.adgd, papers.adgd, {}),
    "barzilai_borwein long": (
        jd.barzilai_borwein,
        papers.barzilai_borwein,
        {"variant": "long"},
    ),
    "barzilai_borwein short": (
        jd.barzilai_borwein,
        papers.barzilai_borwein,
        {"variant": "short"},
    ),
    "steepest_descent": (jd.steepest_descent, papers.steepest_descent, {}),
}


def quadratic(x):
    return 0.5 * (x - MINIMUM) @ A @ (x - MINIMUM)


@pytest.mark.parametrize("name", ALL)
def test_on_one_loss_the_path_is_that_of_the_paper(name, x64):
    """They are made for a loss that does not change, where the secant is one."""
    ours, paper, settings = ALL[name]
    problem = Problem(steps=30)
    problem.noise[:] = 0
    path = our_path(ours(0.01, **settings), problem)
    assert distance(path, paper_path(paper, problem, lr=0.01, **settings), problem.x0) <= 1e-11


@pytest.mark.parametrize("name", ALL)
def test_no_gradient_is_no_step(name):
    ours, _, settings = ALL[name]
    path = descent(ours(0.1, **settings), quadratic, jnp.asarray(MINIMUM), steps=3)
    np.testing.assert_array_equal(path, np.tile(MINIMUM, (3, 1)))


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**80])
@pytest.mark.parametrize("name", ALL)
def test_the_path_does_not_know_the_unit_of_the_loss_though_squares_have_no_range(name, scale):
    ours, _, settings = ALL[name]
    exact = name == "steepest_descent"
    rate, scaled_rate = (1.0, 1.0) if exact else (0.1, 0.1 / scale)
    path = descent(ours(rate, **settings), quadratic, jnp.zeros(3), steps=8)
    scaled = descent(
        ours(scaled_rate, **settings), lambda x: scale * quadratic(x), jnp.zeros(3), steps=8
    )
    np.testing.assert_allclose(scaled, path, rtol=1e-4)


@pytest.mark.parametrize("first", [1e-10, 0.01, 100.0])
def test_adgd_converges_whatever_its_first_rate(first):
    """Though 1e-10·g is lost in float32: λ grows until x moves."""
    path = jd.descend(quadratic, jnp.zeros(3), jd.adgd(first), steps=400)
    assert path.loss[-1] < 1e-10


def test_adgd_neither_oversteps_the_curvature_nor_grows_faster_than_it_may(x64):
    optimizer = jd.adgd(1e-3)
    x, state, rates = jnp.zeros(3), optimizer.init(jnp.zeros(3)), [0.0]
    low, high = np.linalg.eigvalsh(A)[[0, -1]]
    for _ in range(60):
        step, state = optimizer.update(jax.grad(quadratic)(x), state, x)
        x = x + step
        rates.append(float(state.rate))
    for before, rate, after in list(zip(rates, rates[1:], rates[2:], strict=False))[1:]:
        assert after <= rate * np.sqrt(1 + rate / before) * (1 + 1e-12)
        assert after <= 1 / (2 * low)
    assert min(rates[10:]) >= 1 / (2 * high) - 1e-12


@pytest.mark.parametrize("variant", ["long", "short"])
def test_barzilai_and_borweins_second_step_is_newtons_in_one_dimension(variant, x64):
    optimizer = jd.barzilai_borwein(0.01, variant)
    path = descent(optimizer, lambda x: 7 * (x - 3) ** 2, jnp.array(0.0), steps=2)
    assert path[1] == pytest.approx(3, abs=1e-12)


def test_barzilai_and_borweins_rates_lie_between_those_of_the_curvatures(x64):
    low, high = np.linalg.eigvalsh(A)[[0, -1]]
    paths = {
        variant: descent(jd.barzilai_borwein(0.1, variant), quadratic, jnp.zeros(3), steps=12)
        for variant in ("long", "short")
    }
    for path in paths.values():
        for x, after in itertools.pairwise(path):
            g = A @ (x - MINIMUM)
            assert (
                1 / high - 1e-6 <= np.linalg.norm(after - x) / np.linalg.norm(g) <= 1 / low + 1e-6
            )


def test_steepest_descent_meets_kantorovichs_bound_at_its_worst_start(x64):
    """From x = (κ, 1) on curvatures 1 and κ the loss falls by ((κ − 1)/(κ + 1))², no faster."""
    kappa = 9.0
    path = jd.descend(
        jd.losses.bowl((1.0, kappa)), jnp.array([kappa, 1.0]), jd.steepest_descent(), steps=10
    )
    np.testing.assert_allclose(path.loss[1:] / path.loss[:-1], (8 / 10) ** 2, rtol=1e-9)


@pytest.mark.parametrize(("lr", "falls"), [(1.9, True), (2.1, False)])
def test_relaxed_steepest_descent_descends_below_twice_the_exact_step(lr, falls, x64):
    path = jd.descend(quadratic, jnp.zeros(3), jd.steepest_descent(lr), steps=1)
    assert (path.loss[1] < path.loss[0]) == falls
